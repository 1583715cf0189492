#include "mlops/base/arena.h"
#include "mlops/model/stopping.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

VEC(report_vec, struct trial_report);

/* Reports of one trial, steps from 1. */
static void add(struct report_vec *reports, int64_t trial, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *vec_push(&arena, reports) = (struct trial_report){trial, (int64_t)i + 1, values[i]};
}

static struct sweep sweep_of(enum sweep_stop stop)
{
    return (struct sweep){.stop = stop,
                          .metric_key = STR("val.f1"),
                          .direction = HIGHER_IS_BETTER,
                          .steps = {.file = STR("steps.csv")}};
}

static bool is_stopped(const struct sweep *sweep, int64_t number, const struct report_vec *reports,
                       const char *why)
{
    bool stops = false;
    struct str told = {0};
    stopping_judge(&arena, sweep, number, reports->at, reports->len, &stops, &told);
    assert_int_equal(stops, told.len > 0);
    if (why)
        assert_string_equal(str_terminate(&arena, told), why);
    return stops;
}

/* Trials 0 to 4 rise from n / 10 by 0.1 a step. */
static struct report_vec five_others(void)
{
    struct report_vec reports = {0};
    for (int64_t trial = 0; trial < 5; trial++) {
        double values[4];
        for (int i = 0; i < 4; i++)
            values[i] = (double)trial / 10 + 0.1 * i;
        add(&reports, trial, values, 4);
    }
    return reports;
}

static void worse_than_the_median_of_means_is_stopped(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_MEDIAN);
    struct report_vec reports = five_others();
    /* The others' means up to step 2 are 0.05, 0.15, 0.25, 0.35, 0.45. */
    add(&reports, 5, (double[]){0.2, 0.24}, 2);
    assert_true(is_stopped(&sweep, 5, &reports, "0.24 at step 2, the median of 5 trials is 0.25"));
    reports.at[reports.len - 2].value = 0.26; /* its best so far counts */
    assert_false(is_stopped(&sweep, 5, &reports, ""));
    assert_false(is_stopped(&sweep, 6, &reports, ""));
    sweep.direction = LOWER_IS_BETTER; /* its best is 0.24 then */
    assert_false(is_stopped(&sweep, 5, &reports, ""));
    reports.at[reports.len - 1].value = reports.at[reports.len - 2].value = 0.26;
    assert_true(is_stopped(&sweep, 5, &reports, NULL));
}

static void a_median_needs_five_that_came_as_far(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_MEDIAN);
    struct report_vec reports = five_others();
    add(&reports, 5, (double[]){0, 0, 0, 0, 0}, 5); /* one step more than the others */
    assert_false(is_stopped(&sweep, 5, &reports, ""));
    reports.len--;
    assert_true(is_stopped(&sweep, 5, &reports, NULL));
    sweep.least_steps = 5;
    assert_false(is_stopped(&sweep, 5, &reports, ""));
    sweep.stop = STOP_NEVER;
    assert_false(is_stopped(&sweep, 5, &reports, ""));
}

static void what_is_no_number_is_worst(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_MEDIAN);
    struct report_vec reports = five_others();
    add(&reports, 5, (double[]){nan(""), nan("")}, 2);
    assert_true(is_stopped(&sweep, 5, &reports,
                           "nothing finite at step 2, the median of 5 trials is 0.25"));
}

static void a_column_of_another_metric_has_its_own_direction(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_MEDIAN);
    struct report_vec reports = five_others();
    add(&reports, 5, (double[]){0, 0}, 2);
    assert_true(is_stopped(&sweep, 5, &reports, NULL));
    sweep.steps.metric = STR("val_loss");
    assert_false(is_stopped(&sweep, 5, &reports, NULL));
    sweep.steps.metric = STR("f1");
    assert_true(is_stopped(&sweep, 5, &reports, NULL));
}

/* Nine trials that came to step 3 with values 0.1 to 0.9, the last at step 4. */
static void asha_lets_one_in_three_go_on(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_ASHA);
    struct report_vec reports = {0};
    for (int64_t trial = 0; trial < 9; trial++) {
        double value = (double)(trial + 1) / 10;
        add(&reports, trial, (double[]){0.5, 0.5, value, value}, trial == 8 ? 4 : 3);
    }
    for (int64_t trial = 0; trial < 9; trial++)
        assert_int_equal(is_stopped(&sweep, trial, &reports, NULL), trial < 6);
    assert_true(
        is_stopped(&sweep, 5, &reports, "0.6 at step 3, place 4 of 9 trials, of which 3 go on"));
    sweep.least_steps = 2; /* rungs 2, 6, 18: all were alike at 2 */
    assert_false(is_stopped(&sweep, 0, &reports, ""));
    sweep.least_steps = 4;
    assert_false(is_stopped(&sweep, 0, &reports, ""));
    sweep.least_steps = 0;
    sweep.reduction = 9;
    assert_false(is_stopped(&sweep, 0, &reports, "")); /* rungs 1, 9 */
}

static void asha_waits_for_as_many_as_it_reduces_by(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_ASHA);
    struct report_vec reports = {0};
    add(&reports, 0, (double[]){0.9}, 1);
    add(&reports, 1, (double[]){0.1}, 1);
    assert_false(is_stopped(&sweep, 1, &reports, ""));
    add(&reports, 2, (double[]){0.5}, 1);
    assert_true(
        is_stopped(&sweep, 1, &reports, "0.1 at step 1, place 3 of 3 trials, of which 1 goes on"));
    assert_true(is_stopped(&sweep, 2, &reports, NULL));
    assert_false(is_stopped(&sweep, 0, &reports, ""));
}

static void nothing_reported_is_nothing_to_judge(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(STOP_ASHA);
    struct report_vec reports = {0};
    assert_false(is_stopped(&sweep, 0, &reports, ""));
    sweep.stop = STOP_MEDIAN;
    assert_false(is_stopped(&sweep, 0, &reports, ""));
}

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worse_than_the_median_of_means_is_stopped),
        cmocka_unit_test(a_median_needs_five_that_came_as_far),
        cmocka_unit_test(what_is_no_number_is_worst),
        cmocka_unit_test(a_column_of_another_metric_has_its_own_direction),
        cmocka_unit_test(asha_lets_one_in_three_go_on),
        cmocka_unit_test(asha_waits_for_as_many_as_it_reduces_by),
        cmocka_unit_test(nothing_reported_is_nothing_to_judge),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
