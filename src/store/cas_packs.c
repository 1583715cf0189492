/* Which packs there are, and in which of them an object lies. */
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_packs_private.h"

enum {
    PACKS_ASKED_ONE_BY_ONE = 20, /* beyond, a table of all rows is cheaper */
    PACKS_HELD_OPEN = 64,
    SLOT_STARTS = 65536,
};
static const int64_t TICK_NS =
    50 * NS_PER_MS; /* a directory changed again within it looks the same */

void cas_packs_open(struct cas *cas)
{
    check(pthread_rwlock_init(&cas->packs.lock, NULL) == 0);
}

void cas_packs_drop(struct cas *cas)
{
    struct cas_packs *packs = &cas->packs;
    for (size_t i = 0; i < packs->known.len; i++)
        pack_drop(&packs->known.at[i]->pack);
    free(packs->slots);
    free(packs->slot_starts);
    cas_table_drop(&packs->spoilt);
    arena_drop(&packs->memory);
    pthread_rwlock_destroy(&packs->lock);
}

struct cas_packs *packs_read_lock(struct cas *cas)
{
    check(pthread_rwlock_rdlock(&cas->packs.lock) == 0);
    return &cas->packs;
}

struct cas_packs *packs_write_lock(struct cas *cas)
{
    check(pthread_rwlock_wrlock(&cas->packs.lock) == 0);
    return &cas->packs;
}

void packs_unlock(struct cas_packs **packs)
{
    check(pthread_rwlock_unlock(&(*packs)->lock) == 0);
}

/* --- scanning --- */

static struct cas_pack *known_pack(struct cas_packs *packs, const char *path,
                                   const struct file_stat *stat)
{
    for (size_t i = 0; i < packs->now.len; i++) {
        struct cas_pack *pack = packs->now.at[i];
        if (pack->stat.inode == stat->inode && pack->stat.size_bytes == stat->size_bytes &&
            strcmp(pack->path, path) == 0)
            return pack;
    }
    return NULL;
}

/* What can't be read as a pack is out of the way, and kept: it may be all that is left of
 * something. One of a newer version stops us instead. */
static FALLIBLE set_aside(struct cas *cas, const char *path, struct error *error)
{
    char to[CAS_PACK_PATH_BYTES + CAS_NAME_BYTES];
    uint32_t random;
    bool existed = false;
    if (error->code != ERROR_STORED || error->hint)
        return error;
    error_drop(error);
    random_bytes(&random, sizeof random);
    snprintf(to, sizeof to, "quarantine/%s.%08x", path + strlen("pack/"), random);
    error_drop(file_rename_new(cas->cache_fd, path, cas->cache_fd, to, &existed));
    return NULL;
}

static FALLIBLE add_pack(struct cas *cas, const char *name, const struct file_stat *stat,
                         struct cas_pack_vec *now)
{
    struct cas_packs *packs = &cas->packs;
    char path[CAS_PACK_PATH_BYTES];
    bool found = false;
    snprintf(path, sizeof path, "pack/%s", name);
    struct cas_pack *pack = known_pack(packs, path, stat);
    if (!pack) {
        AUTO(pack_drop) struct pack *opened = NULL;
        struct error *error = pack_open(cas->cache_fd, path, &opened, &found);
        if (error)
            return set_aside(cas, path, error);
        if (!found)
            return NULL;
        if (now->len >= PACKS_HELD_OPEN)
            pack_close(opened);
        pack = arena_new(&packs->memory, struct cas_pack);
        pack->pack = opened;
        opened = NULL;
        pack->stat = *stat;
        memcpy(pack->path, path, sizeof path);
        *vec_push(&packs->memory, &packs->known) = pack;
    }
    *vec_push(&packs->memory, now) = pack;
    return NULL;
}

static bool is_pack_name(struct str name)
{
    struct digest ignored;
    return name.len == DIGEST_HEX_LEN + strlen(".pack") && str_ends(name, STR(".pack")) &&
           digest_parse(str_slice(name, 0, DIGEST_HEX_LEN), &ignored);
}

static FALLIBLE list_packs(struct cas *cas)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct cas_pack_vec now = {0};
    struct walk_list list = {0};
    int number = openat(cas->cache_fd, "pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0 && errno != ENOENT)
        return error_os(errno, "cannot open 'pack' of the store");
    if (number >= 0) {
        fd = fd_of(number);
        TRY(walk_list(&scratch, number, false, &list));
    }
    for (size_t i = 0; i < list.count; i++)
        if (is_pack_name(list.entries[i].name) && S_ISREG(list.entries[i].stat.mode))
            TRY(add_pack(cas, list.entries[i].name.at, &list.entries[i].stat, &now));
    cas->packs.now = now;
    return NULL;
}

/* All rows by the first two bytes of their digests, in one pass to count and one to fill. */
static void make_table(struct cas_packs *packs)
{
    size_t rows = 0;
    free(packs->slots);
    free(packs->slot_starts);
    packs->slots = NULL;
    packs->slot_starts = NULL;
    for (size_t i = 0; i < packs->now.len; i++)
        rows += pack_rows(packs->now.at[i]->pack)->row_count;
    if (packs->now.len <= PACKS_ASKED_ONE_BY_ONE || rows >= UINT32_MAX)
        return;
    size_t size = (SLOT_STARTS + 1) * sizeof *packs->slot_starts;
    packs->slot_starts = memset(memory_grow(NULL, size), 0, size);
    packs->slots = memory_grow(NULL, (rows + 1) * sizeof *packs->slots);
    for (size_t i = 0; i < packs->now.len; i++) {
        const struct pack_index *index = pack_rows(packs->now.at[i]->pack);
        for (size_t r = 0; r < index->row_count; r++)
            packs->slot_starts[slot_start_of(index->rows + r * PACK_ROW_BYTES)]++;
    }
    for (uint32_t i = 0, end = 0; i <= SLOT_STARTS; i++)
        packs->slot_starts[i] = end += packs->slot_starts[i];
    for (size_t i = packs->now.len; i-- > 0;) { /* from behind: the first pack's row comes first */
        const struct pack_index *index = pack_rows(packs->now.at[i]->pack);
        for (size_t r = index->row_count; r-- > 0;)
            packs->slots[--packs->slot_starts[slot_start_of(index->rows + r * PACK_ROW_BYTES)]] =
                (struct cas_packs_slot){(uint32_t)i, (uint32_t)r};
    }
}

static FALLIBLE scan(struct cas *cas, int64_t mtime_ns)
{
    struct cas_packs *packs = &cas->packs;
    packs->scanned_ns = clock_real_ns();
    TRY(list_packs(cas));
    TRY(spoilt_load(cas));
    make_table(packs);
    packs->mtime_ns = mtime_ns;
    __atomic_store_n(&packs->are_scanned, true, __ATOMIC_RELEASE);
    return NULL;
}

static FALLIBLE directory_mtime(struct cas *cas, int64_t *ret_ns)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(cas->cache_fd, "pack", true, &stat, &found));
    *ret_ns = found ? stat.mtime_ns : 0;
    return NULL;
}

/* A change right behind our scan would not show in the time of the directory. `is_strict`: that is
 * not risked; else a scan within the tick will do. */
static bool is_current(const struct cas_packs *packs, int64_t mtime_ns, bool is_strict)
{
    if (!packs->are_scanned || packs->mtime_ns != mtime_ns)
        return false;
    if (packs->scanned_ns - mtime_ns > TICK_NS)
        return true;
    int64_t since = clock_real_ns() - packs->scanned_ns;
    return !is_strict && since >= 0 && since < TICK_NS;
}

/* Scans unless what is known is still so. */
static FALLIBLE refresh(struct cas *cas, bool is_strict, bool *ret_changed)
{
    int64_t mtime_ns = 0;
    TRY(directory_mtime(cas, &mtime_ns));
    AUTO(packs_unlock) struct cas_packs *packs = packs_write_lock(cas);
    *ret_changed = !is_current(packs, mtime_ns, is_strict);
    return *ret_changed ? scan(cas, mtime_ns) : NULL;
}

static bool are_scanned(const struct cas *cas)
{
    return __atomic_load_n(&cas->packs.are_scanned, __ATOMIC_ACQUIRE);
}

FALLIBLE packs_ready(struct cas *cas)
{
    bool changed = false;
    return cas->cache_fd < 0 || are_scanned(cas) ? NULL : refresh(cas, true, &changed);
}

FALLIBLE cas_packs_recheck(struct cas *cas)
{
    bool changed = false;
    return cas->cache_fd >= 0 && are_scanned(cas) ? refresh(cas, true, &changed) : NULL;
}

FALLIBLE cas_packed_find(struct cas *cas, struct digest digest, bool is_anew,
                         struct cas_packed *ret, bool *ret_found)
{
    bool changed = true;
    *ret_found = false;
    if (cas->cache_fd < 0)
        return NULL;
    TRY(packs_ready(cas));
    if (is_anew)
        TRY(refresh(cas, false, &changed));
    if (!changed)
        return NULL;
    AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
    *ret_found = packs_find(packs, digest, ret);
    return NULL;
}
