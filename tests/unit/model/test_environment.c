#include "mlops/base/arena.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/json.h"
#include "mlops/model/environment.h"

#include "support/unit.h"

static struct arena arena;

static void assert_fine(struct error *error)
{
    assert_null(error);
}

static void add(struct environment_items *items, const char *name, const char *value)
{
    *vec_push(&arena, items) = (struct environment_item){str_of(name), str_of(value)};
}

static struct environment sample(void)
{
    struct environment made = {
        .os = STR("Debian GNU/Linux 12 (bookworm)"),
        .platform = STR("linux/x86_64"),
        .kernel = STR("6.1.0-18-amd64"),
        .cpu = STR("AMD EPYC"),
        .cpus = 8,
        .memory_bytes = INT64_C(34359738368),
        .interpreter = STR("python"),
        .interpreter_path = STR("/usr/bin/python3.11"),
        .interpreter_version = STR("3.11.2"),
        .manager = STR("system"),
    };
    add(&made.packages, "numpy", "1.24.2");
    add(&made.packages, "pandas", "1.5.3");
    add(&made.tools, "gcc", "12");
    add(&made.lockfiles, "requirements.txt", "aa");
    add(&made.variables, "PATH", "/usr/bin");
    return made;
}

static struct str encoded(const struct environment *environment)
{
    struct buf out = buf_in(&arena);
    environment_encode(environment, &out);
    return buf_str(&out);
}

static void what_is_encoded_reads_back(void **state)
{
    (void)state;
    struct environment made = sample(), back = {0};
    assert_fine(environment_decode(&arena, encoded(&made), &back));
    assert_true(str_equal(encoded(&back), encoded(&made)));
    assert_true(str_equal(back.interpreter_version, made.interpreter_version));
    assert_int_equal(back.memory_bytes, made.memory_bytes);
    assert_int_equal(back.packages.len, 2);
    assert_true(str_is(environment_item_find(&back.packages, STR("pandas")), "1.5.3"));
    assert_int_equal(environment_item_find(&back.packages, STR("polars")).len, 0);
}

static void an_empty_environment_is_a_valid_one(void **state)
{
    (void)state;
    struct environment none = {0}, back = sample();
    assert_fine(environment_decode(&arena, encoded(&none), &back));
    assert_int_equal(back.packages.len + back.os.len, 0);
}

static struct str first_format(void)
{
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.environment.1"));
    canon_map(&out, 3);
    canon_str(&out, STR("os"));
    canon_str(&out, STR("Debian"));
    canon_str(&out, STR("platform"));
    canon_str(&out, STR("linux/x86_64"));
    canon_str(&out, STR("variables"));
    canon_map(&out, 1);
    canon_str(&out, STR("PATH"));
    canon_str(&out, STR("/bin"));
    return buf_str(&out);
}

static void records_of_the_first_format_are_read(void **state)
{
    (void)state;
    struct environment back = {0};
    assert_fine(environment_decode(&arena, first_format(), &back));
    assert_true(str_is(back.os, "Debian") && str_is(back.platform, "linux/x86_64"));
    assert_true(str_is(environment_item_find(&back.variables, STR("PATH")), "/bin"));
    assert_int_equal(back.cpus, 0);
}

static void damaged_bytes_are_refused(void **state)
{
    (void)state;
    struct environment made = sample(), back = {0};
    struct str bytes = encoded(&made);
    for (size_t len = 0; len < bytes.len; len++) {
        struct error *error = environment_decode(&arena, str_slice(bytes, 0, len), &back);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_STORED);
        error_drop(error);
    }
    struct str more = str_print(&arena, "%.*s-", STR_FMT(bytes));
    struct error *error = environment_decode(&arena, more, &back);
    assert_non_null(error);
    error_drop(error);
}

static void of_equal_names_the_first_is_kept(void **state)
{
    (void)state;
    struct environment_items items = {0};
    add(&items, "b", "1");
    add(&items, "a", "2");
    add(&items, "b", "3");
    environment_items_sort(&arena, &items);
    assert_int_equal(items.len, 2);
    assert_true(str_is(items.at[0].name, "a") && str_is(items.at[1].value, "1"));
}

static void equal_environments_differ_in_nothing(void **state)
{
    (void)state;
    struct environment one = sample(), two = sample();
    struct environment_changes changes = {0};
    environment_diff(&arena, &one, &two, &changes);
    assert_int_equal(changes.len, 0);
}

static void assert_change(const struct environment_change *change, const char *section,
                          const char *name, const char *before, const char *after)
{
    assert_true(str_is(change->section, section));
    assert_true(str_is(change->name, name));
    assert_true(str_is(change->before, before));
    assert_true(str_is(change->after, after));
}

static void differences_are_sorted_by_section_and_mirror(void **state)
{
    (void)state;
    struct environment one = sample(), two = sample();
    struct environment_changes changes = {0}, mirrored = {0};
    two.interpreter_version = STR("3.12.1");
    two.packages.at[0].value = STR("1.26.0");
    two.packages.at[1].name = STR("polars");
    two.kernel = STR("6.9");
    two.memory_bytes = 1024;
    environment_diff(&arena, &one, &two, &changes);
    environment_diff(&arena, &two, &one, &mirrored);
    assert_int_equal(changes.len, 6);
    assert_change(&changes.at[0], "interpreter", "version", "3.11.2", "3.12.1");
    assert_change(&changes.at[1], "packages", "numpy", "1.24.2", "1.26.0");
    assert_change(&changes.at[2], "packages", "pandas", "1.5.3", "");
    assert_change(&changes.at[3], "packages", "polars", "", "1.5.3");
    assert_change(&changes.at[4], "machine", "kernel", "6.1.0-18-amd64", "6.9");
    assert_change(&changes.at[5], "machine", "memory_bytes", "34359738368", "1024");
    for (size_t i = 0; i < changes.len; i++) {
        assert_true(str_equal(changes.at[i].before, mirrored.at[i].after));
        assert_true(str_equal(changes.at[i].after, mirrored.at[i].before));
    }
}

static void what_one_side_does_not_know_is_no_difference(void **state)
{
    (void)state;
    struct environment first = {0}, now = sample(), shell = sample();
    struct environment_changes changes = {0};
    assert_fine(environment_decode(&arena, first_format(), &first));
    environment_diff(&arena, &first, &now, &changes);
    assert_int_equal(changes.len, 2);
    assert_change(&changes.at[0], "variables", "PATH", "/bin", "/usr/bin");
    assert_change(&changes.at[1], "machine", "os", "Debian", "Debian GNU/Linux 12 (bookworm)");
    shell.interpreter = shell.interpreter_path = shell.interpreter_version = STR("");
    shell.manager = STR("");
    shell.packages.len = 0;
    changes.len = 0;
    environment_diff(&arena, &now, &shell, &changes);
    assert_int_equal(changes.len, 4); /* the interpreter went; its packages with it, unsaid */
}

static struct str key_of(const struct environment *environment)
{
    struct buf out = buf_in(&arena);
    environment_key(environment, &out);
    return buf_str(&out);
}

static void the_key_follows_packages_but_not_the_kernel(void **state)
{
    (void)state;
    struct environment one = sample(), two = sample();
    two.kernel = STR("6.9");
    two.memory_bytes = 1;
    two.cpu = STR("other");
    two.variables.len = two.tools.len = two.lockfiles.len = 0;
    two.interpreter_path = STR("/opt/python");
    two.manager = STR("venv");
    assert_true(str_equal(key_of(&one), key_of(&two)));
    two.packages.at[0].value = STR("2.0");
    assert_false(str_equal(key_of(&one), key_of(&two)));
    struct environment three = sample();
    three.interpreter_version = STR("3.12");
    assert_false(str_equal(key_of(&one), key_of(&three)));
}

static void the_json_names_everything(void **state)
{
    (void)state;
    struct environment made = sample();
    struct buf out = buf_in(&arena);
    struct json_writer json = {.out = &out};
    environment_write(&made, &json);
    assert_true(str_find(buf_str(&out), STR("\"packages\":{\"numpy\":\"1.24.2\"")) >= 0);
    assert_true(str_find(buf_str(&out), STR("\"memory_bytes\":34359738368")) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_reads_back),
        cmocka_unit_test(an_empty_environment_is_a_valid_one),
        cmocka_unit_test(records_of_the_first_format_are_read),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(of_equal_names_the_first_is_kept),
        cmocka_unit_test(equal_environments_differ_in_nothing),
        cmocka_unit_test(differences_are_sorted_by_section_and_mirror),
        cmocka_unit_test(what_one_side_does_not_know_is_no_difference),
        cmocka_unit_test(the_key_follows_packages_but_not_the_kernel),
        cmocka_unit_test(the_json_names_everything),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_drop(&arena);
    return failed;
}
