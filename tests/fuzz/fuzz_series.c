/* Plots files of all kinds: whatever the bytes, columns as long as the table or one error. The
 * first byte chooses the kind. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/series.h"

#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"m.csv", "m.tsv", "m.jsonl", "m.json", "m.yaml"};
    AUTO(arena_drop) struct arena arena = {0};
    struct series series = {0};
    if (size == 0)
        return 0;
    struct str bytes = str_copy(&arena, (struct str){(const char *)data + 1, size - 1});
    struct error *error = series_parse(&arena, str_of(names[data[0] % COUNT_OF(names)]), bytes,
                                       data[0] < 128, &series);
    check(error || (series.row_count && series.columns.len));
    error_drop(error);
    return 0;
}
