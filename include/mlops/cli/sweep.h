/* What `mlops sweep` shows: trials while they go on, and what a sweep came to. */
#pragma once

#include "mlops/cli/narrate.h"
#include "mlops/cli/report.h"
#include "mlops/engine/sweep.h"

/* What the command line says of what is to be tried; empty, zero: not given. `method` and `stop`
 * are those of the model and one more. */
struct sweep_wish {
    struct str_vec set;
    struct str metric, file, name, steps, budget, seed_param;
    struct str direction; /* as in a sweep file: refused */
    int method, stop;
    int64_t max_trials, max_time_ns, repeat, seed;
    bool max, min;
};

/* Of a file, else the pipeline's own part `sweep`, with the words of the command line over it. */
FALLIBLE sweep_read(struct context *context, const struct session *session,
                    const struct sweep_wish *wish, int argc, const struct str *argv,
                    struct sweep *ret);

/* What can be told of the words before a project is open: parameters that are written wrong, a
 * sweep file in the place of a pipeline. */
FALLIBLE sweep_read_check(struct context *context, const struct sweep_wish *wish, int argc,
                          const struct str *argv);

struct sweep_narrator;

/* Its observer is what the driver gets: a live table on a terminal, a line a trial elsewhere, or
 * JSON, all on stderr. */
struct sweep_narrator *sweep_narrator_open(struct context *context, enum progress progress);
const struct sweep_observer *sweep_narrator_observer(struct sweep_narrator *narrator);

/* Clears the live table and gives the terminal back. */
void sweep_narrator_drop(struct sweep_narrator **narrator);

/* The answer of a driver that has ended, into context->out: how many trials, the best one, what to
 * do next; or one JSON object. Says by itself whether something is left (`--resume`). */
FALLIBLE sweep_summary(struct context *context, const struct sweep_report *report);

/* `mlops sweep show [SWEEP]`: the newest one if `word` is empty. Table, JSON, CSV or Markdown by
 * context->format; with `html` (a file name) as a page. */
struct sweep_show_options {
    struct str word;
    struct str html;
    int64_t limit; /* rows of the table that people see; 0: all */
};
FALLIBLE sweep_show(struct context *context, const struct sweep_show_options *options);

/* `mlops sweep list`. */
FALLIBLE sweep_list(struct context *context);

/* What a word of the command line means: a ULID's end or start, or a name; the newest one if it is
 * empty or '@'. */
FALLIBLE sweep_choose(struct context *context, struct str word, struct sweep_row *ret);

/* "lr=0.01235 depth=5": what a trial has of its own, by the last parts of keys where those tell
 * them apart. Of a sweep in which all is fixed that. Not escaped. */
struct str sweep_trial_words(struct arena *arena, const struct sweep *sweep,
                             const struct override_vec *overrides);

/* "f1 0.9421" */
struct str sweep_score_words(struct arena *arena, const struct sweep *sweep, double score);

enum tone trial_status_tone(enum trial_status status);

/* "running", "open": trials are left and nobody works on them, "done". */
const char *sweep_status(struct context *context, const struct sweep_row *row, enum tone *ret_tone);

/* So many trials there will be, as far as that is known: those that are not begun have no row yet.
 */
int64_t sweep_planned(const struct sweep_row *row);

/* "22 succeeded, 1 failed, 1 stopped, 3 waiting" of what is not zero. */
struct str sweep_counts_words(struct arena *arena, const struct sweep_row *row);

/* One trial as JSON: members of an object that is open. */
void sweep_trial_json(struct json_writer *json, const struct trial *trial);
