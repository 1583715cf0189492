#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/ranking.h"
#include "mlops/cli/report_run.h"
#include "mlops/model/name.h"

#include <math.h>

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

static size_t shown_count(const struct ranking *ranking, const struct best_options *options)
{
    size_t count = ranking->entries.len;
    if (options->within)
        return ranking_within(ranking);
    if (options->limit > 0 && count > (size_t)options->limit)
        count = (size_t)options->limit;
    return count;
}

static void print_table(const struct ranking *ranking, const struct best_options *options)
{
    enum { FIXED = 6 };
    const struct selection *selection = &ranking->selection;
    struct context *context = ranking->context;
    size_t keys[FIXED - 2] = {ranking->run, ranking->started, ranking->status, ranking->metric};
    struct column *columns =
        arena_new_array(context->arena, struct column, FIXED + ranking->extra.len);
    for (size_t i = 0; i < FIXED - 2; i++)
        columns[i] = selection_column(selection, keys[i]);
    bool has_error = !isnan(ranking->entries.at[0].error);
    columns[FIXED - 2] = (struct column){
        .name = "standard_error", .title = has_error ? "STD. ERROR" : NULL, .is_right = true};
    columns[FIXED - 1] = (struct column){
        .name = "repeats", .title = ranking->has_repeats ? "N" : NULL, .is_right = true};
    for (size_t i = 0; i < ranking->extra.len; i++)
        columns[FIXED + i] = selection_column(selection, ranking->extra.at[i]);
    struct table table = table_make(context->arena, columns, FIXED + ranking->extra.len);
    for (size_t i = 0; i < shown_count(ranking, options); i++) {
        const struct ranking_entry *entry = &ranking->entries.at[i];
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
                           const struct ranking_entry *entry, bool is_within)
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
    if (isnan(ranking->entries.at[0].error))
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

static void print_json(const struct ranking *ranking, const struct best_options *options)
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
    json_int(&json, (int64_t)ranking->entries.len);
    json_name(&json, "is_optimistic");
    json_bool(&json, ranking->entries.len > 1);
    json_name(&json, "runs");
    json_open_list(&json);
    size_t count = ranking->entries.len ? shown_count(ranking, options) : 0;
    size_t within = ranking->entries.len ? ranking_within(ranking) : 0;
    for (size_t i = 0; i < count; i++)
        print_run_json(&json, ranking, &ranking->entries.at[i], i < within);
    json_close_list(&json);
    report_json_close(&json);
}

/* What the number does not say by itself. */
static void tell_caveats(const struct ranking *ranking, const struct best_options *options)
{
    struct context *context = ranking->context;
    size_t within = ranking_within(ranking);
    double error = ranking->entries.at[0].error;
    if (ranking->entries.len > 1)
        context_notice(context,
                       "the best of %zu experiments: its score is optimistic, since it was chosen "
                       "by it; judge it on data that chose nothing",
                       ranking->entries.len);
    if (within > 1 && !options->within)
        context_notice(context,
                       "%zu more %s within one standard error (%.2g) of it: the simplest of them "
                       "is the safer choice (--within-one-error lists them)",
                       within - 1, within == 2 ? "is" : "are", error);
    if (options->within && isnan(error))
        context_warn(context,
                     "no standard error of '%.*s' is recorded: a metrics file may hold "
                     "intervals.%.*s.low and .high, or %.*s_stderr",
                     STR_FMT(ranking_key(ranking)), STR_FMT(ranking_key(ranking)),
                     STR_FMT(ranking_key(ranking)));
}

static void tell_none(struct context *context, const struct ranking *ranking)
{
    bool has_succeeded = !ranking->wish.all, fits = ranking->wish.where.len > 0;
    context_warn(context, "no run%s%s%s has a number for '%.*s'",
                 has_succeeded ? " that succeeded" : "",
                 !fits           ? ""
                 : has_succeeded ? " and"
                                 : " that",
                 fits ? " fits --where" : "", STR_FMT(ranking_key(ranking)));
    context->status = ERROR_ANSWER;
}

static FALLIBLE metric_twice(const struct best_options *options, int argc)
{
    if (argc && options->metric.len)
        return error_hint(error_new(ERROR_USAGE, "the metric is given twice"),
                          "mlops best --metric f1");
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct best_options *options = opaque;
    struct ranking ranking;
    struct ledger_filter filter = {0};
    struct workspace *workspace = NULL;
    const struct ranking_wish wish = {
        .metric = argc ? argv[0] : options->metric,
        .where = options->where,
        .columns = options->columns,
        .sweep = options->sweep,
        .max = options->max,
        .min = options->min,
        .all = options->all,
    };
    TRY(metric_twice(options, argc));
    TRY(context_project(context, &workspace));
    if (options->pipeline.len)
        TRY(workspace_path(context->arena, workspace, options->pipeline, &filter.pipeline));
    TRY(ranking_open(context, &wish, &ranking));
    TRY(ranking_make(&ranking, &filter));
    if (context->format == FORMAT_JSON)
        print_json(&ranking, options);
    if (ranking.entries.len == 0) {
        tell_none(context, &ranking);
        return NULL;
    }
    if (context->format != FORMAT_JSON)
        print_table(&ranking, options);
    tell_caveats(&ranking, options);
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
