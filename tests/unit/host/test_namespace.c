#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/namespace.h"

#include <stddef.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/scratch.h"

enum { STRANGER = 12345 };

static struct arena arena;

/* What a child of a test does; what it returns is its exit status. */
struct scene {
    struct scratch scratch;
    const struct mount *mounts;
    size_t count;
    const char *script; /* run in the scratch directory with sh -eu */
};

static int enter(const struct scene *scene)
{
    struct error *error = namespace_enter(scene->mounts, scene->count);
    if (error)
        fprintf(stderr, "%s\n", error->text);
    if (error || chdir(scene->scratch.path) != 0)
        return 99;
    execl("/bin/sh", "sh", "-euc", scene->script, NULL);
    return 98;
}

/* A namespace can't be left: it needs a process. */
static int in_child(int (*act)(const struct scene *scene), const struct scene *scene)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(act(scene));
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool can_enter(void)
{
    bool can = false;
    struct str why = {0};
    assert_fine(namespace_probe(&arena, &can, &why));
    assert_true(can == (why.len == 0));
    return can;
}

static struct str at(const struct scratch *scratch, const char *name)
{
    return path_join(&arena, str_of(scratch->path), str_of(name));
}

static struct scratch open_place(void)
{
    struct scratch scratch = scratch_open();
    scratch_directory(&scratch, "real");
    scratch_directory(&scratch, "other");
    scratch_directory(&scratch, "upper");
    scratch_directory(&scratch, "over");
    scratch_directory(&scratch, "over/upper");
    scratch_directory(&scratch, "over/work");
    scratch_write(&scratch, "real/file", "real\n");
    scratch_write(&scratch, "other/file", "other\n");
    return scratch;
}

static void another_directory_stands_at_a_path_for_one_process(void **state)
{
    (void)state;
    if (!can_enter())
        skip();
    struct scene scene = {.scratch = open_place()};
    struct mount mounts[] = {{.kind = MOUNT_BIND,
                              .from = at(&scene.scratch, "other"),
                              .to = at(&scene.scratch, "real")}};
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    scene.script = "test \"$(cat real/file)\" = other; echo new > real/file; echo x > real/x";
    assert_int_equal(in_child(enter, &scene), 0);
    scratch_expect(&scene.scratch, "real/file", "real\n");
    scratch_expect(&scene.scratch, "other/file", "new\n");
    assert_false(scratch_has(&scene.scratch, "real/x"));
    scratch_drop(&scene.scratch);
}

static void what_is_read_only_can_not_be_written(void **state)
{
    (void)state;
    if (!can_enter())
        skip();
    struct scene scene = {.scratch = open_place()};
    scratch_directory(&scene.scratch, "real/below");
    struct mount mounts[] = {
        {.kind = MOUNT_BIND,
         .from = at(&scene.scratch, "other"),
         .to = at(&scene.scratch, "real/below")},
        {.kind = MOUNT_READ_ONLY,
         .from = at(&scene.scratch, "real"),
         .to = at(&scene.scratch, "upper")},
    };
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    scene.script = "test \"$(cat upper/file)\" = real; test \"$(cat upper/below/file)\" = other\n"
                   "if touch upper/x 2>/dev/null; then exit 1; fi\n"
                   "if touch upper/below/x 2>/dev/null; then exit 2; fi\n"
                   "if rm upper/file 2>/dev/null; then exit 3; fi; touch real/y";
    assert_int_equal(in_child(enter, &scene), 0);
    scratch_drop(&scene.scratch);
}

static void what_is_written_to_an_overlay_lands_elsewhere(void **state)
{
    (void)state;
    if (!can_enter())
        skip();
    struct scene scene = {.scratch = open_place()};
    scratch_directory(&scene.scratch, "a:b, c\\d");
    scratch_write(&scene.scratch, "a:b, c\\d/file", "lower\n");
    struct mount mounts[] = {{.kind = MOUNT_OVERLAY,
                              .from = at(&scene.scratch, "a:b, c\\d"),
                              .to = at(&scene.scratch, "real"),
                              .upper = at(&scene.scratch, "over/upper"),
                              .work = at(&scene.scratch, "over/work")}};
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    scene.script = "test \"$(cat real/file)\" = lower\n"
                   "echo w > real/file || exit 42; rm real/file; echo n > real/new";
    int status = in_child(enter, &scene);
    assert_true(status == 0 || status == 42); /* a kernel without: it is read only */
    scratch_expect(&scene.scratch, "a:b, c\\d/file", "lower\n");
    bool is_on_disk = scratch_has(&scene.scratch, "over/upper/new");
    if (status == 0 && is_on_disk)
        scratch_expect(&scene.scratch, "over/upper/new", "n\n");
    scratch_drop(&scene.scratch);
}

static int enter_as_stranger(const struct scene *scene)
{
    if (setgid(STRANGER) != 0 || setuid(STRANGER) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0)
        return 97;
    return enter(scene);
}

static void the_caller_stays_who_it_is_and_gains_nothing(void **state)
{
    (void)state;
    if (!can_enter() || geteuid() != 0)
        skip();
    struct scene scene = {.scratch = open_place()};
    assert_int_equal(chmod(scene.scratch.path, 0755), 0);
    scratch_write(&scene.scratch, "secret", "secret\n");
    assert_int_equal(fchmodat(scene.scratch.fd, "secret", 0600, 0), 0);
    struct mount mounts[] = {{.kind = MOUNT_BIND,
                              .from = at(&scene.scratch, "other"),
                              .to = at(&scene.scratch, "real")}};
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    scene.script = "test \"$(id -u)\" = 12345; test \"$(id -g)\" = 12345\n"
                   "test \"$(cat real/file)\" = other; grep -q 'CapEff:.0*$' /proc/self/status\n"
                   "if cat secret 2>/dev/null; then exit 1; fi\n"
                   "if mount --bind real other 2>/dev/null; then exit 2; fi";
    assert_int_equal(in_child(enter_as_stranger, &scene), 0);
    scratch_drop(&scene.scratch);
}

/* Answers EPERM to unshare, as containers do, or kills who asks. */
static int forbid(uint32_t answer)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {COUNT_OF(rows), rows};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int expect_refusal(const char *part)
{
    bool can = true;
    struct str why = {0};
    struct error *error = namespace_probe(&arena, &can, &why);
    if (error || can || str_find(why, str_of(part)) < 0)
        fprintf(stderr, "%d '%.*s'\n", can, STR_FMT(why));
    return !error && !can && str_find(why, str_of(part)) >= 0 ? 0 : 1;
}

static int be_refused(const struct scene *scene)
{
    (void)scene;
    if (forbid(SECCOMP_RET_ERRNO | EPERM) != 0)
        return 97;
    struct error *error = namespace_enter(NULL, 0);
    int status = error && error->hint && error->code == ERROR_MACHINE ? 0 : 2;
    error_drop(error);
    return status + expect_refusal("user namespaces are refused");
}

static int be_killed(const struct scene *scene)
{
    (void)scene;
    return forbid(SECCOMP_RET_KILL_PROCESS) != 0 ? 97
                                                 : expect_refusal("user namespaces are refused");
}

static void a_refusal_is_an_answer_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(in_child(be_refused, NULL), 0);
    assert_int_equal(in_child(be_killed, NULL), 0);
}

static int hide_proc(const struct scene *scene)
{
    (void)scene;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/proc", "tmpfs", 0, NULL) != 0 || setuid(STRANGER) != 0)
        return 97;
    return expect_refusal("/proc/self/uid_map can't be written");
}

static void without_proc_there_are_none(void **state)
{
    (void)state;
    if (!can_enter() || geteuid() != 0)
        skip();
    assert_int_equal(in_child(hide_proc, NULL), 0);
}

static int enter_twice(const struct scene *scene)
{
    struct error *error = namespace_enter(scene->mounts, scene->count);
    return error ? 99 : enter(scene);
}

static void one_may_be_in_another(void **state)
{
    (void)state;
    if (!can_enter())
        skip();
    struct scene scene = {.scratch = open_place(), .script = "test \"$(cat upper/file)\" = real"};
    struct mount mounts[] = {{.kind = MOUNT_BIND,
                              .from = at(&scene.scratch, "real"),
                              .to = at(&scene.scratch, "upper")}};
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    assert_int_equal(in_child(enter_twice, &scene), 0);
    scratch_drop(&scene.scratch);
}

static void a_mount_that_fails_says_which(void **state)
{
    (void)state;
    if (!can_enter())
        skip();
    struct scene scene = {.scratch = open_place(), .script = "true"};
    struct mount mounts[] = {
        {.kind = MOUNT_BIND, .from = at(&scene.scratch, "none"), .to = at(&scene.scratch, "real")}};
    scene.mounts = mounts;
    scene.count = COUNT_OF(mounts);
    assert_int_equal(in_child(enter, &scene), 99);
    scratch_drop(&scene.scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_directory_stands_at_a_path_for_one_process),
        cmocka_unit_test(what_is_read_only_can_not_be_written),
        cmocka_unit_test(what_is_written_to_an_overlay_lands_elsewhere),
        cmocka_unit_test(the_caller_stays_who_it_is_and_gains_nothing),
        cmocka_unit_test(a_refusal_is_an_answer_with_a_reason),
        cmocka_unit_test(without_proc_there_are_none),
        cmocka_unit_test(one_may_be_in_another),
        cmocka_unit_test(a_mount_that_fails_says_which),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_drop(&arena);
    return failed;
}
