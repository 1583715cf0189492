/* Shared by the files of module pack. */
#pragma once

#include "mlops/store/pack.h"

#define PACK_FOOT_MAGIC "mlpkend1"
enum { PACK_FOOT_MAGIC_AT = 56 };

/* Number of the row of a digest; row_count: it has none. */
size_t pack_index_place(const struct pack_index *index, struct digest digest);
