#include "mlops/base/arena.h"
#include "mlops/model/choice.h"
#include "mlops/model/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

/* With its source, for a look at single trees. */
#include "../../../src/model/choice_forest.c"

enum { TRIALS = 400 };

static struct arena arena;

static bool is_near(double a, double b, double within)
{
    return fabs(a - b) <= within;
}

static struct sweep sweep_of(const char *const *words)
{
    struct sweep sweep = {.method = SWEEP_RANDOM, .repeat = 1, .trials_most = TRIALS};
    for (; *words; words++) {
        struct override fixed = {0};
        bool is_fixed = false;
        struct dimension *dimension = vec_push(&arena, &sweep.dimensions);
        assert_null(dimension_parse(&arena, str_of(*words), dimension, &fixed, &is_fixed));
    }
    return sweep;
}

static const char *const space[] = {"x=uniform(0,1)", "y=loguniform(1e-3,1e3)", "n=int(1,9)",
                                    "c=a,b,c",        "z=uniform(0,1)",         NULL};

/* Random trials of a space; scores are to be set. */
static struct choice_trial *trials_of(const struct sweep *sweep, size_t count)
{
    struct choice_trial *trials = arena_new_array(&arena, struct choice_trial, count);
    struct override_vec *overrides = arena_new_array(&arena, struct override_vec, count);
    for (size_t i = 0; i < count; i++) {
        int64_t waits = 0;
        assert_null(sampler_propose(&arena, sweep, (int64_t)i, NULL, 0, &overrides[i], &waits));
        trials[i] = (struct choice_trial){(int64_t)i, (int64_t)i, &overrides[i], 0};
    }
    return trials;
}

static double number_in(const struct choice_trial *trial, size_t index)
{
    return strtod(trial->overrides->at[index].text.at, NULL);
}

static const struct importance *find(const struct importance *all, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(all[i].key, key))
            return &all[i];
    fail_msg("no %s", key);
    return NULL;
}

/* Sum of independent parts: each factor's share of the variance is known. Overrides are sorted: c,
 * n, x, y, z. */
static void shares_are_those_of_the_variance(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(space);
    struct choice_trial *trials = trials_of(&sweep, TRIALS);
    struct importance *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < TRIALS; i++) {
        bool is_b = str_is(trials[i].overrides->at[0].text, "b");
        trials[i].score =
            6 * number_in(&trials[i], 2) + 1 * log10(number_in(&trials[i], 3)) + 4 * is_b;
    }
    /* Variances: 36 / 12 = 3; 6^2 / 12 = 3; 16 * 2 / 9 = 3.56. */
    assert_null(importance_compute(&arena, &sweep, trials, TRIALS, &all, &count));
    assert_int_equal(count, 5);
    assert_true(is_near(find(all, count, "x")->share, 3 / 9.56, 0.06));
    assert_true(is_near(find(all, count, "y")->share, 3 / 9.56, 0.06));
    assert_true(is_near(find(all, count, "c")->share, 3.56 / 9.56, 0.06));
    assert_true(find(all, count, "n")->share < 0.02 && find(all, count, "z")->share < 0.02);
    assert_true(all[0].share >= all[1].share && all[1].share >= all[2].share);
    assert_true(find(all, count, "x")->correlation > 0.4);
    assert_true(isnan(find(all, count, "c")->correlation));
}

/* optuna.importance.FanovaImportanceEvaluator of 5.0.0, mean of seeds 0 to 2, of the same trials:
 * see docs/sweeps.md for what differs (it draws logarithms evenly on the plain scale, so that there
 * are none here). */
static void shares_are_those_of_a_known_implementation(void **state)
{
    (void)state;
    static const char *const words[] = {"x=uniform(0,1)", "y=uniform(-1,1)", "n=int(1,10)",
                                        "c=a,b,c",        "z=uniform(0,1)",  NULL};
    static const struct {
        const char *key;
        double share;
    } rows[] = {{"x", 0.3251}, {"c", 0.2161}, {"n", 0.0792}, {"y", 0.0237}, {"z", 0.0194}};
    struct sweep sweep = sweep_of(words);
    struct choice_trial *trials = trials_of(&sweep, 100);
    struct importance *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < 100; i++) {
        double n = number_in(&trials[i], 1), x = number_in(&trials[i], 2);
        double y = number_in(&trials[i], 3), z = number_in(&trials[i], 4);
        bool is_b = str_is(trials[i].overrides->at[0].text, "b");
        trials[i].score = 3 * x + 2 * y * y + 0.2 * n + 1.5 * is_b + 6 * (x - 0.5) * (z - 0.5);
    }
    assert_null(importance_compute(&arena, &sweep, trials, 100, &all, &count));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!is_near(find(all, count, rows[i].key)->share, rows[i].share, 0.03))
            fail_msg("%s: %g", rows[i].key, find(all, count, rows[i].key)->share);
}

static double predict(const struct tree *tree, const double *point)
{
    size_t at = 0;
    while (tree->nodes[at].left) {
        const struct node *node = &tree->nodes[at];
        const struct factor *factor = &tree->factors[node->factor];
        bool is_left = factor->words ? fabs(point[node->factor] - node->threshold) < 0.5
                                     : point[node->factor] < node->threshold;
        at = is_left ? node->left : node->right;
    }
    return tree->nodes[at].value;
}

enum { CELLS = 60, WORDS = 4, FACTORS = 3 };

/* Means of the predictions on a lattice of all values, one factor held. */
static double brute_share(const struct tree *tree, size_t held)
{
    double sums[FACTORS][CELLS] = {{0}}, mean = 0, squares = 0, variance = 0;
    size_t sizes[FACTORS] = {CELLS, CELLS, WORDS}, all = CELLS * CELLS * WORDS;
    for (size_t i = 0; i < all; i++) {
        size_t index[FACTORS] = {i % CELLS, i / CELLS % CELLS, i / CELLS / CELLS};
        double point[FACTORS] = {((double)index[0] + 0.5) / CELLS, ((double)index[1] + 0.5) / CELLS,
                                 (double)index[2]};
        double value = predict(tree, point);
        mean += value / (double)all;
        squares += value * value / (double)all;
        for (size_t f = 0; f < FACTORS; f++)
            sums[f][index[f]] += value * (double)sizes[f] / (double)all;
    }
    for (size_t i = 0; i < sizes[held]; i++)
        variance += (sums[held][i] - mean) * (sums[held][i] - mean) / (double)sizes[held];
    return variance / (squares - mean * mean);
}

/* Members lie on the lattice, so that trees split at its edges and the sums are exact. */
static void a_trees_effects_are_those_counted_by_brute_force(void **state)
{
    (void)state;
    enum { COUNT = 120 };
    struct factor factors[FACTORS] = {
        {.at = arena_new_array(&arena, double, COUNT)},
        {.at = arena_new_array(&arena, double, COUNT)},
        {.words = WORDS, .at = arena_new_array(&arena, double, COUNT)}};
    double scores[COUNT], shares[FACTORS], expected[FACTORS] = {0};
    struct draws draws = draws_begin(7, DRAWS_FOREST, 0, 0, 0);
    for (size_t i = 0; i < COUNT; i++) {
        /* Every fourth edge of cells: halfway between two of them is an edge, too. */
        factors[0].at[i] = (floor(draws_uniform(&draws) * CELLS / 4) * 4 + 1) / CELLS;
        factors[1].at[i] = (floor(draws_uniform(&draws) * CELLS / 4) * 4 + 1) / CELLS;
        factors[2].at[i] = floor(draws_uniform(&draws) * WORDS);
        scores[i] = factors[0].at[i] * factors[1].at[i] + (factors[2].at[i] > 2) * 0.3 +
                    draws_uniform(&draws) * 0.2;
    }
    struct tree tree = {.factors = factors,
                        .factor_count = FACTORS,
                        .count = COUNT,
                        .scores = scores,
                        .order = arena_new_array(&arena, size_t *, FACTORS),
                        .moved = arena_new_array(&arena, size_t, COUNT),
                        .word_sums = arena_new_array(&arena, double, WORDS),
                        .word_counts = arena_new_array(&arena, size_t, WORDS),
                        .nodes = arena_new_array(&arena, struct node, 2 * COUNT)};
    struct rank *sorted[FACTORS];
    size_t times[COUNT];
    for (size_t f = 0; f < FACTORS; f++) {
        sorted[f] = sorted_by(&arena, &factors[f], COUNT);
        tree.order[f] = arena_new_array(&arena, size_t, COUNT);
    }
    for (uint64_t i = 0; i < 5; i++) {
        memset(shares, 0, sizeof shares);
        take_sample(&tree, sorted, i, times);
        grow(&tree, 0, COUNT, 0);
        assert_true(explain_tree(&arena, &tree, shares));
        for (size_t f = 0; f < FACTORS; f++) {
            expected[f] = brute_share(&tree, f);
            if (!is_near(shares[f], expected[f], 1e-9))
                fail_msg("tree %d, factor %zu: %.12f, by brute force %.12f", (int)i, f, shares[f],
                         expected[f]);
        }
    }
}

static void listed_parameters_and_numbers_among_choices_count_too(void **state)
{
    (void)state;
    enum { COUNT = 24 };
    struct sweep sweep = {.method = SWEEP_LIST};
    struct choice_trial trials[COUNT];
    struct override_vec overrides[COUNT] = {{0}};
    struct importance *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct str depth = str_print(&arena, "%zu", (i % 3 + 1) * 4);
        *vec_push(&arena, &overrides[i]) = (struct override){.key = STR("depth"), .text = depth};
        *vec_push(&arena, &overrides[i]) = (struct override){.key = STR("same"), .text = STR("x")};
        if (i % 2) /* the others do without */
            *vec_push(&arena, &overrides[i]) =
                (struct override){.key = STR("warm"), .text = STR("true")};
        trials[i] = (struct choice_trial){(int64_t)i, (int64_t)i, &overrides[i],
                                          -(double)(i % 3) + 0.1 * (double)(i % 2)};
    }
    assert_null(importance_compute(&arena, &sweep, trials, COUNT, &all, &count));
    assert_int_equal(count, 2); /* what is the same in all explains nothing */
    assert_string_equal(str_terminate(&arena, all[0].key), "depth");
    assert_true(all[0].share > 0.9 && is_near(all[0].correlation, -0.95, 0.06));
    assert_true(isnan(find(all, count, "warm")->correlation));
}

static void few_or_equal_scores_say_nothing(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(space);
    struct choice_trial *trials = trials_of(&sweep, 20);
    struct importance *all = NULL;
    size_t count = 0;
    assert_null(importance_compute(&arena, &sweep, trials, 20, &all, &count));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_true(isnan(all[i].share));
    for (size_t i = 0; i < 20; i++)
        trials[i].score = i < 9 ? (double)i : nan("");
    assert_null(importance_compute(&arena, &sweep, trials, 20, &all, &count));
    assert_true(isnan(all[0].share) && isnan(all[0].correlation));
    assert_null(importance_compute(&arena, &sweep, trials, 0, &all, &count));
}

static void huge_scores_do_not_overflow(void **state)
{
    (void)state;
    struct sweep sweep = sweep_of(space);
    struct choice_trial *trials = trials_of(&sweep, 50);
    struct importance *all = NULL;
    size_t count = 0;
    for (size_t i = 0; i < 50; i++)
        trials[i].score = 1e300 * number_in(&trials[i], 2);
    assert_null(importance_compute(&arena, &sweep, trials, 50, &all, &count));
    assert_string_equal(str_terminate(&arena, all[0].key), "x");
    assert_true(all[0].share > 0.9);
}

/* P(T > t) = 0.025 by scipy.stats.t; above 200 the expansion. */
static void bounds_are_students(void **state)
{
    (void)state;
    static const struct {
        int64_t freedom;
        double bound;
    } rows[] = {{1, 12.7062047362},  {2, 4.3026527297},   {3, 3.1824463053},
                {4, 2.7764451052},   {10, 2.2281388520},  {45, 2.0141033889},
                {200, 1.9718962236}, {201, 1.9718365068}, {100000, 1.9599877075}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(is_near(student_bound(rows[i].freedom), rows[i].bound, 2e-9));
    assert_true(isnan(student_bound(0)));
}

/* Numerical integration of k z f(z) F(z)^(k-1) (scipy.integrate.quad). */
static void the_expected_maximum_is_integrated(void **state)
{
    (void)state;
    static const struct {
        int64_t count;
        double maximum;
    } rows[] = {{1, 0},
                {2, 0.564189583548},
                {7, 1.352178375607},
                {49, 2.241189597079},
                {2401, 3.484849812699},
                {117649, 4.419678960844}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(is_near(normal_maximum(rows[i].count), rows[i].maximum, 1e-9));
}

static struct combination *ranked(const double *scores, const int64_t *combinations, size_t count,
                                  enum metric_direction direction, size_t *ret_count,
                                  double *ret_optimism)
{
    struct choice_trial *trials = arena_new_array(&arena, struct choice_trial, count);
    struct combination *all = NULL;
    for (size_t i = 0; i < count; i++)
        trials[i] = (struct choice_trial){(int64_t)i, combinations[i], NULL, scores[i]};
    assert_null(combinations_rank(&arena, trials, count, direction, &all, ret_count, ret_optimism));
    return all;
}

static void repeats_have_mean_spread_and_interval(void **state)
{
    (void)state;
    static const double scores[] = {0.70, 0.72, 0.74, 0.80, 0.84, 0.88, 0.83};
    static const int64_t combinations[] = {0, 0, 0, 1, 1, 1, 2};
    size_t count = 0;
    double optimism = 0;
    struct combination *all = ranked(scores, combinations, 7, HIGHER_IS_BETTER, &count, &optimism);
    assert_int_equal(count, 3);
    assert_int_equal(all[0].combination, 1);
    assert_true(is_near(all[0].mean, 0.84, 1e-12) && is_near(all[0].deviation, 0.04, 1e-12));
    assert_true(is_near(all[0].error, 0.04 / sqrt(3), 1e-12));
    assert_true(is_near(all[0].high, 0.84 + 4.3026527297 * 0.04 / sqrt(3), 1e-9));
    /* One repeat: the pooled spread sqrt((2 * 0.0004 + 2 * 0.0016) / 4), four degrees of freedom.
     */
    assert_int_equal(all[1].combination, 2);
    assert_true(isnan(all[1].deviation) && is_near(all[1].error, sqrt(0.001), 1e-12));
    assert_true(is_near(all[1].low, 0.83 - 2.7764451052 * sqrt(0.001), 1e-9));
    assert_true(all[0].is_within_error && all[1].is_within_error && !all[2].is_within_error);
    /* Root mean square of the errors: variances 0.001 / 3, 0.001 / 3, 0.001; E max of 3 = 0.8463.
     */
    assert_true(is_near(optimism, sqrt(0.001 * 5 / 9) * 0.846284375, 1e-9));
    all = ranked(scores, combinations, 7, LOWER_IS_BETTER, &count, &optimism);
    assert_int_equal(all[0].combination, 0);
}

static void without_repeats_no_error_is_known(void **state)
{
    (void)state;
    const double scores[] = {0.5, 0.7, nan(""), 0.7};
    static const int64_t combinations[] = {0, 1, 2, 3};
    size_t count = 0;
    double optimism = 0;
    struct combination *all = ranked(scores, combinations, 4, HIGHER_IS_BETTER, &count, &optimism);
    assert_int_equal(count, 3);
    assert_int_equal(all[0].combination, 1); /* the earlier of equals */
    assert_true(isnan(all[0].error) && isnan(all[0].low) && isnan(optimism));
    assert_true(all[0].is_within_error && !all[2].is_within_error);
    (void)ranked(scores, combinations, 0, HIGHER_IS_BETTER, &count, &optimism);
    assert_int_equal(count, 0);
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
        cmocka_unit_test(shares_are_those_of_the_variance),
        cmocka_unit_test(shares_are_those_of_a_known_implementation),
        cmocka_unit_test(a_trees_effects_are_those_counted_by_brute_force),
        cmocka_unit_test(listed_parameters_and_numbers_among_choices_count_too),
        cmocka_unit_test(few_or_equal_scores_say_nothing),
        cmocka_unit_test(huge_scores_do_not_overflow),
        cmocka_unit_test(bounds_are_students),
        cmocka_unit_test(the_expected_maximum_is_integrated),
        cmocka_unit_test(repeats_have_mean_spread_and_interval),
        cmocka_unit_test(without_repeats_no_error_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
