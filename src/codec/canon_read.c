#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <math.h>

#include "canon_private.h"

struct canon_reader canon_reader_of(struct str bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    return (struct canon_reader){at, at ? at + bytes.len : at};
}

static size_t left(const struct canon_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

enum canon_kind canon_next(const struct canon_reader *reader)
{
    static const unsigned char kinds[256] = {
        ['n'] = CANON_NULL, ['t'] = CANON_BOOL,   ['f'] = CANON_BOOL, ['i'] = CANON_INT,
        ['r'] = CANON_REAL, ['g'] = CANON_BIGINT, ['s'] = CANON_STR,  ['h'] = CANON_DIGEST,
        ['l'] = CANON_LIST, ['m'] = CANON_MAP,
    };
    return left(reader) ? (enum canon_kind)kinds[*reader->at] : CANON_END;
}

static FALLIBLE damaged(const char *what)
{
    return error_new(ERROR_STORED, "stored data is damaged: %s", what);
}

static const char *kind_name(enum canon_kind kind)
{
    static const char *const names[] = {
        [CANON_END] = "nothing",    [CANON_NULL] = "null",       [CANON_BOOL] = "a truth value",
        [CANON_INT] = "an integer", [CANON_REAL] = "a number",   [CANON_BIGINT] = "a big integer",
        [CANON_STR] = "a string",   [CANON_DIGEST] = "a digest", [CANON_LIST] = "a list",
        [CANON_MAP] = "a map",
    };
    return names[kind];
}

/* Consumes the tag of an item of this kind. */
static FALLIBLE take_tag(struct canon_reader *reader, enum canon_kind kind)
{
    enum canon_kind found = canon_next(reader);
    if (found != kind)
        return error_new(ERROR_STORED, "stored data is damaged: %s expected, %s found",
                         kind_name(kind), kind_name(found));
    reader->at++;
    return NULL;
}

static FALLIBLE take_count(struct canon_reader *reader, size_t *ret)
{
    uint64_t count = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (!left(reader))
            return damaged("a length is cut off");
        unsigned char byte = *reader->at++;
        if (shift == 63 && byte > 1)
            return damaged("a length is out of range");
        count |= (uint64_t)(byte & 0x7F) << shift;
        if (byte & 0x80)
            continue;
        if (byte == 0 && shift)
            return damaged("a length is not in its shortest form");
        if (count > left(reader))
            return damaged("a length runs past the end");
        *ret = (size_t)count;
        return NULL;
    }
}

static FALLIBLE take_eight(struct canon_reader *reader, enum canon_kind kind, uint64_t *ret)
{
    TRY(take_tag(reader, kind));
    if (left(reader) < 8)
        return damaged("a number is cut off");
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | *reader->at++;
    *ret = value;
    return NULL;
}

static FALLIBLE take_bytes(struct canon_reader *reader, enum canon_kind kind, struct str *ret)
{
    TRY(take_tag(reader, kind));
    size_t len = 0;
    TRY(take_count(reader, &len));
    *ret = (struct str){(const char *)reader->at, len};
    reader->at += len;
    return NULL;
}

FALLIBLE canon_read_null(struct canon_reader *reader)
{
    return take_tag(reader, CANON_NULL);
}

FALLIBLE canon_read_bool(struct canon_reader *reader, bool *ret)
{
    TRY(take_tag(reader, CANON_BOOL));
    *ret = reader->at[-1] == 't';
    return NULL;
}

FALLIBLE canon_read_int(struct canon_reader *reader, int64_t *ret)
{
    uint64_t bits = 0;
    TRY(take_eight(reader, CANON_INT, &bits));
    memcpy(ret, &bits, sizeof bits);
    return NULL;
}

FALLIBLE canon_read_real(struct canon_reader *reader, double *ret)
{
    if (canon_next(reader) == CANON_INT) {
        int64_t value = 0;
        TRY(canon_read_int(reader, &value));
        *ret = (double)value;
        return NULL;
    }
    uint64_t bits = 0;
    TRY(take_eight(reader, CANON_REAL, &bits));
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    if (canon_is_integral(value) || (isnan(value) && bits != CANON_QUIET_NAN))
        return damaged("a number is not in its canonical form");
    *ret = value;
    return NULL;
}

FALLIBLE canon_read_bigint(struct canon_reader *reader, struct str *ret_digits)
{
    struct str digits = {0};
    TRY(take_bytes(reader, CANON_BIGINT, &digits));
    if (!canon_is_plain_integer(digits))
        return damaged("a big integer is not in its canonical form");
    *ret_digits = digits;
    return NULL;
}

FALLIBLE canon_read_str(struct canon_reader *reader, struct str *ret)
{
    return take_bytes(reader, CANON_STR, ret);
}

FALLIBLE canon_read_digest(struct canon_reader *reader, struct digest *ret)
{
    TRY(take_tag(reader, CANON_DIGEST));
    if (left(reader) < sizeof ret->at)
        return damaged("a digest is cut off");
    memcpy(ret->at, reader->at, sizeof ret->at);
    reader->at += sizeof ret->at;
    return NULL;
}

FALLIBLE canon_read_list(struct canon_reader *reader, size_t *ret_count)
{
    TRY(take_tag(reader, CANON_LIST));
    return take_count(reader, ret_count);
}

FALLIBLE canon_read_map(struct canon_reader *reader, size_t *ret_count)
{
    TRY(take_tag(reader, CANON_MAP));
    return take_count(reader, ret_count);
}

FALLIBLE canon_read_key(struct canon_reader *reader, struct str *previous, struct str *ret)
{
    struct str key = {0};
    TRY(canon_read_str(reader, &key));
    if (previous->at && str_compare(*previous, key) >= 0)
        return damaged("the keys of a map are not in ascending order");
    *previous = key;
    *ret = key;
    return NULL;
}

enum { OPEN_MOST = 128 }; /* room for LIMIT_CANON_DEPTH, which is no constant expression in C17 */

/* An open list or map while passing over an item. */
struct open_item {
    size_t items_left;
    bool is_map;
    struct str key; /* the last one */
};

static FALLIBLE skip_scalar(struct canon_reader *reader, enum canon_kind kind)
{
    bool truth = false;
    int64_t integer = 0;
    double real = 0;
    struct str text = {0};
    struct digest digest;
    switch (kind) {
    case CANON_NULL:
        return canon_read_null(reader);
    case CANON_BOOL:
        return canon_read_bool(reader, &truth);
    case CANON_INT:
        return canon_read_int(reader, &integer);
    case CANON_REAL:
        return canon_read_real(reader, &real);
    case CANON_BIGINT:
        return canon_read_bigint(reader, &text);
    case CANON_STR:
        return canon_read_str(reader, &text);
    case CANON_DIGEST:
        return canon_read_digest(reader, &digest);
    case CANON_LIST:
    case CANON_MAP:
    case CANON_END:
        break;
    }
    return damaged("an item is missing or of unknown kind");
}

/* Passes over a scalar, or over the head of a list or map, which it opens at *depth. */
static FALLIBLE skip_step(struct canon_reader *reader, struct open_item *open, size_t *depth)
{
    enum canon_kind kind = canon_next(reader);
    if (kind != CANON_LIST && kind != CANON_MAP)
        return skip_scalar(reader, kind);
    if (*depth == (size_t)LIMIT_CANON_DEPTH)
        return damaged("it is nested too deep");
    struct open_item item = {.is_map = kind == CANON_MAP};
    TRY(item.is_map ? canon_read_map(reader, &item.items_left)
                    : canon_read_list(reader, &item.items_left));
    open[(*depth)++] = item;
    return NULL;
}

FALLIBLE canon_read_item(struct canon_reader *reader, struct str *ret)
{
    check(LIMIT_CANON_DEPTH <= OPEN_MOST);
    const unsigned char *from = reader->at;
    struct open_item open[OPEN_MOST];
    size_t depth = 0;
    TRY(skip_step(reader, open, &depth));
    while (depth) {
        struct open_item *item = &open[depth - 1];
        struct str key = {0};
        if (item->items_left == 0) {
            depth--;
            continue;
        }
        item->items_left--;
        if (item->is_map)
            TRY(canon_read_key(reader, &item->key, &key));
        TRY(skip_step(reader, open, &depth));
    }
    *ret = (struct str){(const char *)from, (size_t)(reader->at - from)};
    return NULL;
}

/* Length of the tag without the digits of its version. */
static size_t family_len(struct str tag)
{
    size_t len = tag.len;
    while (len && tag.at[len - 1] >= '0' && tag.at[len - 1] <= '9')
        len--;
    return len;
}

/* Versions are decimal without leading zeros: the longer is the higher. */
static bool is_newer(struct str found, struct str known)
{
    size_t len = family_len(known);
    if (family_len(found) != len || !str_starts(found, str_slice(known, 0, len)))
        return false;
    return found.len != known.len ? found.len > known.len : str_compare(found, known) > 0;
}

FALLIBLE canon_expect_tag(struct canon_reader *reader, struct str tag)
{
    struct str found = {0};
    TRY(canon_read_str(reader, &found));
    if (str_equal(found, tag))
        return NULL;
    if (is_newer(found, tag))
        return error_hint(error_new(ERROR_STORED,
                                    "written by a newer version of mlops: '%.*s', known is '%.*s'",
                                    STR_FMT(str_slice(found, 0, 64)), STR_FMT(tag)),
                          "use that version, or a later one");
    return error_new(ERROR_STORED, "stored data is damaged: '%.*s' expected, '%.*s' found",
                     STR_FMT(tag), STR_FMT(str_slice(found, 0, 64)));
}

FALLIBLE canon_expect_end(const struct canon_reader *reader)
{
    return left(reader) ? damaged("something follows its end") : NULL;
}
