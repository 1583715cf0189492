#include "mlops/base/arena.h"

#include <stdlib.h>

#include "diff_private.h"

static void add_artifact(struct arena *scratch, struct variants *variants, enum diff_side side,
                         const struct artifact *artifact)
{
    if (artifact->kind == ARTIFACT_ABSENT)
        return;
    bool is_executable = artifact->kind == ARTIFACT_FILE && artifact->is_executable;
    variants_add(scratch, variants, side,
                 (struct variant){
                     .tag = (int)artifact->kind * 2 + is_executable,
                     .value = {(const char *)artifact->digest.at, sizeof artifact->digest.at},
                     .item = artifact,
                 });
}

/* All paths that a stage makes, also those that were not made yet. */
static void collect_outs(struct arena *scratch, const struct run_view *view, enum diff_side side,
                         struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct run_view_stage *stage = &view->stages[i];
        for (size_t j = 0; j < stage->out_count; j++) {
            struct variants *variants = variants_place(scratch, ret, stage->outs[j].path);
            variants->is_made[side] = true;
            add_artifact(scratch, variants, side, &stage->outs[j]);
        }
        for (size_t j = 0; stage->recipe && j < stage->recipe->out_count; j++)
            variants_place(scratch, ret, stage->recipe->outs[j])->is_made[side] = true;
    }
}

static void add_dep(struct arena *scratch, const struct recipe_dep *dep, enum diff_side side,
                    struct variants *variants)
{
    struct artifact *artifact = arena_new(scratch, struct artifact);
    *artifact = (struct artifact){
        .path = dep->path,
        .kind = dep->kind,
        .is_executable = dep->is_executable,
        .digest = dep->digest,
        .size_bytes = dep->size_bytes,
    };
    add_artifact(scratch, variants, side, artifact);
}

/* Of a path that is an output itself only what its stage made counts, not what was read of it. */
static void collect_deps(struct arena *scratch, const struct run_view *view, enum diff_side side,
                         struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct recipe *recipe = view->stages[i].recipe;
        for (size_t j = 0; recipe && j < recipe->dep_count; j++) {
            struct variants *variants = variants_place(scratch, ret, recipe->deps[j].path);
            if (!variants->is_made[side] || !variants->sides[side])
                add_dep(scratch, &recipe->deps[j], side, variants);
        }
    }
}

/* What pointers track, whether or not a stage reads it. */
static void collect_tracked(struct arena *scratch, const struct run_view *view, enum diff_side side,
                            struct map *ret)
{
    for (size_t i = 0; i < view->data_count; i++) {
        struct variants *variants = variants_place(scratch, ret, view->data[i].path);
        if (!variants->sides[side])
            add_artifact(scratch, variants, side, &view->data[i]);
    }
}

/* Whether the path, or a directory above it, is made by a stage of a side that has it. */
static bool is_made(const struct map *paths, struct str path)
{
    const struct variants *variants = map_get(paths, path);
    for (size_t len = path.len; len; len--) {
        if (len < path.len && path.at[len] != '/')
            continue;
        const struct variants *above = map_get(paths, str_slice(path, 0, len));
        for (size_t side = 0; above && side < SIDE_COUNT; side++)
            if (above->is_made[side] && variants->sides[side])
                return true;
    }
    return false;
}

static const char *const SOURCES[] = {
    "py", "pyx",   "ipynb", "r",   "R",   "rmd", "Rmd", "jl",  "sh", "bash",  "zsh", "c",
    "h",  "cc",    "cpp",   "cxx", "hpp", "cu",  "rs",  "go",  "js", "mjs",   "ts",  "java",
    "kt", "scala", "rb",    "pl",  "lua", "sql", "m",   "f90", "cs", "swift", "awk", "jinja",
};

bool diff_is_source(struct str path)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    struct str name = str_slice(path, (size_t)(slash + 1), path.len);
    ptrdiff_t point = str_find_last_char(name, '.');
    if (point <= 0)
        return str_is(name, "Makefile") || str_is(name, "Dockerfile");
    struct str suffix = str_slice(name, (size_t)point + 1, name.len);
    for (size_t i = 0; i < COUNT_OF(SOURCES); i++)
        if (str_is(suffix, SOURCES[i]))
            return true;
    return false;
}

static bool is_source_file(const struct artifact *before, const struct artifact *after)
{
    bool is_tree =
        (before && before->kind == ARTIFACT_TREE) || (after && after->kind == ARTIFACT_TREE);
    return !is_tree && diff_is_source(before ? before->path : after->path);
}

static int compare_rows(const void *a, const void *b)
{
    const struct diff_data *left = a, *right = b;
    if (left->role != right->role)
        return left->role < right->role ? -1 : 1;
    return str_compare(left->path, right->path);
}

void diff_add_data(struct arena *arena, const struct run_view *before, const struct run_view *after,
                   const struct diff_wish *wish, struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map paths = {0};
    collect_outs(&scratch, before, SIDE_BEFORE, &paths);
    collect_outs(&scratch, after, SIDE_AFTER, &paths);
    collect_deps(&scratch, before, SIDE_BEFORE, &paths);
    collect_deps(&scratch, after, SIDE_AFTER, &paths);
    if (before->knows_data && after->knows_data) {
        collect_tracked(&scratch, before, SIDE_BEFORE, &paths);
        collect_tracked(&scratch, after, SIDE_AFTER, &paths);
    }
    map_each (entry, &paths) {
        const void *items[SIDE_COUNT];
        enum diff_change change = variants_compare(entry->value, items);
        const struct artifact *old = items[SIDE_BEFORE], *new = items[SIDE_AFTER];
        if ((change == DIFF_SAME && !wish->all) || (!old && !new))
            continue;
        struct diff_data *row = vec_push(arena, &ret->data);
        row->change = change;
        row->role = is_made(&paths, entry->key) ? DIFF_OUTPUT : DIFF_INPUT;
        if (row->role == DIFF_INPUT && is_source_file(old, new))
            row->role = DIFF_CODE;
        row->before = old ? *old : row->before;
        row->after = new ? *new : row->after;
        row->path = old ? old->path : new->path;
    }
    vec_sort(&ret->data, compare_rows);
}
