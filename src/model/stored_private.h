/* Reading stored data that may be damaged or hostile: what the decoders of this floor share. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/codec/canon.h"

/* A list whose items take at least `item_bytes` each, so that an array of as many items is at most
 * a small multiple of the input. */
FALLIBLE stored_list(struct canon_reader *reader, size_t item_bytes, size_t *ret_count);

/* A list of exactly `count` items. */
FALLIBLE stored_record(struct canon_reader *reader, size_t count);

/* An integer that is not negative. */
FALLIBLE stored_amount(struct canon_reader *reader, int64_t *ret);

/* A string that path_fault() has nothing against; one that leads out of the project if allowed. */
FALLIBLE stored_path(struct canon_reader *reader, bool may_be_outside, struct str *ret);

/* The error of a decoder: damaged, and how. */
FALLIBLE stored_damaged(const char *format, ...) PRINTF_LIKE(1, 2);

/* The bytes left. */
size_t stored_left(const struct canon_reader *reader);
