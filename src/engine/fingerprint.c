#include "mlops/engine/fingerprint.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/environment.h"
#include "mlops/engine/evaluation.h"
#include "mlops/engine/tracked.h"
#include "mlops/engine/validation.h"
#include "mlops/model/name.h"

#include <stdlib.h>

#include "fingerprint_private.h"

VEC(artifact_vec, struct artifact);

/* The stage whose output is not in the work tree, if `output` is one. */
static const struct stage *maker_of_absent(const struct forecast *forecast, struct str output)
{
    const struct stage *maker = map_get(&forecast->unknown, output);
    if (maker || !map_get(&forecast->known, output))
        return maker;
    return plan_producer(forecast->plan, output);
}

void forecast_note(struct arena *arena, struct forecast *forecast, struct str path,
                   const struct stage *maker)
{
    while (path.len > 1) {
        struct str dir = path_directory(path);
        void **place = maker ? map_place(arena, &forecast->above, dir) : NULL;
        if (!place || *place)
            return; /* with all above it */
        *place = (void *)(uintptr_t)maker;
        path = dir;
    }
}

static bool has_absent_below(const struct forecast *forecast, const struct stage *maker,
                             struct str dir)
{
    vec_each (struct output, output, &maker->outs) {
        if (path_is_within(output->path, dir) && maker_of_absent(forecast, output->path))
            return true;
    }
    return false;
}

/* The same of what `path` is, is a part of, or holds. */
const struct stage *fingerprint_absent_maker(const struct forecast *forecast, struct str path)
{
    const struct pipeline *pipeline = forecast->plan->pipeline;
    for (struct str at = path; at.len; at = path_directory(at)) {
        const struct stage *maker = maker_of_absent(forecast, at);
        if (maker || at.len == 1)
            return maker;
    }
    const struct stage *first = map_get(&forecast->above, path);
    if (!first)
        return NULL;
    if (has_absent_below(forecast, first, path))
        return first;
    map_each (entry, &pipeline->makers) { /* it was restored meanwhile: some other */
        const struct stage *maker =
            path_is_within(entry->key, path) ? maker_of_absent(forecast, entry->key) : NULL;
        if (maker)
            return maker;
    }
    return NULL;
}

struct dep_source {
    struct session *session;
    const struct stage *stage;
    const struct forecast *forecast;
    struct artifact_vec found;
    const struct stage *waits_for;
};

/* What the forecast knows of a path: *ret_known; or it waits for a stage; or neither: look. */
static FALLIBLE foresee_path(struct dep_source *source, struct str path, struct artifact *ret,
                             bool *ret_known)
{
    const struct forecast *forecast = source->forecast;
    const struct artifact *known = forecast ? map_get(&forecast->known, path) : NULL;
    *ret_known = known != NULL;
    if (known)
        *ret = *known;
    if (known || !forecast)
        return NULL;
    source->waits_for = fingerprint_absent_maker(forecast, path);
    if (source->waits_for)
        TRY(input_foresee_part(source->session, forecast, path, ret, ret_known));
    if (*ret_known)
        source->waits_for = NULL;
    return NULL;
}

static FALLIBLE missing_dependency(struct dep_source *source, const struct dependency *dependency)
{
    const struct stage *maker = plan_producer(&source->session->plan, dependency->path);
    if (maker)
        return error_hint(doc_error(dependency->node, "'%.*s' is not there; stage '%.*s' makes it",
                                    STR_FMT(dependency->written), STR_FMT(maker->name)),
                          "run that stage too: mlops run %.*s", STR_FMT(maker->name));
    return error_hint(doc_error(dependency->node,
                                "dependency '%.*s' of stage '%.*s' is not there and no stage makes "
                                "it",
                                STR_FMT(dependency->written), STR_FMT(source->stage->name)),
                      "create the file, or correct its name");
}

static bool takes_missing(const struct forecast *forecast)
{
    return forecast && forecast->takes_missing;
}

/* Adds what one path holds; a path that is not there adds ARTIFACT_ABSENT. */
static FALLIBLE add_path(struct dep_source *source, const struct dependency *dependency,
                         struct str path)
{
    struct artifact seen = {0};
    bool is_known = false;
    TRY(foresee_path(source, path, &seen, &is_known));
    if (source->waits_for)
        return NULL;
    if (!is_known) {
        struct error *error = worktree_look(source->session->worktree, path, LOOK_DEP, &seen);
        if (error)
            return error_within(error, "dependency '%.*s' of stage '%.*s'",
                                STR_FMT(dependency->written), STR_FMT(source->stage->name));
    }
    if (seen.kind == ARTIFACT_ABSENT && !dependency->is_glob && !takes_missing(source->forecast))
        return missing_dependency(source, dependency);
    seen.path = path;
    *vec_push(source->session->arena, &source->found) = seen;
    return NULL;
}

/* Files that are not there can't be listed: the stage, among those that this one needs, whose
 * absent outputs the pattern may match. */
static const struct stage *glob_waits_for(const struct dep_source *source, struct str pattern)
{
    const struct plan *plan = source->forecast->plan;
    const struct plan_stage *planned = &plan->stages[source->stage->index];
    for (size_t i = 0; i < planned->need_count; i++) {
        const struct stage *maker = &plan->pipeline->stages.at[planned->needs[i].stage];
        vec_each (struct output, output, &maker->outs) {
            bool may_match =
                glob_match(pattern, output->path) || glob_may_match_below(pattern, output->path);
            if (may_match && maker_of_absent(source->forecast, output->path))
                return maker;
        }
    }
    return NULL;
}

/* Data that match and would be restored before the stage runs. */
static FALLIBLE add_foreseen(struct dep_source *source, const struct dependency *dependency,
                             size_t *count)
{
    map_each (entry, &source->forecast->data) {
        if (!glob_match(dependency->path, entry->key))
            continue;
        TRY(add_path(source, dependency, entry->key));
        ++*count;
    }
    return NULL;
}

static FALLIBLE add_glob(struct dep_source *source, const struct dependency *dependency)
{
    struct session *session = source->session;
    struct str *paths = NULL;
    size_t count = 0, foreseen = 0;
    if (source->forecast) {
        source->waits_for = glob_waits_for(source, dependency->path);
        if (source->waits_for)
            return NULL;
    }
    TRY(worktree_glob(session->worktree, session->arena, dependency->path, &paths, &count));
    if (source->forecast)
        TRY(add_foreseen(source, dependency, &foreseen));
    if (count + foreseen == 0 && !takes_missing(source->forecast))
        return error_hint(doc_error(dependency->node,
                                    "pattern '%.*s' of stage '%.*s' matches no file",
                                    STR_FMT(dependency->written), STR_FMT(source->stage->name)),
                          "correct the pattern, or remove it from 'deps'");
    for (size_t i = 0; i < count; i++)
        TRY(add_path(source, dependency, paths[i]));
    return NULL;
}

static int artifact_path_compare(const void *a, const void *b)
{
    return str_compare(((const struct artifact *)a)->path, ((const struct artifact *)b)->path);
}

/* Sorted by path, each once (a glob and a plain path may name the same file). */
static void sort_unique(struct artifact_vec *found)
{
    vec_sort(found, artifact_path_compare);
    size_t kept = 0;
    for (size_t i = 0; i < found->len; i++) {
        if (kept == 0 || !str_equal(found->at[kept - 1].path, found->at[i].path))
            found->at[kept++] = found->at[i];
    }
    found->len = kept;
}

static FALLIBLE collect_deps(struct dep_source *source)
{
    vec_each (struct dependency, dependency, &source->stage->deps) {
        if (dependency->is_url)
            return error_hint(
                doc_error(dependency->node, "'%.*s' is a URL", STR_FMT(dependency->written)),
                "fetch it with a stage of its own; URLs as dependencies can be planned "
                "but not run");
        TRY(dependency->is_glob ? add_glob(source, dependency)
                                : add_path(source, dependency, dependency->path));
        if (source->waits_for)
            return NULL;
        if (source->found.len > (size_t)LIMIT_STAGE_PATHS)
            return doc_error(dependency->node,
                             "stage '%.*s' has more than %lld dependencies (limit STAGE_PATHS)",
                             STR_FMT(source->stage->name), (long long)LIMIT_STAGE_PATHS);
    }
    sort_unique(&source->found);
    return NULL;
}

static void fill_deps(struct arena *arena, const struct artifact_vec *found, struct recipe *recipe)
{
    recipe->deps = arena_new_array(arena, struct recipe_dep, found->len);
    recipe->dep_count = found->len;
    for (size_t i = 0; i < found->len; i++) {
        const struct artifact *seen = &found->at[i];
        recipe->deps[i] = (struct recipe_dep){.path = seen->path,
                                              .kind = seen->kind,
                                              .is_executable = seen->is_executable,
                                              .digest = seen->digest,
                                              .size_bytes = seen->size_bytes};
    }
}

static void fill_env(struct arena *arena, const struct stage *stage, struct recipe *recipe)
{
    recipe->env = arena_new_array(arena, struct recipe_env, stage->env.len);
    recipe->env_count = stage->env.len;
    for (size_t i = 0; i < stage->env.len; i++) {
        const struct env_var *variable = &stage->env.at[i];
        bool is_secret = variable->from_env.len && !variable->is_in_key;
        struct str value = variable->value;
        if (variable->from_env.len && variable->is_in_key) {
            const char *inherited = getenv(str_terminate(arena, variable->from_env));
            value = inherited ? str_of(inherited) : variable->value;
        }
        recipe->env[i] = (struct recipe_env){.name = variable->name,
                                             .value = is_secret ? (struct str){0} : value,
                                             .is_secret = is_secret};
    }
}

static void fill_outs(struct arena *arena, const struct stage *stage, struct recipe *recipe)
{
    recipe->outs = arena_new_array(arena, struct str, stage->outs.len);
    recipe->out_count = stage->outs.len;
    for (size_t i = 0; i < stage->outs.len; i++)
        recipe->outs[i] = stage->outs.at[i].path;
    if (stage->outs.len > 1)
        qsort(recipe->outs, stage->outs.len, sizeof *recipe->outs, str_compare_items);
}

struct error *fingerprint_stage(struct session *session, const struct stage *stage,
                                const struct forecast *forecast, struct fingerprint *ret)
{
    struct arena *arena = session->arena;
    struct recipe *recipe = arena_new(arena, struct recipe);
    struct fingerprint made = {.recipe = recipe};
    struct dep_source source = {.session = session, .stage = stage, .forecast = forecast};
    TRY(collect_deps(&source));
    made.waits_for = source.waits_for;
    if (!made.waits_for)
        TRY(fingerprint_params(session, stage, forecast, recipe, &made.waits_for));
    recipe->cmd = stage->cmd;
    recipe->wdir = stage->wdir;
    recipe->shell = stage->shell;
    if (!made.waits_for) {
        fill_deps(arena, &source.found, recipe);
        fill_env(arena, stage, recipe);
        fill_outs(arena, stage, recipe);
        if (stage->keys_environment)
            TRY(environment_fingerprint(session, stage, &recipe->environment));
        made.deps = source.found.at;
        made.key = recipe_key(recipe);
    }
    *ret = made;
    return NULL;
}

VEC(wish_vec, struct worktree_wish);

struct error *fingerprint_prefetch(struct session *session)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct wish_vec wishes = {0};
    for (size_t i = 0; i < session->pipeline->stages.len; i++) {
        if (!session->plan.stages[i].is_selected)
            continue;
        const struct stage *stage = &session->pipeline->stages.at[i];
        vec_each (struct dependency, dependency, &stage->deps) {
            if (!dependency->is_glob && !dependency->is_url)
                *vec_push(&scratch, &wishes) =
                    (struct worktree_wish){.path = dependency->path, .role = LOOK_DEP};
        }
        vec_each (struct output, output, &stage->outs)
            *vec_push(&scratch, &wishes) =
                (struct worktree_wish){.path = output->path, .role = LOOK_OUT};
    }
    return worktree_prefetch(session->worktree, wishes.at, wishes.len, session->observer);
}

/* Whether some selected stage will make (part of) what `path` needs. */
static bool is_made_by_run(const struct session *session, struct str path)
{
    const struct stage *maker = plan_producer(&session->plan, path);
    if (maker)
        return session->plan.stages[maker->index].is_selected;
    return plan_touches_output(&session->plan, path);
}

/* Whether a pattern's files may come from a stage of this run. */
static bool is_glob_made(const struct session *session, const struct stage *stage)
{
    const struct plan_stage *planned = &session->plan.stages[stage->index];
    for (size_t i = 0; i < planned->need_count; i++) {
        if (planned->needs[i].edge == PLAN_DATA)
            return true;
    }
    return false;
}

static FALLIBLE check_dependency(struct session *session, const struct stage *stage,
                                 const struct dependency *dependency, struct forecast *forecast,
                                 bool is_dry)
{
    bool is_made = dependency->is_glob ? is_glob_made(session, stage)
                                       : is_made_by_run(session, dependency->path);
    if (is_made)
        return NULL;
    struct dep_source source = {.session = session, .stage = stage, .forecast = forecast};
    if (!dependency->is_glob && !dependency->is_url)
        TRY(input_bring_back(session, dependency->path, is_dry ? forecast : NULL));
    if (dependency->is_url)
        return error_hint(doc_error(dependency->node, "'%.*s' is a URL; stages can't read URLs yet",
                                    STR_FMT(dependency->written)),
                          "fetch it in a stage that declares the file as an output");
    return dependency->is_glob ? add_glob(&source, dependency)
                               : add_path(&source, dependency, dependency->path);
}

static struct error *refuse_frozen(const struct stage *stage)
{
    const struct doc_node *frozen = doc_find(stage->node, STR("frozen"));
    return error_hint(
        doc_error(frozen ? frozen : stage->node,
                  "stage '%.*s' is frozen but has never run: what it makes is not known",
                  STR_FMT(stage->name)),
        "take 'frozen' away for its first run");
}

/* A file that can't be read is told once, however many name it. */
static void check_params(struct session *session, const struct stage *stage,
                         const struct forecast *forecast, struct map *broken,
                         struct error_list *errors)
{
    vec_each (struct param_ref, reference, &stage->params) {
        const struct doc_node *unused;
        struct recipe_param value;
        if (is_made_by_run(session, reference->file) || map_has(broken, reference->file))
            continue;
        struct error *error = session_params(session, reference->file, &unused);
        if (error)
            map_put(session->arena, broken, reference->file, broken);
        else
            error = fingerprint_param(session, stage, reference, forecast, &value);
        error_list_add(errors, error);
    }
}

static void check_stage(struct session *session, const struct stage *stage,
                        struct forecast *forecast, bool is_dry, struct map *broken,
                        struct error_list *errors)
{
    if (stage->is_frozen) {
        bool is_unknown = !session_lock_entry(session, stage) && !takes_missing(forecast);
        error_list_add(errors, is_unknown ? refuse_frozen(stage) : NULL);
        return;
    }
    vec_each (struct dependency, dependency, &stage->deps)
        error_list_add(errors, check_dependency(session, stage, dependency, forecast, is_dry));
    if (stage->validation && !errors->kept)
        error_list_add(errors, validation_check(session, stage));
    if (stage->gates && stage->evaluating)
        error_list_add(errors, evaluation_check(session, stage));
    check_params(session, stage, forecast, broken, errors);
}

struct error *fingerprint_check_inputs(struct session *session, struct forecast *forecast,
                                       bool is_dry, bool is_lazy)
{
    struct error_list errors = {0};
    struct map broken = {0};
    struct tracked_options options = {.is_dry = is_dry,
                                      .is_lazy = is_lazy,
                                      .takes_missing = forecast->takes_missing,
                                      .known = &forecast->known,
                                      .data = &forecast->data};
    TRY(tracked_check(session, is_dry, forecast->takes_missing, is_dry ? &forecast->known : NULL));
    TRY(tracked_check_pointers(session, &options));
    if (!is_dry && !is_lazy)
        forecast = NULL;
    for (size_t i = 0; i < session->pipeline->stages.len; i++) {
        if (session->plan.stages[i].is_selected)
            check_stage(session, &session->pipeline->stages.at[i], forecast, is_dry, &broken,
                        &errors);
    }
    return error_list_take(&errors);
}

struct error *fingerprint_recheck(struct session *session, const struct stage *stage,
                                  const struct fingerprint *seen, struct str_vec *ret_changed)
{
    for (size_t i = 0; i < seen->recipe->dep_count; i++) {
        bool is_same = false;
        struct error *error =
            worktree_recheck(session->worktree, &seen->deps[i], LOOK_DEP, &is_same);
        if (error && error->code > ERROR_SIGNAL)
            return error;
        error_drop(error); /* unreadable now: changed */
        if (!is_same)
            *vec_push(session->arena, ret_changed) = seen->deps[i].path;
    }
    return fingerprint_recheck_params(session, stage, seen, ret_changed);
}
