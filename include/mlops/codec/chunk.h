/* Content-defined chunks: where to cut a long sequence of bytes so that an insertion or a change
 * moves only the cuts around it. FastCDC 2020 with normalisation level 2 (Xia et al., "The Design
 * of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems", TPDS 2020), in
 * the profile that the Remote Execution API fixes for its FASTCDC_2020: the gear table is made of
 * the MD5 of 64 times each byte value. Parameters: docs/formats.md, "Chunks". Pure; no I/O, no
 * threads. */
#pragma once

#include "mlops/base/str.h"

enum {
    CHUNK_LEAST_BYTES = 131072,   /* average / 4 */
    CHUNK_AVERAGE_BYTES = 524288, /* a power of two */
    CHUNK_MOST_BYTES = 2097152,   /* average * 4 */
};

/* Length of the first chunk of `bytes`: 0 only if there are none. Unless `is_end` says that nothing
 * follows, at least CHUNK_MOST_BYTES bytes must be given. Equal bytes give equal cuts. */
size_t chunk_cut(struct str bytes, bool is_end);
