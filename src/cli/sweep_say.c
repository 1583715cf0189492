/* What a sweep has come to, in sentences. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>
#include <stdlib.h>

#include "sweep_private.h"

enum { DIGITS = 5, LISTED = 5 };

/* "random, seed 7; f1, the more the better" */
struct str sweep_say_head(const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    const struct sweep *sweep = &result->row->sweep;
    struct buf text = buf_in(arena);
    int64_t count = sweep_planned(result->row);
    buf_print(&text, "%lld trial%s: %.*s", (long long)count, count == 1 ? "" : "s",
              STR_FMT(sweep_counts_words(arena, result->row)));
    buf_print(&text, " · %s", sweep_method_names[sweep->method]);
    if (sweep->method == SWEEP_RANDOM || sweep->method == SWEEP_TPE)
        buf_print(&text, ", seed %llu", (unsigned long long)sweep->seed);
    if (sweep->repeat > 1)
        buf_print(&text, ", each %lld times", (long long)sweep->repeat);
    if (sweep->stop != STOP_NEVER)
        buf_print(&text, ", stopped early by %s", sweep_stop_names[sweep->stop]);
    if (sweep->stop == STOP_HALVING)
        buf_add_text(&text, " (the last round counts)");
    if (sweep->metric_key.len)
        buf_print(&text, " · %.*s, %s is better", STR_FMT(sweep->metric_key),
                  result->is_higher_better ? "more" : "less");
    if (result->row->spent_ns)
        buf_print(&text, " · %.*s", STR_FMT(duration_print(arena, result->row->spent_ns)));
    return buf_str(&text);
}

/* --- choice --------------------------------------------------------------------------------- */

/* In as many digits as a difference is worth. */
static struct str amount(struct arena *arena, double value)
{
    return metric_print(arena, value, 2);
}

/* Of rounds also those that were left behind. */
static size_t candidate_count(const struct sweep_result *result)
{
    size_t count = 0;
    if (result->row->sweep.stop != STOP_HALVING)
        return result->combination_count;
    for (size_t i = 0; i < result->count; i++)
        count += result->trials[i].has_score;
    return count;
}

struct str sweep_say_optimism(const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    struct str key = result->row->sweep.metric_key;
    size_t tried = candidate_count(result);
    if (tried < 2 || !result->combination_count)
        return (struct str){0};
    if (result->has_repeats && result->optimism <= 0)
        return STR("repeats give the same score each time: what their seed changes does not matter "
                   "to it, or is not read; judge the winner on data that chose nothing");
    struct buf text = buf_in(arena);
    buf_print(&text, "the winner's score is optimistic: it was chosen by it among %zu", tried);
    if (isfinite(result->optimism))
        buf_print(&text,
                  "; of so many that are equally good the best looks better by about %.*s of %.*s "
                  "than it is",
                  STR_FMT(amount(arena, result->optimism)), STR_FMT(key));
    else
        buf_print(&text, "; by how much only repeats tell (--repeat 3)");
    buf_print(&text, "; judge it on data that chose nothing");
    return buf_str(&text);
}

/* The quickest of those that are as good as the best. */
static const struct trial *quickest(const struct sweep_result *result)
{
    const struct trial *found = NULL;
    for (size_t i = 0; i < result->combination_count; i++) {
        const struct combination *combination = &result->combinations[i];
        if (!combination->is_within_error)
            continue;
        const struct trial *trial = result->typical[i];
        if (trial && (!found || trial->duration_ns < found->duration_ns))
            found = trial;
    }
    return found;
}

static void add_candidates(struct buf *text, const struct sweep_result *result)
{
    size_t listed = 0;
    for (size_t i = 1; i < result->combination_count; i++) {
        const struct trial *trial = result->typical[i];
        if (!result->combinations[i].is_within_error || !trial || listed++ >= LISTED)
            continue;
        struct str words = sweep_result_words(result, trial);
        buf_print(text, "%s trial %lld (%.*s)", listed == 1 ? "" : ",",
                  (long long)trial->number + 1, STR_FMT(words));
    }
    if (listed > LISTED)
        buf_print(text, " and %zu more", listed - LISTED);
}

struct str sweep_say_choice(const struct sweep_result *result)
{
    struct arena *arena = result->arena;
    const struct trial *winner = sweep_result_winner(result), *quick = quickest(result);
    struct buf text = buf_in(arena);
    if (result->within_count < 2 || !winner)
        return (struct str){0};
    double error =
        isfinite(result->recorded_error) ? result->recorded_error : result->combinations[0].error;
    if (error > 0)
        buf_print(&text,
                  "within one standard error (%.*s) of the best:", STR_FMT(amount(arena, error)));
    else
        buf_add_text(&text, "as good as the best:");
    add_candidates(&text, result);
    buf_add_text(&text, "; the simplest of them all is the safer choice");
    if (quick && quick != winner && 2 * quick->duration_ns <= winner->duration_ns)
        buf_print(&text, ", the quickest is trial %lld (%.*s, the best took %.*s)",
                  (long long)quick->number + 1, STR_FMT(duration_print(arena, quick->duration_ns)),
                  STR_FMT(duration_print(arena, winner->duration_ns)));
    return buf_str(&text);
}

struct str sweep_say_importance(const struct sweep_result *result)
{
    size_t known = 0;
    double sum = 0;
    for (size_t i = 0; i < result->importance_count; i++) {
        if (!isfinite(result->importance[i].share))
            continue;
        known++;
        sum += result->importance[i].share;
    }
    if (known == 0)
        return (struct str){0};
    return str_print(result->arena,
                     "share of the variance of %.*s that a parameter explains by itself (fANOVA: "
                     "main effects in a random forest over %zu trials); the rest, %.0f %%, is of "
                     "parameters together and chance; direction: Spearman's rank correlation",
                     STR_FMT(result->row->sweep.metric_key), result->scored_count,
                     100 * fmax(0, 1 - sum));
}

struct str sweep_say_next(const struct sweep_result *result)
{
    struct buf text = buf_in(result->arena);
    const struct trial *winner = sweep_result_winner(result);
    struct str id = ulid_short(result->row->ulid);
    if (winner && winner->run.len)
        buf_print(&text, "mlops diff %.*s\nmlops apply %.*s\n", STR_FMT(ulid_short(winner->run)),
                  STR_FMT(ulid_short(winner->run)));
    if (result->row->status != SWEEP_DONE && !result->is_busy)
        buf_print(&text, "mlops sweep --resume %.*s\n", STR_FMT(id));
    buf_print(&text, "mlops sweep show %.*s --format csv\n", STR_FMT(id));
    return buf_str(&text);
}

/* --- what went wrong ------------------------------------------------------------------------ */

static bool is_told(const struct trial *trial)
{
    return trial->status == TRIAL_FAILED || trial->status == TRIAL_REJECTED ||
           trial->status == TRIAL_STOPPED ||
           (trial->status == TRIAL_SUCCEEDED && !trial->has_score && trial->note.len);
}

static int compare_reasons(const void *a, const void *b)
{
    const struct sweep_reason *one = a, *other = b;
    if (one->status != other->status)
        return one->status < other->status ? -1 : 1;
    if (one->count != other->count)
        return one->count > other->count ? -1 : 1;
    return one->first < other->first ? -1 : one->first > other->first;
}

/* "stopped at step 12: ..." and "stopped at step 15: ..." are one reason: numbers count for none.
 */
static struct str reason_id(struct arena *arena, const struct trial *trial)
{
    struct buf id = buf_in(arena);
    buf_print(&id, "%d ", trial->status);
    for (size_t i = 0; i < trial->note.len; i++) {
        char c = trial->note.at[i];
        bool is_number = (c >= '0' && c <= '9') || c == '.';
        if (!is_number || trial->status != TRIAL_STOPPED)
            buf_add_char(&id, c);
    }
    return buf_str(&id);
}

static void add_number(struct arena *arena, struct sweep_reason *reason, const struct trial *trial)
{
    enum { NUMBERS = 6 };
    reason->count++;
    if (reason->count <= NUMBERS)
        reason->numbers = str_print(arena, "%.*s%s%lld", STR_FMT(reason->numbers),
                                    reason->count > 1 ? ", " : "", (long long)trial->number + 1);
}

struct sweep_reason *sweep_reasons(const struct sweep_result *result, size_t *ret_count)
{
    enum { NUMBERS = 6 };
    struct arena *arena = result->arena;
    struct map numbers = {0};
    struct sweep_reason *reasons = arena_new_array(arena, struct sweep_reason, result->count + 1);
    for (size_t i = 0; i < result->count; i++) {
        const struct trial *trial = &result->trials[i];
        if (!is_told(trial))
            continue;
        void **place = map_place(arena, &numbers, reason_id(arena, trial));
        if (!*place) {
            *place = &reasons[numbers.len - 1];
            reasons[numbers.len - 1] =
                (struct sweep_reason){.status = trial->status, .note = trial->note, .first = i};
        }
        add_number(arena, *place, trial);
    }
    *ret_count = numbers.len;
    if (numbers.len > 1)
        qsort(reasons, numbers.len, sizeof *reasons, compare_reasons);
    for (size_t i = 0; i < numbers.len; i++)
        if (reasons[i].count > NUMBERS)
            reasons[i].numbers = str_print(arena, "%.*s and %zu more", STR_FMT(reasons[i].numbers),
                                           reasons[i].count - NUMBERS);
    return reasons;
}
