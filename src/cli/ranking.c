#include "mlops/cli/ranking.h"

#include "mlops/base/arena.h"
#include "mlops/cli/sweep.h"
#include "mlops/data/stats.h"

#include <math.h>
#include <stdlib.h>

enum { KEY_NONE = -1 };

struct str ranking_key(const struct ranking *ranking)
{
    return ranking->selection.keys.at[ranking->metric].want.quantity->key;
}

static FALLIBLE find_direction(struct ranking *ranking)
{
    enum metric_direction direction = metric_direction_of(ranking_key(ranking));
    if (ranking->wish.max && ranking->wish.min)
        return error_new(ERROR_USAGE, "--max and --min exclude each other");
    if (ranking->wish.sweep.len && str_equal(ranking->sweep.sweep.metric_key, ranking_key(ranking)))
        direction = ranking->sweep.sweep.direction;
    if (!ranking->wish.max && !ranking->wish.min && direction == DIRECTION_UNKNOWN)
        return error_hint(error_new(ERROR_USAGE,
                                    "whether more or less of '%.*s' is better is not "
                                    "known",
                                    STR_FMT(ranking_key(ranking))),
                          "say so with --max or --min");
    ranking->is_higher_better =
        ranking->wish.max || (!ranking->wish.min && direction == HIGHER_IS_BETTER);
    return NULL;
}

/* A column of the metric's own file, if it is there. */
static int find_beside(struct ranking *ranking, const char *before, const char *behind)
{
    struct arena *arena = ranking->context->arena;
    struct selection *selection = &ranking->selection;
    const struct ledger_quantity *metric = selection->keys.at[ranking->metric].want.quantity;
    struct str name = str_print(arena, "metrics.%.*s:%s%.*s%s", STR_FMT(metric->file), before,
                                STR_FMT(metric->key), behind);
    struct str key = str_print(arena, "%s%.*s%s", before, STR_FMT(metric->key), behind);
    for (size_t i = 0; i < selection->quantity_count; i++) {
        const struct ledger_quantity *other = &selection->quantities[i];
        size_t number = 0;
        if (other->is_param || !str_equal(other->key, key) || !str_equal(other->file, metric->file))
            continue;
        struct error *error = selection_key_of(selection, name, &number);
        error_drop(error);
        return error ? KEY_NONE : (int)number;
    }
    return KEY_NONE;
}

static FALLIBLE find_metric(struct ranking *ranking, struct str name)
{
    struct selection *selection = &ranking->selection;
    bool has_prefix = str_starts(name, STR("metrics.")) || str_starts(name, STR("metric.")) ||
                      str_starts(name, STR("params."));
    struct str full = str_print(ranking->context->arena, "metrics.%.*s", STR_FMT(name));
    TRY(selection_key_of(selection, has_prefix ? name : full, &ranking->metric));
    const struct ledger_quantity *quantity = selection->keys.at[ranking->metric].want.quantity;
    if (!quantity || quantity->is_param)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is no metric", STR_FMT(name)),
                          "'mlops metrics' shows those of the newest run");
    TRY(find_direction(ranking));
    ranking->low = find_beside(ranking, "intervals.", ".low");
    ranking->high = find_beside(ranking, "intervals.", ".high");
    ranking->level = find_beside(ranking, "intervals.", ".level");
    ranking->error = find_beside(ranking, "", "_stderr");
    if (ranking->error == KEY_NONE)
        ranking->error = find_beside(ranking, "", "_se");
    return NULL;
}

static FALLIBLE prepare(struct ranking *ranking, struct str metric)
{
    struct selection *selection = &ranking->selection;
    TRY(selection_open(ranking->context, selection));
    TRY(selection_key_of(selection, STR("run"), &ranking->run));
    TRY(selection_key_of(selection, STR("started"), &ranking->started));
    TRY(selection_key_of(selection, STR("status"), &ranking->status));
    TRY(find_metric(ranking, metric));
    TRY(selection_filter(selection, "--where", ranking->wish.where));
    TRY(selection_columns(selection, ranking->wish.columns, &ranking->extra));
    *vec_push(ranking->context->arena, &selection->orders) =
        (struct selection_order){ranking->metric, ranking->is_higher_better};
    return NULL;
}

static double value_at(const struct ranking *ranking, int key, size_t row)
{
    return key == KEY_NONE ? nan("") : ranking->selection.scan.columns[key][row].number;
}

/* Half of an interval of 95 % is 1.96 standard errors; no level is that. */
static double error_at_row(const struct ranking *ranking, size_t row)
{
    double width = value_at(ranking, ranking->high, row) - value_at(ranking, ranking->low, row);
    double level = value_at(ranking, ranking->level, row);
    double error = value_at(ranking, ranking->error, row);
    if (!(level > 0 && level < 1))
        level = 0.95;
    return isnan(error) ? width / (2 * stats_normal_isf((1 - level) / 2)) : error;
}

static struct repeat_group *group_at(const struct ranking *ranking, size_t row)
{
    return repeats_find(&ranking->repeats, ranking->selection.scan.columns[ranking->run][row].text);
}

static bool counts(const struct ranking *ranking, size_t row)
{
    const struct ledger_scan *scan = &ranking->selection.scan;
    return isfinite(value_at(ranking, (int)ranking->metric, row)) &&
           (ranking->wish.all || str_is(scan->columns[ranking->status][row].text, "succeeded"));
}

/* Which states a trial stands for: a later run that has the same one, such as that of 'mlops
 * apply', does not take its place. */
static bool *find_tried(const struct ranking *ranking, size_t state_count)
{
    const struct selection *selection = &ranking->selection;
    bool *tried = arena_new_array(ranking->context->arena, bool, state_count);
    for (size_t i = 0; i < selection->count; i++)
        if (group_at(ranking, selection->rows[i]) && counts(ranking, selection->rows[i]))
            tried[selection->scan.states[selection->rows[i]]] = true;
    return tried;
}

/* Each state once: a run that changes nothing is no further experiment. The newest run stands for
 * it, or the newest trial. */
static void rank(struct ranking *ranking)
{
    struct selection *selection = &ranking->selection;
    struct arena *arena = ranking->context->arena;
    int64_t most = 0;
    for (size_t i = 0; i < selection->scan.count; i++)
        most = MAX_OF(most, selection->scan.states[i]);
    bool *seen = arena_new_array(arena, bool, (size_t)most + 1);
    const bool *tried = find_tried(ranking, (size_t)most + 1);
    for (size_t i = 0; i < selection->count; i++) {
        size_t row = selection->rows[i];
        int64_t state = selection->scan.states[row];
        if (seen[state] || !counts(ranking, row) || (tried[state] && !group_at(ranking, row)))
            continue;
        seen[state] = true;
        *vec_push(arena, &ranking->rows) = row;
    }
}

/* Mean and standard error of the rows of each group. */
static void add_values(struct ranking *ranking)
{
    vec_each (const size_t, row, &ranking->rows) {
        struct repeat_group *group = group_at(ranking, *row);
        double value = value_at(ranking, (int)ranking->metric, *row);
        if (ranking->wish.sweep.len && !group)
            continue;
        if (!group || group->number == 0) {
            *vec_push(ranking->context->arena, &ranking->entries) =
                (struct ranking_entry){*row, value, error_at_row(ranking, *row), 1};
            if (group)
                group->number = ranking->entries.len;
            continue;
        }
        struct ranking_entry *entry = &ranking->entries.at[group->number - 1];
        entry->count++;
        entry->value += (value - entry->value) / (double)entry->count;
        ranking->has_repeats = true;
    }
}

/* The spread of each group's values, and the row nearest to its mean. */
static void add_spreads(struct ranking *ranking)
{
    double *squares = arena_new_array(ranking->context->arena, double, ranking->entries.len + 1);
    vec_each (const size_t, row, &ranking->rows) {
        struct repeat_group *group = group_at(ranking, *row);
        if (!group || group->number == 0)
            continue;
        struct ranking_entry *entry = &ranking->entries.at[group->number - 1];
        double away = value_at(ranking, (int)ranking->metric, *row) - entry->value;
        double before = value_at(ranking, (int)ranking->metric, entry->row) - entry->value;
        squares[group->number - 1] += away * away;
        if (fabs(away) < fabs(before))
            entry->row = *row;
    }
    for (size_t i = 0; i < ranking->entries.len; i++) {
        struct ranking_entry *entry = &ranking->entries.at[i];
        double count = (double)entry->count;
        if (entry->count > 1)
            entry->error = sqrt(squares[i] / (count - 1) / count);
    }
}

static int compare_rising(const void *a, const void *b)
{
    const struct ranking_entry *one = a, *other = b;
    if (one->value < other->value || one->value > other->value)
        return one->value < other->value ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

static int compare_falling(const void *a, const void *b)
{
    const struct ranking_entry *one = a, *other = b;
    if (one->value < other->value || one->value > other->value)
        return one->value > other->value ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

/* Repeats of one experiment count by their mean: the luckiest of them is no better. */
static void gather(struct ranking *ranking)
{
    add_values(ranking);
    add_spreads(ranking);
    if (ranking->has_repeats)
        vec_sort(&ranking->entries, ranking->is_higher_better ? compare_falling : compare_rising);
}

/* Of one sweep, or of all runs. */
static FALLIBLE load_repeats(struct ranking *ranking)
{
    struct str word = ranking->wish.sweep;
    if (word.len == 0)
        return repeats_load(ranking->context, &ranking->repeats);
    TRY(sweep_choose(ranking->context, word, &ranking->sweep));
    return repeats_load_sweep(ranking->context, &ranking->sweep, &ranking->repeats);
}

static FALLIBLE metric_name(struct ranking *ranking, struct str *ret)
{
    const struct sweep *sweep = &ranking->sweep.sweep;
    *ret = ranking->wish.metric;
    if (ret->len)
        return NULL;
    if (sweep->metric_key.len == 0)
        return error_hint(error_new(ERROR_USAGE, "which metric decides is not said"),
                          "mlops best --metric f1");
    *ret = str_print(ranking->context->arena, "metrics.%.*s%s%.*s", STR_FMT(sweep->metric_file),
                     sweep->metric_file.len ? ":" : "", STR_FMT(sweep->metric_key));
    return NULL;
}

/* --- the ranking ---------------------------------------------------------------------------- */

struct error *ranking_open(struct context *context, const struct ranking_wish *wish,
                           struct ranking *ret)
{
    struct str metric;
    *ret = (struct ranking){.context = context, .wish = *wish};
    TRY(load_repeats(ret));
    TRY(metric_name(ret, &metric));
    return prepare(ret, metric);
}

struct error *ranking_make(struct ranking *ranking, const struct ledger_filter *filter)
{
    TRY(selection_make(&ranking->selection, filter, 0));
    rank(ranking);
    gather(ranking);
    return NULL;
}

size_t ranking_within(const struct ranking *ranking)
{
    size_t count = 1;
    double error = ranking->entries.at[0].error, top = ranking->entries.at[0].value;
    while (!isnan(error) && count < ranking->entries.len &&
           fabs(top - ranking->entries.at[count].value) <= error)
        count++;
    return count;
}
