/* Named vectors in an arena. VEC(stage_vec, struct stage); then
 *     struct stage_vec stages = {0};
 *     struct stage *new = vec_push(arena, &stages);      // zeroed
 *     vec_each(struct stage, stage, &stages) { ... }
 * Elements move when the vector grows: keep indexes, not pointers, until it is complete. */
#pragma once

#include <stddef.h>

#include <stdlib.h>

struct arena;

#define VEC(name, type)                                                                            \
    struct name {                                                                                  \
        type *at;                                                                                  \
        size_t len;                                                                                \
        size_t cap;                                                                                \
    }

#define vec_push(arena, vec)                                                                       \
    ((vec)->len == (vec)->cap                                                                      \
         ? ((vec)->at = vec_grow((arena), (vec)->at, (vec)->len, &(vec)->cap, sizeof *(vec)->at))  \
         : (vec)->at,                                                                              \
     &(vec)->at[(vec)->len++])

#define vec_each(type, item, vec)                                                                  \
    for (type *item = (vec)->at, *item##_end_ = item ? item + (vec)->len : item;                   \
         item != item##_end_; item++)

#define vec_sort(vec, compare)                                                                     \
    ((vec)->len > 1 ? qsort((vec)->at, (vec)->len, sizeof *(vec)->at, (compare)) : (void)0)

/* Internal to vec_push: an array of twice the capacity holding the old elements. */
void *vec_grow(struct arena *arena, const void *old, size_t len, size_t *cap, size_t item_bytes);
