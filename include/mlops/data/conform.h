/* Does a table conform to its schema? Violations of labels, cells, rows and keys, in the words of
 * frictionless: type-error, constraint-error (with the constraint), unique-error, primary-key,
 * unique-key, foreign-key, blank-row, missing-cell, extra-cell, blank-label, duplicate-label,
 * incorrect-label, missing-label, extra-label, unmatched-header. Ours: stray-quote (a warning). */
#pragma once

#include "mlops/data/cast.h"
#include "mlops/data/keyset.h"

#define CONFORM_SHOWN 20 /* records kept of each group */

struct conformer;
struct json_writer;

struct violation {
    uint64_t row;           /* 0: of the header or the whole table */
    uint64_t line;          /* of the file, where the record begins; 0: not told */
    uint64_t field;         /* from 1, the column of the file; 0: the whole row */
    const char *type;       /* one of the words above; static */
    const char *constraint; /* of constraint-error: "required", "minimum", ...; else NULL; static */
    struct str name;        /* of the field; empty: none */
    struct str value;       /* as in the file, cut to LIMIT_SHOWN_BYTES; of keys the cells joined */
    bool has_value;
};

/* Violations of one field and kind. `shown` holds the first CONFORM_SHOWN by row. */
struct violation_group {
    uint64_t field;
    struct str name;
    const char *type, *constraint;
    struct str expected; /* for people: "an integer", "at most 10", "one of red, green" */
    bool is_warning;     /* counted apart: the table conforms all the same */
    uint64_t count;
    const struct violation *shown;
    size_t shown_count;
};

struct conformity {
    uint64_t count; /* all violations; 0: the table conforms */
    uint64_t warning_count;
    const struct violation_group *groups; /* the header's, of columns by kind, of whole rows */
    size_t group_count;
    const struct violation *all; /* keeps_all: by row, then field; warnings left out */
    size_t all_count;            /* at most LIMIT_KEPT_VIOLATIONS: less than `count` if cut */
};

/* Another table that foreign keys name. */
struct conform_resource {
    struct str name;
    struct str path;
    struct table_options options;
    const struct table_schema *schema; /* NULL: its cells are read as those that refer to them */
};

struct conform_options {
    const struct table_schema *schema;
    bool is_form_only; /* of no fields: labels, missing and extra cells are told all the same */
    const struct table_reader *table;
    const struct conform_resource *resources;
    size_t resource_count;
    bool keeps_all;
    struct keyset_options keys; /* memory: of all keys of the table together */
    int at_fd;                  /* what paths are relative to */
    struct str path;            /* of the table itself, whose repeated keys are read again ... */
    const struct table_options *again; /* ... like this; NULL: they are told without values */
};

/* Compares the labels, makes the casters, reads the keys of the resources that are needed. */
FALLIBLE conformer_open(struct arena *arena, const struct conform_options *options,
                        struct conformer **ret);
void conformer_drop(struct conformer **conformer);

/* Which field of the schema a column of the file is, or NULL: it is none of them. */
const struct schema_field *conformer_field(const struct conformer *conformer, size_t column);
const struct caster *conformer_caster(const struct conformer *conformer, size_t column);

/* For visit: a column, when it has been cast; then, when all have, the rows. */
FALLIBLE conformer_visit_column(struct conformer *conformer, size_t worker, size_t slot,
                                const struct record_batch *batch, size_t column,
                                const struct column_data *data);
FALLIBLE conformer_visit_rows(struct conformer *conformer, size_t worker, size_t slot,
                              const struct record_batch *batch);
FALLIBLE conformer_commit(struct conformer *conformer, size_t slot,
                          const struct record_batch *batch);

/* Keys are judged here; values of repeated keys are read again from the file. */
FALLIBLE conformer_finish(struct conformer *conformer, struct arena *arena, struct conformity *ret);
