#include "mlops/base/arena.h"

#include <stdlib.h>

#include "diff_private.h"

/* All paths that a stage of the view makes; the value is the artifact, or the view for one that was
 * not made yet. */
static void collect_made(struct arena *scratch, const struct run_view *view, struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        for (size_t j = 0; j < stage->out_count; j++)
            *map_place(scratch, ret, stage->outs[j].path) = &stage->outs[j];
        for (size_t j = 0; stage->recipe && j < stage->recipe->out_count; j++) {
            void **place = map_place(scratch, ret, stage->recipe->outs[j]);
            *place = *place ? *place : (void *)(uintptr_t)view;
        }
    }
}

/* Whether the path, or a directory above it, is made by a stage. */
static bool is_made(const struct map *made, struct str path)
{
    for (size_t len = path.len; len; len--)
        if ((len == path.len || path.at[len] == '/') && map_has(made, str_slice(path, 0, len)))
            return true;
    return false;
}

static void add_artifact(struct arena *scratch, const struct artifact *artifact, bool made,
                         struct map *ret)
{
    if (artifact->kind == ARTIFACT_ABSENT)
        return;
    bool is_executable = artifact->kind == ARTIFACT_FILE && artifact->is_executable;
    variants_add(scratch, ret, artifact->path,
                 (struct variant){
                     .tag = (int)artifact->kind * 2 + is_executable,
                     .value = {(const char *)artifact->digest.at, sizeof artifact->digest.at},
                     .is_made = made,
                     .item = artifact,
                 });
}

static void add_dep(struct arena *scratch, const struct recipe_dep *dep, bool made, struct map *ret)
{
    struct artifact *artifact = arena_new(scratch, struct artifact);
    *artifact = (struct artifact){
        .path = dep->path,
        .kind = dep->kind,
        .is_executable = dep->is_executable,
        .digest = dep->digest,
        .size_bytes = dep->size_bytes,
    };
    add_artifact(scratch, artifact, made, ret);
}

/* Of a path that is an output itself only what its stage made counts, not what was read of it. */
static void collect(struct arena *scratch, const struct run_view *view, struct map *ret)
{
    struct map made = {0};
    collect_made(scratch, view, &made);
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        for (size_t j = 0; j < stage->out_count; j++)
            add_artifact(scratch, &stage->outs[j], true, ret);
        for (size_t j = 0; stage->recipe && j < stage->recipe->dep_count; j++) {
            const struct recipe_dep *dep = &stage->recipe->deps[j];
            const void *maker = map_get(&made, dep->path);
            if (!maker || maker == view)
                add_dep(scratch, dep, is_made(&made, dep->path), ret);
        }
    }
}

static int compare_rows(const void *a, const void *b)
{
    const struct diff_data *left = a, *right = b;
    if (left->role != right->role)
        return left->role < right->role ? -1 : 1;
    return str_compare(left->path, right->path);
}

void diff_add_data(struct arena *arena, const struct run_view *before, const struct run_view *after,
                   bool all, struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map sides[2] = {{0}, {0}};
    struct variant_pair_vec pairs = {0};
    collect(&scratch, before, &sides[0]);
    collect(&scratch, after, &sides[1]);
    variants_join(&scratch, &sides[0], &sides[1], &pairs);
    vec_each (struct variant_pair, pair, &pairs) {
        const struct variant *sides_of[] = {pair->before, pair->after};
        enum diff_change change = variants_compare(pair);
        if (change == DIFF_SAME && !all)
            continue;
        struct diff_data *row = vec_push(arena, &ret->data);
        row->change = change;
        for (size_t i = 0; i < COUNT_OF(sides_of); i++)
            if (sides_of[i] && sides_of[i]->is_made)
                row->role = DIFF_OUTPUT;
        if (pair->before)
            row->before = *(const struct artifact *)pair->before->item;
        if (pair->after)
            row->after = *(const struct artifact *)pair->after->item;
        row->path = pair->before ? row->before.path : row->after.path;
    }
    vec_sort(&ret->data, compare_rows);
}
