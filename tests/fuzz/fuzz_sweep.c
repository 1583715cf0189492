/* Sweeps: the first line as a word of the command line, all of it as a sweep file. What is taken is
 * printed and read back as the same, and proposes values of its own ranges. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/model/sampler.h"

#include "replay.h"

static void check_errors(struct error *errors)
{
    for (const struct error *error = errors; error; error = error->next)
        check(error->text[0] && (error->mark.line >= 1 || !error->mark.file));
    error_drop(errors);
}

/* What was printed is a word that prints the same. */
static void check_dimension(struct arena *arena, const struct dimension *dimension)
{
    struct dimension again = {0};
    struct override fixed = {0};
    bool is_fixed = true;
    struct str word = dimension_print(arena, dimension);
    struct error *error = dimension_parse(arena, word, &again, &fixed, &is_fixed);
    check(!error && !is_fixed && str_equal(dimension_print(arena, &again), word));
}

static void check_word(struct arena *arena, struct str word)
{
    struct dimension dimension = {0};
    struct override fixed = {0};
    bool is_fixed = true;
    struct error *error = dimension_parse(arena, word, &dimension, &fixed, &is_fixed);
    if (!error && !is_fixed)
        check_dimension(arena, &dimension);
    check_errors(error);
}

/* A random trial, so that every kind of range is drawn from. */
static void check_proposal(struct arena *arena, struct sweep *sweep)
{
    struct override_vec overrides = {0};
    int64_t waits = -1;
    sweep->method = SWEEP_RANDOM;
    sweep->stop = STOP_NEVER;
    sweep->trials_most = 3;
    sweep->repeat = 1;
    struct error *error = sampler_propose(arena, sweep, 0, NULL, 0, &overrides, &waits);
    if (!error)
        check(waits == -1 && overrides.len >= sweep->dimensions.len + sweep->fixed.len);
    error_drop(error);
}

static struct error *check_file(struct arena *arena, struct str bytes)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_NATIVE, .nodes_most = 2000};
    struct sweep sweep = {0}, again = {0};
    TRY(doc_parse(arena, STR("sweep.yaml"), bytes, &options, &doc));
    TRY(sweep_bind(arena, doc->root, &sweep));
    struct str stored = sweep_print(arena, &sweep);
    struct error *error = sweep_parse(arena, stored, &again);
    check(!error && str_equal(sweep_print(arena, &again), stored));
    TRY(sweep_check(&sweep));
    int64_t count = 0;
    error = sampler_count(&sweep, &count);
    check(error || count >= 0);
    error_drop(error);
    check_proposal(arena, &sweep);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str bytes = {(const char *)data, size}, rest = bytes, line = {0};
    if (size == 0)
        return 0;
    (void)str_split(&rest, '\n', &line);
    check_word(&arena, line);
    check_errors(check_file(&arena, bytes));
    return 0;
}
