#include "mlops/base/arena.h"
#include "mlops/codec/profiles.h"

#include "support/scratch.h"

static struct profile_vec parse(struct arena *arena, const char *text, bool is_config)
{
    struct profile_vec profiles = {0};
    assert_fine(profiles_parse(arena, STR("file"), str_of(text), is_config, &profiles));
    return profiles;
}

static void expect(const struct profile_vec *profiles, const char *profile, const char *key,
                   const char *value)
{
    struct str found = profiles_find(profiles, str_of(profile), key);
    if (!str_is(found, value))
        fail_msg("%s.%s is '%.*s', not '%s'", profile, key, STR_FMT(found), value);
}

static void values_are_kept_to_the_letter(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct profile_vec profiles = parse(&arena,
                                        "# comment\n[default]\naws_access_key_id=AK\n"
                                        "AWS_SECRET_ACCESS_KEY = a/b+c=#d;e  # mine\r\n"
                                        "[Team A]\ncredential_process = \"/x y\" --a 'b, c'\n",
                                        false);
    expect(&profiles, "default", "aws_access_key_id", "AK");
    expect(&profiles, "default", "aws_secret_access_key", "a/b+c=#d;e");
    expect(&profiles, "Team A", "credential_process", "\"/x y\" --a 'b, c'");
    expect(&profiles, "team a", "credential_process", "");
}

static void profiles_of_the_config_file_have_their_word(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct profile_vec profiles = parse(&arena,
                                        "[default]\nregion = r1\n[profile x]\nregion = r2\n"
                                        "[sso-session y]\nregion = r3\n[z]\nregion = r4\n"
                                        "[profile \"q r\"]\nregion = r5\n",
                                        true);
    expect(&profiles, "default", "region", "r1");
    expect(&profiles, "x", "region", "r2");
    expect(&profiles, "q r", "region", "r5");
    assert_false(profiles_have(&profiles, STR("y")));
    assert_false(profiles_have(&profiles, STR("z")));
}

static void indented_lines_are_of_a_group_and_left_out(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct profile_vec profiles = parse(&arena,
                                        "[default]\ns3 =\n    region = inner\n  addressing_style = "
                                        "path\nregion = outer\n",
                                        true);
    expect(&profiles, "default", "region", "outer");
    expect(&profiles, "default", "addressing_style", "");
}

static void a_line_that_is_none_is_told_by_its_number_and_not_shown(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct profile_vec profiles = {0};
    struct error *error =
        profiles_parse(&arena, STR("file"), STR("[default]\n\ns3cret\n"), false, &profiles);
    assert_non_null(error);
    assert_int_equal(error->mark.line, 3);
    assert_null(error->excerpt);
    assert_error(error, "expected");
    assert_error(profiles_parse(&arena, STR("file"), STR("[default\n"), false, &profiles),
                 "section");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_to_the_letter),
        cmocka_unit_test(profiles_of_the_config_file_have_their_word),
        cmocka_unit_test(indented_lines_are_of_a_group_and_left_out),
        cmocka_unit_test(a_line_that_is_none_is_told_by_its_number_and_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
