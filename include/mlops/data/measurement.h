/* What a built-in validate stage measured: for each of its tables the profile, the violations of
 * its schema, rows that repeat; rows that two tables share; profiles of the files that are
 * references. Made by the measuring process, kept as an output of the stage (docs/formats.md,
 * "Measurement"), judged anew by every run. Nothing in it depends on a threshold, the clock or an
 * earlier run. */
#pragma once

#include "mlops/data/measure.h"

/* Rows of one table that were found again. */
struct found_rows {
    struct text_list fields, except; /* compared by these, or by all but those */
    uint64_t count;
    const uint64_t *shown; /* rows of the table, ascending: the first of them */
    size_t shown_count;
};

struct table_measurement {
    struct str name, path;
    struct str fault; /* why it is no table; all below is empty then */
    struct profile profile;
    bool has_conformity;
    bool is_form_only; /* there is no schema: labels and the number of cells were looked at */
    struct conformity conformity;
    struct text_list unchecked; /* constraints that the footer of a Parquet file can't tell */
    bool is_footer;             /* of a Parquet file: no values were read */
    const struct found_rows *repeats;
    size_t repeats_count;
};

/* Rows or keys of table `into` that are in table `from`. */
struct leak_measurement {
    struct str from, into;
    struct found_rows rows;
};

struct reference_measurement {
    struct str path;
    struct str fault;
    struct profile profile;
};

struct measurement {
    const struct table_measurement *tables;
    size_t table_count;
    const struct leak_measurement *leaks;
    size_t leak_count;
    const struct reference_measurement *references;
    size_t reference_count;
};

struct measurement_options {
    int at_fd;   /* the project's root, which all paths are relative to */
    int threads; /* as struct table_options */
    const struct observer *observer;
    int64_t keys_bytes; /* as struct keyset_options, for each set */
};

/* Does what a measuring part (model/checks) says. A file that is no table is a fault in the result;
 * a schema or dialect that is wrong is an error (ERROR_PROJECT), as is what the machine refuses. */
FALLIBLE measurement_make(struct arena *arena, struct str measuring,
                          const struct measurement_options *options, struct measurement *ret);

/* As JSON, deterministic, and back (ERROR_STORED). */
void measurement_write(struct json_writer *json, const struct measurement *measurement);
FALLIBLE measurement_parse(struct arena *arena, struct str name, struct str bytes,
                           struct measurement *ret);

const struct table_measurement *measurement_find(const struct measurement *measurement,
                                                 struct str name);
