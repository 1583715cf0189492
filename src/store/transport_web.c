#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"

#include <stdlib.h>

#include "transport_web_private.h"

static const struct status_row {
    int status;
    const char *meaning, *hint;
} status_rows[] = {
    {301, "it is elsewhere", "look at the remote's URL"},
    {302, "it is elsewhere", "look at the remote's URL"},
    {307, "it is elsewhere", "look at the remote's URL"},
    {308, "it is elsewhere", "look at the remote's URL"},
    {400, "it does not understand the request", NULL},
    {401, "it wants other credentials, or any",
     "set 'user' and 'password_env', or 'token_env', of the remote"},
    {403, "this is not allowed", "look at the credentials, and at what the server lets them do"},
    {404, "it is not there", NULL},
    {405, "it can't do that", "to write and to list by HTTP the server must speak WebDAV"},
    {407, "the proxy wants credentials", "look at the variables http_proxy and https_proxy"},
    {408, "it took too long", NULL},
    {409, "something else is in the way, or a directory is missing", NULL},
    {411, "it wants to know the length", NULL},
    {412, "it changed meanwhile", NULL},
    {413, "that is too large for it",
     "the server must take at least 64 MiB at once (nginx: client_max_body_size)"},
    {423, "it is locked", NULL},
    {429, "too many requests", NULL},
    {500, "it failed", NULL},
    {501, "it can't do that", NULL},
    {502, "the server behind it failed", NULL},
    {503, "it is busy or away", NULL},
    {504, "the server behind it is away", NULL},
    {507, "its disk is full", "free some space there and run the command again"},
};

/* Where a server says that something is, without what may be a secret: a user's password, and what
 * signs a URL. */
static struct str shown_place(struct str place)
{
    ptrdiff_t scheme = str_find(place, STR("://")), end = str_find_char(place, '?');
    place = str_slice(place, 0, end < 0 ? place.len : (size_t)end);
    struct str rest = str_slice(place, scheme < 0 ? 0 : (size_t)scheme + 3, place.len);
    ptrdiff_t slash = str_find_char(rest, '/');
    ptrdiff_t at =
        str_find_last_char(str_slice(rest, 0, slash < 0 ? rest.len : (size_t)slash), '@');
    bool is_fine = at < 0;
    for (size_t i = 0; i < place.len; i++)
        is_fine = is_fine && (unsigned char)place.at[i] > ' ' && place.at[i] != 0x7f;
    return is_fine ? str_slice(place, 0, (size_t)LIMIT_SHOWN_BYTES) : (struct str){0};
}

ERROR_MADE web_fault(struct str url, const struct http_reply *reply)
{
    const struct status_row *row = NULL;
    for (size_t i = 0; i < COUNT_OF(status_rows); i++)
        if (status_rows[i].status == reply->status)
            row = &status_rows[i];
    struct error *error =
        error_new(ERROR_MACHINE, "%.*s answered %d%s%s%s", STR_FMT(http_host(url)), reply->status,
                  row ? " (" : "", row ? row->meaning : "", row ? ")" : "");
    struct str place = shown_place(http_find_header(reply, "Location"));
    if (reply->status < 400 && place.len)
        error =
            error_hint(error, "the remote's URL must be that of the place itself: it is now %.*s",
                       STR_FMT(place));
    else if (row && row->hint)
        error = error_hint(error, "%s", row->hint);
    return reply->is_passing ? error_passing(error, reply->retry_after_ns) : error;
}

struct str web_version(const struct http_reply *reply)
{
    struct str tag = http_find_header(reply, "ETag");
    return tag.len ? tag : http_find_header(reply, "Last-Modified");
}

static int64_t read_number(struct str text)
{
    int64_t number = 0;
    if (!text.len || text.len > 18)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        number = number * 10 + (text.at[i] - '0');
    }
    return number;
}

struct transport_item web_item(struct str name, const struct http_reply *reply)
{
    struct transport_item item = {.name = name, .version = web_version(reply)};
    item.size_bytes = read_number(http_find_header(reply, "Content-Length"));
    if (!moment_parse_http(http_find_header(reply, "Last-Modified"), &item.modified_ns))
        item.modified_ns = 0;
    return item;
}

/* --- reading --- */

struct web_reading web_reading_of(struct connection *connection, struct transport_range range,
                                  const struct transport_sink *sink)
{
    return (struct web_reading){
        .connection = connection, .range = range, .sink = sink, .left = range.len};
}

/* A weak ETag may be that of different bytes, so it says nothing here. */
static bool is_weak(struct str version)
{
    return !version.len || str_starts(version, STR("W/"));
}

FALLIBLE web_reading_headers(struct arena *arena, const struct web_reading *reading,
                             enum web_condition condition, struct str headers[static 2],
                             size_t *ret_count)
{
    const struct connection *connection = reading->connection;
    struct str version = str_of(connection->version);
    int64_t offset = reading->range.offset, len = reading->range.len;
    *ret_count = 0;
    if (offset > 0 && len < 0)
        headers[(*ret_count)++] = str_print(arena, "Range: bytes=%lld-", (long long)offset);
    else if (len > 0)
        headers[(*ret_count)++] = str_print(arena, "Range: bytes=%lld-%lld", (long long)offset,
                                            (long long)(offset + len - 1));
    if (!connection->is_resuming)
        return NULL;
    if (is_weak(version))
        return error_new(ERROR_MACHINE,
                         "it broke off, and the server does not tell whether it is still the same");
    headers[(*ret_count)++] = str_print(
        arena, "%s: %.*s", condition == WEB_IF_RANGE ? "If-Range" : "If-Match", STR_FMT(version));
    return NULL;
}

static ERROR_MADE changed(void)
{
    return error_hint(error_new(ERROR_MACHINE, "it was changed while it was read"),
                      "run the command again");
}

static FALLIBLE check_version(struct web_reading *reading, const struct http_reply *reply)
{
    struct connection *connection = reading->connection;
    struct str version = web_version(reply);
    if (connection->is_resuming)
        return str_is(version, connection->version) ? NULL : changed();
    if (version.len >= sizeof connection->version)
        version.len = 0;
    memcpy(connection->version, version.len ? version.at : "", version.len);
    connection->version[version.len] = '\0';
    return NULL;
}

/* "bytes 10-19/20" must begin where it was asked to. */
static FALLIBLE check_range(const struct web_reading *reading, const struct http_reply *reply)
{
    struct str range = http_find_header(reply, "Content-Range");
    ptrdiff_t dash = str_find_char(range, '-');
    if (str_starts(range, STR("bytes ")) && dash > 0 &&
        read_number(str_slice(range, 6, (size_t)dash)) == reading->range.offset)
        return NULL;
    return error_new(ERROR_MACHINE, "the server sent another part than was asked for");
}

/* Something on the way, or the server, packs what it gives out: these are other bytes, of which
 * ranges mean nothing. Of files of others it is their own form ("x.tar.gz" of some servers). */
static FALLIBLE check_coding(const struct web_reading *reading, const struct http_reply *reply)
{
    struct str coding = http_find_header(reply, "Content-Encoding");
    bool is_foreign = reading->connection->transport->remote->has_foreign_names;
    if (!coding.len || str_is(coding, "identity") || str_starts(coding, STR("aws-chunked")) ||
        is_foreign)
        return NULL;
    return error_hint(error_new(ERROR_MACHINE, "it came packed (Content-Encoding: %.*s)",
                                STR_FMT(str_slice(coding, 0, 64))),
                      "the server, or a proxy before it, must give out files as they are");
}

static FALLIBLE begin_reading(void *context, const struct http_reply *reply, bool *ret_wants)
{
    struct web_reading *reading = context;
    *ret_wants = reply->status == 200 || reply->status == 206;
    if (!*ret_wants)
        return NULL;
    TRY(check_coding(reading, reply));
    TRY(check_version(reading, reply));
    if (reply->status == 206)
        return check_range(reading, reply);
    reading->skip = reading->range.offset;
    return NULL;
}

static FALLIBLE take_reading(void *context, const char *at, size_t len)
{
    struct web_reading *reading = context;
    int64_t skipped = MIN_OF(reading->skip, (int64_t)len);
    int64_t rest = (int64_t)len - skipped;
    int64_t taken = reading->left < 0 ? rest : MIN_OF(rest, reading->left);
    reading->skip -= skipped;
    if (taken)
        TRY(reading->sink->take(reading->sink->context, at + skipped, (size_t)taken));
    if (reading->left >= 0)
        reading->left -= taken;
    reading->is_enough = taken < rest;
    return reading->is_enough ? error_new(ERROR_MACHINE, "more came than was asked for") : NULL;
}

struct http_sink web_reading_sink(struct web_reading *reading)
{
    return (struct http_sink){begin_reading, take_reading, reading};
}

FALLIBLE web_reading_end(const struct web_reading *reading, struct error *error)
{
    if (!error || !reading->is_enough)
        return error;
    error_drop(error);
    return NULL;
}

/* 416: what was asked for begins at the end, or behind it. */
static FALLIBLE judge_end(const struct web_reading *reading, const struct http_reply *reply)
{
    struct str range = http_find_header(reply, "Content-Range");
    ptrdiff_t slash = str_find_char(range, '/');
    int64_t size = slash < 0 ? -1 : read_number(str_slice(range, (size_t)slash + 1, range.len));
    if (reading->range.len < 0 && size == reading->range.offset)
        return NULL;
    return error_new(ERROR_MACHINE, "it ends before byte %lld", (long long)reading->range.offset);
}

FALLIBLE web_reading_judge(const struct web_reading *reading, const struct http_reply *reply,
                           bool *ret_found, bool *ret_known)
{
    *ret_known = true;
    *ret_found = true;
    if (reply->status == 200 || reply->status == 206)
        return NULL;
    if (reply->status == 416)
        return judge_end(reading, reply);
    if (reply->status == 412)
        return changed();
    *ret_known = *ret_found = false;
    return NULL;
}

/* --- writing --- */

int64_t web_source_len(const struct transport_source *source)
{
    return source->fd < 0 ? (int64_t)source->bytes.len : source->len;
}

void web_tell(void *context, int64_t bytes)
{
    struct web_progress *progress = context;
    progress->told += bytes;
    if (progress->source->tell)
        progress->source->tell(progress->source->context, bytes);
}

void web_untell(struct web_progress *progress)
{
    if (progress->told)
        web_tell(progress, -progress->told);
}

struct http_body web_body(struct web_progress *progress, int64_t offset, int64_t len)
{
    const struct transport_source *source = progress->source;
    struct http_body body = {.fd = source->fd, .tell = web_tell, .context = progress, .len = len};
    if (source->fd < 0)
        body.bytes = str_slice(source->bytes, (size_t)offset, (size_t)(offset + len));
    body.offset = source->offset + offset;
    return body;
}

/* --- listing --- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool web_decode(struct arena *arena, struct str text, bool plus_is_blank, struct str *ret)
{
    struct buf out = buf_in(arena);
    buf_add_text(&out, "");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i] == '+' && plus_is_blank ? ' ' : text.at[i];
        if (c == '%') {
            int high = text.len - i > 2 ? hex_value(text.at[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_value(text.at[i + 2]);
            c = (char)(low < 0 ? 0 : high << 4 | low);
            i += 2;
        }
        if (!c)
            return false;
        buf_add_char(&out, c);
    }
    *ret = buf_str(&out);
    return true;
}

FALLIBLE web_tell_items(const struct web_item_vec *items,
                        FALLIBLE (*visit)(void *context, const struct transport_item *item),
                        void *context)
{
    vec_each (struct transport_item, item, items)
        TRY(visit(context, item));
    return NULL;
}
