/* Commits by the names that lead to them, or by history. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"

#include <stdlib.h>

#include "vcs_private.h"

struct collecting {
    struct vcs *vcs;
    struct arena *arena;
    struct map seen; /* 20 bytes of an id */
    struct vcs_path_vec commits;
};

static void collect(struct collecting *collecting, const git_oid *id)
{
    struct str key = {(const char *)id->id, sizeof id->id};
    if (map_has(&collecting->seen, key))
        return;
    map_put(collecting->arena, &collecting->seen, str_copy(collecting->arena, key), collecting);
    *vec_push(collecting->arena, &collecting->commits) = vcs_hex(collecting->arena, id);
}

static bool is_wanted(const git_reference *reference, unsigned which)
{
    struct str name = str_of(git2()->reference_name(reference));
    return ((which & VCS_BRANCHES) && str_starts(name, STR("refs/heads/"))) ||
           ((which & VCS_TAGS) && str_starts(name, STR("refs/tags/")));
}

static FALLIBLE collect_references(struct collecting *collecting, unsigned which)
{
    struct vcs *vcs = collecting->vcs;
    AUTO(git2_drop_reference_iterator) git_reference_iterator *iterator = NULL;
    TRY_GIT(git2()->reference_iterator_new(&iterator, vcs->repository),
            "the branches of '%s' can't be listed", vcs->top);
    for (;;) {
        AUTO(git2_drop_reference) git_reference *reference = NULL;
        AUTO(git2_drop_object) git_object *commit = NULL;
        int status = git2()->reference_next(&reference, iterator);
        if (status == GIT_ITEROVER)
            return NULL;
        TRY_GIT(status, "the branches of '%s' can't be listed", vcs->top);
        if (is_wanted(reference, which) &&
            git2()->reference_peel(&commit, reference, GIT_OBJECT_COMMIT) == 0)
            collect(collecting, git2()->object_id(commit));
    }
}

/* A shallow clone ends where its history does: parents that are not here are left out. */
static FALLIBLE collect_parents(struct collecting *collecting)
{
    for (size_t i = 0; i < collecting->commits.len; i++) {
        git_oid id;
        AUTO(git2_drop_commit) git_commit *commit = NULL;
        struct str hex = collecting->commits.at[i];
        if ((int64_t)collecting->commits.len > LIMIT_HISTORY_COMMITS)
            return error_new(ERROR_MACHINE, "'%s' has more than %lld commits", collecting->vcs->top,
                             (long long)LIMIT_HISTORY_COMMITS);
        if (git2()->oid_fromstrn(&id, hex.at, hex.len) != 0 ||
            git2()->commit_lookup(&commit, collecting->vcs->repository, &id) != 0)
            continue;
        for (unsigned parent = 0; parent < git2()->commit_parentcount(commit); parent++) {
            AUTO(git2_drop_commit) git_commit *found = NULL;
            const git_oid *parent_id = git2()->commit_parent_id(commit, parent);
            if (git2()->commit_lookup(&found, collecting->vcs->repository, parent_id) == 0)
                collect(collecting, parent_id);
        }
    }
    return NULL;
}

static void collect_hex(struct collecting *collecting, const struct vcs_path_vec *commits)
{
    vec_each (const struct str, hex, commits) {
        git_oid id;
        if (git2()->oid_fromstrn(&id, hex->at, hex->len) == 0)
            collect(collecting, &id);
    }
}

struct error *vcs_commits(struct vcs *vcs, struct arena *arena, unsigned which,
                          struct vcs_path_vec *ret)
{
    struct collecting collecting = {.vcs = vcs, .arena = arena};
    struct vcs_path_vec tips = {0};
    if (which & VCS_HISTORY)
        TRY(vcs_tips(vcs, arena, &tips));
    collect_hex(&collecting, &tips);
    TRY(collect_references(&collecting, which));
    if (which & VCS_HISTORY)
        TRY(collect_parents(&collecting));
    vec_sort(&collecting.commits, str_compare_items);
    *ret = collecting.commits;
    return NULL;
}
