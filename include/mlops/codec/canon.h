/* The one injective encoding that recipes, trees, results and states are hashed and stored in:
 * different values never have equal bytes, equal values always do. Layout: docs/formats.md,
 * "Canonical encoding". A document starts with its format tag as a string item. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/codec/digest.h"

/* Writing appends to a buffer. Lists and maps give their count first; a map's keys must be added
 * in strictly ascending byte order (checked by the reader). */
void canon_null(struct buf *out);
void canon_bool(struct buf *out, bool value);
void canon_int(struct buf *out, int64_t value);

/* An integral value of magnitude below 2^53 is written as the integer, -0.0 as 0, every NaN as the
 * same quiet NaN, others as IEEE 754 bits. */
void canon_real(struct buf *out, double value);

/* An integer outside int64, as text without leading zeros or '+'. */
void canon_bigint(struct buf *out, struct str digits);
void canon_str(struct buf *out, struct str bytes);
void canon_digest(struct buf *out, struct digest digest);
void canon_list(struct buf *out, size_t count);
void canon_map(struct buf *out, size_t count);

enum canon_kind {
    CANON_END, /* nothing left */
    CANON_NULL,
    CANON_BOOL,
    CANON_INT,
    CANON_REAL,
    CANON_BIGINT,
    CANON_STR,
    CANON_DIGEST,
    CANON_LIST,
    CANON_MAP,
};

/* A position in bytes that outlive it; results borrow from them. Every read is bounds-checked and
 * fails with ERROR_STORED. */
struct canon_reader {
    const unsigned char *at;
    const unsigned char *end;
};

struct canon_reader canon_reader_of(struct str bytes);

/* Kind of the next item without consuming it; CANON_END at the end or at an unknown tag. */
enum canon_kind canon_next(const struct canon_reader *reader);
FALLIBLE canon_read_null(struct canon_reader *reader);
FALLIBLE canon_read_bool(struct canon_reader *reader, bool *ret);
FALLIBLE canon_read_int(struct canon_reader *reader, int64_t *ret);
FALLIBLE canon_read_real(struct canon_reader *reader, double *ret); /* accepts INT too */
FALLIBLE canon_read_bigint(struct canon_reader *reader, struct str *ret_digits);
FALLIBLE canon_read_str(struct canon_reader *reader, struct str *ret);
FALLIBLE canon_read_digest(struct canon_reader *reader, struct digest *ret);

/* The count is at most the number of bytes left, so it is safe to allocate by. */
FALLIBLE canon_read_list(struct canon_reader *reader, size_t *ret_count);
FALLIBLE canon_read_map(struct canon_reader *reader, size_t *ret_count);

/* A key of a map: a string that sorts behind `*previous` (zero before the first key), which it then
 * replaces. Whatever reads a map reads its keys by this, so that equal maps have equal bytes. */
FALLIBLE canon_read_key(struct canon_reader *reader, struct str *previous, struct str *ret);

/* Passes over one whole item and gives its bytes; what is nested is checked too. No recursion;
 * deeper than LIMIT_CANON_DEPTH is an error. */
FALLIBLE canon_read_item(struct canon_reader *reader, struct str *ret);

/* Reads a string and demands that it equals `tag`, whose trailing digits are its version; the same
 * tag with a higher version gives an error that says "written by a newer version". */
FALLIBLE canon_expect_tag(struct canon_reader *reader, struct str tag);

/* Nothing may follow. */
FALLIBLE canon_expect_end(const struct canon_reader *reader);
