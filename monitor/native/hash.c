/* The hashes of monitor/hashing.py and the registers of monitor/accumulators/distinct.py, bit by bit the same. */
#include <stdint.h>
#include <string.h>

/* What this library was built from, so that one left behind by an older source is known for what it is. */
const char *native_source = SOURCE_DIGEST;

static uint64_t mix(uint64_t word) {
    uint64_t z = word + 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void hash_numbers(const double *values, int64_t count, uint64_t *hashes) {
    for (int64_t i = 0; i < count; i++) {
        double value = values[i] + 0.0; /* -0.0 is 0.0 */
        uint64_t word;
        memcpy(&word, &value, sizeof word);
        hashes[i] = mix(word);
    }
}

static uint64_t hash_text(const uint8_t *bytes, int64_t length) {
    uint64_t hash = mix((uint64_t)length), word;
    for (; length >= 8; bytes += 8, length -= 8) {
        memcpy(&word, bytes, 8);
        hash = mix(hash ^ word);
    }
    if (!length) return hash;
    word = 0;
    for (int64_t i = 0; i < length; i++) word |= (uint64_t)bytes[i] << 8 * i;
    return mix(hash ^ word);
}

/* Hash the texts between successive bounds, 4 or 8 bytes `wide`; those longer than `longest` are left out. */
void hash_texts(const uint8_t *data, const void *bounds, int32_t wide, int64_t count, int64_t longest, uint64_t *hashes) {
    const int32_t *narrow = bounds;
    const int64_t *broad = bounds;
    for (int64_t i = 0; i < count; i++) {
        int64_t begin = wide == 8 ? broad[i] : narrow[i], end = wide == 8 ? broad[i + 1] : narrow[i + 1];
        if (end - begin <= longest) hashes[i] = hash_text(data + begin, end - begin);
    }
}

/* Raise the register that a hash's 12 highest bits name to the place of the first 1 among the 52 others. */
void fold_registers(const uint64_t *hashes, int64_t count, uint8_t *registers) {
    for (int64_t i = 0; i < count; i++) {
        uint64_t rest = hashes[i] << 12;
        uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : 53;
        uint8_t *reg = &registers[hashes[i] >> 52];
        if (rank > *reg) *reg = rank;
    }
}
