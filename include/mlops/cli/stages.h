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
    struct plan_choice choice;
    bool is_read_only;
    bool wants_dvc; /* see session_options */
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
    struct plan_choice choice;
    bool force, no_restore, minimal, no_dvc_lock, allow_missing;
};

/* Rows of options that choose among stages, into `type`'s member `choice`; helps as they differ
 * from command to command stay with it. */
#define CHOICE_ROWS(type)                                                                          \
    {.name = "only",                                                                               \
     .letter = 's',                                                                                \
     OPTION_FLAG_AT(type, choice.only_targets),                                                    \
     .help = "Only the named stages, without what they need"},                                     \
        {.name = "downstream",                                                                     \
         OPTION_FLAG_AT(type, choice.downstream),                                                  \
         .help = "The named stages and all that uses what they make"},                             \
        {.name = "pipeline",                                                                       \
         .letter = 'p',                                                                            \
         OPTION_FLAG_AT(type, choice.whole),                                                       \
         .help = "The named stages and all that is connected with them"},                          \
        {.name = "all-pipelines",                                                                  \
         .letter = 'P',                                                                            \
         OPTION_FLAG_AT(type, choice.all_files),                                                   \
         .help = "The stages of every dvc.yaml of the project"},                                   \
        {.name = "recursive",                                                                      \
         .letter = 'R',                                                                            \
         OPTION_FLAG_AT(type, choice.recursive),                                                   \
         .help = "Targets are directories: the stages of every dvc.yaml in and below them"},       \
    {                                                                                              \
        .name = "glob", OPTION_FLAG_AT(type, choice.is_pattern),                                   \
        .help = "Targets are patterns of stage names, as in 'train*'"                              \
    }
