#include "mlops/model/filter.h"

#include "mlops/base/check.h"

#include <math.h>

#include "filter_private.h"

enum answer { NO, YES, NEITHER };

char filter_fold(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool filter_is_word(struct str text, const char *lower)
{
    size_t len = strlen(lower);
    for (size_t i = 0; i < len && i < text.len; i++)
        if (filter_fold(text.at[i]) != lower[i])
            return false;
    return text.len == len;
}

static char same(char c)
{
    return c;
}

/* SQL's patterns: % any text, _ one byte of it. */
static bool is_like(struct str text, struct str pattern, char (*fold)(char))
{
    size_t t = 0, p = 0, after = SIZE_MAX, again = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '%') {
            after = ++p; /* first try to match nothing with it */
            again = t;
        } else if (p < pattern.len &&
                   (pattern.at[p] == '_' || fold(pattern.at[p]) == fold(text.at[t]))) {
            p++;
            t++;
        } else if (after != SIZE_MAX) {
            p = after;
            t = ++again;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '%')
        p++;
    return p == pattern.len;
}

static bool text_holds(struct str text, struct str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        size_t k = 0;
        while (k < part.len && filter_fold(text.at[i + k]) == filter_fold(part.at[k]))
            k++;
        if (k == part.len)
            return true;
    }
    return false;
}

/* Ids are shown by their end, commits by their beginning. */
static bool is_id(struct str id, struct str part)
{
    enum { PART_LEAST = 4 };
    if (part.len < PART_LEAST || part.len > id.len)
        return str_equal(id, part);
    bool begins = true, ends = true;
    for (size_t i = 0; i < part.len; i++) {
        char c = filter_fold(part.at[i]);
        begins = begins && filter_fold(id.at[i]) == c;
        ends = ends && filter_fold(id.at[id.len - part.len + i]) == c;
    }
    return begins || ends;
}

static bool has_word(struct str words, struct str word)
{
    struct str part;
    while (str_split(&words, ' ', &part))
        if (part.len && str_equal(part, word))
            return true;
    return false;
}

/* "True" of Python is "true" of JSON and YAML. */
static bool is_same_text(struct str text, struct str other)
{
    if (filter_is_word(text, "true"))
        return filter_is_word(other, "true");
    if (filter_is_word(text, "false"))
        return filter_is_word(other, "false");
    return str_equal(text, other);
}

static enum answer equal(enum filter_type type, const struct filter_value *value,
                         const struct filter_operand *operand)
{
    bool has_numbers = !isnan(value->number) && !isnan(operand->number);
    if (type == FILTER_MOMENT)
        return value->number >= operand->number && value->number < operand->until ? YES : NO;
    if (type == FILTER_ID)
        return is_id(value->text, operand->text) ? YES : NO;
    if (type == FILTER_WORDS)
        return has_word(value->text, operand->text) ? YES : NO;
    if (has_numbers)
        return value->number <= operand->number && value->number >= operand->number ? YES : NO;
    return is_same_text(value->text, operand->text) ? YES : NO;
}

static enum answer ordered(enum filter_verb verb, int order)
{
    switch (verb) {
    case VERB_LESS:
        return order < 0 ? YES : NO;
    case VERB_AT_MOST:
        return order <= 0 ? YES : NO;
    case VERB_MORE:
        return order > 0 ? YES : NO;
    case VERB_AT_LEAST:
        return order >= 0 ? YES : NO;
    case VERB_EQUAL:
    case VERB_UNEQUAL:
    case VERB_LIKE:
    case VERB_ILIKE:
    case VERB_HOLDS:
    case VERB_IN:
    case VERB_NULL:
        break;
    }
    return NEITHER;
}

/* A number and a text have no order. */
static enum answer compare(const struct filter_term *term, enum filter_type type,
                           const struct filter_value *value)
{
    const struct filter_operand *operand = &term->operands.at[0];
    bool is_number = !isnan(value->number), has_number = !isnan(operand->number);
    if (type == FILTER_MOMENT)
        return ordered(term->verb, value->number < operand->number  ? -1
                                   : value->number < operand->until ? 0
                                                                    : 1);
    if (is_number != has_number)
        return NEITHER;
    if (is_number)
        return ordered(term->verb,
                       (value->number > operand->number) - (value->number < operand->number));
    return ordered(term->verb, str_compare(value->text, operand->text));
}

static enum answer is_any(const struct filter_term *term, enum filter_type type,
                          const struct filter_value *value)
{
    vec_each (const struct filter_operand, operand, &term->operands)
        if (equal(type, value, operand) == YES)
            return YES;
    return NO;
}

static enum answer test(const struct filter_term *term, enum filter_type type,
                        const struct filter_value *value)
{
    const struct filter_operand *operand = term->operands.at;
    bool is_absent = isnan(value->number) && !value->text.at;
    bool is_nan = isnan(value->number) && str_is(value->text, "nan");
    if (term->verb == VERB_NULL)
        return is_absent ? YES : NO;
    if (is_absent || (is_nan && type == FILTER_ANY))
        return NEITHER;
    switch (term->verb) {
    case VERB_EQUAL:
    case VERB_IN:
        return is_any(term, type, value);
    case VERB_UNEQUAL:
        return is_any(term, type, value) == YES ? NO : YES;
    case VERB_LIKE:
        return is_like(value->text, operand->text, same) ? YES : NO;
    case VERB_ILIKE:
        return is_like(value->text, operand->text, filter_fold) ? YES : NO;
    case VERB_HOLDS:
        return text_holds(value->text, operand->text) ? YES : NO;
    case VERB_LESS:
    case VERB_AT_MOST:
    case VERB_MORE:
    case VERB_AT_LEAST:
    case VERB_NULL:
        break;
    }
    return compare(term, type, value);
}

static enum answer both(enum answer a, enum answer b)
{
    return a == NO || b == NO ? NO : a == YES && b == YES ? YES : NEITHER;
}

static enum answer either(enum answer a, enum answer b)
{
    return a == YES || b == YES ? YES : a == NO && b == NO ? NO : NEITHER;
}

static enum answer negation(enum answer a)
{
    return a == YES ? NO : a == NO ? YES : NEITHER;
}

bool filter_holds(const struct filter *filter, const struct filter_value *const *columns,
                  size_t row)
{
    enum answer stack[FILTER_STACK] = {NO};
    size_t depth = 0;
    if (filter->term_count == 0)
        return true;
    for (size_t i = 0; i < filter->term_count; i++) {
        const struct filter_term *term = &filter->terms[i];
        switch (term->kind) {
        case TERM_COMPARISON:
            check(depth < FILTER_STACK);
            stack[depth++] = test(term, filter->keys.at[term->key].type, &columns[term->key][row]);
            break;
        case TERM_NOT:
            stack[depth - 1] = negation(stack[depth - 1]);
            break;
        case TERM_AND:
            depth--;
            stack[depth - 1] = both(stack[depth - 1], stack[depth]);
            break;
        case TERM_OR:
            depth--;
            stack[depth - 1] = either(stack[depth - 1], stack[depth]);
            break;
        }
    }
    check(depth == 1);
    return stack[0] == YES;
}

static int kind_order(const struct filter_value *value)
{
    return !isnan(value->number) ? 0 : value->text.at && !str_is(value->text, "nan") ? 1 : 2;
}

int filter_value_compare(const struct filter_value *a, const struct filter_value *b,
                         bool is_descending)
{
    int kind = kind_order(a), other = kind_order(b);
    if (kind != other)
        return kind - other;
    if (kind == 2)
        return 0;
    int order = kind == 0 ? (a->number > b->number) - (a->number < b->number)
                          : str_compare(a->text, b->text);
    return is_descending ? -order : order;
}
