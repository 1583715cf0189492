/* What a run or a revision was made from, as a snapshot, and which of its data the store lacks. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/code.h"
#include "mlops/engine/reproduce.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

/* --- the snapshot --- */

static FALLIBLE has_tree(struct session *session, struct digest tree, bool *ret)
{
    *ret = false;
    return digest_is_zero(tree) ? NULL : cas_has(session->cas, tree, ret);
}

static FALLIBLE not_recorded(const struct run_view *original)
{
    return error_hint(error_new(ERROR_MACHINE,
                                "which code %.*s was made from was not recorded: it is in no git "
                                "repository here, or has no commit",
                                STR_FMT(original->title)),
                      "what is committed can be made again: git add, git commit, mlops run");
}

/* Outside of git the files of now are taken: recipes will tell whether they are those of then. */
static FALLIBLE take_work_tree(struct session *session, const struct reproduce_options *options,
                               struct reproduce_source *ret)
{
    struct session now = {0};
    struct snapshot snapshot = {0};
    const struct session_options wanted = {.cwd = session->workspace.root,
                                           .pipeline = options->pipeline,
                                           .observer = session->observer};
    TRY(session_open(session->arena, &wanted, &now));
    struct error *error = snapshot_take(&now, STR(""), &snapshot);
    session_drop(&now);
    ret->snapshot = snapshot.tree;
    ret->is_work_tree = true;
    return error;
}

static void add_file(struct arena *arena, struct str path, struct pipeline *pipeline)
{
    struct pipeline named = {
        .path = path, .dir = path_directory(path), .dialect = pipeline_dialect(path)};
    vec_each (const struct pipeline_file, file, &pipeline->files) {
        if (str_equal(file->path, path))
            return;
    }
    size_t index = pipeline->files.len;
    *vec_push(arena, &pipeline->files) =
        (struct pipeline_file){.path = path,
                               .dir = named.dir,
                               .index = index,
                               .lock_path = pipeline_lock_path(arena, &named)};
}

/* Which files the pipeline had, as far as its lock files matter: what the work tree has now may be
 * another pipeline, or none. */
static struct pipeline *pipeline_of_then(struct arena *arena,
                                         const struct reproduce_options *options)
{
    struct pipeline *pipeline = arena_new(arena, struct pipeline);
    const struct run_view *original = options->original;
    *pipeline = (struct pipeline){.path = options->pipeline,
                                  .dir = path_directory(options->pipeline),
                                  .dialect = pipeline_dialect(options->pipeline)};
    add_file(arena, options->pipeline, pipeline);
    for (size_t i = 0; i < original->stage_count; i++) {
        struct str stage = original->stages[i].stage;
        ptrdiff_t colon = str_find_last_char(stage, ':');
        struct str file = colon > 0 ? str_slice(stage, 0, (size_t)colon) : (struct str){0};
        if (str_ends(file, STR(".yaml")))
            add_file(arena, file, pipeline);
    }
    return pipeline;
}

static FALLIBLE take_commit(struct session *session, const struct reproduce_options *options,
                            const struct code_state *code, struct reproduce_source *ret)
{
    struct snapshot snapshot = {0};
    bool found = true;
    if (!digest_is_zero(code->patch))
        TRY(cas_has(session->cas, code->patch, &found));
    if (!found)
        return error_hint(
            error_new(ERROR_MACHINE,
                      "the changes of the code on top of commit %.*s are no more in "
                      "the store: gc has removed them",
                      STR_FMT(code->commit.len ? str_slice(code->commit, 0, 12) : STR("(none)"))),
            "'mlops gc' keeps what tagged runs need: mlops tag RUN NAME");
    session->pipeline = pipeline_of_then(session->arena, options);
    struct error *error =
        snapshot_of_commit(session, code->commit, code->patch, STR(""), &snapshot);
    session->pipeline = NULL;
    ret->snapshot = snapshot.tree;
    return error;
}

/* Whoever names a revision means that commit's code, whichever run wrote its lock file. */
static bool is_run_code(const struct run_view *original)
{
    const struct run *run = original->run;
    return run && str_equal(original->code.commit, run->code.commit) &&
           original->code.is_dirty == run->code.is_dirty;
}

static FALLIBLE take_snapshot(struct session *session, const struct reproduce_options *options,
                              struct reproduce_source *ret)
{
    const struct run_view *original = options->original;
    struct ledger *ledger = NULL;
    struct vcs *vcs = NULL;
    struct sweep_row row = {0};
    struct trial trial = {0};
    struct code_state code = original->code;
    bool is_trial = false, has = false;
    TRY(session_vcs(session, &vcs));
    TRY(session_ledger(session, &ledger));
    if (original->run)
        TRY(sweeps_of_run(ledger, session->arena, original->run->id, &row, &trial, &is_trial));
    ret->overrides = trial.overrides;
    TRY(has_tree(session, row.snapshot, &has));
    if (has) {
        ret->snapshot = row.snapshot;
        return NULL;
    }
    if (is_trial)
        code = row.code;
    else if (is_run_code(original))
        TRY(code_of_run(session, original->run, &code));
    bool is_recorded = code.commit.len || !digest_is_zero(code.patch);
    if (is_recorded && vcs)
        return take_commit(session, options, &code, ret);
    return vcs || is_recorded ? not_recorded(original) : take_work_tree(session, options, ret);
}

/* --- data --- */

static bool is_read(const struct run_view *original, struct str path)
{
    for (size_t i = 0; i < original->stage_count; i++) {
        const struct recipe *recipe = original->stages[i].recipe;
        for (size_t k = 0; recipe && k < recipe->dep_count; k++) {
            struct str dep = recipe->deps[k].path;
            if (path_is_within(dep, path) || path_is_within(path, dep))
                return true;
        }
        for (size_t k = 0; recipe && k < recipe->param_count; k++) {
            if (path_is_within(recipe->params[k].file, path))
                return true;
        }
    }
    return false;
}

static FALLIBLE look_into(struct session *session, const struct run_view *original,
                          const struct worktree_file *file, struct reproduce_lack_vec *ret)
{
    struct str bytes = {0};
    struct pointer *pointer = arena_new(session->arena, struct pointer);
    bool found = false;
    TRY(cas_get_bytes(session->cas, session->arena, file->digest, LIMIT_DOCUMENT_BYTES, &bytes,
                      &found));
    if (!found)
        return error_new(ERROR_STORED, "the snapshot's copy of '%.*s' is damaged or gone",
                         STR_FMT(file->path));
    TRY(pointer_parse(session->arena, file->path, bytes, file->path, pointer));
    if (!is_read(original, pointer->artifact.path))
        return NULL;
    TRY(worktree_can_restore(session->worktree, &pointer->artifact, &found));
    if (!found)
        *vec_push(session->arena, ret) = (struct reproduce_lack){pointer->artifact, file->path};
    return NULL;
}

static FALLIBLE find_lacks(struct session *session, const struct run_view *original,
                           struct digest snapshot, struct reproduce_lack_vec *ret)
{
    struct worktree_file *files = NULL;
    size_t count = 0;
    TRY(snapshot_files(session, session->arena, snapshot, &files, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_pointer = files[i].kind == TREE_FILE && pointer_is_name(path_name(files[i].path));
        if (is_pointer)
            TRY(look_into(session, original, &files[i], ret));
    }
    return NULL;
}

FALLIBLE reproduce_prepare(struct session *session, const struct reproduce_options *options,
                           struct reproduce_source *ret, struct reproduce_lack_vec *ret_lacks)
{
    *ret = (struct reproduce_source){0};
    *ret_lacks = (struct reproduce_lack_vec){0};
    TRY(take_snapshot(session, options, ret));
    return find_lacks(session, options->original, ret->snapshot, ret_lacks);
}

/* Without a namespace an absolute path would lead to the files of now: the pipeline of then, as it
 * lies in the directory, is looked through before anybody goes there. */
static FALLIBLE check_paths(struct session *session, const struct reproduce_options *options,
                            const struct reproduce_source *source, const struct work_dir *work_dir)
{
    struct session inside = {0};
    const struct session_options wanted = {
        .cwd = work_dir->path, .pipeline = options->pipeline, .observer = session->observer};
    TRY_WITHIN(session_open(session->arena, &wanted, &inside), "%.*s, as it was made from",
               STR_FMT(options->original->title));
    inside.workspace.root = work_dir->project;
    struct error *error = work_dir_check(&inside, source->snapshot);
    session_drop(&inside);
    return error;
}

FALLIBLE reproduce_make(struct session *session, const struct reproduce_options *options,
                        const struct reproduce_source *source, struct work_dir *ret)
{
    const struct work_dir_options made = {.session = session,
                                          .snapshot = source->snapshot,
                                          .overrides = &source->overrides,
                                          .name = options->name,
                                          .isolation = options->isolation,
                                          .allows_shared = options->allows_shared,
                                          .without_results = true,
                                          .keeps = options->keeps_work};
    TRY(work_dir_make(session->arena, &made, ret));
    bool is_checked = ret->isolation == ISOLATION_DIRECTORY && !options->allows_shared;
    return is_checked ? check_paths(session, options, source, ret) : NULL;
}
