/* `mlops run -P KEY=VALUE`: an experiment with other parameters, in a directory of its own or, with
 * --in-place, in the files of the project. */
#pragma once

#include "mlops/cli/stages.h"
#include "mlops/engine/override.h"

/* The words of -P and --set-param, checked together. */
FALLIBLE experiment_parse(struct arena *arena, const struct str_vec *words,
                          struct override_vec *ret);

/* --in-place: writes the parameters into their files and tells what changed. The session is opened
 * and dropped here: a pipeline may be made of the parameters. */
FALLIBLE experiment_write(struct context *context, const struct stage_words *words,
                          struct override_vec *overrides, struct override_change_vec *ret);

/* Without --in-place: what `mlops run` was told, for a sweep of one trial. */
struct experiment {
    const struct stage_words *words;
    struct override_vec *overrides; /* not yet resolved */
    const struct run_options *run;  /* its flags and jobs */
    int64_t lock_timeout_ns;        /* < 0: the setting */
    int progress;                   /* enum progress */
};
FALLIBLE experiment_run(struct context *context, const struct experiment *experiment);

/* "parameters": [{file, key, before, after}] */
void experiment_json(struct json_writer *json, const struct override_change_vec *changes);

/* How a sweep is named to people: its name, else the end of its id. */
struct sweep_row;
struct str sweep_shown(const struct sweep_row *row);
