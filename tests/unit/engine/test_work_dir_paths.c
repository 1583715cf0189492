#include "trial.h"

static void overrides_change_the_trials_parameters_only(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct snapshot snapshot;
    struct work_dir work_dir;
    struct override_vec overrides = {0};
    struct override *override = vec_push(rig.arena, &overrides);
    assert_fine(override_parse(rig.arena, STR("lr=0.25"), override));
    assert_fine(override_resolve(rig.session, &overrides));
    assert_fine(snapshot_take(rig.session, STR(""), &snapshot));
    scratch_write(&rig.scratch, "params.yaml", "lr: 7\n"); /* the user goes on working */
    scratch_write(&rig.scratch, "later.txt", "later\n");
    struct work_dir_options options = {.session = rig.session,
                                       .snapshot = snapshot.tree,
                                       .overrides = &overrides,
                                       .name = STR("OVER-1"),
                                       .isolation = ISOLATION_DIRECTORY};
    assert_fine(work_dir_make(rig.arena, &options, &work_dir));
    scratch_expect(&rig.scratch, ".mlops/work/OVER-1/params.yaml", "lr: 0.25  # rate\n");
    scratch_expect(&rig.scratch, "params.yaml", "lr: 7\n");
    assert_false(scratch_has(&rig.scratch, ".mlops/work/OVER-1/later.txt"));
    work_dir_drop(&work_dir);
    rig_drop(&rig);
}

static void nothing_starts_inside_of_a_trial(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    struct session inner;
    make(&rig, ISOLATION_DIRECTORY, &work_dir);
    struct session_options options = {.cwd = work_dir.path, .threads = 0, .observer = &silence};
    assert_fine(session_open(rig.arena, &options, &inner));
    assert_true(inner.workspace.is_work_dir);
    struct work_dir_options again = {.session = &inner, .name = STR("X-1")};
    struct work_dir none;
    assert_error(work_dir_make(rig.arena, &again, &none), "this is the work directory of a trial");
    session_drop(&inner);
    work_dir_drop(&work_dir);
    rig_drop(&rig);
}

static void variables_that_name_the_project_name_the_trial(void **state)
{
    (void)state;
    struct rig rig = project_open(plain);
    struct work_dir work_dir;
    struct str link = str_print(rig.arena, "%s.link", rig.scratch.path);
    shell(&rig, "mkdir .venv; ln -s \"$PWD\" \"$PWD.link\"");
    setenv("CHECKOUT", rig.scratch.path, 1);
    setenv("SEVERAL",
           str_print(rig.arena, "%s/src:/else:%s.other:%s/.venv/bin:%.*s/data", rig.scratch.path,
                     rig.scratch.path, rig.scratch.path, STR_FMT(link))
               .at,
           1);
    setenv("PYTHONPATH", str_print(rig.arena, "%s/lib:/opt", rig.scratch.path).at, 1);
    setenv("PWD", link.at, 1);
    make(&rig, ISOLATION_DIRECTORY, &work_dir);
    assert_int_equal(
        inside(
            &rig, &work_dir,
            "W=\"$0/.mlops/work/ABCDEFGH-1\"; test \"$CHECKOUT\" = \"$W\"\n"
            "test \"$SEVERAL\" = \"$W/src:/else:$0.other:$0/.venv/bin:$W/data\"\n"
            "test \"$PYTHONPATH\" = \"$W:$W/src:$W/lib:/opt\"; test \"$MLOPS_TRIAL\" = ABCDEFGH-1"),
        0);
    work_dir_drop(&work_dir);
    unsetenv("CHECKOUT");
    unsetenv("SEVERAL");
    unsetenv("PYTHONPATH");
    setenv("PWD", "/", 1);
    unlink(link.at);
    rig_drop(&rig);
}

/* --- what names the project by its absolute path --- */

static void check_refuses(const char *made, const char *text)
{
    struct rig rig = project_open(plain);
    struct snapshot snapshot;
    shell(&rig, made);
    session_drop(rig.session);
    rig_reopen(&rig);
    assert_fine(snapshot_take(rig.session, STR(""), &snapshot));
    struct error *error = work_dir_check(rig.session, snapshot.tree);
    if (text)
        assert_error(error, text);
    else
        assert_fine(error);
    rig_drop(&rig);
}

static void absolute_paths_of_the_project_are_refused_in_a_directory(void **state)
{
    (void)state;
    check_refuses("true", NULL);
    check_refuses("sed -i \"s|cat |cat $PWD/src/code.py |\" pipeline.yaml",
                  "the command of stage 'train' names");
    check_refuses("sed -i \"s|cat |cat $PWD.other/code.py |\" pipeline.yaml", NULL);
    check_refuses("mkdir -p .venv/bin; sed -i \"s|cat |$PWD/.venv/bin/python -c 1; cat |\" "
                  "pipeline.yaml",
                  NULL);
    check_refuses("sed -i \"s|    cmd|    env: {ROOT: '$PWD'}\\n    cmd|\" pipeline.yaml",
                  "variable ROOT names");
    check_refuses("ln -s \"$PWD/src\" docs/abs", "the link 'docs/abs' names");
    check_refuses("echo \"data: $PWD/data\" >> params.yaml", "'params.yaml' names");
}

static void an_editable_install_is_refused_in_a_directory(void **state)
{
    (void)state;
    static const char begin[] =
        "mkdir -p .venv/bin .venv/lib/python3.11/site-packages\n"
        "printf 'home = /usr/bin\\nversion = 3.11.2\\n' > .venv/pyvenv.cfg\n"
        "ln -s /usr/bin/python3 .venv/bin/python; s=.venv/lib/python3.11/site-packages\n"
        "sed -i 's|cmd: cat|cmd: .venv/bin/python src/code.py; cat|' pipeline.yaml\n";
    static const struct {
        const char *made, *text;
    } rows[] = {{"true", NULL},
                {"echo \"$PWD/src\" > $s/__editable__.pkg-1.pth", "Python takes code from"},
                {"echo ../../../../src > $s/rel.pth", "Python takes code from"},
                {"echo \"MAPPING = {'pkg': '$PWD/src/pkg'}\" > $s/__editable___pkg_finder.py",
                 "an editable install"},
                {"echo \"$PWD/src\" > $s/pkg.egg-link", "an editable install"},
                {"echo /opt/else > $s/other.pth; echo 'import os' > $s/site.pth", NULL}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO(buf_drop) struct buf made = {0};
        buf_print(&made, "%s%s", begin, rows[i].made);
        check_refuses(made.at, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overrides_change_the_trials_parameters_only),
        cmocka_unit_test(nothing_starts_inside_of_a_trial),
        cmocka_unit_test(variables_that_name_the_project_name_the_trial),
        cmocka_unit_test(absolute_paths_of_the_project_are_refused_in_a_directory),
        cmocka_unit_test(an_editable_install_is_refused_in_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
