/* What a difference comes to, in one line. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <math.h>

#include "diff_private.h"

static const char *const VERDICT_NAMES[] = {
    [DIFF_UNCHANGED] = "unchanged",
    [DIFF_BETTER_NOW] = "better",
    [DIFF_WORSE_NOW] = "worse",
    [DIFF_MIXED] = "mixed",
    [DIFF_NOT_SIGNIFICANT] = "not_significant",
    [DIFF_METRICS_SAME] = "same",
    [DIFF_OTHER] = "other",
};

const char *diff_verdict_name(enum diff_verdict verdict)
{
    return VERDICT_NAMES[verdict];
}

enum { METRICS_SHOWN = 2, TEXT_MOST = 8 };
static const double LEVEL_USUAL = 0.95;

/* How the main metrics moved. Where some were tested on the same rows, these decide. */
struct tally {
    bool is_tested;
    size_t better, worse, unclear;  /* unclear: tested, and not beyond chance */
    size_t changed, added, removed; /* of all metrics */
};

static bool is_moved(const struct diff_metric *metric)
{
    return metric->is_main && metric->judgement != DIFF_NEITHER;
}

static bool is_significant(const struct diff_metric *metric)
{
    double level = metric->level > 0 ? metric->level : LEVEL_USUAL;
    return metric->p_holm < 1 - level;
}

/* How a main metric counts: DIFF_NEITHER: not, or as unclear. */
static enum diff_judgement count_of(const struct tally *tally, const struct diff_metric *metric)
{
    if (!is_moved(metric) || (tally->is_tested && (!metric->test || !is_significant(metric))))
        return DIFF_NEITHER;
    return metric->judgement;
}

static struct tally tally_make(const struct run_diff *diff)
{
    struct tally tally = {0};
    vec_each (const struct diff_metric, metric, &diff->metrics)
        tally.is_tested |= is_moved(metric) && metric->test;
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        enum diff_judgement judgement = count_of(&tally, metric);
        bool is_unclear = tally.is_tested && is_moved(metric) && metric->test;
        tally.better += judgement == DIFF_BETTER;
        tally.worse += judgement == DIFF_WORSE;
        tally.unclear += is_unclear && judgement == DIFF_NEITHER;
        tally.changed += metric->change == DIFF_CHANGED;
        tally.added += metric->change == DIFF_ADDED;
        tally.removed += metric->change == DIFF_REMOVED;
    }
    return tally;
}

static enum diff_verdict verdict_of(const struct run_diff *diff, const struct tally *tally)
{
    if (diff_is_empty(diff))
        return DIFF_UNCHANGED;
    if (diff->is_stale) /* metrics are those of what was run before */
        return DIFF_OTHER;
    if (tally->better || tally->worse)
        return !tally->worse ? DIFF_BETTER_NOW : !tally->better ? DIFF_WORSE_NOW : DIFF_MIXED;
    if (tally->unclear)
        return DIFF_NOT_SIGNIFICANT;
    if (diff->main_same_count)
        return DIFF_METRICS_SAME;
    bool has_common = diff->metric_count > (int64_t)(tally->added + tally->removed);
    return has_common && !tally->changed ? DIFF_METRICS_SAME : DIFF_OTHER;
}

/* --- numbers --- */

/* Short texts that still tell the two apart. */
static void print_pair(struct arena *arena, const struct diff_metric *metric,
                       struct str *ret_before, struct str *ret_after)
{
    *ret_before = metric->before;
    *ret_after = metric->after;
    if (metric->before.len <= TEXT_MOST && metric->after.len <= TEXT_MOST)
        return;
    for (int digits = 4; digits <= 17; digits++) {
        *ret_before = metric_print(arena, metric->before_value, digits);
        *ret_after = metric_print(arena, metric->after_value, digits);
        if (!str_equal(*ret_before, *ret_after) || metric->change == DIFF_SAME)
            return;
    }
}

static void add_tested(struct arena *arena, const struct diff_metric *metric, struct buf *out)
{
    if (!isnan(metric->low) && !isnan(metric->high))
        buf_print(out, ", %.4g %% [%.*s, %.*s]", metric->level * 100,
                  STR_FMT(metric_print(arena, metric->low, 3)),
                  STR_FMT(metric_print(arena, metric->high, 3)));
    if (isnan(metric->p_holm))
        return;
    if (metric->p_holm < 0.001)
        buf_add_text(out, ", p < 0.001");
    else
        buf_print(out, ", p %.2g", metric->p_holm);
}

/* Another file has one of that name. */
static bool is_ambiguous(const struct run_diff *diff, const struct diff_metric *metric)
{
    vec_each (const struct diff_metric, other, &diff->metrics)
        if (str_equal(other->key, metric->key) && !str_equal(other->file, metric->file))
            return true;
    return false;
}

/* "f1 0.81 -> 0.84 (+0.03, 95 % [0.01, 0.05], p 0.004)" */
static void add_metric(struct arena *arena, const struct run_diff *diff,
                       const struct diff_metric *metric, struct buf *out)
{
    struct str before = {0}, after = {0};
    print_pair(arena, metric, &before, &after);
    if (is_ambiguous(diff, metric))
        buf_print(out, "%.*s:", STR_FMT(metric->file));
    buf_print(out, "%.*s %.*s -> %.*s", STR_FMT(metric->key), STR_FMT(before), STR_FMT(after));
    if (isnan(metric->delta))
        return;
    if (metric->delta_text.len && metric->delta_text.len <= TEXT_MOST)
        buf_print(out, " (%.*s", STR_FMT(metric->delta_text));
    else
        buf_print(out, " (%+.3g", metric->delta);
    add_tested(arena, metric, out);
    buf_add_char(out, ')');
}

/* The metrics that count so, the first ones with their numbers. */
static void add_metrics(struct arena *arena, const struct run_diff *diff, const struct tally *tally,
                        enum diff_judgement judgement, struct buf *out)
{
    size_t count = 0;
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        bool is_told = is_moved(metric) && count_of(tally, metric) == judgement &&
                       (judgement != DIFF_NEITHER || metric->test);
        if (!is_told || ++count > METRICS_SHOWN)
            continue;
        buf_add_text(out, count > 1 ? ", " : "");
        add_metric(arena, diff, metric, out);
    }
    if (count > METRICS_SHOWN)
        buf_print(out, " and %zu more", count - METRICS_SHOWN);
}

/* Those of classes, slices and intervals only where no other changed. */
static void add_changed(const struct run_diff *diff, size_t changed, struct buf *out)
{
    size_t details = 0, count = 0;
    if (!changed || diff->is_stale)
        return;
    vec_each (const struct diff_metric, metric, &diff->metrics)
        details += metric->change == DIFF_CHANGED && metric->is_detail;
    bool tells_details = details == changed;
    size_t told = tells_details ? changed : changed - details;
    buf_print(out, "%zu %smetric%s changed (", told, diff->main_same_count ? "other " : "",
              told > 1 ? "s" : "");
    vec_each (const struct diff_metric, metric, &diff->metrics) {
        bool is_told = metric->change == DIFF_CHANGED && (!metric->is_detail || tells_details);
        if (is_told && ++count <= METRICS_SHOWN + 1)
            buf_print(out, "%s%.*s", count > 1 ? ", " : "", STR_FMT(metric->key));
    }
    buf_add_text(out, count > METRICS_SHOWN + 1 ? ", ...)" : ")");
}

static void add_same(struct arena *arena, const struct run_diff *diff, const struct tally *tally,
                     struct buf *out)
{
    struct diff_metric first = diff->first_main_same;
    struct str before = {0}, after = {0};
    if (!tally->changed) {
        buf_add_text(out, "metrics the same");
        return;
    }
    print_pair(arena, &first, &before, &after);
    if (diff->main_same_count > 1)
        buf_print(out, "%lld main metrics the same; ", (long long)diff->main_same_count);
    else
        buf_print(out, "%.*s the same (%.*s); ", STR_FMT(first.key), STR_FMT(after));
    add_changed(diff, tally->changed, out);
}

static void print_head(struct arena *arena, const struct run_diff *diff, const struct tally *tally,
                       struct buf *out)
{
    switch (diff->verdict) {
    case DIFF_UNCHANGED:
        buf_add_text(out, diff->environments.len ? "unchanged: nothing but the machine differs"
                                                 : "unchanged: nothing differs");
        return;
    case DIFF_BETTER_NOW:
        buf_add_text(out, "better: ");
        add_metrics(arena, diff, tally, DIFF_BETTER, out);
        return;
    case DIFF_WORSE_NOW:
        buf_add_text(out, "worse: ");
        add_metrics(arena, diff, tally, DIFF_WORSE, out);
        return;
    case DIFF_MIXED:
        buf_add_text(out, "mixed: better ");
        add_metrics(arena, diff, tally, DIFF_BETTER, out);
        buf_add_text(out, "; worse ");
        add_metrics(arena, diff, tally, DIFF_WORSE, out);
        return;
    case DIFF_NOT_SIGNIFICANT:
        buf_add_text(out, "no significant difference: ");
        add_metrics(arena, diff, tally, DIFF_NEITHER, out);
        return;
    case DIFF_METRICS_SAME:
        add_same(arena, diff, tally, out);
        return;
    case DIFF_OTHER:
        add_changed(diff, tally->changed, out);
        return;
    }
}

/* Outputs alone: the same was made from the same, and came out otherwise. */
static struct str outputs_alone(struct arena *arena, const struct run_diff *diff)
{
    size_t count = 0;
    struct str path = {0};
    vec_each (const struct diff_data, data, &diff->data) {
        bool counts = data->role == DIFF_OUTPUT && data->change != DIFF_SAME;
        path = counts && !count ? data->path : path;
        count += counts;
    }
    if (!count)
        return STR("");
    return count == 1
               ? str_print(arena, "only the output %.*s changed", STR_FMT(path))
               : str_print(arena, "only %zu outputs changed (%.*s, ...)", count, STR_FMT(path));
}

void diff_conclude(struct arena *arena, struct run_diff *diff)
{
    struct tally tally = tally_make(diff);
    struct buf out = buf_in(arena);
    diff->verdict = verdict_of(diff, &tally);
    print_head(arena, diff, &tally, &out);
    struct str causes = diff_causes(arena, diff);
    if (diff->verdict == DIFF_UNCHANGED)
        causes = STR("");
    else if (!causes.len)
        causes = tally.changed ? STR("nothing that it was made from differs")
                               : outputs_alone(arena, diff);
    if (causes.len)
        buf_print(&out, "%s%.*s", out.len ? "; " : "", STR_FMT(causes));
    if (diff->is_stale && diff->verdict != DIFF_UNCHANGED)
        buf_print(&out, "%s%.*s", out.len ? "; " : "",
                  STR_FMT(diff->tried.len ? diff->tried : STR("not run with that yet")));
    if (!out.len)
        buf_add_text(&out, "changed");
    diff->verdict_text = buf_str(&out);
}
