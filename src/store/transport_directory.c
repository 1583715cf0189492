/* A directory, local or of a network file system: no locks, only what NFS promises too (link and
 * rename are whole or not there). What is being written lies in .tmp/. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport_private.h"

#define TEMP_DIRECTORY ".tmp"
enum { COPY_STEP = 4194304, BUFFER_BYTES = 1048576, TEMP_NAME_BYTES = 40, PATH_ROOM = 4096 };
static const int64_t LITTER_NS = 86400 * NS_PER_S;

struct place {
    struct fd root_fd; /* empty: the directory is not there (yet) */
    struct str path;   /* absolute, NUL-terminated */
    bool has_written;
};

static struct place *place_of(const struct connection *connection)
{
    return connection->transport->state;
}

static FALLIBLE open_root(struct place *place)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int number = open(place->path.at, flags);
    if (number < 0 && errno != ENOENT)
        return error_os(errno, "cannot open the directory '%.*s'", STR_FMT(place->path));
    place->root_fd = fd_of(number);
    return NULL;
}

static FALLIBLE directory_kind_open(struct arena *arena, struct transport *transport)
{
    struct place *place = arena_new(arena, struct place);
    struct str path = transport_rest(transport->remote->url);
    if (!path.len || path.at[0] != '/')
        return error_new(ERROR_PROJECT, "'%.*s' is no absolute path", STR_FMT(path));
    place->path = (struct str){str_terminate(arena, path), path.len};
    transport->state = place;
    return open_root(place);
}

static FALLIBLE no_connection(struct connection *connection)
{
    (void)connection;
    return NULL;
}

static void no_disconnection(struct connection *connection)
{
    (void)connection;
}

/* No name of ours leads through a symbolic link: who may write there must not lead us elsewhere. */
static int open_below(const struct place *place, struct str name, int flags)
{
    char path[PATH_ROOM];
    int number = -1, at_fd = fd_number(place->root_fd), parent = -1;
    size_t from = 0;
    check(name.len < sizeof path);
    snprintf(path, sizeof path, "%.*s", STR_FMT(name));
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && path[i] != '/')
            continue;
        path[i] = '\0';
        bool is_last = i == name.len;
        int how = is_last ? flags : O_PATH | O_DIRECTORY;
        number = openat(at_fd, path + from, how | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        int code = errno;
        if (parent >= 0)
            close(parent);
        errno = code;
        if (number < 0 || is_last)
            return number;
        at_fd = parent = number;
        from = i + 1;
    }
    return number;
}

static struct transport_item item_of(struct str name, const struct file_stat *stat)
{
    return (struct transport_item){
        .name = name, .size_bytes = stat->size_bytes, .modified_ns = stat->mtime_ns};
}

static bool is_foreign(const struct connection *connection)
{
    return connection->transport->remote->has_foreign_names;
}

/* --- reading --- */

static FALLIBLE open_file(struct connection *connection, struct str name, struct fd *ret,
                          struct file_stat *ret_stat, bool *ret_found)
{
    struct place *place = place_of(connection);
    *ret_found = false;
    if (fd_number(place->root_fd) < 0)
        return NULL;
    AUTO(fd_drop) struct fd fd = fd_of(open_below(place, name, O_RDONLY));
    if (fd_number(fd) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    if (fd_number(fd) < 0)
        return error_os(errno, "cannot open it in '%.*s'", STR_FMT(place->path));
    TRY(file_stat_fd(fd_number(fd), ret_stat));
    if (!S_ISREG(ret_stat->mode))
        return error_new(ERROR_MACHINE, "it is %s in '%.*s'", file_kind_name(ret_stat->mode),
                         STR_FMT(place->path));
    *ret = fd_of(fd_release(&fd));
    *ret_found = true;
    return NULL;
}

static FALLIBLE directory_stat(struct connection *connection, struct str name,
                               struct transport_item *ret, bool *ret_found)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    TRY(open_file(connection, name, &fd, &stat, ret_found));
    if (*ret_found)
        *ret = item_of(name, &stat);
    return NULL;
}

static FALLIBLE deliver(int fd, struct transport_range range, const struct transport_sink *sink)
{
    AUTO(buf_drop) struct buf buffer = {0};
    char *at = buf_reserve(&buffer, BUFFER_BYTES);
    while (range.len) {
        size_t step = BUFFER_BYTES;
        if (range.len > 0)
            step = (size_t)MIN_OF(range.len, (int64_t)BUFFER_BYTES);
        TRY(signal_check());
        ssize_t got = pread(fd, at, step, (off_t)range.offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read it");
        if (got == 0)
            return range.len < 0 ? NULL : error_new(ERROR_MACHINE, "it is shorter than it was");
        TRY(sink->take(sink->context, at, (size_t)got));
        range.offset += got;
        range.len -= range.len < 0 ? 0 : got;
    }
    return NULL;
}

static FALLIBLE directory_read(struct connection *connection, struct str name,
                               struct transport_range range, const struct transport_sink *sink,
                               bool *ret_found)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct file_stat stat;
    TRY(open_file(connection, name, &fd, &stat, ret_found));
    return *ret_found ? deliver(fd_number(fd), range, sink) : NULL;
}

/* --- listing --- */

struct listing {
    struct connection *connection;
    FALLIBLE (*visit)(void *context, const struct transport_item *item);
    void *context;
};

/* Depth is bounded by the layout: names of ours have at most five parts. */
enum { LIST_DEPTH = 8 };

static int depth_most(const struct listing *listing)
{
    return is_foreign(listing->connection) ? (int)LIMIT_TREE_DEPTH : LIST_DEPTH;
}

static FALLIBLE visit_odd(struct listing *listing, struct transport_item item)
{
    item.size_bytes = -1;
    return listing->visit(listing->context, &item);
}

static FALLIBLE list_below(struct listing *listing, int at_fd, const char *name, struct str path,
                           int depth);

static FALLIBLE list_entries(struct listing *listing, int fd, struct str path, int depth)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct walk_list list = {0};
    TRY(walk_list(&arena, fd, false, &list));
    for (size_t i = 0; i < list.count; i++) {
        const struct walk_entry *entry = &list.entries[i];
        struct str name = path_join(&arena, path, entry->name);
        struct transport_item item = item_of(name, &entry->stat);
        if (entry->name.at[0] == '.' && !is_foreign(listing->connection))
            continue;
        TRY(signal_check());
        if (S_ISDIR(entry->stat.mode) && depth < depth_most(listing))
            TRY(list_below(listing, fd, entry->name.at, name, depth + 1));
        else if (S_ISREG(entry->stat.mode))
            TRY(listing->visit(listing->context, &item));
        else if (is_foreign(listing->connection))
            TRY(visit_odd(listing, item));
    }
    return NULL;
}

static FALLIBLE list_below(struct listing *listing, int at_fd, const char *name, struct str path,
                           int depth)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(at_fd, name, flags));
    if (fd_number(fd) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                   ? NULL
                   : error_os(errno, "cannot open the directory '%.*s'", STR_FMT(path));
    return list_entries(listing, fd_number(fd), path, depth);
}

static FALLIBLE directory_list(struct connection *connection, struct str prefix,
                               FALLIBLE (*visit)(void *context, const struct transport_item *item),
                               void *context)
{
    struct place *place = place_of(connection);
    struct listing listing = {connection, visit, context};
    if (fd_number(place->root_fd) < 0)
        return NULL;
    struct str path = str_slice(prefix, 0, prefix.len ? prefix.len - 1 : 0);
    int flags = O_RDONLY | O_DIRECTORY;
    AUTO(fd_drop)
    struct fd fd = fd_of(path.len ? open_below(place, path, flags)
                                  : openat(fd_number(place->root_fd), ".", flags | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? NULL
                   : error_os(errno, "cannot open it in '%.*s'", STR_FMT(place->path));
    return list_entries(&listing, fd_number(fd), path, 0);
}

/* --- writing --- */

/* A file being written; dropping it removes it. */
struct writing {
    const struct place *place;
    char temp[TEMP_NAME_BYTES]; /* below the root; "" once it has its name */
    struct fd fd;
};

static void writing_drop(struct writing *writing)
{
    fd_drop(&writing->fd);
    if (writing->temp[0])
        unlinkat(fd_number(writing->place->root_fd), writing->temp, 0);
}

/* The first write makes the directory; its parent must be there: an unmounted disk is not filled
 * from below. Safe from several threads: whoever is first opens it. */
static FALLIBLE need_root(const struct connection *connection)
{
    struct place *place = place_of(connection);
    if (__atomic_load_n(&place->root_fd.number_plus_one, __ATOMIC_ACQUIRE))
        return NULL;
    AUTO(fd_drop) struct fd fd = {0};
    int none = 0;
    if (mkdir(place->path.at, 0777) != 0 && errno != EEXIST)
        return error_hint(error_os(errno, "cannot make the directory '%.*s'", STR_FMT(place->path)),
                          "make the one it lies in, or mount it");
    TRY(directory_open(AT_FDCWD, place->path.at, &fd));
    TRY(directory_sync(fd_number(fd), ".."));
    if (__atomic_compare_exchange_n(&place->root_fd.number_plus_one, &none, fd.number_plus_one,
                                    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        fd_release(&fd);
    return NULL;
}

static FALLIBLE begin_writing(const struct place *place, struct writing *writing)
{
    int root = fd_number(place->root_fd);
    uint64_t random;
    random_bytes(&random, sizeof random);
    TRY(directory_make(root, TEMP_DIRECTORY, false));
    writing->place = place;
    snprintf(writing->temp, sizeof writing->temp, TEMP_DIRECTORY "/%016llx",
             (unsigned long long)random);
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    writing->fd = fd_of(openat(root, writing->temp, flags, 0666));
    if (fd_number(writing->fd) >= 0)
        return NULL;
    int code = errno;
    writing->temp[0] = '\0';
    return error_os(code, "cannot make a file in '%.*s'", STR_FMT(place->path));
}

static void tell(const struct transport_source *source, int64_t bytes)
{
    if (source->tell)
        source->tell(source->context, bytes);
}

/* The kernel copies, where it can without our seeing the bytes. */
static FALLIBLE copy_file(const struct transport_source *source, int to_fd, const char *name)
{
    AUTO(buf_drop) struct buf buffer = {0};
    off_t from = (off_t)source->offset, end = from + (off_t)source->len;
    bool is_by_hand = false;
    while (from < end) {
        size_t step = (size_t)MIN_OF(end - from, (off_t)COPY_STEP);
        TRY(signal_check());
        ssize_t got = is_by_hand ? -1 : copy_file_range(source->fd, &from, to_fd, NULL, step, 0);
        if (got < 0 && !is_by_hand && errno != ENOSPC && errno != EDQUOT && errno != EIO) {
            is_by_hand = true;
        } else if (got < 0 && !is_by_hand) {
            return error_os(errno, "cannot write '%s'", name);
        }
        if (is_by_hand) {
            char *at = buf_reserve(&buffer, BUFFER_BYTES);
            got = pread(source->fd, at, MIN_OF(step, (size_t)BUFFER_BYTES), from);
            if (got < 0 && errno == EINTR)
                continue;
            if (got > 0)
                TRY(file_write(to_fd, at, (size_t)got, name));
            from += MAX_OF(got, 0);
        }
        if (got <= 0)
            return error_new(ERROR_MACHINE, "what was to be sent is shorter than it was");
        tell(source, got);
    }
    return NULL;
}

static FALLIBLE fill(const struct transport_source *source, int to_fd, const char *name)
{
    if (source->fd >= 0)
        return copy_file(source, to_fd, name);
    TRY(file_write(to_fd, source->bytes.at, source->bytes.len, name));
    tell(source, (int64_t)source->bytes.len);
    return NULL;
}

/* A failed sync is not tried again: what was written is given up. */
static FALLIBLE write_temp(struct writing *writing, const struct transport_source *source,
                           const char *name)
{
    TRY(fill(source, fd_number(writing->fd), name));
    TRY(file_sync(fd_number(writing->fd), name));
    if (close(fd_release(&writing->fd)) != 0) /* NFS tells a full disk only here */
        return error_os(errno, "cannot write '%s'", name);
    return NULL;
}

/* The directory a name goes into, made if it is not there, and its last part. */
static FALLIBLE open_parent(const struct place *place, struct str name, struct fd *ret,
                            struct str *ret_last)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int root = fd_number(place->root_fd), flags = O_RDONLY | O_DIRECTORY;
    ptrdiff_t slash = str_find_last_char(name, '/');
    *ret_last = str_slice(name, (size_t)(slash + 1), name.len);
    if (slash < 0)
        return directory_open(root, ".", ret);
    struct str parent = str_slice(name, 0, (size_t)slash);
    int number = open_below(place, parent, flags);
    if (number < 0 && errno == ENOENT) {
        TRY(directory_make(root, str_terminate(&scratch, parent), true));
        number = open_below(place, parent, flags);
    }
    if (number < 0)
        return error_os(errno, "cannot open the directory '%.*s' in '%.*s'", STR_FMT(parent),
                        STR_FMT(place->path));
    *ret = fd_of(number);
    return NULL;
}

static FALLIBLE give_name(struct writing *writing, int parent_fd, const char *name,
                          enum transport_write how, bool *ret_existed)
{
    int root = fd_number(writing->place->root_fd);
    *ret_existed = false;
    if (how == WRITE_NEW)
        TRY(file_rename_new(root, writing->temp, parent_fd, name, ret_existed));
    else if (renameat(root, writing->temp, parent_fd, name) != 0)
        return error_os(errno, "cannot replace it");
    if (!*ret_existed)
        writing->temp[0] = '\0';
    return NULL;
}

/* Of a place that a group shares: whoever made a directory lets the others write there. What is
 * somebody else's is theirs to open. */
static void share(const struct place *place, const struct writing *writing, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    int root = fd_number(place->root_fd);
    (void)!fchmod(fd_number(writing->fd), 0664);
    (void)!fchmodat(root, TEMP_DIRECTORY, 02775, 0);
    for (struct str at = path_directory(name); at.len; at = path_directory(at)) {
        struct stat stat;
        const char *path = str_terminate(&scratch, at);
        if (fstatat(root, path, &stat, 0) != 0 || (stat.st_mode & 02775) == 02775)
            return;
        (void)!fchmodat(root, path, 02775, 0);
    }
}

static FALLIBLE write_whole(struct connection *connection, struct str name,
                            const struct transport_source *source, enum transport_write how,
                            bool *ret_existed)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd parent = {0};
    AUTO(writing_drop) struct writing writing = {0};
    const struct place *place = place_of(connection);
    struct str last = {0};
    TRY(open_parent(place, name, &parent, &last));
    TRY(begin_writing(place, &writing));
    if (connection->transport->remote->is_shared)
        share(place, &writing, name);
    TRY(write_temp(&writing, source, str_terminate(&scratch, name)));
    TRY(give_name(&writing, fd_number(parent), str_terminate(&scratch, last), how, ret_existed));
    return directory_sync(fd_number(parent), ".");
}

static FALLIBLE directory_write(struct connection *connection, struct str name,
                                const struct transport_source *source, enum transport_write how,
                                bool *ret_existed)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct transport_item there;
    int64_t len = source->fd >= 0 ? source->len : (int64_t)source->bytes.len;
    *ret_existed = false;
    if (how == WRITE_NEW)
        TRY(directory_stat(connection, name, &there, ret_existed));
    if (*ret_existed)
        return NULL;
    TRY(need_root(connection));
    __atomic_store_n(&place_of(connection)->has_written, true, __ATOMIC_RELAXED);
    TRY_WITHIN(write_whole(connection, name, source, how, ret_existed), "%.*s in '%.*s'",
               STR_FMT(bytes_print(&scratch, len)), STR_FMT(place_of(connection)->path));
    return NULL;
}

static FALLIBLE directory_remove(struct connection *connection, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd parent = {0};
    const struct place *place = place_of(connection);
    struct transport_item there;
    struct str last = {0};
    bool is_there = false;
    TRY(directory_stat(connection, name, &there, &is_there));
    if (!is_there)
        return NULL;
    TRY(open_parent(place, name, &parent, &last));
    if (unlinkat(fd_number(parent), str_terminate(&scratch, last), 0) != 0 && errno != ENOENT)
        return error_os(errno, "cannot remove it from '%.*s'", STR_FMT(place->path));
    return NULL;
}

/* --- litter --- */

/* What writers that died have left: nobody writes one file for a day. By the file system's own
 * clock, which a new file tells. */
static void sweep(const struct place *place)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(fd_drop) struct fd fd = {0};
    AUTO(writing_drop) struct writing probe = {0};
    struct walk_list list = {0};
    struct file_stat now = {0};
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    fd = fd_of(openat(fd_number(place->root_fd), TEMP_DIRECTORY, flags));
    if (fd_number(fd) < 0)
        return;
    struct error *error = walk_list(&arena, fd_number(fd), false, &list);
    if (!error && list.count)
        error = begin_writing(place, &probe);
    if (!error && list.count)
        error = file_stat_fd(fd_number(probe.fd), &now);
    for (size_t i = 0; !error && i < list.count; i++)
        if (now.mtime_ns - list.entries[i].stat.mtime_ns > LITTER_NS)
            unlinkat(fd_number(fd), list.entries[i].name.at, 0);
    error_drop(error); /* litter harms nobody */
}

static void directory_kind_drop(struct transport *transport)
{
    struct place *place = transport->state;
    if (place->has_written)
        sweep(place);
    fd_drop(&place->root_fd);
}

static const char *const schemes[] = {"", "file", NULL};

const struct transport_kind transport_directory = {
    .schemes = schemes,
    .is_writable = true,
    .can_list = true,
    .connections = 4,
    .open = directory_kind_open,
    .drop = directory_kind_drop,
    .connect = no_connection,
    .disconnect = no_disconnection,
    .list = directory_list,
    .stat = directory_stat,
    .read = directory_read,
    .write = directory_write,
    .remove = directory_remove,
};
