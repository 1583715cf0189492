/* What is damaged in a remote, and what that was. */
#include "mlops/base/arena.h"
#include "mlops/store/depot.h"

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
    *ret_count = ret->damage_count;
    *ret_faults = arena_new_array(arena, struct verify_fault, *ret_count + 1);
    TRY(name_damages(&sweep, depot, ret));
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_faults)[i] =
            fault_of(arena, &ret->damages[i],
                     i < report.item_count ? report.items[i].label : (struct str){0});
    return NULL;
}
