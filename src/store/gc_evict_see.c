/* What may be evicted, and what it is made of. */
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/tree.h"
#include "mlops/store/results.h"

#include "gc_evict_private.h"

/* A directory that a pointer names stays: without it nothing would be known of what is below. */
static bool may_go(const struct marks *marks, struct digest digest)
{
    enum mark_rank rank = mark_of(marks, digest);
    if (rank < MARK_DATA)
        return true;
    return rank == MARK_DATA && !mark_is_tree(marks, digest) &&
           digest_set_has(&marks->fetchable, digest);
}

static uint32_t number_of(struct eviction *eviction, struct digest digest)
{
    bool is_new = digest_set_add(&eviction->numbers, digest);
    uint32_t *note = digest_set_note(&eviction->numbers, digest);
    check(note != NULL);
    if (is_new) {
        *note = (uint32_t)eviction->objects.len;
        *vec_push(&eviction->arena, &eviction->objects) = (struct held_object){0};
        *vec_push(&eviction->arena, &eviction->names) = digest;
    }
    return *note;
}

static void hold(struct eviction *eviction, struct unit *unit, struct digest digest)
{
    if (!may_go(eviction->sweep->marks, digest))
        return;
    uint32_t number = number_of(eviction, digest);
    eviction->objects.at[number].units++;
    *vec_push(&eviction->arena, &unit->objects) = number;
    unit->is_fetched &= digest_set_has(&eviction->sweep->marks->fetchable, digest);
}

static FALLIBLE hold_entries(struct eviction *eviction, struct unit *unit, struct arena *arena,
                             struct digest_set *seen, struct digest_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest digest = waiting->at[--waiting->len];
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(signal_check());
    TRY(cas_get_bytes(eviction->sweep->marks->cas, &scratch, digest, LIMIT_TREE_BYTES, &bytes,
                      &found));
    if (found)
        TRY(tree_decode(&scratch, bytes, &tree));
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        if (!digest_set_add(seen, entry->digest))
            continue;
        hold(eviction, unit, entry->digest);
        if (entry->kind == TREE_DIRECTORY)
            *vec_push(arena, waiting) = entry->digest;
    }
    return NULL;
}

/* All that its outputs are made of. */
static FALLIBLE hold_outputs(struct eviction *eviction, struct unit *unit,
                             const struct result *result)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(digest_set_drop) struct digest_set seen = {0};
    struct digest_vec waiting = {0};
    for (size_t i = 0; i < result->out_count; i++) {
        const struct artifact *out = &result->outs[i];
        if (out->kind == ARTIFACT_ABSENT || !digest_set_add(&seen, out->digest))
            continue;
        unit->is_last |= mark_of(eviction->sweep->marks, out->digest) == MARK_BRANCH;
        hold(eviction, unit, out->digest);
        if (out->kind == ARTIFACT_TREE)
            *vec_push(&arena, &waiting) = out->digest;
    }
    while (waiting.len)
        TRY(hold_entries(eviction, unit, &arena, &seen, &waiting));
    return NULL;
}

static struct digest content_of(const struct result *result)
{
    AUTO(buf_drop) struct buf bytes = {0};
    for (size_t i = 0; i < result->out_count; i++)
        artifact_encode(&result->outs[i], &bytes);
    return digest_of(bytes.at, bytes.len);
}

static FALLIBLE unit_find(struct eviction *eviction, const struct result *result, struct unit **ret)
{
    struct digest content = content_of(result);
    bool is_new = digest_set_add(&eviction->contents, content);
    uint32_t *note = digest_set_note(&eviction->contents, content);
    check(note != NULL);
    if (is_new) {
        *note = (uint32_t)eviction->units.len;
        struct unit *unit = vec_push(&eviction->arena, &eviction->units);
        *unit = (struct unit){.is_fetched = true};
        TRY(hold_outputs(eviction, unit, result));
    }
    *ret = &eviction->units.at[*note];
    return NULL;
}

static void unit_add(struct eviction *eviction, struct unit *unit, const struct result *result,
                     struct swept_result which)
{
    *vec_push(&eviction->arena, &unit->results) = which;
    unit->used_ns = MAX_OF(unit->used_ns, result->created_ns);
    if (unit->results.len > 1 && result->created_ns < unit->created_ns)
        return;
    unit->created_ns = result->created_ns;
    unit->duration_ns = result->duration_ns;
    unit->newest = which.id;
    unit->label = result_label(eviction->sweep->arena, result);
}

/* Results that go anyway are none to choose from; those within the grace period and what they hold
 * stay. */
static FALLIBLE see_result(void *context, struct str project, struct digest key, struct digest id,
                           struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct eviction *eviction = context;
    struct sweep *sweep = eviction->sweep;
    struct result result = {0};
    struct file_stat stat = {0};
    struct unit *unit = NULL;
    bool found = false;
    TRY(signal_check());
    if (digest_set_has(&sweep->gone, id))
        return NULL;
    struct error *error = result_decode(&scratch, bytes, &result);
    error_drop(error); /* verify tells of damaged ones */
    TRY(file_stat_at(fd_number(sweep->workspace->cache_fd), path, false, &stat, &found));
    if (error || !found)
        return NULL;
    TRY(unit_find(eviction, &result, &unit));
    unit_add(eviction, unit, &result,
             (struct swept_result){str_copy(sweep->arena, project), key, id});
    if (digest_set_add(&eviction->ids, id))
        *digest_set_note(&eviction->ids, id) = (uint32_t)(unit - eviction->units.at);
    if (sweep_age(sweep, &stat) < sweep->options->grace_ns)
        vec_each (uint32_t, number, &unit->objects)
            eviction->objects.at[*number].is_kept = true;
    return NULL;
}

/* What no result holds can still be fetched again. */
static bool is_loose(const struct marks *marks, struct digest digest)
{
    return digest_set_has(&marks->objects, digest) && !mark_is_tree(marks, digest) &&
           digest_set_has(&marks->fetchable, digest) && may_go(marks, digest);
}

static FALLIBLE see_object(void *context, struct digest digest, const struct file_stat *stat)
{
    struct eviction *eviction = context;
    const struct marks *marks = eviction->sweep->marks;
    if (!digest_set_has(&eviction->numbers, digest) && !is_loose(marks, digest))
        return NULL;
    uint32_t number = number_of(eviction, digest); /* the list may move */
    struct held_object *object = &eviction->objects.at[number];
    object->size_bytes = stat->size_bytes;
    object->used_ns = MAX_OF(stat->mtime_ns, stat->ctime_ns);
    object->is_kept |= sweep_age(eviction->sweep, stat) < eviction->sweep->options->grace_ns;
    return NULL;
}

static FALLIBLE see_use(void *context, struct digest id, int64_t moment_ns)
{
    struct eviction *eviction = context;
    const uint32_t *number = digest_set_note(&eviction->ids, id);
    if (number) {
        struct unit *unit = &eviction->units.at[*number];
        unit->used_ns = MAX_OF(unit->used_ns, moment_ns);
    }
    return NULL;
}

FALLIBLE eviction_see(struct eviction *eviction)
{
    struct sweep *sweep = eviction->sweep;
    TRY(results_each(sweep->workspace, see_result, eviction));
    TRY(cas_each(sweep->marks->cas, see_object, eviction));
    return ledger_uses(sweep->ledger, see_use, eviction);
}

static FALLIBLE add_bytes(void *context, struct digest digest, const struct file_stat *stat)
{
    int64_t *bytes = context;
    (void)digest;
    *bytes += stat->size_bytes;
    return NULL;
}

FALLIBLE gc_ask_remotes(struct sweep *sweep)
{
    const struct gc_fetchable *fetchable = sweep->options->fetchable;
    const struct digest_set *objects = &sweep->marks->objects;
    int64_t bytes = 0;
    if (!fetchable || sweep->options->cache_bytes <= 0)
        return NULL;
    TRY(cas_each(sweep->marks->cas, add_bytes, &bytes));
    if (bytes <= sweep->options->cache_bytes)
        return NULL;
    TRY(fetchable->prepare(fetchable->context, objects->slots, objects->slot_count));
    for (size_t i = 0; i < objects->slot_count; i++)
        if (!digest_is_zero(objects->slots[i]) &&
            fetchable->has(fetchable->context, objects->slots[i]))
            digest_set_add(&sweep->marks->fetchable, objects->slots[i]);
    return NULL;
}
