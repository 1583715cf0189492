#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct doc_node *parse(const char *text)
{
    struct doc *doc = NULL;
    struct error *error = json_parse(&arena, STR("m.json"), str_of(text), &doc);
    if (error)
        fail_msg("%s: %d:%d: %s", text, error->mark.line, error->mark.column, error->text);
    return doc->root;
}

static void assert_refused_bytes(struct str text, int line, int column, const char *word)
{
    struct doc *doc = NULL;
    struct error *error = json_parse(&arena, STR("m.json"), text, &doc);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_PROJECT);
    if (error->mark.line != line || error->mark.column != column || !strstr(error->text, word))
        fail_msg("%d:%d: %s (expected %d:%d '%s')", error->mark.line, error->mark.column,
                 error->text, line, column, word);
    error_drop(error);
}

static void assert_refused(const char *text, int line, int column, const char *word)
{
    assert_refused_bytes(str_of(text), line, column, word);
}

static void values_have_kind_text_and_place(void **state)
{
    (void)state;
    struct doc_node *root =
        parse("{\"\xC3\xA4\": 1, \"b\":\n  [true, null, -0.0, 9007199254740993,\r\n"
              "\"x\\u00e4\\ud83d\\ude00\\n\", 18446744073709551616, 1.10]}");
    const struct doc_node *item = root->first->next->first;
    assert_int_equal(root->first->column, 7);
    assert_int_equal(root->first->key->column, 2);
    assert_int_equal(root->first->next->line, 2);
    assert_int_equal(root->first->next->column, 3);
    assert_true(item->truth);
    item = item->next;
    assert_int_equal(item->kind, DOC_NULL);
    item = item->next;
    assert_true(item->kind == DOC_REAL && signbit(item->real));
    item = item->next;
    assert_int_equal(item->integer, 9007199254740993);
    item = item->next;
    assert_int_equal(item->line, 3);
    assert_int_equal(item->column, 1);
    assert_true(str_is(item->text, "x\xC3\xA4\xF0\x9F\x98\x80\n"));
    item = item->next;
    assert_int_equal(item->kind, DOC_BIGINT);
    assert_true(str_is(item->text, "18446744073709551616"));
    assert_true(str_is(item->next->text, "1.10"));
    assert_int_equal(root->first->next->count, 7);
}

static void what_python_writes_for_nan_is_refused_with_a_hint(void **state)
{
    (void)state;
    struct doc *doc = NULL;
    struct error *error = json_parse(&arena, STR("m"), STR("{\"acc\": NaN}"), &doc);
    assert_non_null(error);
    assert_int_equal(error->mark.column, 9);
    assert_string_equal(error->text, "NaN is not JSON");
    assert_non_null(error->hint);
    error_drop(error);
    assert_refused("[-Infinity]", 1, 2, "-Infinity is not JSON");
    assert_refused("{\"acc\": 1e999}", 1, 9, "out of the range");
}

static void broken_texts_are_refused_where_they_break(void **state)
{
    (void)state;
    assert_refused("", 1, 1, "empty");
    assert_refused(" \n ", 1, 1, "empty");
    assert_refused("{\"acc\": 1,}", 1, 10, "comma");
    assert_refused("[1,]", 1, 3, "comma");
    assert_refused("[1 2]", 1, 4, "',' or ']'");
    assert_refused("{\"a\" 1}", 1, 6, "':'");
    assert_refused("{a: 1}", 1, 2, "double quotes");
    assert_refused("[\n\"abc", 2, 1, "never closed");
    assert_refused("[\"a\tb\"]", 1, 4, "U+0009");
    assert_refused("[\"\\x\"]", 1, 3, "escape");
    assert_refused("[\"\\ud800\"]", 1, 3, "surrogate");
    assert_refused("[\"\\u12g4\"]", 1, 3, "four hex digits");
    assert_refused("1 2", 1, 3, "end of the file");
    assert_refused("[", 1, 2, "found the end");
    assert_refused("012", 1, 2, "end of the file");
    assert_refused_bytes(STR("[\"\xC3\xA4\xff\"]"), 1, 4, "UTF-8");
    assert_refused_bytes(STR("[1]\0"), 1, 4, "end of the file");
    assert_refused("{\n<<<<<<< HEAD\n\"a\": 1\n=======\n", 2, 1, "conflict");
}

static void duplicate_and_nul_names_are_refused_but_by_the_grammar_alone(void **state)
{
    (void)state;
    struct doc *doc = NULL;
    assert_refused("{\"lr\": 1,\n \"l\\u0072\": 2}", 2, 2,
                   "duplicate key 'lr' (first at line 1, column 2)");
    assert_refused("{\"a\\u0000b\": 1}", 1, 2, "NUL");
    assert_null(
        json_parse_lenient(&arena, STR("m"), STR("{\"a\\u0000\":1,\"x\":1,\"x\":2}"), &doc));
    assert_int_equal(doc->root->count, 3);
    assert_int_equal(parse("[\"a\\u0000b\"]")->first->text.len, 3);
    assert_int_equal(parse("{\"\": 5}")->first->integer, 5);
}

static void depth_is_bounded_without_recursion(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, "{\"a\":[");
    assert_refused_bytes(buf_str(&text), 1, 193, "deep");
}

static void a_written_document_reads_well(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out, .indent = true};
    json_open_object(&json);
    json_name(&json, "a");
    json_open_list(&json);
    json_int(&json, 1);
    json_bool(&json, false);
    json_close_list(&json);
    json_name(&json, "empty");
    json_open_object(&json);
    json_close_object(&json);
    json_name(&json, "none");
    json_text(&json, NULL);
    json_close_object(&json);
    assert_string_equal(out.at, "{\n  \"a\": [\n    1,\n    false\n  ],\n  \"empty\": {},\n"
                                "  \"none\": null\n}");
}

static void the_compact_form_has_no_blanks(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    json_open_list(&json);
    json_open_object(&json);
    json_name(&json, "k");
    json_raw(&json, STR("[0]"));
    json_name(&json, "l");
    json_null(&json);
    json_close_object(&json);
    json_open_list(&json);
    json_close_list(&json);
    json_close_list(&json);
    assert_string_equal(out.at, "[{\"k\":[0],\"l\":null},[]]");
}

static struct str written(struct str text)
{
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    json_str(&json, text);
    return buf_str(&out);
}

static void strings_are_safe_for_terminals_and_always_utf8(void **state)
{
    (void)state;
    assert_true(
        str_is(written(STR("a\"\\\n\t\x1b[31m\x7f")), "\"a\\\"\\\\\\n\\t\\u001b[31m\\u007f\""));
    assert_true(str_is(written(STR("\xC3\xA4\xff"
                                   "b\xE2\x80\xAE")),
                       "\"\xC3\xA4\xEF\xBF\xBD"
                       "b\\u202e\""));
    assert_true(str_is(written(STR("a\0b")), "\"a\\u0000b\""));
    assert_true(str_is(written((struct str){0}), "\"\""));
}

static const char *real(double value)
{
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    json_real(&json, value);
    return out.at;
}

static void reals_are_short_and_read_back_equal(void **state)
{
    (void)state;
    const double values[] = {0.1,     1.0 / 3, 1e300, DBL_MIN,
                             DBL_MAX, 5e-324,  -2.5,  0.30000000000000004};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        double read = strtod(real(values[i]), NULL);
        assert_true(read >= values[i] && read <= values[i]);
        parse(real(values[i]));
    }
    assert_string_equal(real(0.1), "0.1");
    assert_string_equal(real((double)NAN), "null");
    assert_string_equal(real(-(double)INFINITY), "null");
}

static void a_document_is_written_with_its_own_numbers(void **state)
{
    (void)state;
    const char *text = "{\"a\":[1.10,9007199254740993,1e3,\"x\",true,null,-0.0],\"b\":{}}";
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    json_node(&json, parse(text));
    assert_string_equal(out.at, text);
}

static void yaml_numbers_become_json_numbers(void **state)
{
    (void)state;
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = DOC_DVC};
    struct str text = STR("[0x1F, +1, 010, .5, 1., .nan, 1_000, 0xFFFFFFFFFFFFFFFFF, -007]");
    assert_null(doc_parse(&arena, STR("p"), text, &options, &doc));
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    json_node(&json, doc->root);
    assert_string_equal(out.at, "[31,1,10,0.5,1,null,1000,295147905179352825855,-7]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(values_have_kind_text_and_place),
        TEST(what_python_writes_for_nan_is_refused_with_a_hint),
        TEST(broken_texts_are_refused_where_they_break),
        TEST(duplicate_and_nul_names_are_refused_but_by_the_grammar_alone),
        TEST(depth_is_bounded_without_recursion),
        TEST(a_written_document_reads_well),
        TEST(the_compact_form_has_no_blanks),
        TEST(strings_are_safe_for_terminals_and_always_utf8),
        TEST(reals_are_short_and_read_back_equal),
        TEST(a_document_is_written_with_its_own_numbers),
        TEST(yaml_numbers_become_json_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
