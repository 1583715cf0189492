/* The footer of a Parquet file: any bytes give columns that keep their promises, or an error. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/data/parquet.h"

#include <math.h>

#include "replay.h"

static void check_column(const struct parquet *parquet, const struct parquet_column *column)
{
    check(column->null_count <= parquet->row_count);
    check(column->has_null_count || column->null_count == 0);
    check(!column->has_numbers || column->has_bounds);
    check(!column->has_numbers || column->min <= column->max);
    check(column->physical.len && column->type < TYPE_COUNT);
    check(str_is_utf8(column->name) && str_is_utf8(column->min_text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct parquet parquet;
    struct profile profile;
    struct str footer = {(const char *)data, size};
    struct error *error = parquet_parse(&arena, STR("fuzz.parquet"), footer, &parquet);
    if (error) {
        check(error->code == ERROR_PROJECT);
        error_drop(error);
        return 0;
    }
    for (size_t i = 0; i < parquet.column_count; i++)
        check_column(&parquet, &parquet.columns[i]);
    parquet_profile(&arena, &parquet, &profile);
    check(profile.column_count == parquet.column_count);
    return 0;
}
