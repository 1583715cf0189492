#include "mlops/base/arena.h"

#include "vcs_private.h"

struct sides {
    const git_index_entry *base, *ours, *theirs;
};

static FALLIBLE read_side(struct vcs *vcs, struct arena *arena, const git_index_entry *entry,
                          int64_t bytes_most, struct str *ret)
{
    *ret = (struct str){0};
    if (!entry || (entry->mode & GIT_FILEMODE_LINK) == GIT_FILEMODE_LINK)
        return NULL;
    return vcs_blob(vcs, arena, &entry->id, entry->path, bytes_most, ret);
}

static FALLIBLE add_conflict(struct vcs *vcs, struct arena *arena, const struct sides *sides,
                             struct str suffix, int64_t bytes_most, struct vcs_conflict_vec *ret)
{
    const git_index_entry *any = sides->ours     ? sides->ours
                                 : sides->theirs ? sides->theirs
                                                 : sides->base;
    if (!any || !str_ends(str_of(any->path), suffix))
        return NULL;
    struct vcs_conflict conflict = {.path = str_copy(arena, str_of(any->path))};
    TRY(read_side(vcs, arena, sides->base, bytes_most, &conflict.base));
    TRY(read_side(vcs, arena, sides->ours, bytes_most, &conflict.ours));
    TRY(read_side(vcs, arena, sides->theirs, bytes_most, &conflict.theirs));
    *vec_push(arena, ret) = conflict;
    return NULL;
}

struct error *vcs_conflicts(struct vcs *vcs, struct arena *arena, struct str suffix,
                            int64_t bytes_most, struct vcs_conflict_vec *ret)
{
    AUTO(git2_drop_index) git_index *index = NULL;
    AUTO(git2_drop_index_conflict_iterator) git_index_conflict_iterator *iterator = NULL;
    TRY_GIT(git2()->repository_index(&index, vcs->repository), "the index of '%s' can't be read",
            vcs->top);
    TRY_GIT(git2()->index_read(index, 0), "the index of '%s' can't be read", vcs->top);
    TRY_GIT(git2()->index_conflict_iterator_new(&iterator, index),
            "the conflicts of '%s' can't be listed", vcs->top);
    for (;;) {
        struct sides sides = {0};
        int status = git2()->index_conflict_next(&sides.base, &sides.ours, &sides.theirs, iterator);
        if (status == GIT_ITEROVER)
            return NULL;
        TRY_GIT(status, "the conflicts of '%s' can't be listed", vcs->top);
        TRY(add_conflict(vcs, arena, &sides, suffix, bytes_most, ret));
    }
}
