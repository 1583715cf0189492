/* Values to tables: one table value is printed aligned for people, or as CSV, Markdown or JSON. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/cli/context.h"
#include "mlops/codec/digest.h"
#include "mlops/codec/json.h"

enum tone {
    TONE_PLAIN,
    TONE_GOOD,
    TONE_BAD,
    TONE_WARN,
    TONE_DIM,
    TONE_STRONG,
};

enum cell_kind {
    CELL_NONE, /* empty; null in JSON */
    CELL_TEXT,
    CELL_INT,
    CELL_REAL,
    CELL_BOOL,
};

struct cell {
    enum cell_kind kind;
    enum tone tone;
    struct str text;  /* for people, not yet escaped; of CELL_TEXT also the value if `value` is 0 */
    struct str value; /* CELL_TEXT: what JSON and CSV say, if it differs from `text` */
    int64_t integer;
    double real;
};

struct column {
    const char *name;  /* in JSON and CSV: "duration_s" */
    const char *title; /* for people: "TIME"; NULL: not shown to people */
    bool is_right;     /* numbers */
    bool may_shrink;   /* cut with an ellipsis when the terminal is narrow */
    int drop;          /* left out when it is narrower still, the highest first; 0: never */
};

struct table {
    struct arena *arena;
    const struct column *columns;
    size_t column_count;
    struct cell *cells; /* row after row */
    size_t row_count, row_cap;
};

struct table table_make(struct arena *arena, const struct column *columns, size_t count);

/* A new row of empty cells, valid until the next one. */
struct cell *table_add(struct table *table);

struct cell cell_text(struct str text);
struct cell cell_shown(struct str text, struct str value); /* people see text, machines value */
struct cell cell_int(struct arena *arena, int64_t value);  /* people see 1,234 */
struct cell cell_int_shown(struct str text, int64_t value);
struct cell cell_real(struct arena *arena, double value); /* shortest text */
struct cell cell_real_shown(struct str text, double value);
struct cell cell_bool(bool value);
struct cell cell_toned(struct cell cell, enum tone tone);

/* Prints a table in the context's format; as JSON an object {schema_version, <noun>: [rows]}. */
void report_table(struct context *context, const struct table *table, const char *noun);

/* The same of any number of rows, of which few are held: the first ones decide how wide columns are
 * on a terminal. Zero is no stream; AUTO(report_stream_drop). */
struct report_stream {
    struct context *context;
    const char *noun;
    struct arena memory; /* of the rows that are not printed yet: where their texts go */
    struct table table;
    int *widths;
    bool is_begun;
    struct json_writer json;
};
struct report_stream report_stream_make(struct context *context, const struct column *columns,
                                        size_t count, const char *noun);
void report_stream_drop(struct report_stream *stream);

/* A new row; what was added before may be printed and forgotten. Its texts go into
 * report_stream_arena, asked for behind it. */
FALLIBLE report_stream_add(struct report_stream *stream, struct cell **ret);
struct arena *report_stream_arena(struct report_stream *stream);

/* Prints what is left. Without it, of few rows none is printed. */
FALLIBLE report_stream_end(struct report_stream *stream);

/* The parts of it. Aligned text, with a title line unless `bare`. */
void report_text(struct context *context, const struct table *table, bool bare);
/* Some rows of a long table: `widths`, one a column, are decided by the first ones. */
void report_text_part(struct context *context, const struct table *table, bool bare, bool is_first,
                      int *widths);
void report_csv(struct buf *out, const struct table *table);
void report_csv_rows(struct buf *out, const struct table *table);
void report_markdown_rows(struct buf *out, const struct table *table);
void report_markdown(struct buf *out, const struct table *table);

/* Others' text on a line of Markdown or in a cell: nothing in it is markup. */
void report_markdown_text(struct buf *out, struct str text);
void report_json_rows(struct json_writer *json, const struct table *table);
void report_json_items(struct json_writer *json, const struct table *table); /* without [] */
void report_json_cell(struct json_writer *json, const struct cell *cell);

/* {"schema_version": 1, ... } with a line end. */
struct json_writer report_json_open(struct context *context);
void report_json_close(struct json_writer *json);

/* A line of `--progress=json`: begins with schema_version and event; report_json_close ends it. */
struct json_writer report_event_open(struct buf *out, const char *event);

/* "sha256:..." or null. */
void digest_json(struct json_writer *json, const char *name, struct digest digest);

/* Coloured where allowed. `text` is escaped. */
void report_add_toned(struct context *context, enum tone tone, struct str text);

/* Words wrapped to `width` behind an indent of `indent` blanks; the first line starts at column
 * `at`. */
void report_wrap(struct buf *out, struct str text, int indent, int at, int width);

/* A line of the answer, wrapped on a terminal, with `indent` blanks in front of the later lines;
 * `at` columns of the first are already there. Not escaped. */
void report_line(struct context *context, struct str text, int indent, int at);

/* Shortest decimal text that reads back equal; "nan" and "inf" for those. */
struct str report_real(struct arena *arena, double value);
/* Seconds with milliseconds, as a number for JSON. */
double report_seconds(int64_t duration_ns);
/* "2026-11-23 20:41:05" in local time. */
struct str report_when(struct arena *arena, int64_t moment_ns);

/* Under a name of the user's: a device or pipe is written into and a link followed, as a shell's >
 * does; a file is replaced at once. A directory is ERROR_USAGE. */
FALLIBLE report_save(struct context *context, struct str name, struct str bytes);

/* Such a device or pipe: nothing can lie beside it. */
bool report_is_stream(struct context *context, struct str name);
