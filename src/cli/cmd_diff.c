#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/cli/command.h"
#include "mlops/cli/diff.h"
#include "mlops/cli/diff_page.h"
#include "mlops/cli/diff_sides.h"
#include "mlops/cli/diff_tried.h"
#include "mlops/cli/report_diff.h"
#include "mlops/cli/view.h"
#include "mlops/host/file.h"
#include "mlops/store/ledger.h"
#include "mlops/store/workspace.h"

#include <fcntl.h>

struct diff_options {
    bool all, exit_code, patch, markdown, numbers;
    struct str pipeline, html;
};

static const struct option_row rows[] = {
    {"all", 'a', OPTION_FLAG_AT(struct diff_options, all), .help = "Show also what is the same"},
    {"exit-code", 0, OPTION_FLAG_AT(struct diff_options, exit_code),
     .help = "Exit with status 1 if there are differences"},
    {"patch", 0, OPTION_FLAG_AT(struct diff_options, patch),
     .help = "Show the text of the changes of code that stages depend on"},
    {"numbers", 0, OPTION_FLAG_AT(struct diff_options, numbers),
     .help = "Compare metrics by their numbers alone, without tests on predictions"},
    {"md", 0, OPTION_FLAG_AT(struct diff_options, markdown), .help = "The same as --format=md"},
    {"html", 0, OPTION_STR_AT(struct diff_options, html), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "Write one HTML page with curves of both sides to FILE ('-': standard output)"},
    {"pipeline", 'p', OPTION_STR_AT(struct diff_options, pipeline), .value = "FILE",
     .completes = COMPLETE_FILES,
     .help = "The pipeline whose lock file and work tree count (pipeline.yaml, then dvc.yaml)"},
};

static FALLIBLE compare(struct context *context, const struct diff_options *options,
                        const struct run_view *before, const struct run_view *after,
                        struct run_diff *ret)
{
    const struct diff_request request = {.all = options->all,
                                         .wants_patch = options->patch,
                                         .by_numbers = options->numbers,
                                         .pipeline = options->pipeline};
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
    return ledger_list_runs(ledger, context->arena, &filter, ret, ret_count);
}

struct answer {
    struct run_view before, after;
    struct run_diff diff;
};

/* A run that failed left the state of one before it: that one names it better. */
static size_t find_maker(const struct run *runs, size_t count, size_t at)
{
    size_t maker = at;
    while (maker < count &&
           (digest_is_zero(runs[maker].state) || (digest_equal(runs[maker].state, runs[at].state) &&
                                                  runs[maker].status != RUN_SUCCEEDED)))
        maker++;
    bool is_found = maker < count && digest_equal(runs[maker].state, runs[at].state);
    return is_found ? maker : at;
}

/* The newest run against the last one whose state differs. */
static FALLIBLE compare_runs(struct context *context, const struct diff_options *options,
                             const struct run *runs, size_t count, struct answer *ret)
{
    size_t at = 1;
    while (at < count &&
           (digest_is_zero(runs[at].state) || digest_equal(runs[at].state, runs[0].state)))
        at++;
    if (at == count && count > 1)
        return error_hint(error_new(ERROR_USAGE,
                                    "all %zu runs left the same, and the workspace is "
                                    "as they left it",
                                    count),
                          "change something, or name what to compare: mlops diff A B");
    if (at == count)
        return error_hint(error_new(ERROR_USAGE, "there is only one run to compare with, and the "
                                                 "workspace is as it left it"),
                          "change something, or name what to compare: mlops diff A B");
    at = find_maker(runs, count, at);
    TRY(view_find(context, runs[at].id, options->pipeline, &ret->before));
    TRY(view_find(context, runs[0].id, options->pipeline, &ret->after));
    return compare(context, options, &ret->before, &ret->after, &ret->diff);
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

/* A clone that has recorded nothing: what git has against what the files say. */
static FALLIBLE compare_files(struct context *context, const struct diff_options *options,
                              struct answer *ret)
{
    struct str base = {0};
    TRY(view_usual_base(context, &base));
    if (!str_is(base, "HEAD"))
        return error_hint(error_new(ERROR_USAGE, "there is no run to compare with yet"),
                          "mlops run makes one");
    TRY(view_find(context, base, options->pipeline, &ret->before));
    TRY(view_find(context, STR("workspace"), options->pipeline, &ret->after));
    return compare(context, options, &ret->before, &ret->after, &ret->diff);
}

/* Whoever has run and then committed has changed nothing that the run was made from. */
static bool is_as_run(const struct run_diff *diff)
{
    struct run_diff rest = *diff;
    rest.code = (struct diff_code){0};
    return diff_is_empty(&rest);
}

/* A run that failed with what the workspace has is what is compared, with the last one before it
 * that did not. */
static FALLIBLE replace_tried(struct context *context, const struct diff_options *options,
                              const struct run *runs, size_t count, struct answer *ret)
{
    const struct run *tried = NULL;
    struct str text;
    TRY(diff_find_tried(context, &ret->after, &tried, &text));
    if (!tried || !str_equal(tried->id, runs[0].id))
        return NULL;
    for (size_t i = 1; i < count; i++) {
        struct run_view view = {0};
        bool has_ended = runs[i].status == RUN_SUCCEEDED || runs[i].status == RUN_REJECTED;
        if (!has_ended || digest_is_zero(runs[i].state))
            continue;
        TRY(view_find(context, runs[i].id, options->pipeline, &view));
        if (view.run && !diff_was_tried(view.run, &ret->after)) {
            ret->after = ret->before;
            ret->before = view;
            return NULL;
        }
    }
    return NULL;
}

static FALLIBLE compare_usual(struct context *context, const struct diff_options *options,
                              struct answer *ret)
{
    struct run *runs = NULL;
    size_t count = 0;
    bool has_workspace = false;
    TRY(list_runs(context, options, &runs, &count));
    if (count == 0)
        return compare_files(context, options, ret);
    TRY(view_find(context, runs[0].id, options->pipeline, &ret->before));
    TRY(view_workspace_of(context, &runs[0], &ret->after, &has_workspace));
    if (has_workspace)
        TRY(replace_tried(context, options, runs, count, ret));
    if (has_workspace)
        TRY(compare(context, options, &ret->before, &ret->after, &ret->diff));
    return has_workspace && !is_as_run(&ret->diff)
               ? NULL
               : compare_runs(context, options, runs, count, ret);
}

/* --- the answer --- */

static FALLIBLE write_page(struct context *context, const struct diff_options *options,
                           const struct answer *answer)
{
    AUTO(buf_drop) struct buf page = {0};
    TRY(diff_page_print(context, &answer->before, &answer->after, &answer->diff, options->pipeline,
                        &page));
    if (str_is(options->html, "-")) {
        buf_add_str(&context->out, buf_str(&page));
        return NULL;
    }
    return report_save(context, options->html, buf_str(&page));
}

static FALLIBLE compare_many(struct context *context, const struct diff_options *options, int argc,
                             const struct str *argv)
{
    struct run_view *views = arena_new_array(context->arena, struct run_view, (size_t)argc);
    if (options->patch || options->html.len)
        return error_hint(error_new(ERROR_USAGE, "--patch and --html are about two sides"),
                          "name one or two of them");
    for (int i = 0; i < argc; i++)
        TRY(view_find(context, argv[i], options->pipeline, &views[i]));
    bool differs = diff_sides_report(context, views, (size_t)argc, options->all);
    if (options->exit_code && differs)
        context->status = 1;
    return NULL;
}

static FALLIBLE run_command(struct context *context, void *opaque, int argc, const struct str *argv)
{
    const struct diff_options *options = opaque;
    struct answer answer = {0};
    bool is_plain = context->format == FORMAT_TABLE;
    if ((options->markdown || str_is(options->html, "-")) && !is_plain)
        return error_hint(error_new(ERROR_USAGE, "two formats at once"), "choose one of them");
    if (options->markdown)
        context->format = FORMAT_MARKDOWN;
    if (argc > 2)
        return compare_many(context, options, argc, argv);
    if (argc == 0) {
        TRY(compare_usual(context, options, &answer));
    } else {
        struct str other = argc > 1 ? argv[1] : STR("workspace");
        TRY(view_find(context, argv[0], options->pipeline, &answer.before));
        TRY(view_find(context, other, options->pipeline, &answer.after));
        TRY(compare(context, options, &answer.before, &answer.after, &answer.diff));
    }
    if (options->html.len)
        TRY(write_page(context, options, &answer));
    if (!str_is(options->html, "-"))
        report_diff(context, &answer.diff);
    if (options->exit_code && !diff_is_empty(&answer.diff))
        context->status = 1;
    return NULL;
}

static const struct command_example examples[] = {
    {"mlops diff", "what changed since the newest run, or what it changed"},
    {"mlops diff @~1 @", "the newest run against the one before"},
    {"mlops diff HEAD~1", "what the last commit and the work since have changed"},
    {"mlops diff main workspace --md", "for a comment on a merge request"},
    {"mlops diff main --html diff.html", "a page with the curves of both over each other"},
    {"mlops diff main --patch", "also the text of what changed in the code of stages"},
    {"mlops diff v1 v2 v3 workspace", "metrics and parameters of several side by side"},
};

const struct cli_command cmd_diff = {
    .name = "diff",
    .group = GROUP_LOOK,
    .arguments = "[A] [B] [C...]",
    .summary = "Compare runs, revisions or the workspace: is it better, and why",
    .description =
        "First a line that says whether B is better than A and what was changed, then, as far as "
        "they differ, metrics, parameters, data, code, environment, pipeline, time and memory. B "
        "is the workspace if it is not given. Without A and B: the newest run against the "
        "workspace, or, if that is as the run left it, the run before (whose state differs) "
        "against the newest; in a clone without runs HEAD against the workspace. Of more than two "
        "metrics and parameters are shown side by side.\n"
        "\n"
        "Better goes by the metric of the pipeline's first gate; without gates by the main metrics "
        "of built-in evaluations, else by all metrics that are known by their names. Where the "
        "predictions of both sides are at hand and have ids, differences are tested on the same "
        "rows (McNemar, DeLong, paired t, bootstrap; Holm's correction over several), and what is "
        "no more than chance is said to be so.\n"
        "\n"
        "With --exit-code the status is 1 if anything differs but times, memory, the machine and "
        "where things lie on it. With --verbose (and always as JSON) the files inside a directory "
        "that differs are listed, as far as the store knows both sides.",
    .options = rows,
    .option_count = COUNT_OF(rows),
    .options_size = sizeof(struct diff_options),
    .words_most = -1,
    .needs = NEED_WORKSPACE,
    .completes = COMPLETE_RUNS,
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .see_also = "runs, show, metrics, params",
    .has_rows = true,
    .run = run_command,
};
