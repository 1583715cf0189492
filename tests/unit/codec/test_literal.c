#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/literal.h"

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
    struct error *error = literal_parse(&arena, STR("p.py"), str_of(text), &doc);
    if (error)
        fail_msg("%d:%d: %s", error->mark.line, error->mark.column, error->text);
    return doc->root;
}

static const char *shown(const char *text)
{
    return str_print(&arena, "%.*s", STR_FMT(doc_show(&arena, parse(text)))).at;
}

static const char *refused(struct str text)
{
    struct doc *doc = NULL;
    struct error *error = literal_parse(&arena, STR("p.py"), text, &doc);
    if (!error)
        fail_msg("accepted: %.*s", STR_FMT(text));
    const char *told =
        str_print(&arena, "%d:%d %s", error->mark.line, error->mark.column, error->text).at;
    error_drop(error);
    return told;
}

static void assignments_of_literals_are_taken_whatever_their_form(void **state)
{
    (void)state;
    assert_string_equal(
        shown("a = 1; b: float = -2.5\nc = (1, 'x' \"y\", None)\nd = {'k': [True], 2: {}}\n"
              "e = {1, 2}\nf = 3, 4\ng = (5)\nh = \"\"\"l\nm\"\"\"\ni = \\\n  r'\\d'\n"),
        "{\"a\":1,\"b\":-2.5,\"c\":[1,\"xy\",null],\"d\":{\"k\":[true],\"2\":{}},"
        "\"e\":[1,2],\"f\":[3,4],\"g\":5,\"h\":\"l\\nm\",\"i\":\"\\\\d\"}");
}

static void classes_are_mappings_with_what_init_gives_to_self(void **state)
{
    (void)state;
    assert_string_equal(
        shown("class A(B):\n    '''doc'''\n    x = 1\n    def __init__(self, y={1: 2}):\n"
              "        self.z = 2\n        local = 3\n        if y:\n"
              "            self.no = 4\n    def f(self):\n        self.no = 5\n"
              "    class C: w = 6\nv = 7\n"),
        "{\"A\":{\"x\":1,\"z\":2,\"C\":{\"w\":6}},\"v\":7}");
}

static void the_last_assignment_counts_at_the_place_of_the_first(void **state)
{
    (void)state;
    assert_string_equal(shown("a = 1\nb = 2\na = [3]\nclass K:\n  x = 1\nclass K:\n  y = 2\n"),
                        "{\"a\":[3],\"b\":2,\"K\":{\"y\":2}}");
}

static void what_is_no_literal_is_passed_over(void **state)
{
    (void)state;
    assert_string_equal(
        shown("import os\na = os.getpid()\nb = f'{a}'\nc = 1 + 2\nd = e = 3\nf, g = 1, 2\n"
              "h += 1\nfor i in [1]:\n  j = 1\nelse: k = 2\ndef l():\n  m = \"'\"\n"
              "n = [1, a]\no = b'x'\np = 1j\nq = 010\n@r(x=1)\ndef s(): t = 1\nu = 5\n"),
        "{\"u\":5}");
}

static void nothing_is_run(void **state)
{
    (void)state;
    assert_string_equal(
        shown("x = __import__('os').system('exit')\ny = [print() for _ in 'ab']\nz = 1"),
        "{\"z\":1}");
}

static void what_cannot_be_followed_has_its_place(void **state)
{
    (void)state;
    assert_string_equal(refused(STR("a = 1\nb = 'x\nc = 2\n")), "2:5 this string is never closed");
    assert_string_equal(refused(STR("a = '''x\n")), "1:5 this string is never closed");
    assert_string_equal(refused(STR("a = f(1,\nb = 2\n")), "1:6 this bracket is never closed");
    assert_string_equal(refused(STR("a = [1)\n")), "1:7 ')' closes nothing");
    assert_string_equal(refused(STR("class A:\nx = 1\n")),
                        "2:1 an indented block was expected here");
    assert_string_equal(refused(STR("a = 1\n  b = 2\n")), "2:3 this indentation fits no block");
    assert_string_equal(refused(STR("a = 1\0")), "1:6 control character U+0000 is not allowed");
}

static void depth_has_a_limit_with_a_name(void **state)
{
    (void)state;
    struct buf deep = buf_in(&arena), blocks = buf_in(&arena);
    buf_add_text(&deep, "a = ");
    buf_add_repeated(&deep, '[', 50000);
    assert_non_null(strstr(refused(buf_str(&deep)), "limit DOCUMENT_DEPTH"));
    for (size_t i = 0; i < 100; i++) {
        buf_add_repeated(&blocks, ' ', i);
        buf_add_text(&blocks, "class A:\n");
    }
    assert_non_null(strstr(refused(buf_str(&blocks)), "blocks are nested too deep"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(assignments_of_literals_are_taken_whatever_their_form),
        TEST(classes_are_mappings_with_what_init_gives_to_self),
        TEST(the_last_assignment_counts_at_the_place_of_the_first),
        TEST(what_is_no_literal_is_passed_over),
        TEST(nothing_is_run),
        TEST(what_cannot_be_followed_has_its_place),
        TEST(depth_has_a_limit_with_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
