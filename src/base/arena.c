#include "mlops/base/arena.h"

#include "mlops/base/check.h"
#include "mlops/base/lang.h"

#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#define GUARD_BYTES 16 /* a poisoned gap between objects finds overruns */
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#define GUARD_BYTES 0
#endif

enum {
    ALIGN_BYTES = 16,
    CHUNK_BYTES_FIRST = 16384,
    CHUNK_BYTES_MOST = 1048576, /* bigger requests get a chunk of their own */
};

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    size_t used;
    size_t unused_; /* keeps the data aligned to 16 */
};

static char *chunk_data(struct arena_chunk *chunk)
{
    return (char *)(chunk + 1);
}

static __attribute__((noreturn)) void out_of_memory(void)
{
    static const char text[] = "mlops: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    (void)ignored;
    _exit(4);
}

void *memory_grow(void *old, size_t size)
{
    void *grown = realloc(old, size ? size : 1);
    if (!grown)
        out_of_memory();
    return grown;
}

static void chunk_add(struct arena *arena, size_t needed)
{
    size_t size = arena->newest ? arena->newest->size * 2 : CHUNK_BYTES_FIRST;
    if (size > CHUNK_BYTES_MOST)
        size = CHUNK_BYTES_MOST;
    if (size < needed)
        size = needed;
    struct arena_chunk *chunk = memory_grow(NULL, sizeof *chunk + size);
    *chunk = (struct arena_chunk){.older = arena->newest, .size = size};
    POISON(chunk_data(chunk), size);
    arena->newest = chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    check(arena);
    check(size < SIZE_MAX / 2);
    size_t taken = (size + ALIGN_BYTES - 1 + GUARD_BYTES) / ALIGN_BYTES * ALIGN_BYTES;
    if (!arena->newest || arena->newest->size - arena->newest->used < taken)
        chunk_add(arena, taken);
    struct arena_chunk *chunk = arena->newest;
    char *at = chunk_data(chunk) + chunk->used;
    chunk->used += taken;
    arena->used_bytes += size;
    UNPOISON(at, size);
    return memset(at, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    check(size == 0 || count < SIZE_MAX / 2 / size);
    return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const void *from, size_t size)
{
    char *copy = arena_alloc(arena, size + 1);
    if (size)
        memcpy(copy, from, size);
    return copy;
}

static void chunks_free(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        UNPOISON(chunk_data(chunk), chunk->size);
        free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = arena->newest;
    if (!kept)
        return;
    chunks_free(kept->older);
    kept->older = NULL;
    kept->used = 0;
    POISON(chunk_data(kept), kept->size);
    arena->used_bytes = 0;
}

void arena_drop(struct arena *arena)
{
    chunks_free(arena->newest);
    *arena = (struct arena){0};
}
