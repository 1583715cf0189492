/* Expressions become values. What holds none is shared with the file's own nodes. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <stdarg.h>

#include "pipeline_private.h"

/* So many mistakes of one definition are told apart; by then no more of them are shown. */
enum { TOLD_MOST = 1000 };

/* A mistake is told once, for all stages of a group too. */
static bool is_told(struct resolution *to, const struct template_piece *piece)
{
    struct definition *definition = to->instance ? to->instance->definition : NULL;
    if (!definition)
        return false;
    vec_each (const void *, told, &definition->told) {
        if (*told == piece)
            return true;
    }
    if (definition->told.len == TOLD_MOST)
        return true;
    *vec_push(to->binding->binder.arena, &definition->told) = piece;
    return false;
}

static struct str where_of(const struct resolution *to)
{
    if (!to->instance)
        return (struct str){0};
    return str_print(to->binding->binder.arena, " in stage '%.*s'",
                     STR_FMT(to->instance->local_name));
}

void resolution_error(struct resolution *to, const struct template *template,
                      const struct template_piece *piece, const char *format, ...)
{
    to->failed = true;
    if (is_told(to, piece))
        return;
    if (to->binding->errors.kept >= LIMIT_ERRORS_TOLD) {
        to->binding->errors.dropped++;
        return;
    }
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    struct str where = where_of(to);
    struct error *error = template_error(template, piece, "'${%.*s}'%.*s: %s", STR_FMT(piece->text),
                                         STR_FMT(where), text.at);
    if (to->hint)
        error = error_hint(error, "%s", to->hint);
    to->hint = NULL;
    error_list_add(&to->binding->errors, error);
}

enum { NAMES_GUESSED_MOST = 1000 };

/* The name nearest to `word` among the children of what was found so far. */
static const char *nearest_name(struct resolution *to, struct value *in, struct str word)
{
    struct arena *arena = to->binding->binder.arena;
    const char **names = arena_new_array(arena, const char *, NAMES_GUESSED_MOST);
    size_t count = 0;
    const struct context *layer = in ? NULL : to->context;
    struct value *from = in ? in : to->context->root;
    while (from) {
        const struct value_vec *children = value_children(arena, from);
        for (size_t i = 0; from->kind == DOC_MAP && i < children->len; i++) {
            if (count < NAMES_GUESSED_MOST && str_find_char(children->at[i]->name, '\0') < 0)
                names[count++] = str_terminate(arena, children->at[i]->name);
        }
        layer = layer ? layer->below : NULL;
        from = layer ? layer->root : NULL;
    }
    return schema_suggest(word, names, count);
}

static void tell_not_found(struct resolution *to, const struct template *template,
                           const struct template_piece *piece, struct value *in, size_t word)
{
    const char *nearest = NULL;
    if (to->binding->errors.kept < LIMIT_ERRORS_TOLD)
        nearest = nearest_name(to, in, piece->words[word]);
    if (!nearest && !in && to->is_command)
        to->hint = str_print(to->binding->binder.arena,
                             "for a variable of the shell write \\${%.*s}", STR_FMT(piece->text))
                       .at;
    if (nearest)
        resolution_error(to, template, piece, "could not find '%.*s' (did you mean '%s'?)",
                         STR_FMT(piece->shown), nearest);
    else
        resolution_error(to, template, piece, "could not find '%.*s'", STR_FMT(piece->shown));
    to->hint = NULL;
}

/* NULL: told. */
static struct value *find_value(struct resolution *to, const struct template *template,
                                const struct template_piece *piece)
{
    struct arena *arena = to->binding->binder.arena;
    struct value *found = context_find(arena, to->context, piece->words[0]);
    if (!found && pipeline_is_reference(to, piece))
        return pipeline_find_reference(to, template, piece);
    struct value *in = NULL;
    size_t word = 0;
    while (found && ++word < piece->word_count) {
        in = found;
        found = value_find(arena, in, piece->words[word]);
    }
    if (!found)
        tell_not_found(to, template, piece, in, word);
    return found;
}

static bool is_branch(enum doc_kind kind)
{
    return kind == DOC_LIST || kind == DOC_MAP;
}

/* Notes a value that came from a file, for `params diff` and the like. */
static void track(struct resolution *to, struct value *value)
{
    struct arena *arena = to->binding->binder.arena;
    if (!to->tracked || !value->source || !value->source->file.len || is_branch(value->kind))
        return;
    *vec_push(arena, to->tracked) = (struct tracked_value){
        .file = value->source->file, .key = value_path(arena, value), .value = value->node};
}

/* `bytes` of a text that is not done yet: what is too long is not put together first. */
static bool makes_too_much(struct resolution *to, const struct template *template, size_t bytes)
{
    if (to->binding->bytes_made + (int64_t)bytes <= LIMIT_TEMPLATE_BYTES)
        return false;
    if (!to->binding->is_too_much)
        binding_error(to->binding, template->node,
                      "expressions make more than %lld bytes (limit TEMPLATE_BYTES)",
                      (long long)LIMIT_TEMPLATE_BYTES);
    to->binding->is_too_much = true;
    to->failed = true;
    return true;
}

static void refuse_branch(struct resolution *to, const struct template *template,
                          const struct template_piece *piece, const struct value *value)
{
    if (to->is_command && value->kind == DOC_MAP)
        resolution_error(to, template, piece,
                         "a mapping becomes arguments, so a program must stand before it");
    else
        resolution_error(to, template, piece, "is %s: only single values can be put here",
                         doc_kind_name(value->kind));
}

/* Appends a piece of a longer text. */
static void add_piece(struct resolution *to, const struct template *template,
                      const struct template_piece *piece, struct buf *out)
{
    struct arena *arena = to->binding->binder.arena;
    if (!piece->is_expression) {
        buf_add_str(out, piece->text);
        return;
    }
    struct value *value = find_value(to, template, piece);
    if (!value)
        return;
    track(to, value);
    if (!is_branch(value->kind)) {
        template_add_text(out, value->node, arena);
    } else if (value->kind == DOC_LIST || !to->is_command) {
        refuse_branch(to, template, piece, value);
    } else {
        const struct template_arguments options = {to->binding->sources->bool_is_optional,
                                                   to->binding->sources->list_appends};
        if (template_add_arguments(out, value_node(arena, value), &options, arena))
            resolution_error(to, template, piece,
                             "holds a list or mapping inside a list, which no argument can be");
    }
}

static struct str joined_text(struct resolution *to, const struct template *template)
{
    struct arena *arena = to->binding->binder.arena;
    AUTO(buf_drop) struct buf out = {0};
    for (size_t i = 0; i < template->count && !makes_too_much(to, template, out.len); i++)
        add_piece(to, template, &template->pieces[i], &out);
    if (makes_too_much(to, template, out.len) || to->failed)
        return (struct str){0};
    to->binding->bytes_made += (int64_t)out.len;
    bool may_be_escaped = str_find_char(buf_str(&out), '\\') >= 0;
    if (!may_be_escaped || str_find(buf_str(&out), STR("\\${")) < 0)
        return str_copy(arena, buf_str(&out));
    struct buf plain = buf_in(arena);
    template_add_unescaped(&plain, buf_str(&out));
    return buf_str(&plain);
}

/* `value` where the scalar of the template stands. */
static struct doc_node *place_value(struct resolution *to, const struct template *template,
                                    const struct doc_node *value)
{
    struct arena *arena = to->binding->binder.arena;
    struct doc_node *node = arena_new(arena, struct doc_node);
    *node = *value;
    node->line = template->node->line;
    node->column = template->node->column;
    node->doc = template->node->doc;
    node->next = NULL;
    node->key = template->node->key;
    if (!is_branch(node->kind))
        node->text = template_text(arena, value);
    return node;
}

static struct doc_node *resolve_scalar(struct resolution *to, const struct template *template)
{
    struct arena *arena = to->binding->binder.arena;
    if (!template->is_whole) {
        struct doc_node text = *template->node;
        text.text = joined_text(to, template);
        return place_value(to, template, &text);
    }
    const struct template_piece *piece = &template->pieces[0];
    struct value *value = find_value(to, template, piece);
    if (value && is_branch(value->kind) && !to->takes_branches)
        refuse_branch(to, template, piece, value);
    if (!value || to->failed)
        return place_value(to, template, template->node);
    track(to, value);
    return place_value(to, template, value_node(arena, value));
}

static struct doc_node *resolve_key(struct resolution *to, const struct fragment *fragment)
{
    if (!fragment->key)
        return fragment->node->key;
    struct doc_node *key = resolve_scalar(to, fragment->key);
    if (is_branch(key->kind))
        resolution_error(to, fragment->key, &fragment->key->pieces[0], "cannot be a key");
    key->kind = DOC_STR;
    return key;
}

/* Keys that became equal: one of them would be lost. */
static void check_keys(struct resolution *to, const struct doc_node *map)
{
    struct map seen = {0};
    for (struct doc_node *child = map->first; child; child = child->next) {
        const struct doc_node *first =
            map_put(to->binding->binder.arena, &seen, child->key->text, child);
        if (!first)
            continue;
        to->failed = true;
        binding_error(to->binding, child->key, "duplicate key '%.*s' (first at line %d)",
                      STR_FMT(child->key->text), first->key->line);
    }
}

static struct doc_node *share(struct resolution *to, const struct doc_node *node)
{
    struct doc_node *copy = arena_new(to->binding->binder.arena, struct doc_node);
    *copy = *node;
    copy->next = NULL;
    return copy;
}

bool binding_makes_too_many(struct binding *binding, const struct doc_node *node)
{
    if (binding->nodes_made <= LIMIT_TEMPLATE_NODES)
        return false;
    if (!binding->is_too_much)
        binding_error(binding, node,
                      "expressions make more than %lld nodes "
                      "(limit TEMPLATE_NODES)",
                      (long long)LIMIT_TEMPLATE_NODES);
    binding->is_too_much = true;
    return true;
}

static bool makes_too_many(struct resolution *to, const struct doc_node *node)
{
    to->binding->nodes_made++;
    bool is_too_many = binding_makes_too_many(to->binding, node);
    to->failed |= is_too_many;
    return is_too_many;
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
struct doc_node *pipeline_resolve(struct resolution *to, const struct fragment *fragment)
{
    struct doc_node *node;
    if (makes_too_many(to, fragment->node) || !fragment->is_live)
        return share(to, fragment->node);
    node = fragment->text ? resolve_scalar(to, fragment->text) : share(to, fragment->node);
    if (node->key)
        node->key = resolve_key(to, fragment);
    if (fragment->text || !is_branch(node->kind))
        return node;
    struct doc_node **place = &node->first;
    bool has_live_keys = false;
    for (size_t i = 0; i < node->count; i++) {
        *place = pipeline_resolve(to, &fragment->children[i]);
        place = &(*place)->next;
        has_live_keys |= fragment->children[i].key != NULL;
    }
    if (has_live_keys && !to->failed)
        check_keys(to, node);
    return node;
}

static struct value *resolve_whole(struct resolution *to, const struct template *template)
{
    struct value *value = find_value(to, template, &template->pieces[0]);
    return value ? value : value_new(to->binding->binder.arena, DOC_NULL, NULL);
}

/* Depth is bounded by LIMIT_DOCUMENT_DEPTH. */
struct value *pipeline_resolve_value(struct resolution *to, const struct fragment *fragment)
{
    struct arena *arena = to->binding->binder.arena;
    static const struct value_source inside = {{0}, {0}};
    const struct doc_node *node = fragment->node;
    if (fragment->text && fragment->text->is_whole)
        return resolve_whole(to, fragment->text);
    if (fragment->text)
        return value_of_node(arena, resolve_scalar(to, fragment->text), &inside);
    if (!fragment->is_live || !is_branch(node->kind))
        return value_of_node(arena, node, &inside);
    struct value *value = value_new(arena, node->kind, &inside);
    for (size_t i = 0; i < node->count; i++) {
        const struct fragment *child = &fragment->children[i];
        struct value *item = pipeline_resolve_value(to, child);
        struct str name = child->node->key ? template_text(arena, resolve_key(to, child))
                                           : str_print(arena, "%zu", i);
        value_add(arena, value, name, value_renamed(arena, item, name));
    }
    return value;
}
