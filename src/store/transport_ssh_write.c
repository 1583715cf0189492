/* Written beside everything else (.tmp/), synced, and then given its name. */
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "transport_ssh_private.h"

#define TEMP_DIRECTORY ".tmp"

static const int64_t LITTER_NS = 86400 * NS_PER_S;

/* A file being written. */
struct writing {
    struct connection *connection;
    struct sftp *sftp;
    struct buf temp;       /* its path on the server; empty: not made */
    struct sftp_file file; /* open until it is durable under its name */
    const struct transport_source *source;
    int64_t told;
};

/* Without waiting: what can't be removed now is litter, and removed later. */
static void writing_drop(struct writing *writing)
{
    sftp_file_drop(&writing->file);
    if (writing->temp.len && !sftp_is_broken(writing->sftp))
        error_drop(sftp_remove_later(writing->sftp, writing->temp.at));
    buf_drop(&writing->temp);
}

static int64_t length_of(const struct transport_source *source)
{
    return source->fd >= 0 ? source->len : (int64_t)source->bytes.len;
}

static FALLIBLE give(void *context, int64_t at, char *buffer, size_t len)
{
    const struct writing *writing = context;
    const struct transport_source *source = writing->source;
    if (source->fd < 0) {
        memcpy(buffer, source->bytes.at + at, len);
        return NULL;
    }
    for (size_t done = 0; done < len;) {
        ssize_t got = pread(source->fd, buffer + done, len - done,
                            (off_t)(source->offset + at + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_os(errno, "cannot read what is to be sent");
        if (got == 0)
            return error_new(ERROR_MACHINE, "what was to be sent is shorter than it was");
        done += (size_t)got;
    }
    return NULL;
}

static void tell(void *context, int64_t bytes)
{
    struct writing *writing = context;
    writing->told += bytes;
    if (writing->source->tell && bytes)
        writing->source->tell(writing->source->context, bytes);
}

/* Servers say "Failure" when the disk is full. */
static FALLIBLE refused(struct writing *writing, enum sftp_answer answer, const char *verb,
                        const char *path)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf root = ssh_path(writing->connection, (struct str){0});
    struct error *error = sftp_error(writing->sftp, answer, verb, path);
    int64_t free_bytes = -1, len = length_of(writing->source);
    struct error *lost =
        sftp_is_broken(writing->sftp) ? NULL : sftp_free_bytes(writing->sftp, root.at, &free_bytes);
    error_drop(lost);
    if (answer != SFTP_FAILED || free_bytes < 0 || free_bytes > len)
        return error;
    error =
        error_within(error, "the disk of the remote is full: %.*s free where %.*s are needed",
                     STR_FMT(bytes_print(&arena, free_bytes)), STR_FMT(bytes_print(&arena, len)));
    return error_hint(error, "make room there and run the command again; nothing was lost");
}

/* Each directory above a path that is not there, but none above the remote's root: a file system
 * that is not mounted is not filled from below. */
static FALLIBLE make_parents(struct writing *writing, struct str name)
{
    enum sftp_answer answer = SFTP_DONE;
    for (size_t i = 0; i <= name.len; i++) {
        if (i && i < name.len && name.at[i] != '/')
            continue;
        if (i == name.len)
            break;
        AUTO(buf_drop) struct buf path = ssh_path(writing->connection, str_slice(name, 0, i));
        TRY(sftp_make_directory(writing->sftp, path.at, &answer));
        if (answer == SFTP_ABSENT)
            return error_hint(sftp_error(writing->sftp, answer, "make the directory", path.at),
                              "make the one it lies in, or mount it there");
        if (answer == SFTP_DENIED)
            return sftp_error(writing->sftp, answer, "make the directory", path.at);
    }
    return NULL; /* "failure" is that it is there; if not, the next step fails */
}

static FALLIBLE open_temp(struct writing *writing)
{
    char name[SSH_TEMP_BYTES];
    uint64_t random;
    enum sftp_answer answer;
    random_bytes(&random, sizeof random);
    snprintf(name, sizeof name, TEMP_DIRECTORY "/%016llx", (unsigned long long)random);
    AUTO(buf_drop) struct buf path = ssh_path(writing->connection, str_of(name));
    TRY(sftp_file_open(writing->sftp, path.at, SFTP_CREATE, &writing->file, &answer));
    if (answer == SFTP_ABSENT) {
        TRY(make_parents(writing, str_of(name)));
        TRY(sftp_file_open(writing->sftp, path.at, SFTP_CREATE, &writing->file, &answer));
    }
    if (answer != SFTP_DONE)
        return refused(writing, answer, "make", path.at);
    writing->temp = path;
    path = (struct buf){0};
    return NULL;
}

static bool enters_nothing(void *context, struct str path)
{
    (void)context, (void)path;
    return false;
}

/* What may be litter: its names, and the server's time. */
struct litter {
    struct arena arena;
    VEC(litter_vec, struct str) names;
    int64_t now_ns;
};

static FALLIBLE note_litter(void *context, struct str path, const struct sftp_stat *stat)
{
    struct litter *litter = context;
    if (stat->has_time && litter->now_ns - stat->modified_ns > LITTER_NS)
        *vec_push(&litter->arena, &litter->names) = str_copy(&litter->arena, path);
    return NULL;
}

/* Once, by the first that writes: nobody writes one file for a day. */
static FALLIBLE sweep(struct writing *writing)
{
    struct ssh_place *place = writing->connection->transport->state;
    AUTO(buf_drop) struct buf root = ssh_path(writing->connection, STR(TEMP_DIRECTORY));
    struct litter litter = {0};
    struct sftp_walk walk = {
        .root = root.at, .enters = enters_nothing, .visit = note_litter, .context = &litter};
    struct sftp_stat stat = {0};
    enum sftp_answer answer;
    if (atomic_exchange(&place->is_swept, true))
        return NULL;
    TRY(sftp_file_stat(&writing->file, &stat, &answer));
    litter.now_ns = stat.modified_ns;
    struct error *error = stat.has_time ? sftp_walk(writing->sftp, &walk, &answer) : NULL;
    for (size_t i = 0; !error && i < litter.names.len; i++) {
        AUTO(buf_drop) struct buf path = {0};
        buf_print(&path, "%s/%.*s", root.at, STR_FMT(litter.names.at[i]));
        error = sftp_remove_later(writing->sftp, path.at);
    }
    arena_drop(&litter.arena);
    return error;
}

static FALLIBLE fill(struct writing *writing)
{
    struct sftp_writing content = {
        .len = length_of(writing->source), .give = give, .tell = tell, .context = writing};
    enum sftp_answer answer;
    TRY(sftp_file_write(&writing->file, &content, &answer));
    return answer == SFTP_DONE ? NULL : refused(writing, answer, "write", writing->temp.at);
}

static FALLIBLE is_there(struct writing *writing, const char *path, bool *ret)
{
    struct sftp_stat stat;
    enum sftp_answer answer;
    TRY(sftp_stat(writing->sftp, path, &stat, &answer));
    *ret = answer == SFTP_DONE;
    return NULL;
}

static FALLIBLE give_name(struct writing *writing, struct str name, enum transport_write how,
                          bool *ret_existed)
{
    AUTO(buf_drop) struct buf path = ssh_path(writing->connection, name);
    enum sftp_rename rename = how == WRITE_NEW ? SFTP_RENAME_NEW : SFTP_RENAME_REPLACE;
    enum sftp_answer answer;
    TRY(sftp_rename(writing->sftp, writing->temp.at, path.at, rename, &answer));
    if (answer == SFTP_ABSENT || (answer == SFTP_FAILED && how == WRITE_REPLACE)) {
        TRY(make_parents(writing, name));
        TRY(sftp_rename(writing->sftp, writing->temp.at, path.at, rename, &answer));
    }
    if (answer == SFTP_FAILED && how == WRITE_NEW)
        TRY(is_there(writing, path.at, ret_existed));
    return answer == SFTP_DONE || *ret_existed ? NULL : refused(writing, answer, "make", path.at);
}

/* The protocol can't sync directories; but journaling file systems make with a file's sync durable
 * what was done to its names before, so it is synced once more when it has its own. */
static FALLIBLE settle(struct writing *writing)
{
    enum sftp_answer answer;
    TRY(sftp_file_sync(&writing->file, &answer));
    if (answer != SFTP_DONE && answer != SFTP_UNSUPPORTED)
        return refused(writing, answer, "sync", writing->temp.at);
    TRY(sftp_file_close(&writing->file, &answer));
    return answer == SFTP_DONE ? NULL : refused(writing, answer, "close", writing->temp.at);
}

/* Servers without sync are mostly a front for something else, which may write a file when it is
 * closed, under the name that it was opened by: so it is closed before it gets its name, and looked
 * at afterwards. */
static FALLIBLE name_and_look(struct writing *writing, struct str name, enum transport_write how,
                              bool *ret_existed)
{
    AUTO(buf_drop) struct buf path = ssh_path(writing->connection, name);
    struct sftp_stat stat = {0};
    enum sftp_answer answer;
    int64_t len = length_of(writing->source);
    TRY(settle(writing));
    TRY(give_name(writing, name, how, ret_existed));
    if (*ret_existed)
        return NULL;
    TRY(sftp_stat(writing->sftp, path.at, &stat, &answer));
    if (answer == SFTP_DONE && (!stat.has_size || stat.size_bytes == len))
        return NULL;
    return error_new(ERROR_MACHINE,
                     "the server took %lld bytes for '%s', but does not have them there",
                     (long long)len, path.at);
}

static FALLIBLE write_whole(struct writing *writing, struct str name, enum transport_write how,
                            bool *ret_existed)
{
    TRY(open_temp(writing));
    TRY(sweep(writing));
    TRY(fill(writing));
    if (!sftp_can_sync(writing->sftp))
        return name_and_look(writing, name, how, ret_existed);
    TRY(give_name(writing, name, how, ret_existed));
    return settle(writing);
}

struct error *ssh_write(struct connection *connection, struct str name,
                        const struct transport_source *source, enum transport_write how,
                        bool *ret_existed)
{
    struct transport_item item;
    AUTO(writing_drop) struct writing writing = {.connection = connection, .source = source};
    *ret_existed = false;
    if (how == WRITE_NEW)
        TRY(ssh_stat(connection, name, &item, ret_existed));
    if (*ret_existed)
        return NULL;
    TRY(ssh_conversation(connection, &writing.sftp));
    struct error *error = write_whole(&writing, name, how, ret_existed);
    if (error)
        tell(&writing, -writing.told);
    return error;
}
