#include "mlops/base/check.h"
#include "mlops/base/limits.h"

#include <stdlib.h>

#include "keyset_private.h"

enum { FAN_IN = 256, FAN_IN_LEAST = 4, BLOCK_LEAST = 32, FIRST_ENTRIES = 1024 };

static struct str run_directory(struct arena *arena, struct str wanted)
{
    const char *variable = getenv("TMPDIR");
    if (!wanted.len && variable && *variable)
        wanted = str_of(variable);
    return str_copy(arena, wanted.len ? wanted : STR("/var/tmp"));
}

FALLIBLE keyset_open(const struct keyset_options *options, struct keyset **ret)
{
    int64_t bytes = options->memory_bytes ? options->memory_bytes : LIMIT_KEYSET_BYTES;
    struct keyset *set = memory_grow(NULL, sizeof *set);
    *set = (struct keyset){0};
    set->most = MAX_OF((size_t)bytes / sizeof(struct key_entry), (size_t)FAN_IN_LEAST);
    set->fan_in = MIN_OF(MAX_OF(set->most / BLOCK_LEAST, (size_t)FAN_IN_LEAST), (size_t)FAN_IN);
    set->block_entries = MAX_OF(set->most / (set->fan_in + 1), (size_t)1);
    set->directory = run_directory(&set->arena, options->directory);
    *ret = set;
    return NULL;
}

void keyset_drop(struct keyset **set)
{
    if (!*set)
        return;
    fd_drop(&(*set)->file);
    free((*set)->entries);
    arena_drop(&(*set)->arena);
    free(*set);
    *set = NULL;
}

static void grow(struct keyset *set, size_t wanted)
{
    size_t cap = set->cap ? set->cap : FIRST_ENTRIES;
    while (cap < wanted)
        cap *= 2;
    set->cap = MIN_OF(cap, set->most);
    set->entries = memory_grow(set->entries, set->cap * sizeof *set->entries);
}

FALLIBLE keyset_add(struct keyset *set, const struct key_entry *entries, size_t count)
{
    check(!set->is_finished);
    set->count += count;
    while (count) {
        size_t part = MIN_OF(count, set->most - set->len);
        if (set->len + part > set->cap)
            grow(set, set->len + part);
        memcpy(set->entries + set->len, entries, part * sizeof *entries);
        set->len += part;
        entries += part;
        count -= part;
        if (set->len == set->most && count)
            TRY(key_runs_add(set));
    }
    return NULL;
}

FALLIBLE keyset_finish(struct keyset *set)
{
    check(!set->is_finished);
    if (set->runs.len) {
        TRY(key_runs_add(set));
        free(set->entries);
        set->entries = NULL;
        set->cap = 0;
        TRY(key_runs_reduce(set));
    } else {
        key_entries_sort(set->entries, set->len);
    }
    set->is_finished = true;
    return NULL;
}

uint64_t keyset_count(const struct keyset *set)
{
    return set->count;
}
