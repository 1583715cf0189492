#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/edit.h"

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct edit edit_of(const char *word)
{
    struct edit edit = {.action = EDIT_SET, .key = str_of(word)};
    if (word[0] == '+' || word[0] == '~') {
        edit.action = word[0] == '+' ? EDIT_ADD : EDIT_REMOVE;
        edit.key = str_slice(edit.key, 1, edit.key.len);
    }
    ptrdiff_t equals = str_find_char(edit.key, '=');
    if (equals >= 0) {
        edit.value = str_slice(edit.key, (size_t)equals + 1, edit.key.len);
        edit.key.len = (size_t)equals;
    }
    return edit;
}

/* The text after an edit that is written as on the command line. */
static const char *edited(const char *name, const char *word, const char *text)
{
    struct edit edit = edit_of(word);
    struct str result = {0};
    struct error *error =
        edit_apply(&arena, str_of(name), str_of(text), DOC_NATIVE, &edit, &result);
    if (error)
        fail_msg("%s: %d:%d: %s", word, error->mark.line, error->mark.column, error->text);
    return str_terminate(&arena, result);
}

/* "LINE:COLUMN text" of the error. */
static const char *refused(const char *name, const char *word, const char *text)
{
    struct edit edit = edit_of(word);
    struct str result = {0};
    struct error *error =
        edit_apply(&arena, str_of(name), str_of(text), DOC_NATIVE, &edit, &result);
    if (!error)
        fail_msg("accepted: %s", word);
    const char *told =
        str_print(&arena, "%d:%d %s", error->mark.line, error->mark.column, error->text).at;
    error_drop(error);
    return told;
}

#define assert_yaml(before, word, after) assert_string_equal(edited("p.yaml", word, before), after)
#define assert_json(before, word, after) assert_string_equal(edited("p.json", word, before), after)
#define assert_toml(before, word, after) assert_string_equal(edited("p.toml", word, before), after)
#define assert_python(before, word, after) assert_string_equal(edited("p.py", word, before), after)

static void a_value_of_yaml_changes_and_all_around_it_stays(void **state)
{
    (void)state;
    assert_yaml("# top\na:   0.1   # rate\n\nb: x\n", "a=0.5",
                "# top\na:   0.5   # rate\n\nb: x\n");
    assert_yaml("a: {b: 1, c: [1, 2]}", "a.c.-1=9", "a: {b: 1, c: [1, 9]}");
    assert_yaml("a:\n# nothing yet\n", "a=1", "a: 1\n# nothing yet\n");
    assert_yaml("a:\r\n- 1\r\n- 2\r\nb: 3\r\n", "a=[7]", "a: [7]\r\nb: 3\r\n");
    assert_yaml("a:  # why\n  - 1\nb: 3\n", "a=2", "a: 2  # why\nb: 3\n");
    assert_yaml("a: |  # why\n  x\n  y\n\nb: 3\n", "a=2", "a: 2  # why\n\nb: 3\n");
    assert_yaml("\xEF\xBB\xBF\"a.b\": 1\n", "a.b=2", "\xEF\xBB\xBF\"a.b\": 2\n");
    assert_yaml("größe: \"ä\"\nb: 1\n", "b=2", "größe: \"ä\"\nb: 2\n");
    assert_yaml("a: !!str 1  # one\n", "a=2", "a: 2  # one\n");
    assert_yaml("a: 1_0 # one\nb: 0.10\n", "b=1e-1", "a: 1_0 # one\nb: 0.10\n");
    assert_yaml("a: &x 1\n", "a=2", "a: &x 2\n");
}

static void quotes_of_yaml_stay_where_the_text_allows_it(void **state)
{
    (void)state;
    assert_yaml("a: 'x'\n", "a=y", "a: 'y'\n");
    assert_yaml("a: \"x\"\n", "a=y", "a: \"y\"\n");
    assert_yaml("a: 'x'\n", "a=\"it's\"", "a: \"it's\"\n");
    assert_yaml("a: x\n", "a='no'", "a: \"no\"\n");
    assert_yaml("a: 2024-01-01\n", "a=2025-02-02", "a: 2025-02-02\n");
    assert_yaml("a: x\n", "a=2025-02-02", "a: \"2025-02-02\"\n");
}

static void numbers_of_yaml_are_numbers_for_old_readers_too(void **state)
{
    (void)state;
    assert_yaml("a: 1\n", "a=1e-3", "a: 1.0e-3\n");
    assert_yaml("a: 1\n", "a=1e5", "a: 1.0e+5\n");
    assert_yaml("a: 1\n", "a=.5", "a: 0.5\n");
    assert_yaml("a: 1\n", "a=017", "a: 17\n");
    assert_yaml("a: 1\n", "a=0x1F", "a: 31\n");
    assert_yaml("a: 1\n", "a=.inf", "a: .inf\n");
    assert_yaml("a: 1\n", "a=[-1e-7, 99999999999999999999]",
                "a: [-1.0e-7, 99999999999999999999]\n");
}

static void keys_of_yaml_are_added_below_what_is_there(void **state)
{
    (void)state;
    assert_yaml("a:\n    b: 1  # one\nc: 2\n", "+a.d=3", "a:\n    b: 1  # one\n    d: 3\nc: 2\n");
    assert_yaml("a:\n    b: 1\n", "+a.d.e.f=3",
                "a:\n    b: 1\n    d:\n        e:\n            f: 3\n");
    assert_yaml("a: 1", "+b=2", "a: 1\nb: 2");
    assert_yaml("", "+a.b=2", "a:\n  b: 2\n");
    assert_yaml("# only this", "+a=2", "# only this\na: 2\n");
    assert_yaml("a:\nb: 1\n", "+a.c=2", "a:\n  c: 2\nb: 1\n");
    assert_yaml("a: null\n", "+a.c=2", "a: {c: 2}\n");
    assert_yaml("a: {}\n", "+a.b.c=1", "a: {b: {c: 1}}\n");
    assert_yaml("a: {x: 1}\n", "+a.b=no", "a: {x: 1, b: \"no\"}\n");
    assert_yaml("a:\n- 1\n", "+a.1={b: 2}", "a:\n- 1\n- {b: 2}\n");
    assert_yaml("a: |+\n  x\n\n", "+b=1", "a: |+\n  x\n\nb: 1\n");
    assert_yaml("a: [\n  1,  # one\n]\n", "+a.1=2", "a: [\n  1,  # one\n  2,\n]\n");
}

static void keys_of_yaml_are_removed_with_their_lines(void **state)
{
    (void)state;
    assert_yaml("a: 1  # one\nb: 2\n", "~a", "b: 2\n");
    assert_yaml("a:\n  b:\n    - 1\n    - 2\n  c: 3\n", "~a.b", "a:\n  c: 3\n");
    assert_yaml("a:\n  b: 1\nc: 2\n", "~a.b", "a: {}\nc: 2\n");
    assert_yaml("a: 1\n", "~a", "{}\n");
    assert_yaml("- a: 1\n  b: 2\n", "~0.a", "- b: 2\n");
    assert_yaml("- a: 1\n  # two\n  b: 2\n", "~0.a", "- \n  # two\n  b: 2\n");
    assert_yaml("a:\n-  # why\n  - 1\n- 2\n", "~a.0", "a:\n- 2\n");
    assert_yaml("a: 1\nb: 2", "~b", "a: 1");
    assert_yaml("a: {b: 1, c: 2, d: 3}\n", "~a.c", "a: {b: 1, d: 3}\n");
    assert_yaml("a: [1, 2]\n", "~a.-1", "a: [1]\n");
}

static void aliases_and_merged_keys_of_yaml_get_values_of_their_own(void **state)
{
    (void)state;
    assert_yaml("a: &x 1\nb: *x  # one\n", "b=2", "a: &x 1\nb: 2  # one\n");
    assert_yaml("a: &x 1\nb: *x\n", "~b", "a: &x 1\n");
    assert_yaml("a: &x {c: 1, d: 2}\nb:\n  <<: *x\n  e: 1\n", "b.c=3",
                "a: &x {c: 1, d: 2}\nb:\n  <<: *x\n  e: 1\n  c: 3\n");
    assert_yaml("a: &x {c: 1}\nb: {<<: *x}\n", "b.c=3", "a: &x {c: 1}\nb: {<<: *x, c: 3}\n");
    assert_string_equal(refused("p.yaml", "~b.c", "a: &x {c: 1}\nb: {<<: *x}\n"),
                        "1:8 'b.c' can't be changed here: its mapping has it from another one by "
                        "'<<'");
}

static void what_cannot_be_edited_safely_is_refused_at_its_place(void **state)
{
    (void)state;
    assert_string_equal(refused("p.yaml", "b.c=2", "a: &x {c: 1}\nb: *x\n"),
                        "1:8 'b.c' can't be changed here: an alias stands there for a value of "
                        "another place");
    assert_string_equal(refused("p.yaml", "a=2", "a: &x 1\nb: *x\n"),
                        "1:1 'a' can't be changed here: other values would change with it, or it "
                        "would not be that value");
    assert_string_equal(refused("p.yaml", "a.b=1", "a: 1\n---\na: 2\n"),
                        "2:1 a second document starts here; a file holds one");
    assert_string_equal(refused("p.yaml", "ab=2", "a: 1\nabc: 2\n"),
                        "1:1 no parameter 'ab' (did you mean 'a'?)");
    assert_string_equal(refused("p.yaml", "lr=2", "a: 1\ntrain:\n  lr: 2\n"),
                        "3:3 no parameter 'lr' (did you mean 'train.lr'?)");
    assert_string_equal(refused("p.yaml", "zzzz=2", "a: 1\n"), "0:0 no parameter 'zzzz'");
    assert_string_equal(refused("p.yaml", "+a=2", "a: 1\n"), "1:1 'a' is there already");
    assert_string_equal(refused("p.yaml", "+a.b=2", "a: 1\n"),
                        "1:4 'a.b' can't be added: what is above it is an integer, not a mapping");
    assert_string_equal(refused("p.yaml", "+a.5=2", "a: [1]\n"),
                        "1:4 'a.5' can't be added: the list has 1 items, the next is 1");
    assert_string_equal(refused("p.py", "a=2", "a = 1\n<<<<<<< HEAD\n"),
                        "2:1 git merge conflict marker");
}

static void json_keeps_its_layout(void **state)
{
    (void)state;
    assert_json("{\n  \"a\": 1,\n  \"b\": [1]\n}\n", "a=x",
                "{\n  \"a\": \"x\",\n  \"b\": [1]\n}\n");
    assert_json("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "~b", "{\n  \"a\": 1\n}\n");
    assert_json("{\n  \"a\": 1,\n  \"b\": 2\n}\n", "~a", "{\n  \"b\": 2\n}\n");
    assert_json("{\n\t\"a\": 1\n}\n", "+b.c=[yes, null]",
                "{\n\t\"a\": 1,\n\t\"b\": {\"c\": [\"yes\", null]}\n}\n");
    assert_json("{\"a\":1,\"b\":2}", "+c=3", "{\"a\":1,\"b\":2,\"c\":3}");
    assert_json("{}", "+a=1e3", "{\"a\": 1.0e+3}");
    assert_json("{\"a\": [1, {\"b\": \"}\"}]}", "a.1.b=2", "{\"a\": [1, {\"b\": 2}]}");
    assert_string_equal(refused("p.json", "a=.nan", "{\"a\": 1}"),
                        "0:0 p.json: 'a' can't become infinite or no number: JSON has none");
}

static void toml_changes_in_tables_dotted_keys_and_lists(void **state)
{
    (void)state;
    assert_toml("a = 1 # one\n[t]\nb = 'x'\n", "t.b=y", "a = 1 # one\n[t]\nb = \"y\"\n");
    assert_toml("[[r]]\nn = 1\n[[r]]\nn = 2\n", "r.1.n=3", "[[r]]\nn = 1\n[[r]]\nn = 3\n");
    assert_toml("t.a.b = 1\n", "t.a.b=2.5", "t.a.b = 2.5\n");
    assert_toml("t.a.b = 1\n", "~t.a.b", "t.a = {}\n");
    assert_toml("t.a.b = 1\n", "+t.a.c=2", "t.a.b = 1\nt.a.c = 2\n");
    assert_toml("# top\n\n# of t\n[t]\n", "+a=1", "# top\n\na = 1\n\n# of t\n[t]\n");
    assert_toml("[t]\n[u]\n", "+t.a.b=1", "[t]\na.b = 1\n[u]\n");
    assert_toml("[t.s]\na = 1\n", "+t.b=1", "[t.s]\na = 1\n\n[t]\nb = 1\n");
    assert_toml("[t]\na = 1\n[t.s]\nb = 1\n\n# of u\n[u]\n", "~t", "# of u\n[u]\n");
    assert_toml("a = [\n  1, # one\n  2\n]\n", "~a.0", "a = [\n  2\n]\n");
    assert_toml("a = 2024-01-01\n", "a=2025-01-01", "a = 2025-01-01\n");
    assert_toml("a = 'x'\n", "a=2025-01-01", "a = \"2025-01-01\"\n");
    assert_toml("a = '''\nx'''\n", "a=\"b\\nc\"", "a = \"b\\nc\"\n");
    assert_string_equal(refused("p.toml", "t=1", "[t]\na = 1\n"),
                        "1:2 't' can't be changed as a whole here");
    assert_string_equal(refused("p.toml", "a=null", "a = 1\n"),
                        "0:0 p.toml: 'a' can't become null: TOML has none");
}

static void python_changes_what_is_assigned_and_runs_nothing(void **state)
{
    (void)state;
    assert_python("LR = 0.1  # rate\n", "LR=1e-3", "LR = 1.0e-3  # rate\n");
    assert_python("a: int = 1; b = 2\n", "b=true", "a: int = 1; b = True\n");
    assert_python("a = (1, 2)\n", "a=[3]", "a = (3,)\n");
    assert_python("a = (1, 2)\n", "~a.0", "a = (2,)\n");
    assert_python("a = 1, 2\n", "a=null", "a = None\n");
    assert_python("a = 'x' \\\n  'y'\nb = 1\n", "a=z", "a = \"z\"\nb = 1\n");
    assert_python("class A:\n    b = {'c': [1]}\n", "A.b.c.0=x",
                  "class A:\n    b = {'c': [\"x\"]}\n");
    assert_python("class A:\n    b = 1\nc = 2\n", "~A.b", "class A:\n    pass\nc = 2\n");
    assert_python("class A:\n    def __init__(self):\n        self.b = 1\n", "+A.c=2",
                  "class A:\n    def __init__(self):\n        self.b = 1\n        self.c = 2\n");
    assert_python("a = 1\nprint(a)\n", "+b.c=x", "a = 1\nb = {\"c\": \"x\"}\nprint(a)\n");
    assert_string_equal(refused("p.py", "a=1", "a = [i for i in x]\nb = 1\n"),
                        "2:1 no parameter 'a' (did you mean 'b'?)");
}

static void values_that_are_none_are_told_by_what_is_wrong(void **state)
{
    (void)state;
    static const char *const bad[] = {"[1", "1, 2", "a: b", "a\nb", "*x", "&x 1", "1]", "# x", "{"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct doc_node *value = NULL;
        struct error *error = edit_value(&arena, str_of(bad[i]), DOC_NATIVE, &value);
        if (!error)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(error->code, ERROR_USAGE);
        error_drop(error);
    }
    struct doc_node *value = NULL;
    assert_null(edit_value(&arena, STR(""), DOC_NATIVE, &value));
    assert_int_equal(value->kind, DOC_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_of_yaml_changes_and_all_around_it_stays),
        cmocka_unit_test(quotes_of_yaml_stay_where_the_text_allows_it),
        cmocka_unit_test(numbers_of_yaml_are_numbers_for_old_readers_too),
        cmocka_unit_test(keys_of_yaml_are_added_below_what_is_there),
        cmocka_unit_test(keys_of_yaml_are_removed_with_their_lines),
        cmocka_unit_test(aliases_and_merged_keys_of_yaml_get_values_of_their_own),
        cmocka_unit_test(what_cannot_be_edited_safely_is_refused_at_its_place),
        cmocka_unit_test(json_keeps_its_layout),
        cmocka_unit_test(toml_changes_in_tables_dotted_keys_and_lists),
        cmocka_unit_test(python_changes_what_is_assigned_and_runs_nothing),
        cmocka_unit_test(values_that_are_none_are_told_by_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
