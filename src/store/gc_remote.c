/* Housekeeping of a remote. What is needed is found as for the local store, but of this project
 * alone: what the others that push there need is in the records of their pushes, which stay until
 * a gc of theirs replaces them by one record of all that they need. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "gc_remote_private.h"

/* The new record first: at no time is anything without one. */
static FALLIBLE replace_records(struct remote_gc *gc)
{
    AUTO(buf_drop) struct buf bytes = {0};
    uint64_t random;
    if (!gc->obsolete.len)
        return NULL;
    canon_str(&bytes, REMOTE_ROOTS_TAG);
    canon_str(&bytes, gc->sweep->workspace->config.project);
    canon_list(&bytes, gc->marks->roots.len);
    vec_each (const struct gc_root, root, &gc->marks->roots) {
        canon_list(&bytes, 4);
        canon_str(&bytes, root->path);
        canon_bool(&bytes, root->is_tree);
        canon_digest(&bytes, root->digest);
        canon_int(&bytes, root->size_bytes);
    }
    random_bytes(&random, sizeof random);
    TRY(depot_put_file(gc->depot,
                       str_print(gc->arena, "roots/%016llx-%016llx",
                                 (unsigned long long)clock_real_ns(), (unsigned long long)random),
                       buf_str(&bytes)));
    vec_each (const struct remote_file, file, &gc->obsolete)
        TRY(depot_remove_file(gc->depot, file->name));
    return NULL;
}

static FALLIBLE mark_needed(struct remote_gc *gc)
{
    mark_as(gc->marks, MARK_WORK);
    TRY(mark_project(gc->marks, gc->sweep->workspace, gc->sweep->ledger));
    mark_as(gc->marks, MARK_FRESH);
    TRY(remote_mark_records(gc));
    return remote_mark_contents(gc);
}

/* --- results --- */

static void add_item(struct remote_gc *gc, const char *what, struct str name, struct str why,
                     int64_t size_bytes, int64_t modified_ns)
{
    gc_items_add(&gc->sweep->items,
                 (struct gc_item){.what = what,
                                  .name = str_copy(gc->sweep->arena, name),
                                  .why = why,
                                  .size_bytes = size_bytes,
                                  .age_ns = modified_ns ? gc->now_ns - modified_ns : 0});
}

/* "res/PROJECT/AB/KEY/NUMBER-ID", and the same below "sig/" with ".SIGNER" behind it. */
static FALLIBLE see_result(void *context, const struct transport_item *item)
{
    struct remote_gc *gc = context;
    struct str file = path_name(item->name);
    ptrdiff_t slash = str_find_last_char(item->name, '/'), dash = str_find_last_char(file, '-');
    ptrdiff_t dot = str_find_last_char(file, '.');
    file = str_slice(file, 0, dot < 0 ? file.len : (size_t)dot);
    struct digest key, id;
    bool is_ours = slash > 0 && dash > 0 &&
                   digest_parse(path_name(str_slice(item->name, 0, (size_t)slash)), &key) &&
                   digest_parse(str_slice(file, (size_t)dash + 1, file.len), &id);
    if (!is_ours || !remote_is_old(gc, item->modified_ns) ||
        digest_set_has(&gc->marks->results, id) || digest_set_has(&gc->marks->keys, key))
        return NULL;
    struct str name = str_copy(gc->arena, item->name);
    *vec_push(gc->arena, &gc->results) =
        (struct remote_file){name, item->size_bytes, item->modified_ns};
    add_item(gc, dot < 0 ? "result" : "signature", name,
             STR("no run, lock file or branch needs it"), item->size_bytes, item->modified_ns);
    return NULL;
}

/* Before the objects that they name. */
static FALLIBLE sweep_results(struct remote_gc *gc)
{
    struct str project = gc->sweep->workspace->config.project;
    TRY(depot_list(gc->depot, str_print(gc->arena, "res/%.*s/", STR_FMT(project)), see_result, gc));
    TRY(depot_list(gc->depot, str_print(gc->arena, "sig/%.*s/", STR_FMT(project)), see_result, gc));
    for (size_t i = 0; gc->sweep->options->really && i < gc->results.len; i++) {
        TRY(signal_check());
        TRY(depot_remove_file(gc->depot, gc->results.at[i].name));
    }
    return NULL;
}

/* --- packs --- */

static bool needs(void *context, struct digest digest)
{
    const struct marks *marks = context;
    return digest_set_has(&marks->objects, digest);
}

static struct str pack_why(struct remote_gc *gc, const struct depot_pruned_pack *pack)
{
    struct arena *arena = gc->sweep->arena;
    struct str kept = bytes_print(arena, pack->kept_bytes);
    if (pack->is_stuck)
        return STR("left alone: something needed in it can't be read");
    switch (pack->verdict) {
    case DEPOT_CONDEMNED:
        return STR("nothing needed is in it: goes after the grace period");
    case DEPOT_REPACKED:
        return str_print(arena, "%.*s of it are needed and copied: goes after the grace period",
                         STR_FMT(kept));
    case DEPOT_WAITS:
        return STR("waits until the grace period is over");
    case DEPOT_KEPT:
    case DEPOT_REMOVED:
        break;
    }
    return STR("was taken out of use before the grace period");
}

static void count_pack(struct remote_gc *gc, const struct depot_pruned_pack *pack)
{
    struct gc_remote_report *report = gc->report;
    bool is_new = pack->verdict == DEPOT_CONDEMNED || pack->verdict == DEPOT_REPACKED;
    report->stuck_packs += pack->is_stuck;
    report->condemned_packs += is_new;
    report->condemned_bytes += is_new ? pack->bytes : 0;
    report->waiting_packs += pack->verdict == DEPOT_WAITS;
    report->waiting_bytes += pack->verdict == DEPOT_WAITS ? pack->bytes : 0;
    add_item(gc, "pack", digest_hex(gc->sweep->arena, pack->id), pack_why(gc, pack), pack->bytes,
             pack->modified_ns);
    if (pack->verdict == DEPOT_REMOVED && !pack->is_stuck)
        return;
    report->base.removed_items--;
    report->base.freed_bytes -= pack->bytes;
}

struct wanting {
    struct digest_set *wanted;
    uint32_t item;
};

static FALLIBLE want_of_item(void *context, struct digest blob)
{
    const struct wanting *wanting = context;
    if (digest_set_add(wanting->wanted, blob))
        *digest_set_note(wanting->wanted, blob) = wanting->item;
    return NULL;
}

/* Each pack by one of the files that are in it. */
static FALLIBLE name_packs(struct remote_gc *gc)
{
    AUTO(digest_set_drop) struct digest_set wanted = {0};
    struct gc_report *report = gc->sweep->items.report;
    gc_items_sort(&gc->sweep->items);
    for (size_t i = 0; i < report->item_count; i++) {
        struct digest id;
        struct wanting wanting = {&wanted, (uint32_t)i};
        if (digest_parse(report->items[i].name, &id))
            TRY(depot_each_blob(gc->depot, id, want_of_item, &wanting));
    }
    return gc_name_wanted(gc->sweep, &wanted);
}

/* Something needed is neither there nor here: perhaps in a pack whose index can't be read. */
static FALLIBLE is_something_lost(struct remote_gc *gc, bool *ret)
{
    const struct digest_set *objects = &gc->marks->objects;
    *ret = false;
    for (size_t i = 0; i < objects->slot_count && !*ret; i++) {
        bool is_there =
            digest_is_zero(objects->slots[i]) || depot_has(gc->depot, objects->slots[i]);
        if (!is_there)
            TRY(cas_has(gc->marks->cas, objects->slots[i], &is_there));
        *ret = !is_there;
    }
    return NULL;
}

static FALLIBLE sweep_packs(struct remote_gc *gc)
{
    bool is_lost = false;
    struct depot_pruned pruned = {0};
    if (depot_has_unusable(gc->depot))
        TRY(is_something_lost(gc, &is_lost));
    struct depot_pruning pruning = {.really = gc->sweep->options->really,
                                    .grace_ns = gc->sweep->options->grace_ns,
                                    .now_ns = gc->now_ns,
                                    .keeps_unusable = is_lost,
                                    .needs = needs,
                                    .context = gc->marks};
    TRY(depot_prune(gc->depot, gc->arena, &pruning, &pruned));
    for (size_t i = 0; i < pruned.pack_count; i++)
        count_pack(gc, &pruned.packs[i]);
    gc->report->moved_bytes = pruned.moved_bytes;
    gc->report->base.kept_objects = pruned.kept_count;
    gc->report->base.kept_bytes = pruned.kept_bytes;
    return name_packs(gc);
}

/* --- what pushes that died have left --- */

struct unfinished {
    struct remote_gc *gc;
    VEC(unfinished_vec, struct transport_item) items;
};

static FALLIBLE see_unfinished(void *context, const struct transport_item *item)
{
    struct unfinished *unfinished = context;
    struct remote_gc *gc = unfinished->gc;
    struct transport_item *kept = NULL;
    if (!remote_is_old(gc, item->modified_ns))
        return NULL;
    kept = vec_push(gc->arena, &unfinished->items);
    *kept = *item;
    kept->name = str_copy(gc->arena, item->name);
    kept->version = str_copy(gc->arena, item->version);
    return NULL;
}

static FALLIBLE sweep_unfinished(struct remote_gc *gc)
{
    struct unfinished unfinished = {.gc = gc};
    TRY(depot_list_unfinished(gc->depot, see_unfinished, &unfinished));
    vec_each (const struct transport_item, item, &unfinished.items) {
        TRY(signal_check());
        if (gc->sweep->options->really)
            TRY(depot_remove_unfinished(gc->depot, item));
        add_item(gc, "unfinished file", str_copy(gc->sweep->arena, item->name),
                 STR("no push goes on with it"), MAX_OF(item->size_bytes, (int64_t)0),
                 item->modified_ns);
    }
    return NULL;
}

static void tell_obsolete(struct remote_gc *gc)
{
    vec_each (const struct remote_file, file, &gc->obsolete)
        add_item(gc, "record", file->name, STR("one record of all that is needed replaces it"),
                 file->size_bytes, file->modified_ns);
}

FALLIBLE gc_remote_run(struct arena *arena, const struct workspace *workspace,
                       struct ledger *ledger, struct cas *cas, struct depot *depot,
                       const struct gc_options *options, struct gc_remote_report *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(marks_drop)
    struct marks marks = {.cas = cas,
                          .now_ns = clock_real_ns(),
                          .collected = &scratch,
                          .observer = options->observer,
                          .all_commits = options->all_commits};
    struct gc_remote_report report = {0};
    struct sweep sweep = {.marks = &marks,
                          .workspace = workspace,
                          .ledger = ledger,
                          .options = options,
                          .items = {arena, &report.base, 0},
                          .arena = arena};
    struct remote_gc gc = {
        .sweep = &sweep, .marks = &marks, .depot = depot, .arena = &scratch, .report = &report};
    TRY(gc_check_clone(&sweep));
    TRY(depot_clock(depot, &gc.now_ns));
    marks.now_ns = MIN_OF(marks.now_ns, gc.now_ns); /* the one that takes less */
    TRY(mark_needed(&gc));
    TRY(sweep_results(&gc));
    TRY(sweep_packs(&gc));
    if (options->really)
        TRY(replace_records(&gc));
    TRY(sweep_unfinished(&gc));
    tell_obsolete(&gc);
    gc_items_sort(&sweep.items);
    *ret = report;
    return NULL;
}
