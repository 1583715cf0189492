/* Parameters that are no part of a recipe: values that templates took. */
#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"

#include "recipe_private.h"

struct recipe_param recipe_param_of_text(struct arena *arena, struct str file, struct str key,
                                         struct str text)
{
    struct buf encoded = buf_in(arena);
    canon_str(&encoded, text);
    return (struct recipe_param){file, key, buf_str(&encoded), text};
}

struct recipe_param_vec recipe_tracked(struct arena *arena, const struct stage *stage)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct recipe_param_vec ret = {0};
    vec_each (const struct tracked_value, value, &stage->tracked) {
        struct buf encoded = buf_in(arena);
        doc_encode(value->value, &scratch, &encoded);
        *vec_push(arena, &ret) = (struct recipe_param){value->file, value->key, buf_str(&encoded),
                                                       recipe_show(arena, buf_str(&encoded))};
    }
    return ret;
}
