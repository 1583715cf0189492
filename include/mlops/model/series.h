/* Tables of small files that people plot: CSV, TSV, JSON Lines, and lists of objects in JSON and
 * YAML, as columns of texts and numbers. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/vec.h"

struct series_column {
    struct str name;
    struct str *texts; /* empty: absent */
    double *numbers;   /* NaN where the text is none */
    bool is_numeric;   /* every text that is there is a number, and there is one */
};

VEC(series_columns, struct series_column);

struct series {
    struct series_columns columns; /* in order of appearance */
    size_t row_count;
};

/* By the suffix of `path`: .csv, .tsv, .jsonl, .ndjson, .json, .yaml, .yml. In JSON and YAML the
 * first list of maps counts, wherever it is; maps within rows are flattened with dots.
 * Without a header the columns of CSV and TSV are "0", "1", ... ERROR_PROJECT: not one of them, no
 * rows to be found, more than LIMIT_PLOT_CELLS cells, or than four times as many with empty ones.
 */
FALLIBLE series_parse(struct arena *arena, struct str path, struct str bytes, bool has_header,
                      struct series *ret);

const struct series_column *series_find(const struct series *series, struct str name);
