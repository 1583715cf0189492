/* What the objects were that gc lists: a digest alone tells nobody whether it may go. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"
#include "mlops/model/tree.h"
#include "mlops/store/results.h"

#include "gc_private.h"

/* Only what is listed is looked for, and only in directories that are not needed themselves: what
 * is below a needed one is needed. */
struct naming {
    struct sweep *sweep;
    struct digest_set wanted; /* listed objects; note: number of the item */
    struct digest_set seen;   /* directories that were looked at */
    size_t left;              /* items without a label */
};

static void naming_drop(struct naming *naming)
{
    digest_set_drop(&naming->wanted);
    digest_set_drop(&naming->seen);
}

static void give_label(struct naming *naming, struct digest digest, struct str path,
                       struct str origin)
{
    const uint32_t *note = digest_set_note(&naming->wanted, digest);
    struct gc_item *item = note ? &naming->sweep->items.report->items[*note] : NULL;
    if (!item || item->label.len)
        return;
    item->label = str_print(naming->sweep->arena, "%.*s of %.*s", STR_FMT(path), STR_FMT(origin));
    naming->left--;
}

struct place {
    struct digest digest;
    struct str path;
};
VEC(place_vec, struct place);

static FALLIBLE name_entries(struct naming *naming, struct arena *arena, struct place place,
                             struct str origin, struct place_vec *waiting)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct cas *cas = naming->sweep->marks->cas;
    struct str bytes = {0};
    struct tree tree = {0};
    bool found = false;
    TRY(signal_check());
    TRY(cas_get_bytes(cas, &scratch, place.digest, LIMIT_TREE_BYTES, &bytes, &found));
    if (found)
        TRY(tree_decode(&scratch, bytes, &tree));
    for (size_t i = 0; i < tree.count; i++) {
        const struct tree_entry *entry = &tree.entries[i];
        struct str path = path_join(&scratch, place.path, entry->name);
        give_label(naming, entry->digest, path, origin);
        bool is_unknown = entry->kind == TREE_DIRECTORY &&
                          !digest_set_has(&naming->sweep->marks->objects, entry->digest) &&
                          digest_set_add(&naming->seen, entry->digest);
        if (is_unknown)
            *vec_push(arena, waiting) = (struct place){entry->digest, str_copy(arena, path)};
    }
    return NULL;
}

static FALLIBLE name_tree(struct naming *naming, struct place top, struct str origin)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct place_vec waiting = {0};
    if (digest_set_has(&naming->sweep->marks->objects, top.digest) ||
        !digest_set_add(&naming->seen, top.digest))
        return NULL;
    *vec_push(&arena, &waiting) = top;
    while (waiting.len && naming->left)
        TRY(name_entries(naming, &arena, waiting.at[--waiting.len], origin, &waiting));
    return NULL;
}

static FALLIBLE name_output(void *context, const struct ledger_output *output)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct naming *naming = context;
    struct str origin = str_print(&scratch, "%.*s in run %.*s", STR_FMT(output->stage),
                                  STR_FMT(ulid_short(output->run)));
    if (!naming->left)
        return NULL;
    give_label(naming, output->digest, output->path, origin);
    return output->is_tree ? name_tree(naming, (struct place){output->digest, output->path}, origin)
                           : NULL;
}

/* Other projects of the cache, and results whose history is lost. */
static FALLIBLE name_result(void *context, struct str project, struct digest key, struct digest id,
                            struct str bytes, const char *path)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct naming *naming = context;
    struct result result = {0};
    (void)project, (void)key, (void)id, (void)path;
    if (!naming->left)
        return NULL;
    struct error *error = result_decode(&scratch, bytes, &result);
    error_drop(error); /* verify tells of damaged ones */
    for (size_t i = 0; !error && i < result.out_count; i++) {
        const struct artifact *out = &result.outs[i];
        struct ledger_output output = {.path = out->path,
                                       .stage = result.stage,
                                       .run = result.run,
                                       .digest = out->digest,
                                       .is_tree = out->kind == ARTIFACT_TREE};
        TRY(name_output(context, &output));
    }
    return NULL;
}

/* A pointer of some commit, which no branch, tag or stash leads to directly. */
static FALLIBLE name_document(void *context, const struct git_document *document)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct naming *naming = context;
    struct pointer pointer = {0};
    struct str path = document->path;
    if (!naming->left || !document->commit.len || !pointer_is_name(path_name(path)))
        return NULL;
    struct error *error = pointer_parse(&scratch, path, document->bytes, path, &pointer);
    bool is_good = error == NULL;
    error_drop(error);
    if (!is_good)
        return NULL;
    const struct artifact *artifact = &pointer.artifact;
    struct str origin =
        str_print(&scratch, "commit %.*s", STR_FMT(str_slice(document->commit, 0, 7)));
    give_label(naming, artifact->digest, artifact->path, origin);
    struct place top = {artifact->digest, artifact->path};
    return artifact->kind == ARTIFACT_TREE ? name_tree(naming, top, origin) : NULL;
}

/* A help only: where history is not all here, or damaged, the listing does without. */
static FALLIBLE name_history(struct naming *naming)
{
    if (naming->left)
        error_drop(gc_each_document(naming->sweep->workspace, true, name_document, naming));
    return signal_check();
}

FALLIBLE gc_name_wanted(struct sweep *sweep, struct digest_set *wanted)
{
    AUTO(naming_drop)
    struct naming naming = {.sweep = sweep, .wanted = *wanted, .left = wanted->len};
    *wanted = (struct digest_set){0};
    TRY(ledger_outputs(sweep->ledger, name_output, &naming));
    TRY(results_each(sweep->workspace, name_result, &naming));
    return name_history(&naming);
}

FALLIBLE gc_name_items(struct sweep *sweep)
{
    AUTO(digest_set_drop) struct digest_set wanted = {0};
    struct gc_report *report = sweep->items.report;
    gc_items_sort(&sweep->items);
    for (size_t i = 0; i < report->item_count; i++) {
        struct digest digest;
        if (!report->items[i].label.len && digest_parse(report->items[i].name, &digest) &&
            digest_set_add(&wanted, digest))
            *digest_set_note(&wanted, digest) = (uint32_t)i;
    }
    return gc_name_wanted(sweep, &wanted);
}
