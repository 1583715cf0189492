#include "mlops/engine/dvcimport.h"

#include "mlops/base/arena.h"
#include "mlops/engine/dvcdata.h"
#include "mlops/engine/registry.h"
#include "mlops/model/name.h"

/* What a `.dvc` file says of where it came from. */
struct origin {
    struct str url, path, rev, rev_lock;
    struct str remote; /* of DVC, in that project; else empty */
};

static struct str text_in(const struct doc_node *node, const char *key)
{
    const struct doc_node *field = doc_find(node, str_of(key));
    return field && field->kind == DOC_STR ? field->text : (struct str){0};
}

static FALLIBLE only_dvc(const struct dvc_tracked *tracked, const char *what)
{
    return error_hint(error_new(ERROR_PROJECT, "%.*s imports with %s, which only DVC can follow",
                                STR_FMT(tracked->file), what),
                      "dvc pull %.*s", STR_FMT(tracked->file));
}

struct str dvcimport_url(const struct dvc_tracked *tracked)
{
    const struct doc_node *deps = doc_find(tracked->entry->node->doc->root, STR("deps"));
    const struct doc_node *repo = doc_find(deps->first, STR("repo"));
    return repo ? text_in(repo, "url") : (struct str){0};
}

static FALLIBLE read_origin(const struct dvc_tracked *tracked, struct origin *ret)
{
    const struct doc_node *deps = doc_find(tracked->entry->node->doc->root, STR("deps"));
    const struct doc_node *dep = deps->first, *repo = doc_find(dep, STR("repo"));
    if (!repo || repo->kind != DOC_MAP || dep->next)
        return only_dvc(tracked, "more than one source");
    const struct doc_node *remote = doc_find(repo, STR("remote"));
    if (doc_find(repo, STR("config")))
        return only_dvc(tracked, "settings of its own (config)");
    if (remote && remote->kind != DOC_STR)
        return only_dvc(tracked, "a remote of its own");
    /* A commit of digits alone is written in quotes, and a text. */
    *ret = (struct origin){.url = text_in(repo, "url"),
                           .path = text_in(dep, "path"),
                           .rev = text_in(repo, "rev"),
                           .rev_lock = text_in(repo, "rev_lock"),
                           .remote = text_in(repo, "remote")};
    if (ret->url.len && ret->path.len)
        return NULL;
    return error_new(ERROR_PROJECT, "%.*s names no repository or no path in it",
                     STR_FMT(tracked->file));
}

static FALLIBLE open_origin(struct session *session, const struct dvc_tracked *tracked,
                            const struct origin *origin, struct str rev, struct registry *ret,
                            struct str *ret_path)
{
    struct registry_wish wish = {
        .word = origin->url, .cwd = session->workspace.root, .rev = rev, .path = origin->path};
    TRY_WITHIN(registry_open(session, &wish, ret, ret_path), "'%.*s'", STR_FMT(tracked->file));
    ret->dvc_remote = origin->remote;
    return NULL;
}

/* --- what a clone lacks --- */

/* A history that was written anew may hold something else under the same name. */
static FALLIBLE not_it(const struct dvc_tracked *tracked, const struct origin *origin)
{
    return error_hint(error_new(ERROR_ANSWER, "'%.*s' of '%.*s' is not what %.*s says it was",
                                STR_FMT(origin->path), STR_FMT(origin->url),
                                STR_FMT(tracked->file)),
                      "mlops update %.*s", STR_FMT(tracked->entry->path));
}

static bool is_wanted(const struct transfer_root *root, struct str path)
{
    return !root->below.len || root->is_pattern || path_is_within(path, root->below) ||
           path_is_within(root->below, path);
}

/* DVC's MD5 of a directory is of all of it: it comes whole, whatever part is wanted. */
FALLIBLE dvcimport_fetch(struct session *session, const struct transfer_root *root,
                         struct data_record_vec *ret_placed, struct depot_counts *counts)
{
    AUTO(registry_drop) struct registry registry = {0};
    const struct dvc_tracked *tracked = root->dvc;
    struct dvcdata_import import = {.tracked = tracked};
    struct origin origin = {0};
    struct str path = {0};
    bool is_same = false;
    TRY(read_origin(tracked, &origin));
    TRY(open_origin(session, tracked, &origin, origin.rev_lock, &registry, &path));
    TRY_WITHIN(registry_take(&registry, path, &import.artifact), "'%.*s'", STR_FMT(tracked->file));
    TRY(dvcdata_settle_import(session, &import, &is_same));
    if (!is_same)
        return not_it(tracked, &origin);
    counts->objects += registry.counts.objects;
    counts->bytes += registry.counts.bytes;
    counts->received_bytes += registry.counts.received_bytes;
    import.artifact.path = tracked->entry->path;
    if (!tracked->is_of_commit && is_wanted(root, import.artifact.path))
        *vec_push(session->arena, ret_placed) = (struct data_record){
            .artifact = import.artifact, .named_by = tracked->named_by, .dvc = tracked};
    return NULL;
}

/* --- following --- */

FALLIBLE dvcimport_find(struct session *session, struct str path, struct dvc_tracked_vec *ret)
{
    struct arena *arena = session->arena;
    struct dvc_tracked_vec all = {0};
    TRY(dvcfiles_load(arena, &session->workspace, session->index, session->observer, &all));
    vec_each (const struct dvc_tracked, tracked, &all) {
        bool is_in = path_is_within(tracked->entry->path, path) || str_equal(tracked->file, path);
        if (tracked->is_import && is_in)
            *vec_push(arena, ret) = *tracked;
    }
    return NULL;
}

/* Another commit may hold the same: of what DVC tracks there that is seen without fetching it. */
static FALLIBLE look(struct registry *registry, const struct dvc_tracked *tracked, struct str path,
                     struct url_outcome *outcome)
{
    const struct dvc_entry *now = registry_dvc_entry(registry, path), *before = tracked->entry;
    struct artifact artifact = {0};
    bool is_known = false;
    outcome->status = URL_OUTDATED;
    bool is_same = now && now->has_hash && md5_equal(now->md5, before->md5) &&
                   now->is_directory == before->is_directory;
    if (is_same)
        outcome->status = URL_SAME;
    if (now)
        return NULL;
    struct error *error = registry_look(registry, path, &artifact, &is_known);
    if (!error || error->code != ERROR_PROJECT || error->cause)
        return error;
    error_drop(error);
    outcome->status = URL_GONE;
    return NULL;
}

static FALLIBLE take(struct session *session, struct registry *registry,
                     const struct dvc_tracked *tracked, const struct url_update *wanted,
                     struct str path, struct url_outcome *outcome)
{
    struct dvcdata_import import = {
        .tracked = tracked, .rev_lock = registry->commit, .rev = wanted->rev};
    bool is_same = false;
    TRY(registry_take(registry, path, &import.artifact));
    import.artifact.path = tracked->entry->path;
    TRY(dvcdata_settle_import(session, &import, &is_same));
    outcome->pointer->artifact = import.artifact;
    outcome->counts = (struct arrival_counts){.files = import.artifact.file_count,
                                              .bytes = import.artifact.size_bytes,
                                              .fetched_files = registry->counts.objects,
                                              .fetched_bytes = registry->counts.bytes};
    outcome->status = is_same ? URL_SAME : URL_UPDATED;
    return urls_place(session, outcome);
}

FALLIBLE dvcimport_update(struct session *session, const struct dvc_tracked *tracked,
                          const struct url_update *wanted, struct url_outcome *ret)
{
    AUTO(registry_drop) struct registry registry = {0};
    struct pointer *pointer = arena_new(session->arena, struct pointer);
    struct origin origin = {0};
    struct str path = {0};
    *pointer = (struct pointer){.file = tracked->file, .artifact = tracked->artifact};
    *ret = (struct url_outcome){.pointer = pointer, .status = URL_SAME};
    TRY(read_origin(tracked, &origin));
    struct str rev = wanted->rev.len ? wanted->rev : origin.rev;
    pointer->source.url = origin.url;
    TRY(open_origin(session, tracked, &origin, rev, &registry, &path));
    bool is_other = wanted->rev.len && !str_equal(wanted->rev, origin.rev);
    if (str_equal(registry.commit, origin.rev_lock) && !is_other)
        return NULL;
    TRY(look(&registry, tracked, path, ret));
    if (wanted->is_dry || ret->status == URL_GONE)
        return NULL;
    return take(session, &registry, tracked, wanted, path, ret);
}
