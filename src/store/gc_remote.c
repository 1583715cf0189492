/* Housekeeping of a remote. What is needed is found as for the local store, but of this project
 * alone: what the others that push there need is in the records of their pushes, which stay until
 * a gc of theirs replaces them by one record of all that they need. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/canon.h"
#include "mlops/host/clock.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/store/depot.h"

#include "gc_private.h"

#define ROOTS_TAG STR("mlops.roots.1")
enum { ROOTS_BYTES_MOST = 1 << 30 };

struct remote_file {
    struct str name;
    int64_t size_bytes, modified_ns;
};
VEC(remote_file_vec, struct remote_file);

struct remote_gc {
    struct sweep *sweep;
    struct marks *marks;
    struct depot *depot;
    struct arena *arena;
    int64_t now_ns;                  /* by the server's clock */
    struct remote_file_vec obsolete; /* records of pushes that git knows of by now */
    struct remote_file_vec results;  /* that nothing needs */
    struct gc_remote_report *report;
};

static bool is_old(const struct remote_gc *gc, int64_t modified_ns)
{
    return modified_ns != 0 && gc->now_ns - modified_ns >= gc->sweep->options->grace_ns;
}

/* --- records of pushes --- */

static FALLIBLE read_root(struct canon_reader *reader, struct artifact *ret)
{
    size_t count = 0;
    bool is_tree = false;
    TRY(canon_read_list(reader, &count));
    if (count != 4)
        return error_new(ERROR_STORED, "an entry of a record of a push is damaged");
    TRY(canon_read_str(reader, &ret->path));
    TRY(canon_read_bool(reader, &is_tree));
    TRY(canon_read_digest(reader, &ret->digest));
    ret->kind = is_tree ? ARTIFACT_TREE : ARTIFACT_FILE;
    return canon_read_int(reader, &ret->size_bytes);
}

/* Others' records count at any age: only they know when theirs are no longer needed. */
static FALLIBLE mark_record(struct remote_gc *gc, const struct remote_file *file, struct str bytes)
{
    struct canon_reader reader = canon_reader_of(bytes);
    struct str project = {0};
    size_t count = 0;
    TRY(canon_expect_tag(&reader, ROOTS_TAG));
    TRY(canon_read_str(&reader, &project));
    bool is_own = str_equal(project, gc->sweep->workspace->config.project);
    if (is_own && is_old(gc, file->modified_ns)) {
        *vec_push(gc->arena, &gc->obsolete) = *file;
        return NULL;
    }
    TRY(canon_read_list(&reader, &count));
    for (size_t i = 0; i < count; i++) {
        struct artifact artifact = {0};
        TRY(read_root(&reader, &artifact));
        size_t own_roots = gc->marks->roots.len;
        TRY(mark_artifact(gc->marks, &artifact));
        gc->marks->roots.len = own_roots; /* not among those that this project's record names */
    }
    return canon_expect_end(&reader);
}

struct file_listing {
    struct arena *arena;
    struct remote_file_vec files;
};

static FALLIBLE note_file(void *context, const struct transport_item *item)
{
    struct file_listing *listing = context;
    *vec_push(listing->arena, &listing->files) = (struct remote_file){
        str_copy(listing->arena, item->name), item->size_bytes, item->modified_ns};
    return NULL;
}

/* One that is gone by now was replaced by a record of all that its project needs: look again. */
static FALLIBLE mark_records(struct remote_gc *gc)
{
    struct file_listing listing = {.arena = gc->arena};
    TRY(depot_list(gc->depot, STR("roots/"), note_file, &listing));
    vec_each (const struct remote_file, file, &listing.files) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct str bytes = {0};
        bool found = false;
        TRY(signal_check());
        TRY(depot_get_file(gc->depot, &scratch, file->name, ROOTS_BYTES_MOST, &bytes, &found));
        if (!found)
            return error_hint(error_new(ERROR_MACHINE, "somebody else is cleaning up this remote"),
                              "try again when that is over");
        TRY_WITHIN(mark_record(gc, file, bytes), "'%.*s' of the remote", STR_FMT(file->name));
    }
    return NULL;
}

/* The new record first: at no time is anything without one. */
static FALLIBLE replace_records(struct remote_gc *gc)
{
    AUTO(buf_drop) struct buf bytes = {0};
    uint64_t random;
    if (!gc->obsolete.len)
        return NULL;
    canon_str(&bytes, ROOTS_TAG);
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

/* --- directories that are not here --- */

/* One that the remote has not either names nothing there. */
static FALLIBLE fetch_trees(struct remote_gc *gc, const struct digest_vec *trees)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct depot_want_vec wants = {0}, missing = {0};
    vec_each (struct digest, tree, trees) {
        struct depot_want want = {.digest = *tree};
        bool found = false;
        if (!depot_can_give(gc->depot, *tree))
            continue;
        TRY(depot_object_bytes(gc->depot, *tree, &want.size_bytes, &found));
        found = found && want.size_bytes <= LIMIT_TREE_BYTES;
        *vec_push(&scratch, found ? &wants : &missing) = want;
    }
    TRY(depot_fetch(gc->depot, &scratch, wants.at, wants.len, &missing));
    if (!missing.len)
        return NULL;
    struct str hex = digest_hex(&scratch, missing.at[0].digest);
    return error_hint(error_new(ERROR_STORED,
                                "the directory %.12s... can't be read from the remote: what it "
                                "needs is not known",
                                hex.at),
                      "'mlops verify --remote' finds what is damaged; nothing was removed");
}

static FALLIBLE mark_absent(struct remote_gc *gc)
{
    struct marks *marks = gc->marks;
    while (marks->absent.len) {
        struct digest_vec trees = marks->absent;
        marks->absent = (struct digest_vec){0};
        TRY(fetch_trees(gc, &trees));
        for (size_t i = 0; i < trees.len; i++) {
            bool found = false;
            size_t before = marks->absent.len;
            TRY(mark_below(marks, trees.at[i], &found));
            if (!found)
                marks->absent.len = before; /* nowhere: not asked for again */
        }
    }
    return NULL;
}

/* --- chunks --- */

static void mark_chunk(void *context, struct digest chunk)
{
    digest_set_add(context, chunk);
}

static FALLIBLE mark_chunks(struct remote_gc *gc)
{
    const struct digest_set *objects = &gc->marks->objects;
    AUTO(arena_drop) struct arena scratch = {0};
    struct digest_vec files = {0};
    for (size_t i = 0; i < objects->slot_count; i++)
        if (!digest_is_zero(objects->slots[i]))
            *vec_push(&scratch, &files) = objects->slots[i];
    TRY_WITHIN(depot_each_chunk(gc->depot, files.at, files.len, mark_chunk, &gc->marks->objects),
               "can't tell what is still needed of the remote");
    return NULL;
}

static FALLIBLE mark_needed(struct remote_gc *gc)
{
    mark_as(gc->marks, MARK_WORK);
    TRY(mark_project(gc->marks, gc->sweep->workspace, gc->sweep->ledger));
    mark_as(gc->marks, MARK_FRESH);
    TRY(mark_records(gc));
    TRY(mark_absent(gc));
    return mark_chunks(gc);
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
    if (!is_ours || !is_old(gc, item->modified_ns) || digest_set_has(&gc->marks->results, id) ||
        digest_set_has(&gc->marks->keys, key))
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

static FALLIBLE sweep_packs(struct remote_gc *gc)
{
    struct depot_pruned pruned = {0};
    struct depot_pruning pruning = {.really = gc->sweep->options->really,
                                    .grace_ns = gc->sweep->options->grace_ns,
                                    .now_ns = gc->now_ns,
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
    if (!is_old(gc, item->modified_ns))
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
