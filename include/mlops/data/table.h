/* Tables as streams of record batches: CSV and TSV (RFC 4180 and Table Dialect), JSON Lines, JSON
 * arrays; gzip and zstd by their magic bytes. One pass, bounded memory, several threads, and the
 * SHA-256 of the file's bytes as they are on the disk in the same pass.
 *
 * Rows are counted in records from 1, header and comment records included; a quoted line break does
 * not count. What is no table stops the scan with an error that names file, line and record: a NUL
 * byte, bytes that are not UTF-8 (or not the dialect's encoding), a quote that is never closed, a
 * field or record above its limit, broken JSON, a truncated or damaged compressed stream. What is a
 * table with faults is told per record: too few or too many cells, blank records, a stray quote. */
#pragma once

#include "mlops/codec/digest.h"
#include "mlops/data/dialect.h"

struct observer;
struct table_reader;

/* What stands in a cell. All but TEXT come from JSON, NULL also from null_sequence. */
enum raw_kind {
    RAW_TEXT,
    RAW_MISSING, /* the record ends before it; the object has no such key */
    RAW_NULL,
    RAW_NUMBER, /* its source text */
    RAW_TRUE,
    RAW_FALSE,
    RAW_ARRAY, /* its source text */
    RAW_OBJECT,
};

struct raw_cell {
    uint32_t at;       /* in batch->text */
    uint32_t len : 28; /* LIMIT_FIELD_BYTES < 2^28 */
    uint32_t kind : 4; /* enum raw_kind */
};

/* A record with a fault, in order. A JSON object may bring keys that are no column: they count as
 * cells beyond the columns. */
struct odd_record {
    uint32_t record;      /* in the batch */
    uint32_t cell_count;  /* as found, 0: a blank record */
    bool has_stray_quote; /* in cell `stray_cell` (from 0); read as it stands */
    uint32_t stray_cell;
};

/* Records of one stretch of the file. Valid while the callback it was given to runs. */
struct record_batch {
    const struct table_reader *table;
    const char *text;
    const struct raw_cell *cells; /* record after record, column_count each */
    size_t record_count, column_count;
    uint64_t index;        /* of the batch in the file, from 0 */
    uint64_t first_row;    /* row number of record 0 if none was skipped in between */
    const uint32_t *rows;  /* NULL, or per record: its row number less first_row */
    uint64_t first_line;   /* line of the file where the batch begins */
    const uint32_t *lines; /* NULL, or per record: its line less first_line; see batch_line */
    const struct odd_record *odd;
    size_t odd_count;
    bool is_ascii;
};

static inline const struct raw_cell *batch_cell(const struct record_batch *batch, size_t record,
                                                size_t column)
{
    return &batch->cells[record * batch->column_count + column];
}

static inline struct str raw_text(const struct record_batch *batch, const struct raw_cell *cell)
{
    return (struct str){batch->text + cell->at, cell->len};
}

static inline uint64_t batch_row(const struct record_batch *batch, size_t record)
{
    return batch->first_row + (batch->rows ? batch->rows[record] : record);
}

/* The line of the file on which a record begins, from 1. Linear in the batch: for messages. */
uint64_t batch_line(const struct record_batch *batch, size_t record);

struct table_options {
    struct dialect dialect;
    struct str name;                 /* in messages; empty: the path */
    bool takes_digest;               /* table_digest answers after the scan */
    int threads;                     /* of a scan; 0: one per cpu; 1: the caller only */
    const struct observer *observer; /* progress by bytes of the file; may be NULL */
    int64_t batch_bytes;             /* 0: the best; tests take small ones */
    bool is_scalar;                  /* no SIMD: tests compare */
    bool is_narrow;                  /* no SIMD but what every machine has: likewise */
};

/* Opens a regular file and reads its header. Columns of a JSON table are the keys in order of their
 * first appearance in the first LIMIT_JSON_KEYS_RECORDS records. ERROR_MACHINE: not readable, no
 * regular file; ERROR_PROJECT: no table. A file without a byte is an error; one with a header and
 * no records is none. */
FALLIBLE table_open(struct arena *arena, int at_fd, struct str path,
                    const struct table_options *options, struct table_reader **ret);
void table_drop(struct table_reader **table);

/* The first bytes of a file, unpacked and in UTF-8, `most` of them or fewer: for guesses. */
FALLIBLE table_peek(struct arena *arena, int at_fd, struct str path,
                    const struct table_options *options, size_t most, struct str *ret);

/* Labels as they stand in the header (several header rows joined); without a header "field1",
 * "field2", ...: has_labels is false. */
const struct str *table_labels(const struct table_reader *table, size_t *ret_count);
bool table_has_labels(const struct table_reader *table);
struct str table_name(const struct table_reader *table);
uint64_t
table_header_row(const struct table_reader *table); /* of the last header record; 0: none */

/* How many batches may be in work at once: slots are numbered [0, table_slots). A worker is one
 * thread's share: [0, table_workers). */
size_t table_slots(const struct table_reader *table);
size_t table_workers(const struct table_reader *table);

/* What a scan calls. `visit` runs in any thread, for several batches at once, each with its own
 * slot and worker; what it keeps per batch stands in memory of the slot, what it adds up without
 * regard to order in memory of the worker. `commit` runs one batch at a time in order of the file,
 * the batch still being valid. Results must not depend on the number of threads: whatever is not
 * commutative and exact (sums of reals) belongs in `commit`. Either may be NULL. An error stops the
 * scan. */
struct table_visitor {
    void *context;
    FALLIBLE (*visit)(void *context, size_t worker, size_t slot, const struct record_batch *batch);
    FALLIBLE (*commit)(void *context, size_t slot, const struct record_batch *batch);
};

/* Reads all records, once per table_open. */
FALLIBLE table_scan(struct table_reader *table, const struct table_visitor *visitor);

/* After a scan. */
uint64_t table_record_count(const struct table_reader *table);
uint64_t table_byte_count(const struct table_reader *table);                 /* of the file */
FALLIBLE table_digest(const struct table_reader *table, struct digest *ret); /* takes_digest */
