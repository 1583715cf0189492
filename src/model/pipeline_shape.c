/* Keys and kinds of a stage as the file has it, told once however many stages are made of it. DVC
 * asks for its kinds before anything is resolved; native pipelines take an expression wherever its
 * value will do. */
#include "mlops/base/arena.h"

#include "pipeline_private.h"

static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

/* In DVC's dialect texts are strings. */
static bool is_text(const struct binding *binding, const struct doc_node *node)
{
    return binding->is_dvc ? node->kind == DOC_STR : is_scalar(node);
}

static void want_text(struct binding *binding, const struct doc_node *node, const char *key)
{
    if (node && !is_text(binding, node))
        binding_expected(binding, node, key, "a text");
}

static void want_texts(struct binding *binding, const struct doc_node *list, const char *key,
                       const char *of_what)
{
    if (!list || !binding_list(binding, list, key, of_what))
        return;
    for (const struct doc_node *item = list->first; item; item = item->next)
        want_text(binding, item, key);
}

/* Texts or mappings. */
static void want_items(struct binding *binding, const struct doc_node *list, const char *key,
                       const char *of_what)
{
    if (!list || !binding_list(binding, list, key, of_what))
        return;
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind != DOC_MAP)
            want_text(binding, item, key);
    }
}

static void want_flags(struct binding *binding, const struct doc_node *flags,
                       const struct schema *schema)
{
    struct output ignored = {0};
    struct str where = str_print(binding->binder.arena, "of '%.*s'", STR_FMT(flags->key->text));
    bool is_list = flags->kind == DOC_LIST && schema == &pipeline_schema_plot;
    if (!is_list) {
        schema_bind(&binding->binder, schema, where, flags, &ignored);
        return;
    }
    for (const struct doc_node *item = flags->first; item; item = item->next)
        schema_bind(&binding->binder, schema, where, item, &ignored);
}

static void want_outs(struct binding *binding, const struct doc_node *list, const char *key,
                      const struct schema *schema)
{
    want_items(binding, list, key, "paths");
    for (const struct doc_node *item = list && list->kind == DOC_LIST ? list->first : NULL; item;
         item = item->next) {
        for (const struct doc_node *flags = item->kind == DOC_MAP ? item->first : NULL; flags;
             flags = flags->next)
            want_flags(binding, flags, schema);
    }
}

static void want_command(struct binding *binding, const struct doc_node *node)
{
    if (node && node->kind != DOC_LIST && !is_text(binding, node))
        binding_expected(binding, node, "cmd", "a text or a list of texts");
}

static void want_matrix(struct binding *binding, const struct doc_node *matrix)
{
    if (!matrix)
        return;
    if (matrix->kind != DOC_MAP) {
        binding_expected(binding, matrix, "matrix", "a mapping of names to lists");
        return;
    }
    for (const struct doc_node *axis = matrix->first; axis; axis = axis->next) {
        bool is_expression =
            axis->kind == DOC_STR && (binding->is_dvc || template_has_expression(axis->text));
        if (axis->kind != DOC_LIST && !is_expression)
            binding_error(binding, axis, "'%.*s' of 'matrix' must be a list, found %s",
                          STR_FMT(axis->key->text), doc_kind_name(axis->kind));
    }
}

bool pipeline_check_vars(struct binding *binding, const struct doc_node *vars)
{
    int before = error_count(binding);
    if (vars)
        (void)binding_list(binding, vars, "vars", "files and mappings");
    for (const struct doc_node *item = vars && vars->kind == DOC_LIST ? vars->first : NULL; item;
         item = item->next) {
        if (item->kind != DOC_MAP && item->kind != DOC_STR)
            binding_expected(binding, item, "vars", "files and mappings");
    }
    return error_count(binding) == before;
}

static void want_parts(struct binding *binding, const struct definition *definition,
                       const struct draft *draft)
{
    want_command(binding, draft->cmd);
    want_text(binding, draft->wdir, "wdir");
    want_texts(binding, draft->deps, "deps", "paths");
    want_items(binding, draft->params, "params", "keys or files");
    want_outs(binding, draft->outs, "outs", &pipeline_schema_output);
    want_outs(binding, draft->metrics, "metrics", &pipeline_schema_output);
    want_outs(binding, draft->plots, "plots", &pipeline_schema_plot);
    pipeline_check_vars(binding, draft->vars);
    if (definition->is_matrix)
        want_matrix(binding, draft->matrix);
    else if (draft->matrix)
        binding_doubt(binding, draft->matrix->key,
                      "'matrix' under 'do' has no effect: 'foreach' makes the stages");
}

static void check_body(struct binding *binding, const struct definition *definition)
{
    struct str name = definition->entry->key->text;
    struct stage trial = {0};
    struct draft draft = {.stage = &trial, .common.timeout_ns = NOT_DECLARED};
    struct str where = pipeline_where(binding->binder.arena, name);
    binding->binder.takes_expressions = !binding->is_dvc;
    schema_bind(&binding->binder, &pipeline_schema_stage, where, definition->body, &draft);
    binding->binder.where = where;
    if (definition->body->kind == DOC_MAP) {
        want_parts(binding, definition, &draft);
        if (draft.foreach || draft.body)
            binding_error(binding, (draft.foreach ? draft.foreach : draft.body)->key,
                          "'foreach' cannot stand inside 'do': one list per stage");
        if (!draft.cmd && !draft.kind)
            binding_error(binding, definition->entry->key, "stage '%.*s' has no 'cmd'",
                          STR_FMT(name));
    }
    binding->binder.where = (struct str){0};
    binding->binder.takes_expressions = false;
}

/* Only the two keys, each of them. */
static void check_foreach(struct binding *binding, const struct definition *definition)
{
    const struct doc_node *entry = definition->entry;
    struct str name = entry->key->text;
    const struct doc_node *data = doc_find(entry, STR("foreach"));
    for (const struct doc_node *child = entry->first; child; child = child->next) {
        struct str key = child->key->text;
        if (!str_is(key, "foreach") && !str_is(key, "do"))
            binding_error(binding, child->key,
                          "'%.*s' in stage '%.*s' must stand under 'do': beside 'foreach' there is "
                          "nothing else",
                          STR_FMT(key), STR_FMT(name));
    }
    if (!data || !definition->body)
        binding_error(binding, entry->key, "stage '%.*s' has '%s' without '%s'", STR_FMT(name),
                      data ? "foreach" : "do", data ? "do" : "foreach");
    if (data && data->kind != DOC_LIST && data->kind != DOC_MAP && data->kind != DOC_STR)
        binding_error(
            binding, data,
            "'foreach' in stage '%.*s' must be a list, a mapping or an expression, found %s",
            STR_FMT(name), doc_kind_name(data->kind));
}

bool pipeline_check_shape(struct binding *binding, const struct definition *definition)
{
    int before = error_count(binding);
    bool is_needed = binding->is_dvc || definition->part->may_hold_expressions ||
                     definition->part->is_wrong || definition->is_group ||
                     definition->entry->kind != DOC_MAP;
    if (!is_needed)
        return true;
    if (definition->is_group && !definition->is_matrix)
        check_foreach(binding, definition);
    if (definition->body)
        check_body(binding, definition);
    return error_count(binding) == before;
}
