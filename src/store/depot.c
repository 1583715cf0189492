#include "mlops/store/depot.h"

#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"

#include <stdarg.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "depot_private.h"

#define FORMAT_TEXT "mlops remote 1\n"
enum { FORMAT_BYTES_MOST = 4096, LIST_ROUNDS = 8 };
static const int64_t TELL_NS = 100 * NS_PER_MS;

struct depot *depot_lock(struct depot *depot)
{
    check(pthread_mutex_lock(&depot->mutex) == 0);
    return depot;
}

void depot_unlock(struct depot **depot)
{
    check(pthread_mutex_unlock(&(*depot)->mutex) == 0);
}

FALLIBLE depot_line_take(struct depot *depot, struct depot_line *ret)
{
    {
        AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
        if (locked->connections.len) {
            *ret = (struct depot_line){depot, locked->connections.at[--locked->connections.len]};
            return NULL;
        }
    }
    ret->depot = depot;
    return transport_connect(depot->transport, &ret->connection);
}

void depot_line_drop(struct depot_line *line)
{
    if (!line->connection)
        return;
    AUTO(depot_unlock) struct depot *locked = depot_lock(line->depot);
    *vec_push(&locked->memory, &locked->connections) = line->connection;
}

void depot_begin(struct depot *depot, int64_t total_bytes)
{
    AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
    locked->total_bytes += total_bytes;
}

void depot_tell(struct depot *depot, int64_t bytes)
{
    AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
    locked->done_bytes += bytes;
    int64_t now = clock_monotonic_ns();
    if (!locked->observer || now - locked->told_ns < TELL_NS)
        return;
    locked->told_ns = now;
    struct event event = {.kind = EVENT_TRANSFER,
                          .at_ns = now,
                          .text = locked->remote->name,
                          .done_bytes = locked->done_bytes,
                          .total_bytes = locked->total_bytes};
    observer_tell(locked->observer, &event);
}

void depot_warn(struct depot *depot, const char *format, ...)
{
    AUTO(depot_unlock) struct depot *locked = depot_lock(depot);
    AUTO(buf_drop) struct buf text = {0};
    va_list arguments;
    va_start(arguments, format);
    buf_print_list(&text, format, arguments);
    va_end(arguments);
    struct event event = {.kind = EVENT_WARNING, .text = buf_str(&text)};
    observer_tell(locked->observer, &event);
}

/* --- opening --- */

static FALLIBLE check_format(const struct depot *depot, struct str text)
{
    if (str_equal(text, STR(FORMAT_TEXT)))
        return NULL;
    if (str_starts(text, STR("mlops remote ")))
        return error_hint(error_new(ERROR_STORED, "remote '%.*s' was written by a newer version",
                                    STR_FMT(depot->remote->name)),
                          "update mlops");
    struct error *error = error_new(ERROR_MACHINE,
                                    "remote '%.*s' holds something else: its 'format' is none of "
                                    "ours (%.*s)",
                                    STR_FMT(depot->remote->name), STR_FMT(depot->remote->url));
    bool is_page = str_starts(str_trim(text), STR("<"));
    return is_page
               ? error_hint(error, "a page for people came: does this network want a sign-in in "
                                   "a browser, or is the URL that of a page?")
               : error;
}

/* All of it, or the beginning of what is too long to be ours: a page, say. */
static FALLIBLE take_head(void *context, const char *at, size_t len)
{
    struct buf *head = context;
    size_t room = FORMAT_BYTES_MOST - head->len;
    buf_add(head, at, MIN_OF(len, room));
    return len > room ? error_new(ERROR_STORED, "it is too long") : NULL;
}

static FALLIBLE read_format(struct depot *depot, struct buf *text, bool *ret_found)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct transport_sink sink = {take_head, text};
    buf_add_text(text, "");
    TRY(depot_line_take(depot, &line));
    struct error *error = connection_read(line.connection, STR("format"),
                                          (struct transport_range){0, -1}, &sink, ret_found);
    *ret_found = *ret_found || (error && text->len == FORMAT_BYTES_MOST);
    if (!error || text->len < FORMAT_BYTES_MOST)
        return error;
    error_drop(error);
    return NULL;
}

/* What stands there although no format does, if anything. */
static FALLIBLE note_stranger(void *context, const struct transport_item *item)
{
    static const char *const ours[] = {"format", "pack/",  "list/", "res/",
                                       "sig/",   "roots/", "gc/",   "probe/"};
    struct buf *name = context;
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (str_starts(item->name, str_of(ours[i])))
            return NULL; /* another client is about to make it one of ours */
    buf_add_str(name, item->name);
    return error_new(ERROR_ANSWER, "one is enough");
}

/* A folder of holiday pictures does not become a remote by a slip of the hand. */
static FALLIBLE refuse_strangers(struct depot *depot)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    AUTO(buf_drop) struct buf name = {0};
    if (!transport_can_list(depot->transport))
        return NULL;
    TRY(depot_line_take(depot, &line));
    struct error *error = connection_list(line.connection, STR(""), note_stranger, &name);
    if (!name.len)
        return error;
    error_drop(error);
    return error_hint(error_new(ERROR_MACHINE, "remote '%.*s' holds something else: '%.*s' (%.*s)",
                                STR_FMT(depot->remote->name), STR_FMT(buf_str(&name)),
                                STR_FMT(depot->remote->url)),
                      "give it a place of its own, empty or not there yet");
}

static FALLIBLE find_format(struct depot *depot, bool wants_write, bool takes_absent)
{
    AUTO(buf_drop) struct buf text = {0};
    bool found = false;
    TRY(read_format(depot, &text, &found));
    if (found)
        return check_format(depot, buf_str(&text));
    if (takes_absent)
        return NULL;
    TRY(depot_refuse_vanished(depot));
    if (!wants_write)
        return error_hint(
            error_new(ERROR_MACHINE, "remote '%.*s' holds nothing yet (%.*s)",
                      STR_FMT(depot->remote->name), STR_FMT(depot->remote->url)),
            "'mlops push' puts data there; if there should be some, is this the place, and "
            "is it mounted?");
    TRY(refuse_strangers(depot));
    return depot_put_file(depot, STR("format"), STR(FORMAT_TEXT));
}

struct error *depot_open(struct arena *arena, const struct depot_options *options,
                         struct depot **ret)
{
    AUTO(depot_drop) struct depot *depot = arena_new(arena, struct depot);
    check(pthread_mutex_init(&depot->mutex, NULL) == 0);
    check(pthread_mutex_init(&depot->large, NULL) == 0);
    depot->workspace = options->workspace;
    depot->cas = options->cas;
    depot->remote = options->remote;
    depot->observer = options->observer;
    TRY(transport_open(arena, options->remote, &depot->transport));
    depot->pool = pool_open(options->connections ? options->connections
                                                 : transport_connections(depot->transport));
    TRY(depot_open_known(depot));
    TRY(find_format(depot, options->wants_write, options->takes_absent));
    TRY(depot_read_catalogue(depot));
    *ret = depot;
    depot = NULL;
    return NULL;
}

void depot_drop(struct depot **depot_place)
{
    struct depot *depot = *depot_place;
    *depot_place = NULL;
    if (!depot)
        return;
    pool_drop(&depot->pool);
    for (size_t i = 0; i < depot->connections.len; i++)
        connection_drop(&depot->connections.at[i]);
    transport_drop(&depot->transport);
    fd_drop(&depot->known_fd);
    catalogue_drop(&depot->catalogue);
    pthread_mutex_destroy(&depot->mutex);
    pthread_mutex_destroy(&depot->large);
    arena_drop(&depot->memory);
}

const struct remote *depot_remote(const struct depot *depot)
{
    return depot->remote;
}

struct depot_counts depot_counts(const struct depot *depot)
{
    return depot->counts;
}

bool depot_has(const struct depot *depot, struct digest digest)
{
    struct catalogue_hit hit;
    size_t at = 0;
    if (map_has(&depot->hollow, (struct str){(const char *)digest.at, sizeof digest.at}))
        return false;
    while (catalogue_find(&depot->catalogue, digest, &at, &hit))
        if (!depot->catalogue.packs.at[hit.pack].is_condemned &&
            !depot->catalogue.packs.at[hit.pack].is_damaged)
            return true;
    return false;
}

bool depot_has_unusable(const struct depot *depot)
{
    return depot->unusable.len > 0;
}

bool depot_can_give(const struct depot *depot, struct digest digest)
{
    struct catalogue_hit hit;
    size_t at = 0;
    return catalogue_find(&depot->catalogue, digest, &at, &hit);
}

/* --- small named things --- */

struct bounded {
    struct buf bytes;
    int64_t most;
};

static FALLIBLE take_bounded(void *context, const char *at, size_t len)
{
    struct bounded *bounded = context;
    if ((int64_t)(bounded->bytes.len + len) > bounded->most)
        return error_new(ERROR_STORED, "a file of a remote has more than %lld bytes",
                         (long long)bounded->most);
    buf_add(&bounded->bytes, at, len);
    return NULL;
}

struct error *depot_get_file(struct depot *depot, struct arena *arena, struct str name,
                             int64_t bytes_most, struct str *ret, bool *ret_found)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct bounded bounded = {buf_in(arena), bytes_most};
    struct transport_sink sink = {take_bounded, &bounded};
    buf_add_text(&bounded.bytes, "");
    TRY(depot_line_take(depot, &line));
    TRY(connection_read(line.connection, name, (struct transport_range){0, -1}, &sink, ret_found));
    *ret = buf_str(&bounded.bytes);
    return NULL;
}

static FALLIBLE write_file(struct depot *depot, struct str name, struct str bytes,
                           enum transport_write how)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct transport_source source = {
        .bytes = bytes, .fd = -1, .digest = digest_of(bytes.at, bytes.len)};
    TRY(depot_line_take(depot, &line));
    return connection_write(line.connection, name, &source, how, NULL);
}

struct error *depot_put_file(struct depot *depot, struct str name, struct str bytes)
{
    return write_file(depot, name, bytes, WRITE_NEW);
}

struct error *depot_remove_file(struct depot *depot, struct str name)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    TRY(depot_line_take(depot, &line));
    return connection_remove(line.connection, name);
}

bool depot_can_list(const struct depot *depot)
{
    return transport_can_list(depot->transport);
}

struct error *depot_list(struct depot *depot, struct str prefix,
                         FALLIBLE (*visit)(void *context, const struct transport_item *item),
                         void *context)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    TRY(depot_line_take(depot, &line));
    return connection_list(line.connection, prefix, visit, context);
}

/* --- list/packs --- */

struct name_list {
    struct arena *arena;
    struct str_vec names;
};

static FALLIBLE note_name(void *context, const struct transport_item *item)
{
    struct name_list *list = context;
    struct str hex = str_slice(item->name, strlen("pack/"), item->name.len);
    if (hex.len == DIGEST_HEX_LEN)
        *vec_push(list->arena, &list->names) = str_copy(list->arena, hex);
    return NULL;
}

static FALLIBLE list_text(struct depot *depot, struct arena *arena, struct str *ret)
{
    struct name_list list = {.arena = arena};
    struct buf text = buf_in(arena);
    TRY(depot_list(depot, STR("pack/"), note_name, &list));
    vec_sort(&list.names, str_compare_items);
    buf_add_text(&text, "");
    vec_each (struct str, name, &list.names)
        buf_print(&text, "%.*s\n", STR_FMT(*name));
    *ret = buf_str(&text);
    return NULL;
}

/* Whoever was killed after his packs wrote none: told by its size, as nothing changed since. */
static FALLIBLE is_list_written(struct depot *depot, bool *ret)
{
    AUTO(depot_line_drop) struct depot_line line = {0};
    struct transport_item item = {0};
    size_t packs = depot->catalogue.packs.len + depot->unusable.len;
    bool found = false;
    TRY(depot_line_take(depot, &line));
    TRY(connection_stat(line.connection, STR("list/packs"), &item, &found));
    *ret = item.size_bytes == (int64_t)(packs * (DIGEST_HEX_LEN + 1)) || item.size_bytes < 0;
    return NULL;
}

/* Whoever writes looks again afterwards: so the last of several writers leaves a list of all. */
struct error *depot_finish(struct depot *depot)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str text = {0}, after = {0};
    bool is_written = false;
    if (!transport_can_list(depot->transport))
        return NULL;
    if (!depot->lists_changed)
        TRY(is_list_written(depot, &is_written));
    if (is_written)
        return NULL;
    TRY(list_text(depot, &scratch, &text));
    for (int round = 0; round < LIST_ROUNDS; round++) {
        TRY(write_file(depot, STR("list/packs"), text, WRITE_REPLACE));
        TRY(list_text(depot, &scratch, &after));
        if (str_equal(text, after))
            break;
        text = after;
    }
    depot->lists_changed = false;
    return NULL;
}
