#include "mlops/store/remote.h"

#include "rig.h"

/* What another project's settings come to; `own`: a remote of ours, or NULL. */
static struct error *load(struct rig *rig, const char *text, const char *own, const char *root,
                          struct remote_vec *ret)
{
    struct config foreign = {0};
    if (own) {
        struct str state = rig->workspace->state;
        assert_fine(config_set(&rig->arena, state, CONFIG_LOCAL, STR("remote.ours.url"),
                               str_of(own), false));
        assert_fine(config_set(&rig->arena, state, CONFIG_LOCAL, STR("remote.ours.token_env"),
                               STR("OUR_TOKEN"), false));
        assert_fine(config_load(&rig->arena, state, &rig->workspace->config));
    }
    *ret = (struct remote_vec){0};
    TRY(config_load_foreign(&rig->arena, STR("config.yaml"), str_of(text), &foreign));
    return remotes_load_foreign(&rig->arena, rig->workspace, &foreign, str_of(root), ret);
}

#define THEIRS                                                                                     \
    "remote.lab.url: https://lab/store\n"                                                          \
    "remote.lab.token_env: GITHUB_TOKEN\n"                                                         \
    "remote.lab.user: them\n"                                                                      \
    "remote.lab.password_env: SECRET\n"                                                            \
    "remote.lab.profile: admin\n"                                                                  \
    "remote.lab.ca: /etc/shadow\n"                                                                 \
    "remote.lab.trust: true\n"                                                                     \
    "remote.lab.region: eu\n"

static void secrets_of_this_machine_are_not_theirs_to_name(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct remote_vec remotes = {0};
    assert_fine(load(&rig, THEIRS, NULL, "", &remotes));
    assert_int_equal(remotes.len, 1);
    const struct remote *lab = remotes.at[0];
    assert_true(str_is(lab->url, "https://lab/store") && str_is(lab->region, "eu"));
    assert_int_equal(lab->user.len + lab->password_env.len + lab->token_env.len, 0);
    assert_int_equal(lab->profile.len + lab->ca.len + lab->is_trusted, 0);
}

static void an_s3_service_of_theirs_gets_no_credentials_of_ours(void **state)
{
    static const char theirs[] = "remote.lab.url: s3://bucket/x\n"
                                 "remote.lab.endpoint: https://s3.lab\n";
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct remote_vec remotes = {0};
    assert_fine(load(&rig, theirs, NULL, "", &remotes));
    assert_true(remotes.at[0]->is_elsewhere);
    assert_fine(load(&rig, "remote.lab.url: s3://bucket/x\n", NULL, "", &remotes));
    assert_false(remotes.at[0]->is_elsewhere);
    assert_fine(load(&rig, theirs, "s3://bucket", "", &remotes));
    assert_false(remotes.at[0]->is_elsewhere);
    assert_int_equal(remotes.at[0]->endpoint.len, 0);
    assert_fine(config_set(&rig.arena, rig.workspace->state, CONFIG_LOCAL,
                           STR("remote.ours.endpoint"), STR("https://s3.lab"), false));
    assert_fine(load(&rig, theirs, "s3://other", "", &remotes));
    assert_false(remotes.at[0]->is_elsewhere);
}

static void a_remote_of_ours_with_the_url_decides_how_it_is_reached(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct remote_vec remotes = {0};
    assert_fine(load(&rig, THEIRS, "https://lab/", "", &remotes));
    assert_true(str_is(remotes.at[0]->token_env, "OUR_TOKEN"));
    assert_true(str_is(remotes.at[0]->url, "https://lab/store"));
    assert_fine(
        load(&rig, "remote.lab.url: https://laboratory/store\n", "https://lab", "", &remotes));
    assert_int_equal(remotes.at[0]->token_env.len, 0);
}

static void what_runs_a_program_is_refused(void **state)
{
    static const char *const keys[] = {"ssh_command", "credential_process", "insecure", "sign_key"};
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct remote_vec remotes = {0};
        struct str text =
            str_print(&rig.arena, "remote: {lab: {url: s3://b, %s: 'true'}}\n", keys[i]);
        struct error *error = load(&rig, text.at, NULL, "", &remotes);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        error_drop(error);
    }
}

static void relative_directories_are_seen_from_where_the_project_is(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct remote_vec remotes = {0};
    assert_fine(load(&rig, "remote.lab.url: ../store\n", NULL, "/srv/registry", &remotes));
    assert_true(str_is(remotes.at[0]->url, "/srv/store"));
    struct error *error = load(&rig, "remote.lab.url: ../store\n", NULL, "", &remotes);
    assert_non_null(error);
    error_drop(error);
}

static void the_default_one_comes_first_and_other_settings_are_none_of_ours(void **state)
{
    (void)state;
    AUTO(rig_drop) struct rig rig = rig_open();
    struct remote_vec remotes = {0};
    assert_fine(load(&rig,
                     "project: nonsense\ncache.dir: /etc\nof_next_year: 1\n"
                     "remote: {a: {url: /a}, b: {url: /b}, c: {url: /c}, default: c}\n",
                     NULL, "", &remotes));
    assert_int_equal(remotes.len, 3);
    assert_true(str_is(remotes.at[0]->name, "c") && str_is(remotes.at[1]->name, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_of_this_machine_are_not_theirs_to_name),
        cmocka_unit_test(a_remote_of_ours_with_the_url_decides_how_it_is_reached),
        cmocka_unit_test(an_s3_service_of_theirs_gets_no_credentials_of_ours),
        cmocka_unit_test(what_runs_a_program_is_refused),
        cmocka_unit_test(relative_directories_are_seen_from_where_the_project_is),
        cmocka_unit_test(the_default_one_comes_first_and_other_settings_are_none_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
