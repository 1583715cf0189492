/* A path that a `.dvc` file tracks is recorded there: by the MD5 that DVC would find. */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/edit.h"
#include "mlops/engine/import.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include "dvcdata_private.h"

static FALLIBLE check(const struct recording *recording)
{
    const struct dvc_tracked *tracked = recording->tracked;
    const struct doc_node *node = tracked->entry->node, *root = node->doc->root;
    const struct doc_node *deps = doc_find(root, STR("deps"));
    struct str path = tracked->entry->path;
    if (deps && deps->kind == DOC_LIST && deps->first)
        return error_hint(error_new(ERROR_PROJECT,
                                    "'%.*s' is imported: %.*s says from where, not what you make "
                                    "of it",
                                    STR_FMT(path), STR_FMT(tracked->file)),
                          "mlops update %.*s, or keep your own version beside it",
                          STR_FMT(tracked->file));
    if (doc_find(node, STR("files")) || doc_find(node, STR("cloud")))
        return error_hint(error_new(ERROR_PROJECT,
                                    "%.*s records versions of a storage, which only DVC can",
                                    STR_FMT(tracked->file)),
                          "dvc add %.*s", STR_FMT(path));
    if (recording->artifact.kind == ARTIFACT_ABSENT)
        return error_hint(error_new(ERROR_PROJECT, "there is no '%.*s'", STR_FMT(path)),
                          "'mlops pull %.*s' brings what %.*s records", STR_FMT(path),
                          STR_FMT(tracked->file));
    return NULL;
}

/* --- what it is to DVC --- */

static FALLIBLE sum_of(struct recording *recording, struct digest digest,
                       const struct sums_row **ret)
{
    struct dvcdata *dvcdata = recording->dvcdata;
    bool found = false;
    *ret = sums_of(dvcdata->sums, digest);
    if (*ret)
        return NULL;
    TRY(dvc_cache_sum_object(dvcdata->session->cas, digest, dvcdata->sums, &found));
    *ret = found ? sums_of(dvcdata->sums, digest) : NULL;
    return *ret ? NULL : error_new(ERROR_STORED, "what was just stored can't be read");
}

static struct md5 md5_in(const struct recording *recording, const struct sums_row *row)
{
    return recording->is_text ? row->text_md5 : row->md5;
}

static FALLIBLE sum_directory(struct recording *recording)
{
    struct arena *arena = recording->dvcdata->arena;
    struct dvc_file_vec listed = {0};
    struct buf bytes = buf_in(arena);
    size_t skip = recording->artifact.path.len + 1;
    for (size_t i = 0; i < recording->file_count; i++) {
        const struct sums_row *row = NULL;
        struct str path = recording->files[i].path;
        if (recording->files[i].kind == TREE_SYMLINK)
            return error_hint(
                error_new(ERROR_PROJECT, "'%.*s' is a link, which DVC can't record", STR_FMT(path)),
                "dvc add %.*s records what it leads to", STR_FMT(recording->artifact.path));
        TRY(sum_of(recording, recording->files[i].digest, &row));
        *vec_push(arena, &listed) =
            (struct dvc_file){str_slice(path, skip, path.len), md5_in(recording, row)};
    }
    dvc_manifest_print(&listed, &bytes);
    recording->list = buf_str(&bytes);
    recording->md5 = md5_of(bytes.at, bytes.len);
    return NULL;
}

FALLIBLE recording_sum(struct recording *recording)
{
    struct dvcdata *dvcdata = recording->dvcdata;
    const struct sums_row *row = NULL;
    bool found = false;
    TRY(tree_list_files(dvcdata->session->cas, dvcdata->arena, &recording->artifact, SIZE_MAX,
                        &recording->files, &recording->file_count, &found));
    if (!found)
        return error_new(ERROR_STORED, "what was just stored can't be read");
    if (recording->artifact.kind == ARTIFACT_TREE)
        return sum_directory(recording);
    TRY(sum_of(recording, recording->artifact.digest, &row));
    recording->md5 = md5_in(recording, row);
    return NULL;
}

/* --- what DVC needs to find it up to date --- */

static FALLIBLE give_to_cache(const struct recording *recording)
{
    struct dvcdata *dvcdata = recording->dvcdata;
    if (!dvcdata->cache.fd.number_plus_one || recording->is_text)
        return NULL;
    for (size_t i = 0; i < recording->file_count; i++) {
        const struct sums_row *row = sums_of(dvcdata->sums, recording->files[i].digest);
        struct dvc_object object = {.md5 = row->md5};
        bool done = false;
        TRY(signal_check());
        TRY(dvc_cache_give(&dvcdata->cache, dvcdata->session->cas, recording->files[i].digest,
                           &object, &done));
    }
    return recording->list.len
               ? dvc_cache_give_manifest(&dvcdata->cache, recording->list, recording->md5)
               : NULL;
}

/* --- the .dvc file --- */

static size_t index_of(const struct dvc_entry *entry)
{
    size_t index = 0;
    const struct doc_node *outs = doc_find(entry->node->doc->root, STR("outs"));
    for (const struct doc_node *node = outs->first; node && node != entry->node; node = node->next)
        index++;
    return index;
}

/* One field of the out; an empty value: none. */
static FALLIBLE set(const struct recording *recording, const char *field, struct str value,
                    struct str *text)
{
    const struct dvc_entry *entry = recording->tracked->entry;
    struct arena *arena = recording->dvcdata->arena;
    bool has = doc_find(entry->node, str_of(field)) != NULL;
    if (!has && !value.len)
        return NULL;
    struct edit edit = {.action = !value.len ? EDIT_REMOVE
                                  : has      ? EDIT_SET
                                             : EDIT_ADD,
                        .key = str_print(arena, "outs.%zu.%s", index_of(entry), field),
                        .value = value};
    return edit_apply(arena, STR("pointer.yaml"), *text, DOC_DVC, &edit, text);
}

/* In quotes where a reader of YAML would see a number. */
static struct str md5_text(const struct recording *recording)
{
    char hex[MD5_HEX_LEN + 1];
    bool is_number = recording->artifact.kind != ARTIFACT_TREE;
    md5_print(recording->md5, hex);
    for (size_t i = 0; hex[i]; i++)
        is_number = is_number && ((hex[i] >= '0' && hex[i] <= '9') || hex[i] == 'e');
    return str_print(recording->dvcdata->arena, "%s%s%s%s", is_number ? "'" : "", hex,
                     recording->artifact.kind == ARTIFACT_TREE ? ".dir" : "", is_number ? "'" : "");
}

FALLIBLE recording_write(const struct recording *recording, struct str *text)
{
    struct arena *arena = recording->dvcdata->arena;
    const struct artifact *artifact = &recording->artifact;
    bool is_tree = artifact->kind == ARTIFACT_TREE;
    TRY(set(recording, "md5", md5_text(recording), text));
    TRY(set(recording, "size", str_print(arena, "%lld", (long long)artifact->size_bytes), text));
    TRY(set(recording, "nfiles",
            is_tree ? str_print(arena, "%lld", (long long)artifact->file_count) : STR(""), text));
    TRY(set(recording, "isexec", !is_tree && artifact->is_executable ? STR("true") : STR(""),
            text));
    return set(recording, "hash", STR("md5"), text);
}

static FALLIBLE write_pointer(const struct recording *recording)
{
    struct session *session = recording->dvcdata->session;
    struct arena *arena = recording->dvcdata->arena;
    const char *file = str_terminate(arena, recording->tracked->file);
    struct str text = {0};
    bool found = false;
    TRY(file_read(arena, fd_number(session->workspace.root_fd), file, LIMIT_LOCK_BYTES, &text,
                  &found));
    TRY(recording_write(recording, &text));
    return workspace_publish(&session->workspace, file, text, 0644, true);
}

/* --- together --- */

static FALLIBLE find_changes(struct dvcdata *dvcdata, struct recording *recording,
                             struct data_changes *ret)
{
    const struct dvc_tracked *tracked = recording->tracked;
    struct worktree_file *before = NULL;
    size_t count = 0;
    bool found = false;
    if (tracked->is_known)
        TRY(tree_list_files(dvcdata->session->cas, dvcdata->arena, &tracked->artifact, SIZE_MAX,
                            &before, &count, &found));
    if (found)
        data_compare_files(dvcdata->arena, before, count, recording->files, recording->file_count,
                           ret);
    return NULL;
}

static void remember(struct recording *recording)
{
    struct imported_path path = {.path = recording->artifact.path,
                                 .md5 = recording->md5,
                                 .is_directory = recording->artifact.kind == ARTIFACT_TREE,
                                 .artifact = recording->artifact};
    imported_add_path(recording->dvcdata->arena, &recording->dvcdata->imported, &path);
}

FALLIBLE recording_keep(struct recording *recording)
{
    struct dvcdata *dvcdata = recording->dvcdata;
    remember(recording);
    TRY(give_to_cache(recording));
    return imported_save(&dvcdata->session->workspace, &dvcdata->imported);
}

static FALLIBLE record(struct dvcdata *dvcdata, struct recording *recording,
                       struct data_added *added)
{
    const struct dvc_tracked *tracked = recording->tracked;
    struct session *session = dvcdata->session;
    TRY(worktree_capture(session->worktree, tracked->entry->path, &recording->artifact));
    worktree_tell_held(session->worktree, session->observer);
    TRY(check(recording));
    TRY(cas_flush(session->cas));
    TRY(recording_sum(recording));
    TRY(find_changes(dvcdata, recording, &added->changes));
    TRY(recording_keep(recording));
    return write_pointer(recording);
}

static FALLIBLE record_one(struct dvcdata *dvcdata, const struct dvc_tracked *tracked,
                           struct data_added_vec *ret)
{
    struct arena *arena = dvcdata->arena;
    struct recording recording = {
        .dvcdata = dvcdata, .tracked = tracked, .artifact = tracked->artifact};
    struct data_added *added = vec_push(arena, ret);
    struct pointer *pointer = arena_new(arena, struct pointer);
    bool is_same = false;
    *added = (struct data_added){.status = DATA_SAME, .pointer = pointer};
    TRY(signal_check());
    TRY(import_compare(dvcdata->session, &tracked->entry, 1, &is_same));
    if (!is_same) {
        added->status = DATA_UPDATED;
        worktree_note_sums(dvcdata->session->worktree, dvcdata->sums);
        struct error *error = record(dvcdata, &recording, added);
        worktree_note_sums(dvcdata->session->worktree, NULL);
        TRY(error);
    }
    *pointer = (struct pointer){.file = tracked->file, .artifact = recording.artifact};
    return NULL;
}

FALLIBLE dvcdata_add(struct session *session, const struct dvc_tracked *const *tracked,
                     size_t count, struct data_added_vec *ret)
{
    AUTO(dvcdata_drop) struct dvcdata dvcdata = {0};
    AUTO(data_lock_drop) struct data_lock lock = {0};
    const struct dvcdata_options options = {.is_local = true};
    TRY(data_lock(session, &lock));
    TRY(dvcdata_open(session, &options, &dvcdata));
    for (size_t i = 0; i < count; i++)
        TRY(record_one(&dvcdata, tracked[i], ret));
    sums_save(dvcdata.sums);
    return index_save(session->index);
}
