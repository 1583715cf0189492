/* Fields of a stage that are no paths: command, environment, retries, resources. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"

#include <stdarg.h>

#include <stdlib.h>

#include "pipeline_private.h"

void binding_error(struct binding *binding, const struct doc_node *node, const char *format, ...)
{
    if (binding->errors.kept >= LIMIT_ERRORS_TOLD) {
        binding->errors.dropped++;
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    error_list_add(&binding->errors, doc_error(node, "%s", text.at));
}

int error_count(const struct binding *binding)
{
    return binding->errors.kept + binding->errors.dropped;
}

void binding_take_error(struct binding *binding, struct error *error)
{
    error_list_add(&binding->errors, error);
}

void binding_note_phase(struct binding *binding, enum pipeline_phase phase)
{
    int count = error_count(binding);
    if (count == binding->noted)
        return;
    binding->noted = count;
    binding->failed = binding->has_failed ? MIN_OF(binding->failed, phase) : phase;
    binding->has_failed = true;
}

enum { WARNINGS_COMPARED_MOST = 16 };

/* All stages of a group give the same ones. */
static bool is_warned(const struct binding *binding, const struct doc_node *node, const char *text)
{
    const struct pipeline_warning_vec *warnings = &binding->pipeline->warnings;
    size_t compared = MIN_OF(warnings->len, (size_t)WARNINGS_COMPARED_MOST);
    for (size_t i = warnings->len - compared; i < warnings->len; i++) {
        const struct doc_node *other = warnings->at[i].node;
        if (other->line == node->line && other->column == node->column && other->doc == node->doc &&
            str_is(warnings->at[i].text, text))
            return true;
    }
    return false;
}

static void warn(struct binding *binding, const struct doc_node *node, const char *text)
{
    struct arena *arena = binding->binder.arena;
    if (is_warned(binding, node, text))
        return;
    *vec_push(arena, &binding->pipeline->warnings) =
        (struct pipeline_warning){node, str_copy(arena, str_of(text))};
}

void binding_warn(struct binding *binding, const struct doc_node *node, const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    warn(binding, node, text.at);
}

void binding_doubt(struct binding *binding, const struct doc_node *node, const char *format, ...)
{
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    if (binding->is_dvc)
        warn(binding, node, text.at);
    else
        binding_error(binding, node, "%s", text.at);
}

void binding_expected(struct binding *binding, const struct doc_node *node, const char *key,
                      const char *expected)
{
    struct str where = binding->binder.where;
    binding_error(binding, node, "'%s'%s%.*s must be %s, found %s", key, where.len ? " " : "",
                  STR_FMT(where), expected, doc_kind_name(node->kind));
}

static bool is_scalar(const struct doc_node *node)
{
    return node->kind != DOC_NULL && node->kind != DOC_LIST && node->kind != DOC_MAP;
}

bool binding_text(struct binding *binding, const struct doc_node *node, const char *key,
                  struct str *ret)
{
    if (!is_scalar(node)) {
        binding_expected(binding, node, key, "a text");
        return false;
    }
    if (str_find_char(node->text, '\0') >= 0) {
        binding_error(binding, node, "'%s' holds a NUL", key);
        return false;
    }
    *ret = node->text;
    return true;
}

bool binding_list(struct binding *binding, const struct doc_node *node, const char *key,
                  const char *of_what)
{
    if (node->kind == DOC_LIST)
        return true;
    AUTO(buf_drop) struct buf expected = {0};
    buf_print(&expected, "a list of %s", of_what);
    binding_expected(binding, node, key, expected.at);
    return false;
}

static bool bind_line(struct binding *binding, const struct doc_node *node, struct str *ret)
{
    if (!binding_text(binding, node, "cmd", ret))
        return false;
    if (str_trim(*ret).len == 0)
        binding_doubt(binding, node, "'cmd' is empty");
    if (ret->len > (size_t)LIMIT_COMMAND_BYTES)
        binding_error(binding, node, "'cmd' is longer than %lld bytes",
                      (long long)LIMIT_COMMAND_BYTES);
    else
        return true;
    return false;
}

static void bind_lines(struct binding *binding, struct command *command,
                       const struct doc_node *list)
{
    if (list->count == 0)
        binding_doubt(binding, list, "'cmd' is empty");
    command->is_list = true;
    command->items = arena_new_array(binding->binder.arena, struct str, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next)
        command->count += bind_line(binding, item, &command->items[command->count]);
}

void pipeline_bind_command(struct binding *binding, struct draft *draft)
{
    struct command *command = &draft->stage->cmd;
    const struct doc_node *node = draft->cmd;
    if (node->kind == DOC_LIST) {
        bind_lines(binding, command, node);
    } else if (!is_scalar(node)) {
        binding_expected(binding, node, "cmd", "a text or a list of texts");
    } else {
        command->items = arena_new(binding->binder.arena, struct str);
        command->count = bind_line(binding, node, command->items);
    }
}

static bool is_variable_name(struct str name)
{
    if (name.len == 0 || (name.at[0] >= '0' && name.at[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!fits && c != '_')
            return false;
    }
    return true;
}

static void bind_from_env(struct binding *binding, const struct doc_node *node, struct env_var *to)
{
    struct draft_env draft = {0};
    struct str where = str_print(binding->binder.arena, "of '%.*s'", STR_FMT(to->name));
    schema_bind(&binding->binder, &pipeline_schema_env, where, node, &draft);
    to->from_env = draft.from_env;
    to->is_in_key = draft.is_in_key;
    if (draft.initial)
        binding_text(binding, draft.initial, "default", &to->value);
    if (draft.from_env.len && !is_variable_name(draft.from_env))
        binding_error(binding, doc_find(node, STR("from_env")),
                      "'%.*s' is no name of an environment variable", STR_FMT(draft.from_env));
}

static void bind_variable(struct binding *binding, const struct doc_node *node, struct env_var *to)
{
    *to = (struct env_var){.name = node->key->text, .is_in_key = true, .node = node};
    if (!is_variable_name(to->name))
        binding_error(binding, node->key, "'%.*s' is no name of an environment variable",
                      STR_FMT(to->name));
    if (node->kind == DOC_MAP) {
        bind_from_env(binding, node, to);
    } else if (node->kind == DOC_NULL) {
        binding_error(binding, node, "env '%.*s' has no value (write '' for an empty one)",
                      STR_FMT(to->name));
    } else {
        binding_text(binding, node, "env", &to->value);
    }
}

static int compare_variables(const void *a, const void *b)
{
    return str_compare(((const struct env_var *)a)->name, ((const struct env_var *)b)->name);
}

static bool has_variables(struct binding *binding, const struct doc_node *node)
{
    if (node && node->kind != DOC_MAP)
        binding_expected(binding, node, "env", "a mapping of names to values");
    return node && node->kind == DOC_MAP;
}

/* The stage's own variables and those of `defaults` that it does not name. */
static void bind_env(struct binding *binding, const struct doc_node *own,
                     const struct doc_node *defaults, struct env_vec *ret)
{
    struct arena *arena = binding->binder.arena;
    struct env_vec vars = {0};
    struct map names = {0};
    bool has_own = has_variables(binding, own);
    for (const struct doc_node *item = has_own ? own->first : NULL; item; item = item->next) {
        bind_variable(binding, item, vec_push(arena, &vars));
        map_put(arena, &names, item->key->text, binding);
    }
    for (const struct doc_node *item = defaults ? defaults->first : NULL; item; item = item->next) {
        if (!map_has(&names, item->key->text))
            bind_variable(binding, item, vec_push(arena, &vars));
    }
    vec_sort(&vars, compare_variables);
    *ret = vars;
}

static void bind_on_exit(struct binding *binding, const struct doc_node *list, struct retries *to)
{
    if (!binding_list(binding, list, "on_exit", "exit statuses"))
        return;
    to->on_exit = arena_new_array(binding->binder.arena, int64_t, list->count);
    for (const struct doc_node *item = list->first; item; item = item->next) {
        if (item->kind == DOC_INT && item->integer >= 1 && item->integer <= 255)
            to->on_exit[to->on_exit_count++] = item->integer;
        else
            binding_expected(binding, item, "on_exit", "exit statuses from 1 to 255");
    }
}

static void bind_retries(struct binding *binding, const struct doc_node *node, struct retries *to)
{
    struct draft_retries draft = {0};
    if (node->kind == DOC_MAP) {
        schema_bind(&binding->binder, &pipeline_schema_retries, binding->binder.where, node,
                    &draft);
        *to = (struct retries){.count = draft.count, .backoff_ns = draft.backoff_ns};
        if (draft.on_exit)
            bind_on_exit(binding, draft.on_exit, to);
    } else if (node->kind == DOC_INT && node->integer >= 0 && node->integer <= LIMIT_RETRIES) {
        to->count = node->integer;
    } else {
        binding_expected(binding, node, "retries", "a count from 0 to 1000 or a mapping");
    }
}

enum { CPUS_MOST = 4096 };

static void bind_cpus(struct binding *binding, const struct doc_node *node, int64_t *ret_milli)
{
    double cpus = node->kind == DOC_REAL ? node->real : 0;
    if (node->kind == DOC_INT && node->integer <= CPUS_MOST)
        cpus = (double)node->integer;
    if (cpus >= 0.001 && cpus <= CPUS_MOST)
        *ret_milli = (int64_t)(cpus * 1000 + 0.5);
    else
        binding_error(binding, node, "'cpus' must be a number above 0 and up to %d", CPUS_MOST);
}

static void bind_resources(struct binding *binding, const struct doc_node *node,
                           struct resources *to)
{
    struct draft_resources draft = {0};
    schema_bind(&binding->binder, &pipeline_schema_resources, binding->binder.where, node, &draft);
    *to = (struct resources){.memory_bytes = draft.memory_bytes, .gpus = draft.gpus};
    if (draft.cpus)
        bind_cpus(binding, draft.cpus, &to->cpus_milli);
}

void pipeline_bind_common(struct binding *binding, const struct draft_common *common,
                          struct stage *stage)
{
    const struct draft_common *defaults = &binding->defaults;
    const struct doc_node *retries = common->retries ? common->retries : defaults->retries;
    const struct doc_node *resources = common->resources ? common->resources : defaults->resources;
    stage->shell = common->shell.len ? common->shell : defaults->shell;
    stage->timeout_ns =
        common->timeout_ns == NOT_DECLARED ? defaults->timeout_ns : common->timeout_ns;
    if (common->env || defaults->env)
        bind_env(binding, common->env, defaults->env, &stage->env);
    if (retries)
        bind_retries(binding, retries, &stage->retries);
    if (resources)
        bind_resources(binding, resources, &stage->resources);
}
