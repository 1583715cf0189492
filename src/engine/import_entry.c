#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include "import_private.h"

static struct md5 md5_like(const struct dvc_entry *entry, const struct sums_row *row)
{
    return entry->is_legacy ? row->text_md5 : row->md5;
}

/* Both sums of a file in the work tree; NULL if it is not what it was any more. */
static FALLIBLE sums_here(struct importing *importing, struct str path, struct digest digest,
                          const struct sums_row **ret)
{
    bool is_same = true;
    *ret = sums_of(importing->sums, digest);
    if (*ret)
        return NULL;
    TRY(worktree_sum_file(importing->session->worktree, path, digest, &is_same));
    *ret = is_same ? sums_of(importing->sums, digest) : NULL;
    return NULL;
}

static FALLIBLE is_file_here(struct importing *importing, const struct dvc_entry *entry,
                             const struct artifact *found, bool *ret)
{
    const struct sums_row *row = NULL;
    *ret = false;
    if (entry->size_bytes >= 0 && entry->size_bytes != found->size_bytes)
        return NULL; /* no need to read it */
    TRY(sums_here(importing, entry->path, found->digest, &row));
    *ret = row && md5_equal(entry->md5, md5_like(entry, row));
    return NULL;
}

/* The MD5 that DVC would find for the directory: of the list of all its files. */
static FALLIBLE is_tree_here(struct importing *importing, const struct dvc_entry *entry, bool *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree_file *files = NULL;
    size_t count = 0;
    struct dvc_file_vec listed = {0};
    struct buf bytes = buf_in(&scratch);
    *ret = false;
    TRY(worktree_list_files(importing->session->worktree, &scratch, entry->path, LOOK_OUT, &files,
                            &count));
    if (entry->file_count >= 0 && entry->file_count != (int64_t)count)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sums_row *row = NULL;
        TRY(sums_here(importing, files[i].path, files[i].digest, &row));
        if (!row)
            return NULL;
        struct str below = str_slice(files[i].path, entry->path.len + 1, files[i].path.len);
        *vec_push(&scratch, &listed) =
            (struct dvc_file){.path = below, .md5 = md5_like(entry, row)};
    }
    dvc_manifest_print(&listed, &bytes);
    *ret = md5_equal(md5_of(bytes.at, bytes.len), entry->md5);
    return NULL;
}

/* What can't be looked at (a FIFO, no permission) is not what was recorded. */
static FALLIBLE look_here(struct importing *importing, const struct dvc_entry *entry,
                          enum look_role role, struct translated *ret)
{
    struct artifact found = {0};
    struct error *error = worktree_look(importing->session->worktree, entry->path, role, &found);
    if (!error && found.kind == ARTIFACT_FILE && !entry->is_directory)
        error = is_file_here(importing, entry, &found, &ret->is_here);
    else if (!error && found.kind == ARTIFACT_TREE && entry->is_directory)
        error = is_tree_here(importing, entry, &ret->is_here);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    ret->is_absent = found.kind == ARTIFACT_ABSENT;
    ret->artifact = found;
    ret->artifact.path = entry->path;
    ret->artifact.is_stored = false;
    return NULL;
}

static FALLIBLE translate_file(struct importing *importing, const struct dvc_entry *entry,
                               struct translated *ret)
{
    const struct sums_row *row = sums_by_md5(importing->sums, entry->md5, entry->is_legacy);
    if (!row) {
        ret->why = STR("is not as recorded, and not in DVC's cache");
        return NULL;
    }
    ret->artifact = (struct artifact){.path = entry->path,
                                      .kind = ARTIFACT_FILE,
                                      .is_executable = entry->is_executable,
                                      .digest = row->digest,
                                      .size_bytes = row->size_bytes,
                                      .file_count = 1};
    return importing->session->cas
               ? cas_has(importing->session->cas, row->digest, &ret->artifact.is_stored)
               : NULL;
}

/* What has come before by that name; *ret_found false: it has not, or is not whole any more. */
static FALLIBLE recall_tree(struct importing *importing, const struct dvc_entry *entry,
                            enum look_role role, struct artifact *ret, bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct session *session = importing->session;
    const struct imported_path *known =
        imported_find(&importing->imported, entry->path, entry->md5, true);
    struct worktree_file *files = NULL;
    size_t count = 0, skip = entry->path.len + 1;
    if (!known || !session->cas)
        return NULL;
    TRY(worktree_can_restore(session->worktree, &known->artifact, ret_found));
    if (*ret_found && role == LOOK_OUT)
        *ret = known->artifact;
    if (!*ret_found || role == LOOK_OUT)
        return NULL;
    TRY(tree_list_files(session->cas, &scratch, &known->artifact, SIZE_MAX, &files, &count,
                        ret_found));
    for (size_t i = 0; i < count; i++)
        files[i].path = str_slice(files[i].path, skip, files[i].path.len);
    return worktree_tree_of(session->worktree, entry->path, files, count, role, false, ret);
}

static FALLIBLE translate_tree(struct importing *importing, const struct dvc_entry *entry,
                               enum look_role role, struct translated *ret)
{
    bool is_known = false;
    TRY(recall_tree(importing, entry, role, &ret->artifact, &is_known));
    if (is_known)
        return NULL;
    const struct manifest *manifest = NULL;
    TRY(import_manifest(importing, entry, &manifest));
    if (manifest->health != DVC_GOOD) {
        ret->why = STR("is not as recorded, and the list of its files is not in DVC's cache");
        return NULL;
    }
    AUTO(arena_drop) struct arena scratch = {0};
    size_t count = manifest->files.len;
    struct worktree_file *files = arena_new_array(&scratch, struct worktree_file, count);
    bool is_stored = importing->session->cas != NULL;
    for (size_t i = 0; i < count; i++) {
        const struct dvc_file *file = &manifest->files.at[i];
        const struct sums_row *row = sums_by_md5(importing->sums, file->md5, entry->is_legacy);
        if (!row) {
            ret->why =
                str_print(importing->arena, "lacks '%.*s' in DVC's cache", STR_FMT(file->path));
            return NULL;
        }
        files[i] = (struct worktree_file){file->path, row->digest, row->size_bytes, TREE_FILE};
        if (is_stored)
            TRY(cas_has(importing->session->cas, row->digest, &is_stored));
    }
    bool puts = is_stored && role == LOOK_OUT && !importing->is_dry;
    struct error *error = worktree_tree_of(importing->session->worktree, entry->path, files, count,
                                           role, puts, &ret->artifact);
    if (!error || error->code != ERROR_STORED)
        return error;
    error_drop(error);
    ret->why = STR("has a list of files in DVC's cache that no directory can hold");
    return NULL;
}

/* A dry look reads no data: what lies in DVC's cache will do. */
static FALLIBLE excuse(struct importing *importing, const struct dvc_entry *entry,
                       struct translated *ret)
{
    bool is_cached = false;
    if (!importing->is_dry || importing->is_passing || !ret->why.len)
        return NULL;
    TRY(import_is_cached(importing, entry, &is_cached));
    if (is_cached)
        ret->why = (struct str){0};
    return NULL;
}

/* What lies there need not stay: nothing does, or a stage makes it and a run may put the recorded
 * content in its place. */
static bool may_come(const struct importing *importing, const struct dvc_entry *entry,
                     const struct translated *made)
{
    return made->is_absent || (importing->session->pipeline &&
                               plan_touches_output(&importing->session->plan, entry->path));
}

FALLIBLE import_translate(struct importing *importing, const struct dvc_entry *entry,
                          enum look_role role, struct translated *ret)
{
    struct translated made = {0};
    if (entry->is_url || !entry->has_hash) {
        made.why = STR("has no recorded content");
        *ret = made;
        return NULL;
    }
    TRY(look_here(importing, entry, role, &made));
    made.may_come = !made.is_here && may_come(importing, entry, &made);
    if (!made.is_here && importing->only_matching && !made.may_come)
        made.why = STR("is not as recorded");
    else if (!made.is_here && entry->is_directory)
        TRY(translate_tree(importing, entry, role, &made));
    else if (!made.is_here)
        TRY(translate_file(importing, entry, &made));
    TRY(excuse(importing, entry, &made));
    *ret = made;
    return NULL;
}
