/* Blocks of memory that the caller fills and one thread takes, in order: while one block is hashed
 * the next is read. What is taken may not be touched by the caller until it gets it back. */
#pragma once

#include "mlops/base/error.h"

#include <stddef.h>

struct relay;

/* `take` is called from the thread, with one block after the other, until it fails. *ret is NULL
 * where there is no thread to be had (MLOPS_POOL=0 and single processors want none). */
void relay_open(size_t block_bytes, size_t block_count,
                struct error *(*take)(void *context, const char *at, size_t len), void *context,
                struct relay **ret);

/* Drops what was not taken yet, and waits for the thread. */
void relay_drop(struct relay **relay);

/* A block to be filled; waits until one is free. */
char *relay_block(struct relay *relay);

/* Gives the first `len` bytes of the block away. False: `take` has failed, relay_finish says how;
 * nothing more needs to be given. */
bool relay_give(struct relay *relay, size_t len);

/* Waits until all is taken. The first error of `take`, once. */
FALLIBLE relay_finish(struct relay *relay);
