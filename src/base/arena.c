#include "mlops/base/arena.h"

#include "mlops/base/check.h"
#include "mlops/base/lang.h"

#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
    /* An arena that has grown takes huge pages where the kernel gives them: 10,000 stages need some
     * 70 MB, and faulting those in by 4 KiB took a third of a run that has nothing to do. Bigger
     * requests get a chunk of their own. */
    CHUNK_BYTES_MOST = 2097152,
};

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    size_t used;
    size_t mapped;  /* bytes of the mapping it begins; 0: from malloc */
    size_t dirty;   /* bytes from the start that may not be zero */
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

/* Zero pages, aligned so that huge ones fit. */
static struct arena_chunk *chunk_map(size_t bytes)
{
    size_t rounded = (bytes + CHUNK_BYTES_MOST - 1) / CHUNK_BYTES_MOST * CHUNK_BYTES_MOST;
    size_t with_slack = rounded + CHUNK_BYTES_MOST;
    char *mapping =
        mmap(NULL, with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        out_of_memory();
    size_t before = (CHUNK_BYTES_MOST - (uintptr_t)mapping % CHUNK_BYTES_MOST) % CHUNK_BYTES_MOST;
    if (before)
        munmap(mapping, before);
    munmap(mapping + before + rounded, with_slack - before - rounded);
    (void)madvise(mapping + before, rounded, MADV_HUGEPAGE); /* refused: ordinary pages */
    struct arena_chunk *chunk = (struct arena_chunk *)(void *)(mapping + before);
    chunk->mapped = rounded;
    chunk->size = rounded - sizeof *chunk;
    return chunk;
}

static struct arena_chunk *chunk_make(size_t size)
{
    if (size + sizeof(struct arena_chunk) >= CHUNK_BYTES_MOST)
        return chunk_map(size + sizeof(struct arena_chunk));
    struct arena_chunk *chunk = memory_grow(NULL, sizeof *chunk + size);
    *chunk = (struct arena_chunk){.size = size, .dirty = size};
    return chunk;
}

static void chunk_add(struct arena *arena, size_t needed)
{
    size_t size = arena->newest ? arena->newest->size * 2 : CHUNK_BYTES_FIRST;
    if (size > CHUNK_BYTES_MOST - sizeof(struct arena_chunk))
        size = CHUNK_BYTES_MOST - sizeof(struct arena_chunk);
    if (size < needed)
        size = needed;
    struct arena_chunk *chunk = chunk_make(size);
    chunk->older = arena->newest;
    POISON(chunk_data(chunk), chunk->size);
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
    size_t from = (size_t)(at - chunk_data(chunk));
    if (from < chunk->dirty)
        memset(at, 0, MIN_OF(size, chunk->dirty - from));
    return at;
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
        if (chunk->mapped)
            munmap(chunk, chunk->mapped);
        else
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
    kept->dirty = MAX_OF(kept->dirty, kept->used);
    kept->used = 0;
    POISON(chunk_data(kept), kept->size);
    arena->used_bytes = 0;
}

void arena_drop(struct arena *arena)
{
    chunks_free(arena->newest);
    *arena = (struct arena){0};
}
