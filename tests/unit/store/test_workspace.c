#include "mlops/base/arena.h"
#include "mlops/model/name.h"
#include "mlops/store/workspace.h"

#include <sys/wait.h>

#include "rig.h"

static struct str root_of(struct rig *rig, const char *start)
{
    struct workspace workspace = {0};
    struct str path = path_join(&rig->arena, str_of(rig->scratch.path), str_of(start));
    assert_fine(workspace_find(&rig->arena, path, &workspace));
    struct str root = str_copy(
        &rig->arena, path_relative(&rig->arena, str_of(rig->scratch.path), workspace.root));
    workspace_drop(&workspace);
    return root;
}

static void the_root_is_the_nearest_project_then_git_then_here(void **state)
{
    (void)state;
    struct rig rig = {.scratch = scratch_open()};
    scratch_directory(&rig.scratch, "top");
    scratch_directory(&rig.scratch, "top/.git");
    scratch_directory(&rig.scratch, "top/sub");
    scratch_directory(&rig.scratch, "top/sub/deep");
    scratch_directory(&rig.scratch, "plain");
    assert_true(str_is(root_of(&rig, "top/sub/deep"), "top"));
    assert_true(str_is(root_of(&rig, "plain"), "plain"));
    scratch_directory(&rig.scratch, "top/sub/.mlops");
    assert_true(str_is(root_of(&rig, "top/sub/deep"), "top/sub"));
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void init_makes_a_project_once(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    assert_true(rig.workspace->is_new);
    assert_int_equal(rig.workspace->config.project.len, 16);
    struct str id = rig.workspace->config.project;
    assert_true(scratch_has(&rig.scratch, ".mlops/.gitignore"));
    assert_true(scratch_has(&rig.scratch, ".mlops/cache/obj"));
    rig_again(&rig);
    assert_false(rig.workspace->is_new);
    assert_true(str_equal(rig.workspace->config.project, id));
    rig_drop(&rig);
}

static void processes_that_init_at_once_agree(void **state)
{
    (void)state;
    struct rig rig = {.scratch = scratch_open()};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    for (int c = 0; c < 6; c++) {
        if (fork() == 0) {
            struct rig mine = {.scratch = rig.scratch};
            rig_reopen(&mine);
            assert_int_equal(write(pipes[1], mine.workspace->config.project.at, 16), 16);
            _exit(0);
        }
    }
    char first[17] = "", other[17] = "";
    for (int c = 0; c < 6; c++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipes[0], c ? other : first, 16), 16);
        assert_true(c == 0 || strcmp(first, other) == 0);
    }
    close(pipes[0]);
    close(pipes[1]);
    scratch_drop(&rig.scratch);
}

static void a_half_made_project_is_completed(void **state)
{
    (void)state;
    struct rig rig = {.scratch = scratch_open()};
    struct workspace workspace = {0};
    scratch_directory(&rig.scratch, ".mlops");
    scratch_directory(&rig.scratch, ".mlops/cache");
    assert_fine(workspace_find(&rig.arena, str_of(rig.scratch.path), &workspace));
    assert_int_equal(workspace.state_fd.number_plus_one, 0);
    assert_int_equal(workspace.cache_fd.number_plus_one, 0);
    assert_fine(workspace_init(&rig.arena, &workspace));
    assert_true(workspace.is_new && workspace.cache_fd.number_plus_one);
    workspace_drop(&workspace);
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void a_branch_without_config_keeps_the_id(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct str id = rig.workspace->config.project;
    rig_close(&rig);
    assert_int_equal(unlinkat(rig.scratch.fd, ".mlops/config.yaml", 0), 0);
    rig_reopen(&rig);
    assert_true(str_equal(rig.workspace->config.project, id));
    rig_drop(&rig);
}

static void a_fresh_clone_gets_its_store_from_whoever_comes_first(void **state)
{
    (void)state;
    struct rig rig = {.scratch = scratch_open()};
    scratch_directory(&rig.scratch, ".mlops");
    scratch_write(&rig.scratch, ".mlops/config.yaml", "project: '0123456789abcdef'\n");
    struct workspace workspace = {0};
    assert_fine(workspace_find(&rig.arena, str_of(rig.scratch.path), &workspace));
    assert_true(workspace.state_fd.number_plus_one != 0);
    assert_true(workspace.cache_fd.number_plus_one && !workspace.is_new);
    assert_true(str_is(workspace.config.project, "0123456789abcdef"));
    workspace_drop(&workspace);
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void a_store_of_a_newer_version_is_refused(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    rig_close(&rig);
    scratch_write(&rig.scratch, ".mlops/cache/format", "mlops cache 2\nhash sha256\n");
    struct workspace workspace = {0};
    struct error *error = workspace_find(&rig.arena, str_of(rig.scratch.path), &workspace);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    assert_error(error, "newer version");
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void the_store_may_be_elsewhere(void **state)
{
    (void)state;
    struct rig rig = {.scratch = scratch_open()};
    setenv("HOME", "/nonexistent", 1);
    scratch_directory(&rig.scratch, "p");
    scratch_directory(&rig.scratch, "p/.mlops");
    scratch_write(&rig.scratch, "p/.mlops/config.local.yaml", "cache.dir: ../shared\n");
    struct workspace workspace = {0};
    struct str root = path_join(&rig.arena, str_of(rig.scratch.path), STR("p"));
    assert_fine(workspace_find(&rig.arena, root, &workspace));
    assert_fine(workspace_init(&rig.arena, &workspace));
    assert_true(scratch_has(&rig.scratch, "shared/format"));
    assert_false(scratch_has(&rig.scratch, "p/.mlops/cache"));
    workspace_drop(&workspace);
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void paths_are_taken_from_where_the_user_stands(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    struct workspace workspace = {0};
    struct str path = {0};
    scratch_directory(&rig.scratch, "sub");
    struct str sub = path_join(&rig.arena, str_of(rig.scratch.path), STR("sub"));
    assert_fine(workspace_find(&rig.arena, sub, &workspace));
    assert_true(str_is(workspace.cwd, "sub"));
    assert_fine(workspace_path(&rig.arena, &workspace, STR("./x"), &path));
    assert_true(str_is(path, "sub/x"));
    assert_fine(workspace_path(&rig.arena, &workspace, STR("../y"), &path));
    assert_true(str_is(path, "y"));
    assert_fine(
        workspace_path(&rig.arena, &workspace, path_join(&rig.arena, sub, STR("z/../w")), &path));
    assert_true(str_is(path, "sub/w"));
    assert_fine(workspace_path(&rig.arena, &workspace, STR(".."), &path));
    assert_int_equal(path.len, 0);
    struct str root = str_of(workspace.root.at);
    struct str again = str_print(&rig.arena, "../../%.*s/y", STR_FMT(path_name(root)));
    assert_fine(workspace_path(&rig.arena, &workspace, again, &path));
    assert_true(str_is(path, "y"));
    assert_error(workspace_path(&rig.arena, &workspace, STR("../../z"), &path), "outside");
    assert_error(workspace_path(&rig.arena, &workspace, STR("/etc/passwd"), &path), "outside");
    assert_true(str_is(workspace_show(&rig.arena, &workspace, STR("y")), "../y"));
    assert_true(str_is(workspace_show(&rig.arena, &workspace, STR("sub/x")), "x"));
    workspace_drop(&workspace);
    rig_drop(&rig);
}

/* As another user, for root ignores modes. */
static void a_read_only_project_can_be_read(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    scratch_write(&rig.scratch, "model", "weights");
    struct artifact model = rig_capture(&rig, "model");
    rig_close(&rig);
    assert_int_equal(system(str_print(&rig.arena, "chmod -R a-w,a+rX %s", rig.scratch.path).at), 0);
    pid_t child = fork();
    if (child == 0) {
        bool can = false;
        struct artifact seen = {0};
        struct rig mine = {.scratch = rig.scratch};
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(0);
        mine.workspace = arena_new(&mine.arena, struct workspace);
        assert_fine(workspace_find(&mine.arena, str_of(rig.scratch.path), mine.workspace));
        assert_true(mine.workspace->is_read_only);
        struct str path = path_join(&mine.arena, mine.workspace->index_dir, STR("index.db"));
        assert_fine(index_open(&mine.arena, path.at, true, &mine.index));
        assert_fine(cas_open(&mine.arena, mine.workspace, mine.index, &mine.cas));
        mine.pool = pool_open(1);
        assert_fine(worktree_open(&mine.arena, mine.workspace, mine.index, mine.cas, mine.pool,
                                  &mine.worktree));
        assert_fine(worktree_look(mine.worktree, STR("model"), LOOK_OUT, &seen));
        assert_true(digest_equal(seen.digest, model.digest));
        assert_fine(worktree_can_restore(mine.worktree, &model, &can));
        assert_true(can);
        struct digest digest;
        struct error *error = cas_put_bytes(mine.cas, STR("new"), &digest);
        assert_non_null(error);
        error_drop(error);
        rig_close(&mine);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(system(str_print(&rig.arena, "chmod -R u+w %s", rig.scratch.path).at), 0);
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void a_directory_of_another_user_is_not_entered(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can give a directory away\n");
        return;
    }
    struct rig rig = {.scratch = scratch_open()};
    struct workspace workspace = {0};
    assert_int_equal(fchown(rig.scratch.fd, 65534, 65534), 0);
    assert_fine(workspace_find(&rig.arena, str_of(rig.scratch.path), &workspace));
    assert_error(workspace_init(&rig.arena, &workspace), "belongs to another user");
    assert_false(scratch_has(&rig.scratch, ".mlops"));
    setenv("MLOPS_SAFE", "1", 1);
    assert_fine(workspace_init(&rig.arena, &workspace));
    unsetenv("MLOPS_SAFE");
    workspace_drop(&workspace);
    arena_drop(&rig.arena);
    scratch_drop(&rig.scratch);
}

static void temporary_directories_of_the_dead_are_swept(void **state)
{
    (void)state;
    struct rig rig = rig_open();
    AUTO(temp_dir_drop) struct temp_dir mine = {0};
    AUTO(fd_drop) struct fd tmp = {0};
    assert_fine(directory_open(rig.scratch.fd, ".mlops/tmp", &tmp));
    assert_fine(temp_dir_open(fd_number(tmp), TEMP_PREFIX, &mine));
    scratch_directory(&rig.scratch, ".mlops/tmp/t-dead");
    scratch_write(&rig.scratch, ".mlops/tmp/t-dead/x", "1");
    assert_fine(temp_dir_sweep(fd_number(tmp), TEMP_PREFIX));
    assert_true(scratch_has(&rig.scratch, ".mlops/tmp/t-dead")); /* too young to tell */
    assert_true(scratch_has(&rig.scratch, str_print(&rig.arena, ".mlops/tmp/%s", mine.name).at));
    temp_dir_drop(&mine);
    rig_drop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_the_nearest_project_then_git_then_here),
        cmocka_unit_test(init_makes_a_project_once),
        cmocka_unit_test(processes_that_init_at_once_agree),
        cmocka_unit_test(a_half_made_project_is_completed),
        cmocka_unit_test(a_branch_without_config_keeps_the_id),
        cmocka_unit_test(a_fresh_clone_gets_its_store_from_whoever_comes_first),
        cmocka_unit_test(a_store_of_a_newer_version_is_refused),
        cmocka_unit_test(the_store_may_be_elsewhere),
        cmocka_unit_test(paths_are_taken_from_where_the_user_stands),
        cmocka_unit_test(a_read_only_project_can_be_read),
        cmocka_unit_test(a_directory_of_another_user_is_not_entered),
        cmocka_unit_test(temporary_directories_of_the_dead_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
