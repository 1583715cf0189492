/* What `.dvc` files stand for. */
#include "mlops/base/arena.h"
#include "mlops/model/dvc.h"

#include "plan_private.h"

VEC(number_vec, uint32_t);

struct pointing {
    struct arena *arena;
    const struct pipeline *pipeline;
    struct map by_path;  /* tracked path -> struct number_vec * */
    struct map by_above; /* directory above one -> the same */
    uint32_t *linked;    /* per pointer: 1 + the stage it was last linked with */
    struct pointer_link_vec links;
};

static void note(struct pointing *pointing, struct map *map, struct str path, uint32_t pointer)
{
    struct number_vec *numbers = map_get(map, path);
    if (!numbers) {
        numbers = arena_new(pointing->arena, struct number_vec);
        map_put(pointing->arena, map, path, numbers);
    }
    *vec_push(pointing->arena, numbers) = pointer;
}

static void note_pointer(struct pointing *pointing, uint32_t index)
{
    const struct dvc_pointer *pointer = pointing->pipeline->pointers.at[index];
    vec_each (const struct dvc_entry, entry, &pointer->outs) {
        note(pointing, &pointing->by_path, entry->path, index);
        for (struct str above = path_directory(entry->path); above.len;
             above = path_directory(above)) {
            note(pointing, &pointing->by_above, above, index);
            if (above.len == 1)
                break;
        }
    }
}

static void link_all(struct pointing *pointing, uint32_t stage, const struct number_vec *pointers)
{
    for (size_t i = 0; pointers && i < pointers->len; i++) {
        uint32_t pointer = pointers->at[i];
        if (pointing->linked[pointer] == stage + 1)
            continue;
        pointing->linked[pointer] = stage + 1;
        *vec_push(pointing->arena, &pointing->links) = (struct plan_pointer_link){stage, pointer};
    }
}

static void link_path(struct pointing *pointing, uint32_t stage, struct str path)
{
    link_all(pointing, stage, map_get(&pointing->by_above, path));
    for (struct str at = path; at.len; at = path_directory(at)) {
        link_all(pointing, stage, map_get(&pointing->by_path, at));
        if (at.len == 1)
            break;
    }
}

struct pointer_link_vec plan_pointer_links(struct arena *arena, const struct pipeline *pipeline)
{
    struct pointing pointing = {.arena = arena, .pipeline = pipeline};
    if (!pipeline->pointers.len)
        return pointing.links;
    pointing.linked = arena_new_array(arena, uint32_t, pipeline->pointers.len);
    for (uint32_t i = 0; i < pipeline->pointers.len; i++)
        note_pointer(&pointing, i);
    vec_each (const struct stage, stage, &pipeline->stages) {
        vec_each (const struct dependency, dep, &stage->deps) {
            if (!dep->is_url && !dep->is_glob && !stage->is_frozen)
                link_path(&pointing, (uint32_t)stage->index, dep->path);
        }
        vec_each (const struct param_ref, param, &stage->params) {
            if (!stage->is_frozen)
                link_path(&pointing, (uint32_t)stage->index, param->file);
        }
    }
    return pointing.links;
}
