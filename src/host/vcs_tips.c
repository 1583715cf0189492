#include "mlops/base/arena.h"
#include "mlops/host/file.h"

#include <fcntl.h>
#include <stdlib.h>

#include "vcs_private.h"

/* Some 200 bytes a stash. */
enum { STASH_LOG_BYTES = 16777216 };

/* Commits seen so far, in the order found and with repetitions. */
struct tips {
    struct vcs *vcs;
    struct arena *arena;
    struct vcs_path_vec commits;
};

static void tips_add(struct tips *tips, const git_oid *id)
{
    *vec_push(tips->arena, &tips->commits) = vcs_hex(tips->arena, id);
}

/* What is not there holds nothing, nor what is no commit. What is there and can't be read may. */
static FALLIBLE check_absent(int status, const char *name)
{
    if (status != GIT_ENOTFOUND && status != GIT_EPEEL && status != GIT_EINVALIDSPEC)
        TRY_GIT(status, "the commit of '%s' can't be read", name);
    return NULL;
}

/* What a reference leads to, if that is a commit that is here. */
static FALLIBLE tips_add_reference(struct tips *tips, const git_reference *reference)
{
    AUTO(git2_drop_object) git_object *commit = NULL;
    int status = git2()->reference_peel(&commit, reference, GIT_OBJECT_COMMIT);
    if (status != 0)
        return check_absent(status, git2()->reference_name(reference));
    tips_add(tips, git2()->object_id(commit));
    return NULL;
}

static FALLIBLE tips_add_references(struct tips *tips)
{
    AUTO(git2_drop_reference_iterator) git_reference_iterator *iterator = NULL;
    TRY_GIT(git2()->reference_iterator_new(&iterator, tips->vcs->repository),
            "the branches of '%s' can't be listed", tips->vcs->top);
    for (;;) {
        AUTO(git2_drop_reference) git_reference *reference = NULL;
        int status = git2()->reference_next(&reference, iterator);
        if (status == GIT_ITEROVER)
            return NULL;
        TRY_GIT(status, "the branches of '%s' can't be listed", tips->vcs->top);
        TRY(tips_add_reference(tips, reference));
    }
}

/* A stash is a commit of the work tree whose further parents hold the index and the untracked
 * files. */
static FALLIBLE tips_add_stash(struct tips *tips, const git_oid *id, const char *name)
{
    AUTO(git2_drop_commit) git_commit *stash = NULL;
    int status = git2()->commit_lookup(&stash, tips->vcs->repository, id);
    if (status != 0)
        return check_absent(status, name);
    tips_add(tips, id);
    for (unsigned i = 1; i < git2()->commit_parentcount(stash); i++)
        tips_add(tips, git2()->commit_parent_id(stash, i));
    return NULL;
}

/* The older stashes are only in the log of refs/stash, whose lines begin with two ids, before and
 * after. Read by hand: git_reflog_read makes the file if it is absent. */
static FALLIBLE tips_add_stashes(struct tips *tips)
{
    git_oid id;
    bool found = false;
    struct str rest = {0}, line;
    const char *common = git2()->repository_commondir(tips->vcs->repository);
    struct str path = str_print(tips->arena, "%slogs/refs/stash", common);
    TRY(file_read(tips->arena, AT_FDCWD, path.at, STASH_LOG_BYTES, &rest, &found));
    while (found && str_split(&rest, '\n', &line)) {
        struct str after = str_slice(line, GIT_OID_HEXSZ + 1, 2 * GIT_OID_HEXSZ + 1);
        if (after.len == GIT_OID_HEXSZ && git2()->oid_fromstrn(&id, after.at, after.len) == 0)
            TRY(tips_add_stash(tips, &id, path.at));
    }
    return NULL;
}

FALLIBLE vcs_directories(struct vcs *vcs, struct arena *arena, struct vcs_path_vec *ret)
{
    struct str common = str_of(git2()->repository_commondir(vcs->repository));
    git_strarray names = {0};
    TRY_GIT(git2()->worktree_list(&names, vcs->repository),
            "the work trees of '%s' can't be listed", vcs->top);
    *vec_push(arena, ret) = str_copy(arena, common);
    for (size_t i = 0; i < names.count; i++)
        *vec_push(arena, ret) =
            str_print(arena, "%.*sworktrees/%s/", STR_FMT(common), names.strings[i]);
    git2()->strarray_dispose(&names);
    return NULL;
}

/* Files of git that may name a commit which no branch leads to. */
static const struct head {
    const char *name;
    bool is_stash;
} heads[] = {
    {"HEAD", false}, /* detached */
    {"ORIG_HEAD", false},
    {"MERGE_HEAD", false},
    {"CHERRY_PICK_HEAD", false},
    {"REVERT_HEAD", false},
    {"REBASE_HEAD", false},
    {"MERGE_AUTOSTASH", true},
    {"rebase-merge/autostash", true},
    {"rebase-apply/autostash", true},
};

/* Read by hand: git_repository_head_for_worktree of libgit2 1.5.1 crashes for detached ones. */
static FALLIBLE tips_add_head(struct tips *tips, struct str directory, const struct head *head)
{
    git_oid id;
    struct str line = {0};
    struct str path = str_print(tips->arena, "%.*s%s", STR_FMT(directory), head->name);
    TRY(vcs_read_line(tips->arena, path, &line));
    AUTO(git2_drop_commit) git_commit *commit = NULL;
    if (line.len != GIT_OID_HEXSZ || git2()->oid_fromstrn(&id, line.at, line.len) != 0)
        return NULL;
    if (head->is_stash)
        return tips_add_stash(tips, &id, path.at);
    int status = git2()->commit_lookup(&commit, tips->vcs->repository, &id);
    if (status != 0)
        return check_absent(status, path.at);
    tips_add(tips, &id);
    return NULL;
}

/* Of all work trees, whichever this one is. */
static FALLIBLE tips_add_heads(struct tips *tips)
{
    struct vcs_path_vec directories = {0};
    TRY(vcs_directories(tips->vcs, tips->arena, &directories));
    vec_each (const struct str, directory, &directories)
        for (size_t i = 0; i < COUNT_OF(heads); i++)
            TRY(tips_add_head(tips, *directory, &heads[i]));
    return NULL;
}

struct error *vcs_tips(struct vcs *vcs, struct arena *arena, struct vcs_path_vec *ret_commits)
{
    struct tips tips = {.vcs = vcs, .arena = arena};
    TRY(tips_add_references(&tips));
    TRY(tips_add_stashes(&tips));
    TRY(tips_add_heads(&tips));
    vec_sort(&tips.commits, str_compare_items);
    size_t kept = 0;
    for (size_t i = 0; i < tips.commits.len; i++)
        if (kept == 0 || !str_equal(tips.commits.at[kept - 1], tips.commits.at[i]))
            tips.commits.at[kept++] = tips.commits.at[i];
    tips.commits.len = kept;
    *ret_commits = tips.commits;
    return NULL;
}
