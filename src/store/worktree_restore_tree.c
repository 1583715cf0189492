#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "worktree_delta_private.h"

static void delta_drop(struct delta *delta)
{
    fd_drop(&delta->parent_fd);
    fd_drop(&delta->stage_fd);
    fd_drop(&delta->top_fd);
}

static bool is_equal(const struct wanted *wanted, const struct node *node)
{
    return node->is_known && !node->is_odd && node->kind == wanted->kind &&
           digest_equal(node->digest, wanted->digest);
}

static void add_directory_path(struct delta *delta, struct str below)
{
    for (struct str at = below; at.len; at = path_directory(at)) {
        if (map_has(&delta->directory_paths, at))
            return;
        map_put(delta->arena, &delta->directory_paths, at, delta);
    }
}

static void sort_directories(struct delta *delta)
{
    size_t count = delta->directory_paths.len;
    delta->sorted_paths = arena_new_array(delta->arena, struct str, count);
    for (size_t i = 0; i < count; i++)
        delta->sorted_paths[i] = delta->directory_paths.entries[i].key;
    if (count > 1)
        qsort(delta->sorted_paths, count, sizeof(struct str), str_compare_items);
}

/* Of the directories above a path that are not there the highest; NULL: all are there. */
static struct built *missing_above(struct delta *delta, struct str below)
{
    struct str missing = {0};
    for (struct str at = path_directory(below); at.len; at = path_directory(at))
        if (!map_has(&delta->old_paths, at))
            missing = at;
    if (!missing.len)
        return NULL;
    void **place = map_place(delta->arena, &delta->built, missing);
    if (!*place) {
        struct built *built = arena_new(delta->arena, struct built);
        *built = (struct built){missing, str_print(delta->arena, "d%zu", delta->built.len), false};
        *place = built;
    }
    return *place;
}

/* What lies in a directory that is missing is built where it is to lie below that; what goes into
 * one that is there gets a number. */
static void choose_stage(struct delta *delta, struct put *put, const struct put *before)
{
    struct str below = put->wanted->below, above = path_directory(below);
    put->staged = path_name(below).at;
    put->staged_in = above;
    bool is_beside = before && str_equal(path_directory(before->wanted->below), above);
    put->built = is_beside ? before->built : missing_above(delta, below);
    if (!put->built) {
        put->staged = str_print(delta->arena, "%zu", put->number).at;
        put->staged_in = STR("");
        return;
    }
    struct str rest = str_slice(above, put->built->below.len, above.len);
    put->staged_in =
        is_beside ? before->staged_in
                  : str_print(delta->arena, "%.*s%.*s", STR_FMT(put->built->staged), STR_FMT(rest));
}

static void plan(struct delta *delta)
{
    const struct artifact *artifact = delta->restoring->artifact;
    for (size_t i = 0; i < delta->directories.len; i++)
        add_directory_path(delta, delta->directories.at[i].below);
    for (size_t i = 0; i < artifact->empty_dir_count; i++)
        add_directory_path(delta, artifact->empty_dirs[i]);
    sort_directories(delta);
    vec_each (struct wanted, wanted, &delta->files) {
        struct present *present = map_get(&delta->present_by_path, wanted->below);
        bool is_kept = !delta->restoring->worktree->relinks;
        if (is_kept && present && is_equal(wanted, present->node)) {
            present->is_wanted = true;
            continue;
        }
        struct put *put = vec_push(delta->arena, &delta->puts);
        put->wanted = wanted;
        put->number = delta->puts.len;
        choose_stage(delta, put, delta->puts.len > 1 ? put - 1 : NULL);
    }
}

void delta_note_puts(struct delta *delta)
{
    AUTO(buf_drop) struct buf path = {0};
    const struct restoring *restoring = delta->restoring;
    struct index *index = restoring->worktree->index;
    vec_each (const struct put, put, &delta->puts) {
        const struct wanted *wanted = put->wanted;
        buf_clear(&path);
        buf_add_str(&path, restoring->artifact->path);
        buf_add_text(&path, path.len ? "/" : "");
        buf_add_str(&path, wanted->below);
        if (wanted->kind != TREE_SYMLINK)
            index_note(index, buf_str(&path), &put->stat, wanted->digest, INT64_MAX);
        delta->counts.restored_files++;
        delta->counts.restored_bytes += wanted->size_bytes;
    }
    index_relieve(index);
}

static void count_puts(const struct delta *delta)
{
    struct worktree_counts *counts = &delta->restoring->worktree->counts;
    counts->restored_files += delta->counts.restored_files;
    counts->restored_bytes += delta->counts.restored_bytes;
}

/* A file or a FIFO in the place of the directory gets out of the way. */
static FALLIBLE clear_top(struct delta *delta, const struct look *look)
{
    struct restoring *restoring = delta->restoring;
    bool is_kept = false;
    if (look->top || !look->is_found)
        return NULL;
    if (look->is_known)
        TRY(cas_has(restoring->worktree->cas, look->digest, &is_kept));
    if (is_kept)
        return restoring_remove(restoring, fd_number(restoring->place.parent_fd),
                                restoring->place.name.at, &look->stat, restoring->artifact->path);
    return restoring_displace(restoring, fd_number(restoring->place.parent_fd),
                              restoring->place.name.at, restoring->artifact->path);
}

static FALLIBLE change(struct delta *delta, const struct look *look, const struct batch *batch,
                       bool *ret_done)
{
    TRY(directory_open_straight(fd_number(delta->restoring->place.parent_fd),
                                delta->restoring->place.name.at, &delta->top_fd));
    TRY(delta_find(delta, look->top, batch, ret_done));
    if (!*ret_done)
        return NULL;
    plan(delta);
    TRY(delta_stage(delta));
    *ret_done = !atomic_load(&delta->is_missing);
    if (!*ret_done)
        return NULL;
    TRY(delta_apply(delta));
    delta_note_puts(delta);
    return NULL;
}

static FALLIBLE run(struct delta *delta, const struct look *look, const struct batch *batch,
                    bool *ret_done)
{
    delta->is_fresh = !look->top;
    if (!delta->is_fresh)
        return change(delta, look, batch, ret_done);
    TRY(delta_build(delta, ret_done));
    if (!*ret_done)
        return NULL;
    TRY(clear_top(delta, look));
    return delta_apply(delta);
}

FALLIBLE restoring_tree(struct restoring *restoring, bool *ret_done)
{
    AUTO(delta_drop)
    struct delta delta = {.restoring = restoring, .arena = restoring->arena};
    struct look look;
    struct batch batch;
    TRY(restoring_pin(restoring, ret_done));
    if (!*ret_done)
        return NULL;
    struct error *error = restoring_look(restoring, true, &look, &batch);
    if (!error)
        error = run(&delta, &look, &batch, ret_done);
    if (!error && *ret_done)
        count_puts(&delta);
    batch_end(&batch);
    return error;
}

FALLIBLE restoring_clear_tree(struct restoring *restoring, const struct batch *batch)
{
    AUTO(delta_drop)
    struct delta delta = {.restoring = restoring, .arena = restoring->arena};
    int parent_fd = fd_number(restoring->place.parent_fd);
    const char *name = restoring->place.name.at;
    TRY(directory_open_straight(parent_fd, name, &delta.top_fd));
    delta_add_present(&delta, batch);
    TRY(delta_apply(&delta));
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return NULL;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return error_os(errno, "cannot remove '%.*s'", STR_FMT(restoring->artifact->path));
    return restoring_displace(restoring, parent_fd, name, restoring->artifact->path);
}
