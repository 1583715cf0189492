#include <math.h>

#include "schemas.h"

static double valid(const char *options, const char *text)
{
    AUTO(arena_drop) struct arena arena = {0};
    double value = 0;
    enum value_state state = cast_text(caster_of(&arena, options), str_of(text), &value);
    if (state != VALUE_VALID)
        fail_msg("%s: '%s' gives state %d", options, text, state);
    return value;
}

static void refused(const char *options, const char *const *texts, size_t count)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct caster *caster = caster_of(&arena, options);
    for (size_t i = 0; i < count; i++)
        if (cast_text(caster, str_of(texts[i]), NULL) != VALUE_BAD)
            fail_msg("%s: '%s' is taken", options, texts[i]);
}

#define REFUSED(options, ...)                                                                      \
    refused(options, (const char *const[]){__VA_ARGS__},                                           \
            COUNT_OF(((const char *const[]){__VA_ARGS__})))

#define DATE "\"type\": \"date\""
#define TIME "\"type\": \"time\""
#define DATETIME "\"type\": \"datetime\""
#define DURATION "\"type\": \"duration\""
#define FORMAT(type, format) type ", \"format\": \"" format "\""

static void test_dates_are_days_since_1970(void **state)
{
    (void)state;
    assert_true(valid(DATE, "1970-01-01") == 0);
    assert_true(valid(DATE, "1969-12-31") == -1);
    assert_true(valid(DATE, "2000-02-29") == 11016);
    assert_true(valid(DATE, "0001-01-01") == -719162);
    assert_true(valid(DATE, "0000-03-01") == -719468);
    assert_true(valid(DATE, "9999-12-31") == 2932896);
    REFUSED(DATE, "2001-02-29", "1900-02-29", "2000-13-01", "2000-00-10", "2000-01-00",
            "2000-04-31", "2000-1-1", "20000101", "2000-01-01Z", " 2000-01-01", "2000/01/01",
            "2000-01-01T00:00:00", "-2000-01-01", "+200-01-01", "2000-0a-01", "12000-01-01");
}

static void test_times_are_seconds_of_the_day(void **state)
{
    (void)state;
    assert_true(valid(TIME, "00:00:00") == 0);
    assert_true(valid(TIME, "23:59:59") == 86399);
    assert_true(valid(TIME, "24:00:00") == 0);
    REFUSED(TIME, "24:00:01", "23:59:60", "08:00", "8:00:00", "06:00:00Z", "06:00:00.5", "06-00-00",
            "06:60:00", "25:00:00", " ");
}

static void test_datetimes_are_instants(void **state)
{
    (void)state;
    assert_true(valid(DATETIME, "1970-01-02T00:00:01") == 86401);
    assert_true(valid(DATETIME, "2014-01-01T06:00:00Z") == 1388556000);
    assert_true(valid(DATETIME, "2014-01-01T06:00:00+01:00") == 1388552400);
    assert_true(valid(DATETIME, "2014-01-01T06:00:00-14:00") == 1388606400);
    assert_true(valid(DATETIME, "2014-01-01T06:00:00+0100") == 1388552400); /* as data have it */
    assert_true(valid(DATETIME, "2014-01-01T06:00:00.25") == 1388556000.25);
    assert_true(valid(DATETIME, "2014-01-01T24:00:00") == valid(DATETIME, "2014-01-02T00:00:00"));
    assert_true(valid(DATETIME, "-0001-01-01T00:00:00Z") < valid(DATETIME, "0001-01-01T00:00:00Z"));
    assert_true(valid(DATETIME, "12000-01-01T00:00:00") > 0);
    REFUSED(DATETIME, "2014-01-01 06:00:00", "2014-01-01T06:00", "2014-01-01T06:00:00+01",
            "2014-01-01t06:00:00z", "2014-01-01T24:00:01", "2014-02-29T00:00:00",
            "2014-01-01T06:00:00.", "2014-01-01T06:00:00+15:00", "2014-01-01T06:00:00ZZ",
            "2014-01-01T06:00:60", "2014-01-01", "02014-01-01T00:00:00", "2014-01-01T24:00:00.5");
}

static void test_patterns_are_those_of_strptime(void **state)
{
    (void)state;
    assert_true(valid(FORMAT(DATE, "%d/%m/%Y"), "31/12/1999") == 10956);
    assert_true(valid(FORMAT(DATE, "fmt:%d/%m/%Y"), "1/2/2000") == valid(DATE, "2000-02-01"));
    assert_true(valid(FORMAT(DATE, "%d/%m/%y"), "31/12/68") == valid(DATE, "2068-12-31"));
    assert_true(valid(FORMAT(DATE, "%d/%m/%y"), "31/12/69") == valid(DATE, "1969-12-31"));
    assert_true(valid(FORMAT(DATE, "%d %b %Y"), "5 JAN 2001") == valid(DATE, "2001-01-05"));
    assert_true(valid(FORMAT(DATE, "%A, %B %e, %Y"), "Monday, January  5, 2015") ==
                valid(DATE, "2015-01-05"));
    assert_true(valid(FORMAT(DATE, "%Y%m%d"), "20000229") == valid(DATE, "2000-02-29"));
    assert_true(valid(FORMAT(DATE, "%d%m%Y"), "112000") == valid(DATE, "2000-01-01"));
    assert_true(valid(FORMAT(DATE, "%Y-%j"), "2000-366") == valid(DATE, "2000-12-31"));
    assert_true(valid(FORMAT(DATE, "%F"), "2000-12-31") == valid(DATE, "2000-12-31"));
    assert_true(valid(FORMAT(DATE, "100%% %Y"), "100% 1970") == 0);
    assert_true(valid(FORMAT(TIME, "%I:%M %p"), "12:30 am") == 1800);
    assert_true(valid(FORMAT(TIME, "%I:%M %p"), "12:30 PM") == 45000);
    assert_true(valid(FORMAT(TIME, "%I:%M"), "12:30") == 1800);
    assert_true(valid(FORMAT(TIME, "%H:%M %p"), "18:00 PM") == 64800);
    assert_true(valid(FORMAT(TIME, "%H:%M:%S.%f"), "01:00:00.250000") == 3600.25);
    assert_true(valid(FORMAT(DATETIME, "%Y-%m-%d %H:%M:%S"), "2014-01-01 06:00:00") == 1388556000);
    assert_true(valid(FORMAT(DATETIME, "%Y-%m-%dT%H:%M:%S%z"), "2014-01-01T06:00:00+0100") ==
                1388552400);
    assert_true(valid(FORMAT(DATETIME, "%c"), "Wed Jan  1 06:00:00 2014") == 1388556000);
    assert_true(valid(FORMAT(DATETIME, "%s"), "1388556000") == 1388556000);
    REFUSED(FORMAT(DATE, "%d/%m/%Y"), "12/31/1999", "31/12/99", "31/12/1999 ", " 31/12/1999",
            "31-12-1999", "30/02/2000", "31/12/19990", "/12/1999", "031/12/1999", " ");
    REFUSED(FORMAT(TIME, "%H:%M"), "24:00", "08:00:00", "8:60", "08.00");
    REFUSED(FORMAT(TIME, "%I:%M %p"), "13:00 pm", "0:30 am", "12:30");
    REFUSED(FORMAT(DATE, "%Y-%j"), "2001-366", "2001-0", "2001-367");
    REFUSED(FORMAT(DATE, "%d%m%d%m%d%m%d%m%d%m%d%m%d%m%d%m%d%m%d%m%Y"),
            "1111111111111111111111111111111111111x");
}

static void test_format_any_reads_what_people_write(void **state)
{
    (void)state;
    static const char *const dates[] = {"2000-12-31",
                                        "2000/12/31",
                                        "20001231",
                                        "12/31/2000",
                                        "31/12/2000",
                                        "31.12.2000",
                                        "31 Dec 2000",
                                        "Dec 31, 2000",
                                        "31-Dec-2000",
                                        "December 31 2000",
                                        "31st of December 2000",
                                        "Sunday, 31 December 2000",
                                        "Dec 31st, 2000",
                                        "31/12/00"};
    for (size_t i = 0; i < COUNT_OF(dates); i++)
        assert_true(valid(FORMAT(DATE, "any"), dates[i]) == valid(DATE, "2000-12-31"));
    assert_true(valid(FORMAT(DATE, "any"), "Jan 2000") == valid(DATE, "2000-01-01"));
    static const char *const instants[] = {"2014-01-01T06:00:00Z",   "2014-01-01 06:00:00",
                                           "2014-01-01 6:00 am",     "1 Jan 2014 6 am",
                                           "2014-01-01T07:00+01:00", "20140101T06:00:00.000",
                                           "1/1/2014, 06:00 UTC",    "2014-01-01 01:00:00 -0500"};
    for (size_t i = 0; i < COUNT_OF(instants); i++)
        assert_true(valid(FORMAT(DATETIME, "any"), instants[i]) == 1388556000);
    assert_true(valid(FORMAT(TIME, "any"), "6 pm") == 64800);
    assert_true(valid(FORMAT(TIME, "any"), "18:00") == 64800);
    REFUSED(FORMAT(DATE, "any"), "invalid", " ", "32/01/2000", "2000-02-30", "99999999 1 Jan 2000",
            "13/13/2000", "1 Foo 2000", "2000", "2000-01-01T00:00:00", "12", "1-2/3");
    REFUSED(FORMAT(TIME, "any"), "some time", "25:00", "13 pm", "6", "12:5", "24:00:01");
}

static void test_years_and_months_count_from_their_start(void **state)
{
    (void)state;
    assert_true(valid("\"type\": \"year\"", "2000") == 2000);
    assert_true(valid("\"type\": \"year\"", "0000") == 0);
    assert_true(valid("\"type\": \"yearmonth\"", "1970-02") == 1);
    assert_true(valid("\"type\": \"yearmonth\"", "1969-12") == -1);
    REFUSED("\"type\": \"year\"", "200", "20000", "-2000", "+2000", "2000-01", "MM");
    REFUSED("\"type\": \"yearmonth\"", "2000-13", "2000-00", "2000-1", "2000", "2000-01-01",
            "200-01");
}

static void test_durations_are_those_of_xsd(void **state)
{
    (void)state;
    assert_true(valid(DURATION, "PT1S") == 1);
    assert_true(valid(DURATION, "P1D") == 86400);
    assert_true(valid(DURATION, "-PT1H30M") == -5400);
    assert_true(valid(DURATION, "PT0.5S") == 0.5);
    assert_true(valid(DURATION, "P1Y") == 12 * 30.436875 * 86400);
    assert_true(valid(DURATION, "P1Y10M3DT5H11M7S") > valid(DURATION, "P1Y10M3DT5H11M6.9S"));
    REFUSED(DURATION, "P", "PT", "P1M1Y", "P-1Y", "1Y", "P1W", "PT1.5M", "P1.5D", "P1S", "PT1Y",
            "P1YT", "P1Y1Y", "+P1Y", "P1Y ", "PT.5S", "PT5.S", "p1y", "P99999999999999999999Y",
            "-");
}

static int order(const char *options, const char *a, const char *b)
{
    AUTO(arena_drop) struct arena arena = {0};
    return cast_compare(caster_of(&arena, options), str_of(a), str_of(b));
}

static void test_comparison_is_exact(void **state)
{
    (void)state;
#define NUMBER "\"type\": \"number\""
#define INTEGER "\"type\": \"integer\""
    assert_true(order(INTEGER, "9223372036854775808", "9223372036854775807") > 0);
    assert_true(order(INTEGER, "-10", "-9") < 0);
    assert_true(order(INTEGER, "010", "10") == 0);
    assert_true(order(NUMBER, "0.1", "0.10000000000000000000000001") < 0);
    assert_true(order(NUMBER, "1e3", "1000.0") == 0);
    assert_true(order(NUMBER, "-0", "0") == 0);
    assert_true(order(NUMBER, "1e400", "1e401") < 0);
    assert_true(order(NUMBER, "1e400", "INF") < 0);
    assert_true(order(NUMBER, "-INF", "-1e999") < 0);
    assert_true(order(NUMBER, "NaN", "INF") > 0);
    assert_true(order(NUMBER, "0.0001", "0.00001") > 0);
    assert_true(order(NUMBER, "-5", "3") < 0);
    assert_true(order(NUMBER ", \"decimalChar\": \",\"", "1,5", "1,25") > 0);
    assert_true(
        order(DATETIME, "2014-01-01T06:00:00.10000000000000000001", "2014-01-01T06:00:00.1") > 0);
    assert_true(order(DATETIME, "2014-01-01T06:00:00Z", "2014-01-01T07:00:00+01:00") == 0);
    assert_true(order(FORMAT(DATE, "%d/%m/%Y"), "02/01/2000", "01/02/2000") < 0);
    assert_true(order(DURATION, "P1Y", "P12M") == 0);
    assert_true(order(DURATION, "PT36H", "P1DT12H") == 0);
    assert_true(order(DURATION, "-PT2S", "-PT1S") < 0);
    assert_true(order(DURATION, "P1M", "P31D") < 0);
    assert_true(order("\"type\": \"year\"", "1999", "2000") < 0);
    assert_true(order("\"type\": \"boolean\"", "true", "0") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates_are_days_since_1970),
        cmocka_unit_test(test_times_are_seconds_of_the_day),
        cmocka_unit_test(test_datetimes_are_instants),
        cmocka_unit_test(test_patterns_are_those_of_strptime),
        cmocka_unit_test(test_format_any_reads_what_people_write),
        cmocka_unit_test(test_years_and_months_count_from_their_start),
        cmocka_unit_test(test_durations_are_those_of_xsd),
        cmocka_unit_test(test_comparison_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
