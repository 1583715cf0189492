#include "mlops/base/map.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"

#include <sys/auxv.h>

enum { MAP_SLOTS_FIRST = 16 };

__extension__ typedef unsigned __int128 wide;

static uint64_t mix(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t seed(void)
{
    static uint64_t value; /* racing threads store the same value */
    if (__atomic_load_n(&value, __ATOMIC_RELAXED) == 0) {
        const void *random = (const void *)getauxval(AT_RANDOM);
        uint64_t read = 0x9E3779B97F4A7C15U;
        if (random)
            memcpy(&read, random, sizeof read);
        __atomic_store_n(&value, read | 1, __ATOMIC_RELAXED);
    }
    return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

static uint64_t word(const char *at, size_t len)
{
    uint64_t value = 0;
    memcpy(&value, at, len < 8 ? len : 8);
    return value;
}

uint64_t map_hash(struct str key)
{
    uint64_t hash = seed() ^ key.len;
    size_t at = 0;
    for (; at + 8 <= key.len; at += 8)
        hash = mix(hash ^ word(key.at + at, 8), 0x9FB21C651E98DF25U);
    if (at < key.len)
        hash = mix(hash ^ word(key.at + at, key.len - at), 0xD6E8FEB86659FD93U);
    return mix(hash, 0xA0761D6478BD642FU);
}

static uint32_t *slot_of(const struct map *map, struct str key, uint64_t hash)
{
    size_t at = hash & (map->slot_count - 1);
    while (map->slots[at]) {
        const struct map_entry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && str_equal(entry->key, key))
            break;
        at = (at + 1) & (map->slot_count - 1);
    }
    return &map->slots[at];
}

static struct map_entry *entry_of(const struct map *map, struct str key)
{
    if (map->len == 0)
        return NULL;
    uint32_t index = *slot_of(map, key, map_hash(key));
    return index ? &map->entries[index - 1] : NULL;
}

void *map_get(const struct map *map, struct str key)
{
    const struct map_entry *entry = entry_of(map, key);
    return entry ? entry->value : NULL;
}

bool map_has(const struct map *map, struct str key)
{
    return entry_of(map, key) != NULL;
}

static void map_widen(struct arena *arena, struct map *map)
{
    map->slot_count = map->slot_count ? map->slot_count * 2 : MAP_SLOTS_FIRST;
    map->slots = arena_new_array(arena, uint32_t, map->slot_count);
    size_t cap = map->slot_count / 2;
    struct map_entry *moved = arena_new_array(arena, struct map_entry, cap);
    if (map->len)
        memcpy(moved, map->entries, map->len * sizeof *moved);
    map->entries = moved;
    map->cap = cap;
    for (size_t i = 0; i < map->len; i++)
        *slot_of(map, moved[i].key, moved[i].hash) = (uint32_t)i + 1;
}

void **map_place(struct arena *arena, struct map *map, struct str key)
{
    if (map->len == map->cap)
        map_widen(arena, map);
    check(map->len < UINT32_MAX);
    uint64_t hash = map_hash(key);
    uint32_t *slot = slot_of(map, key, hash);
    if (!*slot) {
        map->entries[map->len] = (struct map_entry){.key = key, .hash = hash};
        *slot = (uint32_t)++map->len;
    }
    return &map->entries[*slot - 1].value;
}

void *map_put(struct arena *arena, struct map *map, struct str key, void *value)
{
    void **place = map_place(arena, map, key);
    void *before = *place;
    *place = value;
    return before;
}
