#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "diff_private.h"

static const double INTEGRAL_MOST = 9007199254740992.0; /* 2^53: integers below are exact */
static const double DECIMAL_MOST = 1e15;                /* see decimal_delta() */

struct held {
    const struct metric *metric;
    struct str stage;
};

/* The contents carry no value: the first metric of a name counts, and numbers are compared here. */
static void collect(struct arena *scratch, const struct run_view *view, enum diff_side side,
                    struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct metric_vec *metrics = &view->stages[i].metrics;
        for (size_t j = 0; j < metrics->len; j++) {
            const struct metric *metric = &metrics->at[j];
            struct str name = variants_name(scratch, metric->file, metric->key);
            struct held *held = arena_new(scratch, struct held);
            *held = (struct held){metric, view->stages[i].stage};
            variants_add(scratch, variants_place(scratch, ret, name), side,
                         (struct variant){.item = held});
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
        ret->delta = nan("");
        ret->delta_text = STR("");
    }
}

/* The first guide of a metric; one that names its file goes before those of any file. */
static const struct diff_guide *guide_of(const struct diff_wish *wish, struct str file,
                                         struct str key)
{
    const struct diff_guide *found = NULL;
    for (size_t i = 0; i < wish->guide_count; i++) {
        const struct diff_guide *guide = &wish->guides[i];
        if (!str_equal(guide->key, key))
            continue;
        if (str_equal(guide->file, file))
            return guide;
        found = !found && !guide->file.len ? guide : found;
    }
    return found;
}

/* Undefined is worse than any number. */
static enum diff_judgement judge(const struct diff_metric *row)
{
    bool had = !isnan(row->before_value), has = !isnan(row->after_value);
    bool is_other = row->change == DIFF_CHANGED && (had || has);
    if (!is_other || row->direction == DIRECTION_UNKNOWN)
        return DIFF_NEITHER;
    if (had != has)
        return has ? DIFF_BETTER : DIFF_WORSE;
    if (row->before_value == row->after_value)
        return DIFF_NEITHER;
    bool is_more = row->after_value > row->before_value;
    return is_more == (row->direction == HIGHER_IS_BETTER) ? DIFF_BETTER : DIFF_WORSE;
}

static struct diff_metric make_row(struct arena *arena, const struct diff_wish *wish,
                                   enum diff_change change, const struct held *before,
                                   const struct held *after)
{
    const struct held *any = after ? after : before;
    check(any);
    const struct metric *old = before ? before->metric : NULL, *new = after ? after->metric : NULL;
    const struct diff_guide *guide = guide_of(wish, any->metric->file, any->metric->key);
    struct diff_metric row = {
        .change = change,
        .stage = any->stage,
        .file = any->metric->file,
        .key = any->metric->key,
        .before = old ? old->text : STR(""),
        .after = new ? new->text : STR(""),
        .before_value = old ? old->value : nan(""),
        .after_value = new ? new->value : nan(""),
        .delta = nan(""),
        .direction = guide ? guide->direction : DIRECTION_UNKNOWN,
        .is_main = guide && guide->is_main,
        .is_detail = !guide &&guide_of(wish, any->metric->file, (struct str){0}),
        .low = nan(""),
        .high = nan(""),
        .p = nan(""),
        .p_holm = nan(""),
    };
    if (!row.direction)
        row.direction = metric_direction_of(row.key);
    if (old && new)
        set_delta(arena, old, new, &row);
    bool is_text = (old && old->is_text) || (new &&new->is_text);
    row.judgement = is_text ? DIFF_NEITHER : judge(&row);
    return row;
}

static int compare_rows(const void *a, const void *b)
{
    const struct diff_metric *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

static bool has_main(const struct diff_wish *wish)
{
    for (size_t i = 0; i < wish->guide_count; i++)
        if (wish->guides[i].is_main)
            return true;
    return false;
}

/* The first by name is told. */
static void note_same(const struct diff_metric *row, struct run_diff *ret)
{
    if (row->change != DIFF_SAME || !row->is_main)
        return;
    if (!ret->main_same_count++ || compare_rows(row, &ret->first_main_same) < 0)
        ret->first_main_same = *row;
}

void diff_add_metrics(struct arena *arena, const struct run_view *before,
                      const struct run_view *after, const struct diff_wish *wish,
                      struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map names = {0};
    bool any_is_main = !has_main(wish);
    collect(&scratch, before, SIDE_BEFORE, &names);
    collect(&scratch, after, SIDE_AFTER, &names);
    ret->metric_count = (int64_t)names.len;
    map_each (entry, &names) {
        const void *items[SIDE_COUNT];
        enum diff_change change = variants_compare(entry->value, items);
        const struct held *old = items[SIDE_BEFORE], *new = items[SIDE_AFTER];
        if (change == DIFF_SAME && !metric_equal(old->metric, new->metric))
            change = DIFF_CHANGED;
        if (!wish->all && change == DIFF_SAME && any_is_main)
            continue;
        struct diff_metric row = make_row(arena, wish, change, old, new);
        note_same(&row, ret);
        row.is_main = row.is_main || (any_is_main && row.direction != DIRECTION_UNKNOWN);
        if (wish->all || change != DIFF_SAME)
            *vec_push(arena, &ret->metrics) = row;
    }
    vec_sort(&ret->metrics, compare_rows);
}
