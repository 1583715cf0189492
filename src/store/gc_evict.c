/* Eviction: what is needed but can be made again goes when the cache is larger than it may be. */
#include "mlops/base/moment.h"

#include <stdlib.h>

#include "gc_evict_private.h"

static void eviction_drop(struct eviction *eviction)
{
    digest_set_drop(&eviction->numbers);
    digest_set_drop(&eviction->contents);
    digest_set_drop(&eviction->ids);
    arena_drop(&eviction->arena);
}

/* Of an object that several hold each pays its share. */
static void unit_price(const struct eviction *eviction, struct unit *unit)
{
    double bytes = 0;
    vec_each (uint32_t, number, &unit->objects) {
        const struct held_object *object = &eviction->objects.at[*number];
        if (!object->is_kept)
            bytes += (double)object->size_bytes / (double)object->units;
    }
    unit->is_gone = bytes <= 0; /* nothing to gain */
    unit->cost = unit->is_fetched ? 0 : (double)unit->duration_ns / MAX_OF(bytes, 1);
}

static int compare_units(const void *a, const void *b)
{
    const struct unit *left = *(struct unit *const *)a, *right = *(struct unit *const *)b;
    bool left_last = left->is_last && !left->is_fetched;
    bool right_last = right->is_last && !right->is_fetched;
    if (left_last != right_last)
        return left_last ? 1 : -1;
    if (left->cost < right->cost || left->cost > right->cost)
        return left->cost < right->cost ? -1 : 1;
    if (left->used_ns != right->used_ns)
        return left->used_ns < right->used_ns ? -1 : 1;
    return digest_compare(left->newest, right->newest);
}

/* What would be free if it went now. */
static int64_t unit_gain(const struct eviction *eviction, const struct unit *unit)
{
    int64_t bytes = 0;
    vec_each (uint32_t, number, &unit->objects) {
        const struct held_object *object = &eviction->objects.at[*number];
        if (object->units == 1 && !object->is_kept)
            bytes += object->size_bytes;
    }
    return bytes;
}

static void object_go(struct eviction *eviction, uint32_t number)
{
    struct sweep *sweep = eviction->sweep;
    struct held_object *object = &eviction->objects.at[number];
    object->is_gone = true;
    eviction->left_bytes -= object->size_bytes;
    if (!object->size_bytes)
        return;
    sweep->items.report->kept_objects--;
    sweep->items.report->kept_bytes -= object->size_bytes;
    *vec_push(sweep->arena, &sweep->objects) = eviction->names.at[number];
}

static struct str unit_why(struct arena *arena, const struct unit *unit)
{
    if (unit->is_fetched)
        return STR("over cache.size: a remote has it");
    return str_print(arena, "over cache.size: costs %.*s to make again",
                     STR_FMT(duration_print(arena, unit->duration_ns)));
}

static void unit_go(struct eviction *eviction, struct unit *unit)
{
    struct sweep *sweep = eviction->sweep;
    int64_t bytes = unit_gain(eviction, unit);
    unit->is_gone = true;
    vec_each (uint32_t, number, &unit->objects) {
        struct held_object *object = &eviction->objects.at[*number];
        if (--object->units == 0 && !object->is_kept)
            object_go(eviction, *number);
    }
    vec_each (struct swept_result, result, &unit->results)
        *vec_push(sweep->arena, &sweep->results) = *result;
    sweep->items.report->evicted_items++;
    gc_items_add(&sweep->items, (struct gc_item){.what = "result",
                                                 .name = digest_hex(sweep->arena, unit->newest),
                                                 .label = unit->label,
                                                 .why = unit_why(sweep->arena, unit),
                                                 .size_bytes = bytes,
                                                 .age_ns = sweep->marks->now_ns - unit->used_ns});
}

/* Those that free something on their own first; what several hold goes with the last of them. */
static void evict_units(struct eviction *eviction, struct unit **order)
{
    int64_t most = eviction->sweep->options->cache_bytes;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < eviction->units.len && eviction->left_bytes > most; i++)
            if (!order[i]->is_gone && (pass || unit_gain(eviction, order[i]) > 0))
                unit_go(eviction, order[i]);
}

struct loose {
    int64_t used_ns;
    uint32_t number;
};
VEC(loose_vec, struct loose);

static int compare_loose(const void *a, const void *b)
{
    const struct loose *left = a, *right = b;
    if (left->used_ns != right->used_ns)
        return left->used_ns < right->used_ns ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* Data that a remote has, the longest unused first. */
static void evict_loose(struct eviction *eviction)
{
    struct sweep *sweep = eviction->sweep;
    struct loose_vec loose = {0};
    for (size_t i = 0; i < eviction->objects.len; i++) {
        const struct held_object *object = &eviction->objects.at[i];
        if (object->units == 0 && !object->is_kept)
            *vec_push(&eviction->arena, &loose) = (struct loose){object->used_ns, (uint32_t)i};
    }
    vec_sort(&loose, compare_loose);
    for (size_t i = 0; i < loose.len && eviction->left_bytes > sweep->options->cache_bytes; i++) {
        const struct held_object *object = &eviction->objects.at[loose.at[i].number];
        object_go(eviction, loose.at[i].number);
        sweep->items.report->evicted_items++;
        gc_items_add(&sweep->items,
                     (struct gc_item){
                         .what = "object",
                         .name = digest_hex(sweep->arena, eviction->names.at[loose.at[i].number]),
                         .why = STR("over cache.size: a remote has it"),
                         .size_bytes = object->size_bytes,
                         .age_ns = sweep->marks->now_ns - object->used_ns});
    }
}

static void evict_in_order(struct eviction *eviction)
{
    struct unit **order = arena_new_array(&eviction->arena, struct unit *, eviction->units.len);
    for (size_t i = 0; i < eviction->units.len; i++) {
        order[i] = &eviction->units.at[i];
        unit_price(eviction, order[i]);
    }
    if (eviction->units.len > 1)
        qsort(order, eviction->units.len, sizeof *order, compare_units);
    evict_loose(eviction);
    evict_units(eviction, order);
}

static const char *const holders[MARK_RANKS] = {
    [MARK_RUN] = "runs of the history",
    [MARK_BRANCH] = "lock files of branches, tags and stashes",
    [MARK_DATA] = "tracked data: pointers here, of branches, tags and stashes",
    [MARK_TAGGED] = "tagged runs, runs that go on, files that sweeps are made from",
    [MARK_WORK] = "lock files of the work tree",
    [MARK_FRESH] = "what is in use or within the grace period",
};

/* What could not be evicted. */
static const char *const stayers[MARK_RANKS] = {
    [MARK_RUN] = "the history, where nothing makes it again",
    [MARK_BRANCH] = "lock files of branches, where nothing makes it again",
    [MARK_DATA] = "tracked data that no remote has",
    [MARK_TAGGED] = "tagged runs, runs that go on, files that sweeps are made from",
    [MARK_WORK] = "lock files of the work tree",
    [MARK_FRESH] = "what is in use or within the grace period",
};

void gc_hold(struct gc_report *report, enum mark_rank rank, int64_t bytes)
{
    report->holders[rank - MARK_RUN].what = holders[rank];
    report->holders[rank - MARK_RUN].bytes += bytes;
}

static FALLIBLE see_holder(void *context, struct digest digest, const struct file_stat *stat)
{
    struct eviction *eviction = context;
    struct gc_holder *found = eviction->sweep->items.report->holders;
    const uint32_t *number = digest_set_note(&eviction->numbers, digest);
    enum mark_rank rank = mark_of(eviction->sweep->marks, digest);
    bool is_young = sweep_age(eviction->sweep, stat) < eviction->sweep->options->grace_ns;
    bool is_kept = number && eviction->objects.at[*number].is_kept;
    if ((number && eviction->objects.at[*number].is_gone) || (rank == MARK_NONE && !is_young))
        return NULL;
    rank = is_young || is_kept ? MARK_FRESH : rank;
    found[rank - MARK_RUN].what = stayers[rank];
    found[rank - MARK_RUN].bytes += stat->size_bytes;
    return NULL;
}

static int compare_holders(const void *a, const void *b)
{
    const struct gc_holder *left = a, *right = b;
    return left->bytes == right->bytes ? 0 : left->bytes < right->bytes ? 1 : -1;
}

void gc_holders_sort(struct gc_report *report)
{
    qsort(report->holders, COUNT_OF(report->holders), sizeof report->holders[0], compare_holders);
}

static FALLIBLE tell_holders(struct eviction *eviction)
{
    struct gc_report *report = eviction->sweep->items.report;
    report->over_bytes = eviction->left_bytes - eviction->sweep->options->cache_bytes;
    memset(report->holders, 0, sizeof report->holders);
    return cas_each(eviction->sweep->marks->cas, see_holder, eviction);
}

FALLIBLE gc_evict(struct sweep *sweep)
{
    AUTO(eviction_drop)
    struct eviction eviction = {.sweep = sweep, .left_bytes = sweep->items.report->kept_bytes};
    int64_t most = sweep->options->cache_bytes;
    if (most <= 0 || eviction.left_bytes <= most)
        return NULL;
    TRY(eviction_see(&eviction));
    evict_in_order(&eviction);
    return eviction.left_bytes > most ? tell_holders(&eviction) : NULL;
}
