/* What the files of the diff share: the contents that names have on two sides. */
#pragma once

#include "mlops/model/diff.h"

/* A content that a name has on one side. Stages of one side may disagree (a parameter that was
 * edited between two of them): then a name has several. */
struct variant {
    int tag;          /* what else tells two contents apart */
    struct str value; /* bytes that are equal for equal contents */
    bool is_made;     /* by a stage of its side */
    const void *item;
    struct variant *next;
};

struct variant_pair {
    const struct variant *before, *after; /* NULL: the side does not have the name */
};

VEC(variant_pair_vec, struct variant_pair);

/* File and key as one name, with a NUL between them, which paths cannot hold. */
struct str variants_name(struct arena *arena, struct str file, struct str key);

/* Adds a content of `name`, which must live as long as the map. */
void variants_add(struct arena *arena, struct map *map, struct str name, struct variant variant);

/* All names of both sides. */
void variants_join(struct arena *arena, const struct map *before, const struct map *after,
                   struct variant_pair_vec *ret);

/* How the sides differ. If CHANGED, the pair is moved to contents that the other side does not
 * have. */
enum diff_change variants_compare(struct variant_pair *pair);

/* Each fills its list of *ret, sorted. */
void diff_add_metrics(struct arena *arena, const struct run_view *before,
                      const struct run_view *after, bool all, struct run_diff *ret);
void diff_add_params(struct arena *arena, const struct run_view *before,
                     const struct run_view *after, bool all, struct run_diff *ret);
void diff_add_data(struct arena *arena, const struct run_view *before, const struct run_view *after,
                   bool all, struct run_diff *ret);
