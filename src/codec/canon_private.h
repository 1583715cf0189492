/* What the writer and the reader of the canonical encoding agree on. */
#pragma once

#include "mlops/codec/canon.h"

static const uint64_t CANON_QUIET_NAN = UINT64_C(0x7FF8000000000000);

/* Whether a double is written as an integer. */
bool canon_is_integral(double value);

/* Decimal digits, perhaps behind '-', without a leading zero. */
bool canon_is_plain_integer(struct str digits);
