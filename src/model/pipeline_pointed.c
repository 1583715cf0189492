/* Files that no output may replace: those of the pipeline itself and of DVC, and what .dvc files
 * track. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

void binding_add_above(struct binding *binding, struct map *dirs, struct str path, void *value)
{
    while (path.len) {
        struct str dir = path_directory(path);
        bool is_top = dir.len == 0 && !path_is_within(path, STR(""));
        void **place = is_top ? NULL : map_place(binding->binder.arena, dirs, dir);
        if (!place || *place)
            return;
        *place = value;
        path = dir;
    }
}

struct str place_seen_from(struct arena *arena, const struct doc_node *from,
                           const struct doc_node *to)
{
    if (from->doc == to->doc)
        return str_print(arena, "line %d", to->line);
    return str_print(arena, "%.*s, line %d", STR_FMT(to->doc->name), to->line);
}

/* Which .dvc file tracks a path. */
struct tracker {
    const struct dvc_pointer *pointer;
};

static const struct dvc_pointer *pointer_of(const struct binding *binding, struct str path)
{
    const struct tracker *tracker = map_get(&binding->tracked_by, path);
    return tracker ? tracker->pointer : NULL;
}

static void add_own_file(struct binding *binding, struct str path, const char *what)
{
    struct arena *arena = binding->binder.arena;
    struct str *kept = arena_new(arena, struct str);
    *kept = path;
    char *words = arena_copy(arena, what, strlen(what));
    map_put(arena, &binding->own_files, path, words);
    binding_add_above(binding, &binding->own_dirs, path, kept);
}

void pipeline_add_own_files(struct binding *binding)
{
    vec_each (struct pipeline_file, file, &binding->pipeline->files) {
        add_own_file(binding, file->path,
                     file->index ? "is a pipeline file" : "is the pipeline file itself");
        add_own_file(binding, file->lock_path, "is the pipeline's lock file");
        if (!str_equal(path_name(file->path), STR("dvc.yaml")))
            continue;
        struct str lock;
        (void)path_resolve(binding->binder.arena, file->dir, STR("dvc.lock"), &lock);
        add_own_file(binding, lock, "is the pipeline's lock file");
    }
}

static void tell_tracked_twice(struct binding *binding, const struct dvc_pointer *pointer,
                               const struct dvc_entry *entry, const char *what,
                               const struct dvc_pointer *other, struct str other_path)
{
    if (str_equal(entry->path, other_path))
        binding_error(binding, entry->node, "'%.*s' is tracked by '%.*s' too", STR_FMT(entry->path),
                      STR_FMT(other->path));
    else
        binding_error(binding, entry->node, "'%.*s', which '%.*s' tracks, %s '%.*s' of '%.*s'",
                      STR_FMT(entry->path), STR_FMT(pointer->path), what, STR_FMT(other_path),
                      STR_FMT(other->path));
}

static void add_entry(struct binding *binding, const struct dvc_pointer *pointer,
                      struct dvc_entry *entry)
{
    struct arena *arena = binding->binder.arena;
    const struct tracker *other = map_get(&binding->tracked_by, entry->path);
    if (other) {
        tell_tracked_twice(binding, pointer, entry, "", other->pointer, entry->path);
        return;
    }
    map_put(arena, &binding->pipeline->pointed, entry->path, entry);
    struct tracker *tracker = arena_new(arena, struct tracker);
    tracker->pointer = pointer;
    map_put(arena, &binding->tracked_by, entry->path, tracker);
    binding_add_above(binding, &binding->tracked_dirs, entry->path, entry);
}

/* The path at or above `path` that a .dvc file tracks, or an empty one. */
static struct str tracked_above(const struct binding *binding, struct str path)
{
    while (path.len && !map_has(&binding->tracked_by, path))
        path = path_directory(path);
    return path;
}

static void check_entries(struct binding *binding, const struct dvc_pointer *pointer)
{
    vec_each (struct dvc_entry, entry, &pointer->outs) {
        struct str above =
            entry->is_url ? (struct str){0} : tracked_above(binding, path_directory(entry->path));
        const struct dvc_pointer *other = above.len ? pointer_of(binding, above) : NULL;
        if (other)
            tell_tracked_twice(binding, pointer, entry, "lies inside", other, above);
    }
}

void pipeline_add_pointers(struct binding *binding)
{
    const struct pipeline_sources *sources = binding->sources;
    struct arena *arena = binding->binder.arena;
    for (size_t i = 0; i < sources->pointer_count; i++) {
        const struct dvc_pointer *pointer = sources->pointers[i];
        *vec_push(arena, &binding->pipeline->pointers) = pointer;
        add_own_file(binding, pointer->path, "is a file of DVC's own");
        vec_each (struct dvc_entry, entry, &pointer->outs) {
            if (!entry->is_url)
                add_entry(binding, pointer, entry);
        }
    }
    for (size_t i = 0; i < sources->pointer_count; i++)
        check_entries(binding, sources->pointers[i]);
}

void pipeline_check_pointed(struct binding *binding, const struct stage *stage)
{
    if (binding->tracked_by.len == 0)
        return;
    vec_each (struct output, output, &stage->outs) {
        struct str path = tracked_above(binding, output->path);
        const struct dvc_entry *held = map_get(&binding->tracked_dirs, output->path);
        if (!path.len && held)
            path = held->path;
        if (!path.len)
            continue;
        const struct dvc_pointer *pointer = pointer_of(binding, path);
        bool is_same = str_equal(path, output->path);
        if (is_same)
            binding_error(binding, output->node,
                          "output '%.*s' of stage '%.*s' is tracked by '%.*s' too", STR_FMT(path),
                          STR_FMT(stage->name), STR_FMT(pointer->path));
        else
            binding_error(binding, output->node,
                          "output '%.*s' of stage '%.*s' %s '%.*s', which '%.*s' tracks",
                          STR_FMT(output->path), STR_FMT(stage->name),
                          path_is_within(output->path, path) ? "lies inside" : "holds",
                          STR_FMT(path), STR_FMT(pointer->path));
    }
}
