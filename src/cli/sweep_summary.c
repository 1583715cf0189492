/* The answer of a driver that has ended. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <math.h>

#include "sweep_private.h"

static void add_line(struct context *context, struct str text, int indent)
{
    struct buf safe = buf_in(context->arena);
    buf_add_escaped(&safe, text, false);
    report_line(context, buf_str(&safe), indent, 0);
}

/* "best f1 0.9421: trial 7, run 7Q4XM2VD (lr=0.01 depth=5)" */
static void say_best(struct context *context, const struct sweep_result *result)
{
    struct arena *arena = context->arena;
    const struct sweep *sweep = &result->row->sweep;
    const struct trial *winner = sweep_result_winner(result);
    if (sweep->metric_key.len == 0 || result->count == 0)
        return;
    if (!winner) {
        add_line(context,
                 str_print(arena, "no trial that succeeded has the metric '%.*s'",
                           STR_FMT(sweep->metric_key)),
                 2);
        if (result->row->counts[TRIAL_SUCCEEDED])
            add_line(context,
                     STR("the same sweep with the right --metric runs nothing again: its results "
                         "are known"),
                     2);
        return;
    }
    bool has_mean = result->combination_count && result->combinations[0].count > 1;
    double score = has_mean ? result->combinations[0].mean : winner->score;
    struct str words = sweep_result_words(result, winner);
    struct buf text = buf_in(arena);
    buf_print(&text, "best %.*s", STR_FMT(sweep_score_words(arena, sweep, score)));
    if (has_mean)
        buf_print(&text, " (mean of %lld)", (long long)result->combinations[0].count);
    buf_print(&text, ": trial %lld", (long long)winner->number + 1);
    if (winner->run.len)
        buf_print(&text, ", run %.*s", STR_FMT(ulid_short(winner->run)));
    if (words.len)
        buf_print(&text, " (%.*s)", STR_FMT(words));
    add_line(context, buf_str(&text), 2);
}

static void say_next(struct context *context, const struct sweep_result *result)
{
    struct arena *arena = context->arena;
    const struct sweep_row *row = result->row;
    const struct trial *winner = sweep_result_winner(result);
    struct str id = ulid_short(row->ulid);
    if (row->status != SWEEP_DONE)
        add_line(context, str_print(arena, "go on: mlops sweep --resume %.*s", STR_FMT(id)), 2);
    if (winner && winner->run.len)
        add_line(context,
                 str_print(arena, "look: mlops sweep show %.*s · take it: mlops apply %.*s",
                           STR_FMT(id), STR_FMT(ulid_short(winner->run))),
                 2);
    else
        add_line(context, str_print(arena, "look: mlops sweep show %.*s", STR_FMT(id)), 2);
}

struct error *sweep_summary(struct context *context, const struct sweep_report *report)
{
    struct sweep_result result;
    struct arena *arena = context->arena;
    TRY(sweep_result_make(arena, &report->row, report->trials, report->count, &result));
    if (context->format == FORMAT_JSON) {
        struct json_writer json = report_json_open(context);
        sweep_result_json(&json, &result);
        report_json_close(&json);
        return NULL;
    }
    if (context->format == FORMAT_CSV) {
        struct table table = sweep_trial_table(&result, SIZE_MAX);
        report_csv(&context->out, &table);
        return NULL;
    }
    int64_t count = sweep_planned(&report->row);
    add_line(context,
             str_print(arena, "sweep %.*s: %lld trial%s: %.*s · %.*s",
                       STR_FMT(sweep_shown(&report->row)), (long long)count, count == 1 ? "" : "s",
                       STR_FMT(sweep_counts_words(arena, &report->row)),
                       STR_FMT(duration_print(arena, report->row.spent_ns))),
             2);
    say_best(context, &result);
    say_next(context, &result);
    return NULL;
}
