#include "mlops/cli/metric_note.h"

#include "mlops/base/arena.h"
#include "mlops/engine/evaluation.h"

#include <math.h>

static struct str metric_name(struct arena *arena, const struct metric *metric)
{
    return str_print(arena, "%.*s:%.*s", STR_FMT(metric->file), STR_FMT(metric->key));
}

void metric_note_remember(struct arena *arena, const struct session *session,
                          struct metric_note *note)
{
    for (size_t i = 0; i < session->pipeline->files.len; i++) {
        map_each (slot, &session->locks[i].entries) {
            const struct lock_entry *entry = slot->value;
            vec_each (struct metric, metric, &entry->metrics)
                map_put(arena, &note->before, metric_name(arena, metric), metric);
        }
    }
}

static void note_metric(struct arena *arena, struct metric_note *note, const struct metric *metric)
{
    enum { TOLD_MOST = 3 };
    const struct metric *before = map_get(&note->before, metric_name(arena, metric));
    if (metric->is_text || note->told == TOLD_MOST)
        return;
    bool is_same = before && !before->is_text && before->value == metric->value;
    if (is_same)
        return;
    note->told++;
    struct str name = metric->key.len ? metric->key : metric->file;
    if (note->names_files && metric->key.len)
        name = metric_name(arena, metric);
    buf_print(&note->text, " · %.*s %.6g", STR_FMT(name), metric->value);
    if (before && !before->is_text && isfinite(before->value) && isfinite(metric->value))
        buf_print(&note->text, " (%+.6g)", metric->value - before->value);
}

static bool has_metrics_files(const struct run_report *report)
{
    struct str first = {0};
    for (size_t i = 0; i < report->count; i++) {
        const struct result *result = report->outcomes[i].value;
        for (size_t j = 0; result && j < result->metrics.len; j++) {
            struct str file = result->metrics.at[j].file;
            if (first.len && !str_equal(first, file))
                return true;
            first = file;
        }
    }
    return false;
}

static bool is_new(const struct outcome *outcome)
{
    return outcome->value &&
           (outcome->status == STATUS_EXECUTED || outcome->status == STATUS_RESTORED ||
            outcome->status == STATUS_REJECTED);
}

/* Whether one of the stage's gates before `end` judges the metric. */
static bool is_judged(const struct stage *stage, const struct metric *metric,
                      const struct gate *end)
{
    for (const struct gate *gate = stage->gates ? stage->gates->at : end; gate != end; gate++) {
        if (str_equal(metric->key, evaluation_metric_key(stage, gate->metric)))
            return true;
    }
    return false;
}

static const struct gate *gates_end(const struct stage *stage)
{
    return stage->gates ? stage->gates->at + stage->gates->len : NULL;
}

/* First what gates judge, in their order. */
static void note_judged(struct arena *arena, const struct outcome *outcome,
                        struct metric_note *note)
{
    const struct stage *stage = outcome->stage;
    if (!stage->gates || !is_new(outcome))
        return;
    vec_each (const struct gate, gate, stage->gates) {
        struct str key = evaluation_metric_key(stage, gate->metric);
        vec_each (const struct metric, metric, &outcome->value->metrics) {
            if (str_equal(metric->key, key) && !is_judged(stage, metric, gate))
                note_metric(arena, note, metric);
        }
    }
}

/* Then those of which it is known which way is better, then counts of rows, thresholds and so on.
 */
static void note_metrics(struct arena *arena, const struct outcome *outcome,
                         struct metric_note *note, bool has_direction)
{
    if (!is_new(outcome))
        return;
    vec_each (const struct metric, metric, &outcome->value->metrics) {
        bool is_known =
            metric_direction_of(metric->key) != DIRECTION_UNKNOWN && !metric_is_part(metric->key);
        if (is_known == has_direction &&
            !is_judged(outcome->stage, metric, gates_end(outcome->stage)))
            note_metric(arena, note, metric);
    }
}

void metric_note_add(struct arena *arena, const struct run_report *report, struct metric_note *note)
{
    note->names_files = has_metrics_files(report);
    for (size_t i = 0; i < report->count; i++)
        note_judged(arena, &report->outcomes[i], note);
    for (size_t i = 0; i < report->count; i++)
        note_metrics(arena, &report->outcomes[i], note, true);
    for (size_t i = 0; i < report->count; i++)
        note_metrics(arena, &report->outcomes[i], note, false);
}
