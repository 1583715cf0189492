#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_delta_private.h"

enum {
    GROUP_PUTS = 4096,
    GROUP_BYTES = 67108864,
    BIG_BYTES = 1048576, /* a group of its own */
};

/* Puts of one directory, for one worker: two that make names in the same directory wait for each
 * other. */
struct group {
    size_t first, end;
};
VEC(group_vec, struct group);

struct staging {
    struct delta *delta;
    struct group_vec groups;
};

static FALLIBLE stage_link(struct delta *delta, const struct put *put, int at_fd, bool *ret_found)
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
    if (symlinkat(target.at, at_fd, put->staged) != 0)
        return error_os(errno, "cannot make the link '%.*s'", STR_FMT(put->wanted->below));
    return NULL;
}

static FALLIBLE stage_one(struct delta *delta, struct put *put, int at_fd)
{
    bool found = true;
    if (put->wanted->kind == TREE_SYMLINK)
        TRY(stage_link(delta, put, at_fd, &found));
    else
        TRY_WITHIN(cas_checkout(delta->restoring->worktree->cas, put->wanted->digest,
                                put->wanted->kind == TREE_EXECUTABLE, at_fd, put->staged,
                                &put->stat, &found),
                   "'%.*s'", STR_FMT(put->wanted->below));
    if (!found)
        atomic_store(&delta->is_missing, true);
    return NULL;
}

static FALLIBLE stage_group(void *context, size_t i, struct worker *worker)
{
    const struct staging *staging = context;
    struct delta *delta = staging->delta;
    const struct group *group = &staging->groups.at[i];
    AUTO(fd_drop) struct fd at = {0};
    (void)worker;
    if (atomic_load(&delta->is_missing))
        return NULL;
    TRY(place_descend(fd_number(delta->stage_fd), delta->puts.at[group->first].staged_in,
                      !delta->is_fresh, &at));
    for (size_t n = group->first; n < group->end && !atomic_load(&delta->is_missing); n++) {
        TRY(signal_check());
        TRY(stage_one(delta, &delta->puts.at[n], fd_number(at)));
    }
    return NULL;
}

/* Big files first, so that none is begun last; the others as they lie in the tree. */
static int compare_puts(const void *a, const void *b)
{
    const struct put *left = a, *right = b;
    int64_t left_bytes = left->wanted->size_bytes, right_bytes = right->wanted->size_bytes;
    bool are_big = left_bytes >= BIG_BYTES || right_bytes >= BIG_BYTES;
    if (are_big && left_bytes != right_bytes)
        return left_bytes < right_bytes ? 1 : -1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static void group_puts(struct staging *staging)
{
    struct delta *delta = staging->delta;
    struct group *group = NULL;
    int64_t bytes = 0;
    for (size_t i = 0; i < delta->puts.len; i++) {
        const struct put *put = &delta->puts.at[i];
        bool joins = group && i - group->first < GROUP_PUTS && bytes < GROUP_BYTES &&
                     put->wanted->size_bytes < BIG_BYTES &&
                     str_equal(put->staged_in, delta->puts.at[group->first].staged_in);
        if (!joins) {
            group = vec_push(delta->arena, &staging->groups);
            group->first = i;
            bytes = 0;
        }
        group->end = i + 1;
        bytes += put->wanted->size_bytes;
    }
}

FALLIBLE delta_make_directories(struct delta *delta, int top_fd)
{
    for (size_t i = 0; i < delta->directory_paths.len; i++) {
        AUTO(fd_drop) struct fd ignored = {0};
        TRY(place_descend(top_fd, delta->sorted_paths[i], true, &ignored));
    }
    return NULL;
}

FALLIBLE delta_stage_puts(struct delta *delta)
{
    struct staging staging = {.delta = delta};
    vec_sort(&delta->puts, compare_puts);
    group_puts(&staging);
    return crew_run(delta->restoring->worktree, staging.groups.len, stage_group, &staging);
}

FALLIBLE delta_stage(struct delta *delta)
{
    TRY(directory_open(fd_number(delta->restoring->temp.fd), ".", &delta->stage_fd));
    return delta_stage_puts(delta);
}
