/* From DVC's settings to a remote, and lists of directories. */
#include "mlops/base/buf.h"
#include "mlops/store/dvc_remote.h"

#include "rig.h"

/* The remote of that name (NULL: the default one) as these two files say. */
static struct error *find(struct rig *rig, const char *shared, const char *secret, const char *name,
                          struct remote **ret)
{
    struct dvcconfig config = {0};
    assert_fine(directory_make(fd_number(rig->workspace->root_fd), ".dvc", false));
    scratch_write(&rig->scratch, ".dvc/config", shared);
    scratch_write(&rig->scratch, ".dvc/config.local", secret);
    setenv("DVC_GLOBAL_CONFIG_DIR", "/nonexistent", 1);
    setenv("DVC_SYSTEM_CONFIG_DIR", "/nonexistent", 1);
    assert_fine(dvcconfig_load(&rig->arena, rig->workspace, STR(""), &config));
    return dvc_remote_find(&rig->arena, &config, str_of(name), ret);
}

static struct remote *found(struct rig *rig, const char *shared, const char *secret)
{
    struct remote *remote = NULL;
    assert_fine(find(rig, shared, secret, NULL, &remote));
    assert_non_null(remote);
    return remote;
}

#define IS(actual, expected) assert_true(str_is((actual), (expected)))

static void a_directory_is_relative_to_the_file_that_names_it(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote =
        found(&rig, "[core]\nremote = r\n['remote \"r\"']\nurl = ../store/x\n", "");
    struct str expected = path_join(&rig.arena, rig.workspace->root, STR("store/x"));
    assert_true(str_equal(remote->url, expected));
    rig_drop(&rig);
}

static void without_a_default_there_is_none(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote = NULL;
    assert_fine(find(&rig, "['remote \"r\"']\nurl = /x\n", "", NULL, &remote));
    assert_null(remote);
    assert_fine(find(&rig, "['remote \"r\"']\nurl = /x\n", "", "r", &remote));
    IS(remote->url, "/x");
    error_drop(find(&rig, "['remote \"r\"']\nurl = /x\n", "", "other", &remote));
    assert_null(remote);
    rig_drop(&rig);
}

static void settings_of_ssh_become_a_url_and_a_key(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote = found(&rig,
                                  "[core]\nremote = r\n['remote \"r\"']\nurl = ssh://host/srv/x\n"
                                  "user = anna\nport = 2222\nask_password = true\njobs = 3\n",
                                  "['remote \"r\"']\nkeyfile = key\n");
    IS(remote->url, "ssh://anna@host:2222/srv/x");
    assert_true(
        str_equal(remote->key_file, path_join(&rig.arena, rig.workspace->root, STR(".dvc/key"))));
    assert_int_equal(remote->connections, 3);
    remote = found(&rig,
                   "[core]\nremote = r\n['remote \"r\"']\nurl = ssh://bob@[::1]:22/srv/x\n"
                   "port = 2222\n",
                   "");
    IS(remote->url, "ssh://bob@[::1]:22/srv/x");
    rig_drop(&rig);
}

static void settings_of_s3_are_followed_secrets_included(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote =
        found(&rig,
              "[core]\nremote = r\n['remote \"r\"']\nurl = s3://bucket/x\nregion = eu\n"
              "endpointurl = http://localhost:9\nprofile = p\ncredentialpath = aws\n"
              "ssl_verify = false\n",
              "['remote \"r\"']\naccess_key_id = id\nsecret_access_key = secret\n");
    IS(remote->region, "eu");
    IS(remote->endpoint, "http://localhost:9");
    IS(remote->profile, "p");
    IS(remote->key_id, "id");
    IS(remote->key_secret, "secret");
    assert_true(remote->is_insecure);
    assert_true(str_ends(remote->credentials_file, STR("/.dvc/aws")));
    rig_drop(&rig);
}

static void logins_of_web_servers_are_followed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote = found(
        &rig,
        "[core]\nremote = r\n['remote \"r\"']\nurl = https://u:pass@h/x\nssl_verify = ca.pem\n",
        "");
    IS(remote->url, "https://h/x");
    IS(remote->user, "u");
    IS(remote->password, "pass");
    assert_true(str_ends(remote->ca, STR("/.dvc/ca.pem")));
    remote =
        found(&rig, "[core]\nremote = r\n['remote \"r\"']\nurl = https://a%40b:p%3A%2Fw@h/x\n", "");
    IS(remote->url, "https://h/x");
    IS(remote->user, "a@b");
    IS(remote->password, "p:/w");
    remote = found(&rig,
                   "[core]\nremote = r\n['remote \"r\"']\nurl = https://h/x\nauth = custom\n"
                   "custom_auth_header = X-Token\n",
                   "['remote \"r\"']\npassword = secret\n");
    IS(remote->header, "X-Token: secret");
    assert_int_equal(remote->user.len + remote->password.len, 0);
    rig_drop(&rig);
}

static void a_reference_takes_what_it_does_not_say_itself(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote =
        found(&rig,
              "[core]\nremote = inner\n['remote \"base\"']\nurl = s3://bucket/a\nregion = eu\n"
              "profile = b\n['remote \"inner\"']\nurl = remote://base/b/c\nprofile = i\n",
              "");
    IS(remote->url, "s3://bucket/a/b/c");
    IS(remote->region, "eu");
    IS(remote->profile, "i");
    rig_drop(&rig);
}

static void what_can_not_be_followed_is_an_error_without_secrets(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "url = gs://b/x",
        "url = gdrive://x",
        "url = remote://r/x",
        "url = remote://nobody/x",
        "url = s3://b/x\nversion_aware = true",
        "url = s3://b/x\nsse_customer_key = s3cret",
        "url = ssh://h/x\npassword = s3cret",
        "url = ssh://h/x\npassphrase = s3cret",
        "url = ssh://anna:s3cret@h/x",
        "url = https://anna:s3cret%zz@h/x",
        "url = https://h/x\nask_password = true\nuser = u",
        "url = https://h/x\nauth = digest\npassword = s3cret",
        "url = webdavs://h/x\ncustom_auth_header = a: b\npassword = s3cret",
        "url = webdavs://h/x\nbearer_token_command = s3cret",
        "user = u",
    };
    struct rig rig = rig_open();
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct remote *remote = NULL;
        struct str text =
            str_print(&rig.arena, "[core]\nremote = r\n['remote \"r\"']\n%s\n", wrong[i]);
        struct error *error = find(&rig, text.at, "", NULL, &remote);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        assert_null(strstr(error->text, "s3cret"));
        error_drop(error);
    }
    rig_drop(&rig);
}

static enum dvc_health health_of(struct arena *arena, const char *text, struct dvc_file_vec *ret)
{
    enum dvc_health health = DVC_MISSING;
    struct str bytes = str_of(text);
    assert_fine(dvc_manifest_parse(arena, bytes, md5_of(bytes.at, bytes.len), ret, &health));
    return health;
}

#define MD5 "\"md5\": \"d41d8cd98f00b204e9800998ecf8427e\""

#define OF(url, more) "[core]\nremote = r\n['remote \"r\"']\nurl = " url "\n" more

static void what_dvc_says_of_each_object_on_s3_becomes_headers(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote =
        found(&rig, OF("s3://bucket/x", "sse = aws:kms\nsse_kms_key_id = k1\nacl = private\n"), "");
    IS(remote->object_headers, "x-amz-server-side-encryption: aws:kms\n"
                               "x-amz-server-side-encryption-aws-kms-key-id: k1\n"
                               "x-amz-acl: private\n");
    const char *wrong[] = {"acl = \"a\tb\"\n", "acl = ä\n", "grant_read = a  b\n"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct str text = str_print(&rig.arena, OF("s3://bucket/x", "%s"), wrong[i]);
        struct error *error = find(&rig, text.at, "", NULL, &remote);
        assert_non_null(error);
        assert_int_equal(error->code, ERROR_PROJECT);
        error_drop(error);
    }
    rig_drop(&rig);
}

static void flags_are_followed_whichever_way_they_are_on(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote = found(&rig, OF("s3://bucket/x", ""), "");
    assert_false(remote->is_plain || remote->is_anonymous || remote->is_shared);
    remote =
        found(&rig, OF("s3://bucket/x", "use_ssl = false\nallow_anonymous_login = true\n"), "");
    assert_true(remote->is_plain && remote->is_anonymous);
    remote = found(&rig, OF("s3://bucket/x", "use_ssl = true\nallow_anonymous_login = no\n"), "");
    assert_false(remote->is_plain || remote->is_anonymous);
    remote = found(&rig, OF("/srv/x", "shared = group\n"), "");
    assert_true(remote->is_shared);
    rig_drop(&rig);
}

static void times_and_numbers_of_transfers_are_followed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct remote *remote = found(&rig, OF("ssh://h/x", "timeout = 7\nmax_sessions = 3\n"), "");
    assert_int_equal(remote->timeout_ns, INT64_C(7000000000));
    assert_int_equal(remote->connections, 3);
    remote = found(&rig, OF("ssh://h/x", "jobs = 2\nmax_sessions = 3\n"), "");
    assert_int_equal(remote->connections, 2);
    remote = found(&rig, OF("https://h/x", "read_timeout = 12.5\nconnect_timeout = 3\n"), "");
    assert_int_equal(remote->timeout_ns, INT64_C(12000000000));
    remote = found(&rig, OF("s3://bucket/x", "read_timeout = 99999999999999999999\n"), "");
    assert_true(remote->timeout_ns > 0 && remote->timeout_ns <= INT64_C(86400000000000));
    rig_drop(&rig);
}

static void a_list_that_was_printed_is_read_again(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_file_vec files = {0}, again = {0};
    struct buf bytes = buf_in(&arena);
    static const char *const names[] = {"b", "a/\"}", "ü, [", "\\", "z/}{"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        *vec_push(&arena, &files) = (struct dvc_file){str_of(names[i]), md5_of(names[i], 1)};
    dvc_manifest_print(&files, &bytes);
    buf_add_char(&bytes, '\0');
    assert_int_equal(health_of(&arena, bytes.at, &again), DVC_GOOD);
    assert_int_equal(again.len, files.len);
    for (size_t i = 0; i < files.len; i++)
        assert_true(str_equal(again.at[i].path, files.at[i].path));
    assert_int_equal(health_of(&arena, " [ ] \n", &again), DVC_GOOD);
}

static void a_list_of_another_shape_is_damaged(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const char *const texts[] = {
        "",
        "[",
        "]",
        "{}",
        "[{}]",
        "[1]",
        "[[]]",
        "[{" MD5 ", \"relpath\": \"a\"}",
        "[{" MD5 ", \"relpath\": \"a\"},]",
        "[{" MD5 ", \"relpath\": \"a\"}] x",
        "[{" MD5 ", \"relpath\": \"a\"} {" MD5 ", \"relpath\": \"b\"}]",
        "[{" MD5 ", \"relpath\": \"../a\"}]",
        "[{" MD5 ", \"relpath\": \"/a\"}]",
        "[{" MD5 ", \"relpath\": \"a\"}, {" MD5 ", \"relpath\": \"a\"}]",
        "[{" MD5 ", \"relpath\": [\"a\"]}]",
        "[{\"md5\": \"d4\", \"relpath\": \"a\"}]",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct dvc_file_vec files = {0};
        assert_int_equal(health_of(&arena, texts[i], &files), DVC_DAMAGED);
        assert_int_equal(files.len, 0);
    }
}

static void a_list_with_another_md5_is_damaged(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dvc_file_vec files = {0};
    enum dvc_health health = DVC_GOOD;
    assert_fine(dvc_manifest_parse(&arena, STR("[]"), md5_of("[ ]", 3), &files, &health));
    assert_int_equal(health, DVC_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_is_relative_to_the_file_that_names_it),
        cmocka_unit_test(without_a_default_there_is_none),
        cmocka_unit_test(settings_of_ssh_become_a_url_and_a_key),
        cmocka_unit_test(settings_of_s3_are_followed_secrets_included),
        cmocka_unit_test(logins_of_web_servers_are_followed),
        cmocka_unit_test(a_reference_takes_what_it_does_not_say_itself),
        cmocka_unit_test(what_can_not_be_followed_is_an_error_without_secrets),
        cmocka_unit_test(what_dvc_says_of_each_object_on_s3_becomes_headers),
        cmocka_unit_test(flags_are_followed_whichever_way_they_are_on),
        cmocka_unit_test(times_and_numbers_of_transfers_are_followed),
        cmocka_unit_test(a_list_that_was_printed_is_read_again),
        cmocka_unit_test(a_list_of_another_shape_is_damaged),
        cmocka_unit_test(a_list_with_another_md5_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
