#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/base/moment.h"
#include "mlops/base/vec.h"

#include "support/unit.h"

VEC(int_vec, int);

static void a_map_finds_what_was_put_and_keeps_the_order(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct map map = {0};
    static int values[1000];
    for (int i = 0; i < 1000; i++)
        assert_null(map_put(&arena, &map, str_print(&arena, "key-%d", i), &values[i]));
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(map_get(&map, str_print(&arena, "key-%d", i)), &values[i]);
    assert_null(map_get(&map, STR("key-1000")));
    int at = 0;
    map_each (entry, &map)
        assert_ptr_equal(entry->value, &values[at++]);
    assert_ptr_equal(map_put(&arena, &map, STR("key-7"), NULL), &values[7]);
    assert_int_equal(map.len, 1000);
}

static void durations_parse_with_units_and_refuse_nonsense(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_true(duration_parse(STR("2h"), &ns));
    assert_true(ns == 7200 * NS_PER_S);
    assert_true(duration_parse(STR("250ms"), &ns));
    assert_true(ns == 250 * NS_PER_MS);
    assert_true(duration_parse(STR("1.5 m"), &ns));
    assert_true(ns == 90 * NS_PER_S);
    const struct str bad[] = {STR("-1"),           STR("1e999"), STR(".nan"),
                              STR("2 fortnights"), STR(""),      STR("99999999999999999999")};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(duration_parse(bad[i], &ns));
}

static void bytes_parse_binary_and_decimal_units(void **state)
{
    (void)state;
    int64_t bytes = 0;
    assert_true(bytes_parse(STR("4GiB"), &bytes));
    assert_true(bytes == INT64_C(4294967296));
    assert_true(bytes_parse(STR("500MB"), &bytes));
    assert_true(bytes == 500000000);
    assert_false(bytes_parse(STR("4 horses"), &bytes));
}

static void distance_counts_a_swap_as_one(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("dpes"), STR("deps")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
}

static void utf8_refuses_surrogates_and_overlong_forms(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("caf\xC3\xA9 \xF0\x9F\x98\x80")));
    assert_false(str_is_utf8(STR("\xED\xA0\x80")));
    assert_false(str_is_utf8(STR("\xC0\xAF")));
    assert_false(str_is_utf8(STR("\xFF")));
}

static void a_vector_keeps_its_items_while_it_grows(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct int_vec numbers = {0};
    for (int i = 0; i < 100; i++)
        *vec_push(&arena, &numbers) = i;
    int expected = 0;
    vec_each (int, number, &numbers)
        assert_int_equal(*number, expected++);
    assert_int_equal(expected, 100);
}

static void split_gives_the_empty_parts_too(void **state)
{
    (void)state;
    struct str rest = STR("a,,b,");
    struct str part;
    const char *const expected[] = {"a", "", "b", ""};
    size_t count = 0;
    while (str_split(&rest, ',', &part))
        assert_true(count < 4 && str_is(part, expected[count++]));
    assert_int_equal(count, 4);
}

static void moments_of_servers_are_read(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    int64_t ns = 0;
    assert_true(moment_parse(STR("2009-10-12T17:50:30.123Z"), &ns));
    assert_true(str_is(moment_print(&arena, ns), "2009-10-12T17:50:30.123Z"));
    assert_true(moment_parse(STR("2009-10-12T17:50:30Z"), &ns));
    assert_true(moment_parse_http(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &ns));
    assert_true(str_is(moment_print(&arena, ns), "1994-11-06T08:49:37.000Z"));
    assert_false(moment_parse(STR("2009-10-12T17:50:30"), &ns));
    assert_false(moment_parse(STR("2009-13-12T17:50:30Z"), &ns));
    assert_false(moment_parse(STR("yesterday"), &ns));
    assert_false(moment_parse_http(STR("Sun, 06 ovD 1994 08:49:37 GMT"), &ns));
    assert_false(moment_parse_http(STR("Sun, 06 Nov 1994 08:49:37 CET"), &ns));
    assert_false(moment_parse_http(STR(""), &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_finds_what_was_put_and_keeps_the_order),
        cmocka_unit_test(durations_parse_with_units_and_refuse_nonsense),
        cmocka_unit_test(bytes_parse_binary_and_decimal_units),
        cmocka_unit_test(distance_counts_a_swap_as_one),
        cmocka_unit_test(utf8_refuses_surrogates_and_overlong_forms),
        cmocka_unit_test(a_vector_keeps_its_items_while_it_grows),
        cmocka_unit_test(split_gives_the_empty_parts_too),
        cmocka_unit_test(moments_of_servers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
