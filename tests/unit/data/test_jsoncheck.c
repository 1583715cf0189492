#include "mlops/base/arena.h"
#include "mlops/codec/json.h"
#include "mlops/data/jsoncheck.h"
#include "mlops/data/pattern.h"

#include "support/unit.h"

static const struct doc_node *parse(struct arena *arena, const char *text)
{
    struct doc *doc = NULL;
    assert_null(json_parse(arena, STR("test"), str_of(text), &doc));
    return doc->root;
}

static bool accepts(const char *schema, const char *value)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(jsoncheck_drop) struct jsoncheck *check = NULL;
    AUTO(pattern_room_drop) struct pattern_room *room = NULL;
    bool is_accepted = false;
    assert_null(jsoncheck_open(&arena, parse(&arena, schema), &check));
    assert_null(pattern_room_open(&room));
    assert_null(jsoncheck_accepts(check, room, parse(&arena, value), &is_accepted));
    return is_accepted;
}

struct row {
    const char *schema, *good, *bad; /* NULL: none */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].good && !accepts(rows[i].schema, rows[i].good))
            fail_msg("%s refuses %s", rows[i].schema, rows[i].good);
        if (rows[i].bad && accepts(rows[i].schema, rows[i].bad))
            fail_msg("%s accepts %s", rows[i].schema, rows[i].bad);
    }
}

static void scalars_are_checked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"type\": \"integer\"}", "1.0", "1.5"},
        {"{\"type\": \"integer\"}", "123456789012345678901234567890", "\"1\""},
        {"{\"type\": [\"null\", \"string\"]}", "null", "1"},
        {"{\"type\": \"boolean\"}", "false", "0"},
        {"{\"enum\": [1, \"a\", {\"b\": [2], \"c\": 3}]}", "{\"c\": 3.0, \"b\": [2]}", "\"b\""},
        {"{\"const\": [1, 2]}", "[1, 2.0]", "[2, 1]"},
        {"{\"minimum\": 1, \"maximum\": 2}", "1", "0.999"},
        {"{\"exclusiveMinimum\": 1}", "1.001", "1"},
        {"{\"exclusiveMaximum\": 2}", "\"no number\"", "2"},
        {"{\"minimum\": 1, \"exclusiveMinimum\": true}", "2", "1"},
        {"{\"maximum\": 1, \"exclusiveMaximum\": true}", "0", "1"},
        {"{\"multipleOf\": 3}", "9", "10"},
        {"{\"multipleOf\": 0.1}", "0.3", "0.35"},
        {"{\"minLength\": 2, \"maxLength\": 3}", "\"\xc3\xa9\xc3\xa9\"", "\"\xc3\xa9\""},
        {"{\"maxLength\": 1}", "\"\xc3\xa9\"", "\"ab\""},
        {"{\"pattern\": \"^a\"}", "\"ab\"", "\"ba\""},
        {"{\"format\": \"date\", \"unknown\": 1}", "\"x\"", NULL},
        {"true", "1", NULL},
        {"false", NULL, "1"},
        {"{}", "[]", NULL},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void lists_are_checked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"items\": {\"type\": \"integer\"}}", "[1, 2]", "[1, \"a\"]"},
        {"{\"items\": [{\"type\": \"string\"}], \"additionalItems\": false}", "[\"a\"]",
         "[\"a\", 1]"},
        {"{\"prefixItems\": [{\"type\": \"string\"}], \"items\": {\"type\": \"integer\"}}",
         "[\"a\", 1, 2]", "[1, 1]"},
        {"{\"contains\": {\"const\": 1}}", "[2, 1]", "[2]"},
        {"{\"contains\": {\"const\": 1}, \"minContains\": 2, \"maxContains\": 2}", "[1, 1]", "[1]"},
        {"{\"minItems\": 1, \"maxItems\": 2}", "[1]", "[1, 2, 3]"},
        {"{\"uniqueItems\": true}", "[1, \"1\", [1]]", "[{\"a\": 1}, {\"a\": 1.0}]"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void maps_are_checked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"properties\": {\"a\": {\"type\": \"integer\"}}}", "{\"b\": \"x\"}", "{\"a\": \"x\"}"},
        {"{\"required\": [\"a\"]}", "{\"a\": null}", "{\"b\": 1}"},
        {"{\"properties\": {\"a\": {}}, \"additionalProperties\": false}", "{\"a\": 1}",
         "{\"a\": 1, \"b\": 2}"},
        {"{\"patternProperties\": {\"^x\": {\"type\": \"string\"}}, \"additionalProperties\": "
         "false}",
         "{\"x1\": \"a\"}", "{\"x1\": 1}"},
        {"{\"patternProperties\": {\"^x\": {}}, \"additionalProperties\": false}", "{\"x\": 1}",
         "{\"y\": 1}"},
        {"{\"minProperties\": 1, \"maxProperties\": 1}", "{\"a\": 1}", "{}"},
        {"{\"propertyNames\": {\"maxLength\": 1}}", "{\"a\": 1}", "{\"ab\": 1}"},
        {"{\"dependentRequired\": {\"a\": [\"b\"]}}", "{\"b\": 1}", "{\"a\": 1}"},
        {"{\"dependencies\": {\"a\": {\"required\": [\"b\"]}}}", "{\"a\": 1, \"b\": 1}",
         "{\"a\": 1}"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void schemas_are_joined(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"allOf\": [{\"minimum\": 1}, {\"maximum\": 2}]}", "2", "3"},
        {"{\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 5}]}", "5", "4"},
        {"{\"oneOf\": [{\"minimum\": 1}, {\"minimum\": 5}]}", "2", "6"},
        {"{\"not\": {\"type\": \"null\"}}", "1", "null"},
        {"{\"if\": {\"const\": 1}, \"then\": false, \"else\": true}", "2", "1"},
        {"{\"definitions\": {\"a/b\": {\"type\": \"integer\"}}, \"items\": {\"$ref\": "
         "\"#/definitions/a~1b\"}}",
         "[1]", "[\"a\"]"},
        {"{\"properties\": {\"next\": {\"$ref\": \"#\"}, \"v\": {\"type\": \"integer\"}}}",
         "{\"next\": {\"next\": {\"v\": 1}}}", "{\"next\": {\"next\": {\"v\": \"x\"}}}"},
        {"{\"anyOf\": [{\"const\": 1}], \"x\": [{\"$ref\": \"#/anyOf/0\"}]}", "1", "2"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void assert_not_opened(const char *schema, const char *word)
{
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(jsoncheck_drop) struct jsoncheck *check = NULL;
    struct error *error = jsoncheck_open(&arena, parse(&arena, schema), &check);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    assert_non_null(strstr(error->text, word) || (error->cause && strstr(error->cause->text, word))
                        ? ""
                        : NULL);
    error_drop(error);
}

static void what_is_no_schema_is_told(void **state)
{
    (void)state;
    assert_not_opened("{\"$ref\": \"other.json\"}", "other.json");
    assert_not_opened("{\"items\": {\"$ref\": \"#/definitions/x\"}}", "#/definitions/x");
    assert_not_opened("{\"pattern\": \"(\"}", "pattern");
}

static void a_schema_that_leads_to_itself_ends_with_an_error(void **state)
{
    (void)state;
    static const char *const schemas[] = {
        "{\"$ref\": \"#\"}",
        "{\"allOf\": [{\"$ref\": \"#\"}, {\"$ref\": \"#\"}]}",
        "{\"anyOf\": [{\"items\": {\"$ref\": \"#\"}}, {\"$ref\": \"#\"}]}",
    };
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        AUTO(jsoncheck_drop) struct jsoncheck *check = NULL;
        AUTO(pattern_room_drop) struct pattern_room *room = NULL;
        bool is_accepted;
        assert_null(jsoncheck_open(&arena, parse(&arena, schemas[i]), &check));
        assert_null(pattern_room_open(&room));
        struct error *error =
            jsoncheck_accepts(check, room, parse(&arena, "[[[1]]]"), &is_accepted);
        assert_non_null(error);
        error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_are_checked),
        cmocka_unit_test(lists_are_checked),
        cmocka_unit_test(maps_are_checked),
        cmocka_unit_test(schemas_are_joined),
        cmocka_unit_test(what_is_no_schema_is_told),
        cmocka_unit_test(a_schema_that_leads_to_itself_ends_with_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
