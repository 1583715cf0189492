/* Gates on values that are at hand: bounds, drops, and what intervals say of both. */
#include "mlops/model/gate.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

#include <math.h>
#include <stdio.h>

/* Of the two values: 0.94 - 0.93 is a drop of 0.01, though no double is just that. */
#define ROUNDING 1e-12

enum answer { ANSWER_PASS, ANSWER_FAIL, ANSWER_SKIP, ANSWER_INCONCLUSIVE };

struct judging {
    struct arena *arena;
    const struct gate *gate;
    const struct gate_evidence *evidence;
    struct check_results *results;
};

/* Numbers side by side, with as many digits as it takes to tell different ones apart. */
static int digits_for(const double *values, size_t count)
{
    char texts[3][40];
    for (int digits = 4; digits < 17; digits++) {
        bool differ = true;
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(texts[i], sizeof texts[i], "%.*g", digits, values[i]);
            for (size_t k = 0; k < i; k++)
                differ &= values[i] == values[k] || strcmp(texts[i], texts[k]) != 0;
        }
        if (differ)
            return digits;
    }
    return 17;
}

static struct str number(struct arena *arena, double value, int digits)
{
    return metric_print(arena, value, digits);
}

static struct str amount_text(struct arena *arena, const struct amount *amount)
{
    return amount->is_relative ? str_print(arena, "%.6g %%", amount->value * 100)
                               : str_print(arena, "%.6g", amount->value);
}

static void count(struct check_results *results, enum answer answer, bool is_error)
{
    bool is_bad = answer == ANSWER_FAIL || answer == ANSWER_INCONCLUSIVE;
    results->passed += answer == ANSWER_PASS;
    results->skipped += answer == ANSWER_SKIP;
    results->failed += is_bad && is_error;
    results->warned += is_bad && !is_error;
    results->is_rejected |= is_bad && is_error;
}

/* What is inconclusive keeps its word; its severity says what becomes of it. */
static void add(struct judging *judging, enum answer answer, const char *kind,
                const struct check_result *like)
{
    static const char *const words[] = {"pass", "fail", "skip", "inconclusive"};
    const struct gate *gate = judging->gate;
    bool is_error = gate->severity == SEVERITY_ERROR;
    if (answer == ANSWER_INCONCLUSIVE)
        is_error = is_error && gate->on_inconclusive == INCONCLUSIVE_FAIL;
    struct check_result result = *like;
    result.check = STR("gate");
    result.field = gate->metric;
    result.kind = str_of(kind);
    result.table = judging->evidence->slice;
    result.path = judging->evidence->path;
    result.severity = str_of(severity_name(is_error ? SEVERITY_ERROR : SEVERITY_WARN));
    result.judgement = str_of(answer == ANSWER_FAIL && !is_error ? "warn" : words[answer]);
    *vec_push(judging->arena, &judging->results->all) = result;
    count(judging->results, answer, is_error);
}

/* "f1", "f1 of country=FR". */
static struct str subject(const struct judging *judging)
{
    const struct gate_evidence *evidence = judging->evidence;
    if (!evidence->slice.len)
        return judging->gate->metric;
    return str_print(judging->arena, "%.*s of %.*s", STR_FMT(judging->gate->metric),
                     STR_FMT(evidence->slice));
}

/* "; 95 % interval [0.76, 0.79]", or why there is none. */
static struct str evidence_text(const struct judging *judging, bool is_change)
{
    const struct gate_evidence *evidence = judging->evidence;
    bool has = is_change ? evidence->has_difference : evidence->has_interval;
    struct str why = is_change ? evidence->no_difference : evidence->no_interval;
    double low = is_change ? evidence->difference_low : evidence->low;
    double high = is_change ? evidence->difference_high : evidence->high;
    if (judging->gate->confidence <= 0)
        return STR("");
    if (!has)
        return str_print(judging->arena, "; no interval%s: %.*s", is_change ? " of the change" : "",
                         STR_FMT(why));
    return str_print(judging->arena, "; %.4g %% interval%s [%.*s, %.*s]",
                     judging->gate->confidence * 100, is_change ? " of the change" : "",
                     STR_FMT(number(judging->arena, low, 4)),
                     STR_FMT(number(judging->arena, high, 4)));
}

/* By the interval of how far the value is on the good side of its limit. Without one the number
 * alone may fail, but it does not pass. */
static enum answer answer_of(const struct judging *judging, bool has_interval, double low,
                             double high, bool is_good)
{
    if (judging->gate->confidence <= 0)
        return is_good ? ANSWER_PASS : ANSWER_FAIL;
    if (!has_interval || isnan(low) || isnan(high))
        return is_good ? ANSWER_INCONCLUSIVE : ANSWER_FAIL;
    if (low >= 0) /* where resampling is biased, the interval may lie beside the number */
        return is_good ? ANSWER_PASS : ANSWER_INCONCLUSIVE;
    return high < 0 ? ANSWER_FAIL : ANSWER_INCONCLUSIVE;
}

static void judge_bound(struct judging *judging, bool is_min)
{
    struct arena *arena = judging->arena;
    const struct gate_evidence *evidence = judging->evidence;
    double limit = is_min ? judging->gate->min.value : judging->gate->max.value;
    double value = evidence->now.value;
    double low = is_min ? evidence->low - limit : limit - evidence->high;
    double high = is_min ? evidence->high - limit : limit - evidence->low;
    bool is_good = is_min ? value >= limit : value <= limit;
    enum answer answer = answer_of(judging, evidence->has_interval, low, high, is_good);
    int digits = digits_for((const double[]){value, limit}, 2);
    const char *relation = is_min ? "is at least" : "is at most";
    if (answer == ANSWER_INCONCLUSIVE && is_good)
        relation = is_min ? "is not surely at least" : "is not surely at most";
    else if (!is_good)
        relation = answer == ANSWER_FAIL ? is_min ? "is below" : "is above"
                   : is_min              ? "is not surely below"
                                         : "is not surely above";
    struct check_result result = {
        .has_value = true,
        .value = value,
        .limit = str_print(arena, "%s %.6g", is_min ? "at least" : "at most", limit),
        .message = str_print(arena, "%.*s %.*s %s %.*s%.*s", STR_FMT(subject(judging)),
                             STR_FMT(number(arena, value, digits)), relation,
                             STR_FMT(number(arena, limit, digits)),
                             STR_FMT(evidence_text(judging, false))),
    };
    add(judging, answer, is_min ? "min" : "max", &result);
}

/* "fell by 0.031 (0.941 -> 0.91) against main (3fa1c2d)"; of a relative gate in percent. */
static struct str change_text(const struct judging *judging)
{
    struct arena *arena = judging->arena;
    const struct gate_evidence *evidence = judging->evidence;
    double now = evidence->now.value, before = evidence->before.value;
    int digits = digits_for((const double[]){now, before}, 2);
    struct buf out = buf_in(arena);
    double size = fabs(now - before);
    bool is_relative = judging->gate->max_drop.is_relative && before != 0;
    if (now == before)
        buf_print(&out, "is %.*s as", STR_FMT(number(arena, now, digits)));
    else if (is_relative)
        buf_print(&out, "%s by %.4g %% (%.*s -> %.*s) against", now < before ? "fell" : "rose",
                  size / fabs(before) * 100, STR_FMT(number(arena, before, digits)),
                  STR_FMT(number(arena, now, digits)));
    else
        buf_print(&out, "%s by %.*s (%.*s -> %.*s) against", now < before ? "fell" : "rose",
                  STR_FMT(number(arena, size, 4)), STR_FMT(number(arena, before, digits)),
                  STR_FMT(number(arena, now, digits)));
    buf_print(&out, "%s %.*s", now == before ? " in" : "", STR_FMT(evidence->before_name));
    return buf_str(&out);
}

/* Worse is negative. */
static void judge_drop(struct judging *judging)
{
    struct arena *arena = judging->arena;
    const struct gate *gate = judging->gate;
    const struct gate_evidence *evidence = judging->evidence;
    double now = evidence->now.value, before = evidence->before.value;
    bool is_lower = gate->direction == LOWER_IS_BETTER;
    double low = is_lower ? -evidence->difference_high : evidence->difference_low;
    double high = is_lower ? -evidence->difference_low : evidence->difference_high;
    double change = is_lower ? before - now : now - before;
    double allowed = gate->max_drop.value * (gate->max_drop.is_relative ? fabs(before) : 1);
    double rounding = ROUNDING * fmax(fabs(now), fabs(before));
    bool is_good = isfinite(rounding) && change + allowed >= -rounding;
    enum answer answer =
        answer_of(judging, evidence->has_difference, low + allowed, high + allowed, is_good);
    const char *doubt = answer == ANSWER_INCONCLUSIVE ? ", perhaps by more than is allowed" : "";
    if (answer == ANSWER_INCONCLUSIVE && !is_good)
        doubt = ", perhaps by less than is allowed";
    struct str allows = amount_text(arena, &gate->max_drop);
    struct check_result result = {
        .has_value = true,
        .value = now - before,
        .limit = str_print(arena, "worse by at most %.*s", STR_FMT(allows)),
        .message = str_print(arena, "%.*s %.*s%s, %.*s allowed%.*s", STR_FMT(subject(judging)),
                             STR_FMT(change_text(judging)), doubt, STR_FMT(allows),
                             STR_FMT(evidence_text(judging, true))),
    };
    add(judging, answer, "max_drop", &result);
}

static void skip_drop(struct judging *judging)
{
    struct arena *arena = judging->arena;
    struct str before = judging->evidence->before_name;
    struct str allows = amount_text(arena, &judging->gate->max_drop);
    struct check_result result = {
        .limit = str_print(arena, "worse by at most %.*s", STR_FMT(allows)),
        .message =
            before.len
                ? str_print(arena,
                            "%.*s: %.*s has no such stage: first run, nothing to compare "
                            "with",
                            STR_FMT(subject(judging)), STR_FMT(before))
                : str_print(arena,
                            "%.*s: no earlier run passed: first run, nothing to compare with",
                            STR_FMT(subject(judging))),
    };
    add(judging, ANSWER_SKIP, "max_drop", &result);
}

/* A value that is not there never passes. */
static void tell_missing(struct judging *judging, const char *kind, struct str message)
{
    struct gate warning = *judging->gate;
    const struct gate *gate = judging->gate;
    if (gate->on_missing == MISSING_WARN)
        warning.severity = SEVERITY_WARN;
    judging->gate = &warning;
    add(judging, ANSWER_FAIL, kind, &(struct check_result){.message = message});
    judging->gate = gate;
}

static const char *first_kind(const struct gate *gate)
{
    if (gate->min.is_given)
        return "min";
    return gate->max.is_given ? "max" : "max_drop";
}

void gate_judge(struct arena *arena, const struct gate *gate, const struct gate_evidence *evidence,
                struct check_results *ret)
{
    struct judging judging = {arena, gate, evidence, ret};
    if (!evidence->now.is_there) {
        tell_missing(
            &judging, first_kind(gate),
            str_print(arena, "%.*s %.*s", STR_FMT(subject(&judging)), STR_FMT(evidence->now.why)));
        return;
    }
    if (gate->min.is_given)
        judge_bound(&judging, true);
    if (gate->max.is_given)
        judge_bound(&judging, false);
    if (!gate->max_drop.is_given)
        return;
    if (evidence->is_first)
        skip_drop(&judging);
    else if (!evidence->before.is_there)
        tell_missing(&judging, "max_drop",
                     str_print(arena, "%.*s %.*s: %.*s", STR_FMT(subject(&judging)),
                               STR_FMT(evidence->before.why), STR_FMT(evidence->before_name)));
    else
        judge_drop(&judging);
}
