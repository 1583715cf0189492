#include "mlops/base/arena.h"
#include "mlops/store/config.h"

#include "support/scratch.h"

/* A project's .mlops, and a home directory beside it. */
struct rig {
    struct scratch scratch;
    struct arena arena;
    struct str state;
};

static struct rig rig_open(void)
{
    struct rig rig = {.scratch = scratch_open()};
    scratch_directory(&rig.scratch, "p");
    scratch_directory(&rig.scratch, "p/.mlops");
    rig.state = path_join(&rig.arena, str_of(rig.scratch.path), STR("p/.mlops"));
    setenv("XDG_CONFIG_HOME", path_join(&rig.arena, str_of(rig.scratch.path), STR("home")).at, 1);
    return rig;
}

static void rig_drop(struct rig *rig)
{
    arena_drop(&rig->arena);
    scratch_drop(&rig->scratch);
}

static void nothing_written_means_the_defaults(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct config config;
    assert_fine(config_load(&rig.arena, rig.state, &config));
    assert_int_equal(config.link, LINK_AUTO);
    assert_int_equal(config.durability, DURABILITY_FULL);
    assert_int_equal(config.keep_runs, 20);
    assert_int_equal(config.keep_ns, INT64_C(30) * 86400 * 1000000000);
    assert_int_equal(config.keep_failed_bytes, INT64_C(10) << 30);
    assert_int_equal(config.lock_timeout_ns, -1);
    assert_int_equal(config.grace_ns, INT64_C(10000000000));
    assert_fine(config_load(&rig.arena, STR(""), &config));
    rig_drop(&rig);
}

static void stronger_layers_win_and_are_named(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct config config;
    struct config_origin *origins = NULL;
    size_t count = 0;
    scratch_directory(&rig.scratch, "home");
    scratch_directory(&rig.scratch, "home/mlops");
    scratch_write(&rig.scratch, "home/mlops/config.yaml", "jobs: 1\nkeep.runs: 1\n");
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "jobs: 2\ncache:\n  link: copy\n");
    scratch_write(&rig.scratch, "p/.mlops/config.local.yaml",
                  "jobs: 3\nallow_roots: [/b, /a/../c]\n");
    assert_fine(config_load(&rig.arena, rig.state, &config));
    assert_int_equal(config.jobs, 3);
    assert_int_equal(config.keep_runs, 1);
    assert_int_equal(config.link, LINK_COPY);
    assert_int_equal(config.allow_roots.len, 2);
    assert_true(str_is(config.allow_roots.at[1], "/c"));
    setenv("MLOPS_JOBS", "4", 1);
    assert_fine(config_load(&rig.arena, rig.state, &config));
    assert_int_equal(config.jobs, 4);
    assert_fine(config_list(&rig.arena, rig.state, &origins, &count));
    unsetenv("MLOPS_JOBS");
    for (size_t i = 0; i < count; i++) {
        if (strcmp(origins[i].name, "jobs") == 0)
            assert_true(str_is(origins[i].origin, "environment MLOPS_JOBS"));
        if (strcmp(origins[i].name, "cache.link") == 0)
            assert_true(str_is(origins[i].origin, ".mlops/config.yaml:3"));
    }
    rig_drop(&rig);
}

static void mistakes_are_told_with_place_and_suggestion(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct config config;
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "jobs: 2\ncache.lnk: copy\n");
    struct error *error = config_load(&rig.arena, rig.state, &config);
    assert_non_null(error);
    assert_int_equal(error->mark.line, 2);
    assert_error(error, "did you mean 'cache.link'");
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "cache.link: symlink\n");
    assert_error(config_load(&rig.arena, rig.state, &config), "auto, reflink, hardlink, copy");
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "jobs: 5000\n");
    assert_error(config_load(&rig.arena, rig.state, &config), "between 0 and 1024");
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "keep: {age: soon}\n");
    assert_error(config_load(&rig.arena, rig.state, &config), "30d");
    rig_drop(&rig);
}

static void a_clone_cannot_decide_where_mlops_may_write(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct config config;
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "allow_roots: [/]\n");
    assert_error(config_load(&rig.arena, rig.state, &config), "comes with the project");
    rig_drop(&rig);
}

static void setting_a_value_keeps_the_rest_of_the_file(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "p/.mlops/config.yaml",
                  "# ours\nproject: '0123456789abcdef'\ncache:  # where\n    link: copy # slow\n"
                  "keep.runs: 5\n# end\n");
    assert_fine(
        config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("cache.link"), STR("auto"), false));
    assert_fine(config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("jobs"), STR("3"), false));
    assert_fine(config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("keep.runs"), STR(""), true));
    scratch_expect(&rig.scratch, "p/.mlops/config.yaml",
                   "# ours\nproject: '0123456789abcdef'\ncache:  # where\n    link: auto # slow\n"
                   "# end\njobs: 3\n");
    assert_fine(
        config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("cache.link"), STR(""), true));
    struct config config;
    assert_fine(config_load(&rig.arena, rig.state, &config));
    assert_int_equal(config.jobs, 3);
    rig_drop(&rig);
}

static void a_number_sign_within_quotes_is_no_comment(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "p/.mlops/config.yaml",
                  "cache.dir: '/it''s #1' # here\ndurability: \"no\\x6ee\"\t# \"there\"\n");
    assert_fine(
        config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("cache.dir"), STR("/b"), false));
    assert_fine(
        config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("durability"), STR("full"), false));
    scratch_expect(&rig.scratch, "p/.mlops/config.yaml",
                   "cache.dir: /b # here\ndurability: full\t# \"there\"\n");
    rig_drop(&rig);
}

static void lists_over_several_lines_are_replaced_whole(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct config config;
    scratch_write(&rig.scratch, "p/.mlops/config.local.yaml",
                  "allow_roots:\n- /a\n# more\n- /b\njobs: 1\n");
    assert_fine(config_set(&rig.arena, rig.state, CONFIG_LOCAL, STR("allow_roots"),
                           STR("/x y,/it's"), false));
    assert_fine(config_load(&rig.arena, rig.state, &config));
    assert_int_equal(config.allow_roots.len, 2);
    assert_true(str_is(config.allow_roots.at[0], "/x y"));
    assert_true(str_is(config.allow_roots.at[1], "/it's"));
    assert_int_equal(config.jobs, 1);
    rig_drop(&rig);
}

static void a_bad_value_is_not_written(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    assert_error(config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("jobs"), STR("many"), false),
                 "integer");
    assert_error(config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("job"), STR("1"), false),
                 "did you mean 'jobs'");
    assert_error(
        config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("allow_roots"), STR("/"), false),
        "comes with the project");
    assert_false(scratch_has(&rig.scratch, "p/.mlops/config.yaml"));
    scratch_write(&rig.scratch, "p/.mlops/config.yaml", "{jobs: 1, cache.link: copy}\n");
    assert_error(config_set(&rig.arena, rig.state, CONFIG_PROJECT, STR("jobs"), STR("2"), false),
                 "braces");
    rig_drop(&rig);
}

static void the_users_own_file_is_made_when_needed(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    assert_fine(config_set(&rig.arena, STR(""), CONFIG_USER, STR("jobs"), STR("7"), false));
    scratch_expect(&rig.scratch, "home/mlops/config.yaml", "jobs: 7\n");
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_written_means_the_defaults),
        cmocka_unit_test(stronger_layers_win_and_are_named),
        cmocka_unit_test(mistakes_are_told_with_place_and_suggestion),
        cmocka_unit_test(a_clone_cannot_decide_where_mlops_may_write),
        cmocka_unit_test(setting_a_value_keeps_the_rest_of_the_file),
        cmocka_unit_test(a_number_sign_within_quotes_is_no_comment),
        cmocka_unit_test(lists_over_several_lines_are_replaced_whole),
        cmocka_unit_test(a_bad_value_is_not_written),
        cmocka_unit_test(the_users_own_file_is_made_when_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
