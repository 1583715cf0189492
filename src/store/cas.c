#include "mlops/store/cas.h"

#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"

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

struct error *cas_open(struct arena *arena, const struct workspace *workspace, struct index *index,
                       struct cas **ret)
{
    AUTO(cas_drop) struct cas *cas = arena_new(arena, struct cas);
    check(pthread_mutex_init(&cas->mutex, NULL) == 0);
    cas->workspace = workspace;
    cas->index = index;
    cas->cache_fd = fd_number(workspace->cache_fd);
    cas->is_durable = workspace->config.durability == DURABILITY_FULL;
    cas->index_prefix = prefix_of(&cas->memory, workspace);
    if (cas->cache_fd >= 0)
        TRY(directory_open(cas->cache_fd, "tmp", &cas->tmp_fd));
    *ret = cas;
    cas = NULL;
    return NULL;
}

static void pending_drop(struct cas *cas)
{
    for (size_t i = 0; i < cas->pending.len; i++)
        fd_drop(&cas->pending.at[i]->fd);
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
    snprintf(ret_path, CAS_PATH_BYTES, "obj/%.2s/%s", hex, hex + 2);
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
    struct error *error = file_rename_new(cas->cache_fd, path, cas->cache_fd, to, &existed);
    bool is_gone = error && (error->system_errno == ENOENT || error->system_errno == EROFS ||
                             error->system_errno == EACCES || error->system_errno == EPERM);
    if (is_gone) { /* by another process, or we may not: it is not used all the same */
        error_drop(error);
        error = NULL;
    }
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    *vec_push(&locked->memory, &locked->damaged) = digest;
    return error;
}

/* Reads the object; *ret_same false if it can't be what its name says. */
static FALLIBLE compare_bytes(struct cas *cas, const char *path, struct digest digest,
                              struct file_stat *ret_stat, bool *ret_same)
{
    AUTO(cas_buffer_drop) struct cas_buffer buffer = cas_buffer_take(cas);
    struct cas_put seen;
    struct file_stat stat;
    bool found = false;
    *ret_same = false;
    TRY(file_stat_at(cas->cache_fd, path, false, &stat, &found));
    if (!found || (stat.mode & S_IFMT) != S_IFREG)
        return NULL;
    TRY(cas_read_file(cas->cache_fd, path, buffer.at, NULL, &seen));
    *ret_stat = seen.stat;
    *ret_same = digest_equal(seen.digest, digest);
    return NULL;
}

struct error *cas_examine(struct cas *cas, struct digest digest, bool is_distrusted,
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

static bool is_pending(struct cas *cas, struct digest digest)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    return cas_pending_find(locked, digest) != NULL;
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

/* A descriptor of its own, so that it may outlive the flush. */
static FALLIBLE open_pending(struct cas *cas, struct digest digest, struct fd *ret)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    const struct cas_pending *pending = cas_pending_find(locked, digest);
    if (!pending)
        return NULL;
    if (pending->name[0])
        return file_open(fd_number(locked->temp.fd), pending->name, ret);
    int number = fcntl(fd_number(pending->fd), F_DUPFD_CLOEXEC, 0);
    if (number < 0)
        return error_os(errno, "cannot open an object");
    *ret = fd_of(number);
    return NULL;
}

struct error *cas_open_object(struct cas *cas, struct digest digest, struct fd *ret,
                              struct file_stat *ret_stat, bool *ret_found)
{
    enum cas_health health = CAS_GOOD;
    char path[CAS_PATH_BYTES];
    TRY(open_pending(cas, digest, ret));
    *ret_found = ret->number_plus_one != 0;
    if (*ret_found)
        return file_stat_fd(fd_number(*ret), ret_stat);
    TRY(cas_examine(cas, digest, false, ret_stat, &health));
    *ret_found = health == CAS_GOOD;
    if (!*ret_found)
        return NULL;
    cas_path(digest, path);
    return file_open(cas->cache_fd, path, ret);
}

void cas_source_drop(struct cas_source *source)
{
    fd_drop(&source->fd);
}

struct error *cas_open_for_reading(struct cas *cas, struct digest digest, struct cas_source *ret,
                                   bool *ret_found)
{
    struct file_stat stat;
    struct cas_source source = {0};
    TRY(cas_open_object(cas, digest, &source.fd, &stat, ret_found));
    source.size_bytes = *ret_found ? stat.size_bytes : 0;
    *ret = source;
    return NULL;
}

struct error *cas_get_bytes(struct cas *cas, struct arena *arena, struct digest digest,
                            int64_t bytes_most, struct str *ret, bool *ret_found)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    TRY(cas_open_object(cas, digest, &fd, &stat, ret_found));
    if (!*ret_found)
        return NULL;
    if (stat.size_bytes > bytes_most)
        return error_new(ERROR_STORED, "an object has %lld bytes where at most %lld are expected",
                         (long long)stat.size_bytes, (long long)bytes_most);
    struct buf bytes = buf_in(arena);
    char *to = buf_reserve(&bytes, (size_t)stat.size_bytes + 1);
    while (bytes.len < (size_t)stat.size_bytes) {
        ssize_t got = pread(fd_number(fd), to + bytes.len, (size_t)stat.size_bytes - bytes.len,
                            (off_t)bytes.len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read an object");
        if (got == 0)
            break;
        bytes.len += (size_t)got;
    }
    to[bytes.len] = '\0';
    *ret = buf_str(&bytes);
    *ret_found = digest_equal(digest_of(ret->at, ret->len), digest);
    enum cas_health health;
    return *ret_found ? NULL : cas_verify(cas, digest, &health);
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
