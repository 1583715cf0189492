/* Values of templates of a revision whose runs nobody here knows: from the files that it has. Which
 * files and keys these are is what the pipeline says now. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"

#include "view_private.h"

/* Files may have been committed without a run: then the command knows nothing of them. */
static bool is_used(const struct recipe *recipe, struct str text)
{
    for (size_t i = 0; recipe && i < recipe->cmd.count; i++)
        if (str_find(recipe->cmd.items[i], text) >= 0)
            return true;
    return false;
}

static FALLIBLE load_file(struct context *context, struct str commit, struct str path,
                          enum doc_dialect dialect, struct doc **ret)
{
    struct str bytes = {0};
    bool is_found = false;
    *ret = NULL;
    TRY(view_read_committed(context, commit, path, &bytes, &is_found));
    return is_found ? doc_load(context->arena, path, bytes, dialect, ret) : NULL;
}

struct sources {
    struct context *context;
    struct str commit;
    enum doc_dialect dialect;
    struct map docs; /* path -> struct doc *, once it was asked for */
};

/* What cannot be read there is not known. */
static const struct doc *find_doc(struct sources *sources, struct str path)
{
    void **place = map_place(sources->context->arena, &sources->docs, path);
    struct doc **known = *place;
    if (!known) {
        known = *place = arena_new(sources->context->arena, struct doc *);
        error_drop(load_file(sources->context, sources->commit, path, sources->dialect, known));
    }
    return *known;
}

static void add_values(struct sources *sources, const struct stage *stage,
                       struct run_view_stage *ret)
{
    struct arena *arena = sources->context->arena;
    vec_each (const struct tracked_value, value, &stage->tracked) {
        const struct doc *doc = find_doc(sources, value->file);
        const struct doc_node *node =
            doc && doc->root ? doc_find_path(doc->root, value->key) : NULL;
        if (!node)
            continue;
        AUTO(arena_drop) struct arena scratch = {0};
        struct buf encoded = buf_in(arena);
        doc_encode(node, &scratch, &encoded);
        struct str text = recipe_show(arena, buf_str(&encoded));
        if (is_used(ret->recipe, text))
            *vec_push(arena, &ret->templates) =
                recipe_param_of_text(arena, value->file, value->key, text);
    }
}

void view_add_committed_templates(struct context *context, struct str commit,
                                  const struct pipeline *pipeline, struct run_view *view)
{
    struct sources sources = {context, commit, pipeline->dialect, {0}};
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct stage *stage = map_get(&pipeline->by_name, view->stages[i].stage);
        if (stage && !view->stages[i].templates.len)
            add_values(&sources, stage, &view->stages[i]);
    }
}
