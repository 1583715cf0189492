#include "mlops/store/upstream.h"

#include "rig.h"

static struct upstream opened(struct rig *rig, const char *url)
{
    struct upstream upstream = {0};
    assert_fine(
        upstream_open(&rig->arena, rig->workspace, rig->workspace->root, str_of(url), &upstream));
    return upstream;
}

static void assert_text(struct str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.at, expected, text.len);
}

static struct upstream_state looked(struct rig *rig, const char *url)
{
    struct upstream_state state = {0};
    AUTO(upstream_drop) struct upstream upstream = opened(rig, url);
    bool found = false;
    assert_fine(upstream_look(&rig->arena, &upstream, &state, &found));
    assert_true(found);
    return state;
}

static int code_of(struct error *error)
{
    int code = error ? error->code : 0;
    error_drop(error);
    return code;
}

static void relative_paths_are_recorded_as_seen_from_the_project(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct upstream upstream = {0};
    struct str below = path_join(&rig.arena, rig.workspace->root, STR("sub"));
    assert_fine(upstream_open(&rig.arena, rig.workspace, below, STR("../x/a b"), &upstream));
    assert_text(upstream.url, "x/a b");
    assert_text(upstream.last, "a b");
    assert_true(upstream.is_local);
    assert_text(opened(&rig, "/abs//x/../y").url, "/abs//x/../y");
    assert_text(opened(&rig, "/abs//x/../y").name, "/abs/y");
}

static void what_would_be_recorded_holds_no_secrets(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    static const char *const urls[] = {"https://h/x?X-Amz-Signature=1", "https://h/x?a=1&SIG=2",
                                       "https://me:secret@h/x", "https://h/x?token"};
    struct upstream upstream = {0};
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        assert_int_equal(code_of(upstream_open(&rig.arena, rig.workspace, rig.workspace->root,
                                               str_of(urls[i]), &upstream)),
                         ERROR_USAGE);
}

static void urls_that_name_nothing_are_mistakes_of_the_command_line(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    static const char *const urls[] = {"",         "gopher://h/x",  "file://host/x",
                                       "https://", "https://h\n/x", "s3:///"};
    struct upstream upstream = {0};
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        assert_int_equal(code_of(upstream_open(&rig.arena, rig.workspace, rig.workspace->root,
                                               str_of(urls[i]), &upstream)),
                         ERROR_USAGE);
}

static void a_directory_is_its_files_and_a_digest_of_its_listing(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    scratch_directory(&rig.scratch, "d");
    scratch_directory(&rig.scratch, "d/e");
    scratch_write(&rig.scratch, "d/e/b", "22");
    scratch_write(&rig.scratch, "d/a", "1");
    struct upstream_state first = looked(&rig, "d/");
    assert_true(first.is_directory);
    assert_int_equal(first.files.len, 2);
    assert_text(first.files.at[0].path, "a");
    assert_text(first.files.at[1].path, "e/b");
    assert_int_equal(first.bytes, 3);
    scratch_write(&rig.scratch, "d/a", "12");
    struct upstream_mark mark = {.etag = first.etag, .bytes = first.bytes};
    struct upstream_state second = looked(&rig, "d");
    assert_false(upstream_same(&mark, &second));
    mark.etag = second.etag;
    assert_true(upstream_same(&mark, &second));
}

static void links_and_names_that_may_not_be_written_are_refused(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    AUTO(upstream_drop) struct upstream upstream = opened(&rig, "d");
    struct upstream_state seen = {0};
    bool found = false;
    scratch_directory(&rig.scratch, "d");
    assert_int_equal(symlinkat("/etc", rig.scratch.fd, "d/link"), 0);
    assert_int_equal(code_of(upstream_look(&rig.arena, &upstream, &seen, &found)), ERROR_PROJECT);
    assert_int_equal(unlinkat(rig.scratch.fd, "d/link", 0), 0);
    scratch_directory(&rig.scratch, "d/.Git");
    scratch_write(&rig.scratch, "d/.Git/config", "x");
    assert_int_equal(code_of(upstream_look(&rig.arena, &upstream, &seen, &found)), ERROR_PROJECT);
}

static void without_anything_to_tell_versions_apart_they_differ(void **state)
{
    (void)state;
    struct upstream_state now = {.bytes = 3};
    assert_false(upstream_same(&(struct upstream_mark){.bytes = 3}, &now));
    now.modified = STR("2026-01-01T00:00:00.000Z");
    struct upstream_mark mark = {.modified = now.modified, .bytes = 3};
    assert_true(upstream_same(&mark, &now));
    mark.bytes = 4;
    assert_false(upstream_same(&mark, &now));
    now.etag = STR("\"1\"");
    mark.etag = STR("\"2\"");
    mark.bytes = 3;
    assert_false(upstream_same(&mark, &now));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_paths_are_recorded_as_seen_from_the_project),
        cmocka_unit_test(what_would_be_recorded_holds_no_secrets),
        cmocka_unit_test(urls_that_name_nothing_are_mistakes_of_the_command_line),
        cmocka_unit_test(a_directory_is_its_files_and_a_digest_of_its_listing),
        cmocka_unit_test(links_and_names_that_may_not_be_written_are_refused),
        cmocka_unit_test(without_anything_to_tell_versions_apart_they_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
