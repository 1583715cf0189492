#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"

#include <math.h>

#include "recipe_private.h"
#include "stored_private.h"

#define ELLIPSIS STR("\xE2\x80\xA6")

/* How much is shown in front of the first difference of two long texts. */
enum { LEAD_BYTES = 40 };

/* Up to `len`, but not into a character of several bytes. */
static size_t boundary(struct str text, size_t len)
{
    while (len && len < text.len && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return len;
}

/* The text from `from` on, with an ellipsis wherever something is left out. */
static struct str clip_from(struct arena *arena, struct str text, size_t from)
{
    size_t most = (size_t)LIMIT_SHOWN_BYTES;
    struct str lead = from ? ELLIPSIS : STR("");
    struct str rest = str_slice(text, from, text.len);
    if (lead.len + rest.len <= most)
        return str_print(arena, "%.*s%.*s", STR_FMT(lead), STR_FMT(rest));
    rest = str_slice(rest, 0, boundary(rest, most - lead.len - ELLIPSIS.len));
    return str_print(arena, "%.*s%.*s%.*s", STR_FMT(lead), STR_FMT(rest), STR_FMT(ELLIPSIS));
}

struct str recipe_clip(struct arena *arena, struct str text)
{
    return text.len <= (size_t)LIMIT_SHOWN_BYTES ? text : clip_from(arena, text, 0);
}

void recipe_clip_pair(struct arena *arena, struct str before, struct str after,
                      struct str *ret_before, struct str *ret_after)
{
    struct str shown_before = recipe_clip(arena, before);
    struct str shown_after = recipe_clip(arena, after);
    if (str_equal(shown_before, shown_after)) {
        size_t same = 0;
        while (same < before.len && same < after.len && before.at[same] == after.at[same])
            same++;
        size_t from = boundary(before, same > LEAD_BYTES ? same - LEAD_BYTES : 0);
        shown_before = clip_from(arena, before, from);
        shown_after = clip_from(arena, after, from);
    }
    *ret_before = shown_before;
    *ret_after = shown_after;
}

/* JSON has no words for what is not finite. */
static void show_real(double value, struct json_writer *json)
{
    if (isnan(value))
        json_raw(json, STR("NaN"));
    else if (isinf(value))
        json_raw(json, value > 0 ? STR("Infinity") : STR("-Infinity"));
    else
        json_real(json, value);
}

static FALLIBLE show_digest(struct canon_reader *reader, struct json_writer *json)
{
    char hex[DIGEST_HEX_LEN + 1];
    struct digest digest;
    TRY(canon_read_digest(reader, &digest));
    digest_print(digest, hex);
    json_text(json, hex);
    return NULL;
}

static FALLIBLE show_text(struct canon_reader *reader, size_t bytes_most, struct json_writer *json)
{
    bool is_number = canon_next(reader) == CANON_BIGINT;
    struct str text = {0};
    TRY(is_number ? canon_read_bigint(reader, &text) : canon_read_str(reader, &text));
    if (is_number)
        json_raw(json, text);
    else
        json_str(json, str_slice(text, 0, boundary(text, MIN_OF(text.len, bytes_most))));
    return NULL;
}

/* Lists and maps that are open while a value is shown. */
struct open_values {
    struct {
        size_t left;
        bool is_map;
        struct str key;
    } at[128]; /* LIMIT_CANON_DEPTH, which canon_read_item() has seen to */
    size_t depth;
};

static FALLIBLE show_open(struct canon_reader *reader, struct json_writer *json,
                          struct open_values *open)
{
    bool is_map = canon_next(reader) == CANON_MAP;
    size_t left = 0;
    TRY(is_map ? canon_read_map(reader, &left) : canon_read_list(reader, &left));
    if (open->depth == COUNT_OF(open->at))
        return stored_damaged("it is nested too deep");
    if (is_map)
        json_open_object(json);
    else
        json_open_list(json);
    open->at[open->depth].left = left;
    open->at[open->depth].is_map = is_map;
    open->at[open->depth++].key = (struct str){0};
    return NULL;
}

static FALLIBLE show_item(struct canon_reader *reader, size_t bytes_most, struct json_writer *json,
                          struct open_values *open)
{
    bool truth = false;
    int64_t integer = 0;
    double real = 0;
    switch (canon_next(reader)) {
    case CANON_NULL:
        TRY(canon_read_null(reader));
        json_null(json);
        break;
    case CANON_BOOL:
        TRY(canon_read_bool(reader, &truth));
        json_bool(json, truth);
        break;
    case CANON_INT:
        TRY(canon_read_int(reader, &integer));
        json_int(json, integer);
        break;
    case CANON_REAL:
        TRY(canon_read_real(reader, &real));
        show_real(real, json);
        break;
    case CANON_BIGINT:
    case CANON_STR:
        return show_text(reader, bytes_most, json);
    case CANON_DIGEST:
        return show_digest(reader, json);
    case CANON_LIST:
    case CANON_MAP:
        return show_open(reader, json, open);
    case CANON_END:
        return stored_damaged("an item is missing");
    }
    return NULL;
}

/* Closes what is complete and names what comes next in a map. */
static FALLIBLE show_next(struct canon_reader *reader, struct json_writer *json,
                          struct open_values *open)
{
    while (open->depth && !open->at[open->depth - 1].left) {
        if (open->at[--open->depth].is_map)
            json_close_object(json);
        else
            json_close_list(json);
    }
    if (!open->depth)
        return NULL;
    open->at[open->depth - 1].left--;
    if (!open->at[open->depth - 1].is_map)
        return NULL;
    struct str name = {0};
    TRY(canon_read_key(reader, &open->at[open->depth - 1].key, &name));
    json_name_str(json, name);
    return NULL;
}

static FALLIBLE show_value(struct str encoded, size_t bytes_most, struct buf *out)
{
    struct canon_reader reader = canon_reader_of(encoded);
    struct json_writer json = {.out = out};
    struct open_values open = {.depth = 0};
    size_t from = out->len;
    do {
        TRY(show_item(&reader, bytes_most, &json, &open));
        TRY(show_next(&reader, &json, &open));
    } while (open.depth && out->len - from <= bytes_most);
    return NULL;
}

void recipe_show_json(struct str encoded, size_t bytes_most, struct buf *out)
{
    error_drop(show_value(encoded, bytes_most, out)); /* what was readable is shown */
}

struct str recipe_show(struct arena *arena, struct str encoded)
{
    struct canon_reader reader = canon_reader_of(encoded);
    if (canon_next(&reader) == CANON_STR) {
        struct str text = {0};
        error_drop(canon_read_str(&reader, &text));
        return recipe_clip(arena, text);
    }
    struct buf out = buf_in(arena);
    recipe_show_json(encoded, (size_t)LIMIT_SHOWN_BYTES, &out);
    return recipe_clip(arena, buf_str(&out));
}
