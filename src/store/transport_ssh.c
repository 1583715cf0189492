/* SFTP by the ssh program. Links inside of a remote are the server's business here: the protocol
 * can't ask it not to follow them, and whatever it leads to, bytes are hashed before they count. */
#include "mlops/base/check.h"

#include <stdio.h>
#include <sys/stat.h>

#include "transport_ssh_private.h"

static struct ssh_place *place_of(const struct connection *connection)
{
    return connection->transport->state;
}

static FALLIBLE ssh_open(struct arena *arena, struct transport *transport)
{
    struct ssh_place *place = arena_new(arena, struct ssh_place);
    TRY(ssh_place_parse(arena, transport->remote->url, place));
    ssh_place_command(arena, transport->remote, place);
    check(pthread_mutex_init(&place->greeting, NULL) == 0);
    transport->state = place;
    return NULL;
}

static void ssh_drop(struct transport *transport)
{
    struct ssh_place *place = transport->state;
    pthread_mutex_destroy(&place->greeting);
}

static FALLIBLE greet(struct connection *connection)
{
    struct ssh_place *place = place_of(connection);
    struct sftp *sftp = NULL;
    struct sftp_spec spec = {.argv = place->argv,
                             .host = place->target,
                             .timeout_ns = connection->transport->remote->timeout_ns,
                             .asks = place->asks};
    check(pthread_mutex_lock(&place->greeting) == 0);
    struct error *error = sftp_open(&spec, &sftp);
    check(pthread_mutex_unlock(&place->greeting) == 0);
    connection->state = sftp;
    return error;
}

static void ssh_disconnect(struct connection *connection)
{
    struct sftp *sftp = connection->state;
    sftp_drop(&sftp);
    connection->state = NULL;
}

struct error *ssh_conversation(struct connection *connection, struct sftp **ret)
{
    struct sftp *sftp = connection->state;
    if (!sftp || sftp_is_broken(sftp)) {
        ssh_disconnect(connection);
        TRY(greet(connection));
    }
    *ret = connection->state;
    return NULL;
}

struct buf ssh_path(const struct connection *connection, struct str name)
{
    struct str root = place_of(connection)->root;
    struct buf path = {0};
    buf_add_str(&path, root);
    if (name.len)
        buf_print(&path, "%s%.*s", str_is(root, "/") ? "" : "/", STR_FMT(name));
    return path;
}

/* Size and time: all that the protocol tells about a content. */
static void note_version(const struct sftp_stat *stat, char ret[static TRANSPORT_VERSION_BYTES])
{
    snprintf(ret, TRANSPORT_VERSION_BYTES, "%lld-%lld", (long long)stat->size_bytes,
             (long long)stat->modified_ns);
}

struct error *ssh_stat(struct connection *connection, struct str name, struct transport_item *ret,
                       bool *ret_found)
{
    AUTO(buf_drop) struct buf path = ssh_path(connection, name);
    struct sftp *sftp = NULL;
    struct sftp_stat stat;
    enum sftp_answer answer;
    TRY(ssh_conversation(connection, &sftp));
    TRY(sftp_stat(sftp, path.at, &stat, &answer));
    *ret_found = answer == SFTP_DONE;
    if (answer == SFTP_ABSENT)
        return NULL;
    if (answer != SFTP_DONE)
        return sftp_error(sftp, answer, "look at", path.at);
    if (stat.has_mode && S_ISDIR(stat.mode) && connection->transport->remote->has_foreign_names) {
        *ret_found = false; /* of others: what is a directory is asked for by a listing */
        return NULL;
    }
    if (stat.has_mode && !S_ISREG(stat.mode))
        return error_new(ERROR_MACHINE, "'%s' on the server is no file", path.at);
    note_version(&stat, connection->version);
    *ret = (struct transport_item){.name = name,
                                   .size_bytes = stat.has_size ? stat.size_bytes : -1,
                                   .modified_ns = stat.modified_ns,
                                   .version = str_of(connection->version)};
    return NULL;
}

/* The length of the range, once it is known that a broken off read may go on. */
static FALLIBLE measure(struct connection *connection, struct sftp_file *file,
                        struct transport_range range, int64_t *ret_len)
{
    struct sftp_stat stat;
    char version[TRANSPORT_VERSION_BYTES];
    enum sftp_answer answer;
    TRY(sftp_file_stat(file, &stat, &answer));
    if (answer != SFTP_DONE || !stat.has_size)
        return error_new(ERROR_MACHINE, "the server does not tell its size");
    note_version(&stat, version);
    if (connection->is_resuming && strcmp(version, connection->version) != 0)
        return error_hint(error_new(ERROR_MACHINE, "it was replaced while it was read"),
                          "run the command again");
    memcpy(connection->version, version, sizeof version);
    *ret_len = range.len < 0 ? MAX_OF(stat.size_bytes - range.offset, (int64_t)0) : range.len;
    return NULL;
}

static FALLIBLE ssh_read(struct connection *connection, struct str name,
                         struct transport_range range, const struct transport_sink *sink,
                         bool *ret_found)
{
    AUTO(buf_drop) struct buf path = ssh_path(connection, name);
    AUTO(sftp_file_drop) struct sftp_file file = {0};
    struct sftp_reading reading = {
        .offset = range.offset, .take = sink->take, .context = sink->context};
    struct sftp *sftp = NULL;
    enum sftp_answer answer;
    TRY(ssh_conversation(connection, &sftp));
    TRY(sftp_file_open(sftp, path.at, SFTP_READ, &file, &answer));
    *ret_found = answer == SFTP_DONE;
    if (answer == SFTP_ABSENT)
        return NULL;
    if (answer != SFTP_DONE)
        return sftp_error(sftp, answer, "open", path.at);
    TRY(measure(connection, &file, range, &reading.len));
    TRY(sftp_file_read(&file, &reading, &answer));
    if (answer == SFTP_END)
        return error_new(ERROR_MACHINE, "'%s' is shorter than it was", path.at);
    return answer == SFTP_DONE ? NULL : sftp_error(sftp, answer, "read", path.at);
}

static FALLIBLE ssh_remove(struct connection *connection, struct str name)
{
    AUTO(buf_drop) struct buf path = ssh_path(connection, name);
    struct sftp *sftp = NULL;
    enum sftp_answer answer;
    TRY(ssh_conversation(connection, &sftp));
    TRY(sftp_remove(sftp, path.at, &answer));
    return answer == SFTP_DONE || answer == SFTP_ABSENT
               ? NULL
               : sftp_error(sftp, answer, "remove", path.at);
}

static const char *const schemes[] = {"ssh", "sftp", NULL};

const struct transport_kind transport_ssh = {
    .schemes = schemes,
    .is_writable = true,
    .can_list = true,
    .connections = 4,
    .open = ssh_open,
    .drop = ssh_drop,
    .connect = greet,
    .disconnect = ssh_disconnect,
    .list = ssh_list,
    .stat = ssh_stat,
    .read = ssh_read,
    .write = ssh_write,
    .remove = ssh_remove,
};
