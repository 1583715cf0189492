/* What is damaged in a remote, and what that was. A pack that is damaged is no fault if all that is
 * needed of it lies elsewhere, too, as after a push that put it right: it only takes room. */
#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/store/depot.h"

#include "gc_remote_private.h"
#include "verify_private.h"

/* The label of an item is found by any of the blobs in its pack. */
struct wanting {
    struct digest_set *wanted;
    uint32_t item;
};

static FALLIBLE want_blob(void *context, struct digest blob)
{
    const struct wanting *wanting = context;
    if (digest_set_add(wanting->wanted, blob))
        *digest_set_note(wanting->wanted, blob) = wanting->item;
    return NULL;
}

enum { NAMED_MOST = 10000 };

static FALLIBLE name_damages(struct sweep *sweep, struct depot *depot,
                             const struct depot_verified *verified)
{
    AUTO(digest_set_drop) struct digest_set wanted = {0};
    for (size_t i = 0; i < MIN_OF(verified->damage_count, (size_t)NAMED_MOST); i++) {
        struct wanting wanting = {&wanted, (uint32_t)i};
        const struct depot_damage *damage = &verified->damages[i];
        gc_items_add(&sweep->items,
                     (struct gc_item){.name = digest_hex(sweep->arena, damage->pack)});
        TRY(want_blob(&wanting, damage->first_bad));
        TRY(depot_each_blob(depot, damage->pack, want_blob, &wanting));
    }
    return gc_name_wanted(sweep, &wanted);
}

/* What of the remote is needed, and is in none of its good packs. */
struct judging {
    struct remote_gc *gc;
    bool is_known;         /* else all counts as needed */
    bool is_recorded_lost; /* something that a push recorded is in no good pack */
    bool holds_lost;       /* the pack that is looked at */
};

static bool is_lost(const struct remote_gc *gc, struct digest digest)
{
    return !digest_is_zero(digest) && !depot_has(gc->depot, digest);
}

/* First what pushes recorded, at any age: that must be there. Then what this project needs, of
 * which not all was sent. */
static FALLIBLE find_needed(struct judging *judging)
{
    struct remote_gc *gc = judging->gc;
    struct marks *marks = gc->marks;
    mark_as(marks, MARK_FRESH);
    TRY(remote_mark_records(gc));
    TRY(remote_mark_contents(gc));
    for (size_t i = 0; i < marks->objects.slot_count; i++)
        judging->is_recorded_lost |= is_lost(gc, marks->objects.slots[i]);
    mark_as(marks, MARK_WORK);
    TRY(mark_project(marks, gc->sweep->workspace, gc->sweep->ledger));
    TRY(remote_mark_contents(gc));
    judging->is_known = true;
    return NULL;
}

static FALLIBLE judge_blob(void *context, struct digest blob)
{
    struct judging *judging = context;
    bool is_needed = !judging->is_known || digest_set_has(&judging->gc->marks->objects, blob);
    judging->holds_lost |= is_needed && is_lost(judging->gc, blob);
    return NULL;
}

/* What is in a pack without an index nobody knows. */
static FALLIBLE is_fault(struct judging *judging, const struct depot_damage *damage, bool *ret)
{
    bool has_rows = depot_knows_pack(judging->gc->depot, damage->pack);
    judging->holds_lost = !has_rows && (!judging->is_known || judging->is_recorded_lost);
    TRY(depot_each_blob(judging->gc->depot, damage->pack, judge_blob, judging));
    *ret = judging->holds_lost;
    return NULL;
}

static FALLIBLE keep_faults(struct judging *judging, struct depot_verified *ret)
{
    size_t kept = 0;
    for (size_t i = 0; i < ret->damage_count; i++) {
        bool counts = false;
        TRY(is_fault(judging, &ret->damages[i], &counts));
        if (counts)
            ret->damages[kept++] = ret->damages[i];
    }
    ret->spent_packs = (int64_t)(ret->damage_count - kept);
    ret->damage_count = kept;
    return NULL;
}

/* Without a list of the records nobody knows what others need. */
static FALLIBLE judge_damages(const struct sweep *of, struct depot *depot,
                              struct depot_verified *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(marks_drop)
    struct marks marks = {.cas = of->marks->cas, .now_ns = clock_real_ns(), .collected = &scratch};
    const struct gc_options forever = {.grace_ns = INT64_MAX};
    struct sweep sweep = {
        .marks = &marks, .workspace = of->workspace, .ledger = of->ledger, .options = &forever};
    struct remote_gc gc = {.sweep = &sweep, .marks = &marks, .depot = depot, .arena = &scratch};
    struct judging judging = {.gc = &gc};
    if (!ret->damage_count)
        return NULL;
    struct error *error = depot_can_list(depot) ? find_needed(&judging) : NULL;
    if (error && error->code == ERROR_SIGNAL)
        return error;
    error_drop(error); /* then all counts as needed */
    return keep_faults(&judging, ret);
}

static struct verify_fault fault_of(struct arena *arena, const struct depot_damage *damage,
                                    struct str label)
{
    bool has_index = damage->blob_count > 0;
    struct str fault = has_index
                           ? str_print(arena, "%lld of %lld blobs are not what their names say",
                                       (long long)damage->bad_count, (long long)damage->blob_count)
                           : STR("its index can't be used, so nothing of it can");
    return (struct verify_fault){
        .what = "pack",
        .name = digest_hex(arena, damage->pack),
        .fault = fault,
        .stages = label.len ? str_print(arena, "holds %.*s%s", STR_FMT(label),
                                        damage->blob_count > 1 ? " and more" : "")
                            : (struct str){0},
        .repair = STR("`mlops push` from a project that has the data: it sends again what only "
                      "damaged packs hold")};
}

FALLIBLE verify_remote(struct arena *arena, const struct workspace *workspace,
                       struct ledger *ledger, struct cas *cas, struct depot *depot, bool afresh,
                       struct verify_fault **ret_faults, size_t *ret_count,
                       struct depot_verified *ret)
{
    AUTO(marks_drop) struct marks marks = {.cas = cas};
    struct gc_report report = {0};
    struct sweep sweep = {.marks = &marks,
                          .workspace = workspace,
                          .ledger = ledger,
                          .items = {arena, &report, 0},
                          .arena = arena};
    TRY(depot_verify(depot, arena, afresh, ret));
    TRY(judge_damages(&sweep, depot, ret));
    *ret_count = ret->damage_count;
    *ret_faults = arena_new_array(arena, struct verify_fault, *ret_count + 1);
    TRY(name_damages(&sweep, depot, ret));
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_faults)[i] =
            fault_of(arena, &ret->damages[i],
                     i < report.item_count ? report.items[i].label : (struct str){0});
    return NULL;
}
