#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/model/name.h"

#include "support/scratch.h"

static void the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    int64_t before_ns = clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        int64_t now_ns = clock_monotonic_ns();
        assert_true(now_ns >= before_ns);
        before_ns = now_ns;
    }
    assert_true(clock_real_ns() > INT64_C(1700000000) * NS_PER_S);
}

static void random_bytes_fill_all_and_differ(void **state)
{
    (void)state;
    static unsigned char first[1000], second[1000];
    random_bytes(first, sizeof first);
    random_bytes(second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    int zeros = 0;
    for (size_t i = 0; i < sizeof first; i++)
        zeros += first[i] == 0;
    assert_true(zeros < 100);
}

static void ulids_are_valid_and_new_each_time(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str first = clock_ulid(&arena), second = clock_ulid(&arena);
    assert_true(ulid_is_valid(first));
    assert_true(ulid_is_valid(second));
    assert_false(str_equal(first, second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(random_bytes_fill_all_and_differ),
        cmocka_unit_test(ulids_are_valid_and_new_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
