#include "mlops/cli/view.h"

#include "mlops/base/arena.h"
#include "mlops/cli/report.h"
#include "mlops/codec/schema.h"
#include "mlops/host/file.h"
#include "mlops/host/vcs.h"
#include "mlops/store/sweeps.h"

#include <fcntl.h>
#include <stdlib.h>

#include "view_private.h"

/* What a word may mean; at most one may hold. */
struct meanings {
    struct run *runs;
    size_t run_count;
    struct str commit; /* empty: names no revision */
};

static FALLIBLE find_runs(struct context *context, struct str word, struct meanings *ret)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    TRY(context_ledger(context, &ledger));
    return ledger_find_runs(ledger, context->arena, word, &ret->runs, &ret->run_count);
}

/* A branch that only "origin" has, as in checkouts of CI, is meant by its short name, too. */
static FALLIBLE find_commit(struct context *context, struct str word, struct meanings *ret)
{
    struct vcs *vcs = NULL;
    bool is_found = false;
    bool is_relative = str_starts(word, STR("@")); /* '@' is git's word for HEAD, and ours */
    if (is_relative)
        return NULL;
    TRY(context_vcs(context, &vcs)); /* costs milliseconds the first time */
    if (!vcs)
        return NULL;
    TRY(vcs_resolve(vcs, context->arena, word, &ret->commit, &is_found));
    if (!is_found && !ret->run_count)
        TRY(vcs_resolve(vcs, context->arena,
                        str_print(context->arena, "origin/%.*s", STR_FMT(word)), &ret->commit,
                        &is_found));
    if (!is_found)
        ret->commit = (struct str){0};
    return NULL;
}

/* What people mistype most. */
static const char *suggest(struct context *context, struct str word)
{
    struct vcs *vcs = NULL;
    struct str commit, branch = {0};
    error_drop(context_vcs(context, &vcs));
    if (vcs)
        error_drop(vcs_head(vcs, context->arena, &commit, &branch));
    const char *names[] = {"workspace", "HEAD", str_copy(context->arena, branch).at};
    return schema_suggest(word, names, branch.len ? COUNT_OF(names) : COUNT_OF(names) - 1);
}

static FALLIBLE is_shallow(struct context *context, bool *ret)
{
    struct vcs *vcs = NULL;
    struct vcs_extent extent = {0};
    TRY(context_vcs(context, &vcs));
    if (vcs)
        TRY(vcs_extent_of(vcs, &extent));
    *ret = extent.is_shallow;
    return NULL;
}

/* A sweep is no run; its trials are. */
static FALLIBLE refuse_sweep(struct context *context, struct str word)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_find(ledger, context->arena, word, &rows, &count));
    if (count == 0)
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "'%.*s' is a sweep, not a run", STR_FMT(word)),
                      "mlops sweep show %.*s", STR_FMT(word));
}

/* A file is no side of a comparison, but people who come from git and DVC name one. */
static FALLIBLE refuse_path(struct context *context, struct str word)
{
    struct str cwd = {0};
    struct file_stat stat = {0};
    bool found = false;
    TRY(path_current(context->arena, &cwd));
    struct str path = path_join(context->arena, cwd, word);
    if (word.len)
        TRY(file_stat_at(AT_FDCWD, str_terminate(context->arena, path), false, &stat, &found));
    if (!found)
        return NULL;
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' is a path, not a run or a revision", STR_FMT(word)),
        "'mlops diff -v' lists what differs inside of directories, 'mlops help "
        "naming-runs' says how to name a run");
}

static FALLIBLE unknown_word(struct context *context, struct str word, bool takes_revisions)
{
    bool has_cut = false;
    struct run *newest = NULL;
    TRY(view_newest_run(context, &newest));
    if (!newest && str_is(word, "@"))
        return error_hint(
            error_new(ERROR_USAGE, "no run was recorded here yet"),
            "'mlops run' records one; '@' is no trial and no experiment, 'mlops runs' "
            "lists those");
    TRY(refuse_sweep(context, word));
    TRY(refuse_path(context, word));
    if (!newest)
        return error_hint(
            error_new(ERROR_USAGE, "'%.*s' names nothing: no run was recorded yet", STR_FMT(word)),
            "'mlops run' records one");
    TRY(is_shallow(context, &has_cut));
    if (has_cut)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' names no run", STR_FMT(word)),
                          "a branch or commit may be missing, as this clone is shallow: 'git fetch "
                          "--unshallow' (actions/checkout: fetch-depth: 0, GitLab: GIT_DEPTH: 0)");
    const char *near = takes_revisions ? suggest(context, word) : NULL;
    return error_hint(error_new(ERROR_USAGE, "'%.*s' names no run%s%s%s%s", STR_FMT(word),
                                takes_revisions ? ", tag or git revision" : "",
                                near ? " (did you mean '" : "", near ? near : "",
                                near ? "'?)" : ""),
                      "'mlops runs' lists them, 'mlops help naming-runs' says how to name one");
}

static FALLIBLE ambiguous(struct context *context, struct str word, const struct meanings *meanings)
{
    struct buf text = buf_in(context->arena);
    for (size_t i = 0; i < meanings->run_count; i++) {
        const struct run *run = &meanings->runs[i];
        buf_print(&text, "%srun %.*s (%.*s)", text.len ? ", " : "", STR_FMT(run->id),
                  STR_FMT(report_when(context->arena, run->started_ns)));
    }
    if (meanings->commit.len)
        buf_print(&text, ", git commit %.*s", STR_FMT(str_slice(meanings->commit, 0, 12)));
    return error_hint(
        error_new(ERROR_USAGE, "'%.*s' may mean: %.*s", STR_FMT(word), STR_FMT(buf_str(&text))),
        "write more of the one you mean");
}

FALLIBLE view_find_run(struct context *context, struct str word, struct run **ret)
{
    struct meanings meanings = {0};
    TRY(find_runs(context, word, &meanings));
    if (meanings.run_count == 0)
        return unknown_word(context, word, false);
    if (meanings.run_count > 1)
        return ambiguous(context, word, &meanings);
    *ret = &meanings.runs[0];
    return NULL;
}

FALLIBLE view_newest_run(struct context *context, struct run **ret)
{
    struct meanings meanings = {0};
    TRY(find_runs(context, STR("@"), &meanings));
    *ret = meanings.run_count ? &meanings.runs[0] : NULL;
    return NULL;
}

FALLIBLE view_usual_base(struct context *context, struct str *ret)
{
    struct vcs *vcs = NULL;
    struct str commit = {0};
    bool is_found = false;
    TRY(context_vcs(context, &vcs));
    if (vcs)
        TRY(vcs_resolve(vcs, context->arena, STR("HEAD"), &commit, &is_found));
    *ret = is_found ? STR("HEAD") : STR("@");
    return NULL;
}

FALLIBLE view_usual_word(struct context *context, struct str *ret)
{
    struct run *newest = NULL;
    *ret = STR("@");
    TRY(view_newest_run(context, &newest));
    return newest ? NULL : view_usual_base(context, ret);
}

static int compare_stages(const void *a, const void *b)
{
    const struct run_view_stage *left = a;
    const struct run_view_stage *right = b;
    return str_compare(left->stage, right->stage);
}

void view_sort_stages(struct run_view *view)
{
    if (view->stage_count > 1)
        qsort(view->stages, view->stage_count, sizeof *view->stages, compare_stages);
}

FALLIBLE view_find(struct context *context, struct str word, struct str pipeline,
                   struct run_view *ret)
{
    struct meanings meanings = {0};
    if (str_is(word, "workspace"))
        return view_of_workspace(context, pipeline, ret);
    TRY(find_runs(context, word, &meanings));
    TRY(find_commit(context, word, &meanings));
    if (meanings.run_count + (meanings.commit.len != 0) > 1)
        return ambiguous(context, word, &meanings);
    if (meanings.run_count)
        return view_of_run(context, &meanings.runs[0], ret);
    if (meanings.commit.len)
        return view_of_revision(context, word, meanings.commit, pipeline, ret);
    return unknown_word(context, word, true);
}
