/* One poll loop. Callbacks run in the caller's thread, one at a time. */
#pragma once

#include "mlops/base/error.h"

struct arena;
struct loop;

struct loop *loop_open(struct arena *arena);
void loop_drop(struct loop **loop);

/* Calls ready(context) whenever fd is readable (or hung up). */
void loop_watch(struct loop *loop, int fd, void (*ready)(void *context), void *context);
void loop_forget(struct loop *loop, int fd);

/* Waits until something is ready or `until_ns` (monotonic; -1: for ever) and calls what is. */
FALLIBLE loop_turn(struct loop *loop, int64_t until_ns);
