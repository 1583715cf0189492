#include "mlops/engine/reproduce.h"

#include "mlops/base/arena.h"
#include "mlops/host/signal.h"
#include "mlops/model/environment.h"

/* --- the session in the work directory --- */

static bool was_made(const struct run_view *original, const struct run_view_stage *stage)
{
    bool has_result = !original->run || stage->duration_ns >= 0;
    return has_result && stage->recipe && !stage_made_nothing(stage->status);
}

static FALLIBLE list_targets(struct arena *arena, const struct run_view *original, struct str **ret,
                             size_t *ret_count)
{
    struct str *names = arena_new_array(arena, struct str, original->stage_count);
    size_t count = 0;
    for (size_t i = 0; i < original->stage_count; i++) {
        if (was_made(original, &original->stages[i]))
            names[count++] = original->stages[i].stage;
    }
    *ret = names;
    *ret_count = count;
    return count ? NULL
                 : error_new(ERROR_MACHINE, "%.*s has no results that could be compared",
                             STR_FMT(original->title));
}

static const struct run_view_stage *find(const struct run_view *original, struct str stage)
{
    for (size_t i = 0; i < original->stage_count; i++) {
        if (str_equal(original->stages[i].stage, stage))
            return &original->stages[i];
    }
    return NULL;
}

/* What is frozen is not made: it is what it was. */
static void note_frozen(struct session *session, const struct run_view *original,
                        const struct stage *stage)
{
    const struct run_view_stage *before = find(original, stage->name);
    if (!before || !before->recipe || session_lock_entry(session, stage))
        return;
    struct lock_entry *entry = arena_new(session->arena, struct lock_entry);
    *entry = (struct lock_entry){.stage = stage->local_name,
                                 .recipe = *before->recipe,
                                 .key = before->key,
                                 .outs = before->outs,
                                 .out_count = before->out_count,
                                 .metrics = before->metrics};
    map_put(session->arena, &session_lock(session, stage)->entries, entry->stage, entry);
}

/* Gates compare with what is now the baseline, and stop what comes behind them: that is not asked
 * here. */
static void adapt_stages(struct session *session, const struct run_view *original)
{
    vec_each (struct stage, stage, &session->pipeline->stages) {
        stage->gates = NULL;
        if (stage->is_frozen)
            note_frozen(session, original, stage);
    }
}

static FALLIBLE open_inside(struct arena *arena, const struct reproduce_options *options,
                            struct str root, struct session *ret)
{
    const struct run_view *original = options->original;
    struct session_options session = {
        .cwd = root, .threads = -1, .observer = options->observer, .pipeline = options->pipeline};
    struct str *targets = NULL;
    TRY(list_targets(arena, original, &targets, &session.target_count));
    session.targets = targets;
    TRY_WITHIN(session_open(arena, &session, ret), "%.*s, as it was made from",
               STR_FMT(original->title));
    TRY(workspace_seclude(&ret->workspace));
    adapt_stages(ret, original);
    return NULL;
}

/* --- what came of it --- */

static bool has_persisting(const struct stage *stage)
{
    bool persists = false;
    vec_each (const struct output, output, &stage->outs)
        persists |= output->persists;
    return persists;
}

static struct reproduced_now now_of(const struct outcome *outcome)
{
    const struct result *result = outcome->value;
    return (struct reproduced_now){
        .stage = outcome->stage->name,
        .status = outcome->status,
        .recipe = outcome->recipe,
        .outs = result ? result->outs : NULL,
        .out_count = result ? result->out_count : 0,
        .metrics = result ? result->metrics : (struct metric_vec){0},
        .persists = has_persisting(outcome->stage),
        .cause =
            outcome->blocker.len ? outcome->blocker : str_of(stage_status_name(outcome->status)),
    };
}

static void compare(struct session *session, const struct reproduce_options *options,
                    const struct run_report *run, struct reproduce_report *ret)
{
    struct arena *arena = session->arena;
    struct reproduced_now *now = arena_new_array(arena, struct reproduced_now, run->count);
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct outcome *outcome = &run->outcomes[session->plan.order[i]];
        if (outcome->status != STATUS_WAITING)
            now[count++] = now_of(outcome);
    }
    reproduce_compare(arena, options->original, now, count, &options->tolerance, ret);
}

static bool is_told(const struct environment_changes *changes,
                    const struct environment_change *change)
{
    vec_each (const struct environment_change, told, changes) {
        if (str_equal(told->section, change->section) && str_equal(told->name, change->name) &&
            str_equal(told->before, change->before) && str_equal(told->after, change->after))
            return true;
    }
    return false;
}

static FALLIBLE compare_environments(struct session *session,
                                     const struct reproduce_options *options,
                                     const struct run_report *run, struct environment_changes *ret)
{
    struct arena *arena = session->arena;
    for (size_t i = 0; i < run->count; i++) {
        const struct outcome *outcome = &run->outcomes[i];
        const struct run_view_stage *before = find(options->original, outcome->stage->name);
        struct environment now = {0};
        struct environment_changes changes = {0};
        if (!before || !before->environment || !outcome->environment.len)
            continue;
        TRY(environment_decode(arena, outcome->environment, &now));
        environment_diff(arena, before->environment, &now, &changes);
        vec_each (const struct environment_change, change, &changes) {
            if (!is_told(ret, change))
                *vec_push(arena, ret) = *change;
        }
    }
    return NULL;
}

static FALLIBLE run_inside(struct session *session, const struct reproduce_options *options,
                           struct reproduce_report *ret)
{
    struct run_report report = {0};
    const struct run_options run = {.force = true,
                                    .is_private = true,
                                    .keep_going = true,
                                    .no_dvc_lock = true,
                                    .jobs = options->jobs,
                                    .argv = options->argv,
                                    .version = options->version};
    TRY(run_plan(session, &run, &report));
    TRY(signal_check());
    compare(session, options, &report, ret);
    ret->duration_ns = report.run->duration_ns;
    return compare_environments(session, options, &report, &ret->environment);
}

FALLIBLE reproduce_run(struct arena *arena, const struct reproduce_options *options,
                       const struct work_dir *work_dir, struct reproduce_report *ret)
{
    struct session session = {0};
    struct str root = {0};
    *ret = (struct reproduce_report){.isolation = work_dir->isolation};
    TRY(work_dir_enter(arena, work_dir, &root));
    struct error *error = open_inside(arena, options, root, &session);
    if (!error)
        error = run_inside(&session, options, ret);
    session_drop(&session);
    return error;
}
