/* One pass over a table that yields all that is asked of it: its profile, its violations of a
 * schema, marks of its rows for comparisons with other tables. Nothing here judges. */
#pragma once

#include "mlops/data/conform.h"
#include "mlops/data/profile.h"

/* Marks of the rows of a table: by all columns but `except`, or by `only`. */
struct measure_rows {
    struct text_list only, except;
};

struct measure_options {
    struct table_options table;
    const struct table_schema *schema; /* NULL: none */
    bool checks_form; /* without a schema: labels and the number of cells are looked at */
    const struct conform_resource *resources;
    size_t resource_count;
    bool keeps_all;
    bool no_profile;
    size_t columns_most;             /* a table of more is an error; 0: LIMIT_TABLE_COLUMNS */
    const struct measure_rows *rows; /* one keyset is made for each */
    size_t rows_count;
    struct keyset_options keys;
};

struct measured {
    struct profile profile;
    bool has_conformity;
    struct conformity conformity;
    struct keyset **rows; /* as many as asked for, finished */
    size_t rows_count;
};

FALLIBLE measure_table(struct arena *arena, int at_fd, struct str path,
                       const struct measure_options *options, struct measured *ret);
void measured_drop(struct measured *measured);
