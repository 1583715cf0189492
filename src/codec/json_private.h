/* What the reader and the writer of JSON share. */
#pragma once

#include "mlops/codec/json.h"

/* Length of the number that `text` starts with, 0 if there is none. */
size_t json_number_len(struct str text, bool *ret_is_real);
