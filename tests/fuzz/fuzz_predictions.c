/* Any bytes as a file of predictions, the first byte says of which task: arrays that hold what
 * their header says and metrics that can be taken of them, or an error with a place. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/error.h"
#include "mlops/data/score.h"

#include <math.h>

#include "replay.h"

static void check_classes(const struct predictions *predictions)
{
    check(predictions->class_count > 0);
    check(predictions->task != TASK_BINARY || predictions->class_count == 2);
    for (size_t i = 0; i < predictions->count; i++) {
        check(predictions->labels[i] < predictions->class_count);
        check(predictions->predicted[i] < predictions->class_count);
        check(!predictions->scores || isfinite(predictions->scores[i]));
    }
    for (size_t i = 1; i < predictions->class_count; i++)
        check(!str_equal(predictions->classes[i - 1], predictions->classes[i]));
}

static void check_all(struct arena *arena, const struct predictions *predictions)
{
    size_t count = 0;
    check(predictions->count > 0);
    for (size_t i = 0; predictions->weights && i < predictions->count; i++)
        check(predictions->weights[i] >= 0);
    for (size_t i = 0; i < predictions->slice_count; i++)
        for (size_t row = 0; row < predictions->count; row++)
            check(predictions->slices[i].of_row[row] < predictions->slices[i].value_count);
    if (predictions->task != TASK_REGRESSION)
        check_classes(predictions);
    struct scorer *scorer = scorer_make(arena, predictions);
    score_rows(&count);
    for (size_t i = 0; i < count; i++)
        (void)scorer_value(scorer, i, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    static const struct str slice = STR_ROW("slice");
    struct predictions predictions;
    if (size < 1)
        return 0;
    struct predictions_options options = {
        .task = (enum task)(data[0] % TASK_COUNT),
        .slices = &slice,
        .slice_count = data[0] / TASK_COUNT % 2,
        .threshold = data[0] & 64 ? 0.25 : 0,
        .table = {.threads = 1},
    };
    struct str path = data[0] & 32 ? STR("p.jsonl") : STR("p.csv");
    struct str bytes = {(const char *)data + 1, size - 1};
    struct error *error = predictions_parse(&arena, path, bytes, &options, &predictions);
    check(!error || error->code == ERROR_PROJECT);
    if (!error)
        check_all(&arena, &predictions);
    error_drop(error);
    return 0;
}
