#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_delta_private.h"

static FALLIBLE stage_link(struct delta *delta, const struct put *put, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str target = {0};
    TRY(cas_get_bytes(delta->restoring->worktree->cas, &scratch, put->wanted->digest,
                      LIMIT_PATH_BYTES, &target, ret_found));
    if (!*ret_found)
        return NULL;
    if (!link_is_inside(path_directory(put->wanted->below), target) ||
        memchr(target.at, '\0', target.len))
        return error_new(ERROR_STORED, "the stored link '%.*s' leaves its directory",
                         STR_FMT(put->wanted->below));
    if (symlinkat(target.at, fd_number(delta->restoring->temp.fd), put->staged) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(put->wanted->below));
    return NULL;
}

static FALLIBLE stage_one(void *context, size_t i, struct worker *worker)
{
    struct delta *delta = context;
    struct put *put = &delta->puts.at[i];
    bool found = true;
    (void)worker;
    if (atomic_load(&delta->is_missing))
        return NULL;
    if (put->wanted->kind == TREE_SYMLINK)
        TRY(stage_link(delta, put, &found));
    else
        TRY(cas_checkout(delta->restoring->worktree->cas, put->wanted->digest,
                         put->wanted->kind == TREE_EXECUTABLE, fd_number(delta->restoring->temp.fd),
                         put->staged, &put->stat, &found));
    if (!found)
        atomic_store(&delta->is_missing, true);
    return NULL;
}

static int compare_biggest_first(const void *a, const void *b)
{
    const struct put *left = a, *right = b;
    int64_t left_bytes = left->wanted->size_bytes, right_bytes = right->wanted->size_bytes;
    return left_bytes < right_bytes ? 1 : left_bytes > right_bytes ? -1 : 0;
}

FALLIBLE delta_make_directories(struct delta *delta, int top_fd)
{
    for (size_t i = 0; i < delta->directory_paths.len; i++) {
        AUTO(fd_drop) struct fd ignored = {0};
        TRY(place_descend(top_fd, delta->sorted_paths[i], true, &ignored));
    }
    return NULL;
}

FALLIBLE delta_stage(struct delta *delta)
{
    int temp_fd = fd_number(delta->restoring->temp.fd);
    if (delta->is_fresh) {
        AUTO(fd_drop) struct fd top = {0};
        TRY(directory_make(temp_fd, "new", false));
        TRY(directory_open(temp_fd, "new", &top));
        TRY(delta_make_directories(delta, fd_number(top)));
    }
    vec_sort(&delta->puts, compare_biggest_first);
    return crew_run(delta->restoring->worktree, delta->puts.len, stage_one, delta);
}
