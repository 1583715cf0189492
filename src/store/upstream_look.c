/* What lies there now, without reading it. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/codec/digest.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "upstream_private.h"

#define LISTING_PREFIX "listing:"

/* A directory as it is listed. */
struct listing {
    struct arena *arena;
    const struct upstream *upstream;
    struct str prefix; /* of all names; the rest is the path here */
    struct upstream_file_vec files;
};

static FALLIBLE refuse(const struct listing *listing, struct str path, const char *why)
{
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' in '%.*s' %s", STR_FMT(path),
                                STR_FMT(listing->upstream->url), why),
                      "nothing was written; import the parts of it that can be files here");
}

static FALLIBLE visit(void *context, const struct transport_item *item)
{
    struct listing *listing = context;
    struct arena *arena = listing->arena;
    struct str path = str_slice(item->name, listing->prefix.len, item->name.len);
    const char *fault = path_fault(path);
    if (fault)
        return refuse(listing, path, fault);
    if (item->size_bytes < 0)
        return refuse(listing, path, "is neither a file nor a directory");
    if (listing->files.len >= (size_t)LIMIT_UPSTREAM_FILES)
        return error_new(ERROR_PROJECT, "'%.*s' holds more than %lld files",
                         STR_FMT(listing->upstream->url), (long long)LIMIT_UPSTREAM_FILES);
    struct str name = str_copy(arena, item->name);
    *vec_push(arena, &listing->files) =
        (struct upstream_file){.path = str_slice(name, listing->prefix.len, name.len),
                               .name = name,
                               .size_bytes = item->size_bytes,
                               .modified_ns = item->modified_ns,
                               .version = str_copy(arena, item->version)};
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    const struct upstream_file *left = a, *right = b;
    return str_compare(left->path, right->path);
}

/* An object store may have "a" and "a/b"; a file system can't. */
static FALLIBLE check_nesting(struct listing *listing)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map paths = {0};
    vec_each (struct upstream_file, file, &listing->files)
        map_put(&scratch, &paths, file->path, file);
    vec_each (const struct upstream_file, file, &listing->files) {
        for (struct str at = path_directory(file->path); at.len; at = path_directory(at))
            if (map_has(&paths, at))
                return refuse(listing, at, "is both a file and a directory there");
    }
    return NULL;
}

/* What the server says of all files, in one digest. */
static struct str etag_of_listing(struct arena *arena, const struct upstream_file_vec *files)
{
    AUTO(hasher_drop) struct hasher hasher = {0};
    hasher_open(&hasher);
    vec_each (const struct upstream_file, file, files) {
        AUTO(buf_drop) struct buf row = {0};
        buf_add_str(&row, file->path);
        buf_add_char(&row, '\0');
        buf_print(&row, "%lld ", (long long)file->size_bytes);
        if (file->version.len)
            buf_add_str(&row, file->version);
        else
            buf_print(&row, "%lld", (long long)file->modified_ns);
        buf_add_char(&row, '\n');
        hasher_add(&hasher, row.at, row.len);
    }
    struct str hex = digest_hex(arena, hasher_finish(&hasher));
    return str_print(arena, LISTING_PREFIX "%.*s", STR_FMT(hex));
}

static FALLIBLE settle_listing(struct listing *listing, struct upstream_state *ret)
{
    vec_sort(&listing->files, by_path);
    TRY(check_nesting(listing));
    *ret = (struct upstream_state){.is_directory = true, .files = listing->files};
    vec_each (const struct upstream_file, file, &listing->files)
        ret->bytes += file->size_bytes;
    ret->etag = etag_of_listing(listing->arena, &listing->files);
    return NULL;
}

static void settle_file(struct arena *arena, const struct upstream_file *file,
                        struct upstream_state *ret)
{
    *ret = (struct upstream_state){.bytes = file->size_bytes, .etag = file->version};
    *vec_push(arena, &ret->files) = *file;
    if (file->modified_ns)
        ret->modified = moment_print(arena, file->modified_ns);
}

/* --- on this machine --- */

static FALLIBLE list_local(struct arena *arena, struct upstream *upstream, struct listing *listing)
{
    struct connection *connection = NULL;
    struct remote *remote = NULL;
    TRY(remote_of_url(arena, upstream->name, &remote));
    if (!upstream->transport)
        TRY(transport_open(arena, remote, &upstream->transport));
    TRY(transport_connect(upstream->transport, &connection));
    struct error *error = connection_list(connection, STR(""), visit, listing);
    connection_drop(&connection);
    return error;
}

static FALLIBLE look_local(struct arena *arena, struct upstream *upstream,
                           struct upstream_state *ret, bool *ret_found)
{
    struct listing listing = {.arena = arena, .upstream = upstream};
    struct file_stat stat = {0};
    TRY(file_stat_at(AT_FDCWD, upstream->name.at, true, &stat, ret_found));
    if (!*ret_found)
        return NULL;
    if (S_ISREG(stat.mode)) {
        struct upstream_file file = {
            .name = upstream->name, .size_bytes = stat.size_bytes, .modified_ns = stat.mtime_ns};
        settle_file(arena, &file, ret);
        return NULL;
    }
    if (!S_ISDIR(stat.mode))
        return error_new(ERROR_PROJECT, "'%.*s' is %s", STR_FMT(upstream->url),
                         file_kind_name(stat.mode));
    TRY(list_local(arena, upstream, &listing));
    vec_each (struct upstream_file, file, &listing.files)
        file->name = path_join(arena, upstream->name, file->path);
    return settle_listing(&listing, ret);
}

/* --- elsewhere --- */

static FALLIBLE stat_file(struct arena *arena, const struct upstream *upstream,
                          struct connection *connection, struct upstream_state *ret,
                          bool *ret_found)
{
    struct transport_item item = {0};
    TRY(connection_stat(connection, upstream->name, &item, ret_found));
    struct upstream_file file = {.name = upstream->name,
                                 .size_bytes = item.size_bytes,
                                 .modified_ns = item.modified_ns,
                                 .version = str_copy(arena, item.version)};
    if (*ret_found)
        settle_file(arena, &file, ret);
    return NULL;
}

static FALLIBLE list_directory(struct arena *arena, const struct upstream *upstream,
                               struct connection *connection, struct upstream_state *ret,
                               bool *ret_found)
{
    struct listing listing = {.arena = arena, .upstream = upstream};
    if (!transport_can_list(upstream->transport)) {
        *ret_found = false;
        return !upstream->is_directory_named
                   ? NULL
                   : error_hint(error_new(ERROR_USAGE,
                                          "'%.*s' is a directory, and this server has "
                                          "no listings",
                                          STR_FMT(upstream->url)),
                                "name a file");
    }
    if (upstream->name.len)
        listing.prefix = str_print(arena, "%.*s/", STR_FMT(upstream->name));
    TRY(connection_list(connection, listing.prefix, visit, &listing));
    *ret_found = listing.files.len > 0;
    return *ret_found ? settle_listing(&listing, ret) : NULL;
}

static FALLIBLE look_with(struct arena *arena, const struct upstream *upstream,
                          struct connection *connection, struct upstream_state *ret,
                          bool *ret_found)
{
    *ret_found = false;
    if (!upstream->is_directory_named)
        TRY(stat_file(arena, upstream, connection, ret, ret_found));
    return *ret_found ? NULL : list_directory(arena, upstream, connection, ret, ret_found);
}

struct error *upstream_look(struct arena *arena, struct upstream *upstream,
                            struct upstream_state *ret, bool *ret_found)
{
    struct connection *connection = NULL;
    if (upstream->is_local)
        return look_local(arena, upstream, ret, ret_found);
    TRY(transport_connect(upstream->transport, &connection));
    struct error *error = look_with(arena, upstream, connection, ret, ret_found);
    connection_drop(&connection);
    return error;
}

bool upstream_same(const struct upstream_mark *before, const struct upstream_state *now)
{
    if (before->etag.len && now->etag.len)
        return str_equal(before->etag, now->etag);
    bool has_size = before->bytes >= 0 && now->bytes >= 0;
    if (has_size && before->bytes != now->bytes)
        return false;
    return before->modified.len && str_equal(before->modified, now->modified);
}
