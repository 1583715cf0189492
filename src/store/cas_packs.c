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
    PACK_ASKS_MOST = 4096, /* some 10 ms; reading a million rows takes 100 */
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

/* Opens a pack; one with a large index that was found good before is not read. */
static FALLIBLE open_pack(struct cas *cas, struct str good, struct cas_pack *pack, bool *ret_found)
{
    AUTO(pack_drop) struct pack *opened = NULL;
    TRY(pack_open_unread(cas->cache_fd, pack->path, &opened, ret_found));
    if (!*ret_found)
        return NULL;
    bool is_good = false;
    if (pack_rows(opened)->row_count >= PACK_ROWS_LARGE && !cas->packs.distrusts) {
        pack->pack = opened;
        is_good = packs_good_has(good, pack);
        pack->pack = NULL;
    }
    if (!is_good)
        TRY(pack_load(opened, pack->path));
    pack->pack = opened;
    opened = NULL;
    return NULL;
}

static FALLIBLE add_pack(struct cas *cas, const char *name, const struct file_stat *stat,
                         struct str good, struct cas_pack_vec *now)
{
    struct cas_packs *packs = &cas->packs;
    char path[CAS_PACK_PATH_BYTES];
    bool found = false;
    snprintf(path, sizeof path, "pack/%s", name);
    struct cas_pack *pack = known_pack(packs, path, stat);
    struct error *error = NULL;
    bool is_held = now->len < PACKS_HELD_OPEN;
    if (!pack) {
        pack = arena_new(&packs->memory, struct cas_pack);
        pack->stat = *stat;
        memcpy(pack->path, path, sizeof path);
        error = open_pack(cas, good, pack, &found);
        if (!error && !found)
            return NULL;
        if (!error)
            *vec_push(&packs->memory, &packs->known) = pack;
    }
    if (!error && (packs->distrusts || !is_held))
        error = pack_load(pack->pack, path);
    if (error)
        return set_aside(cas, path, error);
    if (!is_held)
        pack_close(pack->pack);
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
    struct str good = {0};
    TRY(packs_good_read(cas, &scratch, &good));
    int number = openat(cas->cache_fd, "pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0 && errno != ENOENT)
        return error_os(errno, "cannot open 'pack' of the store");
    if (number >= 0) {
        fd = fd_of(number);
        TRY(walk_list(&scratch, number, false, &list));
    }
    for (size_t i = 0; i < list.count; i++)
        if (is_pack_name(list.entries[i].name) && S_ISREG(list.entries[i].stat.mode))
            TRY(add_pack(cas, list.entries[i].name.at, &list.entries[i].stat, good, &now));
    cas->packs.now = now;
    if (!packs_good_is(&cas->packs, good))
        packs_good_write(cas);
    return NULL;
}

/* Rows of a pack that are in memory. */
static size_t rows_of(const struct cas_pack *pack)
{
    return pack_is_loaded(pack->pack) ? pack_rows(pack->pack)->row_count : 0;
}

/* All rows in memory by the first two bytes of their digests, in one pass to count and one to fill.
 */
static void make_table(struct cas_packs *packs)
{
    size_t rows = 0;
    free(packs->slots);
    free(packs->slot_starts);
    packs->slots = NULL;
    packs->slot_starts = NULL;
    for (size_t i = 0; i < packs->now.len; i++)
        rows += rows_of(packs->now.at[i]);
    if (packs->now.len <= PACKS_ASKED_ONE_BY_ONE || rows >= UINT32_MAX)
        return;
    size_t size = (SLOT_STARTS + 1) * sizeof *packs->slot_starts;
    packs->slot_starts = memset(memory_grow(NULL, size), 0, size);
    packs->slots = memory_grow(NULL, (rows + 1) * sizeof *packs->slots);
    for (size_t i = 0; i < packs->now.len; i++) {
        const struct pack_index *index = pack_rows(packs->now.at[i]->pack);
        for (size_t r = 0; r < rows_of(packs->now.at[i]); r++)
            packs->slot_starts[slot_start_of(index->rows + r * PACK_ROW_BYTES)]++;
    }
    for (uint32_t i = 0, end = 0; i <= SLOT_STARTS; i++)
        packs->slot_starts[i] = end += packs->slot_starts[i];
    for (size_t i = packs->now.len; i-- > 0;) { /* from behind: the first pack's row comes first */
        const struct pack_index *index = pack_rows(packs->now.at[i]->pack);
        for (size_t r = rows_of(packs->now.at[i]); r-- > 0;)
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

/* All of them, or those that are searched so often that reading them is cheaper. */
static FALLIBLE load(struct cas *cas, bool only_often)
{
    AUTO(packs_unlock) struct cas_packs *packs = packs_write_lock(cas);
    size_t loaded = 0;
    for (size_t i = 0; i < packs->now.len; i++) {
        struct cas_pack *pack = packs->now.at[i];
        if (pack_is_loaded(pack->pack) || (only_often && pack->asked < PACK_ASKS_MOST))
            continue;
        struct error *error = pack_load(pack->pack, pack->path);
        loaded++;
        if (error && error->code != ERROR_STORED)
            return error;
        packs->distrusts = packs->distrusts || error;
        error_drop(error);
    }
    if (packs->distrusts && loaded)
        return scan(cas, packs->mtime_ns);
    if (loaded)
        make_table(packs);
    return NULL;
}

FALLIBLE packs_load(struct cas *cas)
{
    return load(cas, false);
}

static FALLIBLE find_once(struct cas *cas, struct digest digest, struct cas_packed *ret,
                          bool *ret_found)
{
    bool is_often = false;
    {
        AUTO(packs_unlock) struct cas_packs *packs = packs_read_lock(cas);
        TRY(packs_find(packs, digest, ret, ret_found));
        for (size_t i = 0; i < packs->now.len && !is_often; i++)
            is_often =
                !pack_is_loaded(packs->now.at[i]->pack) &&
                __atomic_load_n(&packs->now.at[i]->asked, __ATOMIC_RELAXED) >= PACK_ASKS_MOST;
    }
    return is_often ? load(cas, true) : NULL;
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
    struct error *error = find_once(cas, digest, ret, ret_found);
    if (!error || error->code != ERROR_STORED)
        return error;
    error_drop(error);
    TRY(packs_load(cas)); /* whichever it is gets out of the way */
    return find_once(cas, digest, ret, ret_found);
}
