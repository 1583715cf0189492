#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/model/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

enum { PAST_MOST = 200 };

static struct arena arena;

static void add_range(struct sweep *sweep, const char *word)
{
    struct dimension dimension = {0};
    struct override fixed = {0};
    bool is_fixed = false;
    assert_null(dimension_parse(&arena, str_of(word), &dimension, &fixed, &is_fixed));
    if (is_fixed)
        *vec_push(&arena, &sweep->fixed) = fixed;
    else
        *vec_push(&arena, &sweep->dimensions) = dimension;
}

static struct sweep sweep_of(enum sweep_method method, const char *const *words)
{
    struct sweep sweep = {
        .method = method, .repeat = 1, .metric_key = STR("loss"), .direction = LOWER_IS_BETTER};
    for (; *words; words++)
        add_range(&sweep, *words);
    return sweep;
}

/* "a=1 b=2": what a trial changes. */
static struct str words_of(const struct override_vec *overrides)
{
    struct str words = {0};
    vec_each (const struct override, override, overrides)
        words = str_print(&arena, "%.*s%s%.*s", STR_FMT(words), words.len ? " " : "",
                          STR_FMT(override_print(&arena, override)));
    return words;
}

/* A sweep that is run trial by trial; scores are told in the order of numbers. */
struct course {
    struct trial_past past[PAST_MOST];
    struct override_vec overrides[PAST_MOST];
    size_t count;
};

static int64_t proposed(const struct sweep *sweep, int64_t number, struct course *course,
                        struct override_vec *ret)
{
    int64_t waits = -2;
    struct error *error =
        sampler_propose(&arena, sweep, number, course->past, course->count, ret, &waits);
    if (error)
        fail_msg("%s", error->text);
    return waits;
}

static void advance(const struct sweep *sweep, struct course *course, bool has_score, double score)
{
    size_t at = course->count;
    assert_int_equal(proposed(sweep, (int64_t)at, course, &course->overrides[at]), -1);
    course->past[at] =
        (struct trial_past){(int64_t)at, &course->overrides[at], has_score, true, score};
    course->count++;
}

static int64_t count_of(const struct sweep *sweep)
{
    int64_t count = -1;
    assert_null(sampler_count(sweep, &count));
    return count;
}

static void assert_words(const struct sweep *sweep, int64_t number, const char *expected)
{
    struct course none = {.count = 0};
    struct override_vec overrides = {0};
    assert_int_equal(proposed(sweep, number, &none, &overrides), -1);
    assert_string_equal(str_terminate(&arena, words_of(&overrides)), expected);
}

static void a_grid_has_all_combinations_the_first_slowest(void **state)
{
    (void)state;
    static const char *const words[] = {"b=x,y", "a=int(1,5,2)", "q=uniform(0,0.2,0.1)", "z=7",
                                        NULL};
    struct sweep sweep = sweep_of(SWEEP_GRID, words);
    assert_int_equal(count_of(&sweep), 18);
    assert_words(&sweep, 0, "a=1 b=x q=0.0 z=7");
    assert_words(&sweep, 1, "a=1 b=x q=0.1 z=7");
    assert_words(&sweep, 3, "a=3 b=x q=0.0 z=7");
    assert_words(&sweep, 17, "a=5 b=y q=0.2 z=7");
    sweep.trials_most = 5;
    assert_int_equal(count_of(&sweep), 5);
}

static void repeats_come_together_with_seeds_of_their_own(void **state)
{
    (void)state;
    static const char *const words[] = {"a=1,2", NULL};
    struct sweep sweep = sweep_of(SWEEP_GRID, words);
    int64_t combination = 0, repeat = 0;
    sweep.repeat = 3;
    sweep.seed_key = STR("seed");
    assert_int_equal(count_of(&sweep), 6);
    assert_words(&sweep, 2, "a=1 seed=2");
    assert_words(&sweep, 3, "a=2 seed=0");
    sampler_split(&sweep, 5, &combination, &repeat);
    assert_int_equal(combination, 1);
    assert_int_equal(repeat, 2);
}

static void a_sweep_of_nothing_is_one_trial(void **state)
{
    (void)state;
    static const char *const words[] = {"a=1", NULL};
    struct sweep sweep = sweep_of(SWEEP_GRID, words);
    assert_int_equal(count_of(&sweep), 1);
    assert_words(&sweep, 0, "a=1");
}

static void a_list_is_taken_as_it_is(void **state)
{
    (void)state;
    static const char *const words[] = {"z=0", NULL};
    struct sweep sweep = sweep_of(SWEEP_LIST, words);
    struct override_vec listed[2] = {{0}, {0}};
    *vec_push(&arena, &listed[0]) = (struct override){.key = STR("a"), .text = STR("1")};
    *vec_push(&arena, &listed[1]) = (struct override){.key = STR("b"), .action = EDIT_REMOVE};
    sweep.listed = listed;
    sweep.listed_count = 2;
    assert_int_equal(count_of(&sweep), 2);
    assert_words(&sweep, 0, "a=1 z=0");
    assert_words(&sweep, 1, "~b z=0");
}

static void too_many_trials_are_refused_with_their_number(void **state)
{
    (void)state;
    static const char *const words[] = {"a=int(1,1000)", "b=int(1,1000)", "c=int(1,1000)", NULL};
    static const char *const more[] = {"a=int(1,1e15)", "b=int(1,1e15)", "c=int(1,1e15)", NULL};
    struct sweep sweep = sweep_of(SWEEP_GRID, words);
    int64_t count = 0;
    struct error *error = sampler_count(&sweep, &count);
    assert_string_equal(error->text, "there would be 1000000000 trials, more than 100000");
    error_drop(error);
    sweep.trials_most = 10;
    assert_int_equal(count_of(&sweep), 10);
    sweep = sweep_of(SWEEP_GRID, more);
    error = sampler_count(&sweep, &count);
    assert_string_equal(error->text,
                        "there would be more than 10^45 trials, at most 100000 can be");
    error_drop(error);
}

static void a_draw_depends_on_nothing_but_its_number_and_name(void **state)
{
    (void)state;
    static const char *const words[] = {"a=uniform(0,1)", "b=uniform(0,1)", NULL};
    static const char *const turned[] = {"c=x,y", "b=uniform(0,1)", "a=uniform(0,1)", NULL};
    struct sweep one = sweep_of(SWEEP_RANDOM, words), two = sweep_of(SWEEP_RANDOM, turned);
    one.trials_most = two.trials_most = 100;
    for (int64_t i = 99; i >= 0; i--) {
        struct course none = {.count = 0};
        struct override_vec left = {0}, right = {0};
        proposed(&one, i, &none, &left);
        proposed(&two, i, &none, &right);
        assert_true(str_equal(left.at[0].text, right.at[0].text));
        assert_true(str_equal(left.at[1].text, right.at[1].text));
        assert_false(str_equal(left.at[0].text, left.at[1].text));
    }
    one.seed = 1;
    struct course none = {.count = 0};
    struct override_vec left = {0}, right = {0};
    proposed(&one, 0, &none, &left);
    proposed(&two, 0, &none, &right);
    assert_false(str_equal(left.at[0].text, right.at[0].text));
}

/* The same file in every version of the program, or old sweeps could not be resumed. */
static void the_first_draws_are_as_they_always_were(void **state)
{
    (void)state;
    static const char *const words[] = {"lr=loguniform(1e-4,1e-1)", "n=int(1,10)", "o=a,b,c",
                                        "w=logint(1,100)", NULL};
    struct sweep sweep = sweep_of(SWEEP_RANDOM, words);
    sweep.trials_most = 3;
    sweep.seed = 42;
    assert_words(&sweep, 0, "lr=0.05099095157584517 n=7 o=c w=1");
    assert_words(&sweep, 1, "lr=0.01261747468967455 n=10 o=a w=3");
    assert_words(&sweep, 2, "lr=0.0003339195624780756 n=4 o=a w=6");
}

static void draws_fill_their_ranges_evenly(void **state)
{
    (void)state;
    static const char *const words[] = {"u=uniform(-2,6)", "l=loguniform(1e-3,1e3)", "n=int(3,7)",
                                        "w=logint(1,7)", NULL};
    struct sweep sweep = sweep_of(SWEEP_RANDOM, words);
    enum { COUNT = 2000 };
    double uniform = 0, logarithm = 0;
    int whole[5] = {0}, ones = 0;
    sweep.trials_most = COUNT;
    for (int64_t i = 0; i < COUNT; i++) {
        struct course none = {.count = 0};
        struct override_vec overrides = {0}; /* l, n, u, w */
        proposed(&sweep, i, &none, &overrides);
        double l = strtod(overrides.at[0].text.at, NULL), u = strtod(overrides.at[2].text.at, NULL);
        assert_true(u >= -2 && u <= 6 && l >= 1e-3 && l <= 1e3);
        uniform += u / COUNT;
        logarithm += log10(l) / COUNT;
        whole[atoi(overrides.at[1].text.at) - 3]++;
        ones += str_is(overrides.at[3].text, "1");
    }
    assert_true(fabs(uniform - 2) < 0.2 && fabs(logarithm) < 0.15);
    for (int i = 0; i < 5; i++)
        assert_in_range(whole[i], COUNT / 5 - 80, COUNT / 5 + 80);
    assert_in_range(ones, 740, 890); /* log(1.5 / 0.5) / log(7.5 / 0.5) = 0.406 */
}

static void assert_all_differ(const struct sweep *sweep, int64_t count)
{
    struct map seen = {0};
    for (int64_t i = 0; i < count; i++) {
        struct course none = {.count = 0};
        struct override_vec overrides = {0};
        proposed(sweep, i, &none, &overrides);
        assert_null(map_put(&arena, &seen, words_of(&overrides), &seen));
    }
}

static void a_finite_space_comes_without_repetition(void **state)
{
    (void)state;
    static const char *const small[] = {"a=int(1,6)", "b=x,y,z", "w=logint(1,10)", NULL};
    static const char *const large[] = {"a=int(1,1000)", "w=logint(1,1000)", NULL};
    static const char *const two[] = {"a=x,y", NULL};
    struct sweep sweep = sweep_of(SWEEP_RANDOM, small);
    assert_int_equal(count_of(&sweep), 180);
    assert_all_differ(&sweep, 180);
    sweep.trials_most = 1000; /* at most: all have been by then */
    assert_int_equal(count_of(&sweep), 180);
    sweep = sweep_of(SWEEP_RANDOM, large);
    sweep.trials_most = 1000;
    assert_all_differ(&sweep, 1000);
    sweep = sweep_of(SWEEP_RANDOM, two);
    assert_all_differ(&sweep, 2);
}

static void numbers_are_reals_in_every_reader(void **state)
{
    (void)state;
    static const char *const words[] = {"u=uniform(1e-9,2e-9)", "v=uniform(1e17,2e17)", NULL};
    struct sweep sweep = sweep_of(SWEEP_RANDOM, words);
    sweep.trials_most = 100;
    for (int64_t i = 0; i < 100; i++) {
        struct course none = {.count = 0};
        struct override_vec overrides = {0};
        proposed(&sweep, i, &none, &overrides);
        for (size_t j = 0; j < 2; j++) {
            struct str text = overrides.at[j].text;
            ptrdiff_t exponent = str_find_char(text, 'e');
            assert_true(str_find_char(str_slice(text, 0, (size_t)exponent), '.') > 0);
            assert_true(text.at[exponent + 1] == '-' || text.at[exponent + 1] == '+');
        }
    }
}

static struct sweep halving(int64_t first, int64_t trials)
{
    static const char *const words[] = {"lr=loguniform(1e-4,1)", NULL};
    struct sweep sweep = sweep_of(SWEEP_RANDOM, words);
    sweep.stop = STOP_HALVING;
    sweep.budget_key = STR("epochs");
    sweep.budget_least = first;
    sweep.budget_most = 27;
    sweep.trials_most = trials;
    return sweep;
}

static void rounds_halve_and_their_budgets_grow(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *budget;
    } rows[] = {{0, "1"}, {26, "1"}, {27, "3"}, {35, "3"}, {36, "9"}, {38, "9"}, {39, "27"}};
    struct sweep sweep = halving(1, 40); /* 27 + 9 + 3 + 1 */
    static struct course course;
    course.count = 0;
    assert_int_equal(count_of(&sweep), 40);
    for (int64_t i = 0; i < 40; i++)
        advance(&sweep, &course, true, (double)(i * 7 % 27));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(str_is(course.overrides[rows[i].number].at[0].text, rows[i].budget));
    sweep = halving(1, 39);
    assert_int_equal(count_of(&sweep), 37); /* 26 + 8 + 2 + 1 */
    sweep = halving(9, 3);
    assert_int_equal(count_of(&sweep), 3); /* 2 + 1: one goes on at least */
}

static void the_best_of_a_round_go_on(void **state)
{
    (void)state;
    struct sweep sweep = halving(9, 8); /* 6 + 2 */
    static struct course course;
    static const double scores[] = {5, 1, 4, 9, 2, 3};
    struct override_vec next = {0};
    course.count = 0;
    assert_int_equal(count_of(&sweep), 8);
    for (size_t i = 0; i < COUNT_OF(scores); i++)
        advance(&sweep, &course, i != 3, scores[i]);
    course.past[1].is_done = course.past[1].has_score = false;
    assert_int_equal(proposed(&sweep, 6, &course, &next), 1); /* waits for the second */
    course.past[1].is_done = course.past[1].has_score = true;
    proposed(&sweep, 6, &course, &next);
    assert_true(str_equal(next.at[1].text, course.overrides[1].at[1].text));
    proposed(&sweep, 7, &course, &next);
    assert_true(str_equal(next.at[1].text, course.overrides[4].at[1].text));
    sweep.direction = HIGHER_IS_BETTER; /* the fourth, with 9, has failed */
    proposed(&sweep, 6, &course, &next);
    assert_true(str_equal(next.at[1].text, course.overrides[0].at[1].text));
}

static void halving_needs_room_for_its_rounds(void **state)
{
    (void)state;
    struct sweep sweep = halving(1, 3);
    int64_t count = 0;
    struct error *error = sampler_count(&sweep, &count);
    assert_non_null(strstr(error->text, "at least 4 combinations, 3 are allowed"));
    error_drop(error);
    sweep.trials_most = 0;
    error = sampler_count(&sweep, &count);
    assert_non_null(strstr(error->text, "needs a number of trials"));
    error_drop(error);
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
        cmocka_unit_test(a_grid_has_all_combinations_the_first_slowest),
        cmocka_unit_test(repeats_come_together_with_seeds_of_their_own),
        cmocka_unit_test(a_sweep_of_nothing_is_one_trial),
        cmocka_unit_test(a_list_is_taken_as_it_is),
        cmocka_unit_test(too_many_trials_are_refused_with_their_number),
        cmocka_unit_test(a_draw_depends_on_nothing_but_its_number_and_name),
        cmocka_unit_test(the_first_draws_are_as_they_always_were),
        cmocka_unit_test(draws_fill_their_ranges_evenly),
        cmocka_unit_test(a_finite_space_comes_without_repetition),
        cmocka_unit_test(numbers_are_reals_in_every_reader),
        cmocka_unit_test(rounds_halve_and_their_budgets_grow),
        cmocka_unit_test(the_best_of_a_round_go_on),
        cmocka_unit_test(halving_needs_room_for_its_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
