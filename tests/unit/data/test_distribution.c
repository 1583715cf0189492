#include "mlops/base/arena.h"
#include "mlops/data/distribution.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

static void assert_number(double actual, double expected)
{
    if (!(actual >= expected && actual <= expected))
        fail_msg("%.17g is not %.17g", actual, expected);
}

static double *copy(struct arena *arena, const double *from, size_t count)
{
    double *numbers = arena_new_array(arena, double, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = from[i];
    return numbers;
}

static struct distribution make(struct arena *arena, const double *from, size_t count)
{
    double *numbers = copy(arena, from, count);
    return distribution_make(arena, numbers, count, 1, true);
}

static void equal_numbers_are_one_point(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, (double[]){3, -0.0, 1, 0, 3, 3}, 6);
    assert_int_equal(made.len, 3);
    assert_number(made.values[0], 0);
    assert_false(signbit(made.values[0]));
    assert_number(made.weights[0], 2);
    assert_number(made.values[2], 3);
    assert_number(made.weights[2], 3);
    assert_number(made.total, 6);
    assert_true(made.is_exact);
}

/* Expected by numpy.quantile(..., method="linear"). */
static void quantiles_are_those_of_numpy(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const double shares[] = {0, .1, .25, .5, .9, .99, 1};
    static const double expected[] = {1, 1, 1.75, 3.5, 6.8999999999999995, 8.79, 9};
    struct distribution made = make(&arena, (double[]){3, 1, 4, 1, 5, 9, 2, 6}, 8);
    for (size_t i = 0; i < COUNT_OF(shares); i++)
        assert_number(distribution_quantile(&made, shares[i]), expected[i]);
    static const double uneven[] = {0.1, 0.7, 1e10, -3.25, 0.30000000000000004};
    made = make(&arena, uneven, COUNT_OF(uneven));
    assert_number(distribution_quantile(&made, .1), -1.91);
    assert_number(distribution_quantile(&made, .37), 0.196);
    assert_number(distribution_quantile(&made, .5), 0.30000000000000004);
    assert_number(distribution_quantile(&made, .9), 6000000000.280001);
    assert_number(distribution_quantile(&made, .99), 9600000000.028);
}

static void moments_are_those_of_numpy(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, (double[]){3, 1, 4, 1, 5, 9, 2, 6}, 8);
    assert_number(distribution_mean(&made), 3.875);
    assert_number(distribution_sd(&made, true), 2.5708704751503917);
    assert_number(distribution_sd(&made, false), 2.748376143938713);
}

static void one_number_has_no_spread_of_a_sample(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, (double[]){7}, 1);
    assert_number(distribution_quantile(&made, 0.5), 7);
    assert_number(distribution_sd(&made, true), 0);
    assert_true(isnan(distribution_sd(&made, false)));
}

static void nothing_has_no_quantile(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, NULL, 0);
    assert_true(isnan(distribution_quantile(&made, 0.5)));
    assert_true(isnan(distribution_share(&made, 0)));
    assert_true(isnan(distribution_mean(&made)));
    assert_true(isnan(distribution_sd(&made, true)));
}

static void shares_include_the_value_itself(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, (double[]){1, 2, 2, 5}, 4);
    assert_number(distribution_share(&made, 0.5), 0);
    assert_number(distribution_share(&made, 1), 0.25);
    assert_number(distribution_share(&made, 2), 0.75);
    assert_number(distribution_share(&made, 4.9), 0.75);
    assert_number(distribution_share(&made, 5), 1);
}

static double random_number(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return ((double)(*seed >> 11) - 4503599627370496.0) / 1048576.0;
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void many_numbers_are_sorted_as_few_are(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    enum { COUNT = 5000 };
    double *numbers = arena_new_array(&arena, double, COUNT);
    uint64_t seed = 88172645463325252;
    for (size_t i = 0; i < COUNT; i++)
        numbers[i] = i % 10 ? random_number(&seed) : (double)(i % 70);
    numbers[17] = -1e308;
    numbers[18] = 1e308;
    double *sorted = copy(&arena, numbers, COUNT);
    qsort(sorted, COUNT, sizeof *sorted, compare_numbers);
    struct distribution made = make(&arena, numbers, COUNT);
    size_t at = 0;
    for (size_t i = 0; i < made.len; i++)
        for (double n = 0; n < made.weights[i]; n++)
            assert_number(made.values[i], sorted[at++]);
    assert_int_equal(at, COUNT);
}

static void thinned_it_keeps_ends_total_and_shape(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    enum { COUNT = 20000, MOST = 64 };
    double *numbers = arena_new_array(&arena, double, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        numbers[i] = pow((double)i, 1.5);
    struct distribution made = distribution_make(&arena, numbers, COUNT, 2.5, false);
    struct distribution thin = distribution_thin(&arena, &made, MOST);
    assert_true(thin.len <= MOST && thin.len > MOST / 2);
    assert_number(thin.values[0], 0);
    assert_number(thin.values[thin.len - 1], made.values[made.len - 1]);
    double sum = 0;
    for (size_t i = 0; i < thin.len; i++) {
        sum += thin.weights[i];
        assert_true(i == 0 || thin.values[i] > thin.values[i - 1]);
        assert_true(thin.weights[i] > 0);
    }
    assert_true(fabs(sum - made.total) < 1e-6);
    for (double share = 0.05; share < 1; share += 0.05) {
        double found = distribution_share(&made, distribution_quantile(&thin, share));
        assert_true(fabs(found - share) < 1.0 / MOST);
    }
}

static void a_point_that_weighs_much_stays_alone(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    double numbers[1000];
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = i < 900 ? 50 : (double)i - 900;
    struct distribution made = make(&arena, numbers, COUNT_OF(numbers));
    struct distribution thin = distribution_thin(&arena, &made, 10);
    assert_true(thin.len <= 10);
    for (size_t i = 0; i < thin.len; i++)
        assert_true(thin.weights[i] < 900 || thin.values[i] == 50);
    assert_int_equal(distribution_thin(&arena, &made, 2).len, 2);
}

static void what_is_small_is_not_thinned(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct distribution made = make(&arena, (double[]){1, 2, 3}, 3);
    struct distribution thin = distribution_thin(&arena, &made, 3);
    assert_int_equal(thin.len, 3);
    assert_true(thin.is_exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_numbers_are_one_point),
        cmocka_unit_test(quantiles_are_those_of_numpy),
        cmocka_unit_test(moments_are_those_of_numpy),
        cmocka_unit_test(one_number_has_no_spread_of_a_sample),
        cmocka_unit_test(nothing_has_no_quantile),
        cmocka_unit_test(shares_include_the_value_itself),
        cmocka_unit_test(many_numbers_are_sorted_as_few_are),
        cmocka_unit_test(thinned_it_keeps_ends_total_and_shape),
        cmocka_unit_test(a_point_that_weighs_much_stays_alone),
        cmocka_unit_test(what_is_small_is_not_thinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
