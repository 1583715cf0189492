#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/glob.h"

#include "pipeline_private.h"

/* One for each stage, so made by hand. */
struct str pipeline_where(struct arena *arena, struct str name)
{
    static const char before[] = "in stage '";
    char *at = arena_alloc(arena, sizeof before + name.len + 1);
    memcpy(at, before, sizeof before - 1);
    memcpy(at + sizeof before - 1, name.at, name.len);
    at[sizeof before - 1 + name.len] = '\'';
    return (struct str){at, sizeof before + name.len};
}

static bool has_any(const struct doc_node *node, const char *const *keys)
{
    for (; *keys; keys++) {
        if (doc_find(node, str_of(*keys)))
            return true;
    }
    return false;
}

/* Keys whose absence of a command is told by their own message. */
static const char *const instead_of_cmd[] = {"predictions", "data", NULL};

static void tell_missing_command(struct binding *binding, const struct draft *draft,
                                 const struct doc_node *node)
{
    if (node->kind != DOC_MAP || has_any(node, instead_of_cmd))
        return;
    struct str name = draft->stage->name;
    if (draft->kind == STAGE_VALIDATE)
        binding_error(binding, node->key,
                      "stage '%.*s' has neither 'data' to check nor a 'cmd' that exits with 0 to "
                      "pass",
                      STR_FMT(name));
    else if (draft->kind == STAGE_EVALUATE)
        binding_error(binding, node->key,
                      "stage '%.*s' has neither 'predictions' to measure nor a 'cmd' that writes "
                      "its metrics",
                      STR_FMT(name));
    else
        binding_error(binding, node->key, "stage '%.*s' has no 'cmd'", STR_FMT(name));
}

static bool is_own_output(const struct stage *stage, struct str path)
{
    vec_each (struct output, output, &stage->outs) {
        if (str_equal(output->path, path))
            return true;
    }
    return false;
}

static void bind_model(struct binding *binding, const struct draft *draft)
{
    struct stage *stage = draft->stage;
    struct str written;
    struct str path;
    if (!binding_text(binding, draft->model, "model", &written))
        return;
    if (draft->kind != STAGE_TRAIN)
        binding_error(binding, draft->model, "'model' is for stages of kind 'train'");
    else if (!binding_path(binding, draft->model, stage->wdir,
                           text_unescape(binding->binder.arena, written), &path))
        return;
    else if (!is_own_output(stage, path))
        binding_error(binding, draft->model, "'model': '%.*s' is no output of stage '%.*s'",
                      STR_FMT(written), STR_FMT(stage->name));
    else
        stage->model = path;
}

static void bind_guards(struct binding *binding, const struct draft *draft)
{
    if (draft->kind != STAGE_VALIDATE)
        binding_error(binding, draft->guards, "'guards' is for stages of kind 'validate'");
    draft->stage->has_guards = true;
    for (const struct doc_node *item = draft->guards->kind == DOC_LIST ? draft->guards->first
                                                                       : NULL;
         item; item = item->next) {
        if (glob_is_pattern(item->text))
            binding_error(binding, item, "'guards': '%.*s' is a pattern: name the paths",
                          STR_FMT(item->text));
    }
    draft->stage->guards =
        pipeline_bind_paths(binding, draft->guards, draft->stage->wdir, "guards");
}

static void bind_after(struct binding *binding, const struct draft *draft)
{
    if (!binding_list(binding, draft->after, "after", "stages"))
        return;
    for (const struct doc_node *item = draft->after->first; item; item = item->next) {
        struct str name;
        if (binding_text(binding, item, "after", &name))
            *vec_push(binding->binder.arena, &draft->stage->after) = name;
    }
    draft->stage->after_node = draft->after;
}

static void take_draft(const struct draft *draft)
{
    struct stage *stage = draft->stage;
    stage->kind = (enum stage_kind)draft->kind;
    stage->env_mode = (enum env_mode)draft->env_mode;
    stage->desc = draft->desc;
    stage->meta = draft->meta;
    stage->is_frozen = draft->is_frozen;
    stage->is_always_changed = draft->is_always_changed;
    stage->keys_environment = draft->keys_environment;
}

/* Keys of built-in checks in a stage that has none. */
static void refuse_checks(struct binding *binding, const struct draft *draft)
{
    const struct doc_node *const nodes[] = {draft->data, draft->schema, draft->dialect,
                                            draft->checks, draft->report};
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        if (nodes[i])
            binding_error(binding, nodes[i]->key,
                          "'%.*s' is for stages of kind 'validate' with "
                          "'data'",
                          STR_FMT(nodes[i]->key->text));
    }
}

/* In the order in which they need each other: paths start at wdir, the model is one of the outs. */
static void bind_draft(struct binding *binding, struct draft *draft, const struct doc_node *node)
{
    bool checks = draft->kind == STAGE_VALIDATE && draft->data;
    bool evaluates = draft->kind == STAGE_EVALUATE && draft->predictions;
    take_draft(draft);
    if (draft->cmd)
        pipeline_bind_command(binding, draft);
    else if (!checks && !evaluates)
        tell_missing_command(binding, draft, node);
    if (!checks)
        refuse_checks(binding, draft);
    if (!evaluates)
        pipeline_refuse_evaluation(binding, draft);
    pipeline_bind_wdir(binding, draft);
    pipeline_bind_deps(binding, draft);
    pipeline_bind_params(binding, draft);
    pipeline_bind_outs(binding, draft);
    pipeline_bind_common(binding, &draft->common, draft->stage);
    if (draft->model)
        bind_model(binding, draft);
    if (draft->guards)
        bind_guards(binding, draft);
    if (checks)
        pipeline_bind_validate(binding, draft);
    if (evaluates)
        pipeline_bind_evaluate(binding, draft);
    if (draft->gates)
        pipeline_bind_gates(binding, draft);
    if (draft->after)
        bind_after(binding, draft);
}

struct str pipeline_full_name(struct binding *binding, struct str local_name)
{
    const struct pipeline_file *file = binding->file;
    if (file->index == 0)
        return local_name;
    return str_print(binding->binder.arena, "%.*s:%.*s", STR_FMT(file->path), STR_FMT(local_name));
}

/* What a group adds to its name is data, so it may be what DVC takes. */
static void check_name(struct binding *binding, const struct instance *instance)
{
    const struct doc_node *node = instance->definition->entry->key;
    bool is_group = instance->definition->is_group;
    struct str name = node->text;
    const char *fault = name_fault(name, binding->is_dvc);
    if (!fault && binding->is_dvc && str_find_char(name, '@') >= 0)
        fault = "holds an '@', which stands before the item of a foreach or matrix stage";
    if (!fault && is_group) {
        name = instance->local_name;
        fault = name_fault(name, true);
    }
    if (fault)
        binding_error(binding, node, "stage name '%.*s' %s", STR_FMT(name), fault);
    binding_note_phase(binding, PIPELINE_RESOLVE);
}

void pipeline_bind_stage(struct binding *binding, const struct instance *instance,
                         const struct doc_node *resolved, struct stage *stage)
{
    const struct definition *definition = instance->definition;
    bool has_expressions = definition->fragment.is_live || definition->is_group;
    check_name(binding, instance);
    stage->node = resolved;
    struct draft draft = {.stage = stage, .common.timeout_ns = NOT_DECLARED};
    struct str where = pipeline_where(binding->binder.arena, instance->local_name);
    schema_bind(&binding->binder, &pipeline_schema_stage, where, resolved, &draft);
    binding_note_phase(binding, has_expressions ? PIPELINE_LOAD : PIPELINE_SCHEMA);
    binding->binder.where = where;
    bind_draft(binding, &draft, instance->definition->entry);
    binding->binder.where = (struct str){0};
}

/* Bound once on its own, so that what is wrong in it is told once and not for each stage. */
void pipeline_bind_defaults(struct binding *binding, const struct doc_node *node,
                            struct draft_common *ret)
{
    int before = error_count(binding);
    struct draft_common common = {0};
    struct stage trial = {0};
    struct str where = STR("in 'defaults'");
    schema_bind(&binding->binder, &pipeline_schema_defaults, where, node, &common);
    binding->binder.where = where;
    pipeline_bind_common(binding, &common, &trial);
    binding->binder.where = (struct str){0};
    if (error_count(binding) == before)
        *ret = common;
}
