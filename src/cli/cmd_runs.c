#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/command.h"
#include "mlops/cli/report_run.h"
#include "mlops/cli/stages.h"
#include "mlops/model/name.h"
#include "mlops/store/ledger.h"

struct runs_options {
    int64_t limit;
    struct str pipeline, stage, branch, tag;
    int status;
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
};

static FALLIBLE list_runs(struct context *context, const struct runs_options *options,
                          struct run **ret, size_t *ret_count)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct ledger_filter filter = {
        .limit = options->limit,
        .stage = options->stage,
        .branch = options->branch,
        .tag = options->tag,
        .status = options->status,
    };
    TRY(context_project(context, &workspace));
    TRY(context_ledger(context, &ledger));
    if (options->pipeline.len)
        TRY(workspace_path(context->arena, workspace, options->pipeline, &filter.pipeline));
    return ledger_list_runs(ledger, context->arena, &filter, ret, ret_count);
}

static void print_json(struct context *context, const struct run *runs, size_t count)
{
    struct json_writer json = report_json_open(context);
    json_name(&json, "runs");
    json_open_list(&json);
    for (size_t i = 0; i < count; i++) {
        json_open_object(&json);
        run_json(&json, context->arena, &runs[i]);
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
};

static void add_run(struct context *context, struct table *table, const struct run *run)
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
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    struct run *runs = NULL;
    size_t count = 0;
    (void)argc, (void)argv;
    TRY(list_runs(context, opaque, &runs, &count));
    if (context->format == FORMAT_JSON) {
        print_json(context, runs, count);
        return NULL;
    }
    struct table table = table_make(context->arena, columns, COUNT_OF(columns));
    for (size_t i = 0; i < count; i++)
        add_run(context, &table, &runs[i]);
    report_table(context, &table, "runs");
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops runs", "the last 20 runs, newest first"},
    {"mlops runs -n 0 --branch main --status succeeded", "all that went well on main"},
    {"mlops runs --stage train --format csv", "runs that trained, for a spreadsheet"},
};

const struct cli_command cmd_runs = {
    .name = "runs",
    .group = GROUP_LOOK,
    .arguments = "",
    .summary = "List recorded runs, newest first",
    .description = "COMMIT is followed by '+' where the work tree had uncommitted changes.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct runs_options),
    .needs = NEED_PROJECT,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "show, diff, logs, tag",
    .has_rows = true,
    .run = run_command,
};
