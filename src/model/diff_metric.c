#include "mlops/base/arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "diff_private.h"

static const double INTEGRAL_MOST = 9007199254740992.0; /* 2^53: integers below are exact */
static const double DECIMAL_MOST = 1e15;                /* see decimal_delta() */

/* The contents carry no value: the first metric of a name counts, and numbers are compared here. */
static void collect(struct arena *scratch, const struct run_view *view, enum diff_side side,
                    struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct metric_vec *metrics = &view->stages[i].metrics;
        for (size_t j = 0; j < metrics->len; j++) {
            const struct metric *metric = &metrics->at[j];
            struct str name = variants_name(scratch, metric->file, metric->key);
            variants_add(scratch, variants_place(scratch, ret, name), side,
                         (struct variant){.item = metric});
        }
    }
}

/* A decimal number without exponent: its sign, digits without leading zeros, and digits behind the
 * point. False for other texts. */
struct decimal {
    bool is_negative;
    struct str digits; /* the integral part */
    size_t places;
    bool is_integer;
};

static bool decimal_parse(struct str text, struct decimal *ret)
{
    size_t at = text.len && (text.at[0] == '-' || text.at[0] == '+');
    struct decimal decimal = {.is_negative = at && text.at[0] == '-', .is_integer = true};
    size_t from = at;
    while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
        at++;
    if (at == from)
        return false;
    while (from < at - 1 && text.at[from] == '0')
        from++;
    decimal.digits = str_slice(text, from, at);
    if (at < text.len && text.at[at] == '.') {
        size_t point = at++;
        while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9')
            at++;
        decimal.places = at - point - 1;
        decimal.is_integer = false;
    }
    *ret = decimal;
    return at == text.len;
}

/* An integer that is known exactly, from its digits or from a double that holds them all. */
static bool exact_integer(const struct metric *metric, int64_t *ret)
{
    struct decimal decimal;
    if (decimal_parse(metric->text, &decimal) && decimal.is_integer && decimal.digits.len <= 19) {
        uint64_t magnitude = 0;
        for (size_t i = 0; i < decimal.digits.len; i++)
            magnitude = magnitude * 10 + (uint64_t)(decimal.digits.at[i] - '0');
        if (magnitude > (uint64_t)INT64_MAX + decimal.is_negative)
            return false;
        *ret = (int64_t)(decimal.is_negative ? -magnitude : magnitude);
        return true;
    }
    if (!(fabs(metric->value) < INTEGRAL_MOST) || trunc(metric->value) != metric->value)
        return false;
    *ret = (int64_t)metric->value;
    return true;
}

static bool number_equal(const struct metric *a, const struct metric *b)
{
    int64_t left = 0, right = 0;
    struct decimal one, other;
    if (exact_integer(a, &left) && exact_integer(b, &right))
        return left == right;
    if (decimal_parse(a->text, &one) && one.is_integer && decimal_parse(b->text, &other) &&
        other.is_integer)
        return one.is_negative == other.is_negative && str_equal(one.digits, other.digits);
    return (isnan(a->value) && isnan(b->value)) || a->value == b->value;
}

static bool metric_equal(const struct metric *a, const struct metric *b)
{
    if (a->is_text != b->is_text)
        return false;
    return str_equal(a->text, b->text) || (!a->is_text && number_equal(a, b));
}

/* The difference of two int64 is a sign and a uint64. */
static void integer_delta(struct arena *arena, int64_t before, int64_t after,
                          struct diff_metric *ret)
{
    bool is_less = after < before;
    uint64_t magnitude =
        is_less ? (uint64_t)before - (uint64_t)after : (uint64_t)after - (uint64_t)before;
    const char *sign = is_less ? "-" : magnitude ? "+" : "";
    ret->delta = is_less ? -(double)magnitude : (double)magnitude;
    ret->delta_text = str_print(arena, "%s%" PRIu64, sign, magnitude);
}

/* Two decimals whose digits down to the last place stay below 10^15: each double is off by at most
 * 2^-53 of itself, so rounding the difference to that place gives the exact decimal difference. */
static bool decimal_delta(struct arena *arena, const struct metric *before,
                          const struct metric *after, struct diff_metric *ret)
{
    struct decimal one, other;
    if (!decimal_parse(before->text, &one) || !decimal_parse(after->text, &other))
        return false;
    size_t places = MAX_OF(one.places, other.places);
    double most = fmax(fabs(before->value), fabs(after->value));
    if (places > 15 || most * pow(10, (double)places) >= DECIMAL_MOST)
        return false;
    ret->delta_text = str_print(arena, "%+.*f", (int)places, after->value - before->value);
    ret->delta = strtod(ret->delta_text.at, NULL);
    return true;
}

static void set_delta(struct arena *arena, const struct metric *before, const struct metric *after,
                      struct diff_metric *ret)
{
    int64_t from = 0, to = 0;
    if (before->is_text || after->is_text)
        return;
    if (exact_integer(before, &from) && exact_integer(after, &to)) {
        integer_delta(arena, from, to, ret);
        return;
    }
    if (!decimal_delta(arena, before, after, ret)) {
        ret->delta = after->value - before->value;
        if (!isnan(ret->delta))
            ret->delta_text = str_print(arena, "%+.6g", ret->delta);
    }
    if (ret->delta == 0) {
        ret->delta = 0; /* no sign */
        ret->delta_text = STR("0");
    }
    if (ret->delta == 0 && ret->change == DIFF_CHANGED) { /* below what a double can tell */
        ret->delta = (double)NAN;
        ret->delta_text = STR("");
    }
}

static struct diff_metric make_row(struct arena *arena, enum diff_change change,
                                   const struct metric *before, const struct metric *after)
{
    const struct metric *any = before ? before : after;
    struct diff_metric row = {
        .change = change,
        .file = any->file,
        .key = any->key,
        .before = before ? before->text : STR(""),
        .after = after ? after->text : STR(""),
        .before_value = before ? before->value : (double)NAN,
        .after_value = after ? after->value : (double)NAN,
        .delta = (double)NAN,
    };
    if (before && after)
        set_delta(arena, before, after, &row);
    return row;
}

static int compare_rows(const void *a, const void *b)
{
    const struct diff_metric *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

void diff_add_metrics(struct arena *arena, const struct run_view *before,
                      const struct run_view *after, bool all, struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map names = {0};
    collect(&scratch, before, SIDE_BEFORE, &names);
    collect(&scratch, after, SIDE_AFTER, &names);
    map_each (entry, &names) {
        const void *items[SIDE_COUNT];
        enum diff_change change = variants_compare(entry->value, items);
        const struct metric *old = items[SIDE_BEFORE], *new = items[SIDE_AFTER];
        if (change == DIFF_SAME && !metric_equal(old, new))
            change = DIFF_CHANGED;
        if (all || change != DIFF_SAME)
            *vec_push(arena, &ret->metrics) = make_row(arena, change, old, new);
    }
    vec_sort(&ret->metrics, compare_rows);
}
