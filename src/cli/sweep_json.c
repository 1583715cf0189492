/* What a sweep has come to, as JSON. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/report_run.h"

#include <math.h>
#include <stdio.h>

#include "sweep_private.h"

static void add_str(struct json_writer *json, const char *name, struct str value)
{
    json_name(json, name);
    if (value.len)
        json_str(json, value);
    else
        json_null(json);
}

static void add_real(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    if (isfinite(value))
        json_real(json, value);
    else
        json_null(json);
}

static void add_int(struct json_writer *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

/* --- trials --------------------------------------------------------------------------------- */

static void add_overrides(struct json_writer *json, const struct override_vec *overrides)
{
    json_name(json, "params");
    json_open_list(json);
    vec_each (const struct override, override, overrides) {
        json_open_object(json);
        add_str(json, "file", override->file);
        add_str(json, "key", override->key);
        json_name(json, "value");
        if (override->action == EDIT_REMOVE)
            json_null(json);
        else
            json_str(json, override->text);
        json_close_object(json);
    }
    json_close_list(json);
}

void sweep_trial_json(struct json_writer *json, const struct trial *trial)
{
    AUTO(arena_drop) struct arena arena = {0};
    add_int(json, "trial", trial->number + 1);
    json_name(json, "status");
    json_text(json, trial_status_name(trial->status));
    add_str(json, "run", trial->run);
    add_real(json, "score", trial->has_score ? trial->score : nan(""));
    add_str(json, "note", trial->note);
    add_str(json, "isolation", trial->isolation);
    add_str(json, "started",
            trial->started_ns ? moment_print(&arena, trial->started_ns) : (struct str){0});
    add_real(json, "duration_s", trial->duration_ns ? report_seconds(trial->duration_ns) : nan(""));
    add_int(json, "attempts", trial->attempts);
    add_overrides(json, &trial->overrides);
}

static void add_trials(struct json_writer *json, const struct sweep_result *result)
{
    json_name(json, "trials");
    json_open_list(json);
    for (size_t i = 0; i < result->count; i++) {
        size_t at = result->order[i];
        json_open_object(json);
        sweep_trial_json(json, &result->trials[at]);
        add_int(json, "combination", result->combinations_of[at] + 1);
        add_int(json, "repeat", result->repeats_of[at] + 1);
        json_close_object(json);
    }
    json_close_list(json);
}

/* --- the sweep ------------------------------------------------------------------------------ */

static void add_sweep(struct json_writer *json, const struct sweep_result *result)
{
    AUTO(arena_drop) struct arena arena = {0};
    const struct sweep_row *row = result->row;
    const struct sweep *sweep = &row->sweep;
    add_str(json, "sweep", row->ulid);
    add_str(json, "name", sweep->name);
    json_name(json, "status");
    json_str(json, sweep_status_words(row));
    json_name(json, "is_busy");
    json_bool(json, result->is_busy);
    add_str(json, "pipeline", sweep->pipeline);
    json_name(json, "method");
    json_text(json, sweep_method_names[sweep->method]);
    json_name(json, "seed");
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)sweep->seed);
    json_raw(json, str_of(seed));
    add_int(json, "repeat", sweep->repeat);
    json_name(json, "stop");
    json_text(json, sweep_stop_names[sweep->stop]);
    add_str(json, "metric", sweep->metric_key);
    add_str(json, "metric_file", sweep->metric_file);
    json_name(json, "direction");
    json_text(json, result->is_higher_better ? "higher" : "lower");
    add_str(json, "parent", row->parent);
    json_name(json, "code");
    code_json(json, &row->code);
    add_str(json, "started", moment_print(&arena, row->created_ns));
    add_real(json, "spent_s", report_seconds(row->spent_ns));
    add_int(json, "planned", sweep_planned(row));
    json_name(json, "counts");
    json_open_object(json);
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        add_int(json, trial_status_name((enum trial_status)i), row->counts[i]);
    json_close_object(json);
}

static void add_combinations(struct json_writer *json, const struct sweep_result *result)
{
    json_name(json, "combinations");
    json_open_list(json);
    for (size_t i = 0; i < result->combination_count; i++) {
        const struct combination *combination = &result->combinations[i];
        const struct trial *typical = result->typical[i];
        json_open_object(json);
        add_int(json, "combination", combination->combination + 1);
        add_int(json, "trials", combination->count);
        add_real(json, "mean", combination->mean);
        add_real(json, "deviation", combination->deviation);
        add_real(json, "standard_error", combination->error);
        add_real(json, "low", combination->low);
        add_real(json, "high", combination->high);
        json_name(json, "is_within_one_error");
        json_bool(json, combination->is_within_error);
        json_name(json, "typical_trial");
        if (typical)
            json_int(json, typical->number + 1);
        else
            json_null(json);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_importance(struct json_writer *json, const struct sweep_result *result)
{
    json_name(json, "importance");
    json_open_list(json);
    for (size_t i = 0; i < result->importance_count; i++) {
        const struct importance *importance = &result->importance[i];
        json_open_object(json);
        add_str(json, "file", importance->file);
        add_str(json, "key", importance->key);
        add_real(json, "share", importance->share);
        add_real(json, "correlation", importance->correlation);
        json_close_object(json);
    }
    json_close_list(json);
}

static void add_best(struct json_writer *json, const struct sweep_result *result)
{
    const struct trial *winner = sweep_result_winner(result);
    json_name(json, "best");
    if (!winner) {
        json_null(json);
    } else {
        json_open_object(json);
        add_int(json, "trial", winner->number + 1);
        add_str(json, "run", winner->run);
        add_real(json, "score",
                 result->combination_count ? result->combinations[0].mean : winner->score);
        json_close_object(json);
    }
    json_name(json, "is_optimistic");
    json_bool(json, result->combination_count > 1);
    add_real(json, "optimism", result->optimism);
    add_real(json, "recorded_standard_error", result->recorded_error);
}

void sweep_result_json(struct json_writer *json, const struct sweep_result *result)
{
    add_sweep(json, result);
    add_best(json, result);
    add_importance(json, result);
    add_combinations(json, result);
    add_trials(json, result);
}
