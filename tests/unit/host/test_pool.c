#include "mlops/host/machine.h"
#include "mlops/host/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "support/scratch.h"

enum { ITEMS = 1000 };

static struct error *count_item(void *context, size_t index)
{
    int *counts = context; /* each item its own */
    counts[index]++;
    return NULL;
}

static void expect_each_once(int threads)
{
    AUTO(pool_drop) struct pool *pool = pool_open(threads);
    for (int round = 1; round <= 20; round++) {
        static int counts[ITEMS];
        memset(counts, 0, sizeof counts);
        assert_fine(pool_run(pool, ITEMS, count_item, counts, NULL));
        for (size_t i = 0; i < ITEMS; i++)
            assert_int_equal(counts[i], 1);
    }
}

static void every_item_is_done_once(void **state)
{
    (void)state;
    expect_each_once(0);
    expect_each_once(1);
    expect_each_once(7);
}

static struct error *fail_some(void *context, size_t index)
{
    atomic_fetch_add((atomic_int *)context, 1);
    return index % 10 == 3 ? error_new(ERROR_MACHINE, "item %zu", index) : NULL;
}

static void the_first_error_is_returned_and_nothing_new_is_begun(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 4; threads += 4) {
        AUTO(pool_drop) struct pool *pool = pool_open(threads);
        atomic_int done = 0;
        struct error *error = pool_run(pool, ITEMS, fail_some, &done, NULL);
        assert_non_null(error);
        assert_string_equal(error->text, "item 3");
        error_drop(error);
        assert_true(atomic_load(&done) >= 4 && atomic_load(&done) < ITEMS);
    }
}

static atomic_int until_stop;

static bool stops_soon(void)
{
    return atomic_fetch_sub(&until_stop, 1) <= 0;
}

static void a_stop_leaves_the_rest_undone_without_an_error(void **state)
{
    (void)state;
    AUTO(pool_drop) struct pool *pool = pool_open(3);
    static int counts[ITEMS];
    int done = 0;
    atomic_store(&until_stop, 10);
    assert_fine(pool_run(pool, ITEMS, count_item, counts, stops_soon));
    for (size_t i = 0; i < ITEMS; i++)
        done += counts[i];
    assert_true(done <= 10);
}

static struct error *run_inside(void *context, size_t index)
{
    int counts[10] = {0};
    (void)index;
    struct error *error = pool_run(context, COUNT_OF(counts), count_item, counts, NULL);
    return error ? error : counts[9] == 1 ? NULL : error_new(ERROR_BUG, "not run");
}

static void an_item_may_use_the_pool_itself(void **state)
{
    (void)state;
    AUTO(pool_drop) struct pool *pool = pool_open(3);
    assert_fine(pool_run(pool, 50, run_inside, pool, NULL));
}

static struct error *expect_masked(void *context, size_t index)
{
    sigset_t mask;
    (void)index;
    if (pthread_equal(pthread_self(), *(pthread_t *)context))
        return NULL;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGINT) ? NULL : error_new(ERROR_BUG, "a thread takes signals");
}

static void signals_stay_with_the_main_thread(void **state)
{
    (void)state;
    AUTO(pool_drop) struct pool *pool = pool_open(4);
    pthread_t self = pthread_self();
    assert_fine(pool_run(pool, ITEMS, expect_masked, &self, NULL));
}

static void the_environment_overrides_the_number_of_threads(void **state)
{
    (void)state;
    assert_int_equal(setenv("MLOPS_POOL", "0", 1), 0);
    struct pool *none = pool_open(-1);
    assert_int_equal(setenv("MLOPS_POOL", "3", 1), 0);
    struct pool *three = pool_open(-1);
    assert_int_equal(setenv("MLOPS_POOL", "many", 1), 0);
    struct pool *usual = pool_open(-1);
    unsetenv("MLOPS_POOL");
    assert_int_equal(pool_threads(none), 0);
    assert_int_equal(pool_threads(three), 3);
    assert_int_equal(pool_threads(usual), machine_cpus());
    pool_drop(&none);
    pool_drop(&three);
    pool_drop(&usual);
}

int main(void)
{
    unsetenv("MLOPS_POOL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once),
        cmocka_unit_test(the_first_error_is_returned_and_nothing_new_is_begun),
        cmocka_unit_test(a_stop_leaves_the_rest_undone_without_an_error),
        cmocka_unit_test(an_item_may_use_the_pool_itself),
        cmocka_unit_test(signals_stay_with_the_main_thread),
        cmocka_unit_test(the_environment_overrides_the_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
