/* dvc.lock: of each stage what its last run used and made. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include "dvc_private.h"

static FALLIBLE bind_cmd(struct arena *arena, const struct doc_node *node, struct command *ret)
{
    ret->is_list = node->kind == DOC_LIST;
    if (!ret->is_list && (node->kind == DOC_MAP || node->kind == DOC_NULL))
        return doc_error(node, "'cmd' must be a string or a list of strings");
    ret->items = arena_new_array(arena, struct str, ret->is_list ? node->count : 1);
    for (const struct doc_node *item = ret->is_list ? node->first : node; item; item = item->next) {
        if (item->kind == DOC_MAP || item->kind == DOC_LIST)
            return doc_error(item, "a command must be a string");
        ret->items[ret->count++] = item->text;
        if (!ret->is_list)
            break;
    }
    return NULL;
}

static FALLIBLE check_params(const struct doc_node *node)
{
    TRY(dvc_expect(node, DOC_MAP, "'params'"));
    for (const struct doc_node *file = node->first; file; file = file->next)
        TRY(dvc_expect(file, DOC_MAP, "the parameters of a file"));
    return NULL;
}

static FALLIBLE bind_stage(struct arena *arena, const struct doc_node *node, struct str wdir,
                           struct dvc_lock_stage *ret)
{
    TRY(dvc_expect(node, DOC_MAP, "a stage"));
    const struct doc_node *cmd = doc_find(node, STR("cmd"));
    if (!cmd)
        return doc_error(node, "'cmd' is missing");
    const struct doc_node *params = doc_find(node, STR("params"));
    if (params && params->kind != DOC_NULL)
        TRY(check_params(params));
    struct dvc_lock_stage stage = {.name = node->key->text, .node = node};
    stage.params = params && params->kind == DOC_MAP ? params : NULL;
    TRY(bind_cmd(arena, cmd, &stage.cmd));
    TRY(dvc_bind_entries(arena, doc_find(node, STR("deps")), wdir, &stage.deps));
    TRY(dvc_bind_entries(arena, doc_find(node, STR("outs")), wdir, &stage.outs));
    *ret = stage;
    return NULL;
}

/* Version 1.x had the stages at the top level. */
static bool is_old(const struct doc_node *root)
{
    if (doc_find(root, STR("schema")))
        return false;
    for (const struct doc_node *child = root->first; child; child = child->next) {
        const struct doc_node *cmd = doc_find(child, STR("cmd"));
        if (cmd && cmd->kind != DOC_MAP)
            return true;
    }
    return false;
}

static FALLIBLE check_schema(const struct doc_node *root)
{
    TRY(dvc_expect(root, DOC_MAP, "a dvc.lock"));
    if (is_old(root))
        return error_hint(doc_error(root, "this lock file is of DVC 1.x"),
                          "run 'dvc commit' with DVC 2 or 3 once, it rewrites the file");
    const struct doc_node *schema = doc_find(root, STR("schema"));
    if (!schema || str_is(schema->text, "2.0"))
        return NULL;
    return error_hint(
        doc_error(schema, "schema '%.*s' of a dvc.lock is not known", STR_FMT(schema->text)),
        "known is '2.0', which DVC 2 and 3 write");
}

/* Work directories of the stages of the dvc.yaml beside the lock, by their names there. */
static struct map stages_beside(struct arena *arena, const struct pipeline *pipeline,
                                struct str lock_path)
{
    struct map beside = {0};
    struct str dir = path_directory(lock_path);
    vec_each (struct stage, stage, &pipeline->stages) {
        struct str file = stage->file ? stage->file->path : pipeline->path;
        if (str_equal(path_directory(file), dir))
            map_put(arena, &beside, stage->local_name.len ? stage->local_name : stage->name, stage);
    }
    return beside;
}

static FALLIBLE bind_stages(struct arena *arena, const struct doc_node *stages,
                            const struct pipeline *pipeline, struct dvc_lock *ret)
{
    struct map beside = {0};
    if (pipeline)
        beside = stages_beside(arena, pipeline, ret->path);
    for (const struct doc_node *node = stages->first; node; node = node->next) {
        const struct stage *stage = map_get(&beside, node->key->text);
        if (pipeline && !stage)
            continue;
        struct str wdir = stage ? stage->wdir : path_directory(ret->path);
        struct dvc_lock_stage *bound = arena_new(arena, struct dvc_lock_stage);
        TRY_WITHIN(bind_stage(arena, node, wdir, bound), "stage '%.*s'", STR_FMT(node->key->text));
        map_put(arena, &ret->stages, bound->name, bound);
    }
    return NULL;
}

FALLIBLE dvc_lock_bind(struct arena *arena, const struct doc *doc, struct str path,
                       const struct pipeline *pipeline, struct dvc_lock *ret)
{
    struct dvc_lock lock = {.path = path, .doc = doc};
    if (doc->root->kind != DOC_NULL) {
        TRY(check_schema(doc->root));
        const struct doc_node *stages = doc_find(doc->root, STR("stages"));
        if (stages && stages->kind != DOC_NULL) {
            TRY(dvc_expect(stages, DOC_MAP, "'stages'"));
            TRY(bind_stages(arena, stages, pipeline, &lock));
        }
    }
    *ret = lock;
    return NULL;
}
