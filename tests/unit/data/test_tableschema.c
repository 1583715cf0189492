#include <glob.h>

#include "schemas.h"
#include "support/conformance.h"
#include "support/scratch.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct table_schema good(const char *json)
{
    struct table_schema schema = {0};
    assert_fine(schema_of(&arena, json, &schema));
    return schema;
}

/* The first error, its place, and nothing else. */
static void bad(const char *json, int line, int column, const char *text)
{
    struct table_schema schema = {0};
    struct error *error = schema_of(&arena, json, &schema);
    if (!error)
        fail_msg("%s is taken", json);
    if (strcmp(error->text, text) || error->mark.line != line || error->mark.column != column ||
        error->next)
        fail_msg("%d:%d: %s%s%s", error->mark.line, error->mark.column, error->text,
                 error->next ? ", and " : "", error->next ? error->next->text : "");
    assert_string_equal(error->mark.file, "schema.json");
    error_drop(error);
}

/* A field of a schema that has no other. */
static void bad_field(const char *members, int column, const char *text)
{
    bad(str_print(&arena, "{\"fields\": [\n{\"name\": \"x\", %s}]}", members).at, 2, column, text);
}

static void warned(const char *members, const char *text)
{
    struct table_schema schema =
        good(str_print(&arena, "{\"fields\": [{\"name\": \"x\", %s}]}", members).at);
    if (schema.warning_count != 1)
        fail_msg("%zu warnings", schema.warning_count);
    assert_string_equal(schema.warnings[0].text.at, text);
    assert_non_null(schema.warnings[0].node);
}

static void test_defaults_are_those_of_the_standard(void **state)
{
    (void)state;
    struct table_schema schema = good("{\"fields\": [{\"name\": \"a\"}]}");
    assert_int_equal(schema.field_count, 1);
    assert_int_equal(schema.fields[0].type, TYPE_ANY);
    assert_int_equal(schema.fields[0].format, FORMAT_DEFAULT);
    assert_true(str_is(schema.fields[0].format_text, "default"));
    assert_true(schema.fields[0].bare_number);
    assert_int_equal(schema.fields[0].item_type, TYPE_STRING);
    assert_int_equal(schema.match, MATCH_EXACT);
    assert_int_equal(schema.missing_values.len, 1);
    assert_int_equal(schema.missing_values.at[0].len, 0);
    assert_int_equal(schema.warning_count, 0);
    assert_int_equal(tableschema_find(&schema, STR("a")), 0);
    assert_int_equal(tableschema_find(&schema, STR("b")), -1);
}

static void test_everything_a_descriptor_says_is_read(void **state)
{
    (void)state;
    struct table_schema schema = good(
        "{\"$schema\": \"x\", \"name\": \"s\", \"fieldsMatch\": [\"subset\"], \"missingValues\": "
        "[{\"value\": \"-\", \"label\": \"none\"}], \"primaryKey\": \"id\", \"uniqueKeys\": "
        "[[\"n\"], [\"n\", \"d\"]], \"foreignKeys\": [{\"fields\": \"n\", \"reference\": "
        "{\"resource\": \"\", \"fields\": \"id\"}}, {\"fields\": [\"d\"], \"reference\": "
        "{\"resource\": \"days\", \"fields\": [\"day\"]}}], \"fields\": ["
        "{\"name\": \"id\", \"type\": \"integer\", \"categories\": [{\"value\": 1, \"label\": "
        "\"one\"}, {\"value\": 2}], \"constraints\": {\"required\": true, \"minimum\": 1}},"
        "{\"name\": \"n\", \"type\": \"number\", \"decimalChar\": \",\", \"groupChar\": \".\", "
        "\"bareNumber\": false, \"missingValues\": [], \"constraints\": {\"enum\": [1.5, \"2,5\", "
        "null], \"exclusiveMaximum\": 10.25}},"
        "{\"name\": \"d\", \"type\": \"date\", \"format\": \"fmt:%d/%m/%Y\", \"constraints\": "
        "{\"unique\": true, \"maximum\": \"31/12/2024\"}},"
        "{\"name\": \"b\", \"type\": \"boolean\", \"trueValues\": [\"ja\"], \"constraints\": "
        "{\"enum\": [true]}},"
        "{\"name\": \"o\", \"type\": \"object\", \"constraints\": {\"jsonSchema\": {\"type\": "
        "\"object\"}, \"minLength\": 1, \"maxLength\": 2, \"enum\": [{\"a\": 1}]}},"
        "{\"name\": \"l\", \"type\": \"list\", \"itemType\": \"date\", \"delimiter\": \";\"},"
        "{\"name\": \"s\", \"title\": \"S\", \"type\": \"string\", \"format\": \"email\", "
        "\"constraints\": {\"pattern\": \"a|b\"}}]}");
    const struct schema_field *fields = schema.fields;
    assert_int_equal(schema.match, MATCH_SUBSET);
    assert_true(str_is(schema.missing_values.at[0], "-"));
    assert_int_equal(schema.primary_key.len, 1);
    assert_int_equal(schema.unique_key_count, 2);
    assert_int_equal(schema.unique_keys[1].fields[1], 2);
    assert_int_equal(schema.foreign_key_count, 2);
    assert_int_equal(schema.foreign_keys[0].resource.len, 0);
    assert_true(str_is(schema.foreign_keys[1].foreign.at[0], "day"));
    assert_true(fields[0].required && fields[0].minimum.is_given);
    assert_int_equal(fields[0].categories.len, 2);
    assert_true(str_is(fields[0].categories.at[1].text, "2"));
    assert_true(fields[1].has_missing_values && !fields[1].missing_values.len);
    assert_int_equal(fields[1].allowed.len, 2);
    assert_true(str_is(fields[1].allowed.at[0].text, "1,5"));
    assert_true(str_is(fields[1].exclusive_maximum.text, "10,25"));
    assert_int_equal(fields[2].format, FORMAT_PATTERN);
    assert_true(str_is(fields[2].format_text, "%d/%m/%Y") && fields[2].unique);
    assert_true(str_is(fields[3].allowed.at[0].text, "ja"));
    assert_int_equal(fields[3].false_values.len, 4);
    assert_non_null(fields[4].json_schema);
    assert_true(fields[4].has_min_length && fields[4].max_length == 2);
    assert_true(str_is(fields[4].allowed.at[0].text, "{\"a\":1}"));
    assert_int_equal(fields[5].item_type, TYPE_DATE);
    assert_true(str_is(fields[5].delimiter, ";"));
    assert_true(fields[6].has_pattern && fields[6].format == FORMAT_EMAIL);
}

static void test_faults_are_told_at_their_place(void **state)
{
    (void)state;
    bad("[]", 1, 1, "the table schema must be a mapping, found a list");
    bad("{}", 1, 1, "'fields' is missing: this is no table schema");
    bad("{\"fields\": {}}", 1, 12,
        "'fields' in the schema must be a list of fields, found a mapping");
    bad("{\"fields\": [1]}", 1, 13, "a field must be a mapping, found an integer");
    bad("{\"fields\": [{\"type\": \"any\"}]}", 1, 13, "a field of the schema has no 'name'");
    bad("{\"fields\": [], \"primarykey\": \"a\"}", 1, 16,
        "unknown key 'primarykey' in the schema (did you mean 'primaryKey'?)");
    bad("{\"fields\": [], \"fieldsMatch\": \"some\"}", 1, 31,
        "'fieldsMatch' must be one of exact, equal, subset, superset, partial, found some");
    bad("{\"fields\": [], \"missingValues\": [\"\", -1]}", 1, 38,
        "items of 'missingValues' of the schema must be strings, found an integer: put it in "
        "quotes");
    bad_field("\"type\": \"integr\"", 23,
              "unknown type 'integr' of field 'x' (did you mean 'integer'?)");
    bad_field("\"type\": \"blob\"", 23,
              "unknown type 'blob' of field 'x': types are any, string, number, integer, boolean, "
              "object, array, list, datetime, date, time, year, yearmonth, duration, geopoint, "
              "geojson");
    bad_field("\"type\": \"string\", \"format\": \"mail\"", 43,
              "unknown format 'mail' of field 'x': a string has default, email, uri, binary, uuid");
    bad_field("\"type\": \"date\", \"format\": \"dd/mm\"", 41,
              "unknown format 'dd/mm' of field 'x': a date has default, any or a pattern such as "
              "%d.%m.%Y");
    bad_field("\"type\": \"date\", \"format\": \"%d/%q\"", 41,
              "unknown directive '%q' in the format '%d/%q' of field 'x'");
    bad_field("\"type\": \"list\", \"itemType\": \"object\"", 43,
              "'itemType' of field 'x' must be one of string, integer, boolean, number, datetime, "
              "date, time, found 'object'");
    bad_field("\"type\": \"number\", \"bareNumber\": \"no\"", 47,
              "'bareNumber' of field 'x' must be true or false, found a string");
    bad_field("\"type\": \"number\", \"groupChar\": \".\"", 1,
              "'groupChar' and 'decimalChar' of field 'x' are both '.'");
    bad_field("\"type\": \"boolean\", \"falseValues\": [\"1\"]", 1,
              "'1' stands in 'trueValues' and in 'falseValues' of field 'x'");
}

static void test_faults_of_constraints_name_their_field(void **state)
{
    (void)state;
    bad_field("\"required\": true", 15, "'required' of field 'x' belongs into its 'constraints'");
    bad_field("\"constraints\": []", 30,
              "'constraints' of field 'x' must be a mapping, found a list");
    bad_field("\"constraints\": {\"requird\": true}", 31,
              "unknown constraint 'requird' of field 'x' (did you mean 'required'?)");
    bad_field("\"constraints\": {\"required\": \"yes\"}", 43,
              "'required' of field 'x' must be true or false, found a string");
    bad_field("\"type\": \"string\", \"constraints\": {\"minimum\": 1}", 49,
              "a field of type string cannot have the constraint 'minimum' (field 'x')");
    bad_field("\"type\": \"integer\", \"constraints\": {\"minimum\": \"a\"}", 61,
              "'minimum' of field 'x' holds 'a', which is not of its type (integer)");
    bad_field("\"type\": \"integer\", \"constraints\": {\"minimum\": 5, \"maximum\": 4}", 75,
              "'maximum' of field 'x' is below its 'minimum': no value would pass");
    bad_field("\"type\": \"date\", \"constraints\": {\"enum\": [\"2000-01-01\", \"2000-02-30\"]}",
              70, "'enum' of field 'x' holds '2000-02-30', which is not of its type (date)");
    bad_field("\"type\": \"string\", \"constraints\": {\"minLength\": -1}", 62,
              "'minLength' of field 'x' must be an integer from 0, found an integer");
    bad_field("\"type\": \"string\", \"constraints\": {\"minLength\": 3, \"maxLength\": 2}", 78,
              "'maxLength' of field 'x' is below its 'minLength': no value would pass");
    bad_field("\"type\": \"string\", \"constraints\": {\"enum\": []}", 57,
              "'enum' of field 'x' is empty: no value would pass");
    bad_field("\"type\": \"string\", \"constraints\": {\"pattern\": \"a(b\"}", 60,
              "'pattern' of field 'x' is no regular expression: missing closing parenthesis (at "
              "character 4)");
}

static void test_keys_name_fields(void **state)
{
    (void)state;
#define WITH(keys) "{\"fields\": [{\"name\": \"abc\"}, {\"name\": \"d\"}],\n" keys "}"
    bad(WITH("\"primaryKey\": [\"abd\"]"), 2, 16,
        "'primaryKey' names no field of the schema: 'abd' (did you mean 'abc'?)");
    bad(WITH("\"primaryKey\": [\"d\", \"d\"]"), 2, 21, "'primaryKey' names 'd' twice");
    bad(WITH("\"uniqueKeys\": [[]]"), 2, 16, "a key of the schema has no fields");
    bad(WITH("\"foreignKeys\": [{\"fields\": \"d\"}]"), 2, 17,
        "'reference' is missing in a foreign key");
    bad(WITH(
            "\"foreignKeys\": [{\"fields\": \"d\", \"reference\": {\"resorce\": \"a\", \"fields\": "
            "\"d\"}}]"),
        2, 47, "unknown key 'resorce' in a foreign key (did you mean 'resource'?)");
    bad(WITH(
            "\"foreignKeys\": [{\"fields\": [\"abc\", \"d\"], \"reference\": {\"resource\": \"a\", "
            "\"fields\": \"d\"}}]"),
        2, 55, "a foreign key of 2 fields cannot refer to 1 fields");
    assert_int_equal(good(WITH("\"primaryKey\": []")).primary_key.len, 0);
}

static void test_all_independent_faults_are_told(void **state)
{
    (void)state;
    struct table_schema schema = {0};
    struct error *error = schema_of(
        &arena,
        "{\"fields\": [{\"name\": \"a\", \"type\": \"foo\"},\n{\"name\": \"b\", \"constraints\": "
        "{\"minimum\": 1}},\n{\"name\": \"c\", \"type\": \"integer\", \"constraints\": {\"enum\": "
        "[\"x\"]}}],\n\"primaryKey\": \"z\"}",
        &schema);
    int count = 0;
    for (const struct error *at = error; at; at = at->next)
        assert_int_equal(at->mark.line, ++count);
    assert_int_equal(count, 4);
    error_drop(error);
}

static void test_what_is_hardly_meant_is_warned_of(void **state)
{
    (void)state;
    warned("\"contraints\": {\"minimum\": 1}",
           "unknown key 'contraints' in field 'x' (did you mean 'constraints'?)");
    warned("\"pattern\": \"a\"",
           "'pattern' of field 'x' is not checked: it belongs into its 'constraints'");
    warned("\"constraints\": {\"sortable\": true}",
           "unknown constraint 'sortable' of field 'x' is not checked");
    warned("\"type\": \"string\", \"decimalChar\": \",\"",
           "'decimalChar' of field 'x' has no meaning for type string");
    struct table_schema schema =
        good("{\"fields\": [{\"name\": \"a\"}, {\"name\": \"a\"}], \"mine\": 1}");
    assert_int_equal(schema.warning_count, 1);
    assert_string_equal(schema.warnings[0].text.at, "two fields are called 'a'");
    schema = good("{\"fields\": [{\"name\": \"a\", \"arrayItem\": {}, \"x-mine\": 1}]}");
    assert_int_equal(schema.warning_count, 0);
}

static struct str written(const struct table_schema *schema)
{
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    tableschema_write(&json, schema);
    return buf_str(&out);
}

static void test_a_schema_is_written_as_it_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"fields\":[{\"name\":\"id\",\"type\":\"integer\",\"categories\":[{\"value\":1,\"label\":"
        "\"a\"}],\"constraints\":{\"required\":true,\"minimum\":1,\"enum\":[1,\"01\"]}},{\"name\":"
        "\"n\",\"type\":\"number\",\"groupChar\":\",\",\"bareNumber\":false,\"missingValues\":[]},{"
        "\"name\":\"d\",\"type\":\"date\",\"format\":\"%d/%m/%Y\",\"title\":\"Day\",\"example\":"
        "\"01/01/2000\",\"constraints\":{\"maximum\":\"01/01/2024\"}},{\"name\":\"any\"},{\"name\":"
        "\"s\",\"type\":\"string\",\"constraints\":{\"unique\":true,\"minLength\":0,\"pattern\":"
        "\"\"}},{\"name\":\"l\",\"type\":\"list\",\"delimiter\":\";\",\"itemType\":\"date\"}],"
        "\"fieldsMatch\":\"partial\",\"missingValues\":[\"\",\"NA\"],\"primaryKey\":[\"id\"],"
        "\"uniqueKeys\":[[\"n\",\"d\"]],\"foreignKeys\":[{\"fields\":[\"n\"],\"reference\":{"
        "\"resource\":\"r\",\"fields\":[\"x\"]}}]}";
    struct table_schema schema = good(text);
    struct str again = written(&schema);
    assert_string_equal(again.at, text);
}

static void test_bounds_that_json_cannot_write_bare_are_texts(void **state)
{
    (void)state;
    struct table_schema schema =
        good("{\"fields\": [{\"name\": \"n\", \"type\": \"number\", \"decimalChar\": \",\", "
             "\"constraints\": {\"minimum\": 1.5, \"maximum\": 2}}]}");
    assert_non_null(strstr(written(&schema).at, "\"minimum\":\"1,5\",\"maximum\":2}"));
}

static void test_patterns_of_xsd_become_those_of_pcre2(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"a|b", "a|b"},
        {"\\d{5}", "\\d{5}"},
        {"\\i\\c*", "[_:\\p{L}][\\-._:\\p{L}\\p{N}\\p{M}]*"},
        {"[\\i0]", "[_:\\p{L}0]"},
        {"\\I", "[^_:\\p{L}]"},
        {"[a-z-[aeiou]]", "(?:(?![aeiou])[a-z])"},
        {"[a-z-[b-y-[m]]]+", "(?:(?!(?:(?![m])[b-y]))[a-z])+"},
        {"[^x]", "[^x]"},
        {"[]a]", "[]a]"},
        {"[a\\]b]", "[a\\]b]"},
        {"\\", "\\"},
        {"[a", "[a"},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str found = tableschema_pattern(&arena, str_of(rows[i].from));
        if (!str_is(found, rows[i].to))
            fail_msg("%s became %.*s", rows[i].from, STR_FMT(found));
    }
}

static struct error *load(const struct scratch *scratch, const char *path, const char *resource,
                          struct table_schema *ret)
{
    return tableschema_load(&arena, scratch->fd, str_of(path), str_of(resource), ret);
}

static void test_schemas_are_found_in_files_resources_and_packages(void **state)
{
    (void)state;
    struct scratch scratch = scratch_open();
    struct table_schema schema = {0};
    scratch_write(&scratch, "s.yaml", "fields:\n  - name: a\n    type: integer\n");
    scratch_write(&scratch, "r.json",
                  "{\"name\": \"r\", \"path\": \"r.csv\", \"schema\": \"s.yaml\"}");
    scratch_write(&scratch, "p.json",
                  "{\"resources\": [{\"name\": \"x\", \"path\": \"data/x.csv\", \"schema\": "
                  "{\"fields\": []}}, {\"name\": \"y\", \"path\": [\"data/y.csv\"], \"schema\": "
                  "{\"fields\": [{\"name\": \"b\"}]}}, {\"name\": \"z\"}]}");
    scratch_write(&scratch, "loop.json", "{\"schema\": \"loop.json\"}");
    scratch_write(&scratch, "empty.yaml", "");
    scratch_write(&scratch, "bad.yaml", "fields:\n  - name: a\n    type: foo\n");
    assert_fine(load(&scratch, "s.yaml", "", &schema));
    assert_int_equal(schema.fields[0].type, TYPE_INTEGER);
    assert_fine(load(&scratch, "r.json", "", &schema));
    assert_true(str_is(schema.fields[0].name, "a"));
    assert_fine(load(&scratch, "p.json", "y", &schema));
    assert_true(str_is(schema.fields[0].name, "b"));
    assert_fine(load(&scratch, "p.json", "some/where/data/y.csv", &schema));
    assert_true(str_is(schema.fields[0].name, "b"));
    assert_fine(load(&scratch, "p.json", "data/x.csv", &schema));
    assert_int_equal(schema.field_count, 0);
    assert_error(load(&scratch, "p.json", "q", &schema), "the data package has no resource 'q'");
    assert_error(load(&scratch, "p.json", "z", &schema), "this resource has no 'schema'");
    assert_error(load(&scratch, "loop.json", "", &schema),
                 "'schema' must be a schema or a file beside the descriptor");
    assert_error(load(&scratch, "none.json", "", &schema), "there is no schema 'none.json'");
    assert_error(load(&scratch, "empty.yaml", "", &schema), "'empty.yaml' is empty");
    struct error *error = load(&scratch, "bad.yaml", "", &schema);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    assert_string_equal(error->mark.file, "bad.yaml");
    assert_int_equal(error->mark.line, 3);
    error_drop(error);
    scratch_drop(&scratch);
}

/* The conformance data's, of which some have slips that their readers pass over. */
static void test_published_schemas_are_taken(void **state)
{
    (void)state;
    glob_t found;
    const char *pattern = str_print(&arena, "%s/tableschema/*/*/*schema.json", conformance()).at;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct table_schema schema = {0};
        struct error *error =
            tableschema_load(&scratch, AT_FDCWD, str_of(found.gl_pathv[i]), STR(""), &schema);
        if (error)
            fail_msg("%s: %s", found.gl_pathv[i], error->text);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_those_of_the_standard),
        cmocka_unit_test(test_everything_a_descriptor_says_is_read),
        cmocka_unit_test(test_faults_are_told_at_their_place),
        cmocka_unit_test(test_faults_of_constraints_name_their_field),
        cmocka_unit_test(test_keys_name_fields),
        cmocka_unit_test(test_all_independent_faults_are_told),
        cmocka_unit_test(test_what_is_hardly_meant_is_warned_of),
        cmocka_unit_test(test_a_schema_is_written_as_it_is_read),
        cmocka_unit_test(test_bounds_that_json_cannot_write_bare_are_texts),
        cmocka_unit_test(test_patterns_of_xsd_become_those_of_pcre2),
        cmocka_unit_test(test_published_schemas_are_taken),
        cmocka_unit_test(test_schemas_are_found_in_files_resources_and_packages),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
