#include "mlops/cli/repeats.h"

#include "mlops/base/arena.h"
#include "mlops/model/sampler.h"

static int64_t combination_of(const struct sweep_row *row, const struct trial *trial)
{
    int64_t combination, repeat;
    sampler_split(&row->sweep, trial->number, &combination, &repeat);
    return combination;
}

static struct repeat_group *group_of(struct arena *arena, struct map *groups,
                                     const struct sweep_row *row, int64_t combination)
{
    void **place = map_place(arena, groups, str_print(arena, "%lld", (long long)combination));
    if (!*place) {
        struct repeat_group *group = arena_new(arena, struct repeat_group);
        *group = (struct repeat_group){.sweep = row->id, .combination = combination};
        *place = group;
    }
    return *place;
}

struct error *repeats_load_sweep(struct context *context, const struct sweep_row *row,
                                 struct repeats *ret)
{
    struct ledger *ledger = NULL;
    struct trial *trials = NULL;
    struct map groups = {0};
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_trials(ledger, context->arena, row->id, &trials, &count));
    for (size_t i = 0; i < count; i++)
        if (trials[i].run.len)
            map_put(context->arena, &ret->groups, trials[i].run,
                    group_of(context->arena, &groups, row, combination_of(row, &trials[i])));
    return NULL;
}

struct error *repeats_load(struct context *context, struct repeats *ret)
{
    struct ledger *ledger = NULL;
    struct sweep_row *rows = NULL;
    size_t count = 0;
    TRY(context_ledger(context, &ledger));
    TRY(sweeps_list(ledger, context->arena, false, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].sweep.repeat > 1)
            TRY(repeats_load_sweep(context, &rows[i], ret));
    return NULL;
}

struct repeat_group *repeats_find(const struct repeats *repeats, struct str run)
{
    return map_get(&repeats->groups, run);
}
