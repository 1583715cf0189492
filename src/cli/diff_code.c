#include "mlops/cli/diff_code.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"
#include "mlops/store/cas.h"
#include "mlops/store/workspace.h"

struct filler {
    struct context *context;
    struct vcs *vcs;
    struct str prefix; /* of the project in the repository: "" or with '/' at its end */
    struct run_diff *diff;
    struct map told; /* paths of the project */
};

/* A commit may be gone (a shallow clone, a rebased branch): the rest of the answer stands. */
static FALLIBLE tell(struct context *context, const char *what, struct error *error)
{
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    if (error)
        context_notice(context, "%s not shown: %s", what, error->text);
    error_drop(error);
    return NULL;
}

/* --- which files --- */

static bool is_lock_or_pointer(struct str path)
{
    return str_ends(path, STR(".lock")) || str_ends(path, STR(".dvc")) ||
           str_ends(path, STR(".mlops")) || str_ends(path, STR(".gitignore"));
}

static void note(struct filler *filler, struct str path)
{
    map_put(filler->context->arena, &filler->told, path, filler);
}

/* What stages read and make is compared as such, whether or not it differs. */
static void note_paths(struct filler *filler, const struct run_view *view)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        const struct recipe *recipe = stage->recipe;
        for (size_t j = 0; j < stage->out_count; j++)
            note(filler, stage->outs[j].path);
        for (size_t j = 0; recipe && j < recipe->dep_count; j++)
            note(filler, recipe->deps[j].path);
        for (size_t j = 0; recipe && j < recipe->param_count; j++)
            note(filler, recipe->params[j].file);
    }
    for (size_t i = 0; i < view->data_count; i++)
        note(filler, view->data[i].path);
}

/* Whether the path, or a directory above it, is compared by another section. */
static bool is_told(const struct filler *filler, struct str path)
{
    for (size_t len = path.len; len; len--) {
        bool is_whole = len == path.len || path.at[len] == '/';
        if (is_whole && map_has(&filler->told, str_slice(path, 0, len)))
            return true;
    }
    return is_lock_or_pointer(path);
}

static FALLIBLE add_files(struct filler *filler)
{
    struct arena *arena = filler->context->arena;
    struct diff_code *code = &filler->diff->code;
    struct vcs_path_vec files = {0};
    TRY(tell(filler->context, "the changed files are",
             vcs_diff_files(filler->vcs, arena, code->before.commit, code->after.commit, &files)));
    vec_each (const struct str, file, &files) {
        struct str path = str_slice(*file, 2, file->len);
        bool is_ours = str_starts(path, filler->prefix);
        *vec_push(arena, &code->files) = *file;
        if (!is_ours || !is_told(filler, str_slice(path, filler->prefix.len, path.len)))
            code->other_count++;
    }
    return NULL;
}

/* --- which commits --- */

static FALLIBLE add_side(struct filler *filler, struct str from, struct str to,
                         struct diff_commit_vec *ret, int64_t *ret_count)
{
    struct arena *arena = filler->context->arena;
    struct vcs_commit_vec commits = {0};
    TRY(tell(filler->context, "the commits between are",
             vcs_between(filler->vcs, arena, from, to, DIFF_COMMITS_LISTED, &commits, ret_count)));
    vec_each (const struct vcs_commit, commit, &commits)
        *vec_push(arena, ret) = (struct diff_commit){commit->id, commit->subject};
    return NULL;
}

static FALLIBLE add_commits(struct filler *filler)
{
    struct diff_code *code = &filler->diff->code;
    struct str before = code->before.commit, after = code->after.commit;
    TRY(add_side(filler, before, after, &code->commits, &code->commit_count));
    return add_side(filler, after, before, &code->lost, &code->lost_count);
}

/* --- the text --- */

static void code_paths(struct filler *filler, struct vcs_path_vec *ret)
{
    struct arena *arena = filler->context->arena;
    vec_each (const struct diff_data, data, &filler->diff->data) {
        if (data->role == DIFF_CODE && data->change != DIFF_SAME)
            *vec_push(arena, ret) =
                str_print(arena, "%.*s%.*s", STR_FMT(filler->prefix), STR_FMT(data->path));
    }
}

static FALLIBLE add_patch(struct filler *filler, bool before_is_now, bool after_is_now,
                          struct buf *out)
{
    struct context *context = filler->context;
    const struct diff_code *code = &filler->diff->code;
    struct vcs_path_vec paths = {0};
    struct str text = {0};
    bool was_cut = false;
    code_paths(filler, &paths);
    /* The work tree is what a commit becomes; the other way round is told as such. */
    struct str from = before_is_now ? code->after.commit : code->before.commit;
    struct str to = before_is_now || after_is_now ? STR("") : code->after.commit;
    TRY(tell(context, "the text of the changes is",
             vcs_diff_patch(filler->vcs, context->arena, from, to, &paths, &text, &was_cut)));
    if (before_is_now && text.len)
        buf_add_text(out, "# from what comes after to the workspace, which is before\n");
    buf_add_str(out, text);
    if (was_cut)
        context_notice(context, "the text of the changes goes on");
    return NULL;
}

/* What a run had that was not committed is in the store. */
static FALLIBLE add_uncommitted(struct filler *filler, struct str title,
                                const struct code_state *code, struct buf *out)
{
    struct cas *cas = NULL;
    struct str text = {0};
    bool is_found = false;
    if (code->is_dirty != 1 || digest_is_zero(code->patch))
        return NULL;
    TRY(context_cas(filler->context, &cas));
    TRY(cas_get_bytes(cas, filler->context->arena, code->patch, LIMIT_PATCH_BYTES + 1, &text,
                      &is_found));
    if (is_found && text.len)
        buf_print(out, "# not committed in %.*s\n%.*s", STR_FMT(title), STR_FMT(text));
    return NULL;
}

static FALLIBLE fill_patch(struct filler *filler, bool before_is_now, bool after_is_now)
{
    struct run_diff *diff = filler->diff;
    struct buf out = buf_in(filler->context->arena);
    bool is_patch_same = digest_equal(diff->code.before.patch, diff->code.after.patch);
    if (before_is_now != after_is_now ||
        !str_equal(diff->code.before.commit, diff->code.after.commit))
        TRY(add_patch(filler, before_is_now, after_is_now, &out));
    if (!before_is_now && !is_patch_same)
        TRY(add_uncommitted(filler, diff->before_title, &diff->code.before, &out));
    if (!after_is_now && !is_patch_same)
        TRY(add_uncommitted(filler, diff->after_title, &diff->code.after, &out));
    diff->code.patch = buf_str(&out);
    return NULL;
}

FALLIBLE diff_code_fill(struct context *context, const struct run_view *before,
                        const struct run_view *after, bool wants_patch, struct run_diff *diff)
{
    struct filler filler = {.context = context, .diff = diff};
    struct workspace *workspace = NULL;
    const struct diff_code *code = &diff->code;
    bool is_known = code->before.commit.len && code->after.commit.len;
    bool is_same = str_equal(code->before.commit, code->after.commit);
    if (!is_known || (is_same && !wants_patch))
        return NULL;
    TRY(context_workspace(context, &workspace));
    TRY(context_vcs(context, &filler.vcs));
    if (!filler.vcs)
        return NULL;
    struct str inner = path_relative(context->arena, vcs_top(filler.vcs), workspace->root);
    if (inner.len && !str_is(inner, "."))
        filler.prefix = str_print(context->arena, "%.*s/", STR_FMT(inner));
    note_paths(&filler, before);
    note_paths(&filler, after);
    if (!is_same)
        TRY(add_files(&filler));
    if (!is_same)
        TRY(add_commits(&filler));
    return wants_patch ? fill_patch(&filler, before->is_workspace, after->is_workspace) : NULL;
}
