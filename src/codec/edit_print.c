/* Values and keys in the language of a file. */
#include "mlops/codec/json.h"

#include <inttypes.h>
#include <math.h>

#include "doc_private.h"
#include "edit_private.h"

static FALLIBLE cannot_hold(struct edited *edited, const char *what)
{
    static const char *const names[] = {
        [LOAD_YAML] = "YAML", [LOAD_JSON] = "JSON", [LOAD_TOML] = "TOML", [LOAD_PYTHON] = "Python"};
    return error_new(ERROR_PROJECT, "%.*s: '%.*s' can't become %s: %s has none",
                     STR_FMT(edited->name), STR_FMT(edited->edit->key), what,
                     names[edited->language]);
}

static void add_real(struct buf *out, double value)
{
    struct json_writer json = {.out = out};
    json_real(&json, value);
}

static bool has_char(struct str text, const char *any)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] && strchr(any, text.at[i]))
            return true;
    return false;
}

/* A finite number, so that readers of YAML 1.1, TOML, JSON and Python all take it for a real: a
 * point with digits on both sides, a sign in the exponent. */
static void add_finite(struct buf *out, const struct doc_node *value, struct arena *arena)
{
    struct str text = value->text;
    struct str size = text.len && text.at[0] == '-' ? str_slice(text, 1, text.len) : text;
    if (!size.len || has_char(text, "_+") || size.at[0] == '.' || size.at[size.len - 1] == '.' ||
        str_find(text, STR(".e")) >= 0 || str_find(text, STR(".E")) >= 0 ||
        (size.len > 1 && size.at[0] == '0' && size.at[1] != '.')) {
        struct buf shortest = buf_in(arena);
        add_real(&shortest, value->real);
        text = buf_str(&shortest);
    }
    ptrdiff_t power = str_find_char(text, 'e');
    power = power < 0 ? str_find_char(text, 'E') : power;
    struct str mantissa = power < 0 ? text : str_slice(text, 0, (size_t)power);
    buf_add_str(out, mantissa);
    if (str_find_char(mantissa, '.') < 0)
        buf_add_text(out, ".0");
    if (power < 0)
        return;
    struct str exponent = str_slice(text, (size_t)power + 1, text.len);
    buf_add_char(out, 'e');
    if (exponent.at[0] != '-' && exponent.at[0] != '+')
        buf_add_char(out, '+');
    buf_add_str(out, exponent);
}

static FALLIBLE print_real(struct edited *edited, const struct doc_node *value, struct buf *out)
{
    static const char *const words[][2] = {[LOAD_YAML] = {".nan", ".inf"},
                                           [LOAD_JSON] = {NULL, NULL},
                                           [LOAD_TOML] = {"nan", "inf"},
                                           [LOAD_PYTHON] = {NULL, "1e999"}};
    if (isfinite(value->real)) {
        add_finite(out, value, edited->arena);
        return NULL;
    }
    const char *word = words[edited->language][isinf(value->real) != 0];
    if (!word)
        return cannot_hold(edited, "infinite or no number");
    buf_print(out, "%s%s", value->real < 0 ? "-" : "", word);
    return NULL;
}

static FALLIBLE print_integer(struct edited *edited, const struct doc_node *value, struct buf *out)
{
    if (value->kind == DOC_INT)
        buf_print(out, "%" PRId64, value->integer);
    else if (edited->language == LOAD_TOML)
        return cannot_hold(edited, "an integer of more than 64 bits");
    else
        buf_add_str(out, doc_bigint_digits(edited->arena, value->text));
    return NULL;
}

static void add_json_text(struct buf *out, struct str text)
{
    struct json_writer json = {.out = out};
    json_str(&json, text);
}

/* In double quotes with the escapes that TOML and Python share. */
static void add_escaped(struct buf *out, struct str text)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            buf_print(out, "\\%c", c);
        else if (c == '\n' || c == '\t' || c == '\r')
            buf_print(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c < 0x20 || c == 0x7F)
            buf_print(out, "\\u%04X", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static FALLIBLE print_text(struct edited *edited, struct str text, struct buf *out)
{
    if (text.len && memchr(text.at, '\0', text.len))
        return cannot_hold(edited, "a text with a NUL character");
    switch (edited->language) {
    case LOAD_JSON:
        add_json_text(out, text);
        break;
    case LOAD_TOML:
    case LOAD_PYTHON:
        add_escaped(out, text);
        break;
    case LOAD_YAML:
        if (!doc_add_text(out, text))
            return cannot_hold(edited, "a text that is no UTF-8");
        break;
    }
    return NULL;
}

static bool is_bare_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return key.len > 0;
}

FALLIBLE edit_print_key(struct edited *edited, struct str key, struct buf *out)
{
    if (edited->language != LOAD_TOML || !is_bare_key(key))
        return print_text(edited, key, out);
    buf_add_str(out, key);
    return NULL;
}

static void print_word(struct edited *edited, const struct doc_node *value, struct buf *out)
{
    bool is_python = edited->language == LOAD_PYTHON;
    if (value->kind == DOC_NULL)
        buf_add_text(out, is_python ? "None" : "null");
    else if (value->truth)
        buf_add_text(out, is_python ? "True" : "true");
    else
        buf_add_text(out, is_python ? "False" : "false");
}

static const char *pair_sign(const struct edited *edited)
{
    return edited->language == LOAD_TOML ? " = " : ": ";
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
static FALLIBLE print_items(struct edited *edited, const struct doc_node *value, struct buf *out)
{
    bool is_map = value->kind == DOC_MAP;
    buf_add_char(out, is_map ? '{' : '[');
    for (const struct doc_node *child = value->first; child; child = child->next) {
        if (child != value->first)
            buf_add_text(out, ", ");
        if (is_map) {
            TRY(edit_print_key(edited, child->key->text, out));
            buf_add_text(out, pair_sign(edited));
        }
        TRY(edit_print_value(edited, child, out));
    }
    buf_add_char(out, is_map ? '}' : ']');
    return NULL;
}

static bool is_spelled(const struct edited *edited, const struct doc_node *value)
{
    bool is_number = value->kind == DOC_INT || value->kind == DOC_BIGINT || value->kind == DOC_REAL;
    return is_number && edited->edit->node && value == edited->value && value->text.len;
}

FALLIBLE edit_print_value(struct edited *edited, const struct doc_node *value, struct buf *out)
{
    if (is_spelled(edited, value)) {
        buf_add_str(out, value->text);
        return NULL;
    }
    switch (value->kind) {
    case DOC_NULL:
        if (edited->language == LOAD_TOML)
            return cannot_hold(edited, "null");
        print_word(edited, value, out);
        return NULL;
    case DOC_BOOL:
        print_word(edited, value, out);
        return NULL;
    case DOC_INT:
    case DOC_BIGINT:
        return print_integer(edited, value, out);
    case DOC_REAL:
        return print_real(edited, value, out);
    case DOC_STR:
        return print_text(edited, value->text, out);
    case DOC_LIST:
    case DOC_MAP:
        break;
    }
    return print_items(edited, value, out);
}

FALLIBLE edit_print_below(struct edited *edited, struct str keys, struct buf *out)
{
    struct str rest = {0};
    size_t depth = 0;
    (void)edit_first_key(keys, &rest);
    while (rest.len) {
        struct str key = edit_first_key(rest, &rest);
        buf_add_char(out, '{');
        TRY(edit_print_key(edited, key, out));
        buf_add_text(out, pair_sign(edited));
        depth++;
    }
    TRY(edit_print_value(edited, edited->value, out));
    buf_add_repeated(out, '}', depth);
    return NULL;
}
