/* The footer of a Parquet file (format 2.x: "PAR1", Thrift compact protocol): schema, number of
 * rows, and per column nulls, least and largest value out of the statistics of the row groups. The
 * values are not read. Also of encrypted files with a plain footer; an encrypted footer ("PARE") is
 * refused. */
#pragma once

#include "mlops/data/conform.h"
#include "mlops/data/profile.h"

/* A column of the table: a leaf of the file's schema, or a list or map as a whole. */
struct parquet_column {
    struct str name;              /* of a leaf in a struct: its path joined by dots */
    struct str physical, logical; /* "INT64", "TIMESTAMP(MICROS)"; logical may be empty */
    enum field_type type;         /* of Table Schema */
    bool is_required, is_repeated;
    bool has_null_count, has_bounds; /* told by all row groups */
    uint64_t null_count;
    bool has_numbers; /* bounds on the axis of column_data */
    double min, max;
    struct str min_text, max_text; /* as Table Schema writes them; of texts maybe cut */
};

struct parquet {
    struct str name; /* of the file */
    uint64_t row_count, group_count, byte_count;
    struct str created_by;
    const struct parquet_column *columns;
    size_t column_count;
};

/* ERROR_PROJECT: no Parquet, truncated, damaged. Bounded by LIMIT_PARQUET_FOOTER_BYTES. */
FALLIBLE parquet_open(struct arena *arena, int at_fd, struct str path, struct parquet *ret);

/* The footer alone: for fuzzing. */
FALLIBLE parquet_parse(struct arena *arena, struct str name, struct str footer,
                       struct parquet *ret);

/* Its columns as a profile: counts and bounds; what needs values is absent. */
void parquet_profile(struct arena *arena, const struct parquet *parquet, struct profile *ret);

/* What the footer says about a schema: labels, types, nulls where required, bounds. Violations have
 * row 0: the footer knows no rows; of a bound that is broken it is only known that some value does.
 * What it does not answer is named in `ret_unchecked`: "name: pattern (needs the values)". */
FALLIBLE parquet_conform(struct arena *arena, const struct table_schema *schema,
                         const struct parquet *parquet, struct conformity *ret,
                         struct text_list *ret_unchecked);
