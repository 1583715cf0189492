/* Runs and what they hold as tables and JSON: shared by runs, show, diff, metrics and params. */
#pragma once

#include "mlops/cli/report.h"
#include "mlops/model/run.h"

enum tone run_status_tone(enum run_status status);
enum tone stage_status_tone(enum stage_status status);

/* "3fa1c2d", "3fa1c2d+" (with uncommitted changes), empty outside of git. */
struct str run_commit(struct arena *arena, const struct code_state *code);

/* Name and tags, separated by blanks. */
struct str run_labels(struct arena *arena, const struct run *run);

/* The fields of a run, within an open object. */
void run_json(struct json_writer *json, struct arena *arena, const struct run *run);
void code_json(struct json_writer *json, const struct code_state *code);
void artifact_json(struct json_writer *json, const struct artifact *artifact);
