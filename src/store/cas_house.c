#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/host/clock.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"
#include "mlops/store/projects.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cas_private.h"

/* Under the shared lock: no gc comes between this and what is put. */
static FALLIBLE become_known(struct cas *cas)
{
    if (!cas->is_registered)
        TRY_WITHIN(projects_register(cas->workspace),
                   "cannot tell the store '%.*s' that this project uses it",
                   STR_FMT(cas->workspace->cache));
    cas->is_registered = true;
    return NULL;
}

FALLIBLE cas_hold_locked(struct cas *cas)
{
    bool taken = false;
    if (cas->holds == 0 && cas->cache_fd >= 0 && !cas->workspace->is_read_only)
        TRY(lock_take(cas->cache_fd, "lock", LOCK_SHARED, -1, NULL, NULL, &cas->lock, &taken));
    if (cas->holds++ > 0)
        return NULL;
    struct error *error = become_known(cas);
    if (!error)
        error = cas_packs_recheck(cas); /* gc may have been at work */
    if (error)
        cas_release_locked(cas);
    return error;
}

void cas_release_locked(struct cas *cas)
{
    check(cas->holds > 0);
    if (--cas->holds == 0)
        lock_drop(&cas->lock);
}

struct error *cas_hold(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    return cas_hold_locked(locked);
}

void cas_release(struct cas *cas)
{
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    cas_release_locked(locked);
}

static FALLIBLE list_directory(struct arena *arena, int at_fd, const char *path, bool names_only,
                               struct walk_list *ret)
{
    AUTO(fd_drop) struct fd fd = fd_of(openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    *ret = (struct walk_list){0};
    if (fd_number(fd) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open '%s' of the store", path);
    return walk_list(arena, fd_number(fd), names_only, ret);
}

static FALLIBLE each_of_shard(struct cas *cas, struct str shard,
                              FALLIBLE (*visit)(void *context, struct digest digest,
                                                const struct file_stat *stat),
                              void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct walk_list list;
    struct str directory = path_join(&scratch, STR("obj"), shard);
    TRY(list_directory(&scratch, cas->cache_fd, directory.at, false, &list));
    for (size_t i = 0; i < list.count; i++) {
        struct digest digest;
        struct str hex =
            str_print(&scratch, "%.*s%.*s", STR_FMT(shard), STR_FMT(list.entries[i].name));
        if (digest_parse(hex, &digest))
            TRY(visit(context, digest, &list.entries[i].stat));
    }
    return NULL;
}

FALLIBLE cas_each_loose(struct cas *cas,
                        FALLIBLE (*visit)(void *context, struct digest digest,
                                          const struct file_stat *stat),
                        void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct walk_list shards;
    if (cas->cache_fd < 0)
        return NULL;
    TRY(list_directory(&scratch, cas->cache_fd, "obj", true, &shards));
    for (size_t i = 0; i < shards.count; i++)
        if (shards.entries[i].name.len == 2)
            TRY(each_of_shard(cas, shards.entries[i].name, visit, context));
    return NULL;
}

struct error *cas_trash(struct cas *cas, struct digest digest)
{
    char path[CAS_PATH_BYTES], hex[DIGEST_HEX_LEN + 1], to[CAS_PATH_BYTES + CAS_NAME_BYTES];
    AUTO(buf_drop) struct buf key = cas_index_key(cas, digest);
    cas_path(digest, path);
    digest_print(digest, hex);
    snprintf(to, sizeof to, "trash/%s", hex);
    bool is_moved = renameat(cas->cache_fd, path, cas->cache_fd, to) == 0;
    if (!is_moved && (errno == ENOSPC || errno == EDQUOT)) /* a directory needs room, too */
        is_moved = unlinkat(cas->cache_fd, path, 0) == 0;
    if (!is_moved && errno != ENOENT)
        return error_os(errno, "cannot move an object to the store's trash");
    cas_forget_leaves(cas, digest);
    cas_table_add(&cas->dead, digest, 0);
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    index_forget(locked->index, buf_str(&key));
    return NULL;
}

/* Putting something into the directory changes its time by itself. */
struct error *cas_damage_stamp(struct cas *cas, int64_t *ret_ns)
{
    struct file_stat stat;
    bool found = false;
    *ret_ns = 0;
    if (cas->cache_fd >= 0)
        TRY(file_stat_at(cas->cache_fd, "quarantine", false, &stat, &found));
    if (found)
        *ret_ns = stat.mtime_ns;
    return NULL;
}

struct error *cas_ask_healing(struct cas *cas)
{
    if (utimensat(cas->cache_fd, "quarantine", NULL, 0) != 0 && errno != EROFS && errno != EACCES)
        return error_os(errno, "cannot touch 'quarantine' of the store");
    return NULL;
}

struct error *cas_empty_trash(struct cas *cas, int64_t *ret_bytes)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list;
    int64_t bytes = 0;
    TRY(directory_open(cas->cache_fd, "trash", &fd));
    TRY(walk_list(&scratch, fd_number(fd), false, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct walk_entry *entry = &list.entries[i];
        if (unlinkat(fd_number(fd), entry->name.at, 0) != 0 && errno != ENOENT)
            return error_os(errno, "cannot remove '%s' from the store's trash", entry->name.at);
        bytes += entry->stat.links == 1 ? entry->stat.size_bytes : 0;
    }
    *ret_bytes = bytes;
    return cas_repack(cas, ret_bytes);
}

/* Locked before it has a digest in it, and while its process lives. */
static FALLIBLE open_pins(struct cas *cas)
{
    uint64_t random;
    random_bytes(&random, sizeof random);
    snprintf(cas->pins_name, sizeof cas->pins_name, "roots/%016llx", (unsigned long long)random);
    int flags = O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC;
    cas->pins_fd = fd_of(openat(fd_number(cas->tmp_fd), cas->pins_name, flags, 0644));
    if (fd_number(cas->pins_fd) < 0) {
        cas->pins_name[0] = '\0';
        return error_os(errno, "cannot pin objects in the store '%.*s'",
                        STR_FMT(cas->workspace->cache));
    }
    flock(fd_number(cas->pins_fd), LOCK_EX); /* gc may probe it for an instant */
    return NULL;
}

struct error *cas_pin(struct cas *cas, const struct digest *digests, size_t count)
{
    if (cas->cache_fd < 0 || cas->workspace->is_read_only || count == 0)
        return NULL;
    AUTO(cas_unlock) struct cas *locked = cas_lock(cas);
    if (!locked->pins_fd.number_plus_one)
        TRY(open_pins(locked));
    return file_write(fd_number(locked->pins_fd), digests, count * sizeof *digests, "pins");
}

/* A pin file whose lock can be taken belonged to a dead process. */
static FALLIBLE visit_pins(int roots_fd, const char *name,
                           FALLIBLE (*visit)(void *context, struct digest digest), void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = fd_of(openat(roots_fd, name, O_RDONLY | O_CLOEXEC));
    struct str bytes = {0};
    bool found = false;
    if (fd_number(fd) < 0 || flock(fd_number(fd), LOCK_EX | LOCK_NB) == 0)
        return NULL;
    TRY(file_read(&scratch, roots_fd, name, INT64_MAX / 4, &bytes, &found));
    for (size_t at = 0; at + sizeof(struct digest) <= bytes.len; at += sizeof(struct digest)) {
        struct digest digest;
        memcpy(digest.at, bytes.at + at, sizeof digest.at);
        TRY(visit(context, digest));
    }
    return NULL;
}

struct error *cas_each_pin(struct cas *cas, FALLIBLE (*visit)(void *context, struct digest digest),
                           void *context)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list;
    if (cas->cache_fd < 0)
        return NULL;
    TRY(directory_open(fd_number(cas->tmp_fd), "roots", &fd));
    TRY(walk_list(&scratch, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY(visit_pins(fd_number(fd), list.entries[i].name.at, visit, context));
    return NULL;
}

static FALLIBLE sweep_pins(struct cas *cas)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd roots = {0};
    struct walk_list list;
    TRY(directory_open(fd_number(cas->tmp_fd), "roots", &roots));
    TRY(walk_list(&scratch, fd_number(roots), true, &list));
    for (size_t i = 0; i < list.count; i++) {
        const char *name = list.entries[i].name.at;
        struct stat seen;
        AUTO(fd_drop) struct fd fd = fd_of(openat(fd_number(roots), name, O_RDONLY | O_CLOEXEC));
        /* An empty one may belong to a process that has not locked it yet. */
        if (fd_number(fd) >= 0 && fstat(fd_number(fd), &seen) == 0 && seen.st_size > 0 &&
            flock(fd_number(fd), LOCK_EX | LOCK_NB) == 0)
            unlinkat(fd_number(roots), name, 0);
    }
    return NULL;
}

struct error *cas_sweep(struct cas *cas)
{
    if (cas->cache_fd < 0 || cas->workspace->is_read_only)
        return NULL;
    AUTO(fd_drop) struct fd tmp = {0}; /* of the project: what a restore leaves */
    TRY(temp_dir_sweep(fd_number(cas->tmp_fd), TEMP_PREFIX));
    TRY(directory_open(fd_number(cas->workspace->state_fd), "tmp", &tmp));
    TRY(temp_dir_sweep(fd_number(tmp), TEMP_PREFIX));
    return sweep_pins(cas);
}
