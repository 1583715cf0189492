/* Which digest a version of a file of a directory had, so that an update fetches what changed. Kept
 * in the index: losing it costs fetching. Canonical: the string below, a list of four items a file:
 * its path, size with version (or time), digest, whether it is executable. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/codec/canon.h"

#include "arrival_private.h"

#define KIND STR("upstream")
#define TAG STR("mlops.upstream.1")

/* More would make the index itself slow. */
enum { REMEMBERED_MOST = 100000, ITEMS = 4 };

struct known {
    struct str version;
    struct digest digest;
    bool is_executable;
};

/* Empty: nothing tells versions of this file apart. */
static struct str version_of(struct arena *arena, const struct upstream_file *file)
{
    if (file->version.len)
        return str_print(arena, "%lld %.*s", (long long)file->size_bytes, STR_FMT(file->version));
    if (file->modified_ns)
        return str_print(arena, "%lld @%lld", (long long)file->size_bytes,
                         (long long)file->modified_ns);
    return (struct str){0};
}

static struct str key_of(struct arena *arena, const struct upstream *upstream)
{
    return digest_hex(arena, digest_of(upstream->url.at, upstream->url.len));
}

static FALLIBLE read_known(struct arena *arena, struct str blob, struct map *ret)
{
    struct canon_reader reader = canon_reader_of(blob);
    size_t count = 0;
    TRY(canon_expect_tag(&reader, TAG));
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i + ITEMS <= count; i += ITEMS) {
        struct known *known = arena_new(arena, struct known);
        struct str path = {0};
        TRY(canon_read_str(&reader, &path));
        TRY(canon_read_str(&reader, &known->version));
        TRY(canon_read_digest(&reader, &known->digest));
        TRY(canon_read_bool(&reader, &known->is_executable));
        map_put(arena, ret, path, known);
    }
    return canon_expect_end(&reader);
}

static FALLIBLE recall_file(struct taking *taking, const struct map *all, struct arriving *arriving)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct known *known = map_get(all, arriving->file->path);
    struct str version = version_of(&scratch, arriving->file);
    if (!known || !version.len || !str_equal(known->version, version))
        return NULL;
    TRY(cas_has(taking->arrival->cas, known->digest, &arriving->is_here));
    if (arriving->is_here)
        TRY(cas_pin(taking->arrival->cas, &known->digest, 1));
    arriving->digest = known->digest;
    arriving->size_bytes = arriving->file->size_bytes;
    arriving->is_executable = known->is_executable;
    return NULL;
}

/* What is here will not be fetched: no gc comes between finding it and saying so. */
static FALLIBLE recall_files(struct taking *taking, const struct map *all)
{
    TRY(cas_hold(taking->arrival->cas));
    struct error *error = NULL;
    for (size_t i = 0; i < taking->count && !error; i++)
        error = recall_file(taking, all, &taking->files[i]);
    cas_release(taking->arrival->cas);
    return error;
}

FALLIBLE arrival_recall(struct taking *taking)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct map all = {0};
    struct str blob = {0};
    if (!index_blob(taking->arrival->index, &scratch, KIND, key_of(&scratch, taking->upstream),
                    &blob))
        return NULL;
    struct error *error = read_known(&scratch, blob, &all);
    if (error) {
        error_drop(error); /* of another version: nothing is known */
        return NULL;
    }
    return recall_files(taking, &all);
}

void arrival_remember(const struct taking *taking)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct buf blob = buf_in(&scratch);
    if (taking->count > REMEMBERED_MOST)
        return;
    canon_str(&blob, TAG);
    canon_list(&blob, taking->count * ITEMS);
    for (size_t i = 0; i < taking->count; i++) {
        canon_str(&blob, taking->files[i].file->path);
        canon_str(&blob, version_of(&scratch, taking->files[i].file));
        canon_digest(&blob, taking->files[i].digest);
        canon_bool(&blob, taking->files[i].is_executable);
    }
    index_set_blob(taking->arrival->index, KIND, key_of(&scratch, taking->upstream),
                   buf_str(&blob));
}
