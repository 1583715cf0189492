/* Signals as a descriptor for the loop. INT, TERM, HUP (and QUIT as INT): counted; the handler only
 * writes to a self-pipe. SIGPIPE is ignored. Once per process. */
#pragma once

#include "mlops/base/error.h"

/* Installs the handlers; the descriptor becomes readable when one came. */
FALLIBLE signal_open(int *ret_fd);

/* Empties the descriptor. */
void signal_clear(void);

/* How many stop signals came so far, and the first one's number (0: none). Safe from any thread. */
int signal_count(void);
int signal_first(void);

/* Whether a long loop should stop now: a stop signal has come. */
bool signal_stops(void);

/* ERROR_SIGNAL + n with the text "interrupted" if a stop signal came, else NULL. */
FALLIBLE signal_check(void);

/* The window size changed since the last call (SIGWINCH). */
bool signal_resized(void);
