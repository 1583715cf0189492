/* What `mlops runs` does beyond a table of runs: sweeps among them, the tree of what came from
 * what, and removing. */
#pragma once

#include "mlops/cli/context.h"
#include "mlops/cli/report.h"
#include "mlops/store/sweeps.h"

/* A sweep as an object: id, name, status, parent, times, counts of its trials. Open; the caller
 * closes it. */
void runs_sweep_json(struct context *context, struct json_writer *json,
                     const struct sweep_row *row);

/* Runs that came from nothing else, newest first (at most `limit`, 0: all), below each the sweeps
 * and experiments that started from it, below these their trials: the best 10, or `all`. */
FALLIBLE runs_tree(struct context *context, const struct ledger_filter *filter, bool all);

/* Removes runs named by words, and a sweep (empty: none) with all its trials; `dry`: only says what
 * would go. */
FALLIBLE runs_remove(struct context *context, const struct str *words, size_t count,
                     struct str sweep, bool dry);

/* Of which sweep and trial a run is, with what it changed: lines by `add_line`, or the member
 * "experiment" (null: of none) of an object that is open. */
FALLIBLE runs_print_origin(struct context *context, const struct run *run,
                           void (*add_line)(struct context *context, const char *name,
                                            struct str value));
FALLIBLE runs_origin_json(struct context *context, struct json_writer *json, const struct run *run);
