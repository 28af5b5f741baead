/* Damaged records for what is written in C, each in buffers of exactly its size, to be run under sanitizers.
 *
 * `native SECONDS RECORDS SEED` damages sound records until either is reached and prints how many were taken and how
 * many refused; `native overrun` must be caught by AddressSanitizer, and `native wrong` by what is required here. Compiled with -DLIBFUZZER by clang it is a target of libFuzzer.
 */
#include "scan.c" /* first: it asks the C library for more than the standard */
#include "encode.c"
#include "fold.c"
#include "gather.c"
#include "hash.c"
#include <stdio.h>
#include <time.h>

enum { NUMBERS = 3, TEXTS = 4, OBJECTS = 3, LEAVES = NUMBERS + TEXTS, MEMBERS = LEAVES + OBJECTS - 1, ROWS = 4 };
enum { MAX_BYTES = 2048, STRANGERS = 6, DIFFERENT = 3, SLOTS = 16, MAX_DEPTH = 6 };

static const char names[] = "amountbagecountryname_of_the_merchantébinside\0\0\0\0\0\0\0\0";
/* object, name, length, kind, leaf, slot */
static const member members[MEMBERS] = {
    {0, 0, 6, NUMBER, 0, 0},  {0, 6, 1, TEXT, 1, 0},     {0, 7, 3, NUMBER, 2, 1}, {0, 10, 7, OBJECT, -1, 1},
    {1, 10, 7, TEXT, 3, 1},   {1, 17, 20, BOOLEAN, 4, 2}, {0, 37, 2, TEXT, 5, 3},  {1, 40, 6, OBJECT, -1, 2},
    {2, 6, 1, NUMBER, 6, 2},
};

static const char *const sound[] = {
    "{\"amount\":12.5,\"b\":\"text\",\"age\":-3e2,\"country\":{\"country\":\"DE\",\"name_of_the_merchant\":true},\"é\":\"ü\"}",
    "{ \"b\" : \"a longer text of \\u0041 \\ud83d\\ude00 \\n and more\" , \"country\" : { \"inside\" : { \"b\" : 0.1 } } }",
    "{\"age\":12345678901234567890.123e-7,\"amount\":1e308,\"strange\":[1,{\"deep\":[[[]]]},null],\"b\":null}",
    "{\"country\":{\"inside\":{\"b\":1},\"country\":\"\\\"\\\\\\/\"},\"amount\":\"no number\",\"\":{},\"b\":\"\"}",
    "{\"amount\":0,\"age\":-0.0,\"b\":\"12345678\",\"é\":\"123456789\",\"country\":null,\"x\":true,\"y\":false,\"z\":[]}",
};
static const char *const shards[] = {
    "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "\\ud83d", "\\ude00", "\\u0000", "null", "true", "false", "-", "1e",
    "1e400", "0.", "00", "99999999999999999999", "\"b\":", "\"country\":{", "\"inside\":{", "\"amount\":", "\xc3",
    "\xf0\x9f\x98\x80", "\xff", "\x01", " ", "\n", "\"name_of_the_merchant\":tru", "0.30000000000000004", "e+22", "{\"\":",
};
enum { SOUND = sizeof sound / sizeof *sound, SHARDS = sizeof shards / sizeof *shards };

#define REQUIRE(what) \
    do { \
        if (!(what)) { fprintf(stderr, "not so: %s (line %d)\n", #what, __LINE__); abort(); } \
    } while (0)

static long taken, refused; /* records, so that the caller sees that there were enough of both */

static void *exactly(const void *from, size_t bytes) {
    uint8_t *to = malloc(bytes ? bytes : 1);
    if (!to) abort();
    if (from) memcpy(to, from, bytes);
    else memset(to, 0, bytes);
    return to;
}

/* Copy out, hash and encode the texts of one column. */
static void use_texts(const uint8_t *data, int64_t size, const int32_t *begins, const int32_t *lengths) {
    int32_t bounds[ROWS + 1] = {0}, firsts[DIFFERENT], codes[ROWS];
    uint64_t hashes[ROWS];
    slot slots[SLOTS] = {0};
    for (int i = 0; i < ROWS; i++) bounds[i + 1] = bounds[i] + (lengths[i] < 0 ? ~lengths[i] : lengths[i]);
    uint8_t *copy = exactly(NULL, (size_t)bounds[ROWS]);
    scan_copy(data, size, begins, lengths, ROWS, copy, bounds[ROWS]);
    hash_texts(copy, bounds, 4, ROWS, 256, hashes);
    int32_t n = encode_texts(copy, bounds[ROWS], bounds, ROWS, DIFFERENT, SLOTS - 1, slots, firsts, codes);
    REQUIRE(n >= -1 && n <= DIFFERENT);
    for (int i = 0; i < ROWS && n >= 0; i++) REQUIRE(codes[i] >= 0 && codes[i] < n);
    free(copy);
}

/* Fold the numbers of one column into three groups, and into four cells of each, in blocks of three rows. */
static void use_numbers(const double *numbers) {
    const int32_t given[ROWS] = {2, 1, 2, 2};
    const double cuts[4] = {-1, 0, 1, INFINITY}, whole[5] = {numbers[0], numbers[0], numbers[0], 0, 0};
    int32_t *codes = exactly(given, sizeof given);
    const int32_t *const dimensions[] = {codes};
    double *x = exactly(numbers, ROWS * 8), *kept_cuts = exactly(cuts, sizeof cuts), *before = exactly(NULL, 18 * 8);
    double *after = exactly(NULL, 18 * 8), *spare = exactly(NULL, 30 * 8), *sums = exactly(NULL, 12 * 8);
    int64_t *counts = exactly(NULL, 12 * 8), total = 0;
    if (fold_moments(x, ROWS, dimensions, 1, 3, 3, whole, before, after, spare)) {
        const int64_t *n = (const int64_t *)after;
        REQUIRE(n[0] == ROWS && n[1] == 1 && n[2] == 3);
    }
    fold_cells(x, ROWS, dimensions, 1, 3, kept_cuts, 2, 3, 4, counts, sums, spare);
    for (int i = 0; i < 12; i++) total += counts[i];
    REQUIRE(total == 2 * ROWS);
    void *all[] = {codes, x, kept_cuts, before, after, spare, sums, counts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* What stands for Python's bytes, in a list; it is told by a negative length that it is no bytes. */
typedef struct {
    char *begin;
    intptr_t length;
} item;

static void *item_at(void *list, intptr_t at) { return ((item **)list)[at]; }

static int bytes_of(void *object, char **begin, intptr_t *length) {
    *begin = ((item *)object)->begin;
    return (*length = ((item *)object)->length) < 0 ? -1 : 0;
}

/* Put the records between successive bounds together again, each of them in a buffer of its own. */
static void use_list(const uint8_t *data, const int32_t *bounds) {
    item *list[ROWS];
    const char *begins[ROWS];
    int32_t *found = exactly(NULL, (ROWS + 1) * 4);
    for (int i = 0; i < ROWS; i++) {
        item one = {exactly(data + bounds[i], (size_t)(bounds[i + 1] - bounds[i])), bounds[i + 1] - bounds[i]};
        list[i] = exactly(&one, sizeof one);
    }
    int64_t sum = gather_places(list, ROWS, item_at, bytes_of, begins, found);
    REQUIRE(sum == bounds[ROWS]);
    char *copy = exactly(NULL, (size_t)sum);
    gather_copy(begins, found, ROWS, copy);
    REQUIRE(!memcmp(copy, data, (size_t)sum) && !memcmp(found, bounds, (ROWS + 1) * 4));
    list[1]->length = INT32_MAX;
    REQUIRE(gather_places(list, ROWS, item_at, bytes_of, begins, found) == (bounds[1] || bounds[4] > bounds[2] ? -1 : INT32_MAX));
    list[1]->length = -1;
    REQUIRE(gather_places(list, ROWS, item_at, bytes_of, begins, found) == -1);
    for (int i = 0; i < ROWS; i++) {
        free(list[i]->begin);
        free(list[i]);
    }
    free(found);
    free(copy);
}

/* Read `size` bytes as four records, cut where bytes of their own say, with everything in buffers of its exact size. */
static void read_all(const uint8_t *bytes, size_t size, int32_t beyond) {
    int32_t *buckets = exactly(NULL, 32 * sizeof *buckets), *followers = exactly(NULL, (MEMBERS + OBJECTS) * 4);
    for (int i = 0; i < 32; i++) buckets[i] = -1;
    for (int i = 0; i < MEMBERS + OBJECTS; i++) followers[i] = -1;
    uint8_t *kept_names = exactly(names, sizeof names - 1);
    member *kept_members = exactly(members, sizeof members);
    layout plan = {kept_names, kept_members, buckets, followers, 31, MEMBERS, MAX_DEPTH};
    scan_prepare(&plan, buckets);
    int32_t *bounds = exactly(NULL, (ROWS + 1) * 4), last = (int32_t)size;
    bounds[ROWS] = last + beyond;
    int row = 1;
    for (int32_t i = 0; i < last && row < ROWS; i++) /* as a rule, one record to a line */
        if (bytes[i] == '\n' && (i + 1 < last && bytes[i + 1] == '{')) bounds[row++] = i;
    while (row < ROWS) bounds[row++] = last;
    uint8_t *data = exactly(bytes, size), *sampled = exactly(NULL, ROWS), *status = exactly(NULL, ROWS);
    uint8_t *presence = exactly(NULL, LEAVES * ROWS);
    double *numbers = exactly(NULL, NUMBERS * ROWS * 8);
    int32_t *begins = exactly(NULL, TEXTS * ROWS * 4), *lengths = exactly(NULL, TEXTS * ROWS * 4);
    int64_t *seen = exactly(NULL, OBJECTS * 8);
    int32_t *strange[3];
    for (int i = 0; i < 3; i++) strange[i] = exactly(NULL, STRANGERS * 4);
    memset(presence, ABSENT, LEAVES * ROWS);
    memset(sampled, 1, ROWS);
    table out = {data,    bounds,  sampled, ROWS,       status,     presence,   numbers, begins,
                 lengths, seen,    strange[0], strange[1], strange[2], 0,          STRANGERS};
    scan_records(&plan, &out);
    for (int i = 0; i < ROWS; i++) status[i] == ODD ? refused++ : taken++;
    REQUIRE(out.stranger_count <= STRANGERS);
    for (int32_t i = 0; i < out.stranger_count; i++)
        REQUIRE(strange[1][i] >= 0 && strange[2][i] >= 0 && strange[1][i] + strange[2][i] <= last);
    for (int cell = 0; cell < TEXTS * ROWS; cell++) {
        int32_t length = lengths[cell] < 0 ? ~lengths[cell] : lengths[cell];
        if (status[cell % ROWS] == ODD) begins[cell] = lengths[cell] = 0;
        else REQUIRE(length == 0 || (begins[cell] >= bounds[cell % ROWS] && begins[cell] + length <= bounds[cell % ROWS + 1]));
    }
    for (int i = 0; i < LEAVES * ROWS; i++) REQUIRE(presence[i] <= WRONG_TYPE);
    for (int column = 0; column < TEXTS; column++) use_texts(data, last, begins + column * ROWS, lengths + column * ROWS);
    for (int column = 0; column < NUMBERS; column++) use_numbers(numbers + column * ROWS);
    if (!beyond) use_list(data, bounds);
    uint64_t hashes[ROWS];
    uint8_t *registers = exactly(NULL, 4096);
    hash_numbers(numbers, ROWS, hashes);
    fold_registers(hashes, ROWS, registers);
    for (int i = 0; i < 3; i++) free(strange[i]);
    void *all[] = {buckets, followers, kept_names, kept_members, bounds, data,    sampled,
                   status,  presence,  numbers,    begins,       lengths, seen, registers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size <= MAX_BYTES) read_all(bytes, size, 0);
    return 0;
}
#else

static uint64_t state;

static uint32_t below(uint32_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % n);
}

/* Put bytes into the text at a place, over or between what is there; return its new size. */
static size_t put(uint8_t *bytes, size_t size, const void *from, size_t length) {
    size_t at = below((uint32_t)size + 1), over = below(2) ? 0 : below((uint32_t)(size - at) + 1) % 9;
    if (size - over + length > MAX_BYTES) return size;
    memmove(bytes + at + length, bytes + at + over, size - at - over);
    memcpy(bytes + at, from, length);
    return size - over + length;
}

static size_t damaged(uint8_t *bytes, size_t size) {
    uint8_t part[64];
    for (uint32_t blows = below(6); blows; blows--) {
        uint32_t how = below(8);
        const char *shard = shards[below(SHARDS)];
        if (how < 3) {
            size = put(bytes, size, shard, strlen(shard));
        } else if (how == 3 && size) {
            bytes[below((uint32_t)size)] ^= (uint8_t)(1 << below(8));
        } else if (how == 4 && size) {
            size = below((uint32_t)size + 1);
        } else if (how == 5) {
            size = put(bytes, size, "", 0);
        } else if (how == 6 && size) {
            size_t at = below((uint32_t)size), length = size - at < sizeof part ? size - at : sizeof part;
            memcpy(part, bytes + at, length);
            size = put(bytes, size, part, length);
        } else if (size) {
            bytes[below((uint32_t)size)] = (uint8_t)below(256);
        }
    }
    return size;
}

int main(int count, char **words) {
    uint8_t bytes[MAX_BYTES];
    if (count == 2 && !strcmp(words[1], "overrun")) {
        read_all((const uint8_t *)"{\"b\":\"cut of", 12, 1);
        return 0;
    }
    if (count == 2 && !strcmp(words[1], "wrong")) REQUIRE(!"a thing that is so");
    if (count != 4) return 2;
    time_t until = time(NULL) + atol(words[1]);
    long records = atol(words[2]), done = 0;
    state = strtoull(words[3], NULL, 10);
    while (done < records && (done % 1024 || time(NULL) < until)) {
        size_t size = 0;
        for (uint32_t rows = 1 + below(ROWS); rows; rows--, done++) {
            const char *record = sound[below(SOUND)];
            if (size) bytes[size++] = '\n';
            if (size + strlen(record) + 1 > MAX_BYTES) break;
            memcpy(bytes + size, record, strlen(record));
            size += strlen(record);
        }
        read_all(bytes, damaged(bytes, size), 0);
    }
    printf("%ld %ld\n", taken, refused);
    return 0;
}
#endif
