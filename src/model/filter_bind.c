/* What keys are compared with becomes values of the keys' types. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/schema.h"
#include "mlops/model/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter_private.h"

struct binding {
    struct arena *arena;
    const struct filter *filter;
    const struct filter_key *key;
    filter_moment_reader *read_moment;
};

bool filter_number_parse(struct str text, double *ret)
{
    enum { NUMBER_BYTES_MOST = 400 };
    char copy[NUMBER_BYTES_MOST + 1];
    char *end = copy;
    if (text.len == 0 || text.len > NUMBER_BYTES_MOST)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.at[i]) || text.at[i] == '\0')
            return false; /* nor "inf", "nan" and hexadecimal digits */
    snprintf(copy, sizeof copy, "%.*s", STR_FMT(text));
    double value = strtod(copy, &end);
    if (end != copy + text.len)
        return false;
    *ret = value;
    return true;
}

static FALLIBLE wrong(const struct binding *binding, const struct filter_operand *operand,
                      const char *what)
{
    return filter_fault(binding->filter, operand->mark, "'%.*s' is compared with %s, not '%.*s'",
                        STR_FMT(binding->key->name), what, STR_FMT(operand->text));
}

static FALLIBLE bind_moment(const struct binding *binding, struct filter_operand *operand)
{
    int64_t from = 0, until = 0;
    double number;
    if (filter_number_parse(operand->text, &number) && number >= 1e11) { /* ms, as MLflow has it */
        operand->number = number * (double)NS_PER_MS;
        operand->until = operand->number + (double)NS_PER_MS;
        return NULL;
    }
    if (!binding->read_moment(operand->text, &from, &until))
        return wrong(binding, operand, "a date (2026-11-01) or a moment (2026-11-01T13:30)");
    operand->number = (double)from;
    operand->until = (double)until;
    return NULL;
}

static FALLIBLE bind_choice(const struct binding *binding, struct filter_operand *operand)
{
    enum { CHOICES_MOST = 32 };
    const char *words[CHOICES_MOST];
    const struct filter_choice *choices = binding->key->choices;
    size_t count = 0;
    for (; choices[count].word && count < CHOICES_MOST; count++) {
        words[count] = choices[count].word;
        if (!filter_is_word(operand->text, choices[count].word))
            continue;
        operand->text = str_of(choices[count].means);
        return NULL;
    }
    const char *near = schema_suggest(operand->text, words, count);
    struct error *error =
        filter_fault(binding->filter, operand->mark, "'%.*s' is never '%.*s'%s%s%s",
                     STR_FMT(binding->key->name), STR_FMT(operand->text),
                     near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    struct buf list = buf_in(binding->arena);
    for (size_t i = 0; i < count; i++)
        buf_print(&list, "%s%s", i ? ", " : "", words[i]);
    return error_hint(error, "it is one of: %s", list.at);
}

static FALLIBLE bind_operand(const struct binding *binding, struct filter_operand *operand)
{
    int64_t amount = 0;
    switch (binding->key->type) {
    case FILTER_ANY:
        filter_number_parse(operand->text, &operand->number);
        return NULL;
    case FILTER_TEXT:
    case FILTER_ID:
    case FILTER_WORDS:
        return NULL;
    case FILTER_NUMBER:
        return filter_number_parse(operand->text, &operand->number)
                   ? NULL
                   : wrong(binding, operand, "a number");
    case FILTER_DURATION:
        if (!duration_parse(operand->text, &amount))
            return wrong(binding, operand, "a time (90s, 5m, 1.5h)");
        operand->number = (double)amount;
        return NULL;
    case FILTER_BYTES:
        if (!bytes_parse(operand->text, &amount))
            return wrong(binding, operand, "a size (4GiB, 500MB)");
        operand->number = (double)amount;
        return NULL;
    case FILTER_MOMENT:
        return bind_moment(binding, operand);
    case FILTER_CHOICE:
        break;
    }
    return bind_choice(binding, operand);
}

/* Patterns are of texts. */
static FALLIBLE check_verb(const struct binding *binding, const struct filter_term *term)
{
    enum filter_type type = binding->key->type;
    bool is_pattern =
        term->verb == VERB_LIKE || term->verb == VERB_ILIKE || term->verb == VERB_HOLDS;
    bool is_number = type == FILTER_NUMBER || type == FILTER_DURATION || type == FILTER_BYTES ||
                     type == FILTER_MOMENT;
    if (is_pattern && is_number)
        return filter_fault(binding->filter, binding->key->mark,
                            "'%.*s' is no text: 'like' and '~' are not for it",
                            STR_FMT(binding->key->name));
    return NULL;
}

static bool takes_text(const struct filter_term *term)
{
    return term->verb == VERB_LIKE || term->verb == VERB_ILIKE || term->verb == VERB_HOLDS;
}

FALLIBLE filter_bind(struct arena *arena, struct filter *filter, filter_moment_reader *read_moment)
{
    for (size_t i = 0; i < filter->term_count; i++) {
        struct filter_term *term = &filter->terms[i];
        if (term->kind != TERM_COMPARISON)
            continue;
        struct binding binding = {arena, filter, &filter->keys.at[term->key], read_moment};
        TRY(check_verb(&binding, term));
        vec_each (struct filter_operand, operand, &term->operands)
            if (!takes_text(term))
                TRY(bind_operand(&binding, operand));
    }
    return NULL;
}
