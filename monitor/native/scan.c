/* JSON records to columns: the records that leave no question open. Any other is given back to be read elsewhere.
 *
 * One pass over the bytes, nothing allocated, nothing assumed about what stands behind a record's end: every byte is
 * compared with `end` before it is read. Read by the rules of RFC 8259, with no leniency, so that what is taken here
 * every reader of JSON takes, and to the same values; the first byte that does not fit makes the record odd.
 */
#define _GNU_SOURCE /* strtod_l */
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are searched from their lowest byte on"
#endif

typedef const uint8_t *text;

enum { CLEAN = 0, ODD = 1, WIDE = 2 };                     /* what becomes of a record; WIDE: clean, if it is UTF-8 */
enum { OK = 0, ABSENT = 1, NO_VALUE = 2, WRONG_TYPE = 3 }; /* monitor.types.Presence */
enum { NUMBER, BOOLEAN, TEXT, OBJECT };
enum { MAX_NUMBER_BYTES = 64 };

/* A name that is searched for in an object: `slot` is its column of numbers, of texts, or the object behind it. */
typedef struct {
    int32_t object, name, length, kind, leaf, slot;
} member;

/* What the records are read by; made once. `followers` is the one thing that changes: which member came last behind
 * each other one, guessed to come again; behind the members stands which one each object began with. */
typedef struct {
    text names; /* followed by eight bytes that may be read */
    const member *members;
    const int32_t *buckets; /* members by hash of object and name, -1 where there is none; open addressing */
    int32_t *followers;
    int32_t bucket_mask, member_count, max_depth;
} layout;

/* Where the columns go, each of `rows` values, one column behind the other. */
typedef struct {
    text data;
    const int32_t *bounds; /* rows + 1 */
    const uint8_t *sampled; /* of these rows the names at the top that are not searched for are wanted */
    int64_t rows;
    uint8_t *status, *presence;
    double *numbers;
    int32_t *begins, *lengths; /* of texts in `data`; the length is ~length where there are escapes in it */
    int64_t *seen;             /* for each object the last row it was in, plus one */
    int32_t *stranger_rows, *stranger_begins, *stranger_lengths;
    int32_t stranger_count, stranger_room;
} table;

typedef struct {
    const layout *plan;
    table *out;
    text end;
    int64_t row;
    int64_t saved; /* so many bytes fewer than it takes in the record has the string that was read last */
    uint8_t wide;
} reader;

static uint64_t word_at(text p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* Return whether `length` bytes are the same; up to 16 of them without a call, where eight may be read of both. */
static int same(text a, text b, int64_t length, text b_end) {
    if (length > 16 || b_end - b < 8) return !memcmp(a, b, (size_t)length);
    if (length >= 8) return word_at(a) == word_at(b) && word_at(a + length - 8) == word_at(b + length - 8);
    return length == 0 || (word_at(a) ^ word_at(b)) << (64 - 8 * length) == 0;
}

static text skip_space(text p, text end) {
    if (p < end && *p > ' ') return p;
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static int hex4(text p, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i], low = c | 0x20;
        if (c >= '0' && c <= '9') *code = *code << 4 | (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f') *code = *code << 4 | (uint32_t)(low - 'a' + 10);
        else return 0;
    }
    return 1;
}

/* Return how many bytes the escape at `p` takes, and what it means; 0 where it is none. */
static int escape(text p, text end, uint32_t *code) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t low;
    if (end - p < 2) return 0;
    if (p[1] != 'u') {
        const char *found = p[1] ? strchr(letters, p[1]) : NULL;
        if (!found) return 0;
        *code = (uint8_t)meanings[found - letters];
        return 2;
    }
    if (end - p < 6 || !hex4(p + 2, code)) return 0;
    if (*code < 0xD800 || *code > 0xDFFF) return 6;
    if (*code > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u' || !hex4(p + 8, &low)) return 0;
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

static int utf8_bytes(uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

/* Return where the string that begins at `p`, behind its quote, ends: at the closing quote. */
static text string_end(reader *r, text p) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    text end = r->end;
    r->saved = 0;
    while (p < end) {
        if (end - p >= 8) { /* the lowest bit found is right; a borrow can only add some above it */
            uint64_t w = word_at(p), quote = w ^ ones * '"', slash = w ^ ones * '\\';
            uint64_t found = (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (w - ones * 0x20) | w) & high;
            if (!found) {
                p += 8;
                continue;
            }
            p += __builtin_ctzll(found) >> 3;
        }
        if (*p == '"') return p;
        if (*p == '\\') {
            uint32_t code;
            int bytes = escape(p, end, &code);
            if (!bytes) return NULL;
            r->saved += bytes - utf8_bytes(code);
            p += bytes;
        } else if (*p < 0x20) {
            return NULL;
        } else {
            r->wide |= *p++ & 0x80;
        }
    }
    return NULL;
}

static text digits(text p, text end, uint64_t *value) {
    for (uint8_t digit; p < end && (digit = (uint8_t)(*p - '0')) < 10; p++) *value = *value * 10 + digit;
    return p;
}

/* Return the number in `begin` … `end`, rounded correctly, as the C library reads it; 0 where it is too long. */
static int slow_number(text begin, text end, double *value) {
    static locale_t plain;
    char copy[MAX_NUMBER_BYTES + 1];
    size_t length = (size_t)(end - begin);
    if (length > MAX_NUMBER_BYTES) return 0;
    if (!plain) plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return 0;
    memcpy(copy, begin, length);
    copy[length] = 0;
    *value = strtod_l(copy, NULL, plain);
    return *value - *value == 0; /* one too large for a float64 is not finite */
}

/* Return where the number at `p` ends; its value, if asked for, is the nearest float64. */
static text number_end(text p, text end, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    text begin = p, whole, last;
    uint64_t mantissa = 0, power = 0;
    int64_t exponent = 0;
    if (p < end && *p == '-') p++;
    whole = p;
    p = digits(p, end, &mantissa);
    if (p == whole || (*whole == '0' && p - whole > 1)) return NULL;
    last = p;
    if (p < end && *p == '.') {
        text fraction = ++p;
        p = last = digits(p, end, &mantissa);
        if (p == fraction) return NULL;
        exponent = fraction - p;
    }
    if (p < end && (*p | 0x20) == 'e') {
        int negative = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        text first = p;
        p = digits(p, end, &power);
        if (p == first || p - first > 4) return NULL;
        exponent += negative ? -(int64_t)power : (int64_t)power;
    }
    if (!value) return p;
    if (last - whole <= 19) { /* 18 digits and a point, or 19 digits: no more than fit into 64 bits */
        /* Both sides are exact, so one operation rounds once (Clinger 1990). */
        if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
            double exact = (double)mantissa;
            exact = exponent < 0 ? exact / powers[-exponent] : exact * powers[exponent];
            *value = *begin == '-' ? -exact : exact;
            return p;
        }
    }
    return slow_number(begin, p, value) ? p : NULL;
}

/* Return where the word at `p` ends: true, false or null. */
static text word_end(text p, text end) {
    if (end - p >= 4 && (!memcmp(p, "true", 4) || !memcmp(p, "null", 4))) return p + 4;
    return end - p >= 5 && !memcmp(p, "false", 5) ? p + 5 : NULL;
}

/* Return where the value at `p` ends, of which nothing is wanted; `depth` is how deep it stands. */
static text value_end(reader *r, text p, int32_t depth) {
    if (p == r->end) return NULL;
    if (*p == '"') {
        p = string_end(r, p + 1);
        return p ? p + 1 : NULL;
    }
    if (*p == '-' || (uint8_t)(*p - '0') < 10) return number_end(p, r->end, NULL);
    if (*p != '{' && *p != '[') return word_end(p, r->end);
    if (depth >= r->plan->max_depth) return NULL;
    uint8_t named = *p == '{', closing = *p + 2; /* { and }, [ and ] are two apart */
    p = skip_space(p + 1, r->end);
    if (p < r->end && *p == closing) return p + 1;
    for (;;) {
        if (named) {
            if (p == r->end || *p != '"' || !(p = string_end(r, p + 1))) return NULL;
            p = skip_space(p + 1, r->end);
            if (p == r->end || *p != ':') return NULL;
            p = skip_space(p + 1, r->end);
        }
        if (!(p = value_end(r, p, depth + 1))) return NULL;
        p = skip_space(p, r->end);
        if (p == r->end) return NULL;
        if (*p == closing) return p + 1;
        if (*p != ',') return NULL;
        p = skip_space(p + 1, r->end);
    }
}

static uint32_t bucket_of(text name, int64_t length, int32_t object) {
    uint64_t hash = (uint64_t)object * 0x9E3779B97F4A7C15u + (uint64_t)length;
    for (int64_t i = 0; i < length; i++) hash = (hash ^ name[i]) * 0x100000001B3u;
    return (uint32_t)(hash >> 32);
}

/* Return the member of an object that has this name, -1 where nobody asks for it. */
static int32_t find(const layout *plan, int32_t object, text name, int64_t length) {
    uint32_t at = bucket_of(name, length, object);
    for (;; at++) {
        int32_t found = plan->buckets[at &= (uint32_t)plan->bucket_mask];
        if (found < 0) return found;
        const member *m = &plan->members[found];
        if (m->object == object && m->length == length && !memcmp(plan->names + m->name, name, (size_t)length))
            return found;
    }
}

static int keep_stranger(reader *r, text begin, text end) {
    table *out = r->out;
    if (!out->sampled[r->row]) return 1;
    if (out->stranger_count == out->stranger_room) return 0;
    out->stranger_rows[out->stranger_count] = (int32_t)r->row;
    out->stranger_begins[out->stranger_count] = (int32_t)(begin - out->data);
    out->stranger_lengths[out->stranger_count++] = (int32_t)(end - begin);
    return 1;
}

static text object_end(reader *r, text p, int32_t object, int32_t depth);

/* Return where the value of a member at `p` ends, having put it into its column. */
static text member_end(reader *r, text p, const member *m, int32_t depth) {
    table *out = r->out;
    if (p == r->end) return NULL;
    if (m->kind == OBJECT) {
        if (out->seen[m->slot] == r->row + 1 || *p == '[') return NULL; /* twice, or maybe reached by an index */
        out->seen[m->slot] = r->row + 1;
        if (*p != '{') return value_end(r, p, depth);
        return depth < r->plan->max_depth ? object_end(r, p + 1, m->slot, depth + 1) : NULL;
    }
    int64_t cell = m->slot * out->rows + r->row;
    uint8_t *presence = &out->presence[m->leaf * out->rows + r->row];
    if (*presence != ABSENT) return NULL; /* the name is there twice */
    *presence = OK;
    if (m->kind == NUMBER && (*p == '-' || (uint8_t)(*p - '0') < 10)) return number_end(p, r->end, &out->numbers[cell]);
    text begin = p, end = NULL;
    if (m->kind == TEXT && *p == '"') {
        end = string_end(r, ++begin);
        p = end ? end + 1 : NULL;
    } else if (m->kind == BOOLEAN && (*p == 't' || *p == 'f')) {
        p = end = word_end(p, r->end);
        r->saved = 0;
    } else {
        *presence = *p == 'n' ? NO_VALUE : WRONG_TYPE;
        return value_end(r, p, depth);
    }
    if (!p) return NULL;
    out->begins[cell] = (int32_t)(begin - out->data);
    out->lengths[cell] = (int32_t)(end - begin - r->saved);
    if (r->saved) out->lengths[cell] = ~out->lengths[cell];
    return p;
}

/* Return where the object whose inside begins at `p` ends, having put the members that are asked for into columns. */
static text object_end(reader *r, text p, int32_t object, int32_t depth) {
    const layout *plan = r->plan;
    int32_t *follower = &plan->followers[plan->member_count + object];
    p = skip_space(p, r->end);
    if (p < r->end && *p == '}') return p + 1;
    for (;;) {
        if (p == r->end || *p != '"') return NULL;
        text name = ++p;
        int32_t found = *follower;
        const member *m = &plan->members[found < 0 ? 0 : found];
        if (found >= 0 && r->end - p > m->length && p[m->length] == '"' &&
            same(plan->names + m->name, p, m->length, r->end)) {
            p += m->length;
        } else {
            if (!(p = string_end(r, p))) return NULL;
            if (memchr(name, '\\', (size_t)(p - name))) return NULL; /* it may be another spelling of any name */
            found = find(plan, object, name, p - name);
            if (found >= 0) m = &plan->members[*follower = found];
        }
        text name_end = p;
        p = skip_space(p + 1, r->end);
        if (p == r->end || *p != ':') return NULL;
        p = skip_space(p + 1, r->end);
        if (found >= 0) {
            follower = &plan->followers[found];
            p = member_end(r, p, m, depth);
        } else {
            if (object == 0 && !keep_stranger(r, name, name_end)) return NULL;
            p = value_end(r, p, depth);
        }
        if (!p) return NULL;
        p = skip_space(p, r->end);
        if (p == r->end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
        p = skip_space(p + 1, r->end);
    }
}

/* Fill the empty buckets of a layout. */
void scan_prepare(const layout *plan, int32_t *buckets) {
    for (int32_t i = 0; i < plan->member_count; i++) {
        const member *m = &plan->members[i];
        uint32_t at = bucket_of(plan->names + m->name, m->length, m->object) & (uint32_t)plan->bucket_mask;
        while (buckets[at] >= 0) at = (at + 1) & (uint32_t)plan->bucket_mask;
        buckets[at] = i;
    }
}

/* Read all records; what an odd one has left in the columns means nothing. `presence` must be ABSENT throughout,
 * `lengths` and `seen` 0. */
void scan_records(const layout *plan, table *out) {
    for (int64_t row = 0; row < out->rows; row++) {
        reader r = {plan, out, out->data + out->bounds[row + 1], row, 0, 0};
        int32_t strangers = out->stranger_count;
        text p = skip_space(out->data + out->bounds[row], r.end);
        if (p < r.end && *p == '{' && (p = object_end(&r, p + 1, 0, 1)) && skip_space(p, r.end) == r.end) {
            out->status[row] = r.wide ? WIDE : CLEAN;
        } else {
            out->status[row] = ODD;
            out->stranger_count = strangers;
        }
    }
}

/* Copy `rows` texts of the `size` bytes of `data` to the `room` bytes of `to`, one behind the other, with their escapes
 * resolved. Sixteen bytes at once, where those behind the text may be read and will be overwritten by the next one. */
void scan_copy(text data, int64_t size, const int32_t *begins, const int32_t *lengths, int64_t rows, uint8_t *to,
               int64_t room) {
    text data_end = data + size;
    uint8_t *to_end = to + room;
    for (int64_t row = 0; row < rows; row++) {
        text from = data + begins[row];
        int32_t length = lengths[row];
        if (length >= 0) {
            if (length <= 16 && data_end - from >= 16 && to_end - to >= 16) memcpy(to, from, 16);
            else memcpy(to, from, (size_t)length);
            to += length;
            continue;
        }
        for (uint8_t *end = to + ~length; to < end;) {
            uint32_t code;
            if (*from != '\\') {
                *to++ = *from++;
                continue;
            }
            from += escape(from, from + 12, &code);
            if (code < 0x80) {
                *to++ = (uint8_t)code;
                continue;
            }
            int bytes = utf8_bytes(code);
            *to++ = (uint8_t)(0xF00 >> bytes | code >> 6 * (bytes - 1)); /* as many ones as there are bytes */
            for (int rest = bytes - 2; rest >= 0; rest--) *to++ = (uint8_t)(0x80 | (code >> 6 * rest & 0x3F));
        }
    }
}
