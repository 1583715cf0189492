#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include "lint_private.h"

enum {
    DISTANCE_MOST = 3,
    GUESSES_MOST = 1000000, /* names compared; behind that no nearest name is told */
};

/* A file of parameters, read once. */
struct params_file {
    const struct doc *doc; /* NULL: not there, or not to be read */
    bool is_missing;
};

/* What is wrong inside the file, a run will tell. */
static FALLIBLE read_params(struct linter *linter, struct str path, struct params_file *file)
{
    struct str bytes;
    struct doc *doc = NULL;
    bool is_found = false;
    TRY(file_read(linter->arena, fd_number(linter->workspace->root_fd),
                  str_terminate(linter->arena, path), LIMIT_JSON_BYTES, &bytes, &is_found));
    file->is_missing = !is_found;
    if (!is_found)
        return NULL;
    TRY(doc_load(linter->arena, str_copy(linter->arena, path), bytes,
                 linter->plan->pipeline->dialect, &doc));
    file->doc = doc;
    return NULL;
}

static const struct params_file *params_file(struct linter *linter, struct str path)
{
    void **place = map_place(linter->arena, &linter->params, path);
    if (!*place) {
        struct params_file *file = *place = arena_new(linter->arena, struct params_file);
        error_drop(read_params(linter, path, file));
    }
    return *place;
}

/* The child of the deepest part that is there whose name is nearest: its dotted key. */
static struct str nearest_key(struct linter *linter, const struct doc_node *root, struct str key)
{
    const struct doc_node *map = root;
    ptrdiff_t dot;
    size_t from = 0;
    while ((dot = str_find_char(str_slice(key, from, key.len), '.')) >= 0) {
        const struct doc_node *child = doc_find(map, str_slice(key, from, from + (size_t)dot));
        if (!child || child->kind != DOC_MAP)
            break;
        map = child;
        from += (size_t)dot + 1;
    }
    struct str word = str_slice(key, from, key.len);
    struct str nearest = {0};
    int least = DISTANCE_MOST;
    if (map->kind != DOC_MAP || linter->guesses > GUESSES_MOST)
        return nearest;
    linter->guesses += map->count;
    for (const struct doc_node *child = map->first; child; child = child->next) {
        int distance = str_distance(word, child->key->text);
        if (distance >= least || (size_t)distance >= word.len)
            continue;
        least = distance;
        nearest =
            str_print(linter->arena, "%.*s%.*s", (int)from, key.at, STR_FMT(child->key->text));
    }
    return nearest;
}

static void warn_of_key(struct linter *linter, const struct stage *stage,
                        const struct param_ref *param, const struct doc_node *root)
{
    struct str nearest = nearest_key(linter, root, param->key);
    struct str meant = nearest.len
                           ? str_print(linter->arena, " (did you mean '%.*s'?)", STR_FMT(nearest))
                           : (struct str){0};
    lint_warn(linter, stage, param->node, "missing-param",
              str_print(linter->arena, "'%.*s' has no '%.*s'%.*s", STR_FMT(param->file),
                        STR_FMT(param->key), STR_FMT(meant)));
}

FALLIBLE lint_look_at_params(struct linter *linter, const struct stage *stage)
{
    struct str warned = {0};
    vec_each (const struct param_ref, param, &stage->params) {
        if (plan_touches_output(linter->plan, param->file) || path_text_fault(param->file) ||
            lint_is_tracked(linter->plan->pipeline, param->file))
            continue;
        const struct params_file *file = params_file(linter, param->file);
        bool is_told = str_equal(warned, param->file);
        if (file->is_missing && !is_told) {
            warned = param->file;
            lint_warn(linter, stage, param->node, "missing-param",
                      str_print(linter->arena, "'%.*s' is not there, and no stage makes it",
                                STR_FMT(param->file)));
        }
        if (file->doc && param->key.len && !doc_find_path(file->doc->root, param->key))
            warn_of_key(linter, stage, param, file->doc->root);
    }
    return NULL;
}
