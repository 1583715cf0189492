/* Text -> pointer, in an arena; keys are borrowed (copy them first if they may go). Iteration is in
 * order of insertion, so nothing printed depends on the hash. Entries are never removed; a value
 * may be replaced. Zero is the empty map. The hash is seeded per process against crafted keys. */
#pragma once

#include "mlops/base/str.h"

struct arena;

struct map_entry {
    struct str key;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    uint32_t *slots; /* index + 1 of an entry, 0 = free */
    size_t len;
    size_t cap;
    size_t slot_count; /* power of two */
};

/* The value, or NULL. */
void *map_get(const struct map *map, struct str key);
bool map_has(const struct map *map, struct str key);

/* Sets key to value and returns the value it had before (NULL if it is new). */
void *map_put(struct arena *arena, struct map *map, struct str key, void *value);

/* Place of the value of `key`, made with NULL if new; valid until the next insertion. */
void **map_place(struct arena *arena, struct map *map, struct str key);

/* A 64-bit hash of bytes, seeded per process: for tables in memory only. */
uint64_t map_hash(struct str key);

#define map_each(item, map)                                                                        \
    for (struct map_entry *item = (map)->entries, *item##_end_ = item ? item + (map)->len : item;  \
         item != item##_end_; item++)
