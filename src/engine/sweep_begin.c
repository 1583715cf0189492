/* A new sweep: all that can be found wrong is found here, before anything runs. */
#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include "sweep_private.h"

/* Where a resolved override goes back to: the parameter of a dimension, or an override. */
struct wanted {
    struct dimension *dimension;
    struct override *override;
    struct str *file; /* of the seed or the budget */
};
VEC(wanted_vec, struct wanted);

struct resolution {
    struct arena *arena;
    struct override_vec overrides;
    struct wanted_vec wanted; /* parallel */
};

static struct wanted *want(struct resolution *resolution, struct override override)
{
    *vec_push(resolution->arena, &resolution->overrides) = override;
    return vec_push(resolution->arena, &resolution->wanted);
}

/* Every value of a choice has to fit the parameter's type; of a range both ends. */
static void want_dimension(struct resolution *resolution, struct dimension *dimension)
{
    struct override override = {
        .file = dimension->file, .key = dimension->key, .action = dimension->action};
    const double ends[] = {dimension->low, dimension->high};
    bool is_whole = dimension->kind == DIMENSION_INT || dimension->kind == DIMENSION_LOGINT;
    for (size_t i = 0; i < dimension->value_count; i++) {
        override.text = dimension->values[i];
        want(resolution, override)->dimension = dimension;
    }
    for (size_t i = 0; i < COUNT_OF(ends) && dimension->kind != DIMENSION_CHOICE; i++) {
        override.text = is_whole ? str_print(resolution->arena, "%.0f", ends[i])
                                 : str_print(resolution->arena, "%#.17g", ends[i]);
        want(resolution, override)->dimension = dimension;
    }
}

static void want_override(struct resolution *resolution, struct override *override)
{
    want(resolution, *override)->override = override;
}

static void want_number(struct resolution *resolution, struct str *file, struct str key)
{
    struct override override = {.file = *file, .key = key, .text = STR("1")};
    if (key.len)
        want(resolution, override)->file = file;
}

static void collect(struct resolution *resolution, struct sweep *sweep)
{
    vec_each (struct dimension, dimension, &sweep->dimensions)
        want_dimension(resolution, dimension);
    vec_each (struct override, override, &sweep->fixed)
        want_override(resolution, override);
    for (size_t i = 0; i < sweep->listed_count; i++) {
        vec_each (struct override, override, &sweep->listed[i])
            want_override(resolution, override);
    }
    want_number(resolution, &sweep->seed_file, sweep->seed_key);
    want_number(resolution, &sweep->budget_file, sweep->budget_key);
}

static FALLIBLE resolve(struct session *session, struct sweep *sweep)
{
    struct resolution resolution = {.arena = session->arena};
    collect(&resolution, sweep);
    for (size_t i = 0; i < resolution.wanted.len; i++) {
        const struct wanted *wanted = &resolution.wanted.at[i];
        struct override resolved = resolution.overrides.at[i];
        /* One by one: each is of another trial. */
        TRY(override_resolve(session, &(struct override_vec){&resolved, 1, 1}));
        if (wanted->dimension)
            wanted->dimension->file = resolved.file;
        else if (wanted->override)
            *wanted->override = resolved;
        else
            *wanted->file = resolved.file;
    }
    return NULL;
}

/* What such parameters are usually called. */
static bool is_seed(struct str key)
{
    static const char *const names[] = {"seed", "random_seed", "random_state"};
    ptrdiff_t dot = str_find_last_char(key, '.');
    struct str name = dot < 0 ? key : str_slice(key, (size_t)dot + 1, key.len);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_is(name, names[i]))
            return true;
    }
    return false;
}

static bool is_varied(const struct sweep *sweep, struct str key)
{
    vec_each (const struct dimension, dimension, &sweep->dimensions) {
        if (str_equal(dimension->key, key))
            return true;
    }
    return false;
}

/* The only seed that a selected stage depends on. */
static const struct param_ref *find_seed(const struct session *session, const struct sweep *sweep)
{
    const struct param_ref *found = NULL;
    vec_each (const struct stage, stage, &session->pipeline->stages) {
        if (!session->plan.stages[stage->index].is_selected)
            continue;
        vec_each (const struct param_ref, param, &stage->params) {
            if (!is_seed(param->key) || is_varied(sweep, param->key))
                continue;
            bool is_other = found && !(str_equal(found->key, param->key) &&
                                       str_equal(found->file, param->file));
            if (is_other)
                return NULL;
            found = param;
        }
    }
    return found;
}

/* Without one all repeats would have one result, which is computed once. */
static FALLIBLE take_seed(const struct session *session, const struct sweep_options *options,
                          struct sweep *sweep)
{
    if (sweep->repeat < 2 || sweep->seed_key.len)
        return NULL;
    const struct param_ref *found = find_seed(session, sweep);
    if (!found && (options->run.force || options->run.no_restore))
        return NULL;
    if (!found)
        return error_hint(
            error_new(ERROR_USAGE, "which parameter tells repeats apart is not known"),
            "name it: --seed-param train.seed");
    sweep->seed_file = found->file;
    sweep->seed_key = found->key;
    return NULL;
}

/* Some stage has to report it, whatever it is called there. */
static FALLIBLE check_metric(struct session *session, const struct sweep *sweep)
{
    if (!sweep->metric_key.len)
        return NULL;
    vec_each (const struct stage, stage, &session->pipeline->stages) {
        bool is_selected = session->plan.stages[stage->index].is_selected;
        if (is_selected && stage->evaluating)
            return NULL;
        vec_each (const struct output, output, &stage->outs) {
            if (is_selected && output->category == OUT_METRICS)
                return NULL;
        }
    }
    return error_hint(error_new(ERROR_PROJECT, "no stage of '%.*s' reports metrics, so none '%.*s'",
                                STR_FMT(session->pipeline->path), STR_FMT(sweep->metric_key)),
                      "name the file with them under 'metrics' of the stage that writes it");
}

/* A word that only means something where the caller stands, as seen from the root. */
static struct str target_of(struct session *session, struct str cwd, struct str word,
                            const struct plan_choice *choice)
{
    const struct pipeline *pipeline = session->pipeline;
    struct str path = {0};
    ptrdiff_t colon = str_find_char(word, ':');
    if (choice->recursive && cwd.len && path_resolve(session->arena, cwd, word, &path))
        return path.len ? path : STR(".");
    if (!cwd.len || choice->is_pattern || map_has(&pipeline->by_name, word) ||
        map_has(&pipeline->groups, word) || !path_resolve(session->arena, cwd, word, &path))
        return word;
    struct str file = colon < 0 ? path : str_slice(path, 0, path.len - word.len + (size_t)colon);
    bool is_known = map_has(&pipeline->makers, path) || map_has(&pipeline->holders, path);
    vec_each (const struct pipeline_file, known, &pipeline->files)
        is_known |= str_equal(known->path, file);
    return is_known ? path : word;
}

static FALLIBLE take_targets(struct session *session, const struct plan_choice *choice,
                             struct sweep *sweep)
{
    struct arena *arena = session->arena;
    struct str *targets = arena_new_array(arena, struct str, sweep->target_count);
    struct str cwd = {0};
    TRY(path_current(arena, &cwd));
    cwd = path_relative(arena, session->workspace.root, cwd);
    cwd = str_is(cwd, ".") ? STR("") : cwd;
    for (size_t i = 0; i < sweep->target_count; i++)
        targets[i] = target_of(session, cwd, sweep->targets[i], choice);
    sweep->targets = targets;
    return NULL;
}

static FALLIBLE check_isolation(struct session *session, const struct sweep_options *options,
                                struct digest snapshot)
{
    enum isolation chosen = ISOLATION_AUTO;
    struct str why = {0};
    TRY(isolation_choose(session, session->arena, options->isolation, &chosen, &why));
    bool is_checked = chosen == ISOLATION_DIRECTORY && !options->allows_shared;
    return is_checked ? work_dir_check(session, snapshot) : NULL;
}

/* The run that left the state the sweep starts from. */
static FALLIBLE find_parent(struct session *session, struct ledger *ledger, struct str *ret)
{
    struct run *run = NULL;
    TRY(ledger_run_of_lock(ledger, session->arena, session_lock_digest(session), &run));
    *ret = run ? run->id : (struct str){0};
    return NULL;
}

/* What the sweep says against the project's files as they are in `session`. */
static FALLIBLE examine(struct session *session, const struct sweep_options *options,
                        struct sweep_row *row)
{
    struct sweep *sweep = &row->sweep;
    struct ledger *ledger = NULL;
    int64_t count = 0;
    TRY(take_seed(session, options, sweep));
    TRY(resolve(session, sweep));
    TRY(sweep_check(sweep));
    TRY(sampler_count(sweep, &count));
    if (sweep->direction == DIRECTION_UNKNOWN)
        sweep->direction = metric_direction_of(sweep->metric_key);
    TRY(check_metric(session, sweep));
    TRY(session_ledger(session, &ledger));
    return find_parent(session, ledger, &row->parent);
}

static FALLIBLE examine_at(struct session *session, const struct sweep_options *sweeping,
                           const struct work_dir *work_dir, struct sweep_row *row)
{
    struct session there;
    struct session_options options = {.cwd = work_dir->path,
                                      .pipeline = row->sweep.pipeline,
                                      .targets = row->sweep.targets,
                                      .target_count = row->sweep.target_count,
                                      .choice = sweeping->choice,
                                      .observer = session->observer};
    TRY(session_open(session->arena, &options, &there));
    struct error *error = examine(&there, sweeping, row);
    session_drop(&there);
    return error;
}

/* The files of a commit are looked at in a directory of their own. */
static FALLIBLE examine_commit(struct session *session, const struct sweep_options *sweeping,
                               struct sweep_row *row)
{
    struct arena *arena = session->arena;
    struct work_dir work_dir = {0};
    struct work_dir_options options = {.session = session,
                                       .snapshot = row->snapshot,
                                       .name = clock_ulid(arena),
                                       .isolation = ISOLATION_DIRECTORY,
                                       .allows_shared = true};
    TRY(work_dir_make(arena, &options, &work_dir));
    struct error *error = examine_at(session, sweeping, &work_dir, row);
    work_dir_drop(&work_dir);
    struct error *unremoved = work_dir_remove(session, &work_dir);
    if (error)
        error_drop(unremoved);
    return error ? error : unremoved;
}

struct error *sweep_extend(struct session *session, struct sweep_row *row, int64_t more)
{
    struct ledger *ledger = NULL;
    int64_t before = 0, after = 0, done = 0;
    if (!row->sweep.trials_most || row->sweep.stop == STOP_HALVING)
        return NULL;
    for (int i = TRIAL_SUCCEEDED; i < TRIAL_STATUS_COUNT; i++)
        done += row->counts[i];
    TRY(sampler_count(&row->sweep, &before));
    row->sweep.trials_most = MAX_OF(before, done + more);
    TRY(sampler_count(&row->sweep, &after));
    if (after <= before)
        return NULL;
    row->status = SWEEP_OPEN;
    TRY(session_ledger(session, &ledger));
    return sweeps_extend(ledger, row);
}

/* The full id of what the user calls a revision. */
static FALLIBLE find_commit(struct session *session, struct str revision, struct str *ret)
{
    struct vcs *vcs = NULL;
    bool is_found = false;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return error_new(ERROR_PROJECT, "'%.*s' is not in a git repository",
                         STR_FMT(session->workspace.root));
    TRY(vcs_resolve(vcs, session->arena, revision, ret, &is_found));
    if (is_found)
        return NULL;
    return error_hint(error_new(ERROR_USAGE, "there is no revision '%.*s'", STR_FMT(revision)),
                      "git log shows them");
}

struct error *sweep_begin(struct session *session, const struct sweep *sweep,
                          const struct sweep_options *options, bool is_single,
                          struct sweep_row *ret)
{
    struct snapshot snapshot = {0};
    struct ledger *ledger = NULL;
    TRY(work_dir_refuse_inside(&session->workspace));
    *ret = (struct sweep_row){.sweep = *sweep, .is_single = is_single, .argv = options->argv};
    ret->sweep.pipeline = session->pipeline->path;
    TRY(take_targets(session, &options->choice, &ret->sweep));
    if (!options->commit.len)
        TRY(examine(session, options, ret));
    struct str commit = {0};
    if (options->commit.len)
        TRY(find_commit(session, options->commit, &commit));
    if (options->commit.len)
        TRY(snapshot_of_commit(session, commit, (struct digest){{0}}, &snapshot));
    else
        TRY(snapshot_take(session, &snapshot));
    ret->snapshot = snapshot.tree;
    ret->code = snapshot.code;
    if (options->commit.len)
        TRY(examine_commit(session, options, ret));
    TRY(check_isolation(session, options, snapshot.tree));
    TRY(session_ledger(session, &ledger));
    return sweeps_begin(ledger, session->arena, ret);
}
