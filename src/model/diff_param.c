#include "mlops/base/arena.h"

#include <stdlib.h>

#include "diff_private.h"
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
