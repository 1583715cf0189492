/* The order of a plan, and its cycles told with their reasons. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"

#include "plan_private.h"

enum visit { VISIT_NONE, VISIT_OPEN, VISIT_DONE };

struct walk {
    struct plan *plan;
    unsigned char *visits; /* enum visit per stage */
    size_t *next_need;     /* per stage: which of its needs comes next */
    uint32_t *stack;       /* open stages, each needed by the one below */
    size_t depth;
    size_t done_count;
};

static void enter(struct walk *walk, uint32_t stage)
{
    walk->visits[stage] = VISIT_OPEN;
    walk->stack[walk->depth++] = stage;
}

static struct error *tell_open(const struct walk *walk, uint32_t stage)
{
    size_t from = walk->depth;
    while (walk->stack[from - 1] != stage)
        from--;
    return plan_tell_cycle(walk->plan, walk->stack + from - 1, walk->depth - (from - 1));
}

/* Depth-first, needs first, without recursion. */
static struct error *walk_from(struct walk *walk, uint32_t root)
{
    enter(walk, root);
    while (walk->depth) {
        uint32_t at = walk->stack[walk->depth - 1];
        const struct plan_stage *stage = &walk->plan->stages[at];
        if (walk->next_need[at] == stage->need_count) {
            walk->visits[at] = VISIT_DONE;
            walk->plan->order[walk->done_count++] = at;
            walk->depth--;
            continue;
        }
        uint32_t need = stage->needs[walk->next_need[at]++].stage;
        if (walk->visits[need] == VISIT_OPEN)
            return tell_open(walk, need);
        if (walk->visits[need] == VISIT_NONE)
            enter(walk, need);
    }
    return NULL;
}

struct error *plan_sort(struct planner *planner)
{
    struct plan *plan = planner->plan;
    size_t count = planner->pipeline->stages.len;
    struct walk walk = {
        .plan = plan,
        .visits = arena_new_array(planner->arena, unsigned char, count),
        .next_need = arena_new_array(planner->arena, size_t, count),
        .stack = arena_new_array(planner->arena, uint32_t, count),
    };
    for (uint32_t i = 0; i < count; i++) {
        if (walk.visits[i] == VISIT_NONE)
            TRY(walk_from(&walk, i));
    }
    return NULL;
}

/* Why a stage needs another: the place in the file and the path (empty: not by a path). */
struct reason {
    const struct doc_node *node;
    struct str path;
};

static const struct output *output_used(const struct pipeline *pipeline,
                                        const struct dependency *dep, const struct stage *other)
{
    const struct maker *maker =
        dep->is_glob || dep->is_url ? NULL : plan_maker(pipeline, dep->path);
    if (maker && maker->stage == other)
        return &other->outs.at[maker->index];
    if (!dep->is_glob && !map_has(&pipeline->holders, dep->path))
        return NULL;
    vec_each (struct output, output, &other->outs) {
        if (plan_dep_uses(dep, output->path, plan_may_be_directory(output)))
            return output;
    }
    return NULL;
}

static struct reason reason_of_data(const struct pipeline *pipeline, const struct stage *stage,
                                    const struct stage *other)
{
    vec_each (struct dependency, dep, &stage->deps) {
        const struct output *output = output_used(pipeline, dep, other);
        if (output)
            return (struct reason){dep->node, output->path};
    }
    vec_each (struct param_ref, param, &stage->params) {
        const struct maker *maker = plan_maker(pipeline, param->file);
        if (maker && maker->stage == other)
            return (struct reason){param->node, param->file};
    }
    return (struct reason){.node = stage->node->key};
}

static const struct doc_node *after_node(const struct stage *stage, const struct stage *other)
{
    for (const struct doc_node *item = stage->after_node->first; item; item = item->next) {
        if (str_equal(item->text, other->name))
            return item;
    }
    return stage->after_node;
}

/* The first kind of link stands for all of them. */
static enum plan_edge kind_of_link(const struct plan *plan, uint32_t from, uint32_t to)
{
    const struct plan_stage *stage = &plan->stages[from];
    for (size_t i = 0; i < stage->need_count; i++) {
        if (stage->needs[i].stage == to)
            return stage->needs[i].edge;
    }
    return PLAN_DATA;
}

static struct error *tell_edge(const struct plan *plan, uint32_t from, uint32_t to)
{
    const struct stage *stage = &plan->pipeline->stages.at[from];
    const struct stage *other = &plan->pipeline->stages.at[to];
    switch (kind_of_link(plan, from, to)) {
    case PLAN_AFTER:
        return doc_error(after_node(stage, other), "'%.*s' comes after '%.*s'",
                         STR_FMT(stage->name), STR_FMT(other->name));
    case PLAN_GUARD:
        return doc_error(stage->node->key, "'%.*s' waits for '%.*s', which guards what it uses",
                         STR_FMT(stage->name), STR_FMT(other->name));
    case PLAN_DATA:
        break;
    }
    struct reason reason = reason_of_data(plan->pipeline, stage, other);
    return doc_error(reason.node, "'%.*s' needs '%.*s', which '%.*s' makes", STR_FMT(stage->name),
                     STR_FMT(reason.path), STR_FMT(other->name));
}

enum { CYCLE_STAGES_TOLD = 10 };

static size_t lowest(const uint32_t *stages, size_t count)
{
    size_t found = 0;
    for (size_t i = 1; i < count; i++) {
        if (stages[i] < stages[found])
            found = i;
    }
    return found;
}

/* "a -> b -> a", from stages[start] around. */
static void print_cycle(const struct stage *all, const uint32_t *stages, size_t count, size_t start,
                        struct buf *out)
{
    size_t told = MIN_OF(count, (size_t)CYCLE_STAGES_TOLD);
    for (size_t i = 0; i < told; i++)
        buf_print(out, "%.*s -> ", STR_FMT(all[stages[(start + i) % count]].name));
    if (told < count)
        buf_print(out, "(%zu more) -> ", count - told);
    buf_add_str(out, all[stages[start]].name);
}

/* Starts with the stage that comes first in the file, whatever the walk met first. */
struct error *plan_tell_cycle(const struct plan *plan, const uint32_t *stages, size_t count)
{
    size_t start = lowest(stages, count);
    AUTO(buf_drop) struct buf path = {0};
    print_cycle(plan->pipeline->stages.at, stages, count, start, &path);
    struct error *causes = NULL;
    bool has_guard = false;
    for (size_t i = MIN_OF(count, (size_t)CYCLE_STAGES_TOLD); i-- > 0;) {
        uint32_t from = stages[(start + i) % count];
        uint32_t to = stages[(start + i + 1) % count];
        has_guard |= kind_of_link(plan, from, to) == PLAN_GUARD;
        struct error *edge = tell_edge(plan, from, to);
        edge->cause = causes;
        causes = edge;
    }
    check(causes); /* a cycle has at least one edge; the whole is marked where the first is */
    struct error *error =
        error_at(causes->mark, str_of(causes->excerpt), "stages form a cycle: %s", path.at);
    error->cause = causes;
    return has_guard ? error_hint(error, "name in 'guards' only what the check has to come before")
                     : error;
}
