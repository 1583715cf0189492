#include "mlops/base/arena.h"
#include "mlops/cli/command.h"
#include "mlops/cli/diff_files.h"
#include "mlops/cli/report_diff.h"
#include "mlops/cli/view.h"
#include "mlops/host/vcs.h"
#include "mlops/store/workspace.h"

struct diff_options {
    bool all, exit_code;
    struct str pipeline;
};

static const struct option_row rows[] = {
    {"all", 'a', OPTION_FLAG_AT(struct diff_options, all), .help = "Show also what is the same"},
    {"exit-code", 0, OPTION_FLAG_AT(struct diff_options, exit_code),
     .help = "Exit with status 1 if there are differences"},
    {"pipeline", 'p', OPTION_STR_AT(struct diff_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "The pipeline whose lock file and work tree count (pipeline.yaml, then dvc.yaml)"},
};

/* Files that changed between the two commits, where both are known. */
static FALLIBLE add_code_files(struct context *context, struct run_diff *diff)
{
    struct vcs *vcs = NULL;
    struct vcs_path_vec files = {0};
    const struct diff_code *code = &diff->code;
    bool is_known = code->before.commit.len && code->after.commit.len;
    if (!is_known || str_equal(code->before.commit, code->after.commit))
        return NULL;
    TRY(context_vcs(context, &vcs));
    if (!vcs)
        return NULL;
    struct error *error =
        vcs_diff_files(vcs, context->arena, code->before.commit, code->after.commit, &files);
    /* A commit may be gone (a shallow clone, a rebased branch): the rest of the answer stands. */
    if (error)
        context_notice(context, "the changed files are not shown: %s", error->text);
    error_drop(error);
    vec_each (const struct str, file, &files)
        *vec_push(context->arena, &diff->code.files) = *file;
    return NULL;
}

static FALLIBLE compare(struct context *context, const struct run_view *before,
                        const struct run_view *after, bool all, struct run_diff *ret)
{
    diff_runs(context->arena, before, after, all, ret);
    if (context->common.verbose || context->format == FORMAT_JSON)
        TRY(diff_files_fill(context, before->is_workspace, after->is_workspace, ret));
    return add_code_files(context, ret);
}

/* The newest run against the last one whose state differs. */
static FALLIBLE compare_runs(struct context *context, const struct diff_options *options,
                             const struct run_view *newest, struct run_diff *ret)
{
    struct run_view earlier;
    struct error *error = view_find(context, STR("@~1"), options->pipeline, &earlier);
    if (error && error->code == ERROR_USAGE) {
        error_drop(error);
        return error_hint(error_new(ERROR_USAGE, "there is only one run to compare with, and the "
                                                 "workspace is as it left it"),
                          "change something, or name what to compare: mlops diff A B");
    }
    TRY(error);
    return compare(context, &earlier, newest, options->all, ret);
}

static FALLIBLE compare_usual(struct context *context, const struct diff_options *options,
                              struct run_diff *ret)
{
    struct run_view newest, workspace;
    TRY(view_find(context, STR("@"), options->pipeline, &newest));
    TRY(view_of_workspace(context, options->pipeline, &workspace));
    TRY(compare(context, &newest, &workspace, options->all, ret));
    return diff_is_empty(ret) ? compare_runs(context, options, &newest, ret) : NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct diff_options *options = opaque;
    struct run_diff diff;
    if (argc == 0) {
        TRY(compare_usual(context, options, &diff));
    } else {
        struct run_view before, after;
        TRY(view_find(context, argv[0], options->pipeline, &before));
        TRY(view_find(context, argc > 1 ? argv[1] : STR("workspace"), options->pipeline, &after));
        TRY(compare(context, &before, &after, options->all, &diff));
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
