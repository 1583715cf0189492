/* TPE: densities against those of Optuna 5.0 (figures below), and searches with fixed seeds. */
#include "mlops/base/arena.h"
#include "mlops/model/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "../../../src/model/sampler_private.h"
#include "support/unit.h"

enum { TRIALS = 100, SEEDS = 20, MEMBERS = 40 };

#define PI 3.141592653589793

static struct arena arena;

static struct sweep sweep_of(struct arena *in, enum sweep_method method, const char *const *words)
{
    struct sweep sweep = {.method = method,
                          .repeat = 1,
                          .trials_most = TRIALS,
                          .metric_key = STR("loss"),
                          .direction = LOWER_IS_BETTER};
    for (; *words; words++) {
        struct override fixed = {0};
        bool is_fixed = false;
        struct dimension *dimension = vec_push(in, &sweep.dimensions);
        assert_null(dimension_parse(in, str_of(*words), dimension, &fixed, &is_fixed));
    }
    return sweep;
}

static double part(double value)
{
    return value - floor(value);
}

static void set_point(int i, double *ret)
{
    ret[0] = -5 + 15 * part(i * 0.618033);
    ret[1] = pow(10, -5 + 5 * part(i * 0.7548776));
    ret[2] = i * 7 % 20;
    ret[3] = i * 5 % 21;
    ret[4] = nearbyint(4 * pow(2, 8 * part(i * 0.569840))) - 4;
    ret[5] = i * 3 % 4;
}

/* optuna.samplers._tpe.parzen_estimator of 5.0.0 with prior_weight 1, magic clip, no endpoints and
 * its default weights, of the members 0 to n - 1 at the points 1000 to 1004. */
static void densities_are_those_of_a_known_implementation(void **state)
{
    (void)state;
    static const char *const words[] = {"x=uniform(-5,10)",
                                        "l=loguniform(1e-5,1)",
                                        "n=int(1,20)",
                                        "s=uniform(0,1,0.05)",
                                        "w=logint(4,1024)",
                                        "c=a,b,c,d",
                                        NULL};
    static const struct {
        size_t count;
        double logs[5];
    } rows[] = {
        {1,
         {-20.005356835254, -18.003175775308, -21.392110673648, -19.029663353982,
          -15.898673344914}},
        {2,
         {-19.379370999950, -16.815474622272, -21.923987237806, -19.838463564016,
          -15.251249829541}},
        {7,
         {-22.659027458679, -15.576497924357, -23.174502592416, -15.480783845006,
          -18.238733143498}},
        {MEMBERS,
         {-24.097101253141, -18.344509228411, -24.624284972182, -17.604875358319,
          -19.941898493556}},
    };
    struct sweep sweep = sweep_of(&arena, SWEEP_TPE, words);
    for (size_t row = 0; row < COUNT_OF(rows); row++) {
        struct parzen_member members[MEMBERS];
        double points[MEMBERS][6];
        for (size_t i = 0; i < rows[row].count; i++) {
            set_point((int)i, points[i]);
            members[i] = (struct parzen_member){.point = points[i], .is_good = true};
        }
        struct parzen *parzen = parzen_make(&arena, &sweep, members, rows[row].count, true);
        for (int i = 0; i < 5; i++) {
            double point[6];
            set_point(1000 + i, point);
            /* narrow cells by their middle: up to 2e-5 in all */
            assert_true(fabs(parzen_log(parzen, point) - rows[row].logs[i]) < 5e-5);
        }
    }
}

static double value_of(const struct override_vec *overrides, const char *key)
{
    vec_each (const struct override, override, overrides)
        if (str_is(override->key, key))
            return strtod(override->text.at, NULL);
    fail_msg("no %s", key);
    return 0;
}

/* Least value 0.397887. */
static double branin(const struct override_vec *overrides)
{
    double x = value_of(overrides, "x"), y = value_of(overrides, "y");
    double bend = y - 5.1 / (4 * PI * PI) * x * x + 5 / PI * x - 6;
    return bend * bend + 10 * (1 - 1 / (8 * PI)) * cos(x) + 10;
}

/* Least value -3.32237. */
static double hartmann(const struct override_vec *overrides)
{
    static const double heights[4] = {1, 1.2, 3, 3.2};
    static const double widths[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                        {.05, 10, 17, .1, 8, 14},
                                        {3, 3.5, 1.7, 10, 17, 8},
                                        {17, 8, .05, 10, .1, 14}};
    static const double centres[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                         {2329, 4135, 8307, 3736, 1004, 9991},
                                         {2348, 1451, 3522, 2883, 3047, 6650},
                                         {4047, 8828, 8732, 5743, 1091, 381}};
    double sum = 0;
    for (size_t i = 0; i < 4; i++) {
        double exponent = 0;
        for (size_t j = 0; j < 6; j++) {
            const char key[] = {'x', (char)('0' + j), '\0'};
            double distance = value_of(overrides, key) - 1e-4 * centres[i][j];
            exponent += widths[i][j] * distance * distance;
        }
        sum -= heights[i] * exp(-exponent);
    }
    return sum;
}

static struct str word_of(const struct override_vec *overrides, const char *key)
{
    vec_each (const struct override, override, overrides)
        if (str_is(override->key, key))
            return override->text;
    return (struct str){0};
}

/* Words decide where the best rate lies; least value 0. */
static double mixed(const struct override_vec *overrides)
{
    struct str word = word_of(overrides, "m");
    double base = str_is(word, "a") ? 0.5 : str_is(word, "b") ? 0 : str_is(word, "c") ? 0.3 : 0.8;
    double rate = log10(value_of(overrides, "lr")) - (str_is(word, "b") ? -2.5 : -1.5);
    double width = log2(value_of(overrides, "w")) - 5, share = value_of(overrides, "q") - 0.3;
    return base + 0.3 * rate * rate + 0.05 * fabs(value_of(overrides, "n") - 7) +
           0.1 * width * width + share * share;
}

struct problem {
    const char *words[7];
    double (*score)(const struct override_vec *overrides);
    double most; /* of the median */
};

static const struct problem problems[] = {
    {{"x=uniform(-5,10)", "y=uniform(0,15)", NULL}, branin, 0.43},
    {{"x0=uniform(0,1)", "x1=uniform(0,1)", "x2=uniform(0,1)", "x3=uniform(0,1)", "x4=uniform(0,1)",
      "x5=uniform(0,1)", NULL},
     hartmann,
     -3.1},
    {{"lr=loguniform(1e-5,1)", "n=int(1,20)", "w=logint(4,1024)", "m=a,b,c,d",
      "q=uniform(0,1,0.05)", NULL},
     mixed,
     0.2},
};

static double best_of(const struct problem *problem, enum sweep_method method, uint64_t seed,
                      int64_t lag)
{
    AUTO(arena_drop) struct arena own = {0};
    struct sweep sweep = sweep_of(&own, method, problem->words);
    struct trial_past past[TRIALS];
    struct override_vec overrides[TRIALS];
    double best = HUGE_VAL;
    sweep.seed = seed;
    sweep.lag = lag;
    for (int64_t i = 0; i < TRIALS; i++) {
        int64_t waits = 0;
        assert_null(sampler_propose(&own, &sweep, i, past, (size_t)i, &overrides[i], &waits));
        assert_int_equal(waits, -1);
        past[i] = (struct trial_past){i, &overrides[i], true, true, problem->score(&overrides[i])};
        best = fmin(best, past[i].score);
    }
    return best;
}

static int double_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_of(const struct problem *problem, enum sweep_method method, int64_t lag)
{
    double best[SEEDS];
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        best[seed] = best_of(problem, method, seed, lag);
    qsort(best, SEEDS, sizeof *best, double_compare);
    return (best[SEEDS / 2 - 1] + best[SEEDS / 2]) / 2;
}

static void it_finds_better_values_than_random_draws(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(problems); i++) {
        double random = median_of(&problems[i], SWEEP_RANDOM, 1);
        double found = median_of(&problems[i], SWEEP_TPE, 1);
        if (!(found < random && found < problems[i].most))
            fail_msg("problem %zu: %g, random %g", i, found, random);
    }
}

static void it_does_so_with_eight_trials_side_by_side(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(problems); i++)
        assert_true(median_of(&problems[i], SWEEP_TPE, 8) <
                    median_of(&problems[i], SWEEP_RANDOM, 1));
}

struct course {
    struct trial_past past[TRIALS];
    struct override_vec overrides[TRIALS];
};

static int64_t propose(const struct sweep *sweep, int64_t number, struct course *course,
                       size_t count, struct override_vec *ret)
{
    int64_t waits = -2;
    assert_null(sampler_propose(&arena, sweep, number, course->past, count, ret, &waits));
    return waits;
}

static void fill(const struct sweep *sweep, struct course *course, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(propose(sweep, i, course, (size_t)i, &course->overrides[i]), -1);
        course->past[i] = (struct trial_past){i, &course->overrides[i], true, true,
                                              strtod(course->overrides[i].at[0].text.at, NULL)};
    }
}

static void a_proposal_waits_for_what_it_has_to_know(void **state)
{
    (void)state;
    static const char *const words[] = {"a=uniform(0,1)", NULL};
    static struct course course;
    struct override_vec next = {0}, again = {0};
    struct sweep sweep = sweep_of(&arena, SWEEP_TPE, words);
    sweep.lag = 5;
    fill(&sweep, &course, 30);
    assert_int_equal(propose(&sweep, 30, &course, 30, &next), -1);
    for (size_t i = 26; i < 30; i++) /* those within the lag may run */
        course.past[i].has_score = course.past[i].is_done = false;
    assert_int_equal(propose(&sweep, 30, &course, 30, &again), -1);
    assert_true(str_equal(next.at[0].text, again.at[0].text));
    course.past[25].has_score = course.past[25].is_done = false;
    assert_int_equal(propose(&sweep, 30, &course, 30, &again), 25);
    course.past[25].is_done = true; /* failed */
    assert_int_equal(propose(&sweep, 30, &course, 30, &again), -1);
    assert_int_equal(propose(&sweep, 30, &course, 20, &again), 20); /* it is not there */
}

static void the_first_are_random_and_failures_do_no_harm(void **state)
{
    (void)state;
    static const char *const words[] = {"a=uniform(0,1)", NULL};
    static struct course course;
    struct override_vec left = {0}, right = {0};
    struct sweep sweep = sweep_of(&arena, SWEEP_TPE, words), random = sweep;
    random.method = SWEEP_RANDOM;
    propose(&sweep, 9, &course, 0, &left);
    propose(&random, 9, &course, 0, &right);
    assert_true(str_equal(left.at[0].text, right.at[0].text));
    fill(&sweep, &course, 30);
    for (size_t i = 0; i < 30; i++)
        course.past[i].has_score = false;
    assert_int_equal(propose(&sweep, 30, &course, 30, &left), -1);
    double value = strtod(left.at[0].text.at, NULL);
    assert_true(value >= 0 && value <= 1);
}

static void a_finite_space_is_exhausted_before_anything_comes_twice(void **state)
{
    (void)state;
    static const char *const words[] = {"a=int(1,8)", "b=x,y,z", "c=logint(1,3)", NULL};
    static struct course course;
    struct sweep sweep = sweep_of(&arena, SWEEP_TPE, words);
    int64_t count = 0;
    assert_null(sampler_count(&sweep, &count));
    assert_int_equal(count, 72);
    fill(&sweep, &course, count);
    for (size_t i = 0; i < 72; i++)
        for (size_t j = 0; j < i; j++) {
            bool is_same = true;
            for (size_t k = 0; k < 3; k++)
                is_same = is_same &&
                          str_equal(course.overrides[i].at[k].text, course.overrides[j].at[k].text);
            assert_false(is_same);
        }
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
        cmocka_unit_test(densities_are_those_of_a_known_implementation),
        cmocka_unit_test(it_finds_better_values_than_random_draws),
        cmocka_unit_test(it_does_so_with_eight_trials_side_by_side),
        cmocka_unit_test(a_proposal_waits_for_what_it_has_to_know),
        cmocka_unit_test(the_first_are_random_and_failures_do_no_harm),
        cmocka_unit_test(a_finite_space_is_exhausted_before_anything_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
