/* The lists of a file's top level. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

static void bind_artifact(struct binding *binding, const struct doc_node *node,
                          struct draft_artifact *ret)
{
    struct str where = str_print(binding->binder.arena, "of '%.*s'", STR_FMT(node->key->text));
    schema_bind(&binding->binder, &pipeline_schema_artifact, where, node, ret);
}

static void bind_artifacts(struct binding *binding, const struct doc_node *node)
{
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct draft_artifact draft = {0};
        struct str ignored;
        bind_artifact(binding, item, &draft);
        if (draft.path.len)
            binding_path(binding, item, binding->file->dir, draft.path, &ignored);
        if (draft.labels)
            binding_list(binding, draft.labels, "labels", "texts");
    }
}

/* Columns: a text, a list of them, or a mapping of files to one of these. */
static void check_columns(struct binding *binding, const struct doc_node *node, const char *key,
                          bool takes_lists)
{
    const struct doc_node *item = node && node->kind == DOC_MAP ? node->first : NULL;
    if (node && node->kind != DOC_MAP &&
        (node->kind == DOC_NULL || (node->kind == DOC_LIST && !takes_lists)))
        binding_expected(binding, node, key, "a column or a mapping of files to columns");
    for (; item; item = item->next) {
        bool is_wrong = item->kind == DOC_NULL || item->kind == DOC_MAP ||
                        (item->kind == DOC_LIST && !takes_lists);
        if (is_wrong)
            binding_expected(binding, item, key, "a column of each file");
    }
}

static void check_plot(struct binding *binding, const struct doc_node *plot)
{
    const struct doc_node *ignored = NULL;
    if (plot->kind == DOC_NULL)
        return;
    schema_bind(&binding->binder, &pipeline_schema_plot_definition,
                str_print(binding->binder.arena, "of plot '%.*s'", STR_FMT(plot->key->text)), plot,
                &ignored);
    check_columns(binding, doc_find(plot, STR("x")), "x", false);
    check_columns(binding, doc_find(plot, STR("y")), "y", true);
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
             plot = plot->next)
            check_plot(binding, plot);
    }
}

static void want_word(struct binding *binding, const struct doc_node *dataset, const char *key)
{
    const struct doc_node *node = doc_find(dataset, str_of(key));
    if (!node)
        binding_error(binding, dataset, "'%s' of a data set is missing", key);
    else if (node->kind != DOC_STR)
        binding_expected(binding, node, key, "a text");
}

/* DVC looks at few of their keys and takes any others. */
static void check_dataset(struct binding *binding, const struct doc_node *dataset)
{
    static const char *const known[] = {"name", "type", "url", "path", "rev"};
    static const char *const types[] = {"dc", "dvc", "url"};
    if (dataset->kind != DOC_MAP) {
        binding_expected(binding, dataset, "datasets", "a list of mappings");
        return;
    }
    want_word(binding, dataset, "name");
    want_word(binding, dataset, "url");
    want_word(binding, dataset, "type");
    const struct doc_node *type = doc_find(dataset, STR("type"));
    bool is_type = !type || type->kind != DOC_STR;
    for (size_t i = 0; i < COUNT_OF(types) && !is_type; i++)
        is_type = str_is(type->text, types[i]);
    if (!is_type)
        binding_error(binding, type, "the type of a data set is dc, dvc or url, not '%.*s'",
                      STR_FMT(type->text));
    for (const struct doc_node *child = dataset->first; child; child = child->next) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(known); i++)
            is_known |= str_is(child->key->text, known[i]);
        if (!is_known)
            binding_doubt(binding, child->key, "unknown key '%.*s' of a data set",
                          STR_FMT(child->key->text));
    }
}

static void check_datasets(struct binding *binding, const struct doc_node *list)
{
    if (!binding_list(binding, list, "datasets", "data sets"))
        return;
    for (const struct doc_node *item = list->first; item; item = item->next)
        check_dataset(binding, item);
}

/* In DVC's dialect paths are strings. */
static void check_paths(struct binding *binding, const struct doc_node *list, const char *key)
{
    if (!binding_list(binding, list, key, "paths") || !binding->is_dvc)
        return;
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind != DOC_STR)
            binding_expected(binding, item, key, "a list of paths");
    }
}

static void check_plots_kind(struct binding *binding, const struct doc_node *node, const char *key)
{
    if (node->kind == DOC_MAP)
        binding_error(binding, node->key,
                      "'plots' must be a list: put '- ' before each name of the mapping");
    else
        (void)binding_list(binding, node, key, "plots");
}

static void check_datasets_kind(struct binding *binding, const struct doc_node *node,
                                const char *key)
{
    (void)binding_list(binding, node, key, "data sets");
}

static void check_artifacts_kind(struct binding *binding, const struct doc_node *node,
                                 const char *key)
{
    if (node->kind != DOC_MAP)
        binding_expected(binding, node, key, "a mapping of names to artifacts");
    for (const struct doc_node *item = node->kind == DOC_MAP ? node->first : NULL; item;
         item = item->next) {
        struct draft_artifact ignored = {0};
        bind_artifact(binding, item, &ignored);
    }
}

void pipeline_check_lists(struct binding *binding, struct draft_top *top)
{
    const struct {
        const char *key;
        const struct doc_node **node;
        void (*check)(struct binding *, const struct doc_node *, const char *);
    } rows[] = {
        {"params", &top->params, check_paths},
        {"metrics", &top->metrics, check_paths},
        {"plots", &top->plots, check_plots_kind},
        {"datasets", &top->datasets, check_datasets_kind},
        {"artifacts", &top->artifacts, check_artifacts_kind},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int before = error_count(binding);
        if (*rows[i].node)
            rows[i].check(binding, *rows[i].node, rows[i].key);
        if (error_count(binding) != before)
            *rows[i].node = NULL;
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
        check_datasets(binding, top->datasets);
    file->params_node = top->params;
    file->metrics_node = top->metrics;
    file->plots = top->plots;
    file->artifacts = top->artifacts;
    file->datasets = top->datasets;
    add_paths(binding, &file->params, &binding->params_seen, &pipeline->params);
    add_paths(binding, &file->metrics, &binding->metrics_seen, &pipeline->metrics);
}
