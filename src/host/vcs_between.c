/* What lies between two commits: the commits, and the text of changes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include "vcs_private.h"

static FALLIBLE oid_of(struct str commit, git_oid *ret)
{
    TRY_GIT(git2()->oid_fromstrn(ret, commit.at, commit.len), "'%.*s' is no commit",
            STR_FMT(commit));
    return NULL;
}

static FALLIBLE add_commit(struct vcs *vcs, struct arena *arena, const git_oid *id,
                           struct vcs_commit_vec *ret)
{
    AUTO(git2_drop_commit) git_commit *commit = NULL;
    TRY_GIT(git2()->commit_lookup(&commit, vcs->repository, id), "a commit of '%s' can't be read",
            vcs->top);
    const char *summary = git2()->commit_summary(commit);
    *vec_push(arena, ret) =
        (struct vcs_commit){vcs_hex(arena, id), str_copy(arena, str_of(summary ? summary : ""))};
    return NULL;
}

struct error *vcs_between(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                          size_t most, struct vcs_commit_vec *ret, int64_t *ret_count)
{
    AUTO(git2_drop_revwalk) git_revwalk *walk = NULL;
    struct vcs_commit_vec commits = {0};
    git_oid first, last, id;
    int64_t count = 0;
    int status = 0;
    TRY(oid_of(from, &first));
    TRY(oid_of(to, &last));
    TRY_GIT(git2()->revwalk_new(&walk, vcs->repository), "the history of '%s' can't be read",
            vcs->top);
    git2()->revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
    TRY_GIT(git2()->revwalk_push(walk, &last), "the history of %.*s can't be read", STR_FMT(to));
    TRY_GIT(git2()->revwalk_hide(walk, &first), "the history of %.*s can't be read", STR_FMT(from));
    while (count < LIMIT_HISTORY_COMMITS && (status = git2()->revwalk_next(&id, walk)) == 0) {
        if ((size_t)count < most)
            TRY(add_commit(vcs, arena, &id, &commits));
        count++;
    }
    if (status != GIT_ITEROVER)
        TRY_GIT(status, "the history of '%s' can't be read", vcs->top);
    *ret = commits;
    *ret_count = count;
    return NULL;
}

static FALLIBLE diff_of(struct vcs *vcs, struct str from, struct str to, git_diff_options *options,
                        git_diff **ret)
{
    AUTO(git2_drop_tree) git_tree *old = NULL, *new = NULL;
    TRY(vcs_tree_of(vcs, from, &old));
    if (to.len)
        TRY(vcs_tree_of(vcs, to, &new));
    int status = to.len
                     ? git2()->diff_tree_to_tree(ret, vcs->repository, old, new, options)
                     : git2()->diff_tree_to_workdir_with_index(ret, vcs->repository, old, options);
    TRY_GIT(status, "the changes in '%s' can't be found out", vcs->top);
    return NULL;
}

struct error *vcs_diff_patch(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                             const struct vcs_path_vec *paths, struct str *ret, bool *ret_cut)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(git2_drop_diff) git_diff *diff = NULL;
    git_diff_options options = {.version = GIT_DIFF_OPTIONS_VERSION, .context_lines = 3};
    *ret = STR("");
    *ret_cut = false;
    if (!paths->len) /* no path at all would mean every path to libgit2 */
        return NULL;
    char **names = arena_new_array(&scratch, char *, paths->len);
    for (size_t i = 0; i < paths->len; i++)
        names[i] = arena_copy(&scratch, paths->at[i].at, paths->at[i].len);
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_RECURSE_UNTRACKED_DIRS |
                    GIT_DIFF_SHOW_UNTRACKED_CONTENT | GIT_DIFF_DISABLE_PATHSPEC_MATCH |
                    GIT_DIFF_INCLUDE_TYPECHANGE;
    options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
    options.max_size = LIMIT_PATCH_BYTES;
    options.pathspec = (git_strarray){names, paths->len};
    TRY(diff_of(vcs, from, to, &options, &diff));
    return vcs_print_diff(vcs, arena, diff, ret, ret_cut);
}
