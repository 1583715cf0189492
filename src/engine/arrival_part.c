/* A large file on its way lies in the cache's incoming/, under a name made of where it comes from:
 *
 *     KEY         the bytes so far
 *     KEY.from    "VERSION\nSIZE\n": what they are of; only where the server tells versions apart
 *     KEY.lock    flocked while somebody fetches it
 */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/lock.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "arrival_private.h"

#define INCOMING "incoming"
enum { KEY_HEX = 32, NAME_BYTES = 48, FROM_BYTES = 1024, READ_BYTES = 1048576 };
static const int64_t KEPT_NS = 7 * INT64_C(86400) * NS_PER_S;

struct part {
    struct taking *taking;
    struct arriving *arriving;
    struct fd directory_fd, fd;
    struct lock lock;
    struct hasher hasher;
    char key[NAME_BYTES], from[NAME_BYTES], lock_name[NAME_BYTES];
    int64_t size_bytes; /* so far */
    bool is_done;
};

/* A version that is only equivalent ("weak") may not be put together from parts. */
static bool can_continue(const struct upstream_file *file)
{
    return file->version.len && file->size_bytes >= 0 && !str_starts(file->version, STR("W/"));
}

/* What can't be continued is litter; so is the note when all is done. */
static void part_drop(struct part *part)
{
    int directory = fd_number(part->directory_fd);
    bool is_kept = !part->is_done && part->size_bytes && can_continue(part->arriving->file);
    if (fd_number(part->lock.fd) >= 0 && !is_kept) {
        unlinkat(directory, part->key, 0);
        unlinkat(directory, part->from, 0);
        unlinkat(directory, part->lock_name, 0);
    }
    hasher_drop(&part->hasher);
    fd_drop(&part->fd);
    lock_drop(&part->lock);
    fd_drop(&part->directory_fd);
}

static FALLIBLE open_incoming(const struct workspace *workspace, bool makes, struct fd *ret)
{
    int cache = fd_number(workspace->cache_fd);
    if (makes)
        TRY(directory_make(cache, INCOMING, false));
    int number = openat(cache, INCOMING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (number < 0 && errno != ENOENT)
        return error_os(errno, "cannot open '" INCOMING "' in the store '%.*s'",
                        STR_FMT(workspace->cache));
    *ret = fd_of(number);
    return NULL;
}

static void name_part(struct part *part)
{
    AUTO(buf_drop) struct buf text = {0};
    char hex[DIGEST_HEX_LEN + 1];
    buf_print(&text, "%.*s\n%.*s", STR_FMT(part->taking->upstream->url),
              STR_FMT(part->arriving->file->name));
    digest_print(digest_of(text.at, text.len), hex);
    snprintf(part->key, sizeof part->key, "%.*s", KEY_HEX, hex);
    snprintf(part->from, sizeof part->from, "%.*s.from", KEY_HEX, hex);
    snprintf(part->lock_name, sizeof part->lock_name, "%.*s.lock", KEY_HEX, hex);
}

static struct str from_text(struct arena *arena, const struct upstream_file *file)
{
    return str_print(arena, "%.*s\n%lld\n", STR_FMT(file->version), (long long)file->size_bytes);
}

/* Bytes of an earlier try are hashed again: their digest was lost with it. */
static FALLIBLE hash_kept(struct part *part)
{
    AUTO(buf_drop) struct buf buffer = {0};
    char *at = buf_reserve(&buffer, READ_BYTES);
    for (;;) {
        TRY(signal_check());
        ssize_t got = pread(fd_number(part->fd), at, READ_BYTES, (off_t)part->size_bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read what was fetched before");
        if (got == 0)
            return NULL;
        hasher_add(&part->hasher, at, (size_t)got);
        part->size_bytes += got;
    }
}

/* From the start: what is there is thrown away. */
static FALLIBLE start_over(struct part *part)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct upstream_file *file = part->arriving->file;
    hasher_drop(&part->hasher);
    hasher_open(&part->hasher);
    arrival_tell(part->taking, -part->size_bytes);
    part->size_bytes = 0;
    if (ftruncate(fd_number(part->fd), 0) != 0 || lseek(fd_number(part->fd), 0, SEEK_SET) != 0)
        return error_os(errno, "cannot empty a file of the store");
    if (!can_continue(file))
        return NULL;
    return file_publish(fd_number(part->directory_fd), part->from, from_text(&scratch, file), 0600,
                        false);
}

static FALLIBLE open_bytes(struct part *part)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct upstream_file *file = part->arriving->file;
    int directory = fd_number(part->directory_fd);
    struct str from = {0};
    bool has_from = false;
    int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
    part->fd = fd_of(openat(directory, part->key, flags, 0600));
    if (fd_number(part->fd) < 0)
        return error_os(errno, "cannot make a file in the store");
    TRY(file_read(&scratch, directory, part->from, FROM_BYTES, &from, &has_from));
    hasher_open(&part->hasher);
    if (!has_from || !can_continue(file) || !str_equal(from, from_text(&scratch, file)))
        return start_over(part);
    TRY(hash_kept(part));
    arrival_tell(part->taking, part->size_bytes);
    if (part->size_bytes > file->size_bytes)
        return start_over(part);
    __atomic_add_fetch(&part->taking->continued_bytes, part->size_bytes, __ATOMIC_RELAXED);
    return lseek(fd_number(part->fd), part->size_bytes, SEEK_SET) < 0
               ? error_os(errno, "cannot go on with a file of the store")
               : NULL;
}

/* Another process that fetches the same is waited for: then it is here. */
static FALLIBLE part_open(struct taking *taking, struct arriving *arriving, struct part *part)
{
    bool taken = false;
    part->taking = taking;
    part->arriving = arriving;
    name_part(part);
    TRY(open_incoming(taking->arrival->workspace, true, &part->directory_fd));
    TRY(lock_take(fd_number(part->directory_fd), part->lock_name, LOCK_EXCLUSIVE, -1, NULL, NULL,
                  &part->lock, &taken));
    return open_bytes(part);
}

static FALLIBLE take_bytes(void *context, const char *at, size_t len)
{
    struct part *part = context;
    TRY(file_write(fd_number(part->fd), at, len, "a file of the store"));
    hasher_add(&part->hasher, at, len);
    part->size_bytes += (int64_t)len;
    arrival_tell(part->taking, (int64_t)len);
    return NULL;
}

/* What the server calls that which it sends now. Equal parts of other content would make a file
 * that never was. */
static FALLIBLE read_rest(struct part *part, struct connection *connection, bool *ret_is_other)
{
    const struct upstream_file *file = part->arriving->file;
    struct transport_sink sink = {take_bytes, part};
    int64_t from = part->size_bytes;
    struct transport_range range = {from, file->size_bytes < 0 ? -1 : file->size_bytes - from};
    bool found = false;
    *ret_is_other = false;
    if (range.len == 0)
        return NULL;
    TRY(connection_read(connection, file->name, range, &sink, &found));
    if (!found)
        return error_new(ERROR_MACHINE, "'%.*s' went away while it was fetched",
                         STR_FMT(file->name));
    struct str version = connection_version(connection);
    *ret_is_other = file->version.len && version.len && !str_equal(version, file->version);
    return NULL;
}

static FALLIBLE changed(const struct part *part)
{
    return error_hint(error_new(ERROR_MACHINE, "'%.*s' changed while it was fetched",
                                STR_FMT(part->arriving->file->name)),
                      "do it again when nobody writes to it");
}

static FALLIBLE store_part(struct part *part)
{
    struct arriving *arriving = part->arriving;
    bool is_same = false;
    arriving->digest = hasher_finish(&part->hasher);
    arriving->size_bytes = part->size_bytes;
    TRY(cas_put_assembled(part->taking->arrival->cas, fd_number(part->directory_fd), part->key,
                          arriving->digest, &is_same));
    if (!is_same)
        return error_new(ERROR_MACHINE, "what was fetched is not what the disk gives back");
    part->is_done = true;
    return NULL;
}

FALLIBLE arrival_fetch_part(struct taking *taking, struct connection *connection,
                            struct arriving *arriving)
{
    AUTO(part_drop) struct part part = {0};
    bool is_other = false;
    TRY(part_open(taking, arriving, &part));
    bool is_continued = part.size_bytes > 0;
    struct error *error = read_rest(&part, connection, &is_other);
    if (!error && is_other && is_continued) {
        TRY(start_over(&part));
        error = read_rest(&part, connection, &is_other);
    }
    TRY(error);
    if (is_other)
        return changed(&part);
    return store_part(&part);
}

FALLIBLE arrival_sweep(const struct workspace *workspace)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    TRY(open_incoming(workspace, false, &fd));
    if (fd_number(fd) < 0)
        return NULL;
    TRY(walk_list(&scratch, fd_number(fd), false, &list));
    int64_t now = clock_real_ns();
    for (size_t i = 0; i < list.count; i++)
        if (now - list.entries[i].stat.mtime_ns > KEPT_NS)
            unlinkat(fd_number(fd), list.entries[i].name.at, 0);
    return NULL;
}
