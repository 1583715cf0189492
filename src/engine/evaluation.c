#include "mlops/engine/evaluation.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"

#include <math.h>
#include <stdlib.h>

#include "evaluation_private.h"

#define SLICES "slices."

/* --- values by name --- */

static bool is_named(struct arena *arena, const struct metric *metric, struct str name)
{
    return str_equal(metric->key, name) ||
           (str_find_char(name, ':') > 0 &&
            str_equal(name,
                      str_print(arena, "%.*s:%.*s", STR_FMT(metric->file), STR_FMT(metric->key))));
}

static const struct metric *find_metric(struct arena *arena, const struct metric_vec *metrics,
                                        struct str name, const struct metric **ret_other)
{
    const struct metric *found = NULL;
    *ret_other = NULL;
    vec_each (const struct metric, metric, metrics) {
        if (!is_named(arena, metric, name))
            continue;
        if (found)
            *ret_other = metric;
        else
            found = metric;
    }
    return found;
}

/* Of user's files: "f1" where there is "test.f1" only. */
static const struct metric *find_longer(const struct metric_vec *metrics, struct str name)
{
    vec_each (const struct metric, metric, metrics) {
        size_t cut = metric->key.len - name.len;
        bool is_longer = metric->key.len > name.len && metric->key.at[cut - 1] == '.';
        if (is_longer && str_ends(metric->key, name))
            return metric;
    }
    return NULL;
}

static struct str files_text(struct arena *arena, const struct stage *stage)
{
    struct buf out = buf_in(arena);
    vec_each (const struct output, output, &stage->outs) {
        if (output->category == OUT_METRICS)
            buf_print(&out, "%s%.*s", out.len ? ", " : "", STR_FMT(output->path));
    }
    return buf_str(&out);
}

/* Why a value that is undefined is, in the words of a built-in evaluation's file. */
static struct str why_missing(const struct assay *assay, const struct evaluated *side,
                              struct str name)
{
    struct arena *arena = assay->session->arena;
    const struct metric *other = NULL;
    const struct metric *reason = find_metric(
        arena, &side->metrics, str_print(arena, "undefined.%.*s", STR_FMT(name)), &other);
    const struct metric *longer = find_longer(&side->metrics, name);
    bool is_now = side == &assay->now;
    if (reason)
        return str_print(arena, "is undefined%s: %.*s", is_now ? "" : " in the baseline",
                         STR_FMT(reason->text));
    if (!is_now)
        return STR("has no value in the baseline");
    if (longer)
        return str_print(arena, "is missing in %.*s, which has '%.*s'", STR_FMT(longer->file),
                         STR_FMT(longer->key));
    return str_print(arena, "is missing in %.*s", STR_FMT(files_text(arena, assay->stage)));
}

static struct gate_value value_of(const struct assay *assay, const struct evaluated *side,
                                  struct str name, struct str *ret_path)
{
    struct arena *arena = assay->session->arena;
    const struct metric *other = NULL;
    const struct metric *metric = find_metric(arena, &side->metrics, name, &other);
    const char *where = side == &assay->now ? "" : " in the baseline";
    if (metric && ret_path)
        *ret_path = metric->file;
    if (!metric)
        return (struct gate_value){.why = why_missing(assay, side, name)};
    if (other)
        return (struct gate_value){
            .why = str_print(arena, "is in two files%s: name it '%.*s:%.*s' or '%.*s:%.*s'", where,
                             STR_FMT(metric->file), STR_FMT(name), STR_FMT(other->file),
                             STR_FMT(name))};
    if (metric->is_text)
        return (struct gate_value){.why =
                                       str_print(arena, "is '%.*s'%s, which is no number",
                                                 STR_FMT(str_slice(metric->text, 0, 64)), where)};
    if (!isfinite(metric->value)) /* of a model that diverged: no drop can be told of it */
        return (struct gate_value){
            .why = str_print(arena, "is %s%s", isnan(metric->value) ? "NaN" : "infinite", where)};
    return (struct gate_value){.is_there = true, .value = metric->value};
}

/* --- baselines --- */

/* Valid until the next gate: the list moves when it grows. */
static FALLIBLE baseline_of(struct assay *assay, const struct gate *gate, struct compared **ret)
{
    *ret = NULL;
    if (!gate->max_drop.is_given)
        return NULL;
    vec_each (struct compared, known, &assay->baselines) {
        if (!str_equal(known->word, gate->baseline))
            continue;
        *ret = known;
        return NULL;
    }
    struct compared compared = {.word = gate->baseline};
    TRY(baseline_find(assay->session, assay->stage, gate->baseline, assay->sequence, &compared.side,
                      &compared.found));
    *ret = vec_push(assay->session->arena, &assay->baselines);
    **ret = compared;
    return NULL;
}

/* --- one gate --- */

/* *ret_open: a session that is read only reckons no interval, so what a run will say is open. */
static FALLIBLE gather(struct assay *assay, const struct gate *gate, struct str column,
                       struct str value, struct gate_evidence *ret, bool *ret_open)
{
    struct compared *baseline = NULL;
    struct str key = evaluation_metric_key(assay->stage, gate->metric);
    bool lacked = assay->lacks_intervals;
    if (column.len)
        key = str_print(assay->session->arena, SLICES "%.*s.%.*s.%.*s", STR_FMT(column),
                        STR_FMT(value), STR_FMT(key));
    TRY(baseline_of(assay, gate, &baseline));
    ret->now = value_of(assay, &assay->now, key, &ret->path);
    if (baseline) {
        ret->is_first = baseline->found == BASELINE_FIRST;
        ret->before_name = baseline->side.title;
        ret->before = value_of(assay, &baseline->side, key, NULL);
    }
    assay->lacks_intervals = false;
    if (gate->confidence > 0)
        TRY(evaluation_intervals(assay, gate, baseline, column, value, ret));
    *ret_open = assay->lacks_intervals;
    assay->lacks_intervals |= lacked;
    return NULL;
}

static FALLIBLE judge_one(struct assay *assay, const struct gate *gate, struct str column,
                          struct str value, struct check_results *results)
{
    struct arena *arena = assay->session->arena;
    struct gate_evidence evidence = {0};
    bool is_open = false;
    if (column.len)
        evidence.slice = str_print(arena, "%.*s=%.*s", STR_FMT(column), STR_FMT(value));
    TRY(gather(assay, gate, column, value, &evidence, &is_open));
    if (!is_open)
        gate_judge(arena, gate, &evidence, results);
    return NULL;
}

static void add_value(struct arena *arena, struct str_vec *values, struct str value)
{
    vec_each (const struct str, known, values) {
        if (str_equal(*known, value))
            return;
    }
    *vec_push(arena, values) = value;
}

/* The values of a column, by the metrics: those that have the gate's metric, and those that have
 * rows and not the metric. */
static void collect_values(struct arena *arena, const struct metric_vec *metrics, struct str column,
                           struct str key, struct str_vec *ret)
{
    struct str beginning = str_print(arena, SLICES "%.*s.", STR_FMT(column));
    const struct str endings[] = {str_print(arena, ".%.*s", STR_FMT(key)), STR(".rows")};
    vec_each (const struct metric, metric, metrics) {
        for (size_t i = 0; i < COUNT_OF(endings); i++) {
            size_t around = beginning.len + endings[i].len;
            bool is_one = metric->key.len >= around && str_starts(metric->key, beginning) &&
                          str_ends(metric->key, endings[i]);
            if (!is_one)
                continue;
            add_value(arena, ret,
                      str_slice(metric->key, beginning.len, metric->key.len - endings[i].len));
            break;
        }
    }
}

static bool has_value(const struct str_vec *values, struct str rest)
{
    vec_each (const struct str, value, values) {
        if (rest.len > value->len && rest.at[value->len] == '.' && str_starts(rest, *value))
            return true;
    }
    return false;
}

/* Of a user's file: values of which something was measured, and not this. Where a value ends only
 * the file knows: up to the first dot will do to say that it does not pass. */
static void collect_lacking(struct arena *arena, const struct metric_vec *metrics,
                            struct str column, struct str_vec *ret)
{
    struct str beginning = str_print(arena, SLICES "%.*s.", STR_FMT(column));
    struct str_vec lacking = {0};
    vec_each (const struct metric, metric, metrics) {
        if (!str_starts(metric->key, beginning))
            continue;
        struct str rest = str_slice(metric->key, beginning.len, metric->key.len);
        ptrdiff_t dot = str_find_char(rest, '.');
        if (dot > 0 && !has_value(ret, rest))
            add_value(arena, &lacking, str_slice(rest, 0, (size_t)dot));
    }
    vec_each (const struct str, value, &lacking)
        *vec_push(arena, ret) = *value;
}

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static FALLIBLE judge_column(struct assay *assay, const struct gate *gate, struct str column,
                             struct check_results *results)
{
    struct arena *arena = assay->session->arena;
    struct str key = evaluation_metric_key(assay->stage, gate->metric);
    struct compared *baseline = NULL;
    struct str_vec values = {0};
    TRY(baseline_of(assay, gate, &baseline));
    collect_values(arena, &assay->now.metrics, column, key, &values);
    collect_lacking(arena, &assay->now.metrics, column, &values);
    if (baseline)
        collect_values(arena, &baseline->side.metrics, column, key, &values);
    vec_sort(&values, by_bytes);
    if (values.len > (size_t)LIMIT_GATES)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' has more than %lld values to judge",
                                    STR_FMT(column), (long long)LIMIT_GATES),
                          "slice by a column of fewer values");
    vec_each (const struct str, value, &values)
        TRY(judge_one(assay, gate, column, *value, results));
    if (values.len)
        return NULL;
    struct gate_evidence evidence = {
        .slice = column,
        .now.why = str_print(arena, "is missing: '" SLICES "%.*s' has no values in %.*s",
                             STR_FMT(column), STR_FMT(files_text(arena, assay->stage)))};
    gate_judge(arena, gate, &evidence, results);
    return NULL;
}

static FALLIBLE judge_gate(struct assay *assay, const struct gate *gate,
                           struct check_results *results)
{
    if (!gate->slices.len)
        return judge_one(assay, gate, STR(""), STR(""), results);
    vec_each (const struct str, column, &gate->slices)
        TRY(judge_column(assay, gate, *column, results));
    return NULL;
}

FALLIBLE evaluation_judge(struct session *session, int64_t sequence, struct outcome *outcome,
                          bool *ret_judged)
{
    const struct stage *stage = outcome->stage;
    const struct result *value = outcome->value;
    *ret_judged = false;
    if (!value)
        return NULL;
    struct check_results *results = arena_new(session->arena, struct check_results);
    *results = (struct check_results){.stage = stage->name};
    struct assay assay = {.session = session,
                          .stage = stage,
                          .sequence = sequence,
                          .now = {.title = STR("workspace"),
                                  .recipe = outcome->recipe,
                                  .outs = value->outs,
                                  .out_count = value->out_count,
                                  .metrics = value->metrics}};
    vec_each (const struct gate, gate, stage->gates)
        TRY(judge_gate(&assay, gate, results));
    *ret_judged = !assay.lacks_intervals || results->is_rejected;
    outcome->checks = *ret_judged ? results : NULL;
    return NULL;
}

struct str evaluation_blocker(struct arena *arena, const struct check_results *results)
{
    struct buf out = buf_in(arena);
    buf_add_str(&out, check_results_print(arena, results));
    vec_each (const struct check_result, result, &results->all) {
        if (!check_result_is_failure(result))
            continue;
        buf_print(&out, ": %.*s%s", STR_FMT(result->message), results->failed > 1 ? "; ..." : "");
        break;
    }
    return buf_str(&out);
}
