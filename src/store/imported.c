#include "mlops/store/imported.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/file.h"

static const char FILE_NAME[] = "imported";
#define TAG STR("mlops-imported-1")

static struct str version_key(struct arena *arena, struct str path, struct md5 md5,
                              bool is_directory)
{
    char hex[MD5_HEX_LEN + 1];
    md5_print(md5, hex);
    return str_print(arena, "%s%s %.*s", hex, is_directory ? ".dir" : "", STR_FMT(path));
}

const struct imported_path *imported_find(const struct imported *imported, struct str path,
                                          struct md5 md5, bool is_directory)
{
    AUTO(arena_drop) struct arena scratch = {0};
    return map_get(&imported->versions, version_key(&scratch, path, md5, is_directory));
}

void imported_add_path(struct arena *arena, struct imported *imported,
                       const struct imported_path *path)
{
    struct str key = version_key(arena, path->path, path->md5, path->is_directory);
    const struct imported_path *newest = map_get(&imported->paths, path->path);
    const struct imported_path *known = map_get(&imported->versions, key);
    if (known && known == newest && artifact_equal(&known->artifact, &path->artifact))
        return;
    struct imported_path *added = arena_new(arena, struct imported_path);
    *added = *path;
    added->order = ++imported->orders;
    map_put(arena, &imported->versions, key, added);
    map_put(arena, &imported->paths, added->path, added);
    imported->is_changed = true;
}

void imported_add_result(struct arena *arena, struct imported *imported, struct digest key,
                         struct digest id)
{
    if (map_has(&imported->results, (struct str){(const char *)id.at, sizeof id.at}))
        return;
    struct imported_result *added = arena_new(arena, struct imported_result);
    *added = (struct imported_result){key, id};
    map_put(arena, &imported->results, (struct str){(const char *)added->id.at, sizeof id.at},
            added);
    imported->is_changed = true;
}

static FALLIBLE decode_path(struct arena *arena, struct canon_reader *reader,
                            struct imported *imported)
{
    struct imported_path path = {0};
    struct str md5 = {0};
    TRY(canon_read_str(reader, &path.path));
    TRY(canon_read_str(reader, &md5));
    TRY(canon_read_bool(reader, &path.is_directory));
    TRY(artifact_decode(arena, reader, &path.artifact));
    if (md5.len != sizeof path.md5.at)
        return error_new(ERROR_STORED, "an MD5 has another length");
    memcpy(path.md5.at, md5.at, md5.len);
    imported_add_path(arena, imported, &path);
    return NULL;
}

static FALLIBLE decode(struct arena *arena, struct str bytes, struct imported *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    struct imported imported = {0};
    size_t count = 0;
    TRY(canon_expect_tag(&reader, TAG));
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i < count; i++)
        TRY(decode_path(arena, &reader, &imported));
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i < count; i++) {
        struct digest key, id;
        TRY(canon_read_digest(&reader, &key));
        TRY(canon_read_digest(&reader, &id));
        imported_add_result(arena, &imported, key, id);
    }
    TRY(canon_expect_end(&reader));
    imported.is_changed = false;
    *ret = imported;
    return NULL;
}

struct error *imported_load(struct arena *arena, const struct workspace *workspace,
                            struct imported *ret)
{
    struct str bytes = {0};
    bool found = false;
    struct imported imported = {0};
    if (workspace->home_fd.number_plus_one)
        TRY(file_read(arena, fd_number(workspace->home_fd), FILE_NAME, LIMIT_LOCK_BYTES, &bytes,
                      &found));
    if (found)
        error_drop(decode(arena, bytes, &imported));
    *ret = imported;
    return NULL;
}

static void encode_version(const struct imported_path *path, struct buf *out)
{
    canon_str(out, path->path);
    canon_str(out, (struct str){(const char *)path->md5.at, sizeof path->md5.at});
    canon_bool(out, path->is_directory);
    artifact_encode(&path->artifact, out);
}

static int by_order(const void *a, const void *b)
{
    const struct imported_path *left = *(const struct imported_path *const *)a;
    const struct imported_path *right = *(const struct imported_path *const *)b;
    return left->order < right->order ? -1 : left->order > right->order;
}

/* The oldest first, so that who reads them one after the other ends with the newest. */
static void encode_versions(const struct imported *imported, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    VEC(version_vec, const struct imported_path *) all = {0};
    map_each (item, &imported->versions)
        *vec_push(&scratch, &all) = item->value;
    vec_sort(&all, by_order);
    canon_list(out, all.len);
    for (size_t i = 0; i < all.len; i++)
        encode_version(all.at[i], out);
}

static void encode(const struct imported *imported, struct buf *out)
{
    canon_str(out, TAG);
    encode_versions(imported, out);
    canon_list(out, imported->results.len);
    map_each (item, &imported->results) {
        const struct imported_result *result = item->value;
        canon_digest(out, result->key);
        canon_digest(out, result->id);
    }
}

struct error *imported_save(const struct workspace *workspace, struct imported *imported)
{
    AUTO(buf_drop) struct buf bytes = {0};
    if (!imported->is_changed)
        return NULL;
    encode(imported, &bytes);
    TRY(file_publish(fd_number(workspace->home_fd), FILE_NAME, buf_str(&bytes), 0644,
                     workspace->config.durability == DURABILITY_FULL));
    imported->is_changed = false;
    return NULL;
}
