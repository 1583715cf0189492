#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc_private.h"
#include "json_private.h"

enum { JSON_DEPTH_MOST = 128, JSON_INDENT = 2 };

static bool is_in_object(const struct json_writer *json)
{
    unsigned level = (unsigned)json->depth - 1;
    return json->depth > 0 && (json->object_bits[level / 64] >> level % 64 & 1);
}

static void new_line(struct json_writer *json)
{
    if (!json->indent)
        return;
    buf_add_char(json->out, '\n');
    buf_add_repeated(json->out, ' ', (size_t)json->depth * JSON_INDENT);
}

/* Comma and line before an item of a list or a name. */
static void begin_item(struct json_writer *json)
{
    if (!json->depth)
        return;
    if (json->needs_comma)
        buf_add_char(json->out, ',');
    new_line(json);
    json->needs_comma = true;
}

static void begin_value(struct json_writer *json)
{
    check(json->after_name == is_in_object(json)); /* a value in an object follows its name */
    if (!json->after_name)
        begin_item(json);
    json->after_name = false;
}

static void open_level(struct json_writer *json, char bracket, bool is_object)
{
    begin_value(json);
    check(json->depth < JSON_DEPTH_MOST);
    buf_add_char(json->out, bracket);
    uint64_t bit = UINT64_C(1) << (unsigned)json->depth % 64;
    uint64_t *bits = &json->object_bits[(unsigned)json->depth / 64];
    *bits = is_object ? *bits | bit : *bits & ~bit;
    json->depth++;
    json->needs_comma = false;
}

static void close_level(struct json_writer *json, char bracket, bool is_object)
{
    check(json->depth > 0 && !json->after_name && is_in_object(json) == is_object);
    json->depth--;
    if (json->needs_comma)
        new_line(json);
    buf_add_char(json->out, bracket);
    json->needs_comma = true;
}

void json_open_object(struct json_writer *json)
{
    open_level(json, '{', true);
}

void json_close_object(struct json_writer *json)
{
    close_level(json, '}', true);
}

void json_open_list(struct json_writer *json)
{
    open_level(json, '[', false);
}

void json_close_list(struct json_writer *json)
{
    close_level(json, ']', false);
}

/* Characters that must be escaped, or that a terminal or an editor would act upon. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || code == '"' || code == '\\' || (code >= 0x7F && code < 0xA0) ||
           code == 0x061C || (code >= 0x200B && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x2069) ||
           code == 0xFEFF;
}

static void add_escape(struct buf *out, uint32_t code)
{
    static const char codes[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = code < 0x80 ? memchr(codes, (int)code, sizeof codes - 1) : NULL;
    if (found)
        buf_print(out, "\\%c", letters[found - codes]);
    else
        buf_print(out, "\\u%04x", (unsigned)code);
}

static void add_quoted(struct buf *out, struct str text)
{
    size_t from = 0;
    buf_add_char(out, '"');
    for (size_t at = 0; at < text.len;) {
        uint32_t code = (unsigned char)text.at[at];
        size_t used = code < 0x80 ? 1 : utf8_decode(text.at + at, text.len - at, &code);
        if (used && !needs_escape(code)) {
            at += used;
            continue;
        }
        buf_add(out, text.at + from, at - from);
        if (used)
            add_escape(out, code);
        else
            buf_add_text(out, "\xEF\xBF\xBD"); /* U+FFFD */
        at += used ? used : 1;
        from = at;
    }
    if (from < text.len)
        buf_add(out, text.at + from, text.len - from);
    buf_add_char(out, '"');
}

void json_name_str(struct json_writer *json, struct str name)
{
    check(is_in_object(json) && !json->after_name);
    begin_item(json);
    add_quoted(json->out, name);
    buf_add_text(json->out, json->indent ? ": " : ":");
    json->after_name = true;
}

void json_name(struct json_writer *json, const char *name)
{
    json_name_str(json, str_of(name));
}

void json_raw(struct json_writer *json, struct str value)
{
    begin_value(json);
    buf_add_str(json->out, value);
}

void json_null(struct json_writer *json)
{
    json_raw(json, STR("null"));
}

void json_bool(struct json_writer *json, bool value)
{
    json_raw(json, value ? STR("true") : STR("false"));
}

void json_int(struct json_writer *json, int64_t value)
{
    begin_value(json);
    buf_print(json->out, "%" PRId64, value);
}

void json_real(struct json_writer *json, double value)
{
    char text[32] = "null";
    for (int digits = 15; digits <= 17 && isfinite(value); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double read = strtod(text, NULL);
        if (read >= value && read <= value)
            break;
    }
    json_raw(json, str_of(text));
}

void json_str(struct json_writer *json, struct str value)
{
    begin_value(json);
    add_quoted(json->out, value);
}

void json_text(struct json_writer *json, const char *value)
{
    if (value)
        json_str(json, str_of(value));
    else
        json_null(json);
}

static void write_number(struct json_writer *json, const struct doc_node *node)
{
    AUTO(arena_drop) struct arena scratch = {0};
    bool is_real = false;
    if (json_number_len(node->text, &is_real) == node->text.len && node->text.len)
        json_raw(json, node->text);
    else if (node->kind == DOC_INT)
        json_int(json, node->integer);
    else if (node->kind == DOC_REAL)
        json_real(json, node->real);
    else
        json_raw(json, doc_bigint_digits(&scratch, node->text));
}

static void write_list(struct json_writer *json, const struct doc_node *node)
{
    json_open_list(json);
    for (const struct doc_node *item = node->first; item; item = item->next)
        json_node(json, item);
    json_close_list(json);
}

static void write_map(struct json_writer *json, const struct doc_node *node)
{
    json_open_object(json);
    for (const struct doc_node *child = node->first; child; child = child->next) {
        json_name_str(json, child->key->text);
        json_node(json, child);
    }
    json_close_object(json);
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
void json_node(struct json_writer *json, const struct doc_node *node)
{
    switch (node->kind) {
    case DOC_NULL:
        json_null(json);
        break;
    case DOC_BOOL:
        json_bool(json, node->truth);
        break;
    case DOC_INT:
    case DOC_BIGINT:
    case DOC_REAL:
        write_number(json, node);
        break;
    case DOC_STR:
        json_str(json, node->text);
        break;
    case DOC_LIST:
        write_list(json, node);
        break;
    case DOC_MAP:
        write_map(json, node);
        break;
    }
}
