/* Three versions of a directory into one, file by file. */
#include "mlops/base/arena.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "data_merge_private.h"

FALLIBLE merge_load(struct session *session, const struct pointer *pointer, struct version *ret,
                    bool *ret_known)
{
    *ret_known = true;
    if (!pointer)
        return NULL;
    TRY(tree_list_files(session->cas, session->arena, &pointer->artifact, SIZE_MAX, &ret->files,
                        &ret->count, ret_known));
    for (size_t i = 0; i < ret->count && *ret_known; i++)
        map_put(session->arena, &ret->by_path, ret->files[i].path, &ret->files[i]);
    return NULL;
}

static FALLIBLE load_versions(struct merging *merging)
{
    const struct data_conflict *conflict = merging->conflict;
    bool knows_base = true, knows_ours = true, knows_theirs = true;
    TRY(merge_load(merging->session, conflict->base, &merging->base, &knows_base));
    TRY(merge_load(merging->session, conflict->ours, &merging->ours, &knows_ours));
    TRY(merge_load(merging->session, conflict->theirs, &merging->theirs, &knows_theirs));
    if (knows_base && knows_ours && knows_theirs)
        return NULL;
    return error_hint(error_new(ERROR_STORED, "the store lacks what %s of '%.*s' names",
                                knows_ours ? "another side" : "our side", STR_FMT(conflict->file)),
                      "configure the remote that has it (mlops remote add), then again");
}

/* --- one file --- */

static bool is_same(const struct worktree_file *a, const struct worktree_file *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && digest_equal(a->digest, b->digest);
}

void merge_undecided(struct merging *merging, struct str path)
{
    *vec_push(merging->session->arena, &merging->merge->undecided) = path;
}

static const struct worktree_file *choose(struct merging *merging, struct str path)
{
    const struct worktree_file *base = map_get(&merging->base.by_path, path);
    const struct worktree_file *ours = map_get(&merging->ours.by_path, path);
    const struct worktree_file *theirs = map_get(&merging->theirs.by_path, path);
    if (is_same(ours, theirs))
        return ours;
    if (is_same(base, theirs)) {
        merging->merge->from_ours++;
        return ours;
    }
    if (is_same(base, ours)) {
        merging->merge->from_theirs++;
        return theirs;
    }
    if (merging->side == SIDE_NONE)
        merge_undecided(merging, path);
    return merging->side == SIDE_THEIRS ? theirs : ours;
}

static void take(struct merging *merging, struct str path)
{
    struct arena *arena = merging->session->arena;
    const struct worktree_file *chosen = choose(merging, path);
    if (!chosen)
        return;
    *vec_push(arena, &merging->files) = *chosen;
    struct str top = merging->merge->merged.artifact.path;
    for (struct str at = path_directory(chosen->path);
         at.len > top.len && !map_has(&merging->directories, at); at = path_directory(at))
        map_put(arena, &merging->directories, at, merging);
}

/* What both sides removed is nowhere. */
static void take_all(struct merging *merging)
{
    for (size_t i = 0; i < merging->ours.count; i++)
        take(merging, merging->ours.files[i].path);
    for (size_t i = 0; i < merging->theirs.count; i++)
        if (!map_has(&merging->ours.by_path, merging->theirs.files[i].path))
            take(merging, merging->theirs.files[i].path);
}

/* A file of one side where the other has a directory. */
static void find_collisions(struct merging *merging)
{
    vec_each (const struct worktree_file, file, &merging->files)
        if (map_has(&merging->directories, file->path))
            merge_undecided(merging, file->path);
}

/* --- the whole --- */

static bool has_name(const struct artifact *artifact, struct str name)
{
    return artifact->empty_dir_count &&
           bsearch(&name, artifact->empty_dirs, artifact->empty_dir_count, sizeof name,
                   str_compare_items) != NULL;
}

/* Those of either side that the other has not removed, and that are still empty. */
static void merge_empty_dirs(struct merging *merging, struct artifact *merged)
{
    static const struct artifact nothing;
    const struct data_conflict *conflict = merging->conflict;
    struct arena *arena = merging->session->arena;
    const struct artifact *base = conflict->base ? &conflict->base->artifact : &nothing;
    const struct artifact *sides[] = {&conflict->ours->artifact, &conflict->theirs->artifact};
    size_t most = sides[0]->empty_dir_count + sides[1]->empty_dir_count + 1;
    merged->empty_dirs = arena_new_array(arena, struct str, most);
    merged->empty_dir_count = 0;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < sides[side]->empty_dir_count; i++) {
            struct str name = sides[side]->empty_dirs[i];
            bool is_in_other = has_name(sides[1 - side], name);
            bool is_known = (is_in_other && side == 1) || (!is_in_other && has_name(base, name));
            if (!is_known && !map_has(&merging->directories, path_join(arena, merged->path, name)))
                merged->empty_dirs[merged->empty_dir_count++] = name;
        }
    if (merged->empty_dir_count > 1)
        qsort(merged->empty_dirs, merged->empty_dir_count, sizeof(struct str), str_compare_items);
}

FALLIBLE merge_trees(struct merging *merging)
{
    struct session *session = merging->session;
    struct artifact *merged = &merging->merge->merged.artifact;
    size_t skip = merged->path.len + 1;
    TRY(load_versions(merging));
    take_all(merging);
    find_collisions(merging);
    if (merging->merge->undecided.len)
        return NULL;
    merge_empty_dirs(merging, merged);
    struct artifact made = {0};
    for (size_t i = 0; i < merging->files.len; i++)
        merging->files.at[i].path =
            str_slice(merging->files.at[i].path, skip, merging->files.at[i].path.len);
    TRY(worktree_tree_of(session->worktree, merged->path, merging->files.at, merging->files.len,
                         LOOK_OUT, true, &made));
    merged->digest = made.digest;
    merged->size_bytes = made.size_bytes;
    merged->file_count = made.file_count;
    return cas_flush(session->cas);
}
