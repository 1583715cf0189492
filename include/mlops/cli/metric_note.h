/* What a run changed in the metrics, for its summary: "accuracy 0.9421 (+0.0032)", at most three.
 */
#pragma once

#include "mlops/engine/run.h"

struct metric_note {
    struct map before; /* "file:key" -> struct metric * */
    struct buf text;
    int told;
    bool names_files; /* more than one file has metrics, so keys alone would be ambiguous */
};

/* Before the run: what the lock files say. */
void metric_note_remember(struct arena *arena, const struct session *session,
                          struct metric_note *note);

/* After it: appends to note->text what gates judge, in their order, then what is known to be better
 * one way or the other, then the rest; of stages that ran, were restored or were rejected. */
void metric_note_add(struct arena *arena, const struct run_report *report,
                     struct metric_note *note);
