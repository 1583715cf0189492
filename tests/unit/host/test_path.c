#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"

#include <stddef.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/scratch.h"

static void joining_keeps_absolute_paths_and_adds_one_slash(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_string_equal(path_join(&arena, STR("a"), STR("b/c")).at, "a/b/c");
    assert_string_equal(path_join(&arena, STR("a/"), STR("b")).at, "a/b");
    assert_string_equal(path_join(&arena, STR("/"), STR("b")).at, "/b");
    assert_string_equal(path_join(&arena, STR("a"), STR("/b")).at, "/b");
    assert_string_equal(path_join(&arena, STR(""), STR("b")).at, "b");
}

static void a_path_is_told_as_seen_from_a_directory(void **state)
{
    (void)state;
    static const struct {
        const char *base, *path, *expected;
    } rows[] = {{"/p", "/p/a/b", "a/b"},   {"/p/src", "/p/data/x", "../data/x"},
                {"/p/a/b", "/p", "../.."}, {"/p", "/p", "."},
                {"/", "/a", "a"},          {"/pa", "/p", "../p"},
                {"/a//b/", "/a/b/c", "c"}};
    AUTO(arena_drop) struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(path_relative(&arena, str_of(rows[i].base), str_of(rows[i].path)).at,
                            rows[i].expected);
}

static void a_real_path_follows_links_and_may_end_in_something_absent(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct str real = {0};
    scratch_directory(&scratch, "d");
    assert_int_equal(symlinkat("d", scratch.fd, "l"), 0);
    assert_int_equal(symlinkat("nowhere", scratch.fd, "dangling"), 0);
    struct str link = path_join(&arena, str_of(scratch.path), STR("l/new"));
    assert_fine(path_real(&arena, link, &real));
    assert_string_equal(real.at, path_join(&arena, str_of(scratch.path), STR("d/new")).at);
    assert_error(path_real(&arena, path_join(&arena, str_of(scratch.path), STR("no/x")), &real),
                 "cannot resolve");
    assert_error(path_real(&arena, path_join(&arena, str_of(scratch.path), STR("dangling")), &real),
                 "cannot resolve");
}

/* In a child process, because the current directory is the whole process's. */
static void a_deleted_current_directory_is_said_to_be_gone(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct arena arena = {0};
        struct str current = {0};
        char path[] = "/tmp/mlops-test-XXXXXX";
        bool is_ready = mkdtemp(path) && chdir(path) == 0;
        struct error *before = path_current(&arena, &current);
        bool was_right = !before && str_is(current, path);
        rmdir(path);
        struct error *error = path_current(&arena, &current);
        _exit(is_ready && was_right && error && error->hint && strstr(error->text, "no longer")
                  ? 0
                  : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void directories_are_made_with_their_parents(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    assert_fine(directory_make(scratch.fd, "a/b//c/", true));
    assert_true(S_ISDIR(scratch_mode(&scratch, "a/b/c")));
    assert_fine(directory_make(scratch.fd, "a/b/c", false));
    assert_int_equal(symlinkat("a", scratch.fd, "l"), 0);
    assert_fine(directory_make(scratch.fd, "l/d", false));
    assert_true(S_ISDIR(scratch_mode(&scratch, "a/d")));
}

static void a_file_in_the_way_of_a_directory_is_named(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    scratch_write(&scratch, "f", "x");
    assert_error(directory_make(scratch.fd, "f/d", false), "'f'");
    assert_error(directory_make(scratch.fd, "f", false), "'f'");
}

static void pruning_stops_at_the_first_directory_that_holds_something(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    assert_fine(directory_make(scratch.fd, "a/b/c/d", false));
    scratch_write(&scratch, "a/keep", "x");
    directory_prune(scratch.fd, "a/b/c/d");
    assert_false(scratch_has(&scratch, "a/b"));
    assert_true(scratch_has(&scratch, "a/keep"));
}

static void removing_takes_trees_and_leaves_what_links_point_at(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    assert_fine(directory_make(scratch.fd, "t/a/b", false));
    assert_fine(directory_make(scratch.fd, "outside", false));
    scratch_write(&scratch, "outside/f", "x");
    scratch_write(&scratch, "t/a/b/f", "x");
    scratch_write(&scratch, "t/a/new\nline", "x");
    assert_int_equal(mkfifoat(scratch.fd, "t/fifo", 0600), 0);
    assert_int_equal(symlinkat("../outside", scratch.fd, "t/link"), 0);
    assert_int_equal(symlinkat("outside", scratch.fd, "link"), 0);
    assert_fine(path_remove(scratch.fd, "t"));
    assert_fine(path_remove(scratch.fd, "link"));
    assert_fine(path_remove(scratch.fd, "absent/below"));
    assert_false(scratch_has(&scratch, "t"));
    assert_false(scratch_has(&scratch, "link"));
    assert_true(scratch_has(&scratch, "outside/f"));
}

static void paths_longer_than_the_kernel_takes_are_removed(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    char name[201];
    memset(name, 'x', sizeof name - 1);
    name[200] = '\0';
    int at = dup(scratch.fd);
    for (int i = 0; i < 50; i++) { /* 10,000 bytes */
        assert_int_equal(mkdirat(at, name, 0777), 0);
        int next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = next;
    }
    close(at);
    assert_fine(path_remove(scratch.fd, name));
    assert_false(scratch_has(&scratch, name));
}

static void make_nested(int scratch_fd, int levels)
{
    int at = dup(scratch_fd);
    for (int i = 0; i < levels; i++) {
        assert_int_equal(mkdirat(at, "d", 0777), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = next;
    }
    close(at);
}

static void a_tree_deeper_than_the_limit_is_refused(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    make_nested(scratch.fd, (int)LIMIT_TREE_DEPTH + 1);
    assert_error(path_remove(scratch.fd, "d"), "deeper than 256");
    assert_int_equal(renameat(scratch.fd, "d/d", scratch.fd, "e"), 0);
    assert_fine(path_remove(scratch.fd, "e"));
}

/* As root nothing is read-only: done in a child as nobody. */
static void read_only_directories_are_made_writable_to_be_removed(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    assert_int_equal(fchmod(scratch.fd, 0777), 0);
    pid_t child = fork();
    if (child == 0) {
        bool is_ready = geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
        struct error *error = directory_make(scratch.fd, "t/shut", false);
        is_ready = is_ready && !error && fchmodat(scratch.fd, "t/shut", 0000, 0) == 0 &&
                   fchmodat(scratch.fd, "t", 0500, 0) == 0;
        error = path_remove(scratch.fd, "t");
        _exit(is_ready && !error ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(scratch_has(&scratch, "t"));
}

/* Everything that may be opened straight, and everything that may not. */
static bool is_straight_right(const struct scratch *scratch)
{
    static const struct {
        const char *path;
        int flags, expected;
    } rows[] = {{"real/sub/file", O_RDONLY, 0},
                {"real//sub", O_RDONLY | O_DIRECTORY, 0},
                {".", O_RDONLY | O_DIRECTORY, 0},
                {"link/sub/file", O_RDONLY, ELOOP},
                {"real/back/file", O_RDONLY, ELOOP},
                {"real/sub/alias", O_RDONLY, ELOOP},
                {"link", O_RDONLY | O_DIRECTORY, ELOOP},
                {"real/sub/file/x", O_RDONLY, ENOTDIR},
                {"real/none/file", O_RDONLY, ENOENT},
                {"real/sub", O_PATH, 0},
                {"real/sub/file", O_PATH, 0},
                {"real/sub/alias", O_PATH, ELOOP},
                {"link", O_PATH, ELOOP}};
    bool is_right = true;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        errno = 0;
        AUTO(fd_drop)
        struct fd fd =
            fd_of(path_open_straight(scratch->fd, rows[i].path, rows[i].flags | O_CLOEXEC));
        is_right = is_right && (fd_number(fd) >= 0) == (rows[i].expected == 0) &&
                   (rows[i].expected == 0 || errno == rows[i].expected);
    }
    AUTO(buf_drop) struct buf path = {0};
    buf_print(&path, "%s/real/sub/file", scratch->path);
    AUTO(fd_drop) struct fd absolute = fd_of(path_open_straight(AT_FDCWD, path.at, O_RDONLY));
    return is_right && fd_number(absolute) >= 0;
}

static struct scratch with_links(void)
{
    struct scratch scratch = scratch_open();
    scratch_directory(&scratch, "real");
    scratch_directory(&scratch, "real/sub");
    scratch_write(&scratch, "real/sub/file", "x");
    assert_int_equal(symlinkat("real", scratch.fd, "link"), 0);
    assert_int_equal(symlinkat("sub", scratch.fd, "real/back"), 0);
    assert_int_equal(symlinkat("file", scratch.fd, "real/sub/alias"), 0);
    return scratch;
}

static void nothing_is_opened_through_a_link(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = with_links();
    assert_true(is_straight_right(&scratch));
}

/* openat2 answers ENOSYS, as in old kernels. */
static bool forget_openat2(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {COUNT_OF(filter), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void nor_where_the_kernel_does_not_help(void **state)
{
    (void)state;
    enum { RIGHT, WRONG, CANNOT };
    AUTO(scratch_drop) struct scratch scratch = with_links();
    pid_t child = fork();
    if (child == 0) {
        bool can = forget_openat2();
        _exit(!can ? CANNOT : is_straight_right(&scratch) ? RIGHT : WRONG);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != WRONG);
}

static void directories_are_made_through_no_link(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = with_links();
    AUTO(fd_drop) struct fd made = {0};
    AUTO(fd_drop) struct fd parent = {0};
    const char *name = NULL;
    assert_fine(directory_make_straight(scratch.fd, "real/new/deep", true, &made));
    assert_true(scratch_has(&scratch, "real/new/deep"));
    assert_error(directory_make_straight(scratch.fd, "link/new/other", true, &made), "link");
    assert_error(directory_make_straight(scratch.fd, "real/back/other", true, &made), "link");
    assert_false(scratch_has(&scratch, "real/sub/other"));
    assert_fine(parent_open_straight(scratch.fd, "real/sub/file", &parent, &name));
    assert_string_equal(name, "file");
    assert_error(parent_open_straight(scratch.fd, "link/sub/file", &parent, &name), "link");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining_keeps_absolute_paths_and_adds_one_slash),
        cmocka_unit_test(a_path_is_told_as_seen_from_a_directory),
        cmocka_unit_test(a_real_path_follows_links_and_may_end_in_something_absent),
        cmocka_unit_test(a_deleted_current_directory_is_said_to_be_gone),
        cmocka_unit_test(directories_are_made_with_their_parents),
        cmocka_unit_test(a_file_in_the_way_of_a_directory_is_named),
        cmocka_unit_test(pruning_stops_at_the_first_directory_that_holds_something),
        cmocka_unit_test(removing_takes_trees_and_leaves_what_links_point_at),
        cmocka_unit_test(paths_longer_than_the_kernel_takes_are_removed),
        cmocka_unit_test(a_tree_deeper_than_the_limit_is_refused),
        cmocka_unit_test(read_only_directories_are_made_writable_to_be_removed),
        cmocka_unit_test(nothing_is_opened_through_a_link),
        cmocka_unit_test(nor_where_the_kernel_does_not_help),
        cmocka_unit_test(directories_are_made_through_no_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
