#include "mlops/data/pattern.h"

#include "support/unit.h"

static bool matches_as(const char *pattern_text, const char *text, enum pattern_extent extent)
{
    AUTO(pattern_drop) struct pattern *pattern = NULL;
    AUTO(pattern_room_drop) struct pattern_room *room = NULL;
    bool is_match = false, is_ascii = true;
    assert_null(pattern_open(str_of(pattern_text), extent, &pattern));
    assert_null(pattern_room_open(&room));
    for (const char *at = text; *at; at++)
        is_ascii &= (unsigned char)*at < 128;
    assert_null(pattern_matches(pattern, room, str_of(text), false, &is_match));
    if (is_ascii) {
        bool again = !is_match;
        assert_null(pattern_matches(pattern, room, str_of(text), true, &again));
        assert_int_equal(again, is_match);
    }
    return is_match;
}

static bool matches(const char *pattern, const char *text)
{
    return matches_as(pattern, text, PATTERN_WHOLE);
}

static void the_whole_value_must_match(void **state)
{
    (void)state;
    assert_true(matches("a|b", "a"));
    assert_false(matches("a|b", "ab"));
    assert_false(matches("a|b", "xb"));
    assert_true(matches("a|ab", "ab"));
    assert_true(matches("^(?:AM|PM)$", "PM"));
    assert_false(matches("^a$", "a\n"));
    assert_false(matches("a", "a\n"));
    assert_true(matches("", ""));
    assert_false(matches("", "x"));
    assert_true(matches("\\d{5}", "75001"));
}

static void a_part_is_enough_where_the_extent_says_so(void **state)
{
    (void)state;
    assert_true(matches_as("b", "abc", PATTERN_WITHIN));
    assert_false(matches_as("^b", "abc", PATTERN_WITHIN));
}

static void characters_are_code_points(void **state)
{
    (void)state;
    assert_true(matches(".", "\xc3\xa9"));
    assert_true(matches("[\xc3\xa0-\xc3\xbf]+", "\xc3\xa9\xc3\xa8"));
    assert_true(matches("\\p{L}+", "\xc3\xa9t\xc3\xa9"));
    assert_true(matches("\\w+", "\xc3\xa9t\xc3\xa9"));
}

static void names_of_xml_are_known(void **state)
{
    (void)state;
    assert_true(matches("\\i\\c*", "xs:name-1"));
    assert_false(matches("\\i\\c*", "1name"));
    assert_true(matches("[\\i-[:]][\\c-[:]]*", "name.1"));
    assert_false(matches("[\\i-[:]][\\c-[:]]*", "a:b"));
    assert_true(matches("\\I", "1"));
}

static void classes_take_away(void **state)
{
    (void)state;
    assert_true(matches("[a-z-[aeiou]]+", "xyz"));
    assert_false(matches("[a-z-[aeiou]]+", "xaz"));
    assert_true(matches("[a-z-[a-m-[e]]]+", "zez"));
    assert_false(matches("[a-z-[a-m-[e]]]+", "zaz"));
    assert_true(matches("[a\\-[]+", "a-["));
    assert_true(matches("[]a]+", "]a"));
    assert_true(matches("[^]a]", "b"));
    assert_true(matches("[[:alpha:]]+", "ab"));
}

static void what_is_no_expression_is_told_with_its_offset(void **state)
{
    (void)state;
    static const char *const wrong[] = {"(a", "a)", "a)|(b", "[a", "*", "a{2,1}", "(?<", "\\"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        AUTO(pattern_drop) struct pattern *pattern = NULL;
        struct error *error = pattern_open(str_of(wrong[i]), PATTERN_WHOLE, &pattern);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        assert_non_null(strstr(error->text, "offset"));
        error_drop(error);
    }
}

static void a_hostile_expression_ends_with_an_error_that_names_it(void **state)
{
    (void)state;
    AUTO(pattern_drop) struct pattern *pattern = NULL;
    AUTO(pattern_room_drop) struct pattern_room *room = NULL;
    bool is_match;
    assert_null(pattern_open(STR("(a+)+b|(a*)*c"), PATTERN_WHOLE, &pattern));
    assert_null(pattern_room_open(&room));
    for (int is_ascii = 0; is_ascii < 2; is_ascii++) {
        struct error *error =
            pattern_matches(pattern, room, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax"),
                            is_ascii, &is_match);
        assert_non_null(error);
        assert_non_null(strstr(error->text, "(a+)+b"));
        error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_value_must_match),
        cmocka_unit_test(a_part_is_enough_where_the_extent_says_so),
        cmocka_unit_test(characters_are_code_points),
        cmocka_unit_test(names_of_xml_are_known),
        cmocka_unit_test(classes_take_away),
        cmocka_unit_test(what_is_no_expression_is_told_with_its_offset),
        cmocka_unit_test(a_hostile_expression_ends_with_an_error_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
