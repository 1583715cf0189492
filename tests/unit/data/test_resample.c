/* Intervals: what they are worth, and that neither threads nor luck change them. */
#include "mlops/base/arena.h"
#include "mlops/data/resample.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

enum { ROWS = 2000 };

struct fixture {
    struct arena arena;
    struct predictions predictions;
    double *weights;
};

static void fixture_drop(struct fixture *fixture)
{
    arena_drop(&fixture->arena);
}

static double next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

/* Errors are uniform in [-1, 1]. */
static void open_regression(struct fixture *fixture, size_t count)
{
    double *targets = arena_new_array(&fixture->arena, double, count);
    double *values = arena_new_array(&fixture->arena, double, count);
    uint64_t random = 7;
    fixture->weights = arena_new_array(&fixture->arena, double, count);
    for (size_t i = 0; i < count; i++) {
        targets[i] = next_random(&random);
        values[i] = targets[i] + 2 * next_random(&random) - 1;
        fixture->weights[i] = i % 2;
    }
    fixture->predictions = (struct predictions){
        .task = TASK_REGRESSION, .count = count, .targets = targets, .values = values};
}

static void open_binary(struct fixture *fixture, size_t count, size_t positives)
{
    static const struct str classes[] = {STR_ROW("0"), STR_ROW("1")};
    uint32_t *labels = arena_new_array(&fixture->arena, uint32_t, count);
    uint32_t *predicted = arena_new_array(&fixture->arena, uint32_t, count);
    double *scores = arena_new_array(&fixture->arena, double, count);
    uint64_t random = 9;
    for (size_t i = 0; i < count; i++) {
        labels[i] = i < positives;
        scores[i] = next_random(&random);
        predicted[i] = scores[i] >= 0.5;
    }
    fixture->predictions = (struct predictions){
        .task = TASK_BINARY,
        .count = count,
        .threshold = 0.5,
        .classes = classes,
        .class_count = 2,
        .positive = 1,
        .labels = labels,
        .predicted = predicted,
        .scores = scores,
        .scores_are_probabilities = true,
    };
}

static size_t row_of(enum task task, const char *name)
{
    size_t row = 0;
    assert_true(score_find(task, str_of(name), &row));
    return row;
}

static struct interval interval_of(struct fixture *fixture, const char *name, const double *weights,
                                   double level)
{
    struct interval interval;
    size_t row = row_of(fixture->predictions.task, name);
    struct scorer *scorer = scorer_make(&fixture->arena, &fixture->predictions);
    assert_null(resample_intervals(scorer, &row, 1, weights, level, &interval));
    return interval;
}

static void wilson_is_that_of_scipy(void **state)
{
    (void)state;
    static const struct {
        double right, rows, level, low, high;
    } rows[] = {
        {0, 10, 0.95, 0, 0.27753279986288926},
        {10, 10, 0.95, 0.7224672001371109, 1},
        {1, 10, 0.9, 0.02263490873086718, 0.34771866733585843},
        {864, 1000, 0.95, 0.8413561843721773, 0.8838579354503384},
        {5, 7, 0.95, 0.3589344518326193, 0.9177810759959432},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct interval interval =
            resample_wilson(rows[i].right / rows[i].rows, rows[i].rows, rows[i].level);
        assert_true(fabs(interval.low - rows[i].low) < 1e-12);
        assert_true(fabs(interval.high - rows[i].high) < 1e-12);
        assert_string_equal(interval.method, "wilson");
    }
    assert_true(isnan(resample_wilson(NAN, 10, 0.95).low));
    assert_true(isnan(resample_wilson(0.5, 0, 0.95).low));
}

static void the_bootstrap_is_as_wide_as_theory_says(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_regression(&fixture, ROWS);
    struct interval interval = interval_of(&fixture, "mae", NULL, 0.95);
    /* |error| is uniform in [0, 1]: standard deviation 1 / sqrt(12) */
    double expected = 2 * 1.959964 / sqrt(12.0 * ROWS);
    assert_string_equal(interval.method, "bootstrap");
    assert_int_equal(interval.replicates, 2000);
    assert_true(interval.low < 0.5 && interval.high > 0.5);
    assert_true(fabs((interval.high - interval.low) / expected - 1) < 0.08);
    struct interval wider = interval_of(&fixture, "mae", NULL, 0.99);
    assert_true(wider.low < interval.low && wider.high > interval.high);
}

static void threads_change_nothing(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct interval intervals[3];
    static const char *const threads[] = {"0", "1", "5"};
    (void)state;
    open_regression(&fixture, ROWS);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(setenv("MLOPS_POOL", threads[i], 1), 0);
        intervals[i] = interval_of(&fixture, "rmse", NULL, 0.95);
        assert_true(intervals[i].low == intervals[0].low);
        assert_true(intervals[i].high == intervals[0].high);
    }
    unsetenv("MLOPS_POOL");
}

static void a_slice_is_resampled_as_if_it_were_all(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_regression(&fixture, ROWS);
    struct interval slice = interval_of(&fixture, "mae", fixture.weights, 0.95);
    double *targets = arena_new_array(&fixture.arena, double, ROWS / 2);
    double *values = arena_new_array(&fixture.arena, double, ROWS / 2);
    for (size_t i = 0; i < ROWS / 2; i++) {
        targets[i] = fixture.predictions.targets[2 * i + 1];
        values[i] = fixture.predictions.values[2 * i + 1];
    }
    fixture.predictions.targets = targets;
    fixture.predictions.values = values;
    fixture.predictions.count = ROWS / 2;
    struct interval alone = interval_of(&fixture, "mae", NULL, 0.95);
    assert_true(fabs(slice.low - alone.low) < 1e-12 && fabs(slice.high - alone.high) < 1e-12);
}

static void shares_are_wilsons_unless_rows_have_weights(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_binary(&fixture, 100, 50);
    double *weights = arena_new_array(&fixture.arena, double, 100);
    for (size_t i = 0; i < 100; i++)
        weights[i] = i % 2;
    assert_string_equal(interval_of(&fixture, "accuracy", NULL, 0.95).method, "wilson");
    struct interval half = interval_of(&fixture, "accuracy", weights, 0.95);
    struct interval all = interval_of(&fixture, "accuracy", NULL, 0.95);
    assert_true(half.high - half.low > 1.3 * (all.high - all.low));
    weights[0] = 0.5;
    assert_string_equal(interval_of(&fixture, "accuracy", weights, 0.95).method, "bootstrap");
}

static void replicates_without_a_value_are_left_out(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_binary(&fixture, 20, 1);
    struct interval interval = interval_of(&fixture, "roc_auc", NULL, 0.95);
    assert_true(interval.replicates > 1000 && interval.replicates < 1600); /* 1 - 1/e of them */
    open_binary(&fixture, 20, 0);
    interval = interval_of(&fixture, "roc_auc", NULL, 0.95);
    assert_true(isnan(interval.low) && interval.replicates == 0);
}

/* Six classes of one row each: hardly a replicate holds all of them. */
static void few_replicates_with_a_value_make_no_interval(void **state)
{
    (void)state;
    enum { CLASSES = 6 };
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct str classes[CLASSES];
    uint32_t labels[CLASSES];
    double shares[CLASSES * CLASSES];
    for (size_t i = 0; i < CLASSES; i++) {
        classes[i] = str_print(&fixture.arena, "%zu", i);
        labels[i] = (uint32_t)i;
        for (size_t k = 0; k < CLASSES; k++)
            shares[i * CLASSES + k] = (k == (i * 7 + 3) % CLASSES) + 0.0;
    }
    fixture.predictions = (struct predictions){.task = TASK_MULTICLASS,
                                               .count = CLASSES,
                                               .classes = classes,
                                               .class_count = CLASSES,
                                               .labels = labels,
                                               .predicted = labels,
                                               .probabilities = shares};
    struct interval found = interval_of(&fixture, "roc_auc_ovr_macro", NULL, 0.95);
    assert_true(found.replicates > 0 && found.replicates < 100);
    assert_true(isnan(found.low) && isnan(found.high));
}

static void differences_are_paired(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_regression(&fixture, ROWS);
    struct predictions better = fixture.predictions;
    double *values = arena_new_array(&fixture.arena, double, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        values[i] = 0.99 * better.values[i] + 0.01 * better.targets[i];
    better.values = values;
    struct scorer *a = scorer_make(&fixture.arena, &fixture.predictions);
    struct scorer *b = scorer_make(&fixture.arena, &better);
    size_t rows[] = {row_of(TASK_REGRESSION, "mae"), row_of(TASK_REGRESSION, "rmse")};
    struct interval intervals[2];
    double p[2];
    assert_null(resample_differences(a, b, rows, 2, NULL, 0.95, intervals, p));
    assert_true(intervals[0].high < 0 && intervals[1].high < 0);
    assert_true(p[0] == 1.0 / 2000); /* no replicate is at or beyond 0 */
    assert_null(resample_differences(a, a, rows, 2, NULL, 0.95, intervals, p));
    assert_true(intervals[0].low == 0 && intervals[0].high == 0 && p[0] == 1);
    assert_null(resample_differences(a, b, rows, 0, NULL, 0.95, intervals, p));
}

static void large_files_get_fewer_replicates(void **state)
{
    (void)state;
    assert_int_equal(resample_replicates(0), 2000);
    assert_int_equal(resample_replicates(100000), 2000);
    assert_int_equal(resample_replicates(200000), 1000);
    assert_int_equal(resample_replicates(50000000), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_is_that_of_scipy),
        cmocka_unit_test(the_bootstrap_is_as_wide_as_theory_says),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_slice_is_resampled_as_if_it_were_all),
        cmocka_unit_test(shares_are_wilsons_unless_rows_have_weights),
        cmocka_unit_test(replicates_without_a_value_are_left_out),
        cmocka_unit_test(few_replicates_with_a_value_make_no_interval),
        cmocka_unit_test(differences_are_paired),
        cmocka_unit_test(large_files_get_fewer_replicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
