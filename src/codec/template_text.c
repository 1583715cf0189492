/* Values as text: in the middle of a text, and as arguments of a command. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/template.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc_private.h"

void template_add_unescaped(struct buf *out, struct str text)
{
    struct str rest = text;
    ptrdiff_t found;
    while ((found = str_find(rest, STR("\\${"))) >= 0) {
        buf_add_str(out, str_slice(rest, 0, (size_t)found));
        rest = str_slice(rest, (size_t)found + 1, rest.len);
        buf_add_str(out, str_slice(rest, 0, 2));
        rest = str_slice(rest, 2, rest.len);
    }
    buf_add_str(out, rest);
}

enum { REAL_DIGITS_MOST = 17, POINT_LEAST = -4, POINT_MOST = 16 };

/* "1.25e-05" with as few digits as read back equal. */
static void shortest(double value, char *out, size_t size)
{
    for (int digits = 0; digits < REAL_DIGITS_MOST; digits++) {
        (void)snprintf(out, size, "%.*e", digits, value);
        if (digits + 1 == REAL_DIGITS_MOST ||
            !(strtod(out, NULL) < value || strtod(out, NULL) > value))
            return;
    }
}

/* Python's float_repr_style "short": a power from 1e16 on and below 1e-4. */
static void add_real(struct buf *out, double value)
{
    char text[64];
    if (isnan(value) || isinf(value)) {
        buf_add_text(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    shortest(value, text, sizeof text);
    char *power_at = strchr(text, 'e');
    check(power_at);
    int power = (int)strtol(power_at + 1, NULL, 10);
    if (power < POINT_LEAST || power >= POINT_MOST) {
        buf_add_text(out, text); /* the power has two digits at least, as in Python */
        return;
    }
    int digits = (int)(power_at - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
    int decimals = MAX_OF(digits - 1 - power, 1);
    buf_print(out, "%.*f", decimals, value);
}

void template_add_text(struct buf *out, const struct doc_node *scalar, struct arena *scratch)
{
    switch (scalar->kind) {
    case DOC_NULL:
        buf_add_text(out, "None");
        break;
    case DOC_BOOL:
        buf_add_text(out, scalar->truth ? "true" : "false");
        break;
    case DOC_INT:
        buf_print(out, "%" PRId64, scalar->integer);
        break;
    case DOC_BIGINT:
        buf_add_str(out, doc_bigint_digits(scratch, scalar->text));
        break;
    case DOC_REAL:
        add_real(out, scalar->real);
        break;
    case DOC_STR:
        buf_add_str(out, scalar->text);
        break;
    case DOC_LIST:
    case DOC_MAP:
        break;
    }
}

struct str template_text(struct arena *arena, const struct doc_node *scalar)
{
    if (scalar->kind == DOC_STR)
        return scalar->text;
    struct buf out = buf_in(arena);
    template_add_text(&out, scalar, arena);
    return buf_str(&out);
}

/* As Python's shlex.quote. */
static void add_quoted(struct buf *out, struct str text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%+=:,./-_";
    size_t safe = 0;
    while (safe < text.len && memchr(plain, text.at[safe], sizeof plain - 1))
        safe++;
    if (text.len && safe == text.len) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\'')
            buf_add_text(out, "'\"'\"'");
        else
            buf_add_char(out, text.at[i]);
    }
    buf_add_char(out, '\'');
}

struct arguments {
    struct buf *out;
    const struct template_arguments *options;
    struct arena *scratch;
};

static void add_word(struct arguments *to, const char *before, struct str name)
{
    if (to->out->len && to->out->at[to->out->len - 1] != ' ')
        buf_add_char(to->out, ' ');
    buf_print(to->out, "%s%.*s", before, STR_FMT(name));
}

/* A value behind its option; a truth is written as Python does. */
static void add_value(struct arguments *to, const struct doc_node *value)
{
    buf_add_char(to->out, ' ');
    if (value->kind == DOC_STR)
        add_quoted(to->out, value->text);
    else if (value->kind == DOC_BOOL)
        buf_add_text(to->out, value->truth ? "True" : "False");
    else
        template_add_text(to->out, value, to->scratch);
}

static const struct doc_node *add_list(struct arguments *to, struct str name,
                                       const struct doc_node *list)
{
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind == DOC_LIST || item->kind == DOC_MAP)
            return item;
        if (item == list->first || to->options->list_appends)
            add_word(to, "--", name);
        add_value(to, item);
    }
    return NULL;
}

static const struct doc_node *add_map(struct arguments *to, struct str prefix,
                                      const struct doc_node *map);

static const struct doc_node *add_argument(struct arguments *to, struct str name,
                                           const struct doc_node *value)
{
    if (value->kind == DOC_MAP)
        return add_map(to, name, value);
    if (value->kind == DOC_LIST)
        return add_list(to, name, value);
    if (value->kind != DOC_BOOL) {
        add_word(to, "--", name);
        add_value(to, value);
    } else if (value->truth) {
        add_word(to, "--", name);
    } else if (to->options->bool_is_optional) {
        add_word(to, "--no-", name);
    }
    return NULL;
}

/* Recursion is bounded by LIMIT_DOCUMENT_DEPTH. */
static const struct doc_node *add_map(struct arguments *to, struct str prefix,
                                      const struct doc_node *map)
{
    for (const struct doc_node *child = map->first; child; child = child->next) {
        struct str name = template_text(to->scratch, child->key);
        if (prefix.len)
            name = str_print(to->scratch, "%.*s.%.*s", STR_FMT(prefix), STR_FMT(name));
        const struct doc_node *fault = add_argument(to, name, child);
        if (fault)
            return fault;
    }
    return NULL;
}

const struct doc_node *template_add_arguments(struct buf *out, const struct doc_node *map,
                                              const struct template_arguments *options,
                                              struct arena *scratch)
{
    AUTO(buf_drop) struct buf own = {0}; /* `out` may end in anything */
    struct arguments to = {&own, options, scratch};
    const struct doc_node *fault = add_map(&to, (struct str){0}, map);
    buf_add_str(out, str_trim(buf_str(&own)));
    return fault;
}
