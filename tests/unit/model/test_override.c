#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/override.h"

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct override parsed(const char *word)
{
    struct override override = {0};
    struct error *error = override_parse(&arena, str_of(word), &override);
    if (error)
        fail_msg("%s: %s", word, error->text);
    return override;
}

static void assert_override(const char *word, const char *file, const char *key, const char *text,
                            enum edit_action action)
{
    struct override override = parsed(word);
    if (!str_is(override.file, file) || !str_is(override.key, key) ||
        !str_is(override.text, text) || override.action != action)
        fail_msg("%s: '%.*s' '%.*s' '%.*s' %d", word, STR_FMT(override.file), STR_FMT(override.key),
                 STR_FMT(override.text), (int) override.action);
}

static void a_word_names_a_file_a_key_and_a_value(void **state)
{
    (void)state;
    assert_override("train.lr=0.1", "", "train.lr", "0.1", EDIT_SET);
    assert_override("a/b.yaml:k=x=y", "a/b.yaml", "k", "x=y", EDIT_SET);
    assert_override("conf.PY:k=[1, 2]", "conf.PY", "k", "[1, 2]", EDIT_SET);
    assert_override("model:size=3", "", "model:size", "3", EDIT_SET);
    assert_override("k=", "", "k", "null", EDIT_SET);
    assert_override("k = 1 ", "", "k", "1", EDIT_SET);
    assert_override("+k={a: b}", "", "k", "{a: b}", EDIT_ADD);
    assert_override("p.json:+k=1", "p.json", "k", "1", EDIT_ADD);
    assert_override("~p.toml:k.0", "p.toml", "k.0", "", EDIT_REMOVE);
    assert_override("l[0].a[-1]=1", "", "l.0.a.-1", "1", EDIT_SET);
    assert_override("a[b]=1", "", "a[b]", "1", EDIT_SET);
    assert_override("k='a, b'", "", "k", "'a, b'", EDIT_SET);
}

static void the_printed_word_gives_the_same_override(void **state)
{
    (void)state;
    static const char *const words[] = {"a=1",        "+a.b=[x]",  "~a",
                                        "o.json:a=1", "+o.py:a=1", "~o.toml:a"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct override override = parsed(words[i]);
        assert_string_equal(override_print(&arena, &override).at, words[i]);
    }
    struct override usual = parsed("params.yaml:a=1");
    assert_string_equal(override_print(&arena, &usual).at, "a=1");
}

static void words_that_are_none_are_mistakes_of_usage(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "=1",        "a",    "~a=1", "++a=1",
                                      "~~a", "p.yaml:=1", "a=[1", "+a"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct override override;
        struct error *error = override_parse(&arena, str_of(bad[i]), &override);
        if (!error)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(error->code, ERROR_USAGE);
        error_drop(error);
    }
}

static void a_word_is_told_from_a_target(void **state)
{
    (void)state;
    assert_true(override_is_word(STR("a=1")));
    assert_true(override_is_word(STR("~a")));
    assert_true(override_is_word(STR("+a=1")));
    assert_true(override_is_word(STR("p.yaml:~a")));
    assert_false(override_is_word(STR("train")));
    assert_false(override_is_word(STR("sub/dvc.yaml:train")));
    assert_false(override_is_word(STR("--json=x")));
    assert_false(override_is_word(STR("")));
}

static void the_same_key_twice_is_a_mistake(void **state)
{
    (void)state;
    struct override_vec overrides = {0};
    *vec_push(&arena, &overrides) = parsed("a=1");
    *vec_push(&arena, &overrides) = parsed("o.yaml:a=1");
    assert_null(override_check(&overrides));
    *vec_push(&arena, &overrides) = parsed("~a");
    struct error *error = override_check(&overrides);
    assert_non_null(error);
    assert_string_equal(error->text, "'a' is given twice");
    error_drop(error);
}

static void removals_come_last_and_from_the_end_of_lists(void **state)
{
    (void)state;
    static const char *const words[] = {"~l.0",  "~l.10", "~l.2",   "a=1",   "~m.-1",
                                        "~m.-2", "~name", "~l.1.x", "+l.3=1"};
    struct override_vec overrides = {0};
    struct buf out = buf_in(&arena);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        *vec_push(&arena, &overrides) = parsed(words[i]);
    const struct override **order = override_order(&arena, &overrides);
    for (size_t i = 0; i < overrides.len; i++)
        buf_print(&out, "%.*s ", STR_FMT(override_print(&arena, order[i])));
    assert_string_equal(out.at, "a=1 +l.3=1 ~l.1.x ~l.10 ~l.2 ~l.0 ~m.-2 ~m.-1 ~name ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_names_a_file_a_key_and_a_value),
        cmocka_unit_test(the_printed_word_gives_the_same_override),
        cmocka_unit_test(words_that_are_none_are_mistakes_of_usage),
        cmocka_unit_test(a_word_is_told_from_a_target),
        cmocka_unit_test(removals_come_last_and_from_the_end_of_lists),
        cmocka_unit_test(the_same_key_twice_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
