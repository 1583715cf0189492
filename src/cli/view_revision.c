/* What a revision is compared by: its lock files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/cli/view.h"
#include "mlops/host/path.h"
#include "mlops/host/vcs.h"
#include "mlops/model/name.h"
#include "mlops/model/run.h"
#include "mlops/store/dvcfiles.h"
#include "mlops/store/ledger.h"
#include "mlops/store/lockfile.h"
#include "mlops/store/pointers.h"
#include "mlops/store/workspace.h"

#include "view_private.h"

/* A lock file, and what stands in front of the names of its stages. */
struct lock_source {
    struct str path;
    struct str prefix;
    struct str bytes; /* at the revision */
};

VEC(lock_source_vec, struct lock_source);

/* A path of the project as the repository names it. */
static struct str path_in_git(struct context *context, struct vcs *vcs,
                              const struct workspace *workspace, struct str path)
{
    struct str inner = path_relative(context->arena, vcs_top(vcs), workspace->root);
    if (inner.len == 0 || str_is(inner, "."))
        return path;
    return path_join(context->arena, inner, path);
}

/* Where the lock file of the pipeline that a word names lies; the file itself may be gone. */
static FALLIBLE find_named(struct context *context, struct str word, struct pipeline *ret,
                           bool *ret_found)
{
    struct run *newest = NULL;
    TRY(context_find_pipeline(context, word, &ret->path, ret_found));
    if (!*ret_found) {
        TRY(view_newest_run(context, &newest));
        ret->path = newest ? newest->pipeline : STR("pipeline.yaml");
    }
    ret->dir = path_directory(ret->path);
    ret->dialect = pipeline_dialect(ret->path);
    return NULL;
}

/* Of a project of several files the others as well, as far as they can be read now: *ret_pipeline
 * is of DVC's files, NULL if they can't. */
static FALLIBLE find_sources(struct context *context, struct str word, struct lock_source_vec *ret,
                             struct pipeline **ret_pipeline)
{
    struct arena *arena = context->arena;
    struct pipeline named = {0}, *pipeline = NULL;
    bool is_found = false;
    TRY(find_named(context, word, &named, &is_found));
    *vec_push(arena, ret) = (struct lock_source){.path = pipeline_lock_path(arena, &named)};
    if (!is_found || named.dialect != DOC_DVC)
        return NULL;
    struct error *error = context_pipeline(context, word, &pipeline);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error);
    for (size_t i = 1; pipeline && i < pipeline->files.len; i++) {
        const struct pipeline_file *file = &pipeline->files.at[i];
        *vec_push(arena, ret) = (struct lock_source){
            .path = file->lock_path, .prefix = str_print(arena, "%.*s:", STR_FMT(file->path))};
    }
    *ret_pipeline = pipeline;
    return NULL;
}

FALLIBLE view_read_committed(struct context *context, struct str commit, struct str path,
                             struct str *ret, bool *ret_found)
{
    struct workspace *workspace = NULL;
    struct vcs *vcs = NULL;
    TRY(context_workspace(context, &workspace));
    TRY(context_vcs(context, &vcs));
    return vcs_read(vcs, context->arena, commit, path_in_git(context, vcs, workspace, path),
                    LIMIT_LOCK_BYTES, ret, ret_found);
}

/* Those that the revision has. */
static FALLIBLE read_sources(struct context *context, struct str commit,
                             const struct lock_source_vec *sources, struct lock_source_vec *ret)
{
    vec_each (const struct lock_source, source, sources) {
        struct lock_source read = *source;
        bool is_found = false;
        TRY(view_read_committed(context, commit, source->path, &read.bytes, &is_found));
        if (is_found)
            *vec_push(context->arena, ret) = read;
    }
    return NULL;
}

static void add_lock(struct context *context, const struct lockfile *lock, struct str prefix,
                     struct run_view *ret)
{
    map_each (item, &lock->entries) {
        struct lock_entry *entry = item->value;
        struct str name = entry->stage;
        if (prefix.len)
            name = str_print(context->arena, "%.*s%.*s", STR_FMT(prefix), STR_FMT(entry->stage));
        ret->stages[ret->stage_count++] = (struct run_view_stage){
            .stage = name,
            .key = entry->key,
            .recipe = &entry->recipe,
            .outs = entry->outs,
            .out_count = entry->out_count,
            .metrics = entry->metrics,
            .duration_ns = -1,
            .status = STATUS_UNCHANGED,
        };
    }
}

static FALLIBLE view_from_locks(struct context *context, struct str word,
                                const struct lock_source_vec *sources, struct run_view *ret)
{
    struct arena *arena = context->arena;
    struct lockfile *locks = arena_new_array(arena, struct lockfile, sources->len);
    size_t count = 0;
    for (size_t i = 0; i < sources->len; i++) {
        struct str name =
            str_print(arena, "%.*s:%.*s", STR_FMT(word), STR_FMT(sources->at[i].path));
        TRY(lockfile_parse(arena, name, sources->at[i].bytes, &locks[i]));
        count += locks[i].entries.len;
    }
    ret->stages = arena_new_array(arena, struct run_view_stage, count);
    for (size_t i = 0; i < sources->len; i++)
        add_lock(context, &locks[i], sources->at[i].prefix, ret);
    view_sort_stages(ret);
    return NULL;
}

/* The run that wrote these lock files, if it is known here. */
static FALLIBLE run_of_locks(struct context *context, const struct lock_source_vec *sources,
                             struct run **ret)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct lockfile *locks = arena_new_array(context->arena, struct lockfile, sources->len);
    *ret = NULL;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) < 0)
        return NULL;
    for (size_t i = 0; i < sources->len; i++) {
        struct str bytes = sources->at[i].bytes;
        locks[i].path = sources->at[i].path;
        locks[i].digest = digest_of(bytes.at, bytes.len);
    }
    TRY(context_ledger(context, &ledger));
    return ledger_run_of_lock(ledger, context->arena, lockfile_digest_all(locks, sources->len),
                              ret);
}

static FALLIBLE read_tracked(struct context *context, const struct workspace *workspace,
                             struct vcs *vcs, struct str commit, struct dvc_tracked_vec *ret)
{
    struct vcs_path_vec commits = {0};
    AUTO(index_drop) struct index *empty = NULL;
    struct index *index = NULL;
    *vec_push(context->arena, &commits) = commit;
    if (fd_number(workspace->state_fd) < 0)
        TRY(index_open(context->arena, NULL, true, &empty));
    else
        TRY(context_index(context, &index));
    if (!index)
        index = empty;
    return dvcfiles_load_commits(context->arena, workspace, index, vcs, &commits, NULL, ret);
}

/* What pointers of the commit say, and `.dvc` files. */
static FALLIBLE read_data(struct context *context, struct str commit, struct run_view *ret)
{
    struct workspace *workspace = NULL;
    struct vcs *vcs = NULL;
    struct pointer_vec pointers = {0};
    struct dvc_tracked_vec tracked = {0};
    TRY(context_workspace(context, &workspace));
    TRY(context_vcs(context, &vcs));
    TRY(pointers_load_commit(context->arena, workspace, vcs, commit, &pointers));
    TRY(read_tracked(context, workspace, vcs, commit, &tracked));
    ret->knows_data = true;
    ret->data = arena_new_array(context->arena, struct artifact, pointers.len + tracked.len);
    for (size_t i = 0; i < pointers.len; i++)
        ret->data[ret->data_count++] = pointers.at[i]->artifact;
    vec_each (const struct dvc_tracked, one, &tracked)
        view_add_tracked(one, ret);
    return NULL;
}

/* Values of templates: of the ledger by key, else of the commit's files. */
static FALLIBLE add_templates(struct context *context, struct str commit, struct str word,
                              struct run_view *view)
{
    struct workspace *workspace = NULL;
    struct ledger *ledger = NULL;
    struct pipeline *pipeline = NULL;
    struct str path = {0};
    bool is_found = false;
    TRY(context_workspace(context, &workspace));
    if (fd_number(workspace->state_fd) >= 0) {
        TRY(context_ledger(context, &ledger));
        TRY(view_load_templates(context, ledger, view));
    }
    struct error *error = context_find_pipeline(context, word, &path, &is_found);
    if (!error && is_found)
        error = context_pipeline(context, word, &pipeline);
    if (error && error->code >= ERROR_SIGNAL)
        return error;
    error_drop(error); /* what it cannot say is not known */
    if (pipeline)
        view_add_committed_templates(context, commit, pipeline, view);
    return NULL;
}

FALLIBLE view_of_revision(struct context *context, struct str word, struct str commit,
                          struct str pipeline, struct run_view *ret)
{
    struct arena *arena = context->arena;
    struct lock_source_vec wanted = {0}, sources = {0};
    struct run *run = NULL;
    struct pipeline *dvc_pipeline = NULL;
    struct run_view data = {0};
    struct str title =
        str_print(arena, "%.*s (%.*s)", STR_FMT(word), STR_FMT(str_slice(commit, 0, 7)));
    TRY(find_sources(context, pipeline, &wanted, &dvc_pipeline));
    TRY(read_sources(context, commit, &wanted, &sources));
    TRY(read_data(context, commit, &data));
    if (!sources.len && !data.data_count)
        return error_hint(
            error_new(ERROR_PROJECT, "'%.*s' has no %.*s", STR_FMT(title),
                      STR_FMT(wanted.at[0].path)),
            "only revisions with a committed lock file, or with pointers, can be compared");
    if (sources.len)
        TRY(run_of_locks(context, &sources, &run));
    struct run_view view = {.title = title};
    if (run) {
        TRY(view_of_run(context, run, &view));
        view.title =
            str_print(arena, "%.*s = run %.*s", STR_FMT(title), STR_FMT(ulid_short(run->id)));
    } else {
        TRY(view_from_locks(context, word, &sources, &view));
    }
    if (sources.len)
        TRY(add_templates(context, commit, pipeline, &view));
    if (dvc_pipeline && sources.len)
        TRY(view_warn_if_behind(context, commit, dvc_pipeline, &view));
    /* Whoever names a commit asks for that commit's code, not for what the run started from. */
    view.code = (struct code_state){.commit = commit};
    view.knows_data = true;
    view.data = data.data;
    view.data_count = data.data_count;
    *ret = view;
    return NULL;
}
