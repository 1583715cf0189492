/* The lists of a file's top level. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

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
            binding_path(binding, item, binding->file->dir, draft.path, &ignored);
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

/* Its value with all expressions resolved, or NULL: told. */
static const struct doc_node *resolve_list(struct binding *binding, struct part *part,
                                           const struct doc_node *node)
{
    struct compiler compiler = {.binding = binding};
    struct fragment fragment;
    struct resolution to = {.binding = binding, .context = part->context, .takes_branches = true};
    if (!node || !part->may_hold_expressions)
        return node;
    if (!pipeline_compile(&compiler, node, &fragment))
        return NULL;
    if (!fragment.is_live)
        return node;
    const struct doc_node *resolved = pipeline_resolve(&to, &fragment);
    return to.failed ? NULL : resolved;
}

/* Each top-level value but the stages, which are looked at one by one, and what is not ours. */
static void resolve_lists(struct binding *binding, struct part *part)
{
    struct draft_top *top = &part->top;
    const struct doc_node **const nodes[] = {&top->params, &top->metrics, &top->plots,
                                             &top->artifacts, &top->datasets};
    for (size_t i = 0; i < COUNT_OF(nodes); i++)
        *nodes[i] = resolve_list(binding, part, *nodes[i]);
    binding_note_phase(binding, PIPELINE_TOP);
}

/* The lists of all files, each path once. */
static void add_paths(struct binding *binding, const struct str_vec *paths, struct map *seen,
                      struct str_vec *all)
{
    struct arena *arena = binding->binder.arena;
    vec_each (struct str, path, paths) {
        if (!map_put(arena, seen, *path, binding))
            *vec_push(arena, all) = *path;
    }
}

void pipeline_bind_lists(struct binding *binding, struct part *part)
{
    struct draft_top *top = &part->top;
    struct pipeline_file *file = part->file;
    struct pipeline *pipeline = binding->pipeline;
    resolve_lists(binding, part);
    if (top->params)
        file->params = pipeline_bind_paths(binding, top->params, file->dir, "params");
    if (top->metrics)
        file->metrics = pipeline_bind_paths(binding, top->metrics, file->dir, "metrics");
    if (top->plots)
        check_plots(binding, top->plots);
    if (top->artifacts)
        bind_artifacts(binding, top->artifacts);
    if (top->datasets)
        binding_list(binding, top->datasets, "datasets", "data sets");
    file->params_node = top->params;
    file->metrics_node = top->metrics;
    file->plots = top->plots;
    file->artifacts = top->artifacts;
    file->datasets = top->datasets;
    add_paths(binding, &file->params, &binding->params_seen, &pipeline->params);
    add_paths(binding, &file->metrics, &binding->metrics_seen, &pipeline->metrics);
}
