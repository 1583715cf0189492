#include "mlops/base/arena.h"

#include <stdlib.h>

#include "diff_private.h"
#include "join_private.h"
#include "recipe_private.h"

/* A key that its file does not have is as good as absent. */
static void collect(struct arena *arena, struct arena *scratch, const struct run_view *view,
                    enum diff_side side, struct map *ret)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        const struct recipe *recipe = view->stages[i].recipe;
        struct recipe_param *params = NULL;
        size_t count = 0;
        if (recipe)
            recipe_flatten(arena, recipe->params, recipe->param_count, &params, &count);
        for (size_t j = 0; j < count; j++) {
            const struct recipe_param *param = &params[j];
            if (!param->encoded.len)
                continue;
            struct str name = variants_name(scratch, param->file, param->key);
            variants_add(scratch, variants_place(scratch, ret, name), side,
                         (struct variant){.value = param->encoded, .item = param});
        }
    }
}

const struct recipe_param *diff_find_param(const struct recipe_param_vec *values,
                                           const struct recipe_param *wanted)
{
    vec_each (const struct recipe_param, value, values)
        if (recipe_param_compare(value, wanted) == 0)
            return value;
    return NULL;
}

static void add_template(struct arena *scratch, const struct recipe_param *value,
                         enum diff_side side, struct map *ret)
{
    struct str name = variants_name(scratch, value->file, value->key);
    variants_add(scratch, variants_place(scratch, ret, name), side,
                 (struct variant){.value = value->encoded, .item = value});
}

/* Values of templates that both sides of a stage know: what only one of them has says that the text
 * of the template is another. What led to the same key is the same, whatever files say. */
static void collect_templates(struct arena *scratch, const struct run_view *before,
                              const struct run_view *after, struct map *ret)
{
    struct join join = {before->stages,     after->stages,         before->stage_count,
                        after->stage_count, sizeof *after->stages, diff_compare_stages};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct run_view_stage *old = from, *new = to;
        if (!old || !new)
            continue;
        bool is_same = !digest_is_zero(old->key) && digest_equal(old->key, new->key);
        vec_each (const struct recipe_param, value, &old->templates) {
            const struct recipe_param *now =
                is_same ? value : diff_find_param(&new->templates, value);
            if (!now)
                continue;
            add_template(scratch, value, SIDE_BEFORE, ret);
            add_template(scratch, now, SIDE_AFTER, ret);
        }
    }
}

static int compare_rows(const void *a, const void *b)
{
    const struct diff_param *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

void diff_add_params(struct arena *arena, const struct run_view *before,
                     const struct run_view *after, const struct diff_wish *wish,
                     struct run_diff *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map names = {0};
    collect(arena, &scratch, before, SIDE_BEFORE, &names);
    collect(arena, &scratch, after, SIDE_AFTER, &names);
    collect_templates(&scratch, before, after, &names);
    map_each (entry, &names) {
        const void *items[SIDE_COUNT];
        enum diff_change change = variants_compare(entry->value, items);
        if (change == DIFF_SAME && !wish->all)
            continue;
        const struct recipe_param *old = items[SIDE_BEFORE], *new = items[SIDE_AFTER];
        const struct recipe_param *any = old ? old : new;
        struct diff_param *row = vec_push(arena, &ret->params);
        *row = (struct diff_param){.change = change, .file = any->file, .key = any->key};
        recipe_param_texts(arena, old, new, &row->before, &row->after);
    }
    vec_sort(&ret->params, compare_rows);
}
