#include "mlops/store/transport.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdlib.h>
#include <time.h>

#include "transport_private.h"

/* Adding a kind of remote: its file, and a row here. */
static const struct transport_kind *const kinds[] = {
    &transport_directory, &transport_ssh, &transport_http, &transport_dav, &transport_s3,
};

enum { BACKOFF_FIRST_MS = 250, PAUSE_STEP_MS = 100 };
/* A try that brought fewer bytes counts as one that failed: else a connection that crawls, or ends
 * after each few bytes, would be tried for ever. */
enum { PROGRESS_BYTES = 65536 };

static struct str scheme_of(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    return at > 0 ? str_slice(url, 0, (size_t)at) : STR("");
}

struct str transport_rest(struct str url)
{
    ptrdiff_t at = str_find(url, STR("://"));
    return at > 0 ? str_slice(url, (size_t)at + 3, url.len) : url;
}

static const struct transport_kind *kind_of(struct str scheme)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (const char *const *name = kinds[i]->schemes; *name; name++)
            if (str_is(scheme, *name))
                return kinds[i];
    return NULL;
}

bool transport_knows(struct str url)
{
    return kind_of(scheme_of(url)) != NULL;
}

static FALLIBLE unknown_scheme(const struct remote *remote, struct str scheme)
{
    AUTO(buf_drop) struct buf known = {0};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (const char *const *name = kinds[i]->schemes; *name; name++)
            buf_print(&known, "%s%s%s", known.len ? ", " : "", *name,
                      **name ? "://" : "a directory");
    return error_hint(error_new(ERROR_PROJECT, "remote '%.*s': '%.*s://' is no kind of remote",
                                STR_FMT(remote->name), STR_FMT(scheme)),
                      "it is one of: %s", known.at);
}

struct error *transport_open(struct arena *arena, const struct remote *remote,
                             struct transport **ret)
{
    struct str scheme = scheme_of(remote->url);
    const struct transport_kind *kind = kind_of(scheme);
    if (!kind)
        return unknown_scheme(remote, scheme);
    struct transport *transport = arena_new(arena, struct transport);
    *transport = (struct transport){.arena = arena, .remote = remote, .kind = kind};
    TRY_WITHIN(kind->open(arena, transport), "remote '%.*s'", STR_FMT(remote->name));
    *ret = transport;
    return NULL;
}

void transport_drop(struct transport **transport)
{
    if (*transport)
        (*transport)->kind->drop(*transport);
    *transport = NULL;
}

bool transport_is_writable(const struct transport *transport)
{
    return transport->kind->is_writable;
}

bool transport_can_list(const struct transport *transport)
{
    return transport->kind->can_list;
}

int transport_connections(const struct transport *transport)
{
    int64_t wanted = transport->remote->connections;
    return wanted ? (int)wanted : transport->kind->connections;
}

struct error *transport_connect(struct transport *transport, struct connection **ret)
{
    struct connection *connection = memory_grow(NULL, sizeof *connection);
    *connection = (struct connection){.transport = transport};
    *ret = connection;
    return NULL;
}

static void disconnect(struct connection *connection)
{
    if (connection->is_open)
        connection->transport->kind->disconnect(connection);
    connection->is_open = false;
    connection->state = NULL;
}

void connection_drop(struct connection **connection)
{
    if (*connection)
        disconnect(*connection);
    free(*connection);
    *connection = NULL;
}

const char *transport_name_fault(struct str name)
{
    if (!name.len || name.len > 1024 || name.at[0] == '/' || name.at[name.len - 1] == '/')
        return "is no name of a remote's";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '/' || c == '.';
        bool begins = i == 0 || name.at[i - 1] == '/';
        if (!is_fine || (begins && (c == '.' || c == '/')))
            return "is no name of a remote's";
    }
    return NULL;
}

const char *transport_foreign_fault(struct str name)
{
    struct str rest = name, part = {0};
    if (!name.len || name.len > (size_t)LIMIT_PATH_BYTES)
        return "is empty or too long";
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] < ' ' || name.at[i] == 0x7f)
            return "holds control characters";
    while (rest.len && str_split(&rest, '/', &part))
        if (!part.len || str_is(part, ".") || str_is(part, ".."))
            return "has an empty part, '.' or '..'";
    return name.at[name.len - 1] == '/' ? "ends in '/'" : NULL;
}

static const char *name_fault(const struct connection *connection, struct str name)
{
    return connection->transport->remote->has_foreign_names ? transport_foreign_fault(name)
                                                            : transport_name_fault(name);
}

struct str connection_version(const struct connection *connection)
{
    return str_of(connection->version);
}

FALLIBLE transport_within(const struct transport *transport, struct error *error, const char *verb,
                          struct str name)
{
    if (!error || error->code >= ERROR_SIGNAL)
        return error;
    return error_within(error, "remote '%.*s': cannot %s '%.*s'", STR_FMT(transport->remote->name),
                        verb, STR_FMT(name));
}

/* --- trying again --- */

/* One operation, so that one loop tries them all. */
struct operation {
    struct connection *connection;
    const char *verb;
    struct str name;
    FALLIBLE (*attempt)(struct operation *operation);
    FALLIBLE (*visit)(void *context, const struct transport_item *item);
    void *context;
    struct transport_item *item;
    struct transport_range range;
    const struct transport_sink *sink;
    int64_t delivered; /* bytes of a read that the sink has */
    bool sink_failed;
    const struct transport_source *source;
    enum transport_write how;
    bool *ret_flag;
};

/* Full jitter: a random part of a time that doubles, so that many clients do not come in step. */
static int64_t pause_ns(int tries, const struct error *error)
{
    uint32_t random;
    random_bytes(&random, sizeof random);
    int64_t most = MIN_OF((int64_t)BACKOFF_FIRST_MS << tries, LIMIT_TRANSPORT_WAIT_S * 1000);
    int64_t wait = (int64_t)(random % (uint32_t)(most + 1)) * NS_PER_MS;
    return MIN_OF(MAX_OF(wait, error->retry_after_ns), LIMIT_TRANSPORT_WAIT_S * NS_PER_S);
}

static FALLIBLE wait_for(int64_t wait_ns)
{
    int64_t until = clock_monotonic_ns() + wait_ns;
    for (int64_t left = wait_ns; left > 0; left = until - clock_monotonic_ns()) {
        int64_t step = MIN_OF(left, (int64_t)PAUSE_STEP_MS * NS_PER_MS);
        struct timespec pause = {.tv_sec = step / NS_PER_S, .tv_nsec = step % NS_PER_S};
        TRY(signal_check());
        nanosleep(&pause, NULL);
    }
    return signal_check();
}

static FALLIBLE attempt_once(struct operation *operation)
{
    struct connection *connection = operation->connection;
    if (!connection->is_open) {
        TRY(connection->transport->kind->connect(connection));
        connection->is_open = true;
    }
    return operation->attempt(operation);
}

static FALLIBLE perform(struct operation *operation)
{
    struct connection *connection = operation->connection;
    connection->version[0] = '\0';
    connection->is_resuming = false;
    int64_t tries = 0;
    for (;;) {
        int64_t before = operation->delivered;
        struct error *error = attempt_once(operation);
        if (!error)
            return NULL;
        tries = operation->delivered - before >= PROGRESS_BYTES ? 0 : tries + 1; /* it got on */
        if (error->is_passing)
            disconnect(connection);
        if (!error->is_passing || operation->sink_failed || tries >= LIMIT_TRANSPORT_TRIES)
            return operation->sink_failed ? error
                                          : transport_within(connection->transport, error,
                                                             operation->verb, operation->name);
        struct error *stop = wait_for(pause_ns((int)tries, error));
        error_drop(error);
        TRY(stop);
        connection->is_resuming = operation->delivered > 0;
    }
}

static FALLIBLE check_name(const struct connection *connection, struct str name)
{
    const char *fault = name_fault(connection, name);
    bool is_foreign = connection->transport->remote->has_foreign_names;
    return fault ? error_new(is_foreign ? ERROR_USAGE : ERROR_BUG, "remote '%.*s': '%.*s' %s",
                             STR_FMT(connection->transport->remote->name), STR_FMT(name), fault)
                 : NULL;
}

/* --- the operations --- */

/* Kinds tell a listing when it is whole, or have no errors that may pass: what was told can't be
 * taken back when it is begun again. */
static FALLIBLE visit_item(void *context, const struct transport_item *item)
{
    struct operation *operation = context;
    if (name_fault(operation->connection, item->name))
        return NULL;
    struct error *error = operation->visit(operation->context, item);
    operation->sink_failed = error != NULL;
    return error;
}

static FALLIBLE attempt_list(struct operation *operation)
{
    struct connection *connection = operation->connection;
    return connection->transport->kind->list(connection, operation->name, visit_item, operation);
}

struct error *connection_list(struct connection *connection, struct str prefix,
                              FALLIBLE (*visit)(void *context, const struct transport_item *item),
                              void *context)
{
    check(!prefix.len || prefix.at[prefix.len - 1] == '/');
    struct operation operation = {.connection = connection,
                                  .verb = "list",
                                  .name = prefix,
                                  .attempt = attempt_list,
                                  .visit = visit,
                                  .context = context};
    return perform(&operation);
}

static FALLIBLE attempt_stat(struct operation *operation)
{
    struct connection *connection = operation->connection;
    return connection->transport->kind->stat(connection, operation->name, operation->item,
                                             operation->ret_flag);
}

struct error *connection_stat(struct connection *connection, struct str name,
                              struct transport_item *ret, bool *ret_found)
{
    TRY(check_name(connection, name));
    struct operation operation = {.connection = connection,
                                  .verb = "look at",
                                  .name = name,
                                  .attempt = attempt_stat,
                                  .item = ret,
                                  .ret_flag = ret_found};
    return perform(&operation);
}

static FALLIBLE take_bytes(void *context, const char *at, size_t len)
{
    struct operation *operation = context;
    if (operation->range.len >= 0 && (int64_t)len > operation->range.len - operation->delivered)
        return error_new(ERROR_MACHINE, "the server sent more than was asked for");
    struct error *error = operation->sink->take(operation->sink->context, at, len);
    operation->sink_failed = error != NULL;
    operation->delivered += (int64_t)len;
    return error;
}

static FALLIBLE attempt_read(struct operation *operation)
{
    struct connection *connection = operation->connection;
    struct transport_range rest = operation->range;
    struct transport_sink sink = {take_bytes, operation};
    rest.offset += operation->delivered;
    rest.len -= rest.len < 0 ? 0 : operation->delivered;
    if (rest.len == 0 && operation->delivered) {
        *operation->ret_flag = true; /* only its end went wrong */
        return NULL;
    }
    TRY(connection->transport->kind->read(connection, operation->name, rest, &sink,
                                          operation->ret_flag));
    if (*operation->ret_flag && operation->range.len >= 0 &&
        operation->delivered < operation->range.len)
        return error_passing(error_new(ERROR_MACHINE, "it ended %lld bytes early",
                                       (long long)(operation->range.len - operation->delivered)),
                             0);
    return NULL;
}

struct error *connection_read(struct connection *connection, struct str name,
                              struct transport_range range, const struct transport_sink *sink,
                              bool *ret_found)
{
    TRY(check_name(connection, name));
    struct operation operation = {.connection = connection,
                                  .verb = "read",
                                  .name = name,
                                  .attempt = attempt_read,
                                  .range = range,
                                  .sink = sink,
                                  .ret_flag = ret_found};
    return perform(&operation);
}

static FALLIBLE attempt_write(struct operation *operation)
{
    struct connection *connection = operation->connection;
    return connection->transport->kind->write(connection, operation->name, operation->source,
                                              operation->how, operation->ret_flag);
}

static FALLIBLE check_writable(const struct connection *connection)
{
    const struct transport *transport = connection->transport;
    if (transport->kind->is_writable)
        return NULL;
    return error_hint(error_new(ERROR_MACHINE, "remote '%.*s' can only be read: %.*s",
                                STR_FMT(transport->remote->name), STR_FMT(transport->remote->url)),
                      "to write by HTTP the server must speak WebDAV: webdav:// or webdavs://");
}

struct error *connection_write(struct connection *connection, struct str name,
                               const struct transport_source *source, enum transport_write how,
                               bool *ret_existed)
{
    bool ignored = false;
    TRY(check_name(connection, name));
    TRY(check_writable(connection));
    struct operation operation = {.connection = connection,
                                  .verb = "write",
                                  .name = name,
                                  .attempt = attempt_write,
                                  .source = source,
                                  .how = how,
                                  .ret_flag = ret_existed ? ret_existed : &ignored};
    return perform(&operation);
}

static FALLIBLE attempt_remove(struct operation *operation)
{
    struct connection *connection = operation->connection;
    return connection->transport->kind->remove(connection, operation->name);
}

struct error *connection_remove(struct connection *connection, struct str name)
{
    TRY(check_name(connection, name));
    TRY(check_writable(connection));
    struct operation operation = {
        .connection = connection, .verb = "remove", .name = name, .attempt = attempt_remove};
    return perform(&operation);
}

/* --- what is not finished --- */

static FALLIBLE visit_unfinished(void *context, const struct transport_item *item)
{
    struct operation *operation = context;
    struct str name = item->name, temp = STR(TRANSPORT_TEMP);
    if (str_starts(name, temp))
        name = str_slice(name, temp.len, name.len);
    if (name_fault(operation->connection, name))
        return NULL;
    struct error *error = operation->visit(operation->context, item);
    operation->sink_failed = error != NULL;
    return error;
}

static FALLIBLE attempt_list_unfinished(struct operation *operation)
{
    struct connection *connection = operation->connection;
    const struct transport_kind *kind = connection->transport->kind;
    return kind->list_unfinished
               ? kind->list_unfinished(connection, visit_unfinished, operation)
               : kind->list(connection, STR(TRANSPORT_TEMP), visit_unfinished, operation);
}

struct error *connection_list_unfinished(struct connection *connection,
                                         FALLIBLE (*visit)(void *context,
                                                           const struct transport_item *item),
                                         void *context)
{
    struct operation operation = {.connection = connection,
                                  .verb = "list",
                                  .name = STR("what is not finished"),
                                  .attempt = attempt_list_unfinished,
                                  .visit = visit,
                                  .context = context};
    return perform(&operation);
}

static FALLIBLE attempt_remove_unfinished(struct operation *operation)
{
    struct connection *connection = operation->connection;
    const struct transport_kind *kind = connection->transport->kind;
    return kind->remove_unfinished ? kind->remove_unfinished(connection, operation->item)
                                   : kind->remove(connection, operation->item->name);
}

struct error *connection_remove_unfinished(struct connection *connection,
                                           const struct transport_item *item)
{
    struct transport_item removed = *item;
    TRY(check_writable(connection));
    struct operation operation = {.connection = connection,
                                  .verb = "remove",
                                  .name = item->name,
                                  .attempt = attempt_remove_unfinished,
                                  .item = &removed};
    return perform(&operation);
}
