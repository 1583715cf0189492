#include "lock_sample.h"

static struct str hostile(struct arena *arena, const char *name)
{
    const char *directory = getenv("MLOPS_CONFORMANCE");
    struct str bytes = {0};
    bool found = false;
    struct str path = str_print(arena, "%s/hostile/lock/%s", directory, name);
    assert_fine(file_read(arena, AT_FDCWD, path.at, 1 << 20, &bytes, &found));
    assert_true(found);
    return bytes;
}

static void every_damaged_lock_is_refused_at_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int line; /* 0: any */
        const char *word;
    } rows[] = {
        {"200-truncated.lock", 7, "sha256"},
        {"201-empty.lock", 0, "empty"},
        {"203-conflict.lock", 8, "conflict"},
        {"204-bad-hash-len.lock", 7, "sha256"},
        {"206-hash-traversal.lock", 7, "sha256"},
        {"210-size-overflow.lock", 8, "size"},
        {"213-binary.lock", 0, ""},
    };
    if (!getenv("MLOPS_CONFORMANCE")) {
        print_message("MLOPS_CONFORMANCE is not set\n");
        skip();
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        AUTO(buf_drop) struct buf told = {0};
        struct lockfile lockfile = {0};
        struct error *error =
            lockfile_parse(&arena, STR("pipeline.lock"), hostile(&arena, rows[i].name), &lockfile);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        error_print(error, &told);
        struct str place = str_print(&arena, "pipeline.lock:%d:", rows[i].line);
        if (rows[i].line && !strstr(told.at, place.at))
            fail_msg("%s: line %d expected: %s", rows[i].name, rows[i].line, told.at);
        if (!strstr(told.at, rows[i].word))
            fail_msg("%s: '%s' expected: %s", rows[i].name, rows[i].word, told.at);
        assert_non_null(strstr(told.at, "hint:"));
        error_drop(error);
    }
}

static struct error *parse_error(struct arena *arena, const char *text)
{
    struct lockfile lockfile = {0};
    return lockfile_parse(arena, STR("pipeline.lock"), str_of(text), &lockfile);
}

static void a_newer_schema_is_told_from_damage(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct error *error = parse_error(&arena, "schema: 2\nsurprise: [1]\n");
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    assert_error(error, "newer version");
}

static void what_a_lock_may_not_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"stages: {}\n", "schema"},
        {"schema: 1\n", "stages"},
        {"schema: 1\nstages: {}\nmore: 1\n", "'more'"},
        {"schema: 1\nstages:\n  a: &x {cmd: a}\n  b: *x\n", ""},
        {"schema: 1\nstages:\n  a: {cmd: [a], dep: []}\n", "'dep'"},
        {"schema: 1\nstages:\n  a: {cmd: a}\n  a: {cmd: b}\n", "a"},
        {"schema: 1\nstages:\n  a:\n    outs: [{path: ../x, kind: absent}]\n", "../x"},
        {"schema: 1\nstages:\n  a:\n    outs: [{path: .git/hooks/x, kind: absent}]\n", ".git"},
        {"schema: 1\nstages:\n  a:\n    outs: [{path: /etc/x, kind: absent}]\n", "/etc/x"},
        {"schema: 1\nstages:\n  a:\n    outs: [{kind: absent}]\n", "path"},
        {"schema: 1\nstages:\n  a:\n    outs: [{path: x, kind: absent, size: 1}]\n", "absent"},
        {"schema: 1\nstages:\n  a:\n    deps: [{path: x, kind: absent}, {path: x, kind: absent}]\n",
         "twice"},
        {"schema: 1\nstages:\n  a: {secrets: [X], env: {X: a}}\n", "twice"},
        {"schema: 1\nstages:\n  a: {recipe: ['00']}\n", "recipe"},
        {"schema: 1\nstages:\n  a: {recipe: ['0']}\n", "hex"},
        {"schema: 1\nstages:\n  a: {encoded_metrics: ['6c01']}\n", "encoded_metrics"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct error *error = parse_error(&arena, rows[i].text);
        if (!error)
            fail_msg("not refused: %s", rows[i].text);
        assert_int_equal(error->code, ERROR_PROJECT);
        assert_error(error, rows[i].word);
    }
}

static void every_cut_of_a_lock_is_refused_or_whole(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct lockfile lockfile = {0};
    uint64_t seed = 5;
    add_entry(&arena, &lockfile, random_entry(&arena, &seed, 1));
    struct str text = printed(&arena, &lockfile);
    for (size_t len = 0; len < text.len; len++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct lockfile back = {0};
        struct error *error =
            lockfile_parse(&scratch, STR("x.lock"), str_slice(text, 0, len), &back);
        error_drop(error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damaged_lock_is_refused_at_its_line),
        cmocka_unit_test(a_newer_schema_is_told_from_damage),
        cmocka_unit_test(what_a_lock_may_not_hold_is_refused),
        cmocka_unit_test(every_cut_of_a_lock_is_refused_or_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
