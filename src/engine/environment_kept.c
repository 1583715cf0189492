/* Packages of interpreters that were looked at before: kept in the stat cache by the state of the
 * directories they follow from. */
#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/host/path.h"

#include "environment_private.h"

/* A directory that has changed so lately may change again without a new time. */
static const int64_t SETTLED_NS = INT64_C(2000000000);

#define BLOB_KIND STR("environment")
#define LINKS_KIND STR("environment links")

/* Adds what tells whether a directory is as it was. */
static void add_state(struct arena *arena, struct str path, struct buf *out, int64_t *newest_ns)
{
    struct file_stat seen = {0};
    environment_has(arena, path, &seen);
    canon_str(out, path);
    canon_int(out, (int64_t)seen.device);
    canon_int(out, (int64_t)seen.inode);
    canon_int(out, seen.mtime_ns);
    canon_int(out, seen.ctime_ns);
    if (seen.mtime_ns > *newest_ns)
        *newest_ns = seen.mtime_ns;
}

/* Everything that version and packages follow from. */
struct str environment_python_key(struct arena *arena, const struct python *python,
                                  bool *ret_is_settled)
{
    struct buf out = buf_in(arena);
    int64_t newest_ns = 0;
    canon_str(&out, BLOB_KIND);
    add_state(arena, python->real, &out, &newest_ns);
    add_state(arena, path_join(arena, python->prefix, STR("pyvenv.cfg")), &out, &newest_ns);
    add_state(arena, path_join(arena, python->base, STR("conda-meta")), &out, &newest_ns);
    canon_list(&out, python->paths.len);
    vec_each (const struct str, path, &python->paths)
        add_state(arena, *path, &out, &newest_ns);
    vec_each (const struct str, site, &python->sites)
        add_state(arena, *site, &out, &newest_ns);
    *ret_is_settled = newest_ns + SETTLED_NS < clock_real_ns();
    return digest_hex(arena, digest_of(out.at, out.len));
}

/* Directories that .pth files name are known only once they were looked for: first these are kept
 * by the first key, then the packages by that and by the state of these. */
static struct str key_with_links(struct arena *arena, struct str key, const struct str_vec *links,
                                 bool *ret_is_settled)
{
    struct buf out = buf_in(arena);
    int64_t newest_ns = 0;
    canon_str(&out, key);
    vec_each (const struct str, link, links)
        add_state(arena, *link, &out, &newest_ns);
    *ret_is_settled = newest_ns + SETTLED_NS < clock_real_ns();
    return digest_hex(arena, digest_of(out.at, out.len));
}

static FALLIBLE read_links(struct arena *arena, struct str blob, struct str_vec *ret)
{
    struct canon_reader reader = canon_reader_of(blob);
    struct str link;
    size_t count = 0;
    TRY(canon_read_list(&reader, &count));
    for (; ret->len < count; *vec_push(arena, ret) = link)
        TRY(canon_read_str(&reader, &link));
    return canon_expect_end(&reader);
}

bool environment_recall(struct session *session, struct str key, struct environment *ret)
{
    struct arena *arena = session->arena;
    struct str blob = {0};
    struct str_vec links = {0};
    bool is_settled = false;
    if (!session->index || !index_blob(session->index, arena, LINKS_KIND, key, &blob))
        return false;
    struct error *error = read_links(arena, blob, &links);
    if (!error) {
        key = key_with_links(arena, key, &links, &is_settled);
        is_settled = is_settled && index_blob(session->index, arena, BLOB_KIND, key, &blob);
    }
    if (is_settled)
        error = environment_decode(arena, blob, ret);
    bool is_read = is_settled && !error;
    error_drop(error); /* as good as none */
    return is_read;
}

void environment_keep(struct session *session, struct str key, const struct str_vec *links,
                      const struct environment *environment)
{
    struct buf blob = buf_in(session->arena), list = buf_in(session->arena);
    bool is_settled = false;
    struct str whole = key_with_links(session->arena, key, links, &is_settled);
    if (!session->index || session->is_read_only || !is_settled)
        return;
    canon_list(&list, links->len);
    vec_each (const struct str, link, links)
        canon_str(&list, *link);
    environment_encode(environment, &blob);
    index_set_blob(session->index, LINKS_KIND, key, buf_str(&list));
    index_set_blob(session->index, BLOB_KIND, whole, buf_str(&blob));
}
