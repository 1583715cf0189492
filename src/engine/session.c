#include "mlops/engine/session.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/load.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"
#include "mlops/store/exchange.h"
#include "mlops/store/pipelines.h"

#include <fcntl.h>
#include <string.h>

struct param_file {
    const struct doc_node *root; /* NULL: absent */
    struct digest digest;        /* zero: absent */
    bool is_stale;               /* to be read again, parsed only if it is another one */
};

static FALLIBLE find_upwards(struct arena *arena, struct str cwd, const char *const *names,
                             struct str *ret, bool *ret_found)
{
    for (struct str at = cwd; at.len; at = at.len > 1 ? path_directory(at) : STR("")) {
        for (size_t i = 0; names[i]; i++) {
            struct file_stat stat;
            struct str path = path_join(arena, at, str_of(names[i]));
            TRY(file_stat_at(AT_FDCWD, path.at, true, &stat, ret_found));
            *ret = path;
            if (*ret_found)
                return NULL;
        }
    }
    return NULL;
}

struct error *session_find_pipeline(struct arena *arena, struct str cwd, struct str *ret,
                                    bool *ret_found)
{
    static const char *const names[] = {"pipeline.yaml", "dvc.yaml", NULL};
    return find_upwards(arena, cwd, names, ret, ret_found);
}

/* Whoever wants several files need not stand below one. */
static FALLIBLE find_any(struct arena *arena, struct str cwd, struct str *ret, bool *ret_found)
{
    AUTO(workspace_drop) struct workspace workspace = {0};
    TRY(workspace_find(arena, cwd, &workspace));
    return pipelines_first(arena, &workspace, ret, ret_found);
}

/* A project whose dvc.yaml files all lie in directories: which of them is meant? */
static FALLIBLE tell_below(struct arena *arena, const struct session_options *options,
                           struct str first, struct error *error)
{
    error_drop(error);
    struct error *none = error_new(
        ERROR_PROJECT, "no pipeline.yaml or dvc.yaml here or above '%.*s'", STR_FMT(options->cwd));
    if (!first.len)
        return error_hint(
            none,
            "name the file: mlops run PIPELINE.yaml; data alone are tracked by 'mlops add PATH'");
    struct str shown = path_relative(arena, options->cwd, first);
    return error_hint(none, "those below: 'mlops run -P' for all, or name one: mlops run %.*s",
                      STR_FMT(shown));
}

/* Empty: there is none, and need not be. */
static FALLIBLE pipeline_absolute(struct arena *arena, const struct session_options *options,
                                  struct str *ret)
{
    static const char *const dvc[] = {"dvc.yaml", NULL};
    bool is_found = true;
    if (options->pipeline.len)
        *ret = path_join(arena, options->cwd, options->pipeline);
    else if (options->wants_dvc)
        TRY(find_upwards(arena, options->cwd, dvc, ret, &is_found));
    else
        TRY(session_find_pipeline(arena, options->cwd, ret, &is_found));
    bool takes_any = options->choice.all_files || options->choice.recursive || options->wants_dvc;
    if (!is_found && takes_any)
        TRY(find_any(arena, options->cwd, ret, &is_found));
    if (is_found)
        return NULL;
    if (options->wants_dvc) {
        *ret = (struct str){0};
        return NULL;
    }
    struct error *error = find_any(arena, options->cwd, ret, &is_found);
    if (error || is_found)
        return tell_below(arena, options, *ret, error);
    return error_hint(
        error_new(ERROR_PROJECT, "no pipeline.yaml or dvc.yaml here or above '%.*s'",
                  STR_FMT(options->cwd)),
        "name the file: mlops run PIPELINE.yaml; data alone are tracked by 'mlops add PATH'");
}

/* Absolute paths as the project names them. */
static const struct str *targets_of(struct session *session, const struct session_options *options)
{
    struct arena *arena = session->arena;
    struct str *targets = arena_new_array(arena, struct str, options->target_count);
    for (size_t i = 0; i < options->target_count; i++) {
        targets[i] = options->targets[i];
        if (str_starts(targets[i], STR("/")))
            targets[i] = path_relative(arena, session->workspace.root, targets[i]);
    }
    return targets;
}

static FALLIBLE bind_and_plan(struct session *session, const struct session_options *options,
                              struct str path)
{
    if (path.len)
        TRY(pipelines_load(session->arena, &session->workspace, path, options->cwd,
                           &session->pipeline));
    else
        TRY(pipelines_load_data(session->arena, &session->workspace, session->workspace.cwd,
                                options->cwd, &session->pipeline));
    if (!path.len && !session->pipeline->pointers.len)
        return error_hint(error_new(ERROR_PROJECT,
                                    "there is no dvc.yaml, pipeline.yaml or .dvc file in '%.*s'",
                                    STR_FMT(session->workspace.root)),
                          "go to the project");
    session->doc = session->pipeline->doc;
    const struct plan_choice *choice = &options->choice;
    struct str cwd = path_relative(session->arena, session->workspace.root, options->cwd);
    struct plan_options wanted = {.targets = targets_of(session, options),
                                  .target_count = options->target_count,
                                  .cwd = str_is(cwd, ".") ? STR("") : cwd,
                                  .only_targets = choice->only_targets,
                                  .downstream = choice->downstream,
                                  .all_files = choice->all_files,
                                  .recursive = choice->recursive,
                                  .is_pattern = choice->is_pattern,
                                  .whole = choice->whole};
    return plan_make(session->arena, session->pipeline, &wanted, &session->plan);
}

/* On a full disk, say: it stays where it is, and nothing else waits for it. */
static FALLIBLE put_off(struct session *session, struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    if (error->code >= ERROR_SIGNAL)
        return error;
    error_print_line(error, &text);
    error_drop(error);
    struct event event = {.kind = EVENT_WARNING, .text = str_trim(buf_str(&text))};
    observer_tell(session->observer, &event);
    return NULL;
}

/* Somebody saved a file at the very instant in which a command that replaced it was killed. */
static FALLIBLE rescue(struct session *session)
{
    int count = 0;
    struct str folder =
        str_print(session->arena, "displaced/interrupted-%lld", (long long)clock_real_ns());
    struct error *error = worktree_rescue(session->worktree, folder, &count);
    struct event event = {
        .kind = EVENT_WARNING,
        .text = str_print(session->arena,
                          "a command was killed while it replaced or removed %s just been saved: "
                          "see .mlops/%.*s",
                          count == 1 ? "a file that had" : "files that had", STR_FMT(folder))};
    if (count)
        observer_tell(session->observer, &event);
    return error ? put_off(session, error) : NULL;
}

static FALLIBLE open_store(struct session *session, const struct session_options *options)
{
    struct workspace *workspace = &session->workspace;
    if (!options->is_read_only)
        TRY(workspace_init(session->arena, workspace));
    if (!options->is_read_only && workspace->is_read_only)
        return error_hint(
            error_new(ERROR_MACHINE,
                      "nothing can be recorded: '%.*s' or the store '%.*s' is read-only",
                      STR_FMT(workspace->state), STR_FMT(workspace->cache)),
            "'mlops plan' and 'mlops status' only look");
    bool has_state = fd_number(workspace->state_fd) >= 0;
    bool read_only = options->is_read_only || workspace->is_read_only || !has_state;
    session->is_read_only = read_only;
    struct str index = has_state ? path_join(session->arena, workspace->index_dir, STR("index.db"))
                                 : (struct str){0};
    TRY(index_open(session->arena, index.at, read_only, &session->index));
    session->objects = session->index;
    struct str objects = path_join(session->arena, workspace->database_dir, STR("index.db"));
    if (workspace->is_work_dir)
        TRY(index_open(session->arena, objects.at, read_only, &session->objects));
    session->pool = pool_open(options->threads);
    if (fd_number(workspace->cache_fd) >= 0)
        TRY(cas_open(session->arena, workspace, session->objects, &session->cas));
    TRY(worktree_open(session->arena, workspace, session->index, session->cas, session->pool,
                      &session->worktree));
    return read_only || !session->cas ? NULL : rescue(session);
}

struct error *session_load_lock(struct session *session, size_t file)
{
    struct lockfile *lock = &session->locks[file];
    TRY(lockfile_load(session->arena, &session->workspace, session->index,
                      session->pipeline->files.at[file].lock_path, lock));
    if (!lock->project.len)
        lock->project = session->workspace.config.project;
    return NULL;
}

static FALLIBLE load_locks(struct session *session)
{
    if (session->pipeline->dialect == DOC_DVC)
        worktree_follow_links(session->worktree);
    size_t count = session->pipeline->files.len;
    session->locks = arena_new_array(session->arena, struct lockfile, count);
    for (size_t i = 0; i < count; i++)
        TRY(session_load_lock(session, i));
    return NULL;
}

struct lockfile *session_lock(struct session *session, const struct stage *stage)
{
    return &session->locks[stage->file->index];
}

struct lock_entry *session_lock_entry(const struct session *session, const struct stage *stage)
{
    return map_get(&session->locks[stage->file->index].entries, stage->local_name);
}

bool session_is_lock(const struct session *session, struct str path)
{
    for (size_t i = 0; i < session->pipeline->files.len; i++) {
        if (str_equal(path, session->locks[i].path))
            return true;
    }
    return false;
}

struct digest session_lock_digest(const struct session *session)
{
    return lockfile_digest_all(session->locks, session->pipeline->files.len);
}

/* Who only looks must not write, but is told that what it sees is half of one state. */
static FALLIBLE tell_exchange(struct session *session)
{
    bool is_begun = false;
    struct event event = {.kind = EVENT_WARNING,
                          .text = STR("an 'mlops apply' was interrupted, and only some of its "
                                      "files are in place; the next 'mlops run' or 'mlops apply' "
                                      "completes it first")};
    TRY(exchange_is_begun(&session->workspace, &is_begun));
    if (is_begun)
        observer_tell(session->observer, &event);
    return NULL;
}

/* What an `apply` that was killed left undone. */
static FALLIBLE complete_exchange(struct session *session, const struct session_options *options)
{
    size_t count = 0;
    if (fd_number(session->workspace.state_fd) < 0)
        return NULL;
    if (options->is_read_only)
        return tell_exchange(session);
    TRY_WITHIN(exchange_recover(&session->workspace, &count),
               "completing an 'mlops apply' that was interrupted");
    struct event event = {.kind = EVENT_NOTICE,
                          .text = str_print(session->arena,
                                            "completed an 'mlops apply' that was interrupted: %zu "
                                            "file%s",
                                            count, count == 1 ? "" : "s")};
    if (count)
        observer_tell(session->observer, &event);
    return NULL;
}

static FALLIBLE open_all(struct session *session, const struct session_options *options)
{
    struct arena *arena = session->arena;
    struct str absolute;
    TRY(pipeline_absolute(arena, options, &absolute));
    struct str real = {0}, path = {0};
    struct str directory = options->cwd;
    if (absolute.len) {
        TRY(path_real(arena, absolute, &real));
        directory = path_directory(real);
    }
    TRY(workspace_find(arena, directory.len ? directory : STR("/"), &session->workspace));
    if (absolute.len)
        path = path_relative(arena, session->workspace.root, real);
    TRY(complete_exchange(session, options)); /* before any of its files is read */
    TRY(bind_and_plan(session, options, path));
    TRY(open_store(session, options));
    return load_locks(session);
}

struct error *session_open(struct arena *arena, const struct session_options *options,
                           struct session *ret)
{
    /* In place: what is opened keeps pointers to the session's workspace. */
    *ret = (struct session){.arena = arena, .observer = options->observer};
    struct error *error = open_all(ret, options);
    if (error)
        session_drop(ret);
    return error;
}

static FALLIBLE open_data(struct session *session, const struct session_options *options)
{
    TRY(workspace_find(session->arena, options->cwd, &session->workspace));
    TRY(complete_exchange(session, options));
    return open_store(session, options);
}

struct error *session_open_data(struct arena *arena, const struct session_options *options,
                                struct session *ret)
{
    *ret = (struct session){.arena = arena, .observer = options->observer};
    struct error *error = open_data(ret, options);
    if (error)
        session_drop(ret);
    return error;
}

void session_drop(struct session *session)
{
    worktree_drop(&session->worktree);
    cas_drop(&session->cas);
    bool is_apart = session->objects && session->objects != session->index;
    if (session->index && !session->is_read_only)
        error_drop(index_save(session->index)); /* disposable: not worth failing a run for */
    if (is_apart && !session->is_read_only)
        error_drop(index_save(session->objects));
    if (is_apart)
        index_drop(&session->objects);
    index_drop(&session->index);
    pool_drop(&session->pool);
    ledger_drop(&session->ledger);
    vcs_drop(&session->vcs);
    workspace_drop(&session->workspace);
    *session = (struct session){0};
}

struct error *session_ledger(struct session *session, struct ledger **ret)
{
    if (!session->ledger)
        TRY(ledger_open(session->arena, &session->workspace, session->is_read_only,
                        session->observer, &session->ledger));
    *ret = session->ledger;
    return NULL;
}

struct error *session_vcs(struct session *session, struct vcs **ret)
{
    bool is_first = !session->vcs_tried;
    session->vcs_tried = true; /* what failed once is told once */
    if (is_first)
        TRY(vcs_open(session->workspace.project, &session->vcs));
    *ret = session->vcs;
    return NULL;
}

struct str session_vcs_path(struct session *session, struct arena *arena, struct str path)
{
    if (!session->vcs)
        return path;
    struct str top = vcs_top(session->vcs);
    struct str inner = path_relative(arena, top, session->workspace.project);
    if (inner.len == 0 || str_equal(inner, STR(".")))
        return path;
    return str_print(arena, "%.*s/%.*s", STR_FMT(inner), STR_FMT(path));
}

static FALLIBLE parse_params(struct session *session, struct str path, struct str bytes,
                             const struct doc_node **ret)
{
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    struct doc *doc = NULL;
    TRY(doc_load(session->arena, shown, bytes, session->pipeline->dialect, &doc));
    *ret = doc->root;
    return NULL;
}

static FALLIBLE read_params(struct session *session, struct str path, struct param_file *params)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct param_file fresh = {0};
    struct str bytes;
    bool found = false;
    TRY_WITHIN(file_read(&scratch, fd_number(session->workspace.root_fd),
                         str_terminate(&scratch, path), LIMIT_JSON_BYTES, &bytes, &found),
               "reading parameters");
    if (found)
        fresh.digest = digest_of(bytes.at, bytes.len);
    if (found && digest_equal(fresh.digest, params->digest))
        fresh.root = params->root;
    else if (found)
        TRY(parse_params(session, path, str_copy(session->arena, bytes), &fresh.root));
    *params = fresh;
    return NULL;
}

struct error *session_params(struct session *session, struct str path,
                             const struct doc_node **ret_root)
{
    struct param_file *known = map_get(&session->param_files, path);
    struct param_file params = known ? *known : (struct param_file){.is_stale = true};
    if (params.is_stale) {
        TRY(read_params(session, path, &params));
        if (!known)
            known = arena_new(session->arena, struct param_file);
        *known = params;
        map_put(session->arena, &session->param_files, path, known);
    }
    *ret_root = params.root;
    return NULL;
}

void session_forget_params(struct session *session, struct str path)
{
    struct param_file *known = map_get(&session->param_files, path);
    if (known)
        known->is_stale = true;
}
