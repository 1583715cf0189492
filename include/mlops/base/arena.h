/* A bump allocator. The arena named in a signature says where the result lives; nothing in it is
 * freed singly. Zero is a valid empty arena. Under ASan each chunk is poisoned beyond what was
 * handed out. Running out of memory ends the process with status 4 and one line: every durable
 * step of mlops is safe against that (see docs/architecture.md, "Memory"). */
#pragma once

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *newest;
    size_t used_bytes; /* total handed out, for tests and statistics */
};

/* Zeroed memory of `size` bytes (size 0 gives a valid pointer), aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

/* Zeroed array; checks the product for overflow. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of `size` bytes plus a NUL behind them. */
char *arena_copy(struct arena *arena, const void *from, size_t size);

/* Gives everything back but one chunk, which is kept for reuse. */
void arena_reset(struct arena *arena);

/* Gives everything back; the arena is empty and usable again. */
void arena_drop(struct arena *arena);

/* A new zeroed object / array of objects in the arena. */
#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_new_array(arena, type, count) ((type *)arena_array((arena), (count), sizeof(type)))

/* realloc that does not return without memory (same policy as the arena). */
void *memory_grow(void *old, size_t size);
