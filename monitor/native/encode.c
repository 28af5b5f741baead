/* Texts to a dictionary and the place in it of each, as Arrow numbers them: by their first appearance. */
#include <stdint.h>
#include <string.h>

/* Return the first eight bytes of a text as a word, zeros behind its end; no byte behind `end` is read. */
static uint64_t head_of(const uint8_t *bytes, int64_t length, const uint8_t *end) {
    uint64_t word = 0;
    if (end - bytes < 8) {
        memcpy(&word, bytes, (size_t)(length < 8 ? length : 8));
        return word;
    }
    memcpy(&word, bytes, 8);
    return length < 8 ? word & (((uint64_t)1 << 8 * length) - 1) : word;
}

/* One text: how it begins, its length, and the place in the dictionary plus one; 0 where there is none. */
typedef struct {
    uint64_t head;
    int32_t length, place;
} slot;

/* Number the `count` texts between successive `bounds` of the `size` bytes of `data`; return how many different ones
 * there are, or -1 where they are more than `most`. `firsts` (of `most`) is where each came first, `slots` a table of
 * `mask` + 1 empty places, more than `most` and a power of two. */
int32_t encode_texts(const uint8_t *data, int64_t size, const int32_t *bounds, int64_t count, int32_t most,
                     int32_t mask, slot *slots, int32_t *firsts, int32_t *codes) {
    const uint8_t *end = data + size;
    int32_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        const uint8_t *bytes = data + bounds[i];
        int32_t length = bounds[i + 1] - bounds[i];
        uint64_t head = head_of(bytes, length, end);
        uint64_t hash = (head ^ (uint64_t)length << 56) * 0x9E3779B97F4A7C15u;
        for (int32_t done = 8; done < length; done += 8)
            hash = ((hash ^ hash >> 32) + head_of(bytes + done, length - done, end)) * 0xBF58476D1CE4E5B9u;
        for (uint32_t at = (uint32_t)(hash >> 32);; at++) {
            slot *s = &slots[at &= (uint32_t)mask];
            if (!s->place) {
                if (found == most) return -1;
                firsts[found] = (int32_t)i;
                *s = (slot){head, length, ++found};
            } else if (s->head != head || s->length != length ||
                       (length > 8 && memcmp(data + bounds[firsts[s->place - 1]], bytes, (size_t)length))) {
                continue;
            }
            codes[i] = s->place - 1;
            break;
        }
    }
    return found;
}
