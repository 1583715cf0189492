/* What comes from another project: a git repository. */
#include "mlops/base/arena.h"
#include "mlops/engine/registry.h"
#include "mlops/model/name.h"

#include "urls_private.h"

static FALLIBLE is_stored(struct session *session, const struct artifact *artifact, bool *ret)
{
    *ret = false;
    return session->cas ? cas_has(session->cas, artifact->digest, ret) : NULL;
}

/* Everything is in the store, for good, before anything names it. */
static FALLIBLE take(struct session *session, struct registry *registry,
                     struct url_outcome *outcome)
{
    struct pointer *pointer = outcome->pointer;
    struct artifact *artifact = &pointer->artifact, taken = {0};
    struct str path = artifact->path;
    struct digest before = artifact->digest;
    bool was_here = false;
    TRY(is_stored(session, artifact, &was_here));
    TRY(registry_take(registry, pointer->source.path, &taken));
    taken.path = path;
    *artifact = taken;
    pointer->source.commit = registry->commit;
    pointer->source.rev = registry->rev;
    outcome->counts = (struct arrival_counts){.files = taken.file_count,
                                              .bytes = taken.size_bytes,
                                              .fetched_files = registry->counts.objects,
                                              .fetched_bytes = registry->counts.bytes};
    TRY(urls_write_pointer(session, pointer));
    if (outcome->status != URL_ADDED)
        outcome->status = digest_equal(before, taken.digest) ? URL_SAME : URL_UPDATED;
    return outcome->status == URL_SAME && was_here ? NULL : urls_place(session, outcome);
}

struct error *urls_import_git(struct session *session, const struct url_import *wanted,
                              struct url_outcome *ret)
{
    AUTO(registry_drop) struct registry registry = {0};
    struct arena *arena = session->arena;
    struct url_outcome outcome = {0};
    struct registry_wish wish = {.word = wanted->url, .rev = wanted->rev, .path = wanted->inner};
    struct str path = {0};
    wish.cwd = path_join(arena, session->workspace.root, session->workspace.cwd);
    TRY(registry_open(session, &wish, &registry, &path));
    struct url_origin origin = {
        .url = registry.place.url, .path = path, .last = path_name(path), .is_git = true};
    struct str here = {0};
    TRY(urls_find_path(session, wanted, &origin, &here));
    TRY(urls_make_pointer(session, wanted, &origin, here, &outcome));
    outcome.pointer->source.url = origin.url;
    outcome.pointer->source.path = path;
    outcome.pointer->source.etag = outcome.pointer->source.modified = (struct str){0};
    TRY(take(session, &registry, &outcome));
    *ret = outcome;
    return NULL;
}

/* --- update --- */

/* Another commit may hold the same: that is nothing new. */
static FALLIBLE look(struct registry *registry, struct url_outcome *outcome)
{
    const struct pointer *pointer = outcome->pointer;
    struct artifact now = {0};
    bool is_known = false;
    outcome->status = URL_SAME;
    if (str_equal(registry->commit, pointer->source.commit))
        return NULL;
    struct error *error = registry_look(registry, pointer->source.path, &now, &is_known);
    if (error && error->code == ERROR_PROJECT && !error->cause) {
        error_drop(error);
        outcome->status = URL_GONE;
        return NULL;
    }
    TRY(error);
    bool is_same = is_known && artifact_equal(&now, &pointer->artifact);
    outcome->status = is_same ? URL_SAME : URL_OUTDATED;
    return NULL;
}

FALLIBLE urls_update_git(struct session *session, const struct url_update *wanted,
                         struct url_outcome *outcome)
{
    AUTO(registry_drop) struct registry registry = {0};
    struct pointer *pointer = outcome->pointer;
    struct registry_wish wish = {.word = pointer->source.url,
                                 .cwd = session->workspace.root,
                                 .rev = wanted->rev.len ? wanted->rev : pointer->source.rev,
                                 .path = pointer->source.path};
    struct str path = {0};
    bool is_here = false;
    TRY_WITHIN(registry_open(session, &wish, &registry, &path), "'%.*s'", STR_FMT(pointer->file));
    TRY(look(&registry, outcome));
    if (wanted->is_dry || outcome->status == URL_GONE)
        return NULL;
    TRY(is_stored(session, &pointer->artifact, &is_here));
    bool is_same = outcome->status == URL_SAME && is_here &&
                   str_equal(registry.commit, pointer->source.commit) &&
                   str_equal(registry.rev, pointer->source.rev);
    return is_same ? NULL : take(session, &registry, outcome);
}

/* --- what a clone lacks --- */

struct error *urls_is_of_git(struct session *session, struct str file, bool *ret)
{
    struct pointer *pointer = NULL;
    *ret = false;
    if (!pointer_is_name(path_name(file)))
        return NULL;
    TRY(pointers_load(session->arena, &session->workspace, file, &pointer));
    *ret = pointer && pointer->source.commit.len;
    return NULL;
}

/* A history that was written anew may hold something else under the same name. */
static FALLIBLE check_same(const struct pointer *pointer, const struct artifact *taken)
{
    if (artifact_equal(&pointer->artifact, taken))
        return NULL;
    return error_hint(error_new(ERROR_ANSWER, "'%.*s' of '%.*s' is not what '%.*s' says it was",
                                STR_FMT(pointer->source.path), STR_FMT(pointer->source.url),
                                STR_FMT(pointer->file)),
                      "mlops update %.*s", STR_FMT(pointer->artifact.path));
}

/* Of a part the rest need not travel; files that git keeps there come with the whole only. */
static FALLIBLE bring(struct registry *registry, const struct pointer *pointer,
                      const struct transfer_root *root)
{
    struct artifact taken = {0};
    struct error *error = root->below.len ? registry_bring(registry, root)
                                          : error_new(ERROR_ANSWER, "all of it is wanted");
    if (!error || error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    TRY(registry_take(registry, pointer->source.path, &taken));
    return check_same(pointer, &taken);
}

struct error *urls_fetch_git(struct session *session, const struct transfer_root *root,
                             struct depot_counts *counts, bool *ret)
{
    AUTO(registry_drop) struct registry registry = {0};
    struct pointer *pointer = NULL;
    struct str path = {0}, file = root->named_by;
    TRY(urls_is_of_git(session, file, ret));
    if (!*ret)
        return NULL;
    TRY(pointers_load(session->arena, &session->workspace, file, &pointer));
    struct registry_wish wish = {.word = pointer->source.url,
                                 .cwd = session->workspace.root,
                                 .rev = pointer->source.commit,
                                 .path = pointer->source.path};
    TRY_WITHIN(registry_open(session, &wish, &registry, &path), "'%.*s'", STR_FMT(file));
    TRY_WITHIN(bring(&registry, pointer, root), "'%.*s'", STR_FMT(file));
    counts->objects += registry.counts.objects;
    counts->bytes += registry.counts.bytes;
    counts->received_bytes += registry.counts.received_bytes;
    return NULL;
}
