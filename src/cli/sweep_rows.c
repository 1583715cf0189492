/* Trials and combinations as tables. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include <limits.h>
#include <math.h>

#include "sweep_private.h"

/* What a narrow window loses first has the highest number; parameters have the lowest. */
enum {
    DIGITS = 5,
    DROP_RUN = INT_MAX - 5,
    DROP_STATUS,
    DROP_COUNT,
    DROP_INTERVAL,
    DROP_TIME,
};

static struct column *param_columns(const struct sweep_result *result, struct column *columns,
                                    bool with_seeds)
{
    int drop = 1;
    vec_each (const struct sweep_param, param, &result->params) {
        if (param->is_seed && !with_seeds)
            continue;
        *columns++ = (struct column){
            .name = str_print(result->arena, "params.%.*s", STR_FMT(param->name)).at,
            .title = str_terminate(result->arena, param->name),
            .is_right = param->is_numeric,
            .may_shrink = true,
            .drop = drop++,
        };
    }
    return columns;
}

static struct cell *param_cells(const struct sweep_result *result, struct cell *cells, size_t at,
                                bool with_seeds)
{
    vec_each (const struct sweep_param, param, &result->params) {
        if (param->is_seed && !with_seeds)
            continue;
        struct str text = param->texts[at];
        struct str shown = text.at ? sweep_value_words(result->arena, text) : (struct str){0};
        bool is_real = param->is_numeric && text.at;
        *cells = is_real   ? cell_real_shown(shown, param->values[at])
                 : text.at ? cell_shown(shown, text)
                           : (struct cell){0};
        cells++;
    }
    return cells;
}

static const char *metric_title(const struct sweep_result *result)
{
    struct str key = result->row->sweep.metric_key;
    return key.len ? str_terminate(result->arena, key) : NULL;
}

static struct cell time_cell(struct arena *arena, const struct trial *trial)
{
    if (trial->duration_ns == 0)
        return (struct cell){0};
    return cell_real_shown(duration_print(arena, trial->duration_ns),
                           report_seconds(trial->duration_ns));
}

/* --- trials --------------------------------------------------------------------------------- */

static bool all_succeeded(const struct sweep_result *result)
{
    return result->row->counts[TRIAL_SUCCEEDED] == (int64_t)result->count;
}

static void add_trial(struct table *table, const struct sweep_result *result, size_t at,
                      bool is_winner)
{
    struct arena *arena = result->arena;
    const struct trial *trial = &result->trials[at];
    struct cell *cells = table_add(table);
    *cells++ =
        cell_int_shown(str_print(arena, "%lld", (long long)trial->number + 1), trial->number + 1);
    *cells++ = trial->run.len ? cell_shown(ulid_short(trial->run), trial->run) : (struct cell){0};
    *cells++ = cell_toned(cell_text(str_of(trial_status_name(trial->status))),
                          trial_status_tone(trial->status));
    *cells++ =
        trial->has_score
            ? cell_toned(cell_real_shown(metric_print(arena, trial->score, DIGITS), trial->score),
                         is_winner ? TONE_STRONG : TONE_PLAIN)
            : (struct cell){0};
    cells = param_cells(result, cells, at, true);
    *cells++ = time_cell(arena, trial);
    *cells++ = cell_int(arena, result->combinations_of[at] + 1);
    *cells++ = cell_int(arena, result->repeats_of[at] + 1);
    *cells++ = cell_int(arena, trial->attempts);
    *cells++ = cell_text(trial->isolation);
    *cells++ = cell_text(trial->note);
}

struct table sweep_trial_table(const struct sweep_result *result, size_t most)
{
    enum { FIXED = 10 };
    struct arena *arena = result->arena;
    struct column *columns = arena_new_array(arena, struct column, FIXED + result->params.len);
    struct column *next = columns;
    const struct trial *winner = sweep_result_winner(result);
    bool has_status = !all_succeeded(result);
    *next++ = (struct column){.name = "trial", .title = "TRIAL", .is_right = true};
    *next++ = (struct column){.name = "run", .title = "RUN", .drop = DROP_RUN};
    *next++ = (struct column){
        .name = "status", .title = has_status ? "STATUS" : NULL, .drop = DROP_STATUS};
    *next++ = (struct column){.name = "score", .title = metric_title(result), .is_right = true};
    next = param_columns(result, next, true);
    *next++ =
        (struct column){.name = "duration_s", .title = "TIME", .is_right = true, .drop = DROP_TIME};
    *next++ = (struct column){.name = "combination"};
    *next++ = (struct column){.name = "repeat"};
    *next++ = (struct column){.name = "attempts"};
    *next++ = (struct column){.name = "isolation"};
    *next++ = (struct column){.name = "note"};
    struct table table = table_make(arena, columns, (size_t)(next - columns));
    for (size_t i = 0; i < result->count && i < most; i++)
        add_trial(&table, result, result->order[i], &result->trials[result->order[i]] == winner);
    return table;
}

/* --- combinations --------------------------------------------------------------------------- */

static struct str spread(struct arena *arena, const struct combination *combination)
{
    struct str mean = metric_print(arena, combination->mean, DIGITS);
    if (!isfinite(combination->deviation))
        return mean;
    return str_print(arena, "%.*s ± %.*s", STR_FMT(mean),
                     STR_FMT(metric_print(arena, combination->deviation, 2)));
}

static void add_combination(struct table *table, const struct sweep_result *result, size_t i)
{
    struct arena *arena = result->arena;
    const struct combination *combination = &result->combinations[i];
    const struct trial *trial = result->typical[i];
    struct cell *cells = table_add(table);
    *cells++ =
        cell_int_shown(str_print(arena, "%lld", (long long)trial->number + 1), trial->number + 1);
    *cells++ = trial->run.len ? cell_shown(ulid_short(trial->run), trial->run) : (struct cell){0};
    *cells++ = cell_toned(cell_real_shown(spread(arena, combination), combination->mean),
                          i == 0 ? TONE_STRONG : TONE_PLAIN);
    *cells++ = isfinite(combination->low)
                   ? cell_text(str_print(arena, "%.*s to %.*s",
                                         STR_FMT(metric_print(arena, combination->low, DIGITS)),
                                         STR_FMT(metric_print(arena, combination->high, DIGITS))))
                   : (struct cell){0};
    *cells++ = cell_int(arena, combination->count);
    cells = param_cells(result, cells, (size_t)(trial - result->trials), false);
    *cells = time_cell(arena, trial);
}

static struct table combination_table(const struct sweep_result *result, size_t most)
{
    enum { FIXED = 6 };
    struct arena *arena = result->arena;
    struct column *columns = arena_new_array(arena, struct column, FIXED + result->params.len);
    struct column *next = columns;
    *next++ = (struct column){.name = "trial", .title = "TRIAL", .is_right = true};
    *next++ = (struct column){.name = "run", .title = "RUN", .drop = DROP_RUN};
    *next++ = (struct column){.name = "mean", .title = metric_title(result), .is_right = true};
    *next++ = (struct column){
        .name = "interval", .title = "95 %", .is_right = true, .drop = DROP_INTERVAL};
    *next++ = (struct column){.name = "trials", .title = "N", .is_right = true, .drop = DROP_COUNT};
    next = param_columns(result, next, false);
    *next++ =
        (struct column){.name = "duration_s", .title = "TIME", .is_right = true, .drop = DROP_TIME};
    struct table table = table_make(arena, columns, (size_t)(next - columns));
    for (size_t i = 0; i < result->combination_count && i < most; i++)
        add_combination(&table, result, i);
    return table;
}

struct table sweep_people_table(const struct sweep_result *result, size_t most, size_t *ret_all)
{
    *ret_all = result->has_repeats ? result->combination_count : result->count;
    return result->has_repeats ? combination_table(result, most) : sweep_trial_table(result, most);
}
