/* Metrics files of all kinds: whatever the bytes, metrics or one error; those of tables and lines
 * never an error. The first byte chooses the kind. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/metric.h"

#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"m.csv",  "m.tsv", "m.jsonl", "m.json",
                                        "m.toml", "m.txt", "m.yaml",  "m.py"};
    enum { TABLES = 3 };
    AUTO(arena_drop) struct arena arena = {0};
    struct metric_vec metrics = {0};
    if (size == 0)
        return 0;
    size_t kind = data[0] % COUNT_OF(names);
    struct str bytes = str_copy(&arena, (struct str){(const char *)data + 1, size - 1});
    struct error *error = metrics_parse(&arena, str_of(names[kind]), bytes, &metrics);
    check(!error || kind >= TABLES);
    error_drop(error);
    vec_each (const struct metric, metric, &metrics)
        metric_direction_of(metric->key);
    return 0;
}
