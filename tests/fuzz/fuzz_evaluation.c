/* Evaluation files: any bytes give one or an error; one is written as bytes that read back to the
 * same, and can be drawn. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/check.h"
#include "mlops/codec/json.h"
#include "mlops/data/evaluation.h"

#include "replay.h"

static struct str written(struct arena *arena, const struct evaluation *evaluation)
{
    struct buf text = buf_in(arena);
    struct json_writer json = {.out = &text};
    evaluation_write(&json, evaluation);
    return buf_str(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct evaluation first, again;
    struct chart_file *files;
    size_t count;
    struct str bytes = {(const char *)data, size};
    struct error *error = evaluation_parse(&arena, STR("fuzz.json"), bytes, &first);
    if (error) {
        error_drop(error);
        return 0;
    }
    struct str text = written(&arena, &first);
    error = evaluation_parse(&arena, STR("again.json"), text, &again);
    check(!error);
    check(str_equal(text, written(&arena, &again)));
    evaluation_charts(&arena, &first, &again, STR("a"), STR("b"), &files, &count);
    return 0;
}
