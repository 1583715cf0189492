#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* Directories that got a name: bit n of shards is obj/<n in hex>. */
struct touched {
    bool shards[256];
    int count;
    bool has_new_shard;
};

static FALLIBLE sync_all(struct cas *cas)
{
    if (syncfs(cas->cache_fd) != 0)
        return error_os(errno, "cannot sync the store '%.*s' to the disk",
                        STR_FMT(cas->workspace->cache));
    return NULL;
}

static FALLIBLE sync_pending(struct cas *cas, struct cas_pending *pending)
{
    AUTO(fd_drop) struct fd fd = {0};
    if (!pending->name[0])
        return file_sync(fd_number(pending->fd), "an object");
    TRY(file_open(fd_number(cas->temp.fd), pending->name, &fd));
    return file_sync(fd_number(fd), "an object");
}

/* One sync for all is cheaper beyond a few, but waits for everybody else's writes too. */
static FALLIBLE sync_contents(struct cas *cas)
{
    if (!cas->is_durable)
        return NULL;
    if (cas->pending.len > CAS_HELD_FDS)
        return sync_all(cas);
    for (size_t i = 0; i < cas->pending.len; i++)
        TRY(sync_pending(cas, cas->pending.at[i]));
    return NULL;
}

/* 0, or the errno. */
static int give_name(struct cas *cas, const struct cas_pending *pending, const char *path)
{
    char link[CAS_NAME_BYTES];
    if (!pending->name[0]) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd_number(pending->fd));
        return linkat(AT_FDCWD, link, cas->cache_fd, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
    }
    bool existed = false;
    struct error *error =
        file_rename_new(fd_number(cas->temp.fd), pending->name, cas->cache_fd, path, &existed);
    int code = existed ? EEXIST : error ? error->system_errno : 0;
    error_drop(error);
    return code;
}

static FALLIBLE make_shard(struct cas *cas, const char *path, struct touched *touched)
{
    char shard[] = "obj/ab";
    memcpy(shard, path, sizeof shard - 1);
    touched->has_new_shard = true;
    return directory_make(cas->cache_fd, shard, false);
}

/* Another process may have published the same bytes, which is fine, or something broken under this
 * name, which is taken away by looking at it. */
static FALLIBLE publish(struct cas *cas, const struct cas_pending *pending, struct touched *touched)
{
    char path[CAS_PATH_BYTES];
    struct file_stat stat;
    bool found = false;
    enum cas_health health = CAS_ABSENT;
    int code = 0;
    cas_path(pending->digest, path);
    for (int tries = 0; tries < CAS_TRIES; tries++) {
        code = give_name(cas, pending, path);
        if (code == ENOENT)
            TRY(make_shard(cas, path, touched));
        else if (code == EEXIST)
            TRY(cas_examine_loose(cas, pending->digest, false, &stat, &health));
        if (code == 0 || health == CAS_GOOD)
            break;
    }
    if (code && health != CAS_GOOD)
        return error_os(code, "cannot publish an object in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    touched->count += !touched->shards[pending->digest.at[0]];
    touched->shards[pending->digest.at[0]] = true;
    if (code)
        return NULL;
    TRY(file_stat_at(cas->cache_fd, path, false, &stat, &found));
    if (found)
        cas_note(cas, pending->digest, &stat);
    return NULL;
}

static FALLIBLE sync_directories(struct cas *cas, const struct touched *touched)
{
    if (!cas->is_durable || touched->count == 0)
        return NULL;
    if (touched->count > CAS_HELD_FDS)
        return sync_all(cas);
    for (int i = 0; i < 256; i++) {
        char shard[] = "obj/ab";
        snprintf(shard, sizeof shard, "obj/%02x", (unsigned)i & 0xFF);
        if (touched->shards[i])
            TRY(directory_sync(cas->cache_fd, shard));
    }
    return touched->has_new_shard ? directory_sync(cas->cache_fd, "obj") : NULL;
}

static FALLIBLE pin_smalls(struct cas *cas)
{
    struct digest digests[CAS_PINS_A_TIME];
    const struct cas_table *table = &cas->smalls.by_digest;
    for (size_t at = 0, count; at < table->len; at += count) {
        count = MIN_OF(table->len - at, (size_t)CAS_PINS_A_TIME);
        for (size_t i = 0; i < count; i++)
            digests[i] = table->entries[at + i].digest;
        TRY(cas_pin(cas, digests, count));
    }
    return NULL;
}

/* What was put is named by nothing until its group is recorded, and gc may be told to spare nothing
 * however young: a pin holds it until then. */
static FALLIBLE pin_all(struct cas *cas)
{
    for (size_t i = 0; i < cas->pending.len; i++)
        *vec_push(&cas->pending_memory, &cas->known) = cas->pending.at[i]->digest;
    if (cas->smalls.are_packed)
        TRY(pin_smalls(cas));
    return cas->known.len ? cas_pin(cas, cas->known.at, cas->known.len) : NULL;
}

static FALLIBLE flush(struct cas *cas)
{
    struct touched touched = {0};
    TRY(cas_smalls_settle(cas));
    if (cas->pending.len) {
        TRY(sync_contents(cas));
        for (size_t i = 0; i < cas->pending.len; i++)
            TRY(publish(cas, cas->pending.at[i], &touched));
        TRY(sync_directories(cas, &touched));
    }
    TRY(cas_smalls_publish(cas));
    return pin_all(cas);
}

/* What was not named is gone with its descriptor; named temporary files are removed. */
static void forget_pending(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    for (size_t i = 0; i < locked->pending.len; i++) {
        struct cas_pending *pending = locked->pending.at[i];
        if (pending->name[0])
            unlinkat(fd_number(locked->temp.fd), pending->name, 0);
        else
            locked->held_fds--;
        fd_drop(&pending->fd);
    }
    cas_smalls_drop(locked);
    locked->pending = (struct cas_pending_vec){0};
    locked->known = (struct cas_digest_vec){0};
    locked->pending_by_digest = (struct map){0};
    arena_reset(&locked->pending_memory);
    if (locked->is_putting)
        cas_release_locked(locked);
    locked->is_putting = false;
}

struct error *cas_flush(struct cas *cas)
{
    if (cas->has_lost)
        return error_new(ERROR_MACHINE, "objects of this run could not be stored");
    struct error *error = flush(cas);
    cas->has_lost = error != NULL;
    forget_pending(cas);
    return error;
}
