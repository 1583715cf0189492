/* What waits for validate stages. A stage that uses a guarded path gets an edge to the stage that
 * guards it, and all behind it waits with it. What the validate stage itself needs cannot wait, nor
 * do other validate stages (they judge, and may judge the same data side by side); then those who
 * use what they make wait instead. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/codec/glob.h"

#include <stdlib.h>

#include "plan_private.h"

/* Which stage reads a path. */
struct reader {
    struct str path;
    uint32_t stage;
};

VEC(reader_vec, struct reader);

static struct error *add_matching(struct planner *planner, struct str pattern,
                                  struct str_vec *guards)
{
    plan_place_outputs(planner);
    struct str prefix = glob_prefix(pattern);
    for (size_t i = plan_first_below(planner, prefix); i < planner->output_count; i++) {
        const struct placed_output *output = &planner->outputs[i];
        if (prefix.len && !path_is_within(output->path, prefix))
            break;
        TRY(plan_count_match(planner));
        if (glob_match(pattern, output->path))
            *vec_push(planner->arena, guards) = output->path;
    }
    return NULL;
}

/* Declared, or what of its deps another stage makes. */
static struct error *find_guards(struct planner *planner, const struct stage *stage,
                                 struct str_vec *ret)
{
    *ret = stage->guards;
    if (stage->has_guards)
        return NULL;
    vec_each (struct dependency, dep, &stage->deps) {
        if (dep->is_glob)
            TRY(add_matching(planner, dep->path, ret));
        else if (!dep->is_url && plan_touches_output(planner->plan, dep->path))
            *vec_push(planner->arena, ret) = dep->path;
    }
    return NULL;
}

struct str_vec plan_guards(const struct plan *plan, const struct stage *stage)
{
    return plan->stages[stage->index].guards;
}

struct guarding {
    struct planner *planner;
    struct reader_vec readers;  /* by path */
    struct reader_vec patterns; /* in order of the file */
    uint32_t *position;         /* of each stage in the order without guards */
    uint32_t *ancestor_of;      /* per stage: 1 + the validate stage it comes before */
    uint32_t *queued_for;       /* per stage: 1 + the validate stage it was looked at for */
    uint32_t *stack;            /* of the search for ancestors */
    uint32_t *queue;            /* of stages that use what is guarded */
    size_t queue_len;
};

static int compare_readers(const void *a, const void *b)
{
    const struct reader *left = a;
    const struct reader *right = b;
    int order = str_compare(left->path, right->path);
    return order ? order : (left->stage > right->stage) - (left->stage < right->stage);
}

static void add_readers(struct guarding *guarding, const struct stage *stage)
{
    struct arena *arena = guarding->planner->arena;
    uint32_t index = (uint32_t)stage->index;
    vec_each (struct dependency, dep, &stage->deps) {
        struct reader_vec *to = dep->is_glob ? &guarding->patterns : &guarding->readers;
        if (!dep->is_url)
            *vec_push(arena, to) = (struct reader){dep->path, index};
    }
    vec_each (struct param_ref, param, &stage->params)
        *vec_push(arena, &guarding->readers) = (struct reader){param->file, index};
}

static struct error *queue_stage(struct guarding *guarding, uint32_t stage, uint32_t guard)
{
    bool is_out = stage == guard || guarding->planner->pipeline->stages.at[stage].is_frozen;
    TRY(plan_count_match(guarding->planner));
    if (is_out || guarding->queued_for[stage] == guard + 1)
        return NULL;
    guarding->queued_for[stage] = guard + 1;
    guarding->queue[guarding->queue_len++] = stage;
    return NULL;
}

/* The first reader whose path is not before `path`. */
static size_t first_reader(const struct reader_vec *readers, struct str path)
{
    size_t low = 0;
    size_t high = readers->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(readers->at[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct error *queue_readers_of(struct guarding *guarding, struct str path, uint32_t guard)
{
    const struct reader_vec *readers = &guarding->readers;
    for (size_t i = first_reader(readers, path);
         i < readers->len && str_equal(readers->at[i].path, path); i++)
        TRY(queue_stage(guarding, readers->at[i].stage, guard));
    return NULL;
}

static struct error *queue_readers_below(struct guarding *guarding, struct str path, uint32_t guard)
{
    const struct reader_vec *readers = &guarding->readers;
    struct str start = str_print(guarding->planner->arena, "%.*s/", STR_FMT(path));
    for (size_t i = first_reader(readers, start);
         i < readers->len && str_starts(readers->at[i].path, start); i++)
        TRY(queue_stage(guarding, readers->at[i].stage, guard));
    return NULL;
}

/* Every stage that reads the path, something in it, or something it lies in. */
static struct error *queue_users_of(struct guarding *guarding, struct str path, uint32_t guard)
{
    TRY(queue_readers_below(guarding, path, guard));
    for (struct str at = path;; at = path_directory(at)) {
        TRY(queue_readers_of(guarding, at, guard));
        if (at.len == 0 || str_equal(at, STR("/")))
            break;
    }
    vec_each (struct reader, pattern, &guarding->patterns) {
        bool uses =
            glob_match(pattern->path, path) || path_is_within(glob_prefix(pattern->path), path);
        if (uses)
            TRY(queue_stage(guarding, pattern->stage, guard));
        TRY(plan_count_match(guarding->planner));
    }
    return NULL;
}

/* Marks what `guard` needs, as far as it does not come before `position` in the order. */
static void mark_ancestors(struct guarding *guarding, uint32_t guard, uint32_t position)
{
    size_t depth = 0;
    guarding->stack[depth++] = guard;
    guarding->ancestor_of[guard] = guard + 1;
    while (depth) {
        const struct plan_stage *stage = &guarding->planner->plan->stages[guarding->stack[--depth]];
        for (size_t i = 0; i < stage->need_count; i++) {
            uint32_t need = stage->needs[i].stage;
            bool is_news = guarding->ancestor_of[need] != guard + 1;
            if (is_news && guarding->position[need] >= position) {
                guarding->ancestor_of[need] = guard + 1;
                guarding->stack[depth++] = need;
            }
        }
    }
}

static void find_ancestors(struct guarding *guarding, uint32_t guard)
{
    uint32_t lowest = UINT32_MAX;
    for (size_t i = 0; i < guarding->queue_len; i++)
        lowest = MIN_OF(lowest, guarding->position[guarding->queue[i]]);
    if (lowest < guarding->position[guard])
        mark_ancestors(guarding, guard, lowest);
}

static struct error *queue_data_users(struct guarding *guarding, uint32_t stage, uint32_t guard)
{
    const struct plan_stage *links = &guarding->planner->plan->stages[stage];
    for (size_t i = 0; i < links->user_count; i++) {
        if (links->users[i].edge == PLAN_DATA)
            TRY(queue_stage(guarding, links->users[i].stage, guard));
    }
    return NULL;
}

static struct error *link_guard(struct guarding *guarding, uint32_t guard)
{
    struct planner *planner = guarding->planner;
    guarding->queue_len = 0;
    vec_each (struct str, path, &planner->plan->stages[guard].guards)
        TRY(queue_users_of(guarding, *path, guard));
    find_ancestors(guarding, guard);
    for (size_t i = 0; i < guarding->queue_len; i++) {
        uint32_t user = guarding->queue[i];
        bool cannot_wait = guarding->ancestor_of[user] == guard + 1 ||
                           planner->pipeline->stages.at[user].kind == STAGE_VALIDATE;
        if (cannot_wait)
            TRY(queue_data_users(guarding, user, guard));
        else
            TRY(plan_link(planner, user, guard, PLAN_GUARD));
    }
    return NULL;
}

static void open_guarding(struct guarding *guarding)
{
    struct planner *planner = guarding->planner;
    size_t count = planner->pipeline->stages.len;
    uint32_t **const arrays[] = {&guarding->position, &guarding->ancestor_of, &guarding->queued_for,
                                 &guarding->stack, &guarding->queue};
    for (size_t i = 0; i < COUNT_OF(arrays); i++)
        *arrays[i] = arena_new_array(planner->arena, uint32_t, count);
    for (uint32_t i = 0; i < count; i++)
        guarding->position[planner->plan->order[i]] = i;
    vec_each (struct stage, stage, &planner->pipeline->stages)
        add_readers(guarding, stage);
    vec_sort(&guarding->readers, compare_readers);
}

static bool has_validate(const struct pipeline *pipeline)
{
    vec_each (struct stage, stage, &pipeline->stages) {
        if (stage->kind == STAGE_VALIDATE)
            return true;
    }
    return false;
}

struct error *plan_link_guards(struct planner *planner)
{
    if (!has_validate(planner->pipeline))
        return NULL;
    struct guarding guarding = {.planner = planner};
    open_guarding(&guarding);
    vec_each (struct stage, stage, &planner->pipeline->stages) {
        if (stage->kind != STAGE_VALIDATE)
            continue;
        TRY(find_guards(planner, stage, &planner->plan->stages[stage->index].guards));
        TRY(link_guard(&guarding, (uint32_t)stage->index));
    }
    return NULL;
}
