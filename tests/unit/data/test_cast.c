#include <math.h>

#include "batches.h"
#include "schemas.h"

static enum value_state state_of(const char *options, const char *text)
{
    AUTO(arena_drop) struct arena arena = {0};
    return cast_text(caster_of(&arena, options), str_of(text), NULL);
}

static void all_are(enum value_state wanted, const char *options, const char *const *texts,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (state_of(options, texts[i]) != wanted)
            fail_msg("%s: '%s' has state %d", options, texts[i], state_of(options, texts[i]));
}

#define TEXTS(...)                                                                                 \
    (const char *const[]){__VA_ARGS__}, COUNT_OF(((const char *const[]){__VA_ARGS__}))
#define TAKES(options, ...) all_are(VALUE_VALID, options, TEXTS(__VA_ARGS__))
#define REFUSES(options, ...) all_are(VALUE_BAD, options, TEXTS(__VA_ARGS__))

static void test_booleans_are_the_words_of_the_field(void **state)
{
    (void)state;
    TAKES("\"type\": \"boolean\"", "true", "True", "TRUE", "1", "false", "False", "FALSE", "0");
    REFUSES("\"type\": \"boolean\"", "tRUE", "yes", "01", "t", " true", "2", "truely");
    TAKES("\"type\": \"boolean\", \"trueValues\": [\"yes\"]", "yes", "false", "0");
    REFUSES("\"type\": \"boolean\", \"trueValues\": [\"yes\"]", "true", "1");
}

static void test_missing_values_come_before_the_type(void **state)
{
    (void)state;
    all_are(VALUE_NULL, "\"type\": \"integer\"", TEXTS(""));
    all_are(VALUE_NULL, "\"type\": \"integer\", \"missingValues\": [\"-\", \"-99\"]",
            TEXTS("-", "-99"));
    TAKES("\"type\": \"integer\", \"missingValues\": [\"-\", \"-99\"]", "-98");
    REFUSES("\"type\": \"integer\", \"missingValues\": []", "");
    TAKES("\"type\": \"string\", \"missingValues\": []", "");
    all_are(VALUE_NULL,
            "\"missingValues\": [{\"value\": \"a very long word for a value that is not there, one "
            "of more "
            "than sixty bytes\", \"label\": \"lost\"}]",
            TEXTS("a very long word for a value that is not there, one of more than sixty bytes"));
}

static void test_formats_of_strings_are_checked(void **state)
{
    (void)state;
#define STRING(format) "\"type\": \"string\", \"format\": \"" format "\""
    TAKES(STRING("email"), "name@example.com", "a.b+c@sub.example.org", "\"a b\"@example.com",
          "ü@exämple.de");
    REFUSES(STRING("email"), "name", "name@", "@example.com", "a@b", "a b@example.com",
            ".a@example.com", "a..b@example.com", "a@-b.com", "a@b..com", "a@b.com.", "a@1.2");
    TAKES(STRING("uri"), "http://example.org/a?b=c", "mailto:a@b.c", "urn:isbn:0451450523",
          "file:///tmp/x", "http://example.org/%C3%A9#top", "s3://bucket/key", "http://é.fr/é");
    REFUSES(STRING("uri"), "example.org", "://x", "http:", "http://", "http:///x", "a b:c",
            "http://a b", "http://x/%zz", "1http://x", "http://x#a#b", "http://x/<y>");
    TAKES(STRING("uuid"), "95ecc380-afe9-11e4-9b6c-751b66dd541e",
          "95ECC380-AFE9-11E4-9B6C-751B66DD541E");
    REFUSES(STRING("uuid"), "95ecc380afe911e49b6c751b66dd541e",
            "95ecc380-afe9-11e4-9b6c-751b66dd541", "95ecc380-afe9-11e4-9b6c-751b66dd541g",
            "{95ecc380-afe9-11e4-9b6c-751b66dd541e}");
    TAKES(STRING("binary"), "dGVzdA==", "dGVzdDE=", "AAAA", "+/+/");
    REFUSES(STRING("binary"), "dGVzdA", "dGVzdB==", "dGVzdDF=", "dGVz dA==", "dGVz\n",
            "====", "A===", "-_-_", "AA=A");
    TAKES("\"type\": \"string\"", "x", " ", "é");
}

static void test_structures_are_json(void **state)
{
    (void)state;
    TAKES("\"type\": \"object\"", "{}", " {\"a\": [1]} ");
    REFUSES("\"type\": \"object\"", "[]", "{", "null", "{\"a\":1,}", "{} x", "'{}'");
    TAKES("\"type\": \"array\"", "[]", "[1, \"a\", null]");
    REFUSES("\"type\": \"array\"", "{}", "[1", "1, 2");
}

static void test_points_lie_on_the_globe(void **state)
{
    (void)state;
    TAKES("\"type\": \"geopoint\"", "180,90", "-180, -90", "4.5,52.25", "0,0");
    REFUSES("\"type\": \"geopoint\"", "181,90", "0,91", "1", "1,2,3", "a,b", " 1,2", "1,", "NaN,0",
            "[1,2]");
    TAKES("\"type\": \"geopoint\", \"format\": \"array\"", "[180, -90]");
    REFUSES("\"type\": \"geopoint\", \"format\": \"array\"", "180,90", "[1]", "[1,2,3]",
            "[\"1\",2]", "[181,0]");
    TAKES("\"type\": \"geopoint\", \"format\": \"object\"", "{\"lon\": 1, \"lat\": 2}");
    REFUSES("\"type\": \"geopoint\", \"format\": \"object\"", "{\"lon\": 1}",
            "{\"lon\": 1, \"lat\": 91}", "{\"lon\": 1, \"lat\": 2, \"z\": 3}", "[1,2]");
}

static void test_geojson_has_the_shape_of_its_type(void **state)
{
    (void)state;
#define GEOJSON "\"type\": \"geojson\""
#define TOPOJSON GEOJSON ", \"format\": \"topojson\""
    TAKES(GEOJSON, "{\"type\": \"Point\", \"coordinates\": [1, 2]}",
          "{\"type\": \"LineString\", \"coordinates\": [[1, 2], [3, 4, 5]]}",
          "{\"type\": \"Polygon\", \"coordinates\": [[[0,0],[1,0],[1,1],[0,0]]]}",
          "{\"type\": \"MultiPolygon\", \"coordinates\": [[[[0,0],[1,0],[1,1],[0,0.0]]]]}",
          "{\"type\": \"Feature\", \"geometry\": null, \"properties\": {\"a\": 1}}",
          "{\"type\": \"FeatureCollection\", \"features\": []}",
          "{\"type\": \"GeometryCollection\", \"geometries\": [{\"type\": \"Point\", "
          "\"coordinates\": [1,2]}]}");
    REFUSES(GEOJSON, "{}", "[]", "string", "{\"type\": \"Pointe\", \"coordinates\": [1, 2]}",
            "{\"type\": \"Point\", \"coordinates\": [1]}", "{\"type\": \"Point\"}",
            "{\"type\": \"LineString\", \"coordinates\": [[1, 2]]}",
            "{\"type\": \"Polygon\", \"coordinates\": [[[0,0],[1,0],[1,1],[0,1]]]}",
            "{\"type\": \"Feature\", \"geometry\": null}",
            "{\"type\": \"Feature\", \"properties\": null}",
            "{\"type\": \"FeatureCollection\", \"features\": [{}]}");
    TAKES(TOPOJSON, "{\"type\": \"LineString\", \"arcs\": [42]}",
          "{\"type\": \"Topology\", \"arcs\": [[[0,0],[1,1]]], \"objects\": {\"a\": {\"type\": "
          "\"Polygon\", \"arcs\": [[0]]}}}");
    REFUSES(TOPOJSON, "{\"type\": \"Topology\"}", "{\"type\": \"LineString\", \"arcs\": [[1]]}",
            "{\"type\": \"Topology\", \"arcs\": [], \"objects\": {\"a\": 1}}", "{}");
}

static void test_items_of_lists_have_their_type(void **state)
{
    (void)state;
    TAKES("\"type\": \"list\"", "a,b", "a", ",,");
    TAKES("\"type\": \"list\", \"itemType\": \"integer\", \"delimiter\": \"::\"", "1::2::-3");
    REFUSES("\"type\": \"list\", \"itemType\": \"integer\"", "1,x", "1,,2", "1, 2");
    TAKES("\"type\": \"list\", \"itemType\": \"date\"", "2000-01-01,2000-02-29");
    REFUSES("\"type\": \"list\", \"itemType\": \"date\"", "2000-01-01;2000-02-29");
}

static enum value_state raw_state(const char *options, enum raw_kind kind, const char *text,
                                  double *number)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(column_room_drop) struct column_room *room = NULL;
    struct str one = str_of(text);
    struct record_batch batch = batch_of(&arena, &one, 1, kind, 20);
    struct column_data data;
    assert_null(column_room_open(&room));
    cast_column(caster_of(&arena, options), &batch, 0, room, &data);
    *number = data.numbers[0];
    return (enum value_state)data.states[0];
}

static void test_cells_of_json_keep_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        enum raw_kind kind;
        const char *text;
        enum value_state state;
    } rows[] = {
        {"\"type\": \"integer\"", RAW_NUMBER, "12", VALUE_VALID},
        {"\"type\": \"integer\"", RAW_NUMBER, "1.0", VALUE_VALID},
        {"\"type\": \"integer\"", RAW_NUMBER, "2e3", VALUE_VALID},
        {"\"type\": \"integer\"", RAW_NUMBER, "1.5", VALUE_BAD},
        {"\"type\": \"integer\"", RAW_TEXT, "1", VALUE_VALID},
        {"\"type\": \"integer\"", RAW_TRUE, "true", VALUE_BAD},
        {"\"type\": \"integer\"", RAW_NULL, "null", VALUE_NULL},
        {"\"type\": \"integer\"", RAW_MISSING, "", VALUE_MISSING},
        {"\"type\": \"integer\", \"missingValues\": [\"-99\"]", RAW_NUMBER, "-99", VALUE_NULL},
        {"\"type\": \"number\", \"decimalChar\": \",\"", RAW_NUMBER, "1.5", VALUE_VALID},
        {"\"type\": \"boolean\"", RAW_FALSE, "false", VALUE_VALID},
        {"\"type\": \"boolean\"", RAW_NUMBER, "1", VALUE_BAD},
        {"\"type\": \"string\"", RAW_NUMBER, "1", VALUE_BAD},
        {"\"type\": \"any\"", RAW_NUMBER, "1", VALUE_VALID},
        {"\"type\": \"year\"", RAW_NUMBER, "2000", VALUE_VALID},
        {"\"type\": \"date\"", RAW_NUMBER, "2000", VALUE_BAD},
        {"\"type\": \"array\"", RAW_ARRAY, "[1]", VALUE_VALID},
        {"\"type\": \"object\"", RAW_ARRAY, "[1]", VALUE_BAD},
        {"\"type\": \"object\"", RAW_OBJECT, "{}", VALUE_VALID},
        {"\"type\": \"geopoint\"", RAW_ARRAY, "[180,90]", VALUE_VALID},
        {"\"type\": \"geopoint\"", RAW_OBJECT, "{\"lon\":1,\"lat\":1}", VALUE_BAD},
        {"\"type\": \"geojson\"", RAW_OBJECT, "{}", VALUE_BAD},
        {"\"type\": \"list\", \"itemType\": \"integer\"", RAW_ARRAY, "[1, 2.0]", VALUE_VALID},
        {"\"type\": \"list\", \"itemType\": \"integer\"", RAW_ARRAY, "[1, null]", VALUE_BAD},
        {"\"type\": \"list\"", RAW_ARRAY, "[\"a\", 1]", VALUE_BAD},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        double number = 0;
        enum value_state found = raw_state(rows[i].options, rows[i].kind, rows[i].text, &number);
        if (found != rows[i].state)
            fail_msg("%s: %s has state %d", rows[i].options, rows[i].text, found);
        if (found != VALUE_VALID)
            assert_true(isnan(number));
    }
}

/* Every type, cell by cell and as a column, at the start of a batch and far in it. */
static void test_columns_agree_with_single_cells(void **state)
{
    (void)state;
    static const char *const types[] = {"any",  "string", "number", "integer",  "boolean",
                                        "date", "time",   "year",   "datetime", "duration"};
    static const char *const words[] = {"",
                                        "1",
                                        "0",
                                        "-5",
                                        "1.5",
                                        "true",
                                        "False",
                                        "2000-02-29",
                                        "2001-02-29",
                                        "x",
                                        "2014-01-01T06:00:00",
                                        "2014-01-01T06:00:00Z",
                                        "2014-13-01T06:00:00",
                                        "12:00:00",
                                        "PT1S",
                                        "123456789012",
                                        "12345678901234567890",
                                        "0.1234567",
                                        "0.12345678",
                                        "TRUE",
                                        "NaN",
                                        "-",
                                        "2014-01-01T06:00:0x",
                                        "0000-01-01",
                                        "trues",
                                        "2014-01-01T06:60:00",
                                        "1/2",
                                        "2000-2-290"};
    struct str texts[COUNT_OF(words)];
    AUTO(column_room_drop) struct column_room *room = NULL;
    assert_null(column_room_open(&room));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        texts[i] = str_of(words[i]);
    for (size_t t = 0; t < COUNT_OF(types) * 2; t++) {
        AUTO(arena_drop) struct arena arena = {0};
        const char *type = types[t / 2];
        struct caster *caster = caster_of(&arena, str_print(&arena, "\"type\": \"%s\"", type).at);
        struct record_batch batch = batch_of(&arena, texts, COUNT_OF(words), RAW_TEXT, t % 2 * 50);
        struct column_data data;
        cast_column(caster, &batch, 0, room, &data);
        assert_int_equal(data.count, COUNT_OF(words));
        for (size_t i = 0; i < COUNT_OF(words); i++) {
            double number = 0;
            enum value_state one = cast_text(caster, texts[i], &number);
            if (data.states[i] != one ||
                (one == VALUE_VALID && strcmp(type, "string") && strcmp(type, "any") &&
                 data.numbers[i] != number && !(isnan(number) && isnan(data.numbers[i]))))
                fail_msg("%s: '%s' is %d (%g), in a column %d (%g)", type, words[i], one, number,
                         data.states[i], data.numbers[i]);
        }
    }
}

static struct str encoded(struct arena *arena, const char *options, enum raw_kind kind,
                          const char *text)
{
    struct str one = str_of(text);
    struct record_batch batch = batch_of(arena, &one, 1, kind, 3);
    struct buf out = buf_in(arena);
    cast_encode(caster_of(arena, options), &batch, &batch.cells[0], &out);
    return buf_str(&out);
}

static bool same_value(const char *options, const char *a, const char *b)
{
    AUTO(arena_drop) struct arena arena = {0};
    return str_equal(encoded(&arena, options, RAW_TEXT, a), encoded(&arena, options, RAW_TEXT, b));
}

static void test_equal_values_have_equal_encodings(void **state)
{
    (void)state;
#define NUMBER "\"type\": \"number\""
    assert_true(same_value(NUMBER, "1", "01.0"));
    assert_true(same_value(NUMBER, "1e2", "100"));
    assert_true(same_value(NUMBER, "-0", "0"));
    assert_true(same_value(NUMBER, "nan", "NaN"));
    assert_false(same_value(NUMBER, "1", "10"));
    assert_false(same_value(NUMBER, "0.1", "0.10000000000000000000001"));
    assert_false(same_value(NUMBER, "INF", "-INF"));
    assert_true(same_value("\"type\": \"integer\"", "+123456789012345678901234567890",
                           "0123456789012345678901234567890"));
    assert_true(same_value("\"type\": \"boolean\"", "1", "true"));
    assert_false(same_value("\"type\": \"boolean\"", "0", "true"));
    assert_true(same_value("\"type\": \"datetime\"", "2014-01-01T06:00:00Z",
                           "2014-01-01T07:00:00.0+01:00"));
    assert_true(same_value("\"type\": \"duration\"", "P1Y", "P12M"));
    assert_true(same_value("\"type\": \"object\"", "{\"a\":1,\"b\":[]}", "{ \"b\": [], \"a\": 1}"));
    assert_true(same_value("\"type\": \"geopoint\"", "1,2", "1.0, 2.0"));
    assert_true(same_value("\"type\": \"list\", \"itemType\": \"integer\"", "1,2", "01,+2"));
    assert_false(same_value("\"type\": \"list\"", "1,2", "01,2"));
    assert_false(same_value("\"type\": \"string\"", "1", "1.0"));
    assert_true(same_value("\"type\": \"string\", \"missingValues\": [\"-\", \"NA\"]", "-", "NA"));
}

static void test_numbers_of_two_types_and_files_are_the_same(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str a = encoded(&arena, NUMBER, RAW_TEXT, "1.0");
    assert_true(str_equal(a, encoded(&arena, "\"type\": \"integer\"", RAW_TEXT, "1")));
    assert_true(str_equal(a, encoded(&arena, "\"type\": \"integer\"", RAW_NUMBER, "1")));
    assert_false(str_equal(a, encoded(&arena, "\"type\": \"string\"", RAW_TEXT, "1")));
    assert_true(str_equal(encoded(&arena, "\"type\": \"boolean\"", RAW_TRUE, "true"),
                          encoded(&arena, "\"type\": \"boolean\"", RAW_TEXT, "1")));
}

static void test_classes_are_disjoint_and_hints_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_class class;
    } rows[] = {
        {"", CLASS_NULL},
        {"NA", CLASS_NULL},
        {"N/A", CLASS_NULL},
        {"NaN", CLASS_NULL},
        {"nan", CLASS_NULL},
        {"null", CLASS_NULL},
        {"NULL", CLASS_NULL},
        {"None", CLASS_NULL},
        {"-", CLASS_NULL},
        {"0", CLASS_INTEGER},
        {"-0", CLASS_INTEGER},
        {"+12", CLASS_INTEGER},
        {"007", CLASS_INTEGER},
        {"12345678901234567890", CLASS_INTEGER},
        {"1.0", CLASS_REAL},
        {"1.", CLASS_REAL},
        {".5", CLASS_REAL},
        {"1e5", CLASS_REAL},
        {"INF", CLASS_REAL},
        {"-inf", CLASS_REAL},
        {"true", CLASS_BOOLEAN},
        {"False", CLASS_BOOLEAN},
        {"TRUE", CLASS_BOOLEAN},
        {"2000-02-29", CLASS_DATE},
        {"2001-02-29", CLASS_TEXT},
        {"12:30:00", CLASS_TIME},
        {"2014-01-01T06:00:00", CLASS_DATETIME},
        {"2014-01-01 06:00:00.5", CLASS_DATETIME},
        {"2014-01-01T06:00+0100", CLASS_DATETIME},
        {"2014-01-01T06:00:00Zx", CLASS_TEXT},
        {"2014-01-01x06:00:00", CLASS_TEXT},
        {"abc", CLASS_TEXT},
        {"tRUE", CLASS_TEXT},
        {"Nope", CLASS_TEXT},
        {"in", CLASS_TEXT},
        {"Information", CLASS_TEXT},
        {"1,5", CLASS_TEXT},
        {" 1", CLASS_TEXT},
        {"é", CLASS_TEXT},
        {"--", CLASS_TEXT},
        {"[]", CLASS_TEXT},
        {"1.2.3", CLASS_TEXT},
        {"-12", CLASS_INTEGER},
        {"123456789.125", CLASS_REAL},
        {"falsely", CLASS_TEXT},
    };
    struct str texts[COUNT_OF(rows)];
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(column_room_drop) struct column_room *room = NULL;
    struct column_data data;
    assert_null(column_room_open(&room));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        texts[i] = str_of(rows[i].text);
    for (int hint = 0; hint < CLASS_COUNT * 2; hint++) {
        struct record_batch batch =
            batch_of(&arena, texts, COUNT_OF(rows), RAW_TEXT, hint % 2 ? 30 : 0);
        classify_column(&batch, 0, (enum value_class)(hint / 2), room, &data);
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            if (data.states[i] != rows[i].class)
                fail_msg("'%s' has class %d (hint %d)", rows[i].text, data.states[i], hint / 2);
    }
    assert_true(data.numbers[9] == 0 && data.numbers[13] == 12345678901234567890.0);
    assert_true(data.integers[11] == 12 && data.integers[13] == INT64_MAX);
    assert_true(isnan(data.numbers[0]) && data.numbers[20] == 1 && data.numbers[23] == 11016);
    assert_true(data.numbers[25] == 45000 && data.numbers[26] == 1388556000);
    assert_true(data.numbers[27] == 1388556000.5 && data.numbers[28] == 1388552400);
}

static void test_kinds_of_json_have_their_classes(void **state)
{
    (void)state;
    static const struct {
        enum raw_kind kind;
        const char *text;
        enum value_class class;
    } rows[] = {
        {RAW_NUMBER, "1", CLASS_INTEGER},  {RAW_NUMBER, "1.5", CLASS_REAL},
        {RAW_TRUE, "true", CLASS_BOOLEAN}, {RAW_FALSE, "false", CLASS_BOOLEAN},
        {RAW_NULL, "null", CLASS_NULL},    {RAW_MISSING, "", CLASS_NULL},
        {RAW_ARRAY, "[]", CLASS_JSON},     {RAW_OBJECT, "{}", CLASS_JSON},
        {RAW_TEXT, "1", CLASS_INTEGER},
    };
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(column_room_drop) struct column_room *room = NULL;
    struct column_data data;
    assert_null(column_room_open(&room));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str one = str_of(rows[i].text);
        struct record_batch batch = batch_of(&arena, &one, 1, rows[i].kind, 20);
        classify_column(&batch, 0, CLASS_TEXT, room, &data);
        assert_int_equal(data.states[0], rows[i].class);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_booleans_are_the_words_of_the_field),
        cmocka_unit_test(test_missing_values_come_before_the_type),
        cmocka_unit_test(test_formats_of_strings_are_checked),
        cmocka_unit_test(test_structures_are_json),
        cmocka_unit_test(test_points_lie_on_the_globe),
        cmocka_unit_test(test_geojson_has_the_shape_of_its_type),
        cmocka_unit_test(test_items_of_lists_have_their_type),
        cmocka_unit_test(test_cells_of_json_keep_their_kind),
        cmocka_unit_test(test_columns_agree_with_single_cells),
        cmocka_unit_test(test_equal_values_have_equal_encodings),
        cmocka_unit_test(test_numbers_of_two_types_and_files_are_the_same),
        cmocka_unit_test(test_classes_are_disjoint_and_hints_change_nothing),
        cmocka_unit_test(test_kinds_of_json_have_their_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
