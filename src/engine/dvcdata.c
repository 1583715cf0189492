#include "mlops/engine/dvcdata.h"

#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "dvcdata_private.h"

/* --- opening --- */

static FALLIBLE open_cache(struct dvcdata *dvcdata, struct str root)
{
    const struct workspace *workspace = &dvcdata->session->workspace;
    struct arena *arena = dvcdata->arena;
    struct str path = dvcconfig_path(arena, &dvcdata->config, "cache.dir");
    if (str_find(path, STR("://")) >= 0)
        return NULL;
    if (!path.len)
        path = path_join(arena, workspace->root, path_join(arena, root, STR(".dvc/cache")));
    return dvc_cache_open(arena, path, &dvcdata->cache);
}

FALLIBLE dvcdata_open(struct session *session, const struct dvcdata_options *options,
                      struct dvcdata *ret)
{
    struct str root = {0};
    bool found = false;
    *ret = (struct dvcdata){.session = session, .arena = session->arena, .options = options};
    TRY(dvcfiles_settings(session->arena, &session->workspace, &ret->config, &root, &found));
    if (found)
        TRY(open_cache(ret, root));
    if (options->foreign)
        ret->config = *options->foreign;
    ret->sums = sums_open(session->arena, session->index);
    return imported_load(session->arena, &session->workspace, &ret->imported);
}

void dvcdata_drop(struct dvcdata *dvcdata)
{
    map_each (slot, &dvcdata->depots) {
        struct dvc_depot *depot = slot->value;
        dvc_depot_drop(&depot);
    }
    dvc_cache_drop(&dvcdata->cache);
}

void dvcdata_warn(const struct dvcdata *dvcdata, struct str text)
{
    struct event event = {.kind = EVENT_WARNING, .text = text};
    if (dvcdata->session->observer)
        observer_tell(dvcdata->session->observer, &event);
}

static ERROR_MADE no_remote(struct str for_what)
{
    return error_hint(error_new(ERROR_PROJECT,
                                "'%.*s' is tracked by DVC, whose settings name no default remote",
                                STR_FMT(for_what)),
                      "dvc remote default NAME, or name one of DVC's remotes: -r NAME");
}

struct str dvcdata_remote_name(const struct dvcdata *dvcdata, struct str name)
{
    struct str wanted = dvcdata->options->remote.len ? dvcdata->options->remote : name;
    return wanted.len ? wanted : dvcconfig_text(&dvcdata->config, "core.remote");
}

/* What was imported need not be in a remote of ours. */
bool dvcdata_has_remote(const struct dvcdata *dvcdata, const struct dvc_tracked *tracked)
{
    return !tracked->is_import || dvcdata_remote_name(dvcdata, tracked->remote).len > 0;
}

FALLIBLE dvcdata_depot(struct dvcdata *dvcdata, struct str name, struct str for_what,
                       struct dvc_depot **ret)
{
    struct session *session = dvcdata->session;
    struct remote *remote = NULL;
    struct str wanted = dvcdata_remote_name(dvcdata, name);
    *ret = map_get(&dvcdata->depots, wanted);
    if (*ret)
        return NULL;
    TRY(dvc_remote_find(dvcdata->arena, &dvcdata->config, wanted, &remote));
    if (!remote)
        return no_remote(for_what);
    if (dvcdata->options->foreign) /* a service of their choice gets nothing of ours */
        TRY(remote_settle_foreign(dvcdata->arena, &session->workspace, remote));
    struct dvc_depot_options options = {.workspace = &session->workspace,
                                        .cas = session->cas,
                                        .remote = remote,
                                        .observer = session->observer,
                                        .connections = dvcdata->options->connections};
    TRY(dvc_depot_open(dvcdata->arena, &options, ret));
    map_put(dvcdata->arena, &dvcdata->depots, wanted, *ret);
    return NULL;
}

FALLIBLE dvcdata_flush(struct dvcdata *dvcdata)
{
    TRY(cas_flush(dvcdata->session->cas));
    sums_save(dvcdata->sums);
    return index_save(dvcdata->session->index);
}

/* --- what is to come --- */

static bool matches_above(struct str pattern, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at))
        if (glob_match(pattern, at))
            return true;
    return false;
}

static bool is_asked_for(const struct transfer_root *root, struct str path)
{
    if (!root->below.len)
        return true;
    return root->is_pattern ? matches_above(root->below, path) : path_is_within(path, root->below);
}

static FALLIBLE find_manifest(struct dvcdata *dvcdata, const struct dvcdata_item *item,
                              struct dvc_file_vec *ret, enum dvc_health *ret_health)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    struct dvc_object object = {
        .md5 = tracked->entry->md5, .is_text_md5 = tracked->entry->is_legacy, .is_directory = true};
    struct dvc_depot *depot = NULL;
    TRY(dvc_cache_manifest(&dvcdata->cache, dvcdata->arena, &object, ret, ret_health));
    bool is_local = dvcdata->options->is_local || !dvcdata_has_remote(dvcdata, tracked);
    if (*ret_health == DVC_GOOD || is_local)
        return NULL;
    TRY(dvcdata_depot(dvcdata, tracked->remote, tracked->entry->path, &depot));
    TRY(dvc_depot_manifest(depot, dvcdata->arena, &object, ret, ret_health));
    if (*ret_health == DVC_DAMAGED)
        dvcdata_warn(dvcdata, str_print(dvcdata->arena,
                                        "the list of the files of '%.*s' in DVC's remote is "
                                        "damaged, or one that no directory can hold",
                                        STR_FMT(tracked->entry->path)));
    return NULL;
}

static FALLIBLE want_directory(struct dvcdata *dvcdata, struct dvcdata_item *item)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    const struct dvc_entry *entry = tracked->entry;
    struct dvc_file_vec files = {0};
    enum dvc_health health = DVC_MISSING;
    TRY(find_manifest(dvcdata, item, &files, &health));
    item->is_missing = health != DVC_GOOD;
    vec_each (const struct dvc_file, file, &files) {
        struct str path = path_join(dvcdata->arena, entry->path, file->path);
        if (!is_asked_for(item->root, path))
            continue;
        *vec_push(dvcdata->arena, &item->files) = *file;
        TRY(dvcdata_want(dvcdata, tracked, file->md5, path));
    }
    return signal_check();
}

static FALLIBLE want_item(struct dvcdata *dvcdata, struct dvcdata_item *item)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    const struct dvc_entry *entry = tracked->entry;
    bool is_stored = false;
    if (item->is_done)
        return NULL;
    if (tracked->is_known && !item->root->below.len)
        TRY(worktree_can_restore(dvcdata->session->worktree, &tracked->artifact, &is_stored));
    if (is_stored)
        return NULL;
    if (entry->is_directory)
        return want_directory(dvcdata, item);
    return dvcdata_want(dvcdata, tracked, entry->md5, entry->path);
}

/* What the work tree holds as recorded need not come. */
static FALLIBLE compare_items(struct dvcdata *dvcdata)
{
    struct arena *arena = dvcdata->arena;
    size_t count = dvcdata->items.len;
    const struct dvc_entry **entries = arena_new_array(arena, const struct dvc_entry *, count + 1);
    bool *same = arena_new_array(arena, bool, count + 1);
    if (dvcdata->options->foreign)
        return NULL;
    for (size_t i = 0; i < count; i++)
        entries[i] = dvcdata->items.at[i].root->dvc->entry;
    TRY(import_compare(dvcdata->session, entries, count, same));
    for (size_t i = 0; i < count; i++)
        dvcdata->items.at[i].is_done = same[i];
    return NULL;
}

/* --- what came of it --- */

static FALLIBLE build_tree(struct dvcdata *dvcdata, struct dvcdata_item *item, struct artifact *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const struct dvc_entry *entry = item->root->dvc->entry;
    size_t count = item->files.len;
    struct worktree_file *files = arena_new_array(&scratch, struct worktree_file, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct dvc_file *file = &item->files.at[i];
        const struct sums_row *row = dvcdata_sums(dvcdata, entry, file->md5);
        files[i] = (struct worktree_file){file->path, row->digest, row->size_bytes, TREE_FILE};
    }
    struct error *error = worktree_tree_of(dvcdata->session->worktree, entry->path, files, count,
                                           LOOK_OUT, true, ret);
    if (!error || error->code != ERROR_STORED)
        return error;
    dvcdata_warn(dvcdata, str_print(dvcdata->arena, "no directory can hold what '%.*s' lists: %s",
                                    STR_FMT(entry->path), error->text));
    error_drop(error);
    item->is_missing = true;
    return NULL;
}

static struct artifact file_of(const struct dvc_entry *entry, struct str path,
                               const struct sums_row *row)
{
    return (struct artifact){.path = path,
                             .kind = ARTIFACT_FILE,
                             .is_executable = entry->is_executable && !entry->is_directory,
                             .is_stored = true,
                             .digest = row->digest,
                             .size_bytes = row->size_bytes,
                             .file_count = 1};
}

static void place(struct dvcdata *dvcdata, const struct dvcdata_item *item,
                  const struct artifact *artifact, bool is_part, struct data_record_vec *ret)
{
    if (item->root->dvc->is_of_commit && !dvcdata->options->places_commits)
        return;
    *vec_push(dvcdata->arena, ret) = (struct data_record){.artifact = *artifact,
                                                          .named_by = item->root->named_by,
                                                          .dvc = item->root->dvc,
                                                          .is_part = is_part};
}

/* Those files of a part that came. */
static void place_part(struct dvcdata *dvcdata, struct dvcdata_item *item,
                       struct data_record_vec *ret)
{
    const struct dvc_entry *entry = item->root->dvc->entry;
    vec_each (const struct dvc_file, file, &item->files) {
        const struct sums_row *row = dvcdata_sums(dvcdata, entry, file->md5);
        struct artifact artifact = {0};
        if (row)
            artifact = file_of(entry, path_join(dvcdata->arena, entry->path, file->path), row);
        if (row)
            place(dvcdata, item, &artifact, true, ret);
    }
}

/* A path that has come whole is remembered by its name: that keeps it from gc. */
static FALLIBLE settle_whole(struct dvcdata *dvcdata, struct dvcdata_item *item,
                             struct data_record_vec *ret)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    const struct dvc_entry *entry = tracked->entry;
    struct artifact artifact = tracked->artifact;
    bool is_stored = false;
    if (tracked->is_known)
        TRY(worktree_can_restore(dvcdata->session->worktree, &tracked->artifact, &is_stored));
    if (!is_stored && entry->is_directory)
        TRY(build_tree(dvcdata, item, &artifact));
    else if (!is_stored)
        artifact = file_of(entry, entry->path, dvcdata_sums(dvcdata, entry, entry->md5));
    if (item->is_missing)
        return NULL;
    struct imported_path path = {.path = entry->path,
                                 .md5 = entry->md5,
                                 .is_directory = entry->is_directory,
                                 .artifact = artifact};
    if (!dvcdata->options->foreign)
        imported_add_path(dvcdata->arena, &dvcdata->imported, &path);
    place(dvcdata, item, &artifact, false, ret);
    return NULL;
}

/* A part that has come whole is remembered beside the paths, which do not end in '/'. */
static FALLIBLE keep_part(struct dvcdata *dvcdata, struct dvcdata_item *item)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    struct artifact artifact = tracked->artifact;
    if (item->is_missing || !item->files.len || dvcdata->options->foreign)
        return NULL;
    TRY(build_tree(dvcdata, item, &artifact));
    struct imported_path part = {.path =
                                     str_print(dvcdata->arena, "%.*s/", STR_FMT(item->root->below)),
                                 .md5 = tracked->entry->md5,
                                 .is_directory = true,
                                 .artifact = artifact};
    if (!item->is_missing)
        imported_add_path(dvcdata->arena, &dvcdata->imported, &part);
    return NULL;
}

/* Whether all that the item wants is here now. */
static FALLIBLE has_all(struct dvcdata *dvcdata, const struct dvcdata_item *item, bool *ret)
{
    const struct dvc_tracked *tracked = item->root->dvc;
    const struct dvc_entry *entry = tracked->entry;
    const struct sums_row *row = dvcdata_sums(dvcdata, entry, entry->md5);
    *ret = false;
    if (item->is_missing)
        return NULL;
    if (tracked->is_known && !item->root->below.len)
        TRY(worktree_can_restore(dvcdata->session->worktree, &tracked->artifact, ret));
    if (*ret)
        return NULL;
    if (!entry->is_directory)
        return row ? cas_has(dvcdata->session->cas, row->digest, ret) : NULL;
    *ret = true;
    for (size_t i = 0; i < item->files.len && *ret; i++) {
        row = dvcdata_sums(dvcdata, entry, item->files.at[i].md5);
        *ret = row != NULL;
        if (row)
            TRY(cas_has(dvcdata->session->cas, row->digest, ret));
    }
    return NULL;
}

static FALLIBLE settle(struct dvcdata *dvcdata, struct dvcdata_item *item,
                       struct data_record_vec *ret)
{
    bool is_whole = false;
    if (item->is_done)
        return NULL;
    TRY(has_all(dvcdata, item, &is_whole));
    item->is_missing = !is_whole;
    if (item->root->below.len) {
        place_part(dvcdata, item, ret);
        TRY(keep_part(dvcdata, item));
    } else if (is_whole)
        TRY(settle_whole(dvcdata, item, ret));
    if (item->is_missing && item->root->dvc->is_pushed)
        *vec_push(dvcdata->arena, &dvcdata->report.missing) = *item->root;
    return NULL;
}

void dvcdata_count(struct dvcdata *dvcdata, size_t root_count)
{
    map_each (slot, &dvcdata->depots) {
        struct dvc_depot_counts counts = dvc_depot_counts(slot->value);
        dvcdata->report.counts.sent_bytes += counts.sent_bytes;
        dvcdata->report.counts.received_bytes += counts.received_bytes;
    }
    dvcdata->report.roots = (int64_t)root_count;
}

FALLIBLE dvcdata_fetch(struct session *session, const struct transfer_root_vec *roots,
                       const struct dvcdata_options *options, struct data_record_vec *ret_placed,
                       struct transfer_report *ret)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    TRY(dvcdata_open(session, options, &dvcdata));
    vec_each (const struct transfer_root, root, roots)
        *vec_push(session->arena, &dvcdata.items) = (struct dvcdata_item){.root = root};
    TRY(compare_items(&dvcdata));
    vec_each (struct dvcdata_item, item, &dvcdata.items)
        TRY(want_item(&dvcdata, item));
    TRY(dvcdata_take(&dvcdata));
    vec_each (struct dvcdata_item, item, &dvcdata.items)
        TRY(settle(&dvcdata, item, ret_placed));
    TRY(dvcdata_flush(&dvcdata));
    TRY(imported_save(&session->workspace, &dvcdata.imported));
    dvcdata_count(&dvcdata, roots->len);
    *ret = dvcdata.report;
    return NULL;
}

FALLIBLE dvcdata_list(struct session *session, const struct dvc_tracked *tracked,
                      const struct dvcdata_options *options, struct dvc_file_vec *ret,
                      bool *ret_known)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    const struct transfer_root root = {.dvc = tracked};
    const struct dvcdata_item item = {.root = &root};
    enum dvc_health health = DVC_MISSING;
    TRY(dvcdata_open(session, options, &dvcdata));
    TRY(find_manifest(&dvcdata, &item, ret, &health));
    *ret_known = health == DVC_GOOD;
    return NULL;
}
