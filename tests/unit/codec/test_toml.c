#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/codec/load.h"
#include "mlops/codec/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static const struct doc_node *parse(const char *text)
{
    struct doc *doc = NULL;
    struct error *error = toml_parse(&arena, STR("p.toml"), str_of(text), &doc);
    if (error)
        fail_msg("%d:%d: %s", error->mark.line, error->mark.column, error->text);
    return doc->root;
}

static const char *shown(const char *text)
{
    return str_print(&arena, "%.*s", STR_FMT(doc_show(&arena, parse(text)))).at;
}

/* All errors, "LINE:COLUMN text" each, joined by " | ". */
static const char *refused(struct str text)
{
    struct doc *doc = NULL;
    struct buf out = buf_in(&arena);
    struct error *errors = toml_parse(&arena, STR("p.toml"), text, &doc);
    if (!errors)
        fail_msg("accepted: %.*s", STR_FMT(text));
    for (const struct error *error = errors; error; error = error->next)
        buf_print(&out, "%s%d:%d %s", error == errors ? "" : " | ", error->mark.line,
                  error->mark.column, error->text);
    error_drop(errors);
    return out.at;
}

#define assert_refused(text, message) assert_string_equal(refused(STR(text)), message)

static void tables_dotted_keys_and_lists_of_tables_are_one_tree(void **state)
{
    (void)state;
    assert_string_equal(
        shown("a.b = 1\n[c]\nd = [1, 2,\n # three\n 3,]\n[c.e]\nf = {g.h = 'x', i = []}\n"
              "[[l]]\nn = 1\n[l.m]\no = true\n[[l]]\nn = 2\n"),
        "{\"a\":{\"b\":1},\"c\":{\"d\":[1,2,3],\"e\":{\"f\":{\"g\":{\"h\":\"x\"},"
        "\"i\":[]}}},\"l\":[{\"n\":1,\"m\":{\"o\":true}},{\"n\":2}]}");
    assert_string_equal(shown(""), "{}");
}

static void numbers_keep_their_value_in_every_form(void **state)
{
    (void)state;
    const struct doc_node *root = parse(
        "a = 0x1F_FF\nb = -9223372036854775808\nc = 1_000.5e-1\nd = -inf\ne = nan\nf = 0b101\n");
    assert_int_equal(doc_find(root, STR("a"))->integer, 0x1FFF);
    assert_true(doc_find(root, STR("b"))->integer == INT64_MIN);
    assert_true(doc_find(root, STR("c"))->real == 100.05);
    assert_true(isinf(doc_find(root, STR("d"))->real) && doc_find(root, STR("d"))->real < 0);
    assert_true(isnan(doc_find(root, STR("e"))->real));
    assert_int_equal(doc_find(root, STR("f"))->integer, 5);
}

static void dates_and_times_are_text_as_written(void **state)
{
    (void)state;
    const struct doc_node *root =
        parse("a = 1979-05-27 07:32:00.5Z\nb = 07:32:00\nc = 2024-02-29\n");
    assert_true(str_is(doc_find(root, STR("a"))->text, "1979-05-27 07:32:00.5Z"));
    assert_int_equal(doc_find(root, STR("a"))->kind, DOC_STR);
    assert_int_equal(doc_find(root, STR("b"))->kind, DOC_STR);
    assert_int_equal(doc_find(root, STR("c"))->kind, DOC_STR);
    assert_refused("a = 2023-02-29\n", "1:5 '2023-02-29' is no value");
}

static void what_is_defined_twice_names_both_places_and_all_of_it_is_told(void **state)
{
    (void)state;
    assert_refused(
        "a = 1\n'a' = 2\n[b]\n[b]\nx = 1\n[a.c]\n[[b]]\n",
        "2:1 duplicate key 'a' (first at line 1, column 1) | "
        "4:2 duplicate table 'b' (first at line 3, column 2) | "
        "6:2 a table is added to a value: duplicate key 'a' (first at line 1, column 1) | "
        "7:3 duplicate key 'b' (first at line 3, column 2)");
    assert_refused("[a]\nb.c = 1\n[a.b]\n", "3:4 duplicate table 'b' (first at line 2, column 1)");
    assert_refused("a = {b = 1}\na.c = 2\n",
                   "2:1 a dotted key adds to what is complete: duplicate key "
                   "'a' (first at line 1, column 1)");
}

static void what_is_wrong_has_its_place(void **state)
{
    (void)state;
    assert_refused("a = 'x\n", "1:5 this string is never closed");
    assert_refused("a = [1, 2\n", "1:5 this bracket is never closed");
    assert_refused("a = 9223372036854775808", "1:5 '9223372036854775808' does not fit 64 bits");
    assert_refused("a = 1e999", "1:5 '1e999' is out of the range of numbers");
    assert_refused("a = 010", "1:5 '010' is no value");
    assert_refused("ä = 1", "1:1 a key was expected, found 'ä'");
    assert_refused("a = 1 b = 2", "1:7 the end of the line was expected, found 'b'");
    assert_refused("a = \"\\x41\"", "1:6 unknown escape in a string");
    assert_refused("a = 1\n\xFF", "2:1 not valid UTF-8 (byte 7 of the file)");
    assert_refused("<<<<<<< ours\na = 1\n=======\n", "1:1 git merge conflict marker");
}

static void depth_and_size_have_limits_with_names(void **state)
{
    (void)state;
    struct buf deep = buf_in(&arena), dotted = buf_in(&arena), large = buf_in(&arena);
    buf_add_text(&deep, "a = ");
    buf_add_repeated(&deep, '[', 100000);
    assert_non_null(strstr(refused(buf_str(&deep)), "limit DOCUMENT_DEPTH"));
    for (int i = 0; i < 40; i++)
        buf_add_text(&dotted, i ? ".a" : "[a");
    buf_add_text(&dotted, "]\n");
    for (int i = 0; i < 40; i++)
        buf_add_text(&dotted, i ? ".a" : "a");
    buf_add_text(&dotted, " = 1\n");
    assert_non_null(strstr(refused(buf_str(&dotted)), "limit DOCUMENT_DEPTH"));
    buf_add_repeated(&large, '\n', (size_t)LIMIT_DOCUMENT_BYTES + 1);
    assert_non_null(strstr(refused(buf_str(&large)), "limit DOCUMENT_BYTES"));
    buf_clear(&large);
    buf_add_text(&large, "a = [");
    for (int i = 0; i < LIMIT_DOCUMENT_NODES; i++)
        buf_add_text(&large, "1,");
    buf_add_text(&large, "]");
    assert_non_null(strstr(refused(buf_str(&large)), "limit DOCUMENT_NODES"));
}

static void the_language_of_a_file_follows_from_its_name(void **state)
{
    (void)state;
    assert_int_equal(load_language(STR("a/params.TOML")), LOAD_TOML);
    assert_int_equal(load_language(STR("params.json")), LOAD_JSON);
    assert_int_equal(load_language(STR("p.py")), LOAD_PYTHON);
    assert_int_equal(load_language(STR("p.yml")), LOAD_YAML);
    assert_int_equal(load_language(STR("a/.toml")), LOAD_YAML);
    assert_int_equal(load_language(STR("params")), LOAD_YAML);
    static const char *const names[] = {"p.toml", "p.py", "p.json", "p.yaml"};
    static const char *const texts[] = {"a = 1", "a = 1", "{\"a\": 1}", "a: 1"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct doc *doc = NULL;
        assert_null(doc_load(&arena, str_of(names[i]), str_of(texts[i]), DOC_DVC, &doc));
        assert_int_equal(doc_find(doc->root, STR("a"))->integer, 1);
    }
}

/* The public cases: all that is invalid is refused, all that is valid is taken but for keys with
 * NUL. Their values are compared by tests/codec/differential.py. */
static void the_public_cases_are_taken_or_refused_as_they_say(void **state)
{
    (void)state;
    char *line = NULL;
    size_t room = 0;
    int valid = 0, invalid = 0, wrong = 0;
    FILE *file = fopen(MLOPS_SOURCE "/tests/cases/toml/toml-test.jsonl", "r");
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        struct doc *one = NULL, *doc = NULL;
        assert_null(json_parse_lenient(&arena, STR("case"), str_copy(&arena, str_of(line)), &one));
        const struct doc_node *id = doc_find(one->root, STR("id"));
        const struct doc_node *text = doc_find(one->root, STR("text"));
        if (!id || !text)
            continue;
        bool is_valid = str_starts(id->text, STR("valid/"));
        struct error *error = toml_parse(&arena, id->text, text->text, &doc);
        *(is_valid ? &valid : &invalid) += 1;
        wrong += is_valid == (error != NULL) && !(error && strstr(error->text, "NUL"));
        error_drop(error);
    }
    free(line);
    fclose(file);
    print_message("toml-test: %d valid, %d invalid, %d wrong\n", valid, invalid, wrong);
    assert_int_equal(wrong, 0);
    assert_int_equal(valid, 208);
    assert_true(invalid > 480);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(tables_dotted_keys_and_lists_of_tables_are_one_tree),
        TEST(numbers_keep_their_value_in_every_form),
        TEST(dates_and_times_are_text_as_written),
        TEST(what_is_defined_twice_names_both_places_and_all_of_it_is_told),
        TEST(what_is_wrong_has_its_place),
        TEST(depth_and_size_have_limits_with_names),
        TEST(the_language_of_a_file_follows_from_its_name),
        TEST(the_public_cases_are_taken_or_refused_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
