#include "mlops/store/imported.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/host/file.h"

static const char FILE_NAME[] = "imported";
#define TAG STR("mlops-imported-1")

static bool is_version(const struct imported_path *path, struct md5 md5, bool is_directory)
{
    return md5_equal(path->md5, md5) && path->is_directory == is_directory;
}

const struct imported_path *imported_find(const struct imported *imported, struct str path,
                                          struct md5 md5, bool is_directory)
{
    const struct imported_path *at = map_get(&imported->paths, path);
    while (at && !is_version(at, md5, is_directory))
        at = at->before;
    return at;
}

/* Those without the version of that MD5, in their order. */
static const struct imported_path *without(struct arena *arena, const struct imported_path *chain,
                                           const struct imported_path *version)
{
    const struct imported_path *kept = NULL, **end = &kept;
    for (; chain; chain = chain->before) {
        if (is_version(chain, version->md5, version->is_directory))
            continue;
        struct imported_path *copy = arena_new(arena, struct imported_path);
        *copy = *chain;
        *end = copy;
        end = &copy->before;
    }
    *end = NULL;
    return kept;
}

void imported_add_path(struct arena *arena, struct imported *imported,
                       const struct imported_path *path)
{
    const struct imported_path *known = map_get(&imported->paths, path->path);
    bool is_known = known && is_version(known, path->md5, path->is_directory) &&
                    artifact_equal(&known->artifact, &path->artifact);
    if (is_known)
        return;
    struct imported_path *added = arena_new(arena, struct imported_path);
    *added = *path;
    added->before = imported_find(imported, path->path, path->md5, path->is_directory)
                        ? without(arena, known, path)
                        : known;
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

static size_t count_versions(const struct imported *imported)
{
    size_t count = 0;
    map_each (item, &imported->paths)
        for (const struct imported_path *at = item->value; at; at = at->before)
            count++;
    return count;
}

static void encode_version(const struct imported_path *path, struct buf *out)
{
    canon_str(out, path->path);
    canon_str(out, (struct str){(const char *)path->md5.at, sizeof path->md5.at});
    canon_bool(out, path->is_directory);
    artifact_encode(&path->artifact, out);
}

/* The oldest first, so that who reads them one after the other ends with the newest. */
static void encode_versions(struct arena *scratch, const struct imported_path *newest,
                            struct buf *out)
{
    size_t count = 0;
    for (const struct imported_path *at = newest; at; at = at->before)
        count++;
    const struct imported_path **all =
        arena_new_array(scratch, const struct imported_path *, count);
    for (const struct imported_path *at = newest; at; at = at->before)
        all[--count] = at;
    for (; newest; newest = newest->before)
        encode_version(all[count++], out);
}

static void encode(const struct imported *imported, struct buf *out)
{
    AUTO(arena_drop) struct arena scratch = {0};
    canon_str(out, TAG);
    canon_list(out, count_versions(imported));
    map_each (item, &imported->paths)
        encode_versions(&scratch, item->value, out);
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
