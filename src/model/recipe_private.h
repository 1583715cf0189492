/* What the files of the recipe share. */
#pragma once

#include "mlops/model/recipe.h"

#define RECIPE_TAG STR("mlops.recipe.1")

/* A key of the recipe's map: how it is written and read, and whether it is away from its default.
 */
struct recipe_part {
    const char *name;
    bool (*is_there)(const struct recipe *recipe);
    void (*encode)(const struct recipe *recipe, struct buf *out);
    FALLIBLE (*decode)(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
};

/* In ascending order of names. */
extern const struct recipe_part RECIPE_PARTS[];
extern const size_t RECIPE_PART_COUNT;

FALLIBLE recipe_decode_cmd(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_deps(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_env(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_environment(struct arena *arena, struct canon_reader *reader,
                                   struct recipe *ret);
FALLIBLE recipe_decode_outs(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_params(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_shell(struct arena *arena, struct canon_reader *reader, struct recipe *ret);
FALLIBLE recipe_decode_wdir(struct arena *arena, struct canon_reader *reader, struct recipe *ret);

/* Orders by what lists of a recipe are sorted by: path; file and key; name. */
int recipe_dep_compare(const void *a, const void *b);
int recipe_param_compare(const void *a, const void *b);
int recipe_env_compare(const void *a, const void *b);

/* The value as JSON, strings in quotes, cut off somewhere behind `bytes_most`. */
void recipe_show_json(struct str encoded, size_t bytes_most, struct buf *out);

/* Texts of two different values that show a difference: both clipped, and if they are equal then,
 * both from shortly before their first difference on. */
void recipe_clip_pair(struct arena *arena, struct str before, struct str after,
                      struct str *ret_before, struct str *ret_after);

/* Texts of two values (NULL: absent, and empty then). Where the usual texts of different values are
 * equal (1 and "1", or long ones), JSON is given instead. */
void recipe_param_texts(struct arena *arena, const struct recipe_param *before,
                        const struct recipe_param *after, struct str *ret_before,
                        struct str *ret_after);

/* Whether the value is a map that is not empty. */
bool recipe_is_section(const struct recipe_param *param);
