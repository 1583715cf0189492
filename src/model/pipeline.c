#include "mlops/model/pipeline.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "pipeline_private.h"

enum doc_dialect pipeline_dialect(struct str path)
{
    return str_equal(path_name(path), STR("dvc.yaml")) ? DOC_DVC : DOC_NATIVE;
}

static struct str beside(struct arena *arena, struct str dir, struct str name)
{
    struct str path;
    (void)path_resolve(arena, dir, name, &path);
    return path;
}

struct str pipeline_lock_path(struct arena *arena, const struct pipeline *pipeline)
{
    if (str_equal(path_name(pipeline->path), STR("dvc.yaml")))
        return beside(arena, pipeline->dir, STR("dvc.mlops.lock"));
    size_t len = pipeline->path.len;
    if (str_ends(pipeline->path, STR(".yaml")))
        len -= strlen(".yaml");
    else if (str_ends(pipeline->path, STR(".yml")))
        len -= strlen(".yml");
    return str_print(arena, "%.*s.lock", (int)len, pipeline->path.at);
}

static void bind_stages(struct binding *binding, const struct doc_node *node)
{
    struct pipeline *pipeline = binding->pipeline;
    struct arena *arena = binding->binder.arena;
    if (node->kind != DOC_MAP || node->count > (size_t)LIMIT_STAGES) {
        if (node->kind == DOC_MAP)
            binding_error(binding, node, "'stages' has more than %lld stages",
                          (long long)LIMIT_STAGES);
        else
            binding_expected(binding, node, "stages", "a mapping of names to stages");
        return;
    }
    pipeline->stages.at = arena_new_array(arena, struct stage, node->count);
    pipeline->stages.cap = node->count;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct stage *stage = vec_push(arena, &pipeline->stages); /* stays where it is: cap fits */
        stage->index = pipeline->stages.len - 1;
        stage->file = &pipeline->files.at[0];
        pipeline_bind_stage(binding, item, stage);
        stage->local_name = stage->name;
        map_put(arena, &pipeline->by_name, stage->name, stage);
    }
}

static void bind_artifacts(struct binding *binding, const struct doc_node *node)
{
    if (node->kind != DOC_MAP) {
        binding_expected(binding, node, "artifacts", "a mapping of names to artifacts");
        return;
    }
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct draft_artifact draft = {0};
        struct str ignored;
        schema_bind(&binding->binder, &pipeline_schema_artifact,
                    str_print(binding->binder.arena, "of '%.*s'", STR_FMT(item->key->text)), item,
                    &draft);
        if (draft.path.len)
            binding_path(binding, item, binding->pipeline->dir, draft.path, &ignored);
        if (draft.labels)
            binding_list(binding, draft.labels, "labels", "texts");
    }
}

/* Paths, or mappings of a path or a name to options. */
static void check_plots(struct binding *binding, const struct doc_node *list)
{
    if (!binding_list(binding, list, "plots", "plots"))
        return;
    for (const struct doc_node *item = list->first; item; item = item->next) {
        struct str ignored;
        if (item->kind != DOC_MAP)
            binding_text(binding, item, "plots", &ignored);
        for (const struct doc_node *plot = item->kind == DOC_MAP ? item->first : NULL; plot;
             plot = plot->next) {
            if (plot->kind != DOC_MAP && plot->kind != DOC_NULL)
                binding_expected(binding, plot, "plots", "mappings of options");
        }
    }
}

static void bind_lists(struct binding *binding, const struct draft_top *top)
{
    struct pipeline *pipeline = binding->pipeline;
    if (top->params)
        pipeline->params = pipeline_bind_paths(binding, top->params, pipeline->dir, "params");
    if (top->metrics)
        pipeline->metrics = pipeline_bind_paths(binding, top->metrics, pipeline->dir, "metrics");
    if (top->plots)
        check_plots(binding, top->plots);
    if (top->artifacts)
        bind_artifacts(binding, top->artifacts);
    if (top->datasets)
        binding_list(binding, top->datasets, "datasets", "data sets");
    pipeline->plots = top->plots;
    pipeline->artifacts = top->artifacts;
    pipeline->datasets = top->datasets;
}

/* Each top-level value but the stages, which are looked at one by one, and what is not ours. */
static void resolve_top(struct binding *binding, struct draft_top *top)
{
    const struct doc_node **const nodes[] = {&top->params, &top->metrics, &top->plots,
                                             &top->artifacts, &top->datasets};
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (*nodes[i])
            *nodes[i] = pipeline_resolve(binding, *nodes[i]);
    }
}

static void bind_top(struct binding *binding, const struct doc_node *root)
{
    struct pipeline *pipeline = binding->pipeline;
    struct draft_top top = {0};
    schema_bind(&binding->binder, &pipeline_schema_top, STR(""), root, &top);
    resolve_top(binding, &top);
    pipeline->name = top.name;
    pipeline->desc = top.desc;
    pipeline->remote = top.remote;
    if (top.defaults)
        pipeline_bind_defaults(binding, top.defaults);
    bind_lists(binding, &top);
    if (top.stages)
        bind_stages(binding, top.stages);
}

/* A mistake like an empty file is told in words of its own. */
static bool has_content(struct binding *binding, const struct doc *doc)
{
    if (doc->is_empty && binding->is_dvc)
        return false;
    if (doc->is_empty)
        binding_error(binding, doc->root, "the file is empty: a pipeline has 'stages'");
    else if (doc->root->kind != DOC_MAP)
        binding_error(binding, doc->root,
                      "a pipeline must be a mapping that has 'stages', found %s",
                      doc_kind_name(doc->root->kind));
    return doc->root->kind == DOC_MAP;
}

/* No expression can be without a '$', in the clear or as an escape of a quoted scalar. */
static bool may_hold_expressions(struct str bytes)
{
    return str_find_char(bytes, '$') >= 0 || str_find_char(bytes, '\\') >= 0;
}

static void add_lock_paths(struct binding *binding)
{
    struct arena *arena = binding->binder.arena;
    *vec_push(arena, &binding->lock_paths) = pipeline_lock_path(arena, binding->pipeline);
    if (str_equal(path_name(binding->pipeline->path), STR("dvc.yaml")))
        *vec_push(arena, &binding->lock_paths) =
            beside(arena, binding->pipeline->dir, STR("dvc.lock"));
}

struct error *pipeline_bind(struct arena *arena, const struct doc *doc, struct str path,
                            struct pipeline **ret)
{
    struct pipeline *pipeline = arena_new(arena, struct pipeline);
    pipeline->path = path;
    pipeline->dir = path_directory(path);
    pipeline->dialect = doc->dialect;
    pipeline->doc = doc;
    *vec_push(arena, &pipeline->files) =
        (struct pipeline_file){.path = path,
                               .dir = pipeline->dir,
                               .lock_path = pipeline_lock_path(arena, pipeline),
                               .doc = doc};
    struct binding binding = {
        .binder.arena = arena,
        .pipeline = pipeline,
        .is_dvc = doc->dialect == DOC_DVC,
        .may_hold_expressions = may_hold_expressions(doc->bytes),
    };
    binding.binder.errors = &binding.errors;
    binding.binder.context = &binding;
    add_lock_paths(&binding);
    if (has_content(&binding, doc)) {
        bind_top(&binding, doc->root);
        pipeline_check(&binding);
    }
    TRY(error_list_take(&binding.errors));
    *ret = pipeline;
    return NULL;
}
