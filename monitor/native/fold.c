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

/* Return where each part lies of six arrays in a row. */
static parts parts_at(double *block, int64_t groups) {
    return (parts){(int64_t *)block,    block + groups,     block + 2 * groups,
                   block + 3 * groups, block + 4 * groups, block + 5 * groups};
}

/* Put what the parts `before` are together with `count` values into `after`; return 0 where a sum exceeds a double,
 * else 1. `whole` is what group 0 has: smallest, largest, mean, sum of deviations from it, and of their squares.
 * `codes` has `dims` arrays. `spare` has room for ten numbers a group. */
int32_t fold_moments(const double *x, int64_t count, const int32_t *const *codes, int64_t dims, int64_t step,
                     int64_t groups, const double *whole, double *before, double *after, double *spare) {
    parts a = parts_at(before, groups), b = parts_at(spare, groups), out = parts_at(after, groups);
    double *mean = b.mean, *rest = b.rest, *second = b.m2, *low = b.low, *high = b.high;
    double *sums = spare + 6 * groups, *first = sums + groups, *inner = first + groups;
    memset(spare, 0, 8 * (size_t)groups * sizeof *spare);
    for (int64_t g = 0; g < groups; g++) low[g] = INFINITY, high[g] = -INFINITY;
    for (int64_t d = 0; d < dims; d++) add_extents(x, codes[d], count, step, groups, &b, sums, inner);
    for (int64_t g = 1; g < groups; g++) {
        double middle = sums[g] / (double)(b.n[g] > 1 ? b.n[g] : 1);
        if (!isfinite(middle)) return 0;
        middle = middle < low[g] ? low[g] : middle;
        mean[g] = b.n[g] ? (middle > high[g] ? high[g] : middle) : 0.0;
    }
    for (int64_t d = 0; d < dims; d++) add_deviations(x, codes[d], count, step, groups, mean, first, second, inner);
    b.n[0] = count, low[0] = whole[0], high[0] = whole[1], mean[0] = whole[2];
    first[0] = whole[3], second[0] = whole[4];
    for (int64_t g = 0; g < groups; g++) {
        rest[g] = isfinite(first[g]) ? first[g] / (double)(b.n[g] > 1 ? b.n[g] : 1) : 0.0;
        double m2 = second[g] - (double)b.n[g] * (rest[g] * rest[g]);
        second[g] = isfinite(second[g]) ? (m2 > 0 ? m2 : 0.0) : INFINITY;
        merge_group(&a, &b, &out, g);
    }
    return 1;
}

#define CHUNK 1024

/* Return how many of the cuts, of which there are fewer than 2^depth with infinity behind them, lie at or below it. */
static int32_t cell_of(double value, const double *cuts, int32_t depth) {
    int32_t place = 0;
    for (int32_t bit = depth - 1; bit >= 0; bit--) place += (value >= cuts[((1 << bit) - 1) + place]) << bit;
    return place;
}

/* Add to the counts (groups x cells) in which cell each value lies, and to the sums, which are 0, the values in units of
 * 2^64. Group 0 is summed at once, the others in blocks. `spare` has room for all cells of all groups. */
void fold_cells(const double *x, int64_t count, const int32_t *const *codes, int64_t dims, int64_t step,
                const double *cuts, int32_t depth, int64_t groups, int64_t cells, int64_t *counts, double *sums,
                double *spare) {
    for (int64_t start = 0; start < count; start += step) {
        int64_t end = count - start < step ? count : start + step;
        memset(spare, 0, (size_t)(groups * cells) * sizeof *spare);
        for (int64_t from = start; from < end; from += CHUNK) {
            int64_t size = end - from < CHUNK ? end - from : CHUNK;
            int32_t found[CHUNK];
            double weights[CHUNK];
            for (int64_t i = 0; i < size; i++) {
                found[i] = cell_of(x[from + i], cuts, depth);
                weights[i] = x[from + i] / 0x1p64;
                counts[found[i]]++;
                sums[found[i]] += weights[i];
            }
            for (int64_t d = 0; d < dims; d++) {
                for (int64_t i = 0; i < size; i++) {
                    int64_t at = codes[d][from + i] * cells + found[i];
                    counts[at]++;
                    spare[at] += weights[i];
                }
            }
        }
        for (int64_t i = cells; i < groups * cells; i++) sums[i] += spare[i];
    }
}
