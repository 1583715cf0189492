#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/repeats.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/selection.h"
#include "mlops/cli/sweep.h"
#include "mlops/data/stats.h"
#include "mlops/model/name.h"

#include <math.h>
#include <stdlib.h>

struct best_options {
    struct str metric, where, columns, pipeline, sweep;
    bool max, min, all, within;
    int64_t limit;
};

static const struct option_row rows[] = {
    {"metric", 'm', OPTION_STR_AT(struct best_options, metric), .value = "METRIC",
     .help = "The metric that decides: f1, metrics.f1, metrics.json:f1; of --sweep its own"},
    {"sweep", 's', OPTION_STR_AT(struct best_options, sweep), .value = "SWEEP",
     .help = "Only trials of this sweep; '@' is the newest one"},
    {"where", 'w', OPTION_STR_AT(struct best_options, where), .value = "EXPRESSION",
     .help = "Only runs for which it holds, as in: params.lr < 0.1 and branch = main"},
    {"limit", 'n', OPTION_INT_AT(struct best_options, limit), .value = "N", .initial = 1,
     .help = "The N best; 0: all, in order"},
    {"max", 0, OPTION_FLAG_AT(struct best_options, max),
     .help = "Higher is better, whatever the metric is called"},
    {"min", 0, OPTION_FLAG_AT(struct best_options, min), .help = "Lower is better"},
    {"within-one-error", 0, OPTION_FLAG_AT(struct best_options, within),
     .help = "All that are within one standard error of the best, where that is recorded"},
    {"all", 'a', OPTION_FLAG_AT(struct best_options, all),
     .help = "Also runs that failed, were rejected or did not end"},
    {"columns", 'c', OPTION_STR_AT(struct best_options, columns), .value = "LIST",
     .help = "Further columns, separated by commas, as of 'mlops runs'"},
    {"pipeline", 'p', OPTION_STR_AT(struct best_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "Only runs of this pipeline"},
};

/* Numbers of columns in the selection. */
enum { KEY_NONE = -1 };

/* A run, or several that are repeats of one experiment: then the one whose value is nearest to
 * their mean stands for them. */
struct entry {
    size_t row;   /* of the scan */
    double value; /* the mean of repeats */
    double error; /* standard error, of repeats that of their mean; NaN: not known */
    size_t count; /* of repeats; 1: a run by itself */
};

struct ranking {
    struct context *context;
    const struct best_options *options;
    struct selection selection;
    size_t run, started, status, metric;
    int low, high, level, error; /* interval and standard error of the metric, or KEY_NONE */
    struct column_numbers extra;
    bool is_higher_better, has_repeats;
    struct sweep_row sweep; /* of --sweep */
    struct repeats repeats;
    struct run_numbers {
        size_t *at;
        size_t len, cap;
    } rows; /* of the scan, the best first; each state once */
    struct entry_vec {
        struct entry *at;
        size_t len, cap;
    } ranked; /* the best first */
};

static struct str metric_key(const struct ranking *ranking)
{
    return ranking->selection.keys.at[ranking->metric].want.quantity->key;
}

static FALLIBLE find_direction(struct ranking *ranking)
{
    enum metric_direction direction = metric_direction_of(metric_key(ranking));
    if (ranking->options->max && ranking->options->min)
        return error_new(ERROR_USAGE, "--max and --min exclude each other");
    if (ranking->options->sweep.len &&
        str_equal(ranking->sweep.sweep.metric_key, metric_key(ranking)))
        direction = ranking->sweep.sweep.direction;
    if (!ranking->options->max && !ranking->options->min && direction == DIRECTION_UNKNOWN)
        return error_hint(error_new(ERROR_USAGE,
                                    "whether more or less of '%.*s' is better is not "
                                    "known",
                                    STR_FMT(metric_key(ranking))),
                          "say so with --max or --min");
    ranking->is_higher_better =
        ranking->options->max || (!ranking->options->min && direction == HIGHER_IS_BETTER);
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
    TRY(selection_filter(selection, "--where", ranking->options->where));
    TRY(selection_columns(selection, ranking->options->columns, &ranking->extra));
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

/* Each state once: a run that changes nothing is no further experiment. The newest run stands for
 * it. */
static void rank(struct ranking *ranking)
{
    struct selection *selection = &ranking->selection;
    struct arena *arena = ranking->context->arena;
    int64_t most = 0;
    for (size_t i = 0; i < selection->scan.count; i++)
        most = MAX_OF(most, selection->scan.states[i]);
    bool *seen = arena_new_array(arena, bool, (size_t)most + 1);
    for (size_t i = 0; i < selection->count; i++) {
        size_t row = selection->rows[i];
        int64_t state = selection->scan.states[row];
        bool succeeded = str_is(selection->scan.columns[ranking->status][row].text, "succeeded");
        if (seen[state] || isnan(value_at(ranking, (int)ranking->metric, row)) ||
            !(succeeded || ranking->options->all))
            continue;
        seen[state] = true;
        *vec_push(arena, &ranking->rows) = row;
    }
}

static struct repeat_group *group_at(const struct ranking *ranking, size_t row)
{
    return repeats_find(&ranking->repeats, ranking->selection.scan.columns[ranking->run][row].text);
}

/* Mean and standard error of the rows of each group. */
static void add_values(struct ranking *ranking)
{
    vec_each (const size_t, row, &ranking->rows) {
        struct repeat_group *group = group_at(ranking, *row);
        double value = value_at(ranking, (int)ranking->metric, *row);
        if (ranking->options->sweep.len && !group)
            continue;
        if (!group || group->number == 0) {
            *vec_push(ranking->context->arena, &ranking->ranked) =
                (struct entry){*row, value, error_at_row(ranking, *row), 1};
            if (group)
                group->number = ranking->ranked.len;
            continue;
        }
        struct entry *entry = &ranking->ranked.at[group->number - 1];
        entry->count++;
        entry->value += (value - entry->value) / (double)entry->count;
        ranking->has_repeats = true;
    }
}

/* The spread of each group's values, and the row nearest to its mean. */
static void add_spreads(struct ranking *ranking)
{
    double *squares = arena_new_array(ranking->context->arena, double, ranking->ranked.len + 1);
    vec_each (const size_t, row, &ranking->rows) {
        struct repeat_group *group = group_at(ranking, *row);
        if (!group || group->number == 0)
            continue;
        struct entry *entry = &ranking->ranked.at[group->number - 1];
        double away = value_at(ranking, (int)ranking->metric, *row) - entry->value;
        double before = value_at(ranking, (int)ranking->metric, entry->row) - entry->value;
        squares[group->number - 1] += away * away;
        if (fabs(away) < fabs(before))
            entry->row = *row;
    }
    for (size_t i = 0; i < ranking->ranked.len; i++) {
        struct entry *entry = &ranking->ranked.at[i];
        double count = (double)entry->count;
        if (entry->count > 1)
            entry->error = sqrt(squares[i] / (count - 1) / count);
    }
}

static int compare_rising(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    if (one->value < other->value || one->value > other->value)
        return one->value < other->value ? -1 : 1;
    return one->row < other->row ? -1 : one->row > other->row;
}

static int compare_falling(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
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
        vec_sort(&ranking->ranked, ranking->is_higher_better ? compare_falling : compare_rising);
}

/* How many of the first are within one standard error of the best; 1: it is not known. */
static size_t count_within(const struct ranking *ranking)
{
    size_t count = 1;
    double error = ranking->ranked.at[0].error, top = ranking->ranked.at[0].value;
    while (!isnan(error) && count < ranking->ranked.len &&
           fabs(top - ranking->ranked.at[count].value) <= error)
        count++;
    return count;
}

static size_t shown_count(const struct ranking *ranking)
{
    size_t count = ranking->ranked.len;
    if (ranking->options->within)
        return count_within(ranking);
    if (ranking->options->limit > 0 && count > (size_t)ranking->options->limit)
        count = (size_t)ranking->options->limit;
    return count;
}

static void print_table(struct ranking *ranking)
{
    enum { FIXED = 6 };
    const struct selection *selection = &ranking->selection;
    struct context *context = ranking->context;
    size_t keys[FIXED - 2] = {ranking->run, ranking->started, ranking->status, ranking->metric};
    struct column *columns =
        arena_new_array(context->arena, struct column, FIXED + ranking->extra.len);
    for (size_t i = 0; i < FIXED - 2; i++)
        columns[i] = selection_column(selection, keys[i]);
    bool has_error = !isnan(ranking->ranked.at[0].error);
    columns[FIXED - 2] = (struct column){
        .name = "standard_error", .title = has_error ? "STD. ERROR" : NULL, .is_right = true};
    columns[FIXED - 1] = (struct column){
        .name = "repeats", .title = ranking->has_repeats ? "N" : NULL, .is_right = true};
    for (size_t i = 0; i < ranking->extra.len; i++)
        columns[FIXED + i] = selection_column(selection, ranking->extra.at[i]);
    struct table table = table_make(context->arena, columns, FIXED + ranking->extra.len);
    for (size_t i = 0; i < shown_count(ranking); i++) {
        const struct entry *entry = &ranking->ranked.at[i];
        size_t at = entry->row;
        struct cell *row = table_add(&table);
        for (size_t k = 0; k < FIXED - 2; k++)
            row[k] = selection_cell(selection, keys[k], at);
        if (entry->count > 1)
            row[FIXED - 3] =
                cell_real_shown(metric_print(context->arena, entry->value, 6), entry->value);
        row[FIXED - 1] = cell_int(context->arena, (int64_t)entry->count);
        double error = entry->error;
        if (!isnan(error))
            row[FIXED - 2] = cell_real_shown(str_print(context->arena, "%.2g", error), error);
        for (size_t k = 0; k < ranking->extra.len; k++)
            row[FIXED + k] = selection_cell(selection, ranking->extra.at[k], at);
    }
    report_table(context, &table, "runs");
}

static void print_run_json(struct json_writer *json, const struct ranking *ranking,
                           const struct entry *entry, bool is_within)
{
    size_t at = entry->row;
    const struct selection *selection = &ranking->selection;
    json_open_object(json);
    json_name(json, "run");
    json_str(json, selection->scan.columns[ranking->run][at].text);
    json_name(json, "status");
    json_str(json, selection->scan.columns[ranking->status][at].text);
    json_name(json, "started");
    struct cell started = selection_cell(selection, ranking->started, at);
    report_json_cell(json, &started);
    json_name(json, "value");
    json_real(json, entry->value);
    json_name(json, "repeats");
    json_int(json, (int64_t)entry->count);
    json_name(json, "standard_error");
    json_real(json, entry->error);
    json_name(json, "is_within_one_error");
    if (isnan(ranking->ranked.at[0].error))
        json_null(json);
    else
        json_bool(json, is_within);
    vec_each (const size_t, key, &ranking->extra) {
        struct cell cell = selection_cell(selection, *key, at);
        json_name_str(json, selection->keys.at[*key].name);
        report_json_cell(json, &cell);
    }
    json_close_object(json);
}

static void print_json(const struct ranking *ranking)
{
    const struct ledger_quantity *metric =
        ranking->selection.keys.at[ranking->metric].want.quantity;
    struct json_writer json = report_json_open(ranking->context);
    json_name(&json, "metric");
    json_str(&json, metric->key);
    json_name(&json, "file");
    json_str(&json, metric->file);
    json_name(&json, "direction");
    json_text(&json, ranking->is_higher_better ? "higher" : "lower");
    json_name(&json, "experiments");
    json_int(&json, (int64_t)ranking->ranked.len);
    json_name(&json, "is_optimistic");
    json_bool(&json, ranking->ranked.len > 1);
    json_name(&json, "runs");
    json_open_list(&json);
    size_t count = ranking->ranked.len ? shown_count(ranking) : 0;
    size_t within = ranking->ranked.len ? count_within(ranking) : 0;
    for (size_t i = 0; i < count; i++)
        print_run_json(&json, ranking, &ranking->ranked.at[i], i < within);
    json_close_list(&json);
    report_json_close(&json);
}

/* What the number does not say by itself. */
static void tell_caveats(const struct ranking *ranking)
{
    struct context *context = ranking->context;
    size_t within = count_within(ranking);
    double error = ranking->ranked.at[0].error;
    if (ranking->ranked.len > 1)
        context_notice(context,
                       "the best of %zu experiments: its score is optimistic, since it was chosen "
                       "by it; judge it on data that chose nothing",
                       ranking->ranked.len);
    if (within > 1 && !ranking->options->within)
        context_notice(context,
                       "%zu more %s within one standard error (%.2g) of it: the simplest of them "
                       "is the safer choice (--within-one-error lists them)",
                       within - 1, within == 2 ? "is" : "are", error);
    if (ranking->options->within && isnan(error))
        context_warn(context,
                     "no standard error of '%.*s' is recorded: a metrics file may hold "
                     "intervals.%.*s.low and .high, or %.*s_stderr",
                     STR_FMT(metric_key(ranking)), STR_FMT(metric_key(ranking)),
                     STR_FMT(metric_key(ranking)));
}

static FALLIBLE metric_name(struct context *context, const struct best_options *options,
                            const struct sweep_row *row, int argc, const struct str *argv,
                            struct str *ret)
{
    bool is_twice = argc && options->metric.len;
    if (!argc && !options->metric.len && row->sweep.metric_key.len) {
        struct str file = row->sweep.metric_file;
        *ret = str_print(context->arena, "metrics.%.*s%s%.*s", STR_FMT(file), file.len ? ":" : "",
                         STR_FMT(row->sweep.metric_key));
        return NULL;
    }
    if (is_twice || (!argc && !options->metric.len))
        return error_hint(error_new(ERROR_USAGE, is_twice ? "the metric is given twice"
                                                          : "which metric decides is not said"),
                          "mlops best --metric f1");
    *ret = argc ? argv[0] : options->metric;
    return NULL;
}

/* Of one sweep, or of all runs. */
static FALLIBLE load_repeats(struct ranking *ranking)
{
    struct str word = ranking->options->sweep;
    if (word.len == 0)
        return repeats_load(ranking->context, &ranking->repeats);
    TRY(sweep_choose(ranking->context, str_is(word, "@") ? (struct str){0} : word,
                     &ranking->sweep));
    return repeats_load_sweep(ranking->context, &ranking->sweep, &ranking->repeats);
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    struct ranking ranking = {.context = context, .options = opaque};
    struct ledger_filter filter = {0};
    struct workspace *workspace = NULL;
    struct str metric;
    TRY(context_project(context, &workspace));
    TRY(load_repeats(&ranking));
    TRY(metric_name(context, ranking.options, &ranking.sweep, argc, argv, &metric));
    if (ranking.options->pipeline.len)
        TRY(workspace_path(context->arena, workspace, ranking.options->pipeline, &filter.pipeline));
    TRY(prepare(&ranking, metric));
    TRY(selection_make(&ranking.selection, &filter, 0));
    rank(&ranking);
    gather(&ranking);
    if (context->format == FORMAT_JSON)
        print_json(&ranking);
    if (ranking.ranked.len == 0) {
        bool has_succeeded = !ranking.options->all, fits = ranking.options->where.len > 0;
        context_warn(context, "no run%s%s%s has a number for '%.*s'",
                     has_succeeded ? " that succeeded" : "",
                     !fits           ? ""
                     : has_succeeded ? " and"
                                     : " that",
                     fits ? " fits --where" : "", STR_FMT(metric_key(&ranking)));
        context->status = ERROR_ANSWER;
        return NULL;
    }
    if (context->format != FORMAT_JSON)
        print_table(&ranking);
    tell_caveats(&ranking);
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops best --metric f1", "the run with the highest f1"},
    {"mlops best -m val_loss -n 5 --where 'params.lr < 0.1' --columns branch",
     "the five lowest losses of some"},
    {"mlops best --sweep @", "of the newest sweep, by its own metric; repeats count by their mean"},
    {"mlops best -m reward --max --within-one-error",
     "all that may be as good as the best, for the simplest of them"},
};

const struct cli_command cmd_best = {
    .name = "best",
    .group = GROUP_EXPERIMENTS,
    .arguments = "[METRIC]",
    .summary = "Find the run with the best value of a metric",
    .description =
        "Whether more or less is better is known of usual metrics by their names (f1, val_loss, "
        "rmse); of others say --max or --min. Of runs with the same value the newest comes first; "
        "runs that left the same state count as one experiment. NaN never wins, and runs that "
        "failed, were rejected or did not end are left out without --all.\n\n"
        "The best of many experiments looks better than it is, since it was chosen by its score. "
        "Where a standard error is recorded in the metric's file (METRIC_stderr, METRIC_se, or "
        "intervals.METRIC.low and .high, as 'mlops evaluate --output' writes them) the runs within "
        "one standard error of the best are told: prefer the simplest of them.\n\n"
        "Repeats of a sweep (trials that differ by their seed only) are one experiment: its value "
        "is their mean, its standard error that of the mean, and the run whose value is nearest to "
        "the mean stands for them.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct best_options),
    .words_most = 1,
    .needs = NEED_PROJECT,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "runs, diff, show, sweep",
    .has_rows = true,
    .run = run_command,
};
