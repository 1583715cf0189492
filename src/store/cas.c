#include "mlops/store/cas.h"

#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/walk.h"
#include "mlops/store/projects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* The project's own store is filed without its place, so that the project can be moved. */
static struct str prefix_of(struct arena *arena, const struct workspace *workspace)
{
    if (!workspace->config.cache_dir.len)
        return STR("//obj/");
    return str_print(arena, "//%.*s/obj/", STR_FMT(workspace->cache));
}

/* Who only looks relies on what is there, too, but is not stopped by a full disk. */
static void greet(struct cas *cas)
{
    struct error *error = projects_register(cas->workspace);
    cas->is_registered = error == NULL;
    error_drop(error);
}

struct error *cas_open(struct arena *arena, const struct workspace *workspace, struct index *index,
                       struct cas **ret)
{
    AUTO(cas_drop) struct cas *cas = arena_new(arena, struct cas);
    check(pthread_mutex_init(&cas->mutex, NULL) == 0);
    cas_packs_open(cas);
    cas->workspace = workspace;
    cas->index = index;
    cas->watch_ns = CAS_WATCH_NS;
    cas->cache_fd = fd_number(workspace->cache_fd);
    cas->is_durable = workspace->config.durability == DURABILITY_FULL;
    cas->index_prefix = prefix_of(&cas->memory, workspace);
    if (cas->cache_fd >= 0)
        TRY(directory_open(cas->cache_fd, "tmp", &cas->tmp_fd));
    greet(cas);
    *ret = cas;
    cas = NULL;
    return NULL;
}

static void pending_drop(struct cas *cas)
{
    for (size_t i = 0; i < cas->pending.len; i++)
        fd_drop(&cas->pending.at[i]->fd);
    cas_smalls_drop(cas);
    arena_drop(&cas->pending_memory);
}

static void pins_drop(struct cas *cas)
{
    if (cas->pins_name[0])
        unlinkat(fd_number(cas->tmp_fd), cas->pins_name, 0);
    fd_drop(&cas->pins_fd);
}

void cas_drop(struct cas **cas_place)
{
    struct cas *cas = *cas_place;
    *cas_place = NULL;
    if (!cas)
        return;
    pending_drop(cas);
    pins_drop(cas);
    temp_dir_drop(&cas->temp);
    lock_drop(&cas->lock);
    fd_drop(&cas->tmp_fd);
    for (size_t i = 0; i < cas->buffers.len; i++)
        free(cas->buffers.at[i]);
    cas_packs_drop(cas);
    cas_table_drop(&cas->dead);
    pthread_mutex_destroy(&cas->mutex);
    arena_drop(&cas->memory);
}

struct cas *cas_lock(struct cas *cas)
{
    check(pthread_mutex_lock(&cas->mutex) == 0);
    return cas;
}

void cas_unlock(struct cas **cas)
{
    check(pthread_mutex_unlock(&(*cas)->mutex) == 0);
}

struct cas_buffer cas_buffer_take(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (locked->buffers.len)
        return (struct cas_buffer){cas, locked->buffers.at[--locked->buffers.len]};
    return (struct cas_buffer){cas, memory_grow(NULL, CAS_BUFFER_BYTES)};
}

void cas_buffer_drop(struct cas_buffer *buffer)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(buffer->cas);
    *vec_push(&locked->memory, &locked->buffers) = buffer->at;
}

void cas_path(struct digest digest, char ret_path[static CAS_PATH_BYTES])
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    memcpy(ret_path, "obj/", 4);
    memcpy(ret_path + 4, hex, 2);
    ret_path[6] = '/';
    memcpy(ret_path + 7, hex + 2, sizeof hex - 2);
}

struct buf cas_index_key(const struct cas *cas, struct digest digest)
{
    struct buf key = {0};
    char path[CAS_PATH_BYTES];
    cas_path(digest, path);
    buf_add_str(&key, cas->index_prefix);
    buf_add_text(&key, path + strlen("obj/"));
    return key;
}

void cas_note(struct cas *cas, struct digest digest, const struct file_stat *stat)
{
    AUTO(buf_drop) struct buf key = cas_index_key(cas, digest);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    /* Nobody but us writes to an object, so its record can't be racy. */
    index_note(locked->index, buf_str(&key), stat, digest, INT64_MAX);
}

static void forget(struct cas *cas, struct digest digest)
{
    AUTO(buf_drop) struct buf key = cas_index_key(cas, digest);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    index_forget(locked->index, buf_str(&key));
}

/* Links made and removed change ctime; where there are several, size, inode and mtime must do. */
static bool is_trusted(struct cas *cas, struct digest digest, const struct file_stat *stat)
{
    AUTO(buf_drop) struct buf key = cas_index_key(cas, digest);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    struct file_stat known;
    struct digest recorded;
    return index_find_record(locked->index, buf_str(&key), &known, &recorded) &&
           digest_equal(recorded, digest) && known.inode == stat->inode &&
           known.size_bytes == stat->size_bytes && known.mtime_ns == stat->mtime_ns &&
           (known.ctime_ns == stat->ctime_ns || stat->links > 1);
}

void cas_add_damaged(struct cas *cas, struct digest digest)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    *vec_push(&locked->memory, &locked->damaged) = digest;
}

/* Never in the way again, but kept: it may be all that is left of something. */
static FALLIBLE quarantine(struct cas *cas, struct digest digest, const char *path)
{
    char hex[DIGEST_HEX_LEN + 1], to[CAS_PATH_BYTES + CAS_NAME_BYTES];
    uint32_t random;
    bool existed = false;
    digest_print(digest, hex);
    random_bytes(&random, sizeof random);
    snprintf(to, sizeof to, "quarantine/%s.%08x", hex, random);
    forget(cas, digest);
    cas_forget_leaves(cas, digest);
    struct error *error = file_rename_new(cas->cache_fd, path, cas->cache_fd, to, &existed);
    bool is_gone = error && (error->system_errno == ENOENT || error->system_errno == EROFS ||
                             error->system_errno == EACCES || error->system_errno == EPERM);
    if (is_gone) { /* by another process, or we may not: it is not used all the same */
        error_drop(error);
        error = NULL;
    }
    cas_add_damaged(cas, digest);
    return error;
}

/* A small object with one read, where nothing is odd. */
static FALLIBLE read_at_once(struct cas *cas, const char *path, const struct file_stat *seen,
                             char *buffer, struct cas_put *ret, bool *ret_done)
{
    *ret_done = false;
    if (seen->size_bytes > CAS_BUFFER_BYTES)
        return NULL;
    AUTO(fd_drop) struct fd fd = cas_seen_open(cas->cache_fd, path, seen, 0);
    return fd_number(fd) < 0 ? NULL : cas_seen_read(fd_number(fd), seen, buffer, ret, ret_done);
}

/* Reads the object that was seen; *ret_same false if it can't be what its name says. */
static FALLIBLE compare_bytes(struct cas *cas, const char *path, struct digest digest,
                              struct file_stat *stat, bool *ret_same)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct cas_put read = {0};
    bool is_read = false;
    *ret_same = false;
    if (!S_ISREG(stat->mode))
        return NULL;
    TRY(read_at_once(cas, path, stat, buffer.at, &read, &is_read));
    if (!is_read)
        TRY(cas_read_file(cas->cache_fd, path, buffer.at, NULL, &read));
    *stat = read.stat;
    *ret_same = digest_equal(read.digest, digest);
    return NULL;
}

FALLIBLE cas_examine_loose(struct cas *cas, struct digest digest, bool is_distrusted,
                           struct file_stat *ret_stat, enum cas_health *ret)
{
    char path[CAS_PATH_BYTES];
    bool found = false, is_same = false;
    *ret = CAS_ABSENT;
    if (cas->cache_fd < 0)
        return NULL;
    cas_path(digest, path);
    TRY(file_stat_at(cas->cache_fd, path, false, ret_stat, &found));
    if (!found)
        return NULL;
    *ret = CAS_GOOD;
    if (!is_distrusted && is_trusted(cas, digest, ret_stat))
        return NULL;
    TRY_WITHIN(compare_bytes(cas, path, digest, ret_stat, &is_same), "cannot check an object");
    if (is_same) {
        cas_note(cas, digest, ret_stat);
        return NULL;
    }
    *ret = CAS_DAMAGED;
    return quarantine(cas, digest, path);
}

/* A row is believed unless it is known to be bad: whoever reads the bytes hashes them. */
static FALLIBLE examine_packed(struct cas *cas, struct digest digest, bool is_distrusted,
                               bool is_anew, struct file_stat *ret_stat, enum cas_health *ret)
{
    for (int tries = 0; tries < CAS_TRIES; tries++) {
        AUTO(buf_drop) struct buf bytes = {0};
        struct cas_packed packed;
        bool found = false, is_good = true;
        TRY(cas_packed_find(cas, digest, is_anew, &packed, &found));
        if (!found)
            return NULL;
        if (is_distrusted)
            TRY_WITHIN(cas_packed_read(cas, &packed, &bytes, &is_good), "cannot check an object");
        *ret_stat = cas_packed_stat(&packed);
        *ret = is_good ? CAS_GOOD : CAS_DAMAGED;
        if (is_good)
            return NULL;
    }
    return NULL;
}

/* Packs first, since asking them costs no call; what is nowhere may have come since they were read.
 */
static FALLIBLE examine(struct cas *cas, struct digest digest, bool is_distrusted, bool is_anew,
                        struct file_stat *ret_stat, enum cas_health *ret)
{
    enum cas_health packed = CAS_ABSENT, loose = CAS_ABSENT;
    TRY(examine_packed(cas, digest, is_distrusted, false, ret_stat, &packed));
    *ret = packed;
    if (packed == CAS_GOOD)
        return NULL;
    TRY(cas_examine_loose(cas, digest, is_distrusted, ret_stat, &loose));
    if (loose != CAS_ABSENT)
        *ret = loose;
    if (*ret == CAS_ABSENT && is_anew)
        TRY(examine_packed(cas, digest, is_distrusted, true, ret_stat, ret));
    return NULL;
}

struct error *cas_examine(struct cas *cas, struct digest digest, bool is_distrusted,
                          struct file_stat *ret_stat, enum cas_health *ret)
{
    return examine(cas, digest, is_distrusted, true, ret_stat, ret);
}

static void see_shard(void *context, const char *name, uint32_t kind)
{
    struct cas *cas = context;
    char *end = NULL;
    unsigned long shard = strtoul(name, &end, 16);
    (void)kind;
    if (*end == '\0' && shard < COUNT_OF(cas->has_shard))
        cas->has_shard[shard] = true;
}

FALLIBLE cas_see_shards(struct cas *cas)
{
    memset(cas->has_shard, 0, sizeof cas->has_shard);
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(cas->cache_fd, "obj", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return errno == ENOENT ? NULL : error_os(errno, "cannot open 'obj' of the store");
    return walk_names(fd_number(fd), see_shard, cas);
}

static FALLIBLE examine_put(struct cas *cas, struct digest digest, struct file_stat *ret_stat,
                            enum cas_health *ret)
{
    *ret = CAS_ABSENT;
    if (cas->is_putting && !cas->has_shard[digest.at[0]])
        return examine_packed(cas, digest, false, false, ret_stat, ret);
    return examine(cas, digest, false, false, ret_stat, ret);
}

static bool is_pending(struct cas *cas, struct digest digest)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    return cas_pending_find(locked, digest) || cas_small_is_pending(locked, digest);
}

/* To be pinned by the flush; of many some before, so that they are not held. */
static FALLIBLE keep_known(struct cas *cas, struct digest digest)
{
    struct digest full[CAS_PINS_A_TIME];
    size_t count = 0;
    {
        AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
        struct cas_digest_vec *known = &locked->known;
        *vec_push(&locked->pending_memory, known) = digest;
        if (known->len == CAS_PINS_A_TIME) {
            count = known->len;
            memcpy(full, known->at, sizeof full);
            known->len = 0;
        }
    }
    return cas_pin(cas, full, count);
}

FALLIBLE cas_is_stored(struct cas *cas, struct digest digest, bool *ret)
{
    struct file_stat stat;
    enum cas_health health;
    /* What somebody else has just put is put again at worst. */
    TRY(examine_put(cas, digest, &stat, &health));
    *ret = health == CAS_GOOD;
    return *ret ? keep_known(cas, digest) : NULL;
}

FALLIBLE cas_is_known(struct cas *cas, struct digest digest, bool *ret)
{
    *ret = is_pending(cas, digest);
    return *ret ? NULL : cas_is_stored(cas, digest, ret);
}

struct error *cas_verify(struct cas *cas, struct digest digest, enum cas_health *ret)
{
    struct file_stat stat;
    return cas_examine(cas, digest, true, &stat, ret);
}

struct cas_pending *cas_pending_find(struct cas *cas, struct digest digest)
{
    struct str key = {(const char *)digest.at, sizeof digest.at};
    return cas->pending.len ? map_get(&cas->pending_by_digest, key) : NULL;
}

struct error *cas_has(struct cas *cas, struct digest digest, bool *ret)
{
    struct file_stat stat;
    enum cas_health health = CAS_GOOD;
    if (!is_pending(cas, digest))
        TRY(cas_examine(cas, digest, false, &stat, &health));
    *ret = health == CAS_GOOD;
    return NULL;
}

size_t cas_damaged(struct cas *cas, const struct digest **ret)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    *ret = locked->damaged.at;
    return locked->damaged.len;
}

void cas_warm(struct cas *cas)
{
    if (!cas->is_warm && cas->cache_fd >= 0)
        index_load(cas->index, cas->index_prefix);
    cas->is_warm = true;
}
