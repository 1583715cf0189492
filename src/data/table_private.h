/* Shared by the files of module table.
 *
 * Bytes come out of a `source` (descriptor, gzip or zstd, encoding). One thread at a time fills a
 * slot with them and cuts it behind its last complete record (`cut`), which also marks where cells
 * and records end; the rest is carried over to the next slot. Cells are made of the marks later, by
 * many threads (`split`). */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/data/table.h"
#include "mlops/host/path.h"

enum {
    TABLE_BATCH_BYTES = 262144, /* with its marks and cells it stays in the second cache */
    TABLE_BATCH_CELLS = 131072, /* of records that are shorter than their columns: more batches */
    TABLE_BATCH_RECORDS_LEAST = 8, /* each costs as much as its columns, however short they are */
    TABLE_SLACK_BYTES = 128,       /* readable behind the text: whole words, a terminator */
    WORD_BITS = 64,
};

/* ---- source: the plain UTF-8 bytes of a file, without a byte order mark ---- */

struct table_source;

FALLIBLE source_open(int at_fd, const char *path, const struct table_options *options,
                     struct table_source **ret);
void source_drop(struct table_source **source);

/* At most `room` bytes; *ret_got 0 at the end. What was readable before a fault is given before it
 * is told: ERROR_MACHINE (not readable) or ERROR_PROJECT (damaged, another encoding). */
FALLIBLE source_read(struct table_source *source, char *to, size_t room, size_t *ret_got);

/* Begins again with the first byte. */
FALLIBLE source_rewind(struct table_source *source);
uint64_t source_done_bytes(const struct table_source *source);  /* of the file, read so far */
uint64_t source_total_bytes(const struct table_source *source); /* of the file when opened */
struct digest source_digest(struct table_source *source);       /* once, at the end */

/* ---- slots and cuts ---- */

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_WORKING, SLOT_DONE };

/* What lies before the end of the last complete record. */
struct cut {
    size_t bytes;        /* up to behind its terminator */
    size_t record_count; /* comments included */
    size_t cell_count;   /* marks in `ends` */
    size_t line_count;   /* line breaks, quoted ones too */
    size_t quote_at;     /* of a quote that is never closed, where `is_open` */
    bool is_open;
    bool is_regular; /* no quote is at a wrong place: cells may be split the fast way */
    bool is_ascii;
    bool has_nul; /* perhaps */
};

struct table_slot {
    struct record_batch batch;
    enum slot_state state;
    struct cut cut;
    char *text;
    size_t len, cap;  /* cap: without the slack */
    uint64_t *ends;   /* a bit per byte: a cell ends before it */
    uint64_t *breaks; /* a record ends before it; also in `ends` (not of JSON) */
    uint64_t *quotes; /* a quote; only of the fast way */
    struct raw_cell *cells;
    size_t cell_cap;
    uint32_t *rows, *lines; /* per record, where needed */
    size_t record_cap;
    struct odd_record *odd;
    size_t odd_count, odd_cap;
    size_t decoded_lines; /* line breaks in `text` that are none of the file: of JSON's strings */
    struct error *error;  /* of this batch, told when its turn has come */
};

void slot_drop(struct table_slot *slot);

/* Room for `bytes` of text and its marks; what is there stays. */
void slot_reserve(struct table_slot *slot, size_t bytes);

/* Gives back what one large record took. */
void slot_shrink(struct table_slot *slot, size_t batch_bytes);
void slot_reserve_cells(struct table_slot *slot, size_t count);
void slot_reserve_records(struct table_slot *slot, size_t count);
struct odd_record *slot_add_odd(struct table_slot *slot, uint32_t record);

/* ---- the reader ---- */

/* A dialect as the inner loops want it. */
struct csv_form {
    struct str delimiter, terminator, null_sequence, comment;
    bool has_quote, has_escape, has_null;
    char quote, escape;
    bool doubles_quotes, skips_space;
    bool takes_crlf; /* "\n", with or without "\r" before it */
    bool is_plain;   /* the fast way can read it */
    bool is_wide;    /* by wider registers, with instructions that count bits */
};

enum json_place { JSON_BEFORE, JSON_INSIDE, JSON_BEHIND };

struct table_reader {
    struct arena *arena;
    struct table_options options;
    const char *name; /* for messages */
    struct table_source *source;
    struct csv_form form;
    char line_end;  /* what a line of the file ends with */
    bool is_object; /* records of JSON are objects */
    enum json_place json_place;
    bool json_needs_value; /* behind a comma */
    size_t json_depth;     /* objects around the list */
    struct map columns;    /* of objects: label -> number + 1 */
    struct str *labels;
    size_t column_count;
    bool has_labels;
    uint64_t header_row;
    struct buf carry; /* what was read behind the last cut, from `carry_from` on */
    size_t carry_from;
    bool is_source_over, is_over, is_scanned;
    bool is_closed;      /* the last record has got a terminator */
    struct error *fault; /* of the source, not told yet */
    struct digest digest;
    uint64_t next_row, next_line, next_index;
    uint64_t record_count;
    size_t batch_bytes;
    size_t wanted_bytes; /* of the next batch */
    struct table_slot *slots;
    size_t slot_count, worker_count;
};

/* Fills a slot with the next records, `records_most` of them at most; none: the table is over. */
FALLIBLE table_fill(struct table_reader *table, struct table_slot *slot, size_t records_most);

static inline bool table_is_all_read(const struct table_reader *table)
{
    return table->is_source_over && table->carry_from == table->carry.len;
}

/* Begins again with the first byte. */
FALLIBLE table_rewind(struct table_reader *table);

/* Whether a filled slot's bytes are UTF-8 and text. If not, only the records before stay in it:
 * what is wrong with them comes first. */
FALLIBLE table_check_bytes(const struct table_reader *table, struct table_slot *slot);

/* The error of records, if there is one, else that of bytes behind them; the other is dropped. */
FALLIBLE table_first_error(struct error *bytes, struct error *records);

/* How many bytes from the start are well-formed. */
size_t utf8_valid(const char *text, size_t len);
bool text_is_ascii(const char *text, size_t len);

/* Checks a filled slot's bytes and makes cells of them. */
FALLIBLE table_split(const struct table_reader *table, struct table_slot *slot);

/* ERROR_PROJECT at a byte of a slot's text, as filled: "FILE:LINE: record N: ...". */
ERROR_MADE table_error(const struct table_reader *table, const struct table_slot *slot, size_t at,
                       const char *format, ...) PRINTF_LIKE(4, 5);
ERROR_MADE table_error_at(const struct table_reader *table, uint64_t row, uint64_t line,
                          struct error *cause);

uint64_t table_count_lines(const struct table_reader *table, const char *at, const char *end);

/* ---- formats ---- */

struct csv_form csv_form_of(const struct table_options *options);

/* Marks ends and breaks in slot->text and sets slot->cut, at most `records_most` records. */
void csv_cut(const struct csv_form *form, struct table_slot *slot, size_t records_most);
void csv_cut_scalar(const struct csv_form *form, struct table_slot *slot, size_t records_most);
/* False: a quote is where none should be. */
bool csv_cut_fast(const struct csv_form *form, struct table_slot *slot, size_t records_most);
FALLIBLE csv_split(const struct table_reader *table, struct table_slot *slot);
bool csv_split_fast(const struct table_reader *table, struct table_slot *slot);

bool csv_is_comment(const struct csv_form *form, const char *text, size_t from, size_t to);

/* Whether the record of a row, which begins at `from`, is a comment. */
bool csv_is_skipped(const struct table_reader *table, const struct table_slot *slot, size_t from,
                    uint64_t row);

/* The cell between two marks; a quote at a wrong place is told. */
struct raw_cell csv_cell(const struct csv_form *form, char *text, size_t from, size_t to,
                         bool *ret_stray);

/* The same of JSON: a mark behind each record. */
FALLIBLE json_cut(struct table_reader *table, struct table_slot *slot, size_t records_most);

/* When the file is over: whether its document is. */
FALLIBLE json_check_end(const struct table_reader *table, const struct table_slot *slot);
FALLIBLE json_split(const struct table_reader *table, struct table_slot *slot);

/* ---- the head of a table ---- */
FALLIBLE table_read_head(struct table_reader *table);

/* The columns of a table of objects; *ret_known false: its records are lists, with a header as in
 * CSV. */
FALLIBLE json_read_head(struct table_reader *table, struct table_slot *slot, bool *ret_known);

/* ---- marks ---- */
static inline void mark_set(uint64_t *marks, size_t at)
{
    marks[at / WORD_BITS] |= (uint64_t)1 << (at % WORD_BITS);
}

static inline bool mark_is(const uint64_t *marks, size_t at)
{
    return marks[at / WORD_BITS] >> (at % WORD_BITS) & 1;
}

/* The first mark at or behind `at`; there must be one. */
static inline size_t mark_next(const uint64_t *marks, size_t at)
{
    size_t word = at / WORD_BITS;
    uint64_t left = marks[word] & (~(uint64_t)0 << (at % WORD_BITS));
    while (!left)
        left = marks[++word];
    return word * WORD_BITS + (size_t)__builtin_ctzll(left);
}
