/* Every stage in turn: its layer of values, its mapping resolved, then bound. Stages that take the
 * paths of others come behind them. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"

#include "pipeline_private.h"

static struct context *item_context(struct binding *binding, const struct instance *instance)
{
    struct context *global = instance->definition->part->context;
    if (!instance->item)
        return global;
    struct arena *arena = binding->binder.arena;
    struct context *context = pipeline_new_context(binding, global);
    context->reserves = true;
    value_add(arena, context->root, instance->item->name, instance->item);
    if (instance->key)
        value_add(arena, context->root, instance->key->name, instance->key);
    return context;
}

static const struct fragment *find_fragment(const struct definition *definition, struct str key)
{
    const struct fragment *body = &definition->fragment;
    const struct doc_node *node = definition->body->first;
    for (size_t i = 0; body->children && node; i++, node = node->next) {
        if (str_equal(node->key->text, key))
            return &body->children[i];
    }
    return NULL;
}

/* Where the files of the stage's own `vars` lie. */
static struct str vars_dir(struct resolution *to, const struct definition *definition)
{
    struct str dir = definition->part->file->dir;
    struct fragment plain = {.node = doc_find(definition->body, STR("wdir"))};
    const struct fragment *fragment = find_fragment(definition, STR("wdir"));
    if (!fragment && plain.node)
        fragment = &plain;
    if (!fragment)
        return dir;
    const struct doc_node *wdir = pipeline_resolve(to, fragment);
    struct str path = {0};
    if (!to->failed)
        (void)path_resolve(to->binding->binder.arena, dir,
                           template_text(to->binding->binder.arena, wdir), &path);
    return path;
}

static bool load_own_vars(struct resolution *to, const struct instance *instance,
                          struct context *below)
{
    const struct definition *definition = instance->definition;
    to->context = below;
    struct str dir = vars_dir(to, definition);
    struct context *context = pipeline_new_context(to->binding, below);
    to->context = context;
    return !to->failed &&
           pipeline_load_vars(to->binding, context, definition->vars, dir, instance->local_name);
}

/* Keys of the definition that are no part of the stages made of it. */
static bool is_consumed(const struct definition *definition, struct str key)
{
    return str_is(key, "vars") || (definition->is_matrix && str_is(key, "matrix"));
}

static int compare_tracked(const void *a, const void *b)
{
    const struct tracked_value *left = a;
    const struct tracked_value *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

static void sort_tracked(struct tracked_vec *tracked)
{
    vec_sort(tracked, compare_tracked);
    size_t kept = 0;
    for (size_t i = 0; i < tracked->len; i++) {
        if (!kept || compare_tracked(&tracked->at[kept - 1], &tracked->at[i]) != 0)
            tracked->at[kept++] = tracked->at[i];
    }
    tracked->len = kept;
}

static const struct doc_node *resolve_body(struct resolution *to,
                                           const struct definition *definition)
{
    struct arena *arena = to->binding->binder.arena;
    struct doc_node *body = arena_new(arena, struct doc_node);
    *body = *definition->body;
    body->count = 0;
    struct doc_node **place = &body->first;
    const struct doc_node *node = definition->body->first;
    for (size_t i = 0; node; i++, node = node->next) {
        struct fragment plain = {.node = node};
        const struct fragment *children = definition->fragment.children;
        if (is_consumed(definition, node->key->text))
            continue;
        to->is_command = str_is(node->key->text, "cmd");
        *place = pipeline_resolve(to, children ? &children[i] : &plain);
        place = &(*place)->next;
        body->count++;
    }
    *place = NULL;
    return body;
}

bool pipeline_resolve_stage(struct resolution *to, const struct instance *instance,
                            struct stage *stage, const struct doc_node **ret)
{
    struct definition *definition = instance->definition;
    bool is_plain = !definition->fragment.is_live && !definition->vars && !definition->is_matrix;
    if (is_plain) {
        *ret = definition->body;
        return true;
    }
    struct context *context = item_context(to->binding, instance);
    to->context = context;
    to->tracked = NULL;
    if (definition->vars && !load_own_vars(to, instance, context))
        return false;
    to->tracked = &stage->tracked;
    *ret = resolve_body(to, definition);
    sort_tracked(&stage->tracked);
    return !to->failed;
}

/* The folder from which the stage sees paths, as far as it is known before all is resolved. */
static struct str wdir_of(struct binding *binding, const struct instance *instance)
{
    struct resolution to = {.binding = binding, .instance = instance};
    if (instance->definition->names.len == 0)
        return (struct str){0};
    to.context = item_context(binding, instance);
    to.wdir = instance->definition->part->file->dir;
    return vars_dir(&to, instance->definition);
}

/* What is wrong with one stage of a group is mostly wrong with all: a few are told. */
static void bind_instance(struct binding *binding, struct instance *instance)
{
    struct part *part = instance->definition->part;
    struct stage *stage = instance->stage;
    struct resolution to = {.binding = binding, .instance = instance};
    struct definition *definition = instance->definition;
    const struct doc_node *resolved = NULL;
    instance->state = INSTANCE_DONE;
    if (definition->is_wrong)
        return;
    if (binding->file != part->file)
        binding_enter(binding, part);
    to.wdir = wdir_of(binding, instance);
    bool is_resolved = pipeline_resolve_stage(&to, instance, stage, &resolved);
    binding_note_phase(binding, PIPELINE_RESOLVE);
    int before = error_count(binding);
    if (is_resolved) {
        pipeline_bind_stage(binding, instance, resolved, stage);
        pipeline_check_variables(&to, stage);
    }
    binding_note_phase(binding, PIPELINE_LOAD);
    definition->failures += !is_resolved;
    definition->is_wrong = error_count(binding) != before || (!is_resolved && definition->vars) ||
                           definition->failures >= LIMIT_ERRORS_TOLD;
}

/* A stage that waits for those it names. */
struct waiting {
    struct instance *instance;
    size_t next; /* of the names */
};

VEC(waiting_vec, struct waiting);

static void push_waiting(struct binding *binding, struct waiting_vec *stack,
                         struct instance *instance)
{
    instance->state = INSTANCE_WAITS;
    *vec_push(binding->binder.arena, stack) = (struct waiting){.instance = instance};
}

/* A stage behind all whose paths it takes; one that waits for itself is told by its expression. */
static void bind_in_order(struct binding *binding, struct instance *first)
{
    struct waiting_vec stack = {0};
    push_waiting(binding, &stack, first);
    while (stack.len) {
        struct waiting *top = &stack.at[stack.len - 1];
        const struct str_vec *names = &top->instance->definition->names;
        if (top->next == names->len || top->instance->definition->is_wrong) {
            bind_instance(binding, top->instance);
            stack.len--;
            continue;
        }
        struct instance *needed = map_get(&binding->local_names, names->at[top->next++]);
        if (needed && needed->state == INSTANCE_NEW)
            push_waiting(binding, &stack, needed);
    }
}

static void name_stage(struct binding *binding, struct instance *instance, struct stage *stage)
{
    struct arena *arena = binding->binder.arena;
    struct part *part = instance->definition->part;
    struct pipeline_file *file = part->file;
    if (binding->file != file)
        binding_enter(binding, part);
    instance->stage = stage;
    stage->file = file;
    stage->local_name = instance->local_name;
    stage->name = pipeline_full_name(binding, instance->local_name);
    if (instance->definition->is_group)
        stage->group = instance->definition->entry->key->text;
    if (file->stage_count++ == 0)
        file->stage_first = stage->index;
    struct stage *other = map_put(arena, &binding->pipeline->by_name, stage->name, stage);
    if (other)
        binding_error(binding, instance->definition->entry->key, "there are two stages '%.*s'",
                      STR_FMT(stage->name));
    if (file->index == 0)
        map_put(arena, &binding->local_names, instance->local_name, instance);
}

void pipeline_bind_instances(struct binding *binding)
{
    struct stage_vec *stages = &binding->pipeline->stages;
    size_t count = binding->instances.len;
    stages->at = arena_new_array(binding->binder.arena, struct stage, count);
    stages->cap = stages->len = count;
    for (size_t i = 0; i < count; i++) {
        stages->at[i].index = i;
        name_stage(binding, &binding->instances.at[i], &stages->at[i]);
    }
    binding_note_phase(binding, PIPELINE_EXPAND);
    vec_each (struct instance, instance, &binding->instances) {
        if (instance->state == INSTANCE_NEW)
            bind_in_order(binding, instance);
    }
}
