#include "mlops/engine/override.h"

#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

/* ---- Which file ---- */

static void note_file(struct session *session, struct map *files, struct str file)
{
    if (file.len && !map_has(files, file))
        map_put(session->arena, files, file, session);
}

static struct str beside(struct session *session, struct str dir, struct str name)
{
    return dir.len ? path_join(session->arena, dir, name) : name;
}

/* The files that `vars` names, a list of paths (with the keys wanted of them behind a colon) and
 * mappings. */
static void note_vars(struct session *session, struct map *files, const struct doc_node *vars,
                      struct str dir)
{
    for (const struct doc_node *item = vars && vars->kind == DOC_LIST ? vars->first : NULL; item;
         item = item->next) {
        ptrdiff_t colon = str_find_char(item->text, ':');
        struct str path = colon < 0 ? item->text : str_slice(item->text, 0, (size_t)colon);
        struct str normal = {0};
        struct error *error = NULL;
        if (item->kind != DOC_STR)
            continue;
        error = workspace_path(
            session->arena, &session->workspace,
            path_join(session->arena, session->workspace.root, beside(session, dir, path)),
            &normal);
        if (!error)
            note_file(session, files, normal);
        error_drop(error); /* outside of the project: never ours to change */
    }
}

static void note_stage(struct session *session, struct map *files, const struct stage *stage)
{
    vec_each (struct param_ref, param, &stage->params)
        note_file(session, files, param->file);
    vec_each (struct tracked_value, tracked, &stage->tracked)
        note_file(session, files, tracked->file);
    if (stage->node)
        note_vars(session, files, doc_find(stage->node, STR("vars")), stage->wdir);
}

/* Every file that may hold a parameter of the pipeline, params.yaml first. */
static struct map parameter_files(struct session *session)
{
    const struct pipeline *pipeline = session->pipeline;
    struct map files = {0};
    vec_each (struct pipeline_file, file, &pipeline->files) {
        note_file(session, &files, beside(session, file->dir, STR("params.yaml")));
        vec_each (struct str, path, &file->params)
            note_file(session, &files, *path);
        note_vars(session, &files, doc_find(file->doc->root, STR("vars")), file->dir);
    }
    vec_each (struct stage, stage, &pipeline->stages)
        note_stage(session, &files, stage);
    return files;
}

/* ---- Whether it fits ---- */

/* What a value is for this purpose: integers and reals are one kind. */
static enum doc_kind rough_kind(const struct doc_node *node)
{
    return node->kind == DOC_INT || node->kind == DOC_BIGINT ? DOC_REAL : node->kind;
}

static FALLIBLE check_type(struct session *session, const struct override *override,
                           const struct doc_node *old)
{
    struct doc_node *value = NULL;
    if (override->action != EDIT_SET)
        return NULL;
    TRY(edit_value(session->arena, override->text, session->pipeline->dialect, &value));
    if (old->kind == DOC_NULL || value->kind == DOC_NULL || rough_kind(old) == rough_kind(value))
        return NULL;
    struct error *error =
        doc_error(old, "'%.*s' is %s here, and %.*s is %s", STR_FMT(override->key),
                  doc_kind_name(old->kind), STR_FMT(override->text), doc_kind_name(value->kind));
    if (old->kind == DOC_STR && value->kind != DOC_LIST && value->kind != DOC_MAP)
        return error_hint(error, "quotes make a text of it: '%.*s=\"%.*s\"'",
                          STR_FMT(override->key), STR_FMT(override->text));
    return error_hint(error, "give it %s", doc_kind_name(old->kind));
}

/* What a stage makes would be made again, as it was. */
static FALLIBLE check_maker(struct session *session, struct str file)
{
    const struct map *makers = &session->pipeline->makers;
    for (struct str path = file; path.len; path = path_directory(path)) {
        const struct maker *maker = map_get(makers, path);
        if (maker)
            return error_hint(error_new(ERROR_PROJECT, "'%.*s' is made by stage '%.*s'",
                                        STR_FMT(file), STR_FMT(maker->stage->name)),
                              "change what that stage makes it from");
    }
    return NULL;
}

static bool is_at_or_below(struct str key, struct str above)
{
    return str_equal(key, above) ||
           (str_starts(key, above) && key.len > above.len && key.at[above.len] == '.');
}

/* A key that a stage needs can't go. */
static FALLIBLE check_unused(struct session *session, const struct override *override)
{
    vec_each (struct stage, stage, &session->pipeline->stages) {
        const char *how = NULL;
        vec_each (struct param_ref, param, &stage->params)
            if (str_equal(param->file, override->file) && is_at_or_below(param->key, override->key))
                how = "is a parameter of stage";
        vec_each (struct tracked_value, value, &stage->tracked)
            if (str_equal(value->file, override->file) && is_at_or_below(value->key, override->key))
                how = "is used by stage";
        if (how)
            return error_hint(error_new(ERROR_PROJECT, "'%.*s' %s '%.*s' and can't be removed",
                                        STR_FMT(override->key), how, STR_FMT(stage->name)),
                              "change it, or let the stage do without it first");
    }
    return NULL;
}

static FALLIBLE check_found(struct session *session, const struct override *override,
                            const struct doc_node *root)
{
    const struct doc_node *old = doc_find_path(root, override->key);
    TRY(check_maker(session, override->file));
    if (override->action == EDIT_REMOVE)
        TRY(check_unused(session, override));
    if (override->action == EDIT_ADD && old)
        return error_hint(doc_error(old, "'%.*s' is there already", STR_FMT(override->key)),
                          "without '+' it is changed");
    return old ? check_type(session, override, old) : NULL;
}

/* ---- What is not there ---- */

/* What comes nearest to a key that is in no file. */
struct nearest {
    struct str file, key;
    int distance;
    const struct doc_node *list; /* what the key would be an item of */
    struct str list_key;
    struct buf looked; /* the files, for messages */
};

static void compare(struct session *session, const struct override *override, struct str file,
                    const struct doc_node *root, struct nearest *nearest)
{
    ptrdiff_t dot = str_find_last_char(override->key, '.');
    struct str above = str_slice(override->key, 0, dot < 0 ? 0 : (size_t)dot);
    const struct doc_node *owner = above.len ? doc_find_path(root, above) : NULL;
    struct str key = edit_nearest(session->arena, root, override->key);
    int distance = str_distance(key, override->key);
    buf_print(&nearest->looked, "%s%.*s", nearest->looked.len ? ", " : "", STR_FMT(file));
    if (owner && owner->kind == DOC_LIST && !nearest->list) {
        nearest->list = owner;
        nearest->list_key = above;
    }
    if (!key.len || (nearest->key.len && distance >= nearest->distance))
        return;
    nearest->file = file;
    nearest->key = key;
    nearest->distance = distance;
}

static FALLIBLE tell_unknown(const struct override *override, const struct nearest *nearest)
{
    struct str key = override->key;
    if (!nearest->looked.len)
        return error_hint(error_new(ERROR_PROJECT,
                                    "no parameter '%.*s': the pipeline has no file of parameters",
                                    STR_FMT(key)),
                          "name its file: FILE:KEY=VALUE");
    if (nearest->list)
        return doc_error(nearest->list, "no parameter '%.*s': '%.*s' is a list of %zu",
                         STR_FMT(key), STR_FMT(nearest->list_key), nearest->list->count);
    if (nearest->key.len)
        return error_new(ERROR_PROJECT, "%.*s: no parameter '%.*s' (did you mean '%.*s'?)",
                         STR_FMT(nearest->file), STR_FMT(key), STR_FMT(nearest->key));
    return error_hint(error_new(ERROR_PROJECT, "no parameter '%.*s' in %.*s", STR_FMT(key),
                                STR_FMT(buf_str(&nearest->looked))),
                      "a new one is added by '+%.*s=VALUE'", STR_FMT(key));
}

static FALLIBLE unknown(struct session *session, const struct override *override,
                        const struct map *files)
{
    struct nearest nearest = {.looked = buf_in(session->arena)};
    map_each (item, files) {
        const struct doc_node *root = NULL;
        TRY(session_params(session, item->key, &root));
        if (root)
            compare(session, override,
                    workspace_show(session->arena, &session->workspace, item->key), root, &nearest);
    }
    return tell_unknown(override, &nearest);
}

/* ---- Looking ---- */

/* A file that was named: as typed, from where the caller is, else from the project's root. */
static FALLIBLE find_named(struct session *session, struct override *override)
{
    const struct doc_node *root = NULL;
    struct str typed = override->file, path = {0};
    TRY(workspace_path(session->arena, &session->workspace, typed, &path));
    TRY(session_params(session, path, &root));
    if (!root && session->workspace.cwd.len && typed.at[0] != '/') {
        TRY(workspace_path(session->arena, &session->workspace,
                           path_join(session->arena, session->workspace.root, typed), &path));
        TRY(session_params(session, path, &root));
    }
    if (!root)
        return error_new(ERROR_PROJECT, "there is no '%.*s', which '%.*s' names", STR_FMT(typed),
                         STR_FMT(override_print(session->arena, override)));
    override->file = path;
    if (override->action == EDIT_ADD || doc_find_path(root, override->key))
        return check_found(session, override, root);
    struct map one = {0};
    note_file(session, &one, path);
    return unknown(session, override, &one);
}

/* A new key belongs to the file that has the most of what is above it; else the first there is. */
static FALLIBLE find_for_new(struct session *session, struct override *override,
                             const struct map *files)
{
    size_t deepest = 0;
    map_each (item, files) {
        const struct doc_node *root = NULL;
        struct str above = override->key;
        TRY(session_params(session, item->key, &root));
        if (!root)
            continue;
        TRY(check_found(session, override, root));
        for (ptrdiff_t dot; (dot = str_find_last_char(above, '.')) >= 0;) {
            above.len = (size_t)dot;
            if (doc_find_path(root, above))
                break;
        }
        above.len = str_find_char(above, '.') < 0 && !doc_find_path(root, above) ? 0 : above.len;
        if (override->file.len && above.len <= deepest)
            continue;
        override->file = item->key;
        deepest = above.len;
    }
    return override->file.len ? NULL : unknown(session, override, files);
}

static FALLIBLE find_known(struct session *session, struct override *override,
                           const struct map *files)
{
    const struct doc_node *found_in = NULL;
    map_each (item, files) {
        const struct doc_node *root = NULL;
        TRY(session_params(session, item->key, &root));
        if (!root || !doc_find_path(root, override->key))
            continue;
        if (found_in)
            return error_hint(error_new(ERROR_PROJECT, "'%.*s' is in two files: %.*s and %.*s",
                                        STR_FMT(override->key), STR_FMT(override->file),
                                        STR_FMT(item->key)),
                              "name the one that is meant: '%.*s:%.*s=%.*s'", STR_FMT(item->key),
                              STR_FMT(override->key), STR_FMT(override->text));
        found_in = root;
        override->file = item->key;
    }
    return found_in ? check_found(session, override, found_in) : unknown(session, override, files);
}

FALLIBLE override_resolve(struct session *session, struct override_vec *overrides)
{
    struct map files = {0};
    vec_each (struct override, override, overrides) {
        if (override->file.len) {
            TRY(find_named(session, override));
            continue;
        }
        if (!files.len)
            files = parameter_files(session);
        TRY(override->action == EDIT_ADD ? find_for_new(session, override, &files)
                                         : find_known(session, override, &files));
    }
    return override_check(overrides);
}

/* Every change reads the file anew, and gives its memory back. */
static FALLIBLE apply_one(struct str name, enum doc_dialect dialect, const struct edit *edit,
                          struct buf *text)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str edited = {0};
    TRY(edit_apply(&scratch, name, buf_str(text), dialect, edit, &edited));
    buf_clear(text);
    buf_add_str(text, edited);
    return NULL;
}

FALLIBLE override_apply(struct arena *arena, struct str name, struct str bytes,
                        enum doc_dialect dialect, const struct override_vec *overrides,
                        struct str file, struct str *ret)
{
    struct buf result = buf_in(arena);
    const struct override **order = override_order(arena, overrides);
    buf_add_str(&result, bytes);
    for (size_t i = 0; i < overrides->len; i++) {
        const struct edit edit = {
            .action = order[i]->action, .key = order[i]->key, .value = order[i]->text};
        if (str_equal(order[i]->file, file))
            TRY(apply_one(name, dialect, &edit, &result));
    }
    *ret = buf_str(&result);
    return NULL;
}
