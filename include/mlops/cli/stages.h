/* What run, plan, status and why share: opening a session from words, and outcomes as tables and
 * JSON. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/cli/report.h"
#include "mlops/engine/run.h"

/* [PIPELINE] [TARGET...]: the first word is a pipeline if it ends in .yaml or .yml. */
struct stage_words {
    int argc;
    const struct str *argv;
    bool only_targets, downstream, is_read_only;
    const struct observer *observer;
};
FALLIBLE stages_open(struct context *context, const struct stage_words *words, struct session *ret);

/* Of "[PIPELINE] STAGE": the last word, if the words are that. */
FALLIBLE stages_one_target(const char *command, int argc, const struct str *argv, struct str *ret);

/* {"name", "status", "reasons", ...} of every selected stage, in plan order. */
void stages_json(struct json_writer *json, const struct session *session,
                 const struct run_report *report);
void counts_json(struct json_writer *json, const struct run_counts *counts);

/* "reasons": [{part, what, before, after, text}] */
void reasons_json(struct json_writer *json, struct arena *arena, const struct reason_vec *reasons);

/* Time, exit status, cpu and memory; of what was not started only "duration_s": null. */
void usage_json(struct json_writer *json, const struct usage *usage);

/* "3 to run, 1 to restore, 5 unchanged" */
struct str counts_print(struct arena *arena, const struct run_counts *counts, bool is_plan);

/* Options of `plan`, which `run --dry-run` fills in itself. */
struct plan_command {
    bool only_targets, downstream, force, no_restore, minimal;
};
