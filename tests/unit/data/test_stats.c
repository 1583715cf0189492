/* Tails of distributions against values of scipy 1.10. */
#include "mlops/base/arena.h"
#include "mlops/data/stats.h"

#include <math.h>

#include "support/unit.h"

struct row {
    double x, of, expected;
};

struct pair_row {
    uint64_t n, m;
    double d, expected;
};

static void assert_near(double found, double expected, double tolerance, double at)
{
    if (!(fabs(found - expected) <= tolerance * fabs(expected)))
        fail_msg("at %g: %.17g, not %.17g", at, found, expected);
}

static void the_normal_tail_is_right_far_out(void **state)
{
    (void)state;
    static const struct row normal_rows[] = {
        {-3.0, 0.0, 0.9986501019683699},  {0.0, 0.0, 0.5},
        {0.5, 0.0, 0.3085375387259869},   {1.96, 0.0, 0.024997895148220435},
        {8.0, 0.0, 6.22096057427174e-16}, {30.0, 0.0, 4.906713927147908e-198},
    };
    for (size_t i = 0; i < COUNT_OF(normal_rows); i++)
        assert_near(stats_normal_sf(normal_rows[i].x), normal_rows[i].expected, 1e-12,
                    normal_rows[i].x);
}

static void chi_squared_is_right_on_both_sides_of_its_mode(void **state)
{
    (void)state;
    static const struct row chi2_rows[] = {
        {0.5, 1.0, 0.47950012218695337},
        {3.84, 1.0, 0.05004352124870519},
        {82.6, 3.0, 8.496371091134796e-18},
        {1.0, 10.0, 0.9998278843700441},
        {30.0, 10.0, 0.000856641210775301},
        {900.0, 1000.0, 0.9892827619087102},
        {1200.0, 1000.0, 1.2255942330622893e-05},
        {700.0, 3.0, 2.0991308534204487e-151},
        {1e-09, 2.0, 0.9999999995},
    };
    for (size_t i = 0; i < COUNT_OF(chi2_rows); i++)
        assert_near(stats_chi2_sf(chi2_rows[i].x, chi2_rows[i].of), chi2_rows[i].expected, 1e-11,
                    chi2_rows[i].x);
}

static void student_takes_fractional_degrees_of_freedom(void **state)
{
    (void)state;
    static const struct row student_rows[] = {
        {0.0, 5.0, 0.5},
        {0.3, 1.0, 0.4072264209222577},
        {2.0, 3.7, 0.06090860095261697},
        {7.9, 1390.2, 2.813711660658274e-15},
        {0.03, 1398.0, 0.48803566760489536},
        {40.0, 2.2, 0.00017115773828230274},
        {1000000000.0, 1.5, 1.1924482405556577e-14},
    };
    for (size_t i = 0; i < COUNT_OF(student_rows); i++)
        assert_near(stats_student_sf(student_rows[i].x, student_rows[i].of),
                    student_rows[i].expected, 1e-11, student_rows[i].x);
}

static void kolmogorovs_limit_is_right_for_small_and_large_values(void **state)
{
    (void)state;
    static const struct row limit_rows[] = {
        {0.0, 0.0, 1.0},
        {0.1, 0.0, 1.0},
        {0.3, 0.0, 0.9999906941986655},
        {0.69, 0.0, 0.7278117291165674},
        {0.999, 0.0, 0.27107316411506394},
        {1.0, 0.0, 0.26999967167735456},
        {1.5, 0.0, 0.022217962616525127},
        {3.3, 0.0, 6.951782562479869e-10},
        {8.0, 0.0, 5.14441874528483e-56},
    };
    for (size_t i = 0; i < COUNT_OF(limit_rows); i++)
        assert_near(stats_kolmogorov_limit_sf(limit_rows[i].x), limit_rows[i].expected, 1e-12,
                    limit_rows[i].x);
}

static void the_one_sample_distribution_agrees_in_all_its_regions(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const struct row kolmogorov_rows[] = {
        {1.0, 0.7, 0.6000000000000001},
        {5.0, 0.05, 1.0},
        {5.0, 0.15, 0.9988},
        {5.0, 0.3, 0.664},
        {5.0, 0.6, 0.03008000000000001},
        {20.0, 0.1, 0.976255094592155},
        {100.0, 0.004, 1.0},
        {100.0, 0.08, 0.5182193645480672},
        {140.0, 0.16, 0.001344016324418744},
        {140.0, 0.2, 2.1981563302200222e-05},
        {343.0, 0.178, 5.599190057559205e-10},
        {343.0, 0.037, 0.7211931934455647},
        {343.0, 0.06, 0.16244978157411316},
        {343.0, 0.5, 8.100753373371185e-80},
        {343.0, 0.9999, 0.0},
        {2000.0, 0.0004, 1.0},
        {2000.0, 0.02, 0.3953133626892045},
        {20000.0, 0.003, 0.9935433419563655},
        {20000.0, 0.008, 0.15371596723031855},
        {32768.0, 0.0123, 9.802767209331135e-05},
        {32768.0, 0.05, 1.2377530318502915e-71},
        {150.0, 0.0051, 1.0},
        {1000.0, 0.012, 0.9984464668620097},
    };
    for (size_t i = 0; i < COUNT_OF(kolmogorov_rows); i++)
        assert_near(
            stats_kolmogorov_sf(&arena, (uint64_t)kolmogorov_rows[i].x, kolmogorov_rows[i].of),
            kolmogorov_rows[i].expected, 1e-9, kolmogorov_rows[i].x);
}

static void the_two_sample_distribution_is_exact(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const struct pair_row pair_rows[] = {
        {1, 1, 1.0, 1.0},
        {8, 8, 0.5, 0.2826728826728826},
        {8, 8, 1.0, 0.00015540015540015537},
        {5, 3, 0.6, 0.4642857142857143},
        {5, 3, 1.0, 0.03571428571428571},
        {800, 600, 0.17875, 4.9593228377934e-10},
        {800, 600, 0.0370833333, 0.7207068324717778},
        {500, 500, 0.1, 0.01343088815558133},
        {7, 1000, 0.4, 0.16256989845107114},
        {1000, 7, 0.4, 0.16256989845107114},
        {9973, 9967, 0.02, 0.03634501356428285},
        {10, 20, 0.05, 1.0},
        {3000, 2000, 0.5, 2.4053939919254857e-273},
    };
    for (size_t i = 0; i < COUNT_OF(pair_rows); i++)
        assert_near(
            stats_kolmogorov_pair_sf(&arena, pair_rows[i].n, pair_rows[i].m, pair_rows[i].d),
            pair_rows[i].expected, 1e-10, pair_rows[i].d);
}

static void mann_whitney_is_exact_for_small_samples(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const struct pair_row whitney_rows[] = {
        {1, 1, 1.0, 0.5},
        {5, 4, 17.0, 0.05555555555555555},
        {8, 40, 250.0, 0.0056128598026685085},
        {3, 7, 11.0, 0.49999999999999994},
        {8, 8, 64.0, 7.77000777000777e-05},
        {2, 300, 590.0, 0.0007920617808189037},
        {8, 300, 1200.0, 0.5007872088792171},
    };
    for (size_t i = 0; i < COUNT_OF(whitney_rows); i++)
        assert_near(
            stats_mann_whitney_sf(&arena, whitney_rows[i].n, whitney_rows[i].m, whitney_rows[i].d),
            whitney_rows[i].expected, 1e-12, whitney_rows[i].d);
}

/* The sum itself takes seconds here. */
static void very_large_samples_take_the_expansion(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    double below = stats_kolmogorov_sf(&arena, 1000000, 2e-3);
    double above = stats_kolmogorov_sf(&arena, 1000001, 2e-3);
    assert_true(above < below && above > below * 0.9999);
    assert_near(stats_kolmogorov_sf(&arena, 100000000, 2e-4), 6.6e-4, 0.02, 2e-4);
}

static void undefined_arguments_give_nan(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_true(isnan(stats_chi2_sf(1, 0)));
    assert_true(isnan(stats_chi2_sf(NAN, 1)));
    assert_true(isnan(stats_student_sf(NAN, 3)));
    assert_true(isnan(stats_student_sf(1, 0)));
    assert_true(isnan(stats_kolmogorov_sf(&arena, 0, 0.5)));
    assert_true(isnan(stats_kolmogorov_pair_sf(&arena, 0, 1, 0.5)));
    assert_true(isnan(stats_mann_whitney_sf(&arena, 2, 2, 5)));
    assert_true(stats_student_sf(INFINITY, 3) == 0 && stats_chi2_sf(INFINITY, 3) == 0);
}

static void a_sum_of_many_keeps_its_digits(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    double *numbers = arena_new_array(&arena, double, 1000000);
    for (int i = 0; i < 1000000; i++)
        numbers[i] = 0.1;
    assert_true(fabs(stats_sum(numbers, 1000000) - 100000) < 1e-8);
    assert_true(stats_sum(numbers, 0) == 0 && stats_sum(numbers, 3) == 0.1 + 0.1 + 0.1);
}

static void quantiles_turn_the_tails_round(void **state)
{
    (void)state;
    static const struct row normal_rows[] = {
        {0.5, 0.0, 0.0},
        {0.4, 0.0, 0.2533471031357997},
        {0.025, 0.0, 1.9599639845400545},
        {0.005, 0.0, 2.575829303548901},
        {1e-10, 0.0, 6.361340902404056},
        {1e-300, 0.0, 37.0470962993612},
        {0.975, 0.0, -1.959963984540054},
    };
    static const struct row student_rows[] = {
        {0.025, 1.0, 12.706204736174703},     {0.025, 2.5, 3.5746548420036834},
        {0.005, 10.0, 3.169272672616951},     {0.025, 499.0, 1.9647293909876888},
        {0.1, 1000000.0, 1.2815524121299384}, {1e-09, 30.0, 8.445862796274241},
        {0.975, 7.0, -2.364624251592785},     {0.025, 1e15, 1.9599639845400567},
    };
    for (size_t i = 0; i < COUNT_OF(normal_rows); i++)
        assert_near(stats_normal_isf(normal_rows[i].x), normal_rows[i].expected, 1e-13,
                    normal_rows[i].x);
    for (size_t i = 0; i < COUNT_OF(student_rows); i++)
        assert_near(stats_student_isf(student_rows[i].x, student_rows[i].of),
                    student_rows[i].expected, 1e-12, student_rows[i].of);
    assert_true(isinf(stats_normal_isf(0)) && stats_normal_isf(1) < 0);
    assert_true(isinf(stats_student_isf(0, 3)) && isnan(stats_student_isf(2, 3)));
    assert_true(isnan(stats_normal_isf(NAN)) && isnan(stats_student_isf(0.1, 0)));
}

static void tosses_of_a_coin_are_counted(void **state)
{
    (void)state;
    static const struct {
        uint64_t k, n;
        double expected;
    } rows[] = {
        {0, 0, 1},
        {0, 1, 0.5},
        {3, 10, 0.171875},
        {7, 10, 0.9453125},
        {10, 10, 1},
        {49, 100, 0.46020538130641075},
        {400, 1000, 1.364232078032988e-10},
        {100000, 201000, 0.012931196219866463},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_near(stats_coin_cdf(rows[i].k, rows[i].n), rows[i].expected, 1e-10,
                    (double)rows[i].n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_tail_is_right_far_out),
        cmocka_unit_test(chi_squared_is_right_on_both_sides_of_its_mode),
        cmocka_unit_test(student_takes_fractional_degrees_of_freedom),
        cmocka_unit_test(kolmogorovs_limit_is_right_for_small_and_large_values),
        cmocka_unit_test(the_one_sample_distribution_agrees_in_all_its_regions),
        cmocka_unit_test(the_two_sample_distribution_is_exact),
        cmocka_unit_test(mann_whitney_is_exact_for_small_samples),
        cmocka_unit_test(very_large_samples_take_the_expansion),
        cmocka_unit_test(undefined_arguments_give_nan),
        cmocka_unit_test(quantiles_turn_the_tails_round),
        cmocka_unit_test(tosses_of_a_coin_are_counted),
        cmocka_unit_test(a_sum_of_many_keeps_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
