/* What moments.py and histogram.py of monitor/accumulators add up for each group, bit by bit what numpy makes of it:
 * sums run in the order of the rows, in blocks of `step` of them. Compiled without contraction into fused operations. */
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Per group: how many values, their mean and what rounding took from it, Σ(x - mean)², the smallest and the largest. */
typedef struct {
    int64_t *n;
    double *mean, *rest, *m2, *low, *high;
} parts;

/* Add the number, the sum and the range of the values of each group of one dimension. `spare` has room for all groups. */
static void add_extents(const double *x, const int32_t *codes, int64_t count, int64_t step, int64_t groups,
                        const parts *p, double *sums, double *spare) {
    for (int64_t start = 0; start < count; start += step) {
        int64_t end = count - start < step ? count : start + step;
        memset(spare, 0, (size_t)groups * sizeof *spare);
        for (int64_t i = start; i < end; i++) {
            int32_t g = codes[i];
            double value = x[i];
            p->n[g]++;
            spare[g] += value;
            if (value < p->low[g]) p->low[g] = value;
            if (value > p->high[g]) p->high[g] = value;
        }
        for (int64_t g = 0; g < groups; g++) sums[g] += spare[g];
    }
}

/* Add the sums of x - mean and of its square of each group of one dimension. `spare` has room for all groups twice. */
static void add_deviations(const double *x, const int32_t *codes, int64_t count, int64_t step, int64_t groups,
                           const double *mean, double *first, double *second, double *spare) {
    double *inner = spare, *squares = spare + groups;
    for (int64_t start = 0; start < count; start += step) {
        int64_t end = count - start < step ? count : start + step;
        memset(spare, 0, 2 * (size_t)groups * sizeof *spare);
        for (int64_t i = start; i < end; i++) {
            int32_t g = codes[i];
            double deviation = x[i] - mean[g];
            inner[g] += deviation;
            squares[g] += deviation * deviation;
        }
        for (int64_t g = 0; g < groups; g++) first[g] += inner[g], second[g] += squares[g];
    }
}

/* Return the rounded sum and put its rounding error into `error`, 0 where that is no number. */
static double two_sum(double a, double b, double *error) {
    double total = a + b, shadow = total - a;
    double lost = (a - (total - shadow)) + (b - shadow);
    *error = isfinite(lost) ? lost : 0.0;
    return total;
}

/* Put into `out` what both sides of one group are together. */
static void merge_group(const parts *a, const parts *b, const parts *out, int64_t g) {
    int64_t n = a->n[g] + b->n[g];
    double share = (double)b->n[g] / (double)(n > 1 ? n : 1), lost, again;
    double half = (b->mean[g] / 2 - a->mean[g] / 2) + (b->rest[g] / 2 - a->rest[g] / 2);
    double mean = two_sum(two_sum(a->mean[g], half * share, &lost), half * share, &again);
    double rest = a->rest[g] + lost + again, m2 = a->m2[g] + b->m2[g];
    if (!a->n[g]) {
        mean = b->mean[g], rest = b->rest[g];
    } else if (!b->n[g]) {
        mean = a->mean[g], rest = a->rest[g];
    } else {
        m2 += 4 * (half * half) * ((double)a->n[g] * share);
    }
    out->n[g] = n, out->mean[g] = mean, out->rest[g] = rest, out->m2[g] = m2;
    out->low[g] = b->low[g] < a->low[g] ? b->low[g] : a->low[g];
    out->high[g] = b->high[g] > a->high[g] ? b->high[g] : a->high[g];
}

/* Put what `a` is together with `count` values into `out`; return 0 where a sum exceeds a double, else 1. `whole` is
 * what group 0 has: smallest, largest, mean, sum of deviations from it, and of their squares. `codes` has `dims` arrays.
 * `spare` has room for ten numbers a group. */
int32_t fold_moments(const double *x, int64_t count, const int32_t *const *codes, int64_t dims, int64_t step,
                     int64_t groups, const double *whole, const parts *a, const parts *out, double *spare) {
    double *sums = spare, *first = sums + groups, *second = first + groups, *rows = second + groups;
    parts b = {(int64_t *)rows, rows + groups, rows + 2 * groups, NULL, rows + 3 * groups, rows + 4 * groups};
    double *rest = rows + 5 * groups;
    b.m2 = second, b.rest = rest;
    memset(spare, 0, 4 * (size_t)groups * sizeof *spare);
    for (int64_t g = 0; g < groups; g++) b.low[g] = INFINITY, b.high[g] = -INFINITY;
    for (int64_t d = 0; d < dims; d++) add_extents(x, codes[d], count, step, groups, &b, sums, rest);
    for (int64_t g = 1; g < groups; g++) {
        double mean = sums[g] / (double)(b.n[g] > 1 ? b.n[g] : 1);
        if (!isfinite(mean)) return 0;
        mean = mean < b.low[g] ? b.low[g] : mean;
        b.mean[g] = b.n[g] ? (mean > b.high[g] ? b.high[g] : mean) : 0.0;
    }
    for (int64_t d = 0; d < dims; d++) add_deviations(x, codes[d], count, step, groups, b.mean, first, second, rest);
    b.n[0] = count, b.low[0] = whole[0], b.high[0] = whole[1], b.mean[0] = whole[2];
    first[0] = whole[3], second[0] = whole[4];
    for (int64_t g = 0; g < groups; g++) {
        rest[g] = isfinite(first[g]) ? first[g] / (double)(b.n[g] > 1 ? b.n[g] : 1) : 0.0;
        double m2 = second[g] - (double)b.n[g] * (rest[g] * rest[g]);
        second[g] = isfinite(second[g]) ? (m2 > 0 ? m2 : 0.0) : INFINITY;
        merge_group(a, &b, out, g);
    }
    return 1;
}
