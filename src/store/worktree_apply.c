#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worktree_delta_private.h"

/* The open directory that holds `below`. */
static FALLIBLE parent_of(struct delta *delta, struct str below, bool makes, int *ret)
{
    struct str directory = path_directory(below);
    if (!delta->parent_fd.number_plus_one || !str_equal(directory, delta->parent)) {
        fd_drop(&delta->parent_fd);
        TRY(place_descend(fd_number(delta->top_fd), directory, makes, &delta->parent_fd));
        delta->parent = directory;
    }
    *ret = fd_number(delta->parent_fd);
    return NULL;
}

struct str delta_path(const struct delta *delta, struct str below)
{
    return path_join(delta->arena, delta->restoring->artifact->path, below);
}

/* Whether the file is still the one that was looked at, and in the store. */
static FALLIBLE is_kept(struct delta *delta, int parent_fd, const char *name,
                        const struct present *present, bool *ret)
{
    struct file_stat stat;
    bool found = false;
    *ret = present && present->node->is_known && !present->node->is_odd;
    if (!*ret)
        return NULL;
    TRY(file_stat_at(parent_fd, name, false, &stat, &found));
    *ret = found && cas_stat_equal(&stat, &present->node->stat);
    return *ret ? cas_has(delta->restoring->worktree->cas, present->node->digest, ret) : NULL;
}

/* Gets what stands at a path out of the way: nothing that the store lacks is lost. What the store
 * has stays to be replaced: *ret_seen is what may go (NULL: nothing stands there any more). */
static FALLIBLE clear_path(struct delta *delta, struct str below, const struct file_stat **ret_seen)
{
    const struct present *present = map_get(&delta->present_by_path, below);
    const char *name = str_terminate(delta->arena, path_name(below));
    struct file_stat stat;
    bool found = false, kept = false;
    int parent_fd = -1;
    *ret_seen = NULL;
    TRY(parent_of(delta, below, false, &parent_fd));
    TRY(file_stat_at(parent_fd, name, false, &stat, &found));
    if (!found)
        return NULL;
    TRY(is_kept(delta, parent_fd, name, present, &kept));
    if (!kept)
        return restoring_displace(delta->restoring, parent_fd, name, delta_path(delta, below));
    *ret_seen = &present->node->stat;
    return NULL;
}

static FALLIBLE remove_path(struct delta *delta, struct str below)
{
    const struct file_stat *seen = NULL;
    int parent_fd = -1;
    TRY(clear_path(delta, below, &seen));
    if (!seen)
        return NULL;
    TRY(parent_of(delta, below, false, &parent_fd));
    return restoring_remove(delta->restoring, parent_fd,
                            str_terminate(delta->arena, path_name(below)), seen,
                            delta_path(delta, below));
}

/* Files that are not to be, or that stand where a directory is to be. */
static FALLIBLE remove_extras(struct delta *delta)
{
    struct map wanted = {0};
    vec_each (struct put, put, &delta->puts)
        map_put(delta->arena, &wanted, put->wanted->below, put);
    vec_each (struct present, present, &delta->present)
        if (!present->is_wanted && !map_has(&wanted, present->below))
            TRY(remove_path(delta, present->below));
    return NULL;
}

/* Children first; those that still hold something (ignored files) stay. */
static FALLIBLE remove_directories(struct delta *delta)
{
    for (size_t i = delta->old_count; i-- > 0;) {
        struct str below = delta->old_directories[i];
        int parent_fd = -1;
        if (map_has(&delta->directory_paths, below))
            continue;
        TRY(parent_of(delta, below, false, &parent_fd));
        const char *name = str_terminate(delta->arena, path_name(below));
        if (unlinkat(parent_fd, name, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST &&
            errno != ENOENT)
            return error_os(errno, "cannot remove '%.*s'", STR_FMT(delta_path(delta, below)));
    }
    fd_drop(&delta->parent_fd); /* it may be one of them */
    return NULL;
}

/* Whether a path lies in a directory that comes as it was built. */
static bool is_within_built(const struct delta *delta, struct str below)
{
    for (struct str at = path_directory(below); at.len; at = path_directory(at))
        if (map_has(&delta->built, at))
            return true;
    return false;
}

/* Ignored files where a directory is to be were not among what was looked at. */
static FALLIBLE clear_for_directories(struct delta *delta)
{
    for (size_t i = 0; i < delta->directory_paths.len; i++) {
        struct str below = delta->sorted_paths[i];
        struct file_stat stat;
        bool found = false;
        if (is_within_built(delta, below))
            continue;
        AUTO(fd_drop) struct fd parent = {0};
        TRY(place_descend(fd_number(delta->top_fd), path_directory(below), true, &parent));
        const char *name = str_terminate(delta->arena, path_name(below));
        TRY(file_stat_at(fd_number(parent), name, false, &stat, &found));
        if (found && !S_ISDIR(stat.mode))
            TRY(restoring_displace(delta->restoring, fd_number(parent), name,
                                   delta_path(delta, below)));
    }
    return NULL;
}

/* Where a directory came by itself meanwhile, each file of the one that was built takes its place
 * in it. */
static FALLIBLE place_built(struct delta *delta)
{
    int temp_fd = fd_number(delta->restoring->temp.fd), parent_fd = -1;
    map_each (item, &delta->built) {
        struct built *built = item->value;
        const char *name = str_terminate(delta->arena, path_name(built->below));
        bool existed = false;
        TRY(parent_of(delta, built->below, true, &parent_fd));
        TRY_WITHIN(file_rename_new(temp_fd, built->staged.at, parent_fd, name, &existed),
                   "cannot put '%.*s' in its place", STR_FMT(delta_path(delta, built->below)));
        built->is_placed = !existed;
    }
    return NULL;
}

static FALLIBLE put_in_place(struct delta *delta, struct put *put)
{
    struct str below = put->wanted->below;
    const char *name = str_terminate(delta->arena, path_name(below));
    const struct file_stat *seen = NULL;
    int parent_fd = -1;
    bool found = false;
    TRY(parent_of(delta, below, true, &parent_fd));
    TRY(clear_path(delta, below, &seen));
    struct str staged = path_join(delta->arena, put->staged_in, str_of(put->staged));
    TRY(restoring_replace(delta->restoring, staged.at, parent_fd, name, seen,
                          delta_path(delta, below)));
    return file_stat_at(parent_fd, name, false, &put->stat, &found);
}

static FALLIBLE apply_changes(struct delta *delta)
{
    TRY(remove_extras(delta));
    TRY(remove_directories(delta));
    TRY(clear_for_directories(delta));
    TRY(place_built(delta));
    TRY(delta_make_directories(delta, fd_number(delta->top_fd)));
    vec_each (struct put, put, &delta->puts)
        if (!put->built || !put->built->is_placed)
            TRY(put_in_place(delta, put));
    return NULL;
}

static FALLIBLE apply_fresh(struct delta *delta)
{
    struct restoring *restoring = delta->restoring;
    struct place *place = &restoring->place;
    bool existed = false;
    TRY(file_rename_new(fd_number(restoring->temp.fd), "new", fd_number(place->parent_fd),
                        place->name.at, &existed));
    if (existed)
        return error_new(ERROR_MACHINE, "'%.*s' was made by another program meanwhile",
                         STR_FMT(restoring->artifact->path));
    return NULL;
}

FALLIBLE delta_apply(struct delta *delta)
{
    return delta->is_fresh ? apply_fresh(delta) : apply_changes(delta);
}
