/* foreach and matrix: one definition, many stages. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "pipeline_private.h"

static bool has_branches(const struct value_vec *children)
{
    for (size_t i = 0; i < children->len; i++) {
        if (children->at[i]->kind == DOC_LIST || children->at[i]->kind == DOC_MAP)
            return true;
    }
    return false;
}

void pipeline_add_instance(struct binding *binding, struct definition *definition,
                           struct str key_text, struct value *item, struct value *key)
{
    struct arena *arena = binding->binder.arena;
    struct str group = definition->entry->key->text;
    *vec_push(arena, &binding->instances) = (struct instance){
        .definition = definition,
        .local_name = str_print(arena, "%.*s@%.*s", STR_FMT(group), STR_FMT(key_text)),
        .item = item,
        .key = key,
    };
}

static struct value *key_value(struct binding *binding, const struct definition *definition,
                               struct str text)
{
    struct arena *arena = binding->binder.arena;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = *definition->entry->key;
    node->kind = DOC_STR;
    node->text = text;
    struct value *value = value_of_node(arena, node, NULL);
    value->name = STR("key");
    return value;
}

/* The text that names the stage of an item. */
static struct str item_key(struct binding *binding, const struct value *data,
                           const struct value *item, bool by_index)
{
    if (data->kind == DOC_MAP || by_index)
        return item->name;
    return template_text(binding->binder.arena, item->node);
}

/* Equal items are one stage: at the place of the first, with the value of the last. */
static void expand_foreach(struct binding *binding, struct definition *definition,
                           struct value *data)
{
    struct arena *arena = binding->binder.arena;
    const struct value_vec *children = value_children(arena, data);
    bool by_index = has_branches(children);
    struct map seen = {0}; /* key -> item */
    for (size_t i = 0; i < children->len; i++) {
        struct str text = item_key(binding, data, children->at[i], by_index);
        if (map_put(arena, &seen, text, children->at[i]))
            binding_warn(binding, doc_find(definition->entry, STR("foreach")),
                         "'%.*s' stands in 'foreach' of '%.*s' more than once: the stage is made "
                         "from the last one",
                         STR_FMT(text), STR_FMT(definition->entry->key->text));
    }
    map_each (entry, &seen) {
        struct value *key =
            data->kind == DOC_MAP ? key_value(binding, definition, entry->key) : NULL;
        pipeline_add_instance(binding, definition, entry->key,
                              value_renamed(arena, entry->value, STR("item")), key);
    }
}

static void warn_of_shadow(struct binding *binding, const struct definition *definition,
                           bool has_key)
{
    static const char *const names[] = {"item", "key"};
    for (size_t i = 0; i < (has_key ? COUNT_OF(names) : 1); i++) {
        if (context_find(binding->binder.arena, definition->part->context, str_of(names[i])))
            binding_warn(binding, definition->entry->key,
                         "'%s' of the parameters is hidden by that of the group '%.*s'", names[i],
                         STR_FMT(definition->entry->key->text));
    }
}

static struct value *resolve_data(struct binding *binding, struct definition *definition,
                                  const struct doc_node *node)
{
    struct compiler compiler = {.binding = binding};
    struct fragment fragment;
    struct resolution to = {
        .binding = binding, .context = definition->part->context, .takes_branches = true};
    if (!pipeline_compile(&compiler, node, &fragment))
        return NULL;
    struct value *data = pipeline_resolve_value(&to, &fragment);
    return to.failed ? NULL : data;
}

static void expand_group(struct binding *binding, struct definition *definition)
{
    const struct doc_node *node =
        doc_find(definition->entry, definition->is_matrix ? STR("matrix") : STR("foreach"));
    struct value *data = resolve_data(binding, definition, node);
    if (!data)
        return;
    if (definition->is_matrix) {
        warn_of_shadow(binding, definition, true);
        pipeline_expand_matrix(binding, definition, data);
    } else if (data->kind == DOC_LIST || data->kind == DOC_MAP) {
        warn_of_shadow(binding, definition, data->kind == DOC_MAP);
        expand_foreach(binding, definition, data);
    } else {
        binding_error(binding, node, "'foreach' of '%.*s' must be a list or a mapping, found %s",
                      STR_FMT(definition->entry->key->text), doc_kind_name(data->kind));
    }
}

static void note_group(struct binding *binding, const struct definition *definition, size_t first)
{
    struct arena *arena = binding->binder.arena;
    struct stage_group *group = arena_new(arena, struct stage_group);
    *group = (struct stage_group){.first = first, .count = binding->instances.len - first};
    map_put(arena, &binding->pipeline->groups,
            pipeline_full_name(binding, definition->entry->key->text), group);
}

static void expand_definition(struct binding *binding, struct definition *definition)
{
    size_t first = binding->instances.len;
    if (definition->is_group) {
        expand_group(binding, definition);
        note_group(binding, definition, first);
    } else {
        *vec_push(binding->binder.arena, &binding->instances) =
            (struct instance){.definition = definition, .local_name = definition->entry->key->text};
    }
}

static struct definition *new_definition(struct binding *binding, struct part *part,
                                         const struct doc_node *entry)
{
    struct definition *definition = arena_new(binding->binder.arena, struct definition);
    const struct doc_node *body = doc_find(entry, STR("do"));
    bool is_foreach = body || doc_find(entry, STR("foreach"));
    definition->part = part;
    definition->entry = entry;
    definition->body = is_foreach ? body : entry;
    definition->is_matrix = !is_foreach && doc_find(entry, STR("matrix"));
    definition->is_group = is_foreach || definition->is_matrix;
    *vec_push(binding->binder.arena, &binding->definitions) = definition;
    return definition;
}

/* Texts of all that is made of it; a definition without expressions is left alone. */
static bool compile_definition(struct binding *binding, struct definition *definition)
{
    definition->vars = doc_find(definition->body, STR("vars"));
    definition->fragment = (struct fragment){.node = definition->body};
    if (!definition->part->may_hold_expressions)
        return true;
    struct compiler compiler = {binding, binding->is_dvc ? NULL : &definition->names};
    struct doc_node body = *definition->body;
    body.key = NULL; /* a stage's name is what it is */
    bool is_fine = pipeline_compile(&compiler, &body, &definition->fragment);
    definition->fragment.node = definition->body;
    return is_fine;
}

static void expand_entry(struct binding *binding, struct part *part, const struct doc_node *entry)
{
    struct definition *definition = new_definition(binding, part, entry);
    bool is_fine = pipeline_check_shape(binding, definition);
    binding_note_phase(binding, PIPELINE_SCHEMA);
    if (!is_fine || part->is_wrong)
        return;
    is_fine = compile_definition(binding, definition);
    binding_note_phase(binding, PIPELINE_RESOLVE);
    if (!is_fine)
        return;
    expand_definition(binding, definition);
    binding_note_phase(binding, PIPELINE_EXPAND);
}

void pipeline_expand(struct binding *binding, struct part *part)
{
    const struct doc_node *node = part->top.stages;
    if (!node || node->kind != DOC_MAP)
        return;
    for (const struct doc_node *item = node->first; item; item = item->next) {
        expand_entry(binding, part, item);
        if (binding->instances.len <= (size_t)LIMIT_STAGES)
            continue;
        binding_error(binding, item->key, "'stages' has more than %lld stages",
                      (long long)LIMIT_STAGES);
        binding->instances.len = 0;
        return;
    }
}
