/* The values that expressions may name: params.yaml beside the file, then `vars` in order. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/template.h"

#include "pipeline_private.h"

/* A file of values, read once for the whole pipeline. */
struct loaded {
    struct value *root; /* NULL: told, or not there */
    bool is_missing;
};

static FALLIBLE load(struct binding *binding, struct str path, const struct doc **ret)
{
    *ret = NULL;
    return binding->sources->load ? binding->sources->load(binding->sources->context, path, ret)
                                  : NULL;
}

static struct value *root_of(struct binding *binding, struct str path, const struct doc *doc)
{
    struct arena *arena = binding->binder.arena;
    struct value_source *source = arena_new(arena, struct value_source);
    *source = (struct value_source){.name = path, .file = path};
    if (doc->root->kind == DOC_MAP)
        return value_of_node(arena, doc->root, source);
    if (doc->root->kind == DOC_NULL)
        return value_new(arena, DOC_MAP, source); /* an empty file holds no values */
    binding_error(binding, doc->root, "'%.*s' must be a mapping of names to values, found %s",
                  STR_FMT(path), doc_kind_name(doc->root->kind));
    return NULL;
}

static const struct loaded *load_once(struct binding *binding, struct str path)
{
    void **place = map_place(binding->binder.arena, &binding->loaded, path);
    if (*place)
        return *place;
    struct loaded *loaded = *place = arena_new(binding->binder.arena, struct loaded);
    const struct doc *doc;
    struct error *error = load(binding, path, &doc);
    if (error)
        error_list_add(&binding->errors, error);
    else if (!doc)
        loaded->is_missing = true;
    else
        loaded->root = root_of(binding, path, doc);
    return loaded;
}

static bool lists_path(struct binding *binding, const struct doc_node *list, struct str dir,
                       struct str path)
{
    for (const struct doc_node *item = list && list->kind == DOC_LIST ? list->first : NULL; item;
         item = item->next) {
        const struct doc_node *text =
            item->kind == DOC_MAP && item->first ? item->first->key : item;
        struct str out = {0};
        if (text->kind == DOC_STR)
            (void)path_resolve(binding->binder.arena, dir, text->text, &out);
        if (out.len && str_equal(out, path))
            return true;
    }
    return false;
}

/* The stage that will make the file, as far as plain paths tell. */
static const struct doc_node *find_maker(struct binding *binding, struct str path)
{
    static const char *const keys[] = {"outs", "metrics", "plots"};
    for (size_t i = 0; i < binding->sources->count; i++) {
        const struct part *part = &binding->parts[i];
        const struct doc_node *stages = part->top.stages;
        for (const struct doc_node *stage = stages && stages->kind == DOC_MAP ? stages->first
                                                                              : NULL;
             stage; stage = stage->next) {
            const struct doc_node *wdir = doc_find(stage, STR("wdir"));
            struct str dir = part->file->dir;
            if (wdir && wdir->kind == DOC_STR)
                (void)path_resolve(binding->binder.arena, dir, wdir->text, &dir);
            for (size_t k = 0; k < COUNT_OF(keys); k++) {
                if (lists_path(binding, doc_find(stage, str_of(keys[k])), dir, path))
                    return stage->key;
            }
        }
    }
    return NULL;
}

static void tell_missing(struct binding *binding, const struct doc_node *node, struct str path)
{
    bool is_shown = binding->errors.kept < LIMIT_ERRORS_TOLD;
    const struct doc_node *maker = is_shown ? find_maker(binding, path) : NULL;
    if (!is_shown)
        binding->errors.dropped++;
    else if (maker)
        error_list_add(
            &binding->errors,
            error_hint(doc_error(node,
                                 "'%.*s' does not exist: stage '%.*s' makes it, but its "
                                 "values are needed before anything runs",
                                 STR_FMT(path), STR_FMT(maker->text)),
                       "keep a first version of it beside the pipeline, or read it in the command "
                       "instead of '${...}'"));
    else
        binding_error(binding, node, "'%.*s' does not exist", STR_FMT(path));
}

/* An item of `vars` that names a file. */
struct item {
    const struct doc_node *node;
    struct str path;
    struct str_vec keys; /* none: all of it */
};

static struct item read_item(struct binding *binding, const struct doc_node *node, struct str dir)
{
    struct item item = {.node = node};
    struct str rest = node->text;
    struct str file;
    struct str key;
    str_split(&rest, ':', &file);
    if (!binding_path(binding, node, dir, file, &item.path))
        item.path = (struct str){0};
    while (str_split(&rest, ',', &key)) {
        if (key.len)
            *vec_push(binding->binder.arena, &item.keys) = key;
    }
    return item;
}

/* A file may be named twice as a whole; else no part of it twice. */
static bool is_loaded_already(struct binding *binding, const struct context *context,
                              const struct item *item, bool *ret_is_fault)
{
    const struct import *import = context_import(context, item->path);
    struct str text = item->node->text;
    *ret_is_fault = true;
    if (!import)
        return false;
    if (import->is_whole && !item->keys.len) {
        *ret_is_fault = false;
        return true;
    }
    bool shares = false;
    vec_each (struct str, key, &item->keys)
        shares = shares || context_imports_key(context, item->path, *key);
    if (!import->is_whole && item->keys.len && !shares)
        return false;
    if (import->is_whole)
        binding_error(binding, item->node,
                      "cannot partially load '%.*s': the whole file is already loaded",
                      STR_FMT(text));
    else
        binding_error(binding, item->node, "cannot load '%.*s': it is partially loaded already",
                      STR_FMT(text));
    return true;
}

static struct value *selected_keys(struct binding *binding, const struct item *item,
                                   struct value *root)
{
    struct arena *arena = binding->binder.arena;
    struct value *some = value_new(arena, DOC_MAP, root->source);
    vec_each (struct str, key, &item->keys) {
        struct value *found = value_find(arena, root, *key);
        if (!found) {
            binding_error(binding, item->node, "could not find '%.*s' in '%.*s'", STR_FMT(*key),
                          STR_FMT(item->path));
            return NULL;
        }
        value_add(arena, some, *key, found);
    }
    return some;
}

static void tell_clash(struct binding *binding, struct clash *clash)
{
    struct arena *arena = binding->binder.arena;
    struct value *added = clash->added;
    const struct doc_node *at = added->node && added->node->key ? added->node->key : added->node;
    if (clash->is_reserved) {
        binding_error(binding, at,
                      "'vars' must not define '%.*s': it is what the stage's group goes over",
                      STR_FMT(added->name));
        return;
    }
    struct value *existing = clash->existing;
    struct str path = value_path(arena, added);
    struct str place = {0};
    if (existing->node && existing->node->doc)
        place = str_print(arena, " (line %d)", existing->node->line);
    binding_error(binding, at,
                  "cannot redefine '%.*s' from '%.*s': it already exists in '%.*s'%.*s",
                  STR_FMT(path), STR_FMT(added->source->name), STR_FMT(existing->source->name),
                  STR_FMT(place));
}

/* `node` is where too much of it is told. */
static bool merge(struct binding *binding, struct context *context, const struct doc_node *node,
                  struct value *map)
{
    struct clash clash;
    if (!context_merge(binding->binder.arena, context, map, &clash)) {
        tell_clash(binding, &clash);
        return false;
    }
    binding->nodes_made += context->copied;
    context->copied = 0;
    return !binding_makes_too_many(binding, node);
}

static void note_import(struct binding *binding, struct context *context, const struct item *item)
{
    struct arena *arena = binding->binder.arena;
    void **place = map_place(arena, &context->imports, item->path);
    struct import *import = *place ? *place : (*place = arena_new(arena, struct import));
    import->is_whole = item->keys.len == 0;
    vec_each (struct str, key, &item->keys)
        map_put(arena, &import->keys, *key, import);
}

static bool load_item(struct binding *binding, struct context *context, const struct doc_node *node,
                      struct str dir)
{
    struct item item = read_item(binding, node, dir);
    bool is_fault = false;
    if (!item.path.len)
        return false;
    if (is_loaded_already(binding, context, &item, &is_fault))
        return !is_fault;
    const struct loaded *loaded = load_once(binding, item.path);
    if (loaded->is_missing)
        tell_missing(binding, node, item.path);
    struct value *map = loaded->root;
    if (map && item.keys.len)
        map = selected_keys(binding, &item, map);
    if (!map || !merge(binding, context, node, map))
        return false;
    note_import(binding, context, &item);
    return true;
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
static const struct doc_node *find_expression(const struct doc_node *node)
{
    if (node->key && template_has_expression(node->key->text))
        return node->key;
    if (node->kind == DOC_STR)
        return template_has_expression(node->text) ? node : NULL;
    const struct doc_node *found = NULL;
    bool is_list = node->kind == DOC_LIST || node->kind == DOC_MAP;
    for (const struct doc_node *child = is_list ? node->first : NULL; child && !found;
         child = child->next)
        found = find_expression(child);
    return found;
}

static bool load_map(struct binding *binding, struct context *context, const struct doc_node *node,
                     struct str stage, size_t index)
{
    struct arena *arena = binding->binder.arena;
    struct value_source *source = arena_new(arena, struct value_source);
    source->name = str_print(arena, "%.*s%svars[%zu]", STR_FMT(stage), stage.len ? "." : "", index);
    return merge(binding, context, node, value_of_node(arena, node, source));
}

bool pipeline_load_vars(struct binding *binding, struct context *context,
                        const struct doc_node *vars, struct str dir, struct str stage)
{
    const struct doc_node *found = find_expression(vars);
    if (found) {
        binding_error(binding, found,
                      "'vars' must not hold expressions: they define what "
                      "expressions stand for");
        return false;
    }
    bool is_fine = true;
    size_t index = 0;
    for (const struct doc_node *item = vars->first; item && is_fine; item = item->next, index++)
        is_fine = item->kind == DOC_MAP ? load_map(binding, context, item, stage, index)
                                        : load_item(binding, context, item, dir);
    return is_fine;
}

struct context *pipeline_new_context(struct binding *binding, struct context *below)
{
    struct arena *arena = binding->binder.arena;
    struct context *context = arena_new(arena, struct context);
    context->below = below;
    context->root = value_new(arena, DOC_MAP, NULL);
    return context;
}

/* params.yaml beside the file, if there is one. */
static bool load_params(struct binding *binding, struct part *part)
{
    struct item item = {0};
    (void)path_resolve(binding->binder.arena, part->file->dir, STR("params.yaml"), &item.path);
    const struct loaded *loaded = load_once(binding, item.path);
    part->has_params = !loaded->is_missing;
    if (!loaded->root)
        return loaded->is_missing;
    note_import(binding, part->context, &item);
    return merge(binding, part->context, part->doc->root, loaded->root);
}

bool pipeline_load_context(struct binding *binding, struct part *part)
{
    part->context = pipeline_new_context(binding, NULL);
    bool is_fine = load_params(binding, part);
    const struct doc_node *vars = part->top.vars;
    if (vars && is_fine)
        is_fine = pipeline_load_vars(binding, part->context, vars, part->file->dir, STR(""));
    return is_fine;
}
