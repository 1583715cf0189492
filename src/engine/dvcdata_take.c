/* Contents into the store, from the nearest place that has them. */
#include "mlops/base/buf.h"
#include "mlops/host/signal.h"
#include "mlops/model/event.h"

#include "dvcdata_private.h"

/* What is fetched between two flushes: an interruption loses no more than this. */
enum { GROUP_OBJECTS = 2048 };
static const int64_t GROUP_BYTES = INT64_C(256) << 20;

const struct sums_row *dvcdata_sums(const struct dvcdata *dvcdata, const struct dvc_entry *entry,
                                    struct md5 md5)
{
    return sums_by_md5(dvcdata->sums, md5, entry->is_legacy);
}

FALLIBLE dvcdata_want(struct dvcdata *dvcdata, const struct dvc_tracked *tracked, struct md5 md5,
                      struct str name)
{
    const struct dvc_entry *entry = tracked->entry;
    char hex[MD5_HEX_LEN + 1];
    md5_print(md5, hex);
    struct str key = str_print(dvcdata->arena, "%s%s", hex, entry->is_legacy ? "t" : "");
    struct wanted *wanted = map_get(&dvcdata->wanted, key);
    if (wanted)
        return NULL;
    const struct sums_row *row = dvcdata_sums(dvcdata, entry, md5);
    wanted = arena_new(dvcdata->arena, struct wanted);
    *wanted = (struct wanted){.want = {.object = {.md5 = md5, .is_text_md5 = entry->is_legacy},
                                       .size_bytes = entry->size_bytes},
                              .name = name,
                              .remote = tracked->remote,
                              .is_local = !dvcdata_has_remote(dvcdata, tracked),
                              .is_in_directory = entry->is_directory};
    map_put(dvcdata->arena, &dvcdata->wanted, key, wanted);
    *vec_push(dvcdata->arena, &dvcdata->wants) = wanted;
    return row ? cas_has(dvcdata->session->cas, row->digest, &wanted->is_here) : NULL;
}

static void note(struct dvcdata *dvcdata, struct wanted *wanted)
{
    const struct dvc_taken *taken = &wanted->want.taken;
    wanted->is_here = taken->health == DVC_GOOD;
    if (!wanted->is_here)
        return;
    sums_add(dvcdata->sums, &taken->sums);
    dvcdata->report.counts.objects += taken->is_new;
    dvcdata->report.counts.bytes += taken->is_new ? taken->sums.size_bytes : 0;
}

/* --- DVC's cache --- */

struct cached {
    struct dvcdata *dvcdata;
    struct wanted **wants;
};

static FALLIBLE take_cached(void *context, size_t index)
{
    const struct cached *cached = context;
    struct wanted *wanted = cached->wants[index];
    return dvc_cache_take(&cached->dvcdata->cache, cached->dvcdata->session->cas,
                          &wanted->want.object, &wanted->want.taken);
}

static bool is_stopping(void)
{
    return signal_count() > 0;
}

static FALLIBLE take_from_cache(struct dvcdata *dvcdata)
{
    struct wanted_vec found = {0};
    if (!dvcdata->cache.fd.number_plus_one)
        return NULL;
    for (size_t i = 0; i < dvcdata->wants.len; i++) {
        struct wanted *wanted = dvcdata->wants.at[i];
        int64_t bytes = 0;
        bool has = false;
        if (!wanted->is_here)
            TRY(dvc_cache_has(&dvcdata->cache, &wanted->want.object, &bytes, &has));
        if (has)
            *vec_push(dvcdata->arena, &found) = wanted;
    }
    cas_warm(dvcdata->session->cas);
    for (size_t from = 0, end; from < found.len; from = end) {
        end = MIN_OF(from + GROUP_OBJECTS, found.len);
        struct cached cached = {dvcdata, found.at + from};
        TRY(pool_run(dvcdata->session->pool, end - from, take_cached, &cached, is_stopping));
        TRY(signal_check());
        for (size_t i = from; i < end; i++)
            note(dvcdata, found.at[i]);
        TRY(dvcdata_flush(dvcdata));
    }
    return NULL;
}

/* --- remotes --- */

static void tell_damaged(struct dvcdata *dvcdata, const struct wanted *wanted)
{
    char hex[MD5_HEX_LEN + 1];
    md5_print(wanted->want.object.md5, hex);
    dvcdata_warn(dvcdata,
                 str_print(dvcdata->arena,
                           "what DVC's remote holds as %s, of '%.*s', has another MD5: not used",
                           hex, STR_FMT(wanted->name)));
}

static FALLIBLE take_group(struct dvcdata *dvcdata, struct dvc_depot *depot, struct wanted **wants,
                           size_t count)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct dvc_want *group = arena_new_array(&scratch, struct dvc_want, count);
    for (size_t i = 0; i < count; i++)
        group[i] = wants[i]->want;
    TRY(dvc_depot_take(depot, group, count));
    for (size_t i = 0; i < count; i++) {
        wants[i]->want = group[i];
        note(dvcdata, wants[i]);
        if (group[i].taken.health == DVC_DAMAGED)
            tell_damaged(dvcdata, wants[i]);
    }
    return dvcdata_flush(dvcdata);
}

/* Of one remote. */
static FALLIBLE take_from_remote(struct dvcdata *dvcdata, struct wanted_vec *wants)
{
    struct dvc_depot *depot = NULL;
    TRY(dvcdata_depot(dvcdata, wants->at[0]->remote, wants->at[0]->name, &depot));
    for (size_t from = 0, end; from < wants->len; from = end) {
        int64_t bytes = 0;
        for (end = from; end < wants->len && end - from < GROUP_OBJECTS && bytes < GROUP_BYTES;
             end++)
            if (!wants->at[end]->is_in_directory)
                bytes += MAX_OF(wants->at[end]->want.size_bytes, INT64_C(0));
        TRY(take_group(dvcdata, depot, wants->at + from, end - from));
    }
    return NULL;
}

FALLIBLE dvcdata_take(struct dvcdata *dvcdata)
{
    struct map by_remote = {0};
    TRY(take_from_cache(dvcdata));
    if (dvcdata->options->is_local)
        return NULL;
    for (size_t i = 0; i < dvcdata->wants.len; i++) {
        struct wanted *wanted = dvcdata->wants.at[i];
        struct wanted_vec *group = map_get(&by_remote, wanted->remote);
        if (wanted->is_here || wanted->is_local)
            continue;
        if (!group) {
            group = arena_new(dvcdata->arena, struct wanted_vec);
            map_put(dvcdata->arena, &by_remote, wanted->remote, group);
        }
        *vec_push(dvcdata->arena, group) = wanted;
    }
    map_each (slot, &by_remote)
        TRY(take_from_remote(dvcdata, slot->value));
    return NULL;
}
