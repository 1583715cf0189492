#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"

#include <math.h>

#include "support/unit.h"

static void assert_bytes(const struct buf *out, struct str expected)
{
    assert_int_equal(out->len, expected.len);
    assert_memory_equal(out->at, expected.at, expected.len);
}

static void assert_refused(struct error *error, const char *word)
{
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    if (!strstr(error->text, word))
        fail_msg("'%s' lacks '%s'", error->text, word);
    error_drop(error);
}

static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    canon_list(&out, 8);
    canon_null(&out);
    canon_bool(&out, true);
    canon_bool(&out, false);
    canon_int(&out, -2);
    canon_real(&out, 0.5);
    canon_bigint(&out, STR("-9223372036854775809"));
    canon_str(&out, STR("a\0b"));
    canon_map(&out, 1);
    canon_str(&out, STR("k"));
    canon_int(&out, 258);
    assert_bytes(&out, STR("l\x08"
                           "ntf"
                           "i\xff\xff\xff\xff\xff\xff\xff\xfe"
                           "r\x3f\xe0\0\0\0\0\0\0"
                           "g\x14-9223372036854775809"
                           "s\x03"
                           "a\0b"
                           "m\x01s\x01ki\0\0\0\0\0\0\x01\x02"));
}

static void long_counts_take_more_bytes(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    canon_list(&out, 127);
    canon_list(&out, 128);
    canon_list(&out, 300);
    assert_bytes(&out, STR("l\x7fl\x80\x01l\xac\x02"));
}

static void equal_numbers_have_equal_bytes(void **state)
{
    (void)state;
    const struct {
        double real;
        int64_t integer;
    } rows[] = {
        {1.0, 1}, {-0.0, 0}, {1e15, 1000000000000000}, {-4503599627370497.0, -4503599627370497}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(buf_drop) struct buf real = {0};
        AUTO(buf_drop) struct buf integer = {0};
        canon_real(&real, rows[i].real);
        canon_int(&integer, rows[i].integer);
        assert_bytes(&real, buf_str(&integer));
    }
    AUTO(buf_drop) struct buf one = {0};
    AUTO(buf_drop) struct buf other = {0};
    canon_real(&one, (double)NAN);
    canon_real(&other, -(double)NAN);
    assert_bytes(&one, buf_str(&other));
}

static void different_numbers_have_different_bytes(void **state)
{
    (void)state;
    const double reals[] = {0,
                            0.1,
                            0.30000000000000004,
                            0.3,
                            9007199254740992.0,
                            1e300,
                            5e-324,
                            (double)INFINITY,
                            -(double)INFINITY,
                            (double)NAN,
                            -0.1};
    AUTO(arena_drop) struct arena arena = {0};
    struct str seen[COUNT_OF(reals)];
    for (size_t i = 0; i < COUNT_OF(reals); i++) {
        struct buf out = buf_in(&arena);
        canon_real(&out, reals[i]);
        seen[i] = buf_str(&out);
        for (size_t j = 0; j < i; j++)
            assert_false(str_equal(seen[i], seen[j]));
    }
}

static void what_was_written_reads_back(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf out = {0};
    struct digest digest = digest_of("x", 1);
    canon_str(&out, STR("mlops.test.1"));
    canon_map(&out, 2);
    canon_str(&out, STR("a"));
    canon_real(&out, 2.5);
    canon_str(&out, STR("b"));
    canon_list(&out, 3);
    canon_digest(&out, digest);
    canon_int(&out, INT64_MIN);
    canon_bigint(&out, STR("18446744073709551616"));

    struct canon_reader reader = canon_reader_of(buf_str(&out));
    struct str key = {0}, previous = {0}, digits = {0};
    struct digest read_digest;
    size_t count = 0;
    double real = 0;
    int64_t integer = 0;
    assert_null(canon_expect_tag(&reader, STR("mlops.test.1")));
    assert_null(canon_read_map(&reader, &count));
    assert_int_equal(count, 2);
    assert_null(canon_read_key(&reader, &previous, &key));
    assert_true(str_is(key, "a"));
    assert_null(canon_read_real(&reader, &real));
    assert_true(real > 2.4 && real < 2.6);
    assert_null(canon_read_key(&reader, &previous, &key));
    assert_null(canon_read_list(&reader, &count));
    assert_int_equal(count, 3);
    assert_null(canon_read_digest(&reader, &read_digest));
    assert_true(digest_equal(digest, read_digest));
    assert_null(canon_read_int(&reader, &integer));
    assert_true(integer == INT64_MIN);
    assert_int_equal(canon_next(&reader), CANON_BIGINT);
    assert_null(canon_read_bigint(&reader, &digits));
    assert_true(str_is(digits, "18446744073709551616"));
    assert_null(canon_expect_end(&reader));
    assert_int_equal(canon_next(&reader), CANON_END);
}

static void a_whole_item_is_passed_over(void **state)
{
    (void)state;
    struct str bytes = STR("m\x02s\x01"
                           "al\x02nts\x01"
                           "bfi\0\0\0\0\0\0\0\x05");
    struct canon_reader reader = canon_reader_of(bytes);
    struct str item = {0};
    int64_t integer = 0;
    assert_null(canon_read_item(&reader, &item));
    assert_int_equal(item.len, bytes.len - 9);
    assert_null(canon_read_int(&reader, &integer));
    assert_int_equal(integer, 5);
}

static struct error *read_item(struct str bytes)
{
    struct canon_reader reader = canon_reader_of(bytes);
    struct str item = {0};
    return canon_read_item(&reader, &item);
}

static void other_forms_of_the_same_value_are_refused(void **state)
{
    (void)state;
    assert_refused(read_item(STR("s\x81\x00y")), "shortest");
    assert_refused(read_item(STR("r\x3f\xf0\0\0\0\0\0\0")), "canonical");
    assert_refused(read_item(STR("r\x80\0\0\0\0\0\0\0")), "canonical");
    assert_refused(read_item(STR("r\x7f\xf8\0\0\0\0\0\x01")), "canonical");
    assert_refused(read_item(STR("g\x02"
                                 "07")),
                   "canonical");
    assert_refused(read_item(STR("m\x02s\x01"
                                 "bns\x01"
                                 "an")),
                   "ascending");
    assert_refused(read_item(STR("m\x02s\x01"
                                 "ans\x01"
                                 "an")),
                   "ascending");
    assert_refused(read_item(STR("m\x01nn")), "string expected");
}

static void damage_is_found_and_never_read_past(void **state)
{
    (void)state;
    assert_refused(read_item(STR("")), "missing");
    assert_refused(read_item(STR("z")), "unknown");
    assert_refused(read_item(STR("i\0\0\0")), "cut off");
    assert_refused(read_item(STR("h123")), "cut off");
    assert_refused(read_item(STR("s\x05"
                                 "abc")),
                   "past the end");
    assert_refused(read_item(STR("s\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "past the end");
    assert_refused(read_item(STR("s\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")), "out of range");
    assert_refused(read_item(STR("s\x80")), "cut off");
    assert_refused(read_item(STR("l\xff\x7f")), "past the end");
    AUTO(buf_drop) struct buf deep = {0};
    for (int i = 0; i < 1000; i++)
        canon_list(&deep, 1);
    canon_null(&deep);
    assert_refused(read_item(buf_str(&deep)), "too deep");
}

static void a_newer_version_is_told_from_damage(void **state)
{
    (void)state;
    struct canon_reader newer = canon_reader_of(STR("s\x08mlops.11"));
    assert_refused(canon_expect_tag(&newer, STR("mlops.2")), "newer version");
    struct canon_reader other = canon_reader_of(STR("s\x07mlopz.3"));
    assert_refused(canon_expect_tag(&other, STR("mlops.2")), "damaged");
    struct canon_reader rest = canon_reader_of(STR("x"));
    assert_refused(canon_expect_end(&rest), "follows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(long_counts_take_more_bytes),
        cmocka_unit_test(equal_numbers_have_equal_bytes),
        cmocka_unit_test(different_numbers_have_different_bytes),
        cmocka_unit_test(what_was_written_reads_back),
        cmocka_unit_test(a_whole_item_is_passed_over),
        cmocka_unit_test(other_forms_of_the_same_value_are_refused),
        cmocka_unit_test(damage_is_found_and_never_read_past),
        cmocka_unit_test(a_newer_version_is_told_from_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
