/* What the files of the diff share: the contents that names have on two sides. */
#pragma once

#include "mlops/model/diff.h"

enum diff_side { SIDE_BEFORE, SIDE_AFTER, SIDE_COUNT };

/* A content that a name has on one side. Stages of one side may disagree (a parameter that was
 * edited between two of them): then a name has several. */
struct variant {
    int tag;          /* what else tells two contents apart */
    struct str value; /* bytes that are equal for equal contents */
    const void *item;
    struct variant *next;
};

/* What a name has on either side. */
struct variants {
    struct variant *sides[SIDE_COUNT];
    bool is_made[SIDE_COUNT]; /* by a stage of that side */
};

/* File and key as one name, with a NUL between them, which paths cannot hold. */
struct str variants_name(struct arena *arena, struct str file, struct str key);

/* The place of a name in the map, made if it is new. `name` must live as long as the map. */
struct variants *variants_place(struct arena *arena, struct map *map, struct str name);

/* Adds a content unless the side has it. */
void variants_add(struct arena *arena, struct variants *variants, enum diff_side side,
                  struct variant variant);

/* How the sides differ, and the item of each that shows it (NULL: absent). If CHANGED these are,
 * where there are any, contents that the other side does not have. Of a name without contents SAME.
 */
enum diff_change variants_compare(const struct variants *variants,
                                  const void *ret_items[static SIDE_COUNT]);

/* Each fills its list of *ret, sorted. */
void diff_add_metrics(struct arena *arena, const struct run_view *before,
                      const struct run_view *after, const struct diff_wish *wish,
                      struct run_diff *ret);
void diff_add_params(struct arena *arena, const struct run_view *before,
                     const struct run_view *after, const struct diff_wish *wish,
                     struct run_diff *ret);
void diff_add_data(struct arena *arena, const struct run_view *before, const struct run_view *after,
                   const struct diff_wish *wish, struct run_diff *ret);
void diff_add_stages(struct arena *arena, const struct run_view *before,
                     const struct run_view *after, const struct diff_wish *wish,
                     struct run_diff *ret);
void diff_add_environments(struct arena *arena, const struct run_view *before,
                           const struct run_view *after, struct run_diff *ret);

/* Why the sides differ, in words: "only the parameter lr changed", "changed: params lr, data
 * train.csv"; empty: nothing that is told apart from metrics does. */
struct str diff_causes(struct arena *arena, const struct run_diff *diff);

/* Whether all that redefines a stage are values that templates took: then these are the cause. */
bool diff_is_by_params(const struct run_view_stage *before, const struct run_view_stage *after,
                       const struct reason_vec *reasons);

/* The value of that name, or NULL. */
const struct recipe_param *diff_find_param(const struct recipe_param_vec *values,
                                           const struct recipe_param *wanted);

/* For lists of the stages of two views (join_next). */
int diff_compare_stages(const void *a, const void *b);
