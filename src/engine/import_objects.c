#include "mlops/base/buf.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "import_private.h"

/* What is put between two flushes: an interruption loses no more than this. */
enum { FLUSH_OBJECTS = 4096 };
static const int64_t FLUSH_BYTES = INT64_C(1) << 30;

static struct dvc_object object_of(const struct dvc_entry *entry)
{
    return (struct dvc_object){
        .md5 = entry->md5, .is_text_md5 = entry->is_legacy, .is_directory = entry->is_directory};
}

static struct str key_of(struct arena *arena, const struct dvc_object *object)
{
    char hex[MD5_HEX_LEN + 1];
    md5_print(object->md5, hex);
    return str_print(arena, "%s%s", hex, object->is_text_md5 ? "t" : "");
}

FALLIBLE import_manifest(struct importing *importing, const struct dvc_entry *entry,
                         const struct manifest **ret)
{
    struct dvc_object object = object_of(entry);
    struct str key = key_of(importing->arena, &object);
    struct manifest *manifest = map_get(&importing->manifests, key);
    if (!manifest) {
        manifest = arena_new(importing->arena, struct manifest);
        TRY(dvc_cache_manifest(&importing->cache, importing->arena, &object, &manifest->files,
                               &manifest->health));
        map_put(importing->arena, &importing->manifests, key, manifest);
    }
    *ret = manifest;
    return NULL;
}

static FALLIBLE want_object(struct importing *importing, const struct dvc_object *object,
                            struct str name)
{
    struct str key = key_of(importing->arena, object);
    if (map_has(&importing->wanted, key))
        return NULL;
    map_put(importing->arena, &importing->wanted, key, importing);
    struct want want = {.object = *object, .name = name};
    TRY(dvc_cache_has(&importing->cache, object, &want.bytes, &want.is_found));
    *vec_push(importing->arena, &importing->wants) = want;
    return NULL;
}

FALLIBLE import_want(struct importing *importing, const struct dvc_entry *entry)
{
    struct dvc_object object = object_of(entry);
    if (entry->is_url || !entry->has_hash)
        return NULL;
    if (!entry->is_directory)
        return want_object(importing, &object, entry->path);
    const struct manifest *manifest = NULL;
    TRY(import_manifest(importing, entry, &manifest));
    if (manifest->health == DVC_DAMAGED)
        import_fault(importing, IMPORT_DAMAGED, entry->path,
                     STR("the list of its files in DVC's cache is damaged"));
    vec_each (const struct dvc_file, file, &manifest->files) {
        struct dvc_object inner = {.md5 = file->md5, .is_text_md5 = entry->is_legacy};
        TRY(want_object(importing, &inner, path_join(importing->arena, entry->path, file->path)));
    }
    return NULL;
}

FALLIBLE import_is_cached(struct importing *importing, const struct dvc_entry *entry, bool *ret)
{
    struct dvc_object object = object_of(entry);
    const struct manifest *manifest = NULL;
    int64_t bytes = 0;
    if (!entry->is_directory)
        return dvc_cache_has(&importing->cache, &object, &bytes, ret);
    TRY(import_manifest(importing, entry, &manifest));
    *ret = manifest->health == DVC_GOOD;
    for (size_t i = 0; i < manifest->files.len && *ret; i++) {
        struct dvc_object inner = {.md5 = manifest->files.at[i].md5,
                                   .is_text_md5 = entry->is_legacy};
        TRY(dvc_cache_has(&importing->cache, &inner, &bytes, ret));
    }
    return NULL;
}

/* --- taking --- */

/* A part of the wants, worked on by the pool. */
struct taking {
    struct importing *importing;
    struct want **wants;
    atomic_llong done_bytes;
};

static FALLIBLE take_one(void *context, size_t i)
{
    struct taking *taking = context;
    struct want *want = taking->wants[i];
    struct importing *importing = taking->importing;
    if (importing->is_passing)
        TRY(dvc_cache_sum(&importing->cache, &want->object, &want->taken));
    else
        TRY(dvc_cache_take(&importing->cache, importing->session->cas, &want->object,
                           &want->taken));
    atomic_fetch_add(&taking->done_bytes, (long long)want->bytes);
    return NULL;
}

static bool is_stopping(void)
{
    return signal_count() > 0;
}

static int compare_biggest_first(const void *a, const void *b)
{
    const struct want *const *left = a, *const *right = b;
    return (*left)->bytes < (*right)->bytes ? 1 : (*left)->bytes > (*right)->bytes ? -1 : 0;
}

static void note_taken(struct importing *importing, const struct want *want)
{
    struct import_report *report = importing->report;
    if (want->taken.health == DVC_DAMAGED) {
        import_fault(importing, IMPORT_DAMAGED, want->name,
                     STR("its object in DVC's cache is damaged"));
        return;
    }
    report->objects_new += want->taken.is_new;
    report->objects_linked += want->taken.is_linked;
    sums_add(importing->sums, &want->taken.sums);
}

static FALLIBLE flush(struct importing *importing)
{
    if (importing->is_passing)
        return NULL;
    TRY(cas_flush(importing->session->cas));
    sums_save(importing->sums);
    return index_save(importing->session->index);
}

/* Known already: by its MD5, and the store has it. */
static FALLIBLE is_there(struct importing *importing, const struct want *want, bool *ret)
{
    const struct sums_row *row =
        sums_by_md5(importing->sums, want->object.md5, want->object.is_text_md5);
    *ret = row && importing->is_passing;
    return row && !importing->is_passing ? cas_has(importing->session->cas, row->digest, ret)
                                         : NULL;
}

static FALLIBLE choose(struct importing *importing, struct want **ret, size_t *ret_count)
{
    *ret_count = 0;
    vec_each (struct want, want, &importing->wants) {
        bool known = false;
        if (!want->is_found)
            continue;
        importing->report->objects++;
        importing->report->bytes += want->bytes;
        bool reads = !importing->is_dry || importing->is_passing;
        if (reads)
            TRY(is_there(importing, want, &known));
        if (!known && reads)
            ret[(*ret_count)++] = want;
    }
    return NULL;
}

static void tell(struct importing *importing, int64_t done, int64_t total)
{
    struct event event = {.kind = EVENT_HASHING,
                          .at_ns = clock_monotonic_ns(),
                          .done_bytes = done,
                          .total_bytes = total};
    observer_tell(importing->session->observer, &event);
}

/* Small enough that progress can be told in between, big enough to keep the pool busy. */
static size_t part_end(struct want **wants, size_t from, size_t count)
{
    enum { PART_OBJECTS = 256 };
    const int64_t part_bytes = INT64_C(256) << 20;
    int64_t bytes = 0;
    size_t end = from;
    while (end < count && end - from < PART_OBJECTS && bytes < part_bytes)
        bytes += wants[end++]->bytes;
    return end;
}

static FALLIBLE take_all(struct importing *importing, struct want **wants, size_t count)
{
    int64_t total = 0, done = 0, unflushed = 0;
    size_t flushed = 0;
    for (size_t i = 0; i < count; i++)
        total += wants[i]->bytes;
    for (size_t from = 0, end; from < count; from = end) {
        end = part_end(wants, from, count);
        struct taking taking = {.importing = importing, .wants = wants + from};
        TRY(pool_run(importing->session->pool, end - from, take_one, &taking, is_stopping));
        TRY(signal_check());
        for (size_t i = from; i < end; i++)
            note_taken(importing, wants[i]);
        int64_t bytes = (int64_t)atomic_load(&taking.done_bytes);
        done += bytes;
        unflushed += bytes;
        tell(importing, done, total);
        if (end - flushed < FLUSH_OBJECTS && unflushed < FLUSH_BYTES)
            continue;
        TRY(flush(importing));
        flushed = end;
        unflushed = 0;
    }
    return flush(importing);
}

FALLIBLE import_take_wanted(struct importing *importing)
{
    struct want **wants = arena_new_array(importing->arena, struct want *, importing->wants.len);
    size_t count = 0;
    TRY(choose(importing, wants, &count));
    if (!count)
        return NULL;
    qsort(wants, count, sizeof *wants, compare_biggest_first);
    if (!importing->is_passing)
        cas_warm(importing->session->cas);
    return take_all(importing, wants, count);
}
