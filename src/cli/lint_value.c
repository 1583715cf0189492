#include "mlops/base/buf.h"

#include <ctype.h>
#include <math.h>

#include "lint_private.h"

/* As Python's json module prints it, so that 1.0 stays apart from 1. */
static void print_real(struct json_writer *json, double value)
{
    if (!isfinite(value)) {
        json_open_object(json);
        json_name(json, "__float__");
        json_text(json, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        json_close_object(json);
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    struct json_writer writer = {.out = &text};
    json_real(&writer, value);
    if (!memchr(text.at, '.', text.len) && !memchr(text.at, 'e', text.len))
        buf_add_text(&text, ".0");
    json_raw(json, buf_str(&text));
}

/* 0x1F... and 1_000... beyond 64 bits are no JSON; they stay text. */
static void print_bigint(struct json_writer *json, struct str text)
{
    size_t from = text.len && text.at[0] == '-';
    bool is_decimal = text.len > from && text.at[from] != '0';
    for (size_t i = from; i < text.len; i++)
        is_decimal = is_decimal && isdigit((unsigned char)text.at[i]);
    if (is_decimal)
        json_raw(json, text);
    else
        json_str(json, text);
}

/* Keys of JSON are text. */
static void print_key(struct json_writer *json, const struct doc_node *key)
{
    AUTO(buf_drop) struct buf number = {0};
    switch (key->kind) {
    case DOC_NULL:
        json_name(json, "null");
        return;
    case DOC_BOOL:
        json_name(json, key->truth ? "true" : "false");
        return;
    case DOC_INT:
        buf_print(&number, "%lld", (long long)key->integer);
        json_name_str(json, buf_str(&number));
        return;
    case DOC_BIGINT:
    case DOC_REAL:
    case DOC_STR:
    case DOC_LIST:
    case DOC_MAP:
        json_name_str(json, key->text);
    }
}

static void print_map(struct json_writer *json, const struct doc_node *node)
{
    json_open_object(json);
    for (const struct doc_node *item = node->first; item; item = item->next) {
        print_key(json, item->key);
        lint_print_value(json, item);
    }
    json_close_object(json);
}

static void print_list(struct json_writer *json, const struct doc_node *node)
{
    json_open_list(json);
    for (const struct doc_node *item = node->first; item; item = item->next)
        lint_print_value(json, item);
    json_close_list(json);
}

/* Nests no deeper than LIMIT_DOCUMENT_DEPTH. */
void lint_print_value(struct json_writer *json, const struct doc_node *node)
{
    switch (node->kind) {
    case DOC_NULL:
        json_null(json);
        return;
    case DOC_BOOL:
        json_bool(json, node->truth);
        return;
    case DOC_INT:
        json_int(json, node->integer);
        return;
    case DOC_BIGINT:
        print_bigint(json, node->text);
        return;
    case DOC_REAL:
        print_real(json, node->real);
        return;
    case DOC_STR:
        json_str(json, node->text);
        return;
    case DOC_LIST:
        print_list(json, node);
        return;
    case DOC_MAP:
        print_map(json, node);
    }
}
