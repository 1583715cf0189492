#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/diff.h"
#include "mlops/cli/report_diff.h"
#include "mlops/cli/view.h"
#include "mlops/host/file.h"
#include "mlops/store/ledger.h"
#include "mlops/store/workspace.h"

#include <fcntl.h>

struct diff_options {
    bool all, exit_code, patch, markdown;
    struct str pipeline;
};

static const struct option_row rows[] = {
    {"all", 'a', OPTION_FLAG_AT(struct diff_options, all), .help = "Show also what is the same"},
    {"exit-code", 0, OPTION_FLAG_AT(struct diff_options, exit_code),
     .help = "Exit with status 1 if there are differences"},
    {"patch", 0, OPTION_FLAG_AT(struct diff_options, patch),
     .help = "Show the text of the changes of code that stages depend on"},
    {"md", 0, OPTION_FLAG_AT(struct diff_options, markdown), .help = "The same as --format=md"},
    {"pipeline", 'p', OPTION_STR_AT(struct diff_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "The pipeline whose lock file and work tree count (pipeline.yaml, then dvc.yaml)"},
};

static FALLIBLE compare(struct context *context, const struct diff_options *options,
                        const struct run_view *before, const struct run_view *after,
                        struct run_diff *ret)
{
    const struct diff_request request = {
        .all = options->all, .wants_patch = options->patch, .pipeline = options->pipeline};
    return diff_make(context, &request, before, after, ret);
}

/* Runs of the pipeline that is meant, newest first: the one that was named, else the newest run's.
 */
static FALLIBLE list_runs(struct context *context, const struct diff_options *options,
                          struct run **ret, size_t *ret_count)
{
    struct ledger *ledger = NULL;
    struct run *newest = NULL;
    struct ledger_filter filter = {0};
    bool found = false;
    TRY(context_ledger(context, &ledger));
    if (options->pipeline.len)
        TRY(context_find_pipeline(context, options->pipeline, &filter.pipeline, &found));
    else
        TRY(view_newest_run(context, &newest));
    if (newest)
        filter.pipeline = newest->pipeline;
    TRY(ledger_list_runs(ledger, context->arena, &filter, ret, ret_count));
    if (*ret_count == 0)
        return error_hint(error_new(ERROR_USAGE, "there is no run to compare with yet"),
                          "mlops run makes one");
    return NULL;
}

/* The newest run against the last one whose state differs. */
static FALLIBLE compare_runs(struct context *context, const struct diff_options *options,
                             const struct run *runs, size_t count, const struct run_view *newest,
                             struct run_diff *ret)
{
    struct run_view earlier;
    size_t at = 1;
    while (at < count &&
           (digest_is_zero(runs[at].state) || digest_equal(runs[at].state, runs[0].state)))
        at++;
    if (at == count)
        return error_hint(error_new(ERROR_USAGE, "there is only one run to compare with, and the "
                                                 "workspace is as it left it"),
                          "change something, or name what to compare: mlops diff A B");
    TRY(view_find(context, runs[at].id, options->pipeline, &earlier));
    return compare(context, options, &earlier, newest, ret);
}

/* The workspace of a run's pipeline, wherever the caller stands; *ret_found false: its file is
 * gone. */
static FALLIBLE view_workspace_of(struct context *context, const struct run *run,
                                  struct run_view *ret, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct file_stat stat;
    TRY(context_workspace(context, &workspace));
    struct str path = path_join(context->arena, workspace->root, run->pipeline);
    TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, ret_found));
    return *ret_found ? view_of_workspace(context, path, ret) : NULL;
}

static FALLIBLE compare_usual(struct context *context, const struct diff_options *options,
                              struct run_diff *ret)
{
    struct run *runs = NULL;
    size_t count = 0;
    struct run_view newest, workspace;
    bool has_workspace = false;
    TRY(list_runs(context, options, &runs, &count));
    TRY(view_find(context, runs[0].id, options->pipeline, &newest));
    TRY(view_workspace_of(context, &runs[0], &workspace, &has_workspace));
    if (has_workspace)
        TRY(compare(context, options, &newest, &workspace, ret));
    return has_workspace && !diff_is_empty(ret)
               ? NULL
               : compare_runs(context, options, runs, count, &newest, ret);
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct diff_options *options = opaque;
    struct run_diff diff;
    if (options->markdown)
        context->format = FORMAT_MARKDOWN;
    if (argc == 0) {
        TRY(compare_usual(context, options, &diff));
    } else {
        struct run_view before, after;
        TRY(view_find(context, argv[0], options->pipeline, &before));
        TRY(view_find(context, argc > 1 ? argv[1] : STR("workspace"), options->pipeline, &after));
        TRY(compare(context, options, &before, &after, &diff));
    }
    report_diff(context, &diff);
    if (options->exit_code && !diff_is_empty(&diff))
        context->status = 1;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops diff", "what changed since the newest run, or what it changed"},
    {"mlops diff @~1 @", "the newest run against the one before"},
    {"mlops diff -v", "also which files inside directories differ"},
    {"mlops diff main", "the workspace against the lock file of branch main"},
    {"mlops diff main workspace --format md", "the same, for a comment on a merge request"},
};

const struct cli_command cmd_diff = {
    .name = "diff",
    .group = GROUP_LOOK,
    .arguments = "[A] [B]",
    .summary = "Compare two runs, revisions or the workspace",
    .description =
        "Metrics, parameters, data, code and stages that differ, each with its values on both "
        "sides. B is the workspace if it is not given. Without A and B: the newest run against "
        "the workspace, or, if that is as the run left it, the run before (whose state differs) "
        "against the newest. With --verbose (and always as JSON) the files inside a directory that "
        "differs are listed, as far as the store knows both sides.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct diff_options),
    .words_most = 2,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "runs, show, metrics, params",
    .has_rows = true,
    .run = run_command,
};
