/* Which MD5 goes with which SHA-256: what ties DVC's records to ours, so that no file is read a
 * second time to be compared with them. Kept in the index (disposable). An MD5 is never trusted by
 * itself: a row is only made of bytes that both were taken of. Format: docs/formats.md, "Sums". */
#pragma once

#include "mlops/codec/digest.h"
#include "mlops/codec/md5.h"
#include "mlops/store/index.h"

struct sums_row {
    struct digest digest;
    struct md5 md5;
    struct md5 text_md5; /* as DVC 2.x has it: of what looks like text with CRLF as LF */
    int64_t size_bytes;
};

struct sums;

/* Reads all that is known. */
struct sums *sums_open(struct arena *arena, struct index *index);

/* Puts what is new into the index (which index_save writes). */
void sums_save(struct sums *sums);

void sums_add(struct sums *sums, const struct sums_row *row);

/* NULL: not known. Valid as long as the arena. */
const struct sums_row *sums_of(const struct sums *sums, struct digest digest);

/* The bytes whose MD5 this is, of either kind. */
const struct sums_row *sums_by_md5(const struct sums *sums, struct md5 md5, bool is_text_md5);

/* Both MD5s of bytes that pass by, in blocks of 1 MiB (DVC judges each whether it is text). */
struct sums_tap {
    struct md5_hasher plain, text;
    bool is_open;
    bool has_text; /* CRLF in text was met: they are not equal */
};
void sums_tap_add(struct sums_tap *tap, const char *at, size_t len);

/* Starts afresh. */
void sums_tap_restart(struct sums_tap *tap);
void sums_tap_finish(struct sums_tap *tap, struct sums_row *row);
void sums_tap_drop(struct sums_tap *tap);
