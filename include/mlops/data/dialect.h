/* How a table's bytes are to be read: Table Dialect v2 (datapackage.org/standard/table-dialect) and
 * what a Data Resource adds to it (format, encoding). Nothing is guessed: the format follows from
 * the file's name (.csv .tsv .tab .jsonl .ndjson .json .parquet, each also with .gz or .zst behind
 * it), the rest from the dialect or its defaults. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"

struct arena;
struct binder;
struct doc_node;

enum table_format {
    TABLE_UNKNOWN, /* by the file's name */
    TABLE_CSV,     /* also TSV: that is a delimiter */
    TABLE_JSON_LINES,
    TABLE_JSON, /* one array of records, or an object that holds it (`property`) */
    TABLE_PARQUET,
};

/* What a record of JSON is; DIALECT_ANY: as the first one is. */
enum dialect_item { DIALECT_ANY, DIALECT_ARRAY, DIALECT_OBJECT };

/* A row number (from 1) of the file, records counted. */
struct dialect_rows {
    const int64_t *at; /* ascending */
    size_t len;
};

struct dialect {
    enum table_format format;
    struct str encoding; /* as iconv knows it; empty: UTF-8 */
    bool has_header;
    struct dialect_rows header_rows; /* {1} */
    struct str header_join;          /* " " */
    struct dialect_rows comment_rows;
    struct str comment_char;    /* empty: none */
    struct str delimiter;       /* ","; any length from 1 */
    struct str line_terminator; /* "\r\n" and "\n" read both; others as they are */
    struct str quote_char;      /* empty: nothing is quoted */
    bool double_quote;          /* `""` inside quotes is one quote */
    struct str escape_char;     /* empty: none */
    struct str null_sequence;   /* a cell without quotes that is null; has_null_sequence */
    bool has_null_sequence;
    bool skip_initial_space;
    struct str property; /* JSON: a dotted path to the array; empty: the document itself */
    enum dialect_item item_type;
    const struct str *item_keys; /* JSON objects: which keys, in this order; NULL: all */
    size_t item_key_count;
};

/* The defaults, with format and delimiter (a tab for .tsv and .tab) by the name of the file. */
struct dialect dialect_for(struct str path);

/* Binds a dialect descriptor over *dialect (made by dialect_for). Unknown keys, wrong types,
 * characters that are too long or clash are added to the binder's errors; `$schema`, `name`,
 * `title`, `description` are accepted; `table`, `sheetNumber`, `sheetName` are refused with what to
 * do. `format` and `encoding`, which a Data Resource has beside its dialect, are taken here, too.
 */
void dialect_bind(struct binder *binder, const struct doc_node *node, struct dialect *dialect);

/* Reads a descriptor file (JSON or YAML). ERROR_PROJECT if it is wrong or not there. */
FALLIBLE dialect_load(struct arena *arena, int at_fd, struct str path, struct dialect *dialect);
