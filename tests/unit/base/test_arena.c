#include "mlops/base/arena.h"

#include <stdbool.h>
#include <string.h>

#include "support/unit.h"

static bool is_zero(const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

static void memory_is_zero_at_every_size_and_after_a_reset(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 17, 4000, 20000, 300000, 2097000, 2097152, 9000000};
    struct arena arena = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            unsigned char *at = arena_alloc(&arena, sizes[i]);
            assert_int_equal((uintptr_t)at % 16, 0);
            assert_true(is_zero(at, sizes[i]));
            memset(at, 0xA5, sizes[i]);
        }
        arena_reset(&arena);
    }
    arena_drop(&arena);
}

static void a_dropped_arena_can_be_used_again(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(arena_copy(&arena, "abc", 3), "abc");
    arena_drop(&arena);
    assert_string_equal(arena_copy(&arena, "def", 3), "def");
    arena_drop(&arena);
    assert_null(arena.newest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zero_at_every_size_and_after_a_reset),
        cmocka_unit_test(a_dropped_arena_can_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
