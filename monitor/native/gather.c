/* A Python list of bytes to one buffer. Python itself is asked where each of them lies, through two functions of its
 * stable interface that the caller hands in, so nothing is assumed about its objects, and no headers are needed. */
#include <stdint.h>
#include <string.h>

enum { AHEAD = 8, LINE = 64, MOST_LINES = 8 };

/* Put where each of the `count` bytes of a list begin to `begins`, and where they will end behind each other to
 * `bounds`, whose first is 0; return their sum, or -1 where one is no bytes or the sum is more than 2^31 - 1. The
 * interpreter's lock is held; the function that says so has set the error. */
int64_t gather_places(void *list, int64_t count, void *(*item_at)(void *, intptr_t),
                      int (*bytes_of)(void *, char **, intptr_t *), const char **begins, int32_t *bounds) {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++) {
        char *begin;
        intptr_t length;
        void *item = item_at(list, (intptr_t)i);
        if (!item || bytes_of(item, &begin, &length) || length > INT32_MAX - sum) return -1;
        begins[i] = begin;
        bounds[i + 1] = (int32_t)(sum += length);
    }
    return sum;
}

/* Copy them behind each other. They lie anywhere, so those that come next are asked for some time before. */
void gather_copy(const char *const *begins, const int32_t *bounds, int64_t count, char *to) {
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            const char *next = begins[i + AHEAD];
            int32_t length = bounds[i + AHEAD + 1] - bounds[i + AHEAD];
            for (int32_t done = 0; done < length && done < MOST_LINES * LINE; done += LINE)
                __builtin_prefetch(next + done);
        }
        memcpy(to + bounds[i], begins[i], (size_t)(bounds[i + 1] - bounds[i]));
    }
}
