#include "mlops/base/arena.h"

#include <stdlib.h>

#include "recipe_private.h"

bool recipe_is_section(const struct recipe_param *param)
{
    struct canon_reader reader = canon_reader_of(param->encoded);
    size_t count = 0;
    if (canon_next(&reader) != CANON_MAP)
        return false;
    struct error *error = canon_read_map(&reader, &count);
    error_drop(error);
    return !error && count > 0;
}

static struct str join_key(struct arena *arena, struct str key, struct str name)
{
    return key.len ? str_print(arena, "%.*s.%.*s", STR_FMT(key), STR_FMT(name)) : name;
}

/* The values of one map, each under its own key. */
static FALLIBLE add_values(struct arena *arena, const struct recipe_param *param,
                           struct recipe_param_vec *ret)
{
    struct canon_reader reader = canon_reader_of(param->encoded);
    struct str previous = {0};
    size_t count = 0;
    TRY(canon_read_map(&reader, &count));
    for (size_t i = 0; i < count; i++) {
        struct str name, value;
        TRY(canon_read_key(&reader, &previous, &name));
        TRY(canon_read_item(&reader, &value));
        *vec_push(arena, ret) = (struct recipe_param){
            .file = param->file, .key = join_key(arena, param->key, name), .encoded = value};
    }
    return NULL;
}

static void sort_unique(struct recipe_param_vec *params)
{
    vec_sort(params, recipe_param_compare);
    size_t kept = 0;
    for (size_t i = 0; i < params->len; i++) {
        if (kept == 0 || recipe_param_compare(&params->at[kept - 1], &params->at[i]) != 0)
            params->at[kept++] = params->at[i];
    }
    params->len = kept;
}

void recipe_flatten(struct arena *arena, const struct recipe_param *params, size_t count,
                    struct recipe_param **ret, size_t *ret_count)
{
    struct recipe_param_vec open = {0}, flat = {0};
    for (size_t i = 0; i < count; i++)
        *vec_push(arena, recipe_is_section(&params[i]) ? &open : &flat) = params[i];
    bool has_maps = open.len > 0;
    for (size_t i = 0; i < open.len; i++) { /* grows meanwhile */
        struct recipe_param_vec values = {0};
        struct recipe_param whole = open.at[i];
        error_drop(add_values(arena, &whole, &values)); /* what was readable is shown */
        vec_each (struct recipe_param, value, &values) {
            value->shown = recipe_show(arena, value->encoded);
            *vec_push(arena, recipe_is_section(value) ? &open : &flat) = *value;
        }
    }
    if (has_maps)
        sort_unique(&flat);
    *ret = flat.at;
    *ret_count = flat.len;
}
