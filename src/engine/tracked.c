#include "mlops/engine/tracked.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/model/dvc.h"
#include "mlops/model/event.h"
#include "mlops/store/imported.h"

/* Data of which it is not known yet whether they are as recorded. */
struct doubt {
    const struct dvc_pointer *pointer;
    const struct dvc_entry *entry;
    struct str key;
};

VEC(doubt_vec, struct doubt);

struct checking {
    struct session *session;
    bool is_dry, takes_missing;
    struct map *known;
    struct imported imported; /* of a dry run: what could come back */
    bool has_imported;
    struct error_list missing;
    struct doubt_vec doubts;
};

static const struct str kind = {"tracked", 7};

/* What was found once is true as long as both are what they were. */
static struct str key_of(struct arena *arena, const struct dvc_entry *entry,
                         const struct artifact *found)
{
    char md5[MD5_HEX_LEN + 1];
    char digest[DIGEST_HEX_LEN + 1];
    md5_print(entry->md5, md5);
    digest_print(found->digest, digest);
    return str_print(arena, "%s %d%d %s", md5, entry->is_directory, entry->is_legacy, digest);
}

static void warn(const struct checking *checking, const struct dvc_pointer *pointer,
                 const struct dvc_entry *entry)
{
    struct session *session = checking->session;
    struct event event = {.kind = EVENT_WARNING,
                          .text = str_print(session->arena, "'%.*s' differs from what %.*s records",
                                            STR_FMT(entry->path), STR_FMT(pointer->path))};
    observer_tell(session->observer, &event);
}

static void warn_if_other(struct checking *checking, const struct dvc_pointer *pointer,
                          const struct dvc_entry *entry, const struct artifact *found)
{
    struct session *session = checking->session;
    struct str key = key_of(session->arena, entry, found);
    struct str known = {0};
    if (!index_blob(session->index, session->arena, kind, key, &known))
        *vec_push(session->arena, &checking->doubts) = (struct doubt){pointer, entry, key};
    else if (!str_is(known, "1"))
        warn(checking, pointer, entry);
}

/* What is not known is compared together. */
static FALLIBLE settle_doubts(struct checking *checking)
{
    struct session *session = checking->session;
    struct doubt_vec *doubts = &checking->doubts;
    const struct dvc_entry **entries =
        arena_new_array(session->arena, const struct dvc_entry *, doubts->len);
    bool *same = arena_new_array(session->arena, bool, doubts->len);
    for (size_t i = 0; i < doubts->len; i++)
        entries[i] = doubts->at[i].entry;
    if (doubts->len)
        TRY(import_compare(session, entries, doubts->len, same));
    for (size_t i = 0; i < doubts->len; i++) {
        if (!session->is_read_only)
            index_set_blob(session->index, kind, doubts->at[i].key, same[i] ? STR("1") : STR("0"));
        if (!same[i])
            warn(checking, doubts->at[i].pointer, doubts->at[i].entry);
    }
    return NULL;
}

static FALLIBLE foresee(struct checking *checking, const struct dvc_entry *entry, bool *ret_done)
{
    struct session *session = checking->session;
    if (!checking->has_imported)
        TRY(imported_load(session->arena, &session->workspace, &checking->imported));
    checking->has_imported = true;
    const struct imported_path *path =
        imported_find(&checking->imported, entry->path, entry->md5, entry->is_directory);
    struct artifact *artifact = arena_new(session->arena, struct artifact);
    if (path && session->cas)
        TRY(worktree_can_restore(session->worktree, &path->artifact, ret_done));
    if (*ret_done)
        *artifact = path->artifact;
    else
        TRY(import_foresee(session, entry, artifact, ret_done));
    if (*ret_done && checking->known)
        map_put(session->arena, checking->known, entry->path, artifact);
    return NULL;
}

static FALLIBLE bring_back(struct checking *checking, const struct dvc_pointer *pointer,
                           const struct dvc_entry *entry)
{
    bool is_back = false;
    if (checking->is_dry)
        TRY(foresee(checking, entry, &is_back));
    else
        TRY(import_bring_back(checking->session, entry->path, &is_back));
    if (is_back || checking->takes_missing)
        return NULL;
    const char *before = checking->is_dry
                             ? "'mlops run' brings it back if the store or DVC's cache "
                               "holds it; if not"
                             : "neither the store nor DVC's cache holds it";
    const struct doc_node *node = entry->node ? entry->node : pointer->doc->root;
    error_list_add(&checking->missing,
                   error_hint(doc_error(node, "'%.*s', which %.*s tracks, is not there",
                                        STR_FMT(entry->path), STR_FMT(pointer->path)),
                              "%s: mlops pull %.*s (or dvc pull)", before, STR_FMT(pointer->path)));
    return NULL;
}

static FALLIBLE check_entry(struct checking *checking, const struct dvc_pointer *pointer,
                            const struct dvc_entry *entry)
{
    struct session *session = checking->session;
    struct artifact found = {0};
    if (entry->is_url)
        return NULL;
    struct error *error = worktree_look(session->worktree, entry->path, LOOK_DEP, &found);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    bool is_readable = error == NULL;
    error_drop(error); /* told where it is read */
    if (is_readable && found.kind == ARTIFACT_ABSENT)
        return bring_back(checking, pointer, entry);
    if (is_readable && entry->has_hash)
        warn_if_other(checking, pointer, entry, &found);
    return NULL;
}

static FALLIBLE check_pointers(struct checking *checking, const struct pointer_link_vec *links,
                               bool *is_done)
{
    struct session *session = checking->session;
    vec_each (const struct plan_pointer_link, link, links) {
        if (!session->plan.stages[link->stage].is_selected || is_done[link->pointer])
            continue;
        is_done[link->pointer] = true;
        const struct dvc_pointer *pointer = session->pipeline->pointers.at[link->pointer];
        vec_each (const struct dvc_entry, entry, &pointer->outs)
            TRY(check_entry(checking, pointer, entry));
        TRY(signal_check());
    }
    return settle_doubts(checking);
}

FALLIBLE tracked_check(struct session *session, bool is_dry, bool takes_missing, struct map *known)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct pipeline *pipeline = session->pipeline;
    struct checking checking = {
        .session = session, .is_dry = is_dry, .takes_missing = takes_missing, .known = known};
    struct pointer_link_vec links = plan_pointer_links(&scratch, pipeline);
    bool *is_done = arena_new_array(&scratch, bool, pipeline->pointers.len);
    struct error *error = check_pointers(&checking, &links, is_done);
    struct error *missing = error_list_take(&checking.missing);
    if (!error)
        return missing;
    error_drop(missing);
    return error;
}
