#include "mlops/store/mirror.h"

#include "rig.h"

static struct mirror_place placed(struct rig *rig, const char *word)
{
    struct mirror_place place = {0};
    assert_fine(mirror_place_of(&rig->arena, str_of(word), STR("/somewhere"),
                                STR("/somewhere/project"), &place));
    return place;
}

static int refusal_of(struct rig *rig, const char *word)
{
    struct mirror_place place = {0};
    struct error *error =
        mirror_place_of(&rig->arena, str_of(word), STR("/somewhere"), STR(""), &place);
    int code = error ? error->code : 0;
    error_drop(error);
    return code;
}

static void urls_are_recorded_as_they_are(void **state)
{
    static const char *const words[] = {
        "https://host/org/registry",
        "http://host:8080/r.git",
        "ssh://git@host:22/r",
        "git://host/r",
        "git@host:org/registry.git",
        "host:r",
        "git+ssh://host/r",
        "file:///srv/r.git",
        "https://user@host/a%20b.git",
    };
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct mirror_place place = placed(&rig, words[i]);
        assert_true(str_is(place.url, words[i]) && str_is(place.git_url, words[i]));
        assert_int_equal(place.location.len != 0, strncmp(words[i], "file:", 5) == 0);
    }
}

static void a_directory_is_seen_from_the_project_and_given_to_git_absolute(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct mirror_place place = {0};
    struct str root = rig.workspace->root;
    assert_fine(mirror_place_of(&rig.arena, STR("."), root, root, &place));
    assert_true(str_is(place.url, "."));
    assert_true(str_equal(place.git_url, root) && str_equal(place.location, root));
    assert_fine(mirror_place_of(&rig.arena, root, STR("/"), root, &place));
    assert_true(str_equal(place.url, root));
}

static void what_git_would_take_as_an_option_or_a_program_is_refused(void **state)
{
    static const char *const words[] = {"--upload-pack=x",
                                        "-oProxyCommand=x:y",
                                        "ext::sh -c x",
                                        "fd::17/x",
                                        "ssh://-oProxyCommand=x/y",
                                        "ssh://-l@host/y",
                                        "ftp://host/x",
                                        "s3://bucket/x",
                                        "https://u:secret@host/x",
                                        "file://relative",
                                        "https:///x",
                                        "a\nb:c",
                                        ""};
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (refusal_of(&rig, words[i]) != ERROR_USAGE)
            fail_msg("'%s' is not refused", words[i]);
}

static void only_what_nothing_else_is_called_like_is_surely_a_repository(void **state)
{
    (void)state;
    assert_true(mirror_is_surely(STR("https://host/org/r.git")));
    assert_true(mirror_is_surely(STR("git@host:org/r")));
    assert_true(mirror_is_surely(STR("../r.git/")));
    assert_true(mirror_is_surely(STR("git://host/r")));
    assert_false(mirror_is_surely(STR("https://host/org/r")));
    assert_false(mirror_is_surely(STR("s3://bucket/key")));
    assert_false(mirror_is_surely(STR("data/a:b")));
    assert_false(mirror_is_surely(STR("http:host/x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_recorded_as_they_are),
        cmocka_unit_test(a_directory_is_seen_from_the_project_and_given_to_git_absolute),
        cmocka_unit_test(what_git_would_take_as_an_option_or_a_program_is_refused),
        cmocka_unit_test(only_what_nothing_else_is_called_like_is_surely_a_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
