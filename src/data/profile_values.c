#include "mlops/base/limits.h"

#include <stdlib.h>

#include "profile_private.h"

enum { PLACES_FIRST = 16 };

static size_t kept_bytes(const struct text_key *key)
{
    return MIN_OF(key->len, (size_t)LIMIT_SHOWN_BYTES);
}

static void grow_places(struct value_table *table)
{
    size_t count = table->place_count ? table->place_count * 2 : PLACES_FIRST;
    table->places = memory_grow(table->places, count * sizeof *table->places);
    memset(table->places, 0, count * sizeof *table->places);
    table->place_count = count;
    for (size_t i = 0; i < table->len; i++) {
        size_t at = table->entries[i].key.hash & (count - 1);
        while (table->places[at])
            at = (at + 1) & (count - 1);
        table->places[at] = (uint16_t)(i + 1);
    }
}

static uint32_t keep_text(struct value_table *table, const struct value_cell *cell)
{
    size_t len = kept_bytes(&cell->key), at = table->text_len;
    if (at + len > table->text_cap) {
        table->text_cap = (at + len) * 2;
        table->texts = memory_grow(table->texts, table->text_cap);
    }
    if (len)
        memcpy(table->texts + at, cell->text, len);
    table->text_len += len;
    return (uint32_t)at;
}

static void add_entry(struct value_table *table, size_t place, const struct value_cell *cell,
                      uint64_t count)
{
    if (table->len == table->cap) {
        table->cap = table->cap ? table->cap * 2 : PLACES_FIRST / 4;
        table->entries = memory_grow(table->entries, table->cap * sizeof *table->entries);
    }
    uint32_t text_at = keep_text(table, cell);
    table->entries[table->len++] = (struct value_entry){cell->key,    count,   cell->sketch,
                                                        cell->number, text_at, cell->is_number};
    table->places[place] = (uint16_t)table->len;
}

bool value_entry_holds(const struct value_table *table, const struct value_entry *entry,
                       const char *text)
{
    return memcmp(table->texts + entry->text_at, text, kept_bytes(&entry->key)) == 0;
}

bool value_table_add(struct value_table *table, struct value_limits limits,
                     const struct value_cell *cell, uint64_t count)
{
    struct value_entry *entry = value_table_find(table, &cell->key, cell->is_number, cell->text);
    if (entry) {
        entry->count += count;
        return true;
    }
    if (table->len >= limits.values || table->text_len + kept_bytes(&cell->key) > limits.bytes)
        return false;
    if (table->len * 4 >= table->place_count)
        grow_places(table);
    size_t at = cell->key.hash & (table->place_count - 1);
    while (table->places[at])
        at = (at + 1) & (table->place_count - 1);
    add_entry(table, at, cell, count);
    return true;
}

void value_table_drop(struct value_table *table)
{
    free(table->entries);
    free(table->places);
    free(table->texts);
    *table = (struct value_table){0};
}
