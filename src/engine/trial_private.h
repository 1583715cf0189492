/* A trial in its process, in two parts: running it, and what it came to. */
#pragma once

#include "mlops/engine/trial.h"

/* trial_settle.c: the run is recorded; now the trial's row says what it came to. */
FALLIBLE trial_settle(struct trial_work *work, const struct run_report *report);
