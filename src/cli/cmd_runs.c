#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/selection.h"
#include "mlops/cli/stages.h"
#include "mlops/cli/sweep.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

struct runs_options {
    int64_t limit;
    struct str pipeline, stage, branch, tag;
    int status;
    struct str sort, filter, columns;
    struct str sweep;
    bool all, tree, dry;
};

/* In the order of enum run_status, behind "any". */
static const char *const status_names[] = {
    "any",         "running",     "succeeded", "failed", "rejected",
    "unconfirmed", "interrupted", "crashed",   NULL,
};

static const struct option_row rows[] = {
    {"limit", 'n', OPTION_INT_AT(struct runs_options, limit), .value = "N", .initial = 20,
     .help = "At most N runs, the newest; 0: all"},
    {"pipeline", 'p', OPTION_STR_AT(struct runs_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES, .help = "Only runs of this pipeline"},
    {"stage", 's', OPTION_STR_AT(struct runs_options, stage), .value = "STAGE",
     .completes = COMPLETE_STAGES, .help = "Only runs in which this stage ran or was restored"},
    {"status", 0, OPTION_CHOICE_AT(struct runs_options, status), .value = "STATUS",
     .choices = status_names,
     .help = "Only runs that ended so: succeeded, failed, rejected, unconfirmed, interrupted, "
             "crashed; or running"},
    {"branch", 'b', OPTION_STR_AT(struct runs_options, branch), .value = "NAME",
     .help = "Only runs on this git branch"},
    {"tag", 't', OPTION_STR_AT(struct runs_options, tag), .value = "NAME",
     .help = "Only the run with this tag"},
    {"filter", 'f', OPTION_STR_AT(struct runs_options, filter), .value = "EXPRESSION",
     .help = "Only runs for which it holds, as in: metrics.f1 > 0.8 and params.model = tree"},
    {"sort", 0, OPTION_STR_AT(struct runs_options, sort), .value = "COLUMN[:asc|desc]",
     .help = "In this order, not the newest first; several, separated by commas"},
    {"columns", 'c', OPTION_STR_AT(struct runs_options, columns), .value = "LIST",
     .help = "These columns, separated by commas; metrics.* and params.* are all of them"},
    {"all", 'a', OPTION_FLAG_AT(struct runs_options, all),
     .help = "Trials of sweeps one by one, not a line for each sweep; with --tree all of them"},
    {"sweep", 0, OPTION_STR_AT(struct runs_options, sweep), .value = "SWEEP",
     .help = "Only trials of this sweep; with rm: the sweep and all its trials"},
    {"tree", 0, OPTION_FLAG_AT(struct runs_options, tree),
     .help = "Below each run the experiments and sweeps that started from it"},
    {"dry-run", 0, OPTION_FLAG_AT(struct runs_options, dry),
     .help = "With rm: only list what would go"},
};

static const struct command_action actions[] = {
    {"rm", "RUN...", "Remove runs from the history; tagged ones are refused"},
};

static FALLIBLE filter_of(struct context *context, const struct runs_options *options,
                          struct ledger_filter *ret)
{
    struct workspace *workspace = NULL;
    *ret = (struct ledger_filter){
        .limit = options->limit,
        .stage = options->stage,
        .branch = options->branch,
        .tag = options->tag,
        .status = options->status,
    };
    TRY(context_project(context, &workspace));
    if (options->sweep.len) {
        struct sweep_row row;
        TRY(sweep_choose(context, options->sweep, &row));
        ret->sweep = row.ulid;
    }
    if (options->pipeline.len)
        TRY(workspace_path(context->arena, workspace, options->pipeline, &ret->pipeline));
    return NULL;
}

/* What is shown: runs, and columns that were asked for beside them. */
struct listing {
    struct run *runs;
    size_t count;
    struct sweep_row *sweeps; /* in place of their trials */
    size_t sweep_count;
    struct selection selection;
    struct column_numbers extra; /* metrics and parameters that order and condition name */
};

static void print_values(struct json_writer *json, const struct listing *listing, size_t at)
{
    json_name(json, "values");
    json_open_object(json);
    vec_each (const size_t, key, &listing->extra) {
        struct cell cell = selection_cell(&listing->selection, *key, listing->selection.rows[at]);
        json_name_str(json, listing->selection.keys.at[*key].name);
        report_json_cell(json, &cell);
    }
    json_close_object(json);
}

static void print_json(struct context *context, const struct listing *listing)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "runs");
    json_open_list(&json);
    for (size_t i = 0; i < listing->count; i++) {
        json_open_object(&json);
        run_json(&json, context->arena, &listing->runs[i]);
        if (listing->extra.len)
            print_values(&json, listing, i);
        json_close_object(&json);
    }
    json_close_list(&json);
    json_name(&json, "sweeps");
    json_open_list(&json);
    for (size_t i = 0; i < listing->sweep_count; i++) {
        runs_sweep_json(context, &json, &listing->sweeps[i]);
        json_close_object(&json);
    }
    json_close_list(&json);
    report_json_close(&json);
}

static const struct column columns[] = {
    {.name = "run", .title = "RUN"},
    {.name = "started", .title = "STARTED", .drop = 1},
    {.name = "status", .title = "STATUS"},
    {.name = "duration_s", .title = "TIME", .is_right = true, .drop = 2},
    {.name = "stages", .title = "STAGES", .may_shrink = true, .drop = 3},
    {.name = "commit", .title = "COMMIT", .drop = 5},
    {.name = "branch", .title = "BRANCH", .may_shrink = true, .drop = 6},
    {.name = "labels", .title = "TAGS", .may_shrink = true, .drop = 4},
    {.name = "pipeline", .title = NULL},
    {.name = "kind", .title = NULL},
};

static struct cell *add_run(struct context *context, struct table *table, const struct run *run)
{
    struct arena *arena = context->arena;
    struct cell *row = table_add(table);
    row[0] = cell_shown(ulid_short(run->id), run->id);
    row[1] = cell_shown(report_when(arena, run->started_ns), moment_print(arena, run->started_ns));
    row[2] =
        cell_toned(cell_text(str_of(run_status_name(run->status))), run_status_tone(run->status));
    if (run->status != RUN_RUNNING)
        row[3] = cell_real_shown(duration_print(arena, run->duration_ns),
                                 report_seconds(run->duration_ns));
    row[4] = cell_text(counts_print(arena, &run->counts, false));
    row[5] = cell_shown(run_commit(arena, &run->code), run->code.commit);
    row[6] = cell_text(run->code.branch);
    row[7] = cell_text(run_labels(arena, run));
    row[8] = cell_text(run->pipeline);
    row[9] = cell_text(run->sweep.len ? STR("trial") : STR("run"));
    return row;
}

static void add_sweep(struct context *context, struct table *table, const struct sweep_row *sweep)
{
    struct arena *arena = context->arena;
    struct cell *row = table_add(table);
    enum tone tone;
    const char *status = sweep_status(context, sweep, &tone);
    row[0] = cell_shown(ulid_short(sweep->ulid), sweep->ulid);
    row[1] =
        cell_shown(report_when(arena, sweep->created_ns), moment_print(arena, sweep->created_ns));
    row[2] = cell_toned(cell_text(str_of(status)), tone);
    if (sweep->spent_ns)
        row[3] = cell_real_shown(duration_print(arena, sweep->spent_ns),
                                 report_seconds(sweep->spent_ns));
    row[4] = cell_text(str_print(arena, "sweep: %.*s", STR_FMT(sweep_counts_words(arena, sweep))));
    row[5] = cell_shown(run_commit(arena, &sweep->code), sweep->code.commit);
    row[6] = cell_text(sweep->code.branch);
    row[7] = cell_text(sweep->sweep.name);
    row[8] = cell_text(sweep->sweep.pipeline);
    row[9] = cell_text(STR("sweep"));
}

/* A sweep stands where its newest trial would; one that has none yet in front. */
static bool is_newer(const struct sweep_row *sweep, const struct run *run)
{
    return !sweep->last_run || sweep->last_run > run->sequence;
}

static void print_runs(struct context *context, const struct listing *listing)
{
    const struct selection *selection = &listing->selection;
    struct column *all =
        arena_new_array(context->arena, struct column, COUNT_OF(columns) + listing->extra.len);
    memcpy(all, columns, sizeof columns);
    for (size_t i = 0; i < listing->extra.len; i++)
        all[COUNT_OF(columns) + i] = selection_column(selection, listing->extra.at[i]);
    struct table table = table_make(context->arena, all, COUNT_OF(columns) + listing->extra.len);
    size_t sweep = 0;
    for (size_t i = 0; i < listing->count; i++) {
        while (sweep < listing->sweep_count && is_newer(&listing->sweeps[sweep], &listing->runs[i]))
            add_sweep(context, &table, &listing->sweeps[sweep++]);
        struct cell *row = add_run(context, &table, &listing->runs[i]);
        for (size_t k = 0; k < listing->extra.len; k++)
            row[COUNT_OF(columns) + k] =
                selection_cell(selection, listing->extra.at[k], selection->rows[i]);
    }
    while (sweep < listing->sweep_count)
        add_sweep(context, &table, &listing->sweeps[sweep++]);
    report_table(context, &table, "runs");
}

static int compare_sweeps(const void *a, const void *b)
{
    const struct sweep_row *left = a, *right = b;
    int64_t one = left->last_run ? left->last_run : INT64_MAX;
    int64_t other = right->last_run ? right->last_run : INT64_MAX;
    if (one != other)
        return one > other ? -1 : 1;
    return left->id > right->id ? -1 : left->id < right->id;
}

/* The newest of both kinds, as many as are asked for. */
static void cut(struct listing *listing, size_t most)
{
    size_t run = 0, sweep = 0;
    while (run + sweep < most && (run < listing->count || sweep < listing->sweep_count)) {
        bool is_sweep =
            sweep < listing->sweep_count &&
            (run == listing->count || is_newer(&listing->sweeps[sweep], &listing->runs[run]));
        sweep += is_sweep;
        run += !is_sweep;
    }
    listing->count = run;
    listing->sweep_count = sweep;
}

static FALLIBLE add_sweeps(struct context *context, const struct ledger_filter *filter,
                           struct listing *listing)
{
    struct ledger *ledger = NULL;
    struct sweep_row *sweeps = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_list(ledger, context->arena, false, &sweeps, &count));
    listing->sweeps = sweeps;
    for (size_t i = 0; i < count; i++) {
        bool is_wanted =
            (!filter->pipeline.len || str_equal(filter->pipeline, sweeps[i].sweep.pipeline)) &&
            (!filter->branch.len || str_equal(filter->branch, sweeps[i].code.branch));
        if (is_wanted)
            sweeps[listing->sweep_count++] = sweeps[i];
    }
    if (listing->sweep_count > 1)
        qsort(sweeps, listing->sweep_count, sizeof sweeps[0], compare_sweeps);
    return NULL;
}

/* A sweep of a thousand trials would bury all else. Conditions that only runs meet are for trials
 * as well. */
static bool wants_sweeps(const struct runs_options *options)
{
    return !options->all && !options->sweep.len && !options->stage.len && !options->tag.len &&
           !options->status;
}

static FALLIBLE list_runs(struct context *context, const struct runs_options *options)
{
    struct ledger *ledger = NULL;
    struct ledger_filter filter;
    struct listing listing = {0};
    TRY(filter_of(context, options, &filter));
    filter.without_trials = wants_sweeps(options);
    TRY(context_ledger(context, &ledger));
    TRY(ledger_list_runs(ledger, context->arena, &filter, &listing.runs, &listing.count));
    if (filter.without_trials)
        TRY(add_sweeps(context, &filter, &listing));
    cut(&listing, filter.limit > 0 ? (size_t)filter.limit : SIZE_MAX);
    if (context->format == FORMAT_JSON)
        print_json(context, &listing);
    else
        print_runs(context, &listing);
    return NULL;
}

/* Nothing but the columns that were asked for. */
static void print_columns(struct context *context, const struct selection *selection,
                          const struct column_numbers *numbers)
{
    struct column *titles = arena_new_array(context->arena, struct column, numbers->len);
    for (size_t i = 0; i < numbers->len; i++)
        titles[i] = selection_column(selection, numbers->at[i]);
    struct table table = table_make(context->arena, titles, numbers->len);
    for (size_t i = 0; i < selection->count; i++) {
        struct cell *row = table_add(&table);
        for (size_t k = 0; k < numbers->len; k++)
            row[k] = selection_cell(selection, numbers->at[k], selection->rows[i]);
    }
    report_table(context, &table, "runs");
}

static FALLIBLE print_selected(struct context *context, struct listing *listing)
{
    const struct selection *selection = &listing->selection;
    int64_t *sequences = arena_new_array(context->arena, int64_t, selection->count);
    for (size_t i = 0; i < selection->count; i++)
        sequences[i] = selection->scan.sequences[selection->rows[i]];
    for (size_t i = 0; i < selection->keys.len; i++)
        if (selection->keys.at[i].want.quantity)
            *vec_push(context->arena, &listing->extra) = i;
    TRY(ledger_load_runs(selection->ledger, context->arena, sequences, selection->count,
                         &listing->runs));
    listing->count = selection->count;
    if (context->format == FORMAT_JSON)
        print_json(context, listing);
    else
        print_runs(context, listing);
    return NULL;
}

static FALLIBLE select_runs(struct context *context, const struct runs_options *options)
{
    struct ledger_filter filter;
    struct listing listing = {0};
    struct selection *selection = &listing.selection;
    struct column_numbers numbers = {0};
    TRY(filter_of(context, options, &filter));
    TRY(selection_open(context, selection));
    TRY(selection_columns(selection, options->columns, &numbers));
    TRY(selection_filter(selection, "--filter", options->filter));
    TRY(selection_sort(selection, options->sort));
    TRY(selection_make(selection, &filter, options->limit));
    if (numbers.len == 0)
        return print_selected(context, &listing);
    print_columns(context, selection, &numbers);
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct runs_options *options = opaque;
    bool removes = argc && str_is(argv[0], "rm");
    if (argc && !removes)
        return error_hint(
            error_new(ERROR_USAGE, "'mlops runs' has no action '%.*s'", STR_FMT(argv[0])),
            "to see one run: mlops show %.*s", STR_FMT(argv[0]));
    if (removes && argc == 1 && !options->sweep.len)
        return error_new(ERROR_USAGE, "'mlops runs rm' takes runs, or --sweep SWEEP");
    if (removes)
        return runs_remove(context, argv + 1, (size_t)argc - 1, options->sweep, options->dry);
    if (options->dry)
        return error_new(ERROR_USAGE, "'--dry-run' is for 'mlops runs rm'");
    if (options->tree) {
        struct ledger_filter filter;
        TRY(filter_of(context, options, &filter));
        return runs_tree(context, &filter, options->all);
    }
    if (options->sort.len || options->filter.len || options->columns.len)
        return select_runs(context, options);
    return list_runs(context, options);
}

static const struct command_example examples[] = {
    {"mlops runs", "the last 20 runs, newest first"},
    {"mlops runs -n 0 --branch main --status succeeded", "all that went well on main"},
    {"mlops runs --stage train --format csv", "runs that trained, for a spreadsheet"},
    {"mlops runs --sort metrics.f1:desc --filter 'params.lr < 0.1'", "the best first, of some"},
    {"mlops runs -n 0 --columns 'run,started,metrics.*,params.*' --format csv",
     "all that was tried and what came of it"},
    {"mlops runs --tree", "what started from what"},
    {"mlops runs rm --sweep tune --dry-run", "what would go with a sweep"},
};

const struct cli_command cmd_runs = {
    .name = "runs",
    .group = GROUP_LOOK,
    .arguments = "[rm RUN...]",
    .summary = "List recorded runs, newest first; remove some",
    .description =
        "A sweep is one line where its newest trial would stand; --all lists the trials, and so do "
        "--sweep, --stage, --status, --tag, --filter, --sort and --columns.\n\n"
        "'mlops runs rm' takes runs out of the history, with their logs and all that no other run "
        "knows; files that only they made go with the next 'mlops gc --yes'. Runs that are tagged, "
        "go on, or wrote the lock file of the work tree are refused, and then nothing is removed. "
        "It asks nothing.\n\n"
        "COMMIT is followed by '+' where the work tree had uncommitted changes.\n\n"
        "Columns that --sort, --filter and --columns know: run, started, status, duration, commit, "
        "branch, dirty, name, tags, parent, pipeline, user, host, version, arguments, remote; "
        "counts of stages: stages, executed, restored, unchanged, failed, rejected, unconfirmed, "
        "skipped, interrupted; hashed_files, hashed_bytes, saved; and of the state that a run left "
        "metrics.KEY and params.KEY, also metrics.FILE:KEY, or only KEY (or its last parts) where "
        "that is unambiguous. Names with blanks are quoted: metrics.`cross entropy`. MLflow's "
        "names (attributes.start_time, tags.mlflow.user) are understood.\n\n"
        "An EXPRESSION compares columns with values by = == != < <= > >=, like and ilike (% is any "
        "text, _ any character), ~ and !~ (a part of the text), in ('a', 'b'), is null, and joins "
        "comparisons with and, or, not and parentheses. Values are numbers, words, texts in "
        "quotes, times (5m, 1.5h), sizes (4GiB), dates (2026-11-01, '2026-11-01 13:30'; a date is "
        "the whole day). What a run has no value for is neither equal nor unequal to anything; it "
        "comes last in every order.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct runs_options),
    .words_most = -1,
    .actions = actions,
    .action_count = COUNT_OF(actions),
    .completes = COMPLETE_RUNS,
    .needs = NEED_PROJECT,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "show, diff, logs, tag",
    .has_rows = true,
    .run = run_command,
};
