#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "batches.h"
#include "schemas.h"

static struct arena arena;
static struct caster *number, *integer;
static struct column_room *room;

static int open_casters(void **state)
{
    (void)state;
    number = caster_of(&arena, "\"type\": \"number\"");
    integer = caster_of(&arena, "\"type\": \"integer\"");
    assert_null(column_room_open(&room));
    return 0;
}

static int drop_all(void **state)
{
    (void)state;
    column_room_drop(&room);
    arena_drop(&arena);
    return 0;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A text alone and in a column, at the start of the batch and behind other bytes. */
static void expect(const char *text, double wanted)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str one = str_of(text);
    double alone = 1;
    assert_int_equal(cast_text(number, one, &alone), VALUE_VALID);
    for (size_t pad = 0; pad < 20; pad += 19) {
        struct record_batch batch = batch_of(&scratch, &one, 1, RAW_TEXT, pad);
        struct column_data data;
        cast_column(number, &batch, 0, room, &data);
        assert_int_equal(data.states[0], VALUE_VALID);
        if (bits_of(data.numbers[0]) != bits_of(wanted))
            fail_msg("%s in a column is %.17g", text, data.numbers[0]);
    }
    if (bits_of(alone) != bits_of(wanted))
        fail_msg("%s is %.17g, not %.17g", text, alone, wanted);
}

static void expect_nearest(const char *text)
{
    expect(text, strtod(text, NULL));
}

static void test_hard_numbers_are_the_nearest_doubles(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "-1",
        "0.1",
        "1e23",
        "8.98846567431158e307",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "2.2250738585072014e-308",
        "2.2250738585072011e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1e-400",
        "9007199254740993",
        "9007199254740992.5",
        "9007199254740993.0",
        "9007199254740991",
        "18014398509481985",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827",
        "1.00000000000000011102230246251565",
        "1.000000000000000111022302462515654042363166809082031",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.000000000000000111022302462515654042363166809082031250000000000000000000000000000001",
        "6.631236871469758276e-316",
        "3.2379086165851934e-319",
        "7.2057594037927933e16",
        "10000000000000000000000",
        "1e22",
        "1e-22",
        "123456789.1234567",
        "99999999.9999999",
        "9999999999999999",
        "999999999999999.9",
        "00000000000000000000000000001.5",
        ".5",
        "5.",
        "+7.25",
        "1E5",
        "1e+05",
        "1e-5",
        "12345678",
        "1234567.",
        "-123456.7",
        "12345678.9",
        "123456789",
        "0.000001",
        "-0.000001",
        "0.0000001",
        "0.00000001",
        "179769313486231580793728971405301e276",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        expect_nearest(texts[i]);
    expect("1e400", (double)INFINITY);
    expect("-1e400", -(double)INFINITY);
    expect("1e99999999999999999999", (double)INFINITY);
    expect("0e99999999999999999999", 0);
    expect("inf", (double)INFINITY);
    expect("-INF", -(double)INFINITY);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Bits at random, written in the ways programs write them. */
static void test_random_doubles_come_back_bit_by_bit(void **state)
{
    (void)state;
    uint64_t seed = 20240601;
    char text[64];
    for (int i = 0; i < 60000; i++) {
        uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, "%.17g", value);
        expect(text, value);
    }
}

/* Fixed notation of all lengths, where the fast ways end. */
static void test_random_decimals_are_the_nearest_doubles(void **state)
{
    (void)state;
    uint64_t seed = 7;
    char text[64];
    for (int i = 0; i < 60000; i++) {
        uint64_t random = next_random(&seed);
        int whole = (int)(random % 13), places = (int)(random / 13 % 13);
        size_t len = 0;
        if (random >> 40 & 1)
            text[len++] = '-';
        for (int k = 0; k < whole; k++)
            text[len++] = (char)('0' + next_random(&seed) % 10);
        if (places || !whole)
            text[len++] = '.';
        for (int k = 0; k < places || (!whole && !k); k++)
            text[len++] = (char)('0' + next_random(&seed) % 10);
        text[len] = '\0';
        expect_nearest(text);
    }
}

/* Near the middle between two doubles, where one digit far behind decides. */
static void test_halves_between_doubles_are_rounded_to_even(void **state)
{
    (void)state;
    uint64_t seed = 99;
    char text[900];
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = (next_random(&seed) >> 2) % 0x7fe0000000000000;
        double low, high;
        memcpy(&low, &bits, sizeof low);
        bits++;
        memcpy(&high, &bits, sizeof high);
        long double middle = ((long double)low + (long double)high) / 2;
        snprintf(text, sizeof text, "%.780Lg", middle);
        expect_nearest(text);
    }
}

static void test_what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "-",
        "+",
        ".",
        "-.",
        "e5",
        "1e",
        "1e+",
        "1.2.3",
        "1..2",
        "--1",
        "+-1",
        "1-",
        "1 ",
        " 1",
        "1_0",
        "0x10",
        "1,5",
        "inf1",
        "+inf",
        "infinity",
        "1e5.5",
        "1.e.",
        "12a",
        "a12",
        "1e5e",
        "NaNs",
        "-nan",
        "1/2",
        "½",
        "１",
        "-12-3",
        "1.-2",
        ".-12",
        "12:3",
        "1;22",
        "12345/",
        "1234.6789.1234",
    };
    double value = 0;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct str one = str_of(texts[i]);
        struct record_batch batch = batch_of(&scratch, &one, 1, RAW_TEXT, 32);
        struct column_data data;
        if (cast_text(number, one, &value) != VALUE_BAD)
            fail_msg("'%s' is taken for a number", texts[i]);
        cast_column(number, &batch, 0, room, &data);
        assert_int_equal(data.states[0], VALUE_BAD);
        assert_true(isnan(data.numbers[0]));
        cast_column(integer, &batch, 0, room, &data);
        assert_int_equal(data.states[0], VALUE_BAD);
    }
}

static void test_integers_of_any_length_are_valid(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"007", 7},
        {"12345678", 12345678},
        {"123456789", 123456789},
        {"-1234567890123456", -1234567890123456},
        {"12345678901234567", 12345678901234567},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"-9223372036854775807", -INT64_MAX},
        {"-99999999999999999999999", INT64_MIN},
        {"18446744073709551617", INT64_MAX},
        {"000000000000000000000000000000000005", 5},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct str one = str_of(rows[i].text);
        struct record_batch batch = batch_of(&scratch, &one, 1, RAW_TEXT, i % 2 ? 40 : 0);
        struct column_data data;
        cast_column(integer, &batch, 0, room, &data);
        assert_int_equal(data.states[0], VALUE_VALID);
        assert_true(data.integers[0] == rows[i].value);
        assert_true(data.numbers[0] == strtod(rows[i].text, NULL));
    }
}

static void expect_with(const char *options, const char *text, enum value_state state,
                        double wanted)
{
    AUTO(arena_drop) struct arena scratch = {0};
    double value = 0;
    enum value_state found = cast_text(caster_of(&scratch, options), str_of(text), &value);
    if (found != state || (state == VALUE_VALID && value != wanted))
        fail_msg("%s: '%s' gives %d, %g", options, text, found, value);
}

static void test_options_of_numbers_are_heard(void **state)
{
    (void)state;
    static const char grouped[] = "\"type\": \"number\", \"groupChar\": \",\"";
    static const char european[] =
        "\"type\": \"number\", \"groupChar\": \".\", \"decimalChar\": \",\"";
    static const char around[] = "\"type\": \"number\", \"bareNumber\": false";
    static const char words[] =
        "\"type\": \"number\", \"groupChar\": \"' \", \"decimalChar\": \"::\"";
    expect_with(grouped, "1,234,567.5", VALUE_VALID, 1234567.5);
    expect_with(grouped, "12,34,567", VALUE_VALID, 1234567);
    expect_with(grouped, ",123", VALUE_BAD, 0);
    expect_with(grouped, "123,", VALUE_BAD, 0);
    expect_with(grouped, "1,,2", VALUE_BAD, 0);
    expect_with(grouped, "1.234,5", VALUE_BAD, 0);
    expect_with(european, "1.234,5", VALUE_VALID, 1234.5);
    expect_with(european, "1234.5,5", VALUE_VALID, 12345.5);
    expect_with(european, "1,5.5", VALUE_BAD, 0);
    expect_with("\"type\": \"number\", \"decimalChar\": \",\"", "1.5", VALUE_BAD, 0);
    expect_with("\"type\": \"number\", \"decimalChar\": \",\"", "-1,5e3", VALUE_VALID, -1500);
    expect_with(words, "1' 234::5", VALUE_VALID, 1234.5);
    expect_with(around, "95%", VALUE_VALID, 95);
    expect_with(around, "EUR 95", VALUE_VALID, 95);
    expect_with(around, "€-9.5 each", VALUE_VALID, -9.5);
    expect_with(around, "$.5", VALUE_VALID, 0.5);
    expect_with(around, "-EUR 95", VALUE_BAD, 0);
    expect_with(around, "EUR", VALUE_BAD, 0);
    expect_with(around, "1 or 2", VALUE_BAD, 0);
    expect_with(around, "NaN", VALUE_BAD, 0);
    expect_with("\"type\": \"integer\", \"bareNumber\": false", "EUR 95", VALUE_VALID, 95);
    expect_with("\"type\": \"integer\", \"groupChar\": \" \"", "1 000", VALUE_VALID, 1000);
    expect_with("\"type\": \"integer\", \"groupChar\": \".\"", "1.000", VALUE_VALID, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hard_numbers_are_the_nearest_doubles),
        cmocka_unit_test(test_random_doubles_come_back_bit_by_bit),
        cmocka_unit_test(test_random_decimals_are_the_nearest_doubles),
        cmocka_unit_test(test_halves_between_doubles_are_rounded_to_even),
        cmocka_unit_test(test_what_is_no_number_is_refused),
        cmocka_unit_test(test_integers_of_any_length_are_valid),
        cmocka_unit_test(test_options_of_numbers_are_heard),
    };
    return cmocka_run_group_tests(tests, open_casters, drop_all);
}
