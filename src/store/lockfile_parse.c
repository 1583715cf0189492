#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <math.h>
#include <stdlib.h>

#include "lockfile_private.h"

/* An entry on its way from the document. */
struct entry_reader {
    struct arena *arena;
    struct lock_entry *entry;
    struct recipe_param *params; /* present and missing ones */
    size_t param_count;
    struct recipe_env *env;
    size_t env_count;
    struct str recipe_bytes;             /* of an entry that holds its recipe encoded */
    const struct doc_node *recipe_field; /* a field that is a part of the recipe, or NULL */
    const struct doc_node *node;
};

/* A list of strings of hex digits, joined. */
static FALLIBLE read_bytes(struct arena *arena, const struct doc_node *node, struct str *ret)
{
    TRY(lock_expect(node, DOC_LIST));
    struct buf joined = buf_in(arena);
    for (const struct doc_node *item = node->first; item; item = item->next) {
        struct str part = {0};
        TRY(lock_expect(item, DOC_STR));
        if (!doc_hex_parse(arena, item->text, &part))
            return doc_error(item, "no hex digits");
        buf_add_str(&joined, part);
    }
    *ret = buf_str(&joined);
    return NULL;
}

static int compare_deps(const void *a, const void *b)
{
    const struct recipe_dep *left = a, *right = b;
    return str_compare(left->path, right->path);
}

static FALLIBLE read_deps(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_LIST));
    struct recipe *recipe = &reader->entry->recipe;
    recipe->deps = arena_new_array(reader->arena, struct recipe_dep, node->count + 1);
    for (const struct doc_node *item = node->first; item; item = item->next)
        TRY(lock_read_dep(reader->arena, item, &recipe->deps[recipe->dep_count++]));
    qsort(recipe->deps, recipe->dep_count, sizeof recipe->deps[0], compare_deps);
    for (size_t i = 1; i < recipe->dep_count; i++)
        if (compare_deps(&recipe->deps[i - 1], &recipe->deps[i]) == 0)
            return doc_error(node, "the path '%.*s' is listed twice",
                             STR_FMT(recipe->deps[i].path));
    return NULL;
}

static int compare_outs(const void *a, const void *b)
{
    const struct artifact *left = a, *right = b;
    return str_compare(left->path, right->path);
}

static FALLIBLE read_outs(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_LIST));
    struct lock_entry *entry = reader->entry;
    entry->outs = arena_new_array(reader->arena, struct artifact, node->count + 1);
    for (const struct doc_node *item = node->first; item; item = item->next)
        TRY(lock_read_out(reader->arena, item, &entry->outs[entry->out_count++]));
    qsort(entry->outs, entry->out_count, sizeof entry->outs[0], compare_outs);
    for (size_t i = 1; i < entry->out_count; i++)
        if (compare_outs(&entry->outs[i - 1], &entry->outs[i]) == 0)
            return doc_error(node, "the path '%.*s' is listed twice", STR_FMT(entry->outs[i].path));
    return NULL;
}

static FALLIBLE read_cmd(struct entry_reader *reader, const struct doc_node *node)
{
    struct command *cmd = &reader->entry->recipe.cmd;
    cmd->is_list = node->kind == DOC_LIST;
    if (cmd->is_list)
        return lock_read_texts(reader->arena, node, &cmd->items, &cmd->count);
    cmd->items = arena_new(reader->arena, struct str);
    cmd->count = 1;
    return lock_read_text(reader->arena, node, cmd->items);
}

static FALLIBLE read_wdir(struct entry_reader *reader, const struct doc_node *node)
{
    return lock_read_text(reader->arena, node, &reader->entry->recipe.wdir);
}

static FALLIBLE read_shell(struct entry_reader *reader, const struct doc_node *node)
{
    return lock_read_text(reader->arena, node, &reader->entry->recipe.shell);
}

static FALLIBLE read_environment(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_STR));
    if (!doc_hex_parse(reader->arena, node->text, &reader->entry->recipe.environment))
        return doc_error(node, "no hex digits");
    return NULL;
}

/* How many parameters the two fields of an entry hold together. */
static size_t count_params(const struct doc_node *entry)
{
    size_t count = 1;
    static const char *const fields[] = {"params", "missing_params"};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const struct doc_node *files = doc_find(entry, str_of(fields[i]));
        for (const struct doc_node *file = files ? files->first : NULL; file; file = file->next)
            count += file->kind == DOC_MAP || file->kind == DOC_LIST ? file->count : 0;
    }
    return count;
}

static struct recipe_param *add_param(struct entry_reader *reader, struct str file, struct str key)
{
    if (!reader->params)
        reader->params =
            arena_new_array(reader->arena, struct recipe_param, count_params(reader->node));
    struct recipe_param *param = &reader->params[reader->param_count++];
    param->file = file;
    param->key = key;
    return param;
}

static FALLIBLE read_params(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_MAP));
    for (const struct doc_node *file = node->first; file; file = file->next) {
        TRY(lock_expect(file, DOC_MAP));
        for (const struct doc_node *value = file->first; value; value = value->next) {
            struct recipe_param *param = add_param(reader, file->key->text, value->key->text);
            struct buf encoded = buf_in(reader->arena);
            doc_encode(value, reader->arena, &encoded);
            param->encoded = buf_str(&encoded);
            param->shown = recipe_show(reader->arena, param->encoded);
        }
    }
    return NULL;
}

static FALLIBLE read_missing_params(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_MAP));
    for (const struct doc_node *file = node->first; file; file = file->next) {
        TRY(lock_expect(file, DOC_LIST));
        for (const struct doc_node *key = file->first; key; key = key->next) {
            TRY(lock_expect(key, DOC_STR));
            add_param(reader, file->key->text, key->text);
        }
    }
    return NULL;
}

static struct recipe_env *add_env(struct entry_reader *reader, struct str name)
{
    if (!reader->env) {
        const struct doc_node *env = doc_find(reader->node, STR("env"));
        const struct doc_node *secrets = doc_find(reader->node, STR("secrets"));
        size_t count = (env && env->kind == DOC_MAP ? env->count : 0) +
                       (secrets && secrets->kind == DOC_LIST ? secrets->count : 0);
        reader->env = arena_new_array(reader->arena, struct recipe_env, count + 1);
    }
    struct recipe_env *variable = &reader->env[reader->env_count++];
    variable->name = name;
    return variable;
}

static FALLIBLE read_env(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_MAP));
    for (const struct doc_node *value = node->first; value; value = value->next) {
        struct recipe_env *variable = add_env(reader, value->key->text);
        TRY(lock_read_text(reader->arena, value, &variable->value));
    }
    return NULL;
}

static FALLIBLE read_secrets(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_LIST));
    for (const struct doc_node *name = node->first; name; name = name->next) {
        struct str text = {0};
        TRY(lock_read_text(reader->arena, name, &text));
        add_env(reader, text)->is_secret = true;
    }
    return NULL;
}

static FALLIBLE read_metric(struct entry_reader *reader, const struct doc_node *node,
                            struct str file, struct str key)
{
    struct metric metric = {.file = file, .key = key, .text = node->text};
    switch (node->kind) {
    case DOC_INT:
        metric.value = (double)node->integer;
        break;
    case DOC_REAL:
        metric.value = node->real;
        break;
    case DOC_BIGINT:
        metric.value = strtod(str_terminate(reader->arena, node->text), NULL);
        break;
    case DOC_STR:
    case DOC_BOOL:
        metric.is_text = true;
        metric.value = (double)NAN;
        break;
    case DOC_NULL:
    case DOC_LIST:
    case DOC_MAP:
        return doc_error(node, "a metric is a number or a string");
    }
    *vec_push(reader->arena, &reader->entry->metrics) = metric;
    return NULL;
}

static FALLIBLE read_metrics(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(lock_expect(node, DOC_MAP));
    for (const struct doc_node *file = node->first; file; file = file->next) {
        if (file->kind != DOC_MAP) { /* a file that is one number */
            TRY(read_metric(reader, file, file->key->text, (struct str){0}));
            continue;
        }
        for (const struct doc_node *value = file->first; value; value = value->next)
            TRY(read_metric(reader, value, file->key->text, value->key->text));
    }
    return NULL;
}

/* Damage inside encoded bytes is told at the place where they stand. */
static FALLIBLE at_node(struct error *error, const struct doc_node *node)
{
    if (!error)
        return NULL;
    struct error *placed = doc_error(node, "'%.*s' is damaged", STR_FMT(node->key->text));
    placed->cause = error;
    return placed;
}

static FALLIBLE read_encoded_metrics(struct entry_reader *reader, const struct doc_node *node)
{
    struct str bytes = {0};
    TRY(read_bytes(reader->arena, node, &bytes));
    struct canon_reader canon = canon_reader_of(bytes);
    struct error *error = lock_decode_metrics(reader->arena, &canon, &reader->entry->metrics);
    return at_node(error ? error : canon_expect_end(&canon), node);
}

static FALLIBLE read_recipe(struct entry_reader *reader, const struct doc_node *node)
{
    TRY(read_bytes(reader->arena, node, &reader->recipe_bytes));
    return at_node(recipe_decode(reader->arena, reader->recipe_bytes, &reader->entry->recipe),
                   node);
}

static FALLIBLE read_rejected(struct entry_reader *reader, const struct doc_node *node)
{
    return lock_read_bool(node, &reader->entry->is_rejected);
}

static const struct entry_field {
    const char *name;
    bool is_recipe; /* a part of it: not beside the encoded recipe */
    FALLIBLE (*read)(struct entry_reader *reader, const struct doc_node *node);
} entry_fields[] = {
    {"cmd", true, read_cmd},
    {"wdir", true, read_wdir},
    {"shell", true, read_shell},
    {"deps", true, read_deps},
    {"params", true, read_params},
    {"missing_params", true, read_missing_params},
    {"env", true, read_env},
    {"secrets", true, read_secrets},
    {"environment", true, read_environment},
    {"recipe", false, read_recipe},
    {"outs", false, read_outs},
    {"metrics", false, read_metrics},
    {"encoded_metrics", false, read_encoded_metrics},
    {"rejected", false, read_rejected},
};

static FALLIBLE read_field(struct entry_reader *reader, const struct doc_node *node)
{
    for (size_t i = 0; i < COUNT_OF(entry_fields); i++) {
        if (!str_is(node->key->text, entry_fields[i].name))
            continue;
        if (entry_fields[i].is_recipe)
            reader->recipe_field = node;
        return entry_fields[i].read(reader, node);
    }
    return lock_unknown_key(node, "a stage of a lock file");
}

static int compare_params(const void *a, const void *b)
{
    const struct recipe_param *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

static int compare_env(const void *a, const void *b)
{
    const struct recipe_env *left = a, *right = b;
    return str_compare(left->name, right->name);
}

/* The fields were read in the order of the file: git may have merged them in any. */
static FALLIBLE complete_recipe(struct entry_reader *reader)
{
    struct recipe *recipe = &reader->entry->recipe;
    recipe->params = reader->params;
    recipe->param_count = reader->param_count;
    recipe->env = reader->env;
    recipe->env_count = reader->env_count;
    if (recipe->param_count > 1)
        qsort(recipe->params, recipe->param_count, sizeof recipe->params[0], compare_params);
    for (size_t i = 1; i < recipe->param_count; i++)
        if (compare_params(&recipe->params[i - 1], &recipe->params[i]) == 0)
            return doc_error(reader->node, "the parameter '%.*s' is listed twice",
                             STR_FMT(recipe->params[i].key));
    if (recipe->env_count > 1)
        qsort(recipe->env, recipe->env_count, sizeof recipe->env[0], compare_env);
    for (size_t i = 1; i < recipe->env_count; i++)
        if (compare_env(&recipe->env[i - 1], &recipe->env[i]) == 0)
            return doc_error(reader->node, "the variable '%.*s' is listed twice",
                             STR_FMT(recipe->env[i].name));
    recipe->outs = arena_new_array(reader->arena, struct str, reader->entry->out_count + 1);
    for (size_t i = 0; i < reader->entry->out_count; i++)
        recipe->outs[recipe->out_count++] = reader->entry->outs[i].path;
    return NULL;
}

static FALLIBLE read_entry(struct arena *arena, const struct doc_node *node,
                           struct lock_entry *entry)
{
    const char *fault = name_fault(node->key->text, true);
    if (fault)
        return doc_error(node->key, "the name of this stage %s", fault);
    TRY(lock_expect(node, DOC_MAP));
    struct entry_reader reader = {.arena = arena, .entry = entry, .node = node};
    entry->stage = node->key->text;
    for (const struct doc_node *field = node->first; field; field = field->next)
        TRY(read_field(&reader, field));
    if (!reader.recipe_bytes.at)
        TRY(complete_recipe(&reader));
    else if (reader.recipe_field)
        return doc_error(reader.recipe_field, "a stage has 'recipe' or its parts, not both");
    entry->key = recipe_key(&entry->recipe);
    return NULL;
}

static FALLIBLE read_stages(struct arena *arena, const struct doc_node *node, struct lockfile *ret)
{
    TRY(lock_expect(node, DOC_MAP));
    if (node->count > (size_t)LIMIT_STAGES)
        return doc_error(node, "more than %lld stages", (long long)LIMIT_STAGES);
    struct lock_entry *entries = arena_new_array(arena, struct lock_entry, node->count + 1);
    for (const struct doc_node *stage = node->first; stage; stage = stage->next, entries++) {
        TRY_WITHIN(read_entry(arena, stage, entries), "stage '%.*s'", STR_FMT(stage->key->text));
        map_put(arena, &ret->entries, entries->stage, entries);
    }
    return NULL;
}

static FALLIBLE read_schema(const struct doc_node *root)
{
    const struct doc_node *schema = doc_find(root, STR("schema"));
    if (!schema || schema->kind != DOC_INT || schema->integer < 1)
        return doc_error(schema ? schema : root, "'schema' is missing or no number from 1 on");
    if (schema->integer == LOCK_SCHEMA)
        return NULL;
    return error_hint(
        error_recode(doc_error(schema, "written by a newer version of mlops (schema %lld)",
                               (long long)schema->integer),
                     ERROR_STORED),
        "use that version, or a later one");
}

static FALLIBLE read_root(struct arena *arena, const struct doc_node *root, struct lockfile *ret)
{
    TRY(lock_expect(root, DOC_MAP));
    TRY(read_schema(root));
    bool has_stages = false;
    for (const struct doc_node *child = root->first; child; child = child->next) {
        if (str_is(child->key->text, "project"))
            TRY(lock_read_text(arena, child, &ret->project));
        else if (str_is(child->key->text, "stages"))
            TRY(read_stages(arena, child, ret));
        else if (!str_is(child->key->text, "schema"))
            return lock_unknown_key(child, "a lock file");
        has_stages = has_stages || str_is(child->key->text, "stages");
    }
    return has_stages ? NULL : doc_error(root, "'stages' is missing: the file is cut off");
}

static FALLIBLE read_bytes_of_file(struct arena *arena, struct str name, struct str bytes,
                                   struct lockfile *ret)
{
    struct doc_options options = {.dialect = DOC_NATIVE,
                                  .bytes_most = LIMIT_LOCK_BYTES,
                                  .nodes_most = LIMIT_LOCK_NODES,
                                  .refuse_anchors = true};
    struct doc *doc = NULL;
    TRY(doc_parse(arena, name, bytes, &options, &doc));
    if (doc->is_empty)
        return doc_error(doc->root, "the lock file is empty");
    return read_root(arena, doc->root, ret);
}

static bool has_conflict(struct str bytes)
{
    return str_starts(bytes, STR("<<<<<<< ")) || str_find(bytes, STR("\n<<<<<<< ")) >= 0;
}

FALLIBLE lockfile_parse(struct arena *arena, struct str name, struct str bytes,
                        struct lockfile *ret)
{
    struct lockfile lockfile = {.path = name, .digest = digest_of(bytes.at, bytes.len)};
    struct error *error = read_bytes_of_file(arena, name, bytes, &lockfile);
    if (!error) {
        *ret = lockfile;
        return NULL;
    }
    if (error->hint && !has_conflict(bytes))
        return error;
    if (has_conflict(bytes))
        return error_hint(error,
                          "take either side (git checkout --ours -- '%.*s') and run `mlops run`: "
                          "it keeps what is up to date and writes the file anew",
                          STR_FMT(name));
    return error_hint(error,
                      "restore the file (git checkout -- '%.*s'), or remove it: the next run "
                      "writes it anew from the results it knows",
                      STR_FMT(name));
}
