/* Events -> the story on stderr: a live block on a terminal, plain lines elsewhere, or one JSON
 * object a line. The one owner of the terminal while a run goes on. */
#pragma once

#include "mlops/cli/context.h"

enum progress {
    PROGRESS_AUTO, /* live on a terminal, else plain */
    PROGRESS_LIVE,
    PROGRESS_PLAIN,
    PROGRESS_JSON,
    PROGRESS_NONE,
};

struct narrator;

/* Its observer is what a session gets. */
struct narrator *narrator_open(struct context *context, enum progress progress);
const struct observer *narrator_observer(struct narrator *narrator);

/* Clears the live block and gives the terminal back. */
void narrator_drop(struct narrator **narrator);
