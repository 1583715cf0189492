/* Notices, warnings and one line of progress on stderr, for commands that work long but run no
 * stages (gc, verify, diff of large files). */
#pragma once

#include "mlops/model/event.h"

struct context;

struct progress {
    struct context *context;
    int64_t started_ns, shown_ns; /* monotonic; 0: nothing shown yet */
    bool is_shown;                /* a line stands on the terminal */
};

/* An observer that tells `progress->context`'s user. */
struct observer progress_observer(struct progress *progress);

/* Takes the line away. */
void progress_clear(struct progress *progress);
