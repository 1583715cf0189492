/* Whether a run came to the same once more, stage by stage: pure. */
#include "mlops/base/arena.h"
#include "mlops/engine/reproduce.h"
#include "mlops/model/name.h"

#include <math.h>

const char *reproduction_name(enum reproduction reproduction)
{
    static const char *const names[] = {
        [REPRODUCED_IDENTICAL] = "identical",
        [REPRODUCED_EQUAL] = "equal within tolerance",
        [REPRODUCED_DIFFERS] = "differs",
        [REPRODUCED_FAILED] = "failed",
    };
    return names[reproduction];
}

struct comparing {
    struct arena *arena;
    const struct tolerance *tolerance;
    struct reproduced_stage *stages;  /* what is compared, in the order of the plan */
    const struct reproduced_now **of; /* what each came to this time */
    size_t count;
};

static const struct run_view_stage *stage_before(const struct run_view *view, struct str name)
{
    for (size_t i = 0; i < view->stage_count; i++) {
        if (str_equal(view->stages[i].stage, name))
            return &view->stages[i];
    }
    return NULL;
}

/* --- outputs --- */

static const struct artifact *out_at(const struct artifact *outs, size_t count, struct str path)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(outs[i].path, path))
            return &outs[i];
    }
    return NULL;
}

static void note_output(struct reproduced_stage *stage, struct str path,
                        const struct artifact *before, const struct artifact *after)
{
    stage->compared_count++;
    if (before && after && artifact_equal(before, after))
        return;
    stage->outputs[stage->output_count++] =
        (struct reproduced_output){.path = path,
                                   .before = before ? before->digest : (struct digest){{0}},
                                   .after = after ? after->digest : (struct digest){{0}}};
}

static void compare_outputs(struct comparing *comparing, const struct run_view_stage *before,
                            const struct reproduced_now *now, struct reproduced_stage *stage)
{
    stage->outputs = arena_new_array(comparing->arena, struct reproduced_output,
                                     before->out_count + now->out_count);
    for (size_t i = 0; i < before->out_count; i++)
        note_output(stage, before->outs[i].path, &before->outs[i],
                    out_at(now->outs, now->out_count, before->outs[i].path));
    for (size_t i = 0; i < now->out_count; i++) {
        if (!out_at(before->outs, before->out_count, now->outs[i].path))
            note_output(stage, now->outs[i].path, NULL, &now->outs[i]);
    }
}

/* --- metrics --- */

static const struct metric *metric_at(const struct metric_vec *metrics, const struct metric *like)
{
    vec_each (const struct metric, metric, metrics) {
        if (str_equal(metric->file, like->file) && str_equal(metric->key, like->key))
            return metric;
    }
    return NULL;
}

static bool is_equal_real(double before, double after)
{
    return before == after || (isnan(before) && isnan(after));
}

static bool is_within(const struct tolerance *tolerance, double before, double after)
{
    if (is_equal_real(before, after))
        return true;
    if (!isfinite(before) || !isfinite(after))
        return false;
    return fabs(after - before) <= tolerance->absolute + tolerance->relative * fabs(before);
}

static void note_metric(struct comparing *comparing, struct reproduced_stage *stage,
                        const struct metric *before, const struct metric *after)
{
    const struct metric *any = before ? before : after;
    struct reproduced_metric *ret = &stage->metrics[stage->metric_count++];
    *ret = (struct reproduced_metric){.file = any->file,
                                      .key = any->key,
                                      .is_text =
                                          (before && before->is_text) || (after && after->is_text),
                                      .before_text = before ? before->text : (struct str){0},
                                      .after_text = after ? after->text : (struct str){0},
                                      .before = before ? before->value : nan(""),
                                      .after = after ? after->value : nan("")};
    if (!before || !after)
        return;
    bool is_same_text = str_equal(before->text, after->text);
    ret->is_equal = ret->is_text ? is_same_text : is_equal_real(before->value, after->value);
    ret->is_within =
        ret->is_text ? is_same_text : is_within(comparing->tolerance, before->value, after->value);
}

static void compare_metrics(struct comparing *comparing, const struct run_view_stage *before,
                            const struct reproduced_now *now, struct reproduced_stage *stage)
{
    stage->metrics = arena_new_array(comparing->arena, struct reproduced_metric,
                                     before->metrics.len + now->metrics.len);
    vec_each (const struct metric, metric, &before->metrics)
        note_metric(comparing, stage, metric, metric_at(&now->metrics, metric));
    vec_each (const struct metric, metric, &now->metrics) {
        if (!metric_at(&before->metrics, metric))
            note_metric(comparing, stage, NULL, metric);
    }
}

/* All of them agree; false also if there are none. */
static bool has_agreeing_metrics(const struct reproduced_stage *stage)
{
    for (size_t i = 0; i < stage->metric_count; i++) {
        if (!stage->metrics[i].is_within)
            return false;
    }
    return stage->metric_count > 0;
}

static bool has_other_metrics(const struct reproduced_stage *stage)
{
    return stage->metric_count > 0 && !has_agreeing_metrics(stage);
}

/* --- inputs --- */

static bool overlap(struct str a, struct str b)
{
    return path_is_within(a, b) || path_is_within(b, a);
}

/* The compared stage before number `most` one of whose differing outputs holds the path, or NULL.
 */
static const struct reproduced_stage *maker_of(const struct comparing *comparing, size_t most,
                                               struct str path)
{
    for (size_t i = 0; i < most; i++) {
        for (size_t j = 0; j < comparing->stages[i].output_count; j++) {
            if (overlap(comparing->stages[i].outputs[j].path, path))
                return &comparing->stages[i];
        }
    }
    return NULL;
}

/* Why the recipe is not what it was: by itself, or because of what stages before it made. */
static void compare_recipes(struct comparing *comparing, const struct recipe *before,
                            const struct recipe *after, struct reproduced_stage *stage)
{
    struct reason_vec reasons = {0};
    recipe_diff(comparing->arena, before, after, &reasons);
    stage->has_same_inputs = reasons.len == 0;
    stage->is_consequence = reasons.len > 0;
    vec_each (const struct reason, reason, &reasons) {
        const struct reproduced_stage *maker = NULL;
        if (reason->part == REASON_DEP)
            maker = maker_of(comparing, comparing->count, reason->what);
        if (!maker) {
            stage->is_consequence = false;
            stage->cause = reason_print(comparing->arena, reason);
            return;
        }
        if (!stage->cause.len)
            stage->cause = str_print(comparing->arena, "reads '%.*s', which '%.*s' made otherwise",
                                     STR_FMT(reason->what), STR_FMT(maker->stage));
    }
}

/* --- a stage --- */

static bool was_made(enum stage_status status)
{
    return status == STATUS_EXECUTED || status == STATUS_UNCHANGED || status == STATUS_RESTORED ||
           status == STATUS_REJECTED || status == STATUS_UNCONFIRMED;
}

static void judge(struct comparing *comparing, const struct reproduced_now *now,
                  struct reproduced_stage *stage)
{
    if (!stage->output_count && !has_other_metrics(stage)) {
        stage->verdict = REPRODUCED_IDENTICAL;
        stage->is_consequence = false;
        if (stage->has_same_inputs)
            stage->cause = (struct str){0};
        return;
    }
    stage->verdict = has_agreeing_metrics(stage) ? REPRODUCED_EQUAL : REPRODUCED_DIFFERS;
    if (stage->has_same_inputs)
        stage->cause =
            now->persists
                ? str_print(comparing->arena, "an output of it persists: it grew from an earlier "
                                              "one, which a fresh directory does not have")
                : STR("the same inputs gave other outputs");
}

/* What failed on what stages before it made otherwise need not have failed by itself. */
static void compare_failure(struct comparing *comparing, const struct run_view_stage *before,
                            const struct reproduced_now *now, struct reproduced_stage *stage)
{
    if (before->recipe && now->recipe)
        compare_recipes(comparing, before->recipe, now->recipe, stage);
    stage->is_consequence |= now->status == STATUS_SKIPPED;
    stage->cause =
        stage->cause.len && now->cause.len
            ? str_print(comparing->arena, "%.*s; %.*s", STR_FMT(now->cause), STR_FMT(stage->cause))
            : now->cause;
}

static void compare_stage(struct comparing *comparing, const struct run_view_stage *before,
                          const struct reproduced_now *now)
{
    struct reproduced_stage *stage = &comparing->stages[comparing->count];
    *stage = (struct reproduced_stage){.stage = now->stage, .verdict = REPRODUCED_FAILED};
    if (was_made(now->status) && now->recipe) {
        if (before->recipe)
            compare_recipes(comparing, before->recipe, now->recipe, stage);
        compare_outputs(comparing, before, now, stage);
        compare_metrics(comparing, before, now, stage);
        judge(comparing, now, stage);
    } else {
        compare_failure(comparing, before, now, stage);
    }
    comparing->of[comparing->count++] = now;
}

/* --- all --- */

/* Whether a later stage reads what this one made. */
static bool is_used_by(const struct reproduced_now *maker, const struct reproduced_now *user)
{
    for (size_t i = 0; user->recipe && i < user->recipe->dep_count; i++) {
        for (size_t j = 0; j < maker->out_count; j++) {
            if (overlap(user->recipe->deps[i].path, maker->outs[j].path))
                return true;
        }
    }
    return false;
}

/* Its outputs are judged by metrics, its own or those of what uses them, and these agree. */
static bool *find_vouched(const struct comparing *comparing)
{
    bool *ret = arena_new_array(comparing->arena, bool, comparing->count);
    for (size_t i = comparing->count; i-- > 0;) {
        ret[i] = has_agreeing_metrics(&comparing->stages[i]);
        for (size_t j = i + 1; j < comparing->count && !ret[i]; j++)
            ret[i] = ret[j] && is_used_by(comparing->of[i], comparing->of[j]);
    }
    return ret;
}

static enum reproduction judge_all(const struct comparing *comparing)
{
    const bool *vouched = find_vouched(comparing);
    enum reproduction verdict = REPRODUCED_IDENTICAL;
    for (size_t i = 0; i < comparing->count; i++) {
        const struct reproduced_stage *stage = &comparing->stages[i];
        enum reproduction one = stage->verdict;
        if (one == REPRODUCED_FAILED && stage->is_consequence)
            one = REPRODUCED_DIFFERS;
        if (one == REPRODUCED_DIFFERS && vouched[i] && !has_other_metrics(stage))
            one = REPRODUCED_EQUAL;
        verdict = MAX_OF(verdict, one);
    }
    return verdict;
}

static const struct reproduced_stage *find_first(const struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->count; i++) {
        const struct reproduced_stage *stage = &comparing->stages[i];
        if (stage->verdict != REPRODUCED_IDENTICAL && !stage->is_consequence)
            return stage;
    }
    return NULL;
}

void reproduce_compare(struct arena *arena, const struct run_view *original,
                       const struct reproduced_now *now, size_t count,
                       const struct tolerance *tolerance, struct reproduce_report *ret)
{
    struct comparing comparing = {.arena = arena, .tolerance = tolerance};
    comparing.stages = arena_new_array(arena, struct reproduced_stage, count);
    comparing.of = arena_new_array(arena, const struct reproduced_now *, count);
    for (size_t i = 0; i < count; i++) {
        const struct run_view_stage *before = stage_before(original, now[i].stage);
        if (before && was_made(before->status))
            compare_stage(&comparing, before, &now[i]);
    }
    ret->stages = comparing.stages;
    ret->count = comparing.count;
    ret->verdict = judge_all(&comparing);
    ret->first = find_first(&comparing);
    ret->exit_status = ret->verdict <= REPRODUCED_EQUAL ? 0 : ERROR_ANSWER;
}
