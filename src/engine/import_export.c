/* Our knowledge as DVC records it: dvc.lock and the objects that it names in DVC's cache. */
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "import_export_private.h"

/* Files of an artifact; *ret_found false: neither the work tree nor the store has them. */
static FALLIBLE list_files(struct importing *importing, const struct artifact *artifact,
                           enum look_role role, struct worktree_file **ret, size_t *ret_count,
                           bool *ret_found)
{
    struct session *session = importing->session;
    struct artifact now = {0};
    TRY(worktree_look(session->worktree, artifact->path, role, &now));
    *ret_found = artifact_equal(&now, artifact);
    if (*ret_found) /* DVC knows no names that are never data */
        return worktree_list_files(session->worktree, importing->arena, artifact->path, LOOK_OUT,
                                   ret, ret_count);
    if (role == LOOK_DEP || !session->cas)
        return NULL;
    return tree_list_files(session->cas, importing->arena, artifact, (size_t)LIMIT_TREE_ENTRIES,
                           ret, ret_count, ret_found);
}

static FALLIBLE sums_of_file(struct importing *importing, const struct worktree_file *file,
                             const struct sums_row **ret)
{
    struct session *session = importing->session;
    bool is_found = false;
    *ret = sums_of(importing->sums, file->digest);
    if (*ret)
        return NULL;
    if (session->cas)
        TRY(dvc_cache_sum_object(session->cas, file->digest, importing->sums, &is_found));
    if (!is_found) {
        struct error *error =
            worktree_sum_file(session->worktree, file->path, file->digest, &is_found);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        error_drop(error);
    }
    *ret = sums_of(importing->sums, file->digest);
    return NULL;
}

/* DVC's cache gets what it is to push. */
static FALLIBLE give_file(struct importing *importing, struct digest digest, struct md5 md5)
{
    bool done = false;
    struct dvc_object object = {.md5 = md5};
    if (importing->is_dry || !importing->session->cas)
        return NULL;
    return dvc_cache_give(&importing->cache, importing->session->cas, digest, &object, &done);
}

static FALLIBLE export_tree(struct importing *importing, const struct artifact *artifact,
                            enum look_role role, bool gives, struct export_entry *ret,
                            bool *ret_done)
{
    struct worktree_file *files = NULL;
    size_t count = 0;
    struct dvc_file_vec listed = {0};
    struct buf bytes = buf_in(importing->arena);
    TRY(list_files(importing, artifact, role, &files, &count, ret_done));
    for (size_t i = 0; i < count && *ret_done; i++) {
        const struct sums_row *row = NULL;
        TRY(sums_of_file(importing, &files[i], &row));
        *ret_done = row != NULL;
        if (!row)
            return NULL;
        struct str below = str_slice(files[i].path, artifact->path.len + 1, files[i].path.len);
        *vec_push(importing->arena, &listed) = (struct dvc_file){.path = below, .md5 = row->md5};
        ret->size_bytes += row->size_bytes;
        if (gives)
            TRY(give_file(importing, row->digest, row->md5));
    }
    dvc_manifest_print(&listed, &bytes);
    ret->md5 = md5_of(bytes.at, bytes.len);
    ret->is_directory = true;
    ret->file_count = (int64_t)count;
    if (*ret_done && gives && !importing->is_dry)
        return dvc_cache_give_manifest(&importing->cache, buf_str(&bytes), ret->md5);
    return NULL;
}

static FALLIBLE export_artifact(struct importing *importing, const struct artifact *artifact,
                                enum look_role role, bool gives, struct export_entry *ret,
                                bool *ret_done)
{
    *ret_done = false;
    if (artifact->kind == ARTIFACT_TREE)
        return export_tree(importing, artifact, role, gives, ret, ret_done);
    const struct sums_row *row = NULL;
    struct worktree_file file = {
        .path = artifact->path, .digest = artifact->digest, .size_bytes = artifact->size_bytes};
    TRY(sums_of_file(importing, &file, &row));
    *ret_done = row != NULL;
    if (!row)
        return NULL;
    ret->md5 = row->md5;
    ret->size_bytes = row->size_bytes;
    ret->is_executable = artifact->is_executable;
    return gives ? give_file(importing, row->digest, row->md5) : NULL;
}

static int compare_entries(const void *a, const void *b)
{
    const struct export_entry *left = a, *right = b;
    return str_compare(left->written, right->written);
}

static void sort_entries(struct export_entry *entries, size_t count)
{
    if (count > 1)
        qsort(entries, count, sizeof *entries, compare_entries);
}

static struct str dep_written(const struct stage *stage, struct str path)
{
    vec_each (struct dependency, dependency, &stage->deps) {
        if (str_equal(dependency->path, path))
            return dependency->written;
    }
    return path;
}

static FALLIBLE export_deps(struct importing *importing, struct export_stage *stage,
                            struct str *ret_why)
{
    const struct recipe *recipe = stage->recipe;
    stage->deps = arena_new_array(importing->arena, struct export_entry, recipe->dep_count);
    for (size_t i = 0; i < recipe->dep_count; i++) {
        const struct recipe_dep *dep = &recipe->deps[i];
        struct artifact artifact = {.path = dep->path,
                                    .kind = dep->kind,
                                    .is_executable = dep->is_executable,
                                    .digest = dep->digest};
        struct export_entry *entry = &stage->deps[stage->dep_count];
        bool done = false;
        entry->written = dep_written(stage->stage, dep->path);
        TRY(export_artifact(importing, &artifact, LOOK_DEP, false, entry, &done));
        stage->dep_count++;
        if (done)
            continue;
        *ret_why = str_print(importing->arena, "the content of its dependency '%.*s' is not here",
                             STR_FMT(entry->written));
        return NULL;
    }
    sort_entries(stage->deps, stage->dep_count);
    return NULL;
}

static FALLIBLE export_outs(struct importing *importing, struct export_stage *stage,
                            const struct lock_entry *known, struct str *ret_why)
{
    stage->outs = arena_new_array(importing->arena, struct export_entry, known->out_count);
    for (size_t i = 0; i < known->out_count; i++) {
        const struct output *output = import_output(stage->stage, known->outs[i].path);
        struct export_entry *entry = &stage->outs[stage->out_count];
        bool done = false;
        if (!output)
            continue; /* dvc.yaml has changed since: DVC sees that by itself */
        entry->written = output->written;
        TRY(export_artifact(importing, &known->outs[i], LOOK_OUT, output->is_cached, entry, &done));
        stage->out_count++;
        if (done)
            continue;
        *ret_why = str_print(importing->arena, "the content of its output '%.*s' is not here",
                             STR_FMT(entry->written));
        return NULL;
    }
    sort_entries(stage->outs, stage->out_count);
    return NULL;
}

/* Paths of parameter files as seen from the stage's work directory, as DVC writes them. */
static void name_params(struct importing *importing, struct export_stage *stage)
{
    const struct recipe *recipe = stage->recipe;
    struct arena *arena = importing->arena;
    struct str root = importing->session->workspace.root;
    struct str from = path_join(arena, root, stage->stage->wdir);
    stage->param_files = arena_new_array(arena, struct str, recipe->param_count);
    for (size_t i = 0; i < recipe->param_count; i++) {
        bool is_same = i > 0 && str_equal(recipe->params[i].file, recipe->params[i - 1].file);
        stage->param_files[i] =
            is_same ? stage->param_files[i - 1]
                    : path_relative(arena, from, path_join(arena, root, recipe->params[i].file));
    }
}

static FALLIBLE export_stage(struct importing *importing, const struct stage *stage,
                             struct map *texts)
{
    const struct lock_entry *known = session_lock_entry(importing->session, stage);
    if (!known || known->is_rejected)
        return NULL;
    struct export_stage made = {.stage = stage, .recipe = &known->recipe};
    struct str why = {0};
    struct buf text = buf_in(importing->arena);
    TRY(export_deps(importing, &made, &why));
    if (!why.len)
        TRY(export_outs(importing, &made, known, &why));
    if (why.len) {
        import_fault(importing, IMPORT_UNUSABLE, stage->name, why);
        return NULL;
    }
    name_params(importing, &made);
    TRY(export_print_stage(&made, &text));
    struct str *kept = arena_new(importing->arena, struct str);
    *kept = buf_str(&text);
    map_put(importing->arena, texts, stage->local_name, kept);
    importing->report->stages++;
    return NULL;
}

static FALLIBLE export_file(struct importing *importing, const struct pipeline_file *file)
{
    struct session *session = importing->session;
    struct arena *arena = importing->arena;
    struct map texts = {0};
    struct str path = path_join(arena, file->dir, STR("dvc.lock")), before = {0};
    struct buf after = buf_in(arena);
    bool found = false;
    for (size_t i = 0; i < file->stage_count; i++) {
        TRY(signal_check());
        TRY(export_stage(importing, &session->pipeline->stages.at[file->stage_first + i], &texts));
    }
    TRY(file_read(arena, fd_number(session->workspace.root_fd), path.at, LIMIT_LOCK_BYTES, &before,
                  &found));
    if (!texts.len)
        return NULL;
    struct str shown = workspace_show(arena, &session->workspace, path);
    TRY_WITHIN(export_splice(arena, shown, before, &texts, &after), "'%.*s'", STR_FMT(shown));
    if (found && str_equal(before, buf_str(&after)))
        return NULL;
    importing->report->files++;
    if (importing->is_dry)
        return NULL;
    return workspace_publish(&session->workspace, path.at, buf_str(&after), 0644, true);
}

FALLIBLE import_export_files(struct importing *importing)
{
    struct session *session = importing->session;
    if (session->pipeline->dialect != DOC_DVC)
        return error_hint(error_new(ERROR_USAGE, "'%.*s' is not in DVC's dialect",
                                    STR_FMT(session->pipeline->path)),
                          "only stages of a dvc.yaml can be written to a dvc.lock");
    if (!importing->cache.path.len)
        return error_hint(error_new(ERROR_PROJECT, "there is no .dvc directory"),
                          "run 'dvc init' first");
    vec_each (struct pipeline_file, file, &session->pipeline->files)
        TRY(export_file(importing, file));
    return NULL;
}
