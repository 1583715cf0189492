#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "lockfile_private.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool lock_add_key(struct buf *out, struct str key)
{
    size_t len_before = out->len;
    if (!doc_add_text(out, key))
        return false;
    if (out->len - len_before > LOCK_KEY_BYTES) {
        out->len = len_before;
        return false;
    }
    buf_add_char(out, ':');
    return true;
}

/* The shortest decimal form that reads back as the same double, never one of an integer. */
static void add_real(struct buf *out, double value)
{
    char text[40];
    if (isnan(value) || isinf(value)) {
        buf_add_text(out, isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof back) == 0)
            break;
    }
    buf_add_text(out, text);
    if (!strpbrk(text, ".e"))
        buf_add_text(out, ".0");
}

static size_t skip_digits(struct str text, size_t at)
{
    while (at < text.len && is_digit(text.at[at]))
        at++;
    return at;
}

/* [-+]? digits (. digits)? (e [-+]? digits)?: read as a number by every YAML and JSON. */
static bool is_number(struct str text)
{
    size_t at = text.len && (text.at[0] == '-' || text.at[0] == '+');
    size_t from = at;
    at = skip_digits(text, at);
    if (at == from || (text.at[from] == '0' && at - from > 1))
        return false;
    if (at < text.len && text.at[at] == '.') {
        from = ++at;
        at = skip_digits(text, at);
        if (at == from)
            return false;
    }
    if (at < text.len && (text.at[at] == 'e' || text.at[at] == 'E')) {
        at++;
        at += at < text.len && (text.at[at] == '-' || text.at[at] == '+');
        from = at;
        at = skip_digits(text, at);
        if (at == from)
            return false;
    }
    return at == text.len;
}

void lock_add_number(struct buf *out, struct str text, double value)
{
    if (is_number(text))
        buf_add_str(out, text);
    else if (value >= -1e15 && value <= 1e15 && nearbyint(value) >= value &&
             nearbyint(value) <= value)
        buf_print(out, "%.0f", value);
    else
        add_real(out, value);
}

static bool add_item(struct buf *out, struct canon_reader *reader, int depth);

static bool add_list(struct buf *out, struct canon_reader *reader, int depth)
{
    size_t count = 0;
    struct error *error = canon_read_list(reader, &count);
    error_drop(error);
    if (error)
        return false;
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_text(out, ", ");
        if (!add_item(out, reader, depth + 1))
            return false;
    }
    buf_add_char(out, ']');
    return true;
}

static bool add_flow_key(struct buf *out, struct canon_reader *reader, struct str *previous)
{
    struct str key = {0};
    struct error *error = canon_read_key(reader, previous, &key);
    error_drop(error);
    if (error)
        return false;
    size_t len_before = out->len;
    if (!doc_add_quoted(out, key) || out->len - len_before > LOCK_KEY_BYTES)
        return false;
    buf_add_text(out, ": ");
    return true;
}

static bool add_map(struct buf *out, struct canon_reader *reader, int depth)
{
    size_t count = 0;
    struct str previous = {0};
    struct error *error = canon_read_map(reader, &count);
    error_drop(error);
    if (error)
        return false;
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_text(out, ", ");
        if (!add_flow_key(out, reader, &previous) || !add_item(out, reader, depth + 1))
            return false;
    }
    buf_add_char(out, '}');
    return true;
}

static FALLIBLE add_number(struct buf *out, struct canon_reader *reader)
{
    int64_t integer = 0;
    double real = 0;
    struct str digits = {0};
    if (canon_next(reader) == CANON_INT) {
        TRY(canon_read_int(reader, &integer));
        buf_print(out, "%lld", (long long)integer);
    } else if (canon_next(reader) == CANON_REAL) {
        TRY(canon_read_real(reader, &real));
        add_real(out, real);
    } else {
        TRY(canon_read_bigint(reader, &digits));
        buf_add_str(out, digits);
    }
    return NULL;
}

static FALLIBLE add_word(struct buf *out, struct canon_reader *reader)
{
    bool truth = false;
    if (canon_next(reader) == CANON_NULL) {
        TRY(canon_read_null(reader));
        buf_add_text(out, "null");
        return NULL;
    }
    TRY(canon_read_bool(reader, &truth));
    buf_add_text(out, truth ? "true" : "false");
    return NULL;
}

/* Inside lists and maps (depth > 0) strings are always quoted. */
static bool add_string(struct buf *out, struct canon_reader *reader, int depth)
{
    struct str text = {0};
    struct error *error = canon_read_str(reader, &text);
    error_drop(error);
    if (error)
        return false;
    return depth ? doc_add_quoted(out, text) : doc_add_text(out, text);
}

static bool succeeded(struct error *error)
{
    error_drop(error);
    return !error;
}

/* Recursion is bounded by LOCK_VALUE_DEPTH. */
static bool add_item(struct buf *out, struct canon_reader *reader, int depth)
{
    if (depth > LOCK_VALUE_DEPTH)
        return false;
    switch (canon_next(reader)) {
    case CANON_NULL:
    case CANON_BOOL:
        return succeeded(add_word(out, reader));
    case CANON_INT:
    case CANON_REAL:
    case CANON_BIGINT:
        return succeeded(add_number(out, reader));
    case CANON_STR:
        return add_string(out, reader, depth);
    case CANON_LIST:
        return add_list(out, reader, depth);
    case CANON_MAP:
        return add_map(out, reader, depth);
    case CANON_DIGEST:
    case CANON_END:
        break;
    }
    return false;
}

bool lock_add_value(struct buf *out, struct str encoded)
{
    size_t len_before = out->len;
    struct canon_reader reader = canon_reader_of(encoded);
    if (add_item(out, &reader, 0) && canon_next(&reader) == CANON_END)
        return true;
    out->len = len_before;
    return false;
}
