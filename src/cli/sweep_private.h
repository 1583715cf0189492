/* What the files of sweep share. sweep_words.c: trials in words; sweep_result.c: what they came to
 * (sweep_say.c: in sentences, sweep_rows.c: tables, sweep_text.c, sweep_json.c, sweep_page.c with
 * sweep_charts.c); sweep_show.c: the commands; sweep_table.c: what is told while they go on
 * (sweep_live.c: the block on a terminal, sweep_tell.c: as JSON). */
#pragma once

#include "mlops/base/map.h"
#include "mlops/cli/experiment.h"
#include "mlops/cli/page.h"
#include "mlops/cli/sweep.h"
#include "mlops/model/choice.h"
#include "mlops/model/name.h"

/* --- words ---------------------------------------------------------------------------------- */

/* A number in at most five digits, or the text as it is. */
struct str sweep_value_words(struct arena *arena, struct str text);
struct str sweep_status_words(const struct sweep_row *row); /* done, open */

/* --- results -------------------------------------------------------------------------------- */

/* A parameter that is not the same in all trials. */
struct sweep_param {
    struct str file, key;
    struct str name;                   /* the key, with its file where two have it */
    const struct dimension *dimension; /* NULL: listed, a budget, a seed */
    bool is_seed;                      /* only tells repeats apart */
    bool is_numeric;                   /* all its values are numbers */
    struct str *texts;                 /* by trial; .at NULL: it does not set it */
    double *values;                    /* by trial; NaN: no number */
};
VEC(sweep_param_vec, struct sweep_param);

/* What a sweep has come to. */
struct sweep_result {
    struct arena *arena;
    const struct sweep_row *row;
    const struct trial *trials;
    size_t count;
    struct sweep_param_vec params; /* in the sweep's order */
    size_t *order;                 /* of trials: the best first, then those without a score */
    size_t scored_count;           /* the first so many of them count for the choice */
    unsigned char *classes;        /* by trial: see sweep_result.c */
    int64_t *combinations_of;      /* by trial */
    int64_t *repeats_of;
    struct combination *combinations; /* best first */
    const struct trial **typical;     /* of each the trial whose score is nearest to its mean */
    size_t combination_count, within_count;
    double optimism;
    struct importance *importance;
    size_t importance_count;
    bool has_repeats; /* some combination has more than one score */
    bool is_higher_better;
    bool is_busy;          /* some process works on it now */
    double recorded_error; /* standard error that the winner's metrics file states; NaN: none */
};
FALLIBLE sweep_result_make(struct arena *arena, const struct sweep_row *row,
                           const struct trial *trials, size_t count, struct sweep_result *ret);
/* The trial to take: the best one; with repeats that of the best combination whose score is nearest
 * to its mean. NULL: none has a score. */
const struct trial *sweep_result_winner(const struct sweep_result *result);
/* Without repeats: what the winner's file says its standard error is counts for the choice. */
void sweep_result_use_error(struct sweep_result *result, double error);
/* "lr=0.01 depth=5" of a trial without the seeds of repeats. */
struct str sweep_result_words(const struct sweep_result *result, const struct trial *trial);
/* The widest range of scores that is worth an axis: without those that are farther out than three
 * times the middle half of all is wide (Tukey's outer fences). *ret_out: how many are beyond. */
void sweep_result_range(const struct sweep_result *result, double *ret_least, double *ret_most,
                        size_t *ret_out);

/* All of it: members of an object that is open. */
void sweep_result_json(struct json_writer *json, const struct sweep_result *result);
struct table sweep_trial_table(const struct sweep_result *result, size_t most);
/* What people see: with repeats a row for each combination, else one for each trial; at most `most`
 * of *ret_all. */
struct table sweep_people_table(const struct sweep_result *result, size_t most, size_t *ret_all);
struct table sweep_importance_table(const struct sweep_result *result);
/* sweep_charts.c */
void sweep_add_charts(struct page *page, const struct sweep_result *result);
void sweep_result_text(struct context *context, const struct sweep_result *result, int64_t limit);
struct str sweep_result_page(const struct sweep_result *result);

/* Sentences that the text and the page share; empty: nothing to say. */
struct str sweep_say_head(const struct sweep_result *result);
struct str sweep_say_optimism(const struct sweep_result *result);
struct str sweep_say_choice(const struct sweep_result *result);
struct str sweep_say_importance(const struct sweep_result *result);
struct str sweep_say_next(const struct sweep_result *result); /* commands, a line each */
/* Failed, rejected and stopped trials by reason, the most frequent first. */
struct sweep_reason {
    enum trial_status status;
    struct str note;
    size_t count, first; /* trial */
    struct str numbers;  /* "3, 7, 12 and 9 more" */
};
struct sweep_reason *sweep_reasons(const struct sweep_result *result, size_t *ret_count);

/* --- while it goes on ----------------------------------------------------------------------- */

struct sweep_narrator {
    struct context *context;
    struct sweep_observer observer;
    enum progress progress;
    struct buf out;  /* what goes to stderr in one write */
    int block_lines; /* of the live block on the screen */
    int64_t drawn_ns, begun_ns;
    struct sweep_clock {
        int64_t number, begun_ns; /* a trial under way; monotonic */
    } * clocks;
    size_t clock_count, clock_cap;
    int64_t ended_count, ended_ns; /* trials that ended here, and their time in all */
    int64_t failed_count;
    int64_t told_best; /* number of the trial that was last said to be best; -1: none */
    struct map tails;  /* notes of failures whose log was shown: struct tail */
    struct map notes;  /* of those that have no score, by text: struct tail * */
};

void sweep_narrator_write(struct sweep_narrator *narrator);
/* How long a trial that is under way has been; 0: it is none. */
int64_t sweep_elapsed_ns(const struct sweep_narrator *narrator, int64_t number, int64_t now_ns);
/* By the trials that have ended here, and what the sweep's time allows; -1: not known. */
int64_t sweep_left_ns(const struct sweep_narrator *narrator, const struct sweep_event *event,
                      int64_t now_ns, bool *ret_is_limit);

void sweep_live_erase(struct sweep_narrator *narrator);
void sweep_live_draw(struct sweep_narrator *narrator, const struct sweep_event *event,
                     int64_t now_ns);
void sweep_json_tell(struct sweep_narrator *narrator, const struct sweep_event *event);
