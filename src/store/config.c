#include "mlops/store/config.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <stdlib.h>

#include "config_private.h"

/* Where the values of all rows come from, as they are found. */
struct loading {
    struct arena *arena;
    struct str state_dir, root;
    bool is_foreign;
    struct config config;
    struct config_origin origins[CONFIG_ROWS];
};

struct str config_layer_path(struct arena *arena, struct str state_dir, enum config_layer layer)
{
    if (layer == CONFIG_USER) {
        const char *base = getenv("XDG_CONFIG_HOME");
        const char *home = getenv("HOME");
        if (base && base[0] == '/')
            return path_join(arena, str_of(base), STR("mlops/config.yaml"));
        if (home && home[0] == '/')
            return path_join(arena, str_of(home), STR(".config/mlops/config.yaml"));
        return (struct str){0};
    }
    if (!state_dir.len)
        return (struct str){0};
    return path_join(arena, state_dir,
                     layer == CONFIG_PROJECT ? STR("config.yaml") : STR("config.local.yaml"));
}

struct str config_layer_name(struct arena *arena, struct str state_dir, enum config_layer layer)
{
    if (layer == CONFIG_USER)
        return config_layer_path(arena, state_dir, layer);
    return layer == CONFIG_PROJECT ? STR(".mlops/config.yaml") : STR(".mlops/config.local.yaml");
}

const char *config_layer_fault(const struct config_row *row, enum config_layer layer)
{
    if (layer == CONFIG_PROJECT && row->flags & CONFIG_UNTRACKED)
        return "may not stand in a file that comes with the project";
    if (layer != CONFIG_PROJECT && row->flags & CONFIG_OF_PROJECT)
        return "belongs into .mlops/config.yaml only";
    return NULL;
}

/* A scalar's text, or a list's items joined by commas. */
static FALLIBLE text_of(struct arena *arena, const struct doc_node *node, struct str *ret)
{
    if (node->kind == DOC_MAP)
        return doc_error(node, "expected a value here, not a mapping");
    if (node->kind != DOC_LIST) {
        *ret = node->kind == DOC_NULL ? (struct str){"", 0} : node->text;
        return NULL;
    }
    struct buf text = buf_in(arena);
    buf_add_text(&text, "");
    for (const struct doc_node *item = node->first; item; item = item->next) {
        if (item->kind == DOC_MAP || item->kind == DOC_LIST)
            return doc_error(item, "expected a text here");
        if (text.len)
            buf_add_char(&text, ',');
        buf_add_str(&text, item->text);
    }
    *ret = (struct str){text.at ? text.at : "", text.len};
    return NULL;
}

FALLIBLE config_at_node(const struct doc_node *node, struct error *error)
{
    if (!error)
        return NULL;
    struct error *placed = doc_error(node, "%s", error->text);
    if (error->hint)
        placed = error_hint(placed, "%s", error->hint);
    error_drop(error);
    return placed;
}

/* Settings of remotes are only collected here: which there may be, store/remote knows. */
static FALLIBLE take_remote(struct loading *loading, enum config_layer layer, struct str name,
                            const struct doc_node *node)
{
    struct config_value value = {.node = node, .layer = layer};
    struct str file = config_layer_name(loading->arena, loading->state_dir, layer);
    TRY(text_of(loading->arena, node, &value.text));
    config_remote_split(str_copy(loading->arena, name), &value.remote, &value.key);
    value.origin = str_print(loading->arena, "%.*s:%d", STR_FMT(file), node->line);
    *vec_push(loading->arena, &loading->config.remotes) = value;
    return NULL;
}

static FALLIBLE take_value(struct loading *loading, enum config_layer layer, struct str name,
                           const struct doc_node *node)
{
    const struct config_row *row = NULL;
    struct str text = {0};
    if (config_remote_split(name, &text, &text))
        return take_remote(loading, layer, name, node);
    TRY(config_at_node(node->key, config_row_find(name, &row)));
    const char *fault = config_layer_fault(row, layer);
    if (fault)
        return doc_error(node->key, "setting '%s' %s", row->name, fault);
    TRY(text_of(loading->arena, node, &text));
    TRY(config_at_node(
        node, config_value_set(loading->arena, row, loading->root, text, &loading->config)));
    struct str file = config_layer_name(loading->arena, loading->state_dir, layer);
    struct config_origin *origin = &loading->origins[row - config_rows];
    origin->value = str_copy(loading->arena, text);
    origin->origin = str_print(loading->arena, "%.*s:%d", STR_FMT(file), node->line);
    return NULL;
}

static bool is_section(struct str name)
{
    for (size_t i = 0; i < CONFIG_ROWS; i++) {
        struct str row = str_of(config_rows[i].name);
        if (str_starts(row, name) && row.len > name.len && row.at[name.len] == '.')
            return true;
    }
    return false;
}

/* `remote: {origin: {url: u}}`, or `remote.origin: {url: u}`. */
static FALLIBLE take_inner(struct loading *loading, enum config_layer layer, struct str prefix,
                           const struct doc_node *node)
{
    for (const struct doc_node *child = node->first; child; child = child->next)
        TRY(take_value(
            loading, layer,
            str_print(loading->arena, "%.*s.%.*s", STR_FMT(prefix), STR_FMT(child->key->text)),
            child));
    return NULL;
}

/* `a.b: v` or `a: {b: v}`. A section without settings, as one is left when the last was taken out,
 * says nothing. */
static FALLIBLE take_section(struct loading *loading, enum config_layer layer,
                             const struct doc_node *node)
{
    if (node->kind == DOC_NULL && is_section(node->key->text))
        return NULL;
    if (node->kind != DOC_MAP)
        return take_value(loading, layer, node->key->text, node);
    if (str_starts(node->key->text, STR("remote.")))
        return take_inner(loading, layer, node->key->text, node);
    for (const struct doc_node *child = node->first; child; child = child->next) {
        struct str name = str_print(loading->arena, "%.*s.%.*s", STR_FMT(node->key->text),
                                    STR_FMT(child->key->text));
        if (child->kind == DOC_MAP && str_starts(name, STR("remote.")))
            TRY(take_inner(loading, layer, name, child));
        else
            TRY(take_value(loading, layer, name, child));
    }
    return NULL;
}

/* Of another project: only what its remotes are. */
static bool is_passed_over(const struct loading *loading, struct str key)
{
    return loading->is_foreign && !str_is(key, "remote") && !str_starts(key, STR("remote."));
}

static FALLIBLE take_bytes(struct loading *loading, enum config_layer layer, struct str name,
                           struct str bytes)
{
    struct doc *doc = NULL;
    struct doc_options options = {.bytes_most = CONFIG_BYTES_MOST, .refuse_anchors = true};
    TRY(doc_parse(loading->arena, str_copy(loading->arena, name), bytes, &options, &doc));
    if (doc->root->kind == DOC_NULL)
        return NULL;
    if (doc->root->kind != DOC_MAP)
        return doc_error(doc->root, "expected settings, one 'name: value' a line");
    struct error_list errors = {0};
    for (const struct doc_node *node = doc->root->first; node; node = node->next)
        if (!is_passed_over(loading, node->key->text))
            error_list_add(&errors, take_section(loading, layer, node));
    return error_list_take(&errors);
}

static FALLIBLE take_file(struct loading *loading, enum config_layer layer)
{
    struct str path = config_layer_path(loading->arena, loading->state_dir, layer);
    struct str name = config_layer_name(loading->arena, loading->state_dir, layer);
    struct str bytes = {0};
    bool found = false;
    if (!path.len)
        return NULL;
    TRY(file_read(loading->arena, AT_FDCWD, str_terminate(loading->arena, path), CONFIG_BYTES_MOST,
                  &bytes, &found));
    return found ? take_bytes(loading, layer, name, bytes) : NULL;
}

static FALLIBLE take_initial(struct loading *loading)
{
    for (size_t i = 0; i < CONFIG_ROWS; i++) {
        const struct config_row *row = &config_rows[i];
        struct str initial = str_of(row->initial);
        loading->origins[i] = (struct config_origin){row->name, initial, STR("built in")};
        if (initial.len)
            TRY(config_value_set(loading->arena, row, loading->root, initial, &loading->config));
    }
    return NULL;
}

static FALLIBLE take_environment(struct loading *loading)
{
    for (size_t i = 0; i < CONFIG_ROWS; i++) {
        const struct config_row *row = &config_rows[i];
        const char *value = row->env ? getenv(row->env) : NULL;
        if (!value || !*value)
            continue;
        TRY_WITHIN(
            config_value_set(loading->arena, row, loading->root, str_of(value), &loading->config),
            "environment variable %s", row->env);
        loading->origins[i].value = str_copy(loading->arena, str_of(value));
        loading->origins[i].origin = str_print(loading->arena, "environment %s", row->env);
    }
    return NULL;
}

static FALLIBLE load_layers(struct loading *loading)
{
    static const enum config_layer files[] = {CONFIG_USER, CONFIG_PROJECT, CONFIG_LOCAL};
    if (loading->state_dir.len)
        loading->root = path_directory(loading->state_dir);
    TRY(take_initial(loading));
    for (size_t i = 0; i < COUNT_OF(files); i++)
        TRY(take_file(loading, files[i]));
    return take_environment(loading);
}

struct error *config_load(struct arena *arena, struct str state_dir, struct config *ret)
{
    struct loading loading = {.arena = arena, .state_dir = state_dir};
    TRY(load_layers(&loading));
    *ret = loading.config;
    return NULL;
}

struct error *config_load_foreign(struct arena *arena, struct str name, struct str bytes,
                                  struct config *ret)
{
    struct loading loading = {.arena = arena, .is_foreign = true};
    TRY(take_bytes(&loading, CONFIG_PROJECT, name, bytes));
    *ret = loading.config;
    return NULL;
}

/* A stronger layer's value takes the place of a weaker one's. */
static void add_remote_origin(struct arena *arena, struct config_origin *origins, size_t *count,
                              const struct config_value *value)
{
    struct str name =
        str_print(arena, "remote.%.*s.%.*s", STR_FMT(value->remote), STR_FMT(value->key));
    size_t at = CONFIG_ROWS;
    while (at < *count && !str_is(name, origins[at].name))
        at++;
    origins[at] = (struct config_origin){name.at, value->text, value->origin};
    *count = MAX_OF(*count, at + 1);
}

struct error *config_list(struct arena *arena, struct str state_dir, struct config_origin **ret,
                          size_t *ret_count)
{
    struct loading loading = {.arena = arena, .state_dir = state_dir};
    TRY(load_layers(&loading));
    const struct config_value_vec *remotes = &loading.config.remotes;
    *ret = arena_new_array(arena, struct config_origin, CONFIG_ROWS + remotes->len);
    memcpy(*ret, loading.origins, sizeof loading.origins);
    *ret_count = CONFIG_ROWS;
    vec_each (const struct config_value, value, remotes)
        add_remote_origin(arena, *ret, ret_count, value);
    return NULL;
}
