/* Of which sweep and trial a run is. */
#include "mlops/base/arena.h"
#include "mlops/cli/runs.h"
#include "mlops/cli/sweep.h"
#include "mlops/model/name.h"

struct origin {
    struct sweep_row sweep;
    struct trial trial;
    bool is_found;
};

static FALLIBLE find_origin(struct context *context, const struct run *run, struct origin *ret)
{
    struct ledger *ledger = NULL;
    *ret = (struct origin){.is_found = false};
    if (run->sweep.len == 0)
        return NULL;
    TRY(context_ledger(context, &ledger));
    return sweeps_of_run(ledger, context->arena, run->id, &ret->sweep, &ret->trial, &ret->is_found);
}

static struct str sweep_words(struct arena *arena, const struct origin *origin)
{
    struct str name = origin->sweep.sweep.name;
    return str_print(arena, "%.*s%s%.*s, trial %lld", STR_FMT(ulid_short(origin->sweep.ulid)),
                     name.len ? " " : "", STR_FMT(name), (long long)origin->trial.number + 1);
}

struct error *runs_print_origin(struct context *context, const struct run *run,
                                void (*add_line)(struct context *context, const char *name,
                                                 struct str value))
{
    struct arena *arena = context->arena;
    struct origin origin;
    TRY(find_origin(context, run, &origin));
    if (!origin.is_found)
        return NULL;
    const struct trial *trial = &origin.trial;
    if (!origin.sweep.is_single)
        add_line(context, "sweep", sweep_words(arena, &origin));
    if (trial->run.len && !str_equal(trial->run, run->id))
        add_line(context, "attempt", STR("an earlier one that does not count"));
    else if (trial->has_score)
        add_line(context, "score", sweep_score_words(arena, &origin.sweep.sweep, trial->score));
    add_line(context, "isolation", trial->isolation);
    vec_each (const struct override, override, &trial->overrides)
        add_line(context, "set", override_print(arena, override));
    return NULL;
}

struct error *runs_origin_json(struct context *context, struct json_writer *json,
                               const struct run *run)
{
    struct origin origin;
    TRY(find_origin(context, run, &origin));
    json_name(json, "experiment");
    if (!origin.is_found) {
        json_null(json);
        return NULL;
    }
    json_open_object(json);
    sweep_trial_json(json, &origin.trial);
    json_close_object(json);
    return NULL;
}
