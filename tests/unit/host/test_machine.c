#include "mlops/base/arena.h"
#include "mlops/host/machine.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../../../src/host/machine_private.h"
#include "support/scratch.h"

/* A file with its directories. */
static void put(const struct scratch *scratch, const char *path, const char *text)
{
    AUTO(arena_drop) struct arena arena = {0};
    ptrdiff_t slash = str_find_last_char(str_of(path), '/');
    const char *directory = str_terminate(&arena, str_slice(str_of(path), 0, (size_t)slash));
    assert_fine(directory_make(scratch->fd, directory, false));
    scratch_write(scratch, path, text);
}

static struct machine_limits limits_of(const struct scratch *scratch)
{
    struct machine_limits limits = {.cpus = 64, .memory_bytes = INT64_C(1) << 40};
    machine_limits_read(scratch->fd, &limits);
    return limits;
}

static void the_lowest_limit_of_a_group_and_those_above_it_counts(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    put(&scratch, "proc/self/cgroup", "0::/user/job\n");
    put(&scratch, "sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
    put(&scratch, "sys/fs/cgroup/user/cpu.max", "350000 100000\n");
    put(&scratch, "sys/fs/cgroup/user/job/memory.max", "1073741824\n");
    put(&scratch, "sys/fs/cgroup/user/memory.max", "max\n");
    assert_int_equal(limits_of(&scratch).cpus, 4); /* 3.5 rounded up */
    assert_int_equal(limits_of(&scratch).memory_bytes, 1073741824);
}

static void limits_of_the_first_version_of_cgroups_count(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    put(&scratch, "proc/self/cgroup", "5:memory:/docker/1\n3:cpuset:/\n2:cpu,cpuacct:/docker/1\n");
    put(&scratch, "sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us", "200000\n");
    put(&scratch, "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us", "100000\n");
    put(&scratch, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put(&scratch, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put(&scratch, "sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
    assert_int_equal(limits_of(&scratch).cpus, 2);
    assert_int_equal(limits_of(&scratch).memory_bytes, 536870912); /* our group is mounted there */
}

static void a_machine_without_or_with_odd_limits_has_none(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    assert_int_equal(limits_of(&scratch).cpus, 64);
    put(&scratch, "proc/self/cgroup", "nonsense\n0::\n::\n7:name=systemd:/x\n0::/\n");
    put(&scratch, "sys/fs/cgroup/cpu.max", "many\n");
    put(&scratch, "sys/fs/cgroup/memory.max", "99999999999999999999999999\n");
    assert_int_equal(limits_of(&scratch).cpus, 64);
    assert_int_equal(limits_of(&scratch).memory_bytes, INT64_C(1) << 40);
}

static void affinity_bounds_the_cpus(void **state)
{
    (void)state;
    assert_true(machine_cpus() >= 1);
    assert_true(machine_memory_bytes() > 1 << 20);
    pid_t child = fork();
    if (child == 0) {
        cpu_set_t all, one;
        bool is_set = sched_getaffinity(0, sizeof all, &all) == 0;
        int cpu = 0;
        while (is_set && !CPU_ISSET(cpu, &all))
            cpu++;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        is_set = is_set && sched_setaffinity(0, sizeof one, &one) == 0;
        _exit(is_set && machine_cpus() == 1 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_machine_has_names(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_true(machine_host(&arena).len > 0);
    assert_true(machine_user(&arena).len > 0);
    assert_true(str_starts(machine_platform(&arena), STR("linux/")));
}

static void a_local_directory_is_on_no_network(void **state)
{
    (void)state;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_null(machine_network_fs(proc));
    close(proc);
}

/* The GPUs found below a root, joined by commas. */
static void expect_gpus(const struct scratch *scratch, const char *given, const char *visible,
                        const char *expected)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str *uuids = NULL;
    size_t count = 0;
    char text[256] = "";
    machine_gpus_read(&arena, scratch->fd, given, visible, &uuids, &count);
    for (size_t i = 0; i < count; i++) {
        strcat(text, i ? "," : "");
        strcat(text, uuids[i].at);
    }
    assert_string_equal(text, expected);
}

static void gpus_are_told_by_the_driver_in_the_order_of_the_bus(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    expect_gpus(&scratch, NULL, NULL, "");
    put(&scratch, "proc/driver/nvidia/gpus/0000:41:00.0/information",
        "Model: \t\t NVIDIA A100\nIRQ:   \t\t 24\nGPU UUID: \t GPU-bbbb\nVideo BIOS: 92\n");
    put(&scratch, "proc/driver/nvidia/gpus/0000:01:00.0/information", "GPU UUID: \t GPU-aaaa\n");
    expect_gpus(&scratch, NULL, NULL, "GPU-aaaa,GPU-bbbb");
    expect_gpus(&scratch, "x, y,x", "0", "x,y");
    expect_gpus(&scratch, "", NULL, "");
}

static void only_visible_gpus_are_counted(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    put(&scratch, "proc/driver/nvidia/gpus/0/information", "GPU UUID: GPU-aaaa\n");
    put(&scratch, "proc/driver/nvidia/gpus/1/information", "GPU UUID: GPU-bbbb\n");
    expect_gpus(&scratch, NULL, "1", "GPU-bbbb");
    expect_gpus(&scratch, NULL, "1,0", "GPU-bbbb,GPU-aaaa");
    expect_gpus(&scratch, NULL, "GPU-b", "GPU-bbbb");
    expect_gpus(&scratch, NULL, "", "");
    expect_gpus(&scratch, NULL, "-1", "");
    expect_gpus(&scratch, NULL, "0,7,1", "GPU-aaaa"); /* nothing behind an invalid one */
    expect_gpus(&scratch, NULL, "MIG-1,MIG-2", "MIG-1,MIG-2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_limit_of_a_group_and_those_above_it_counts),
        cmocka_unit_test(limits_of_the_first_version_of_cgroups_count),
        cmocka_unit_test(a_machine_without_or_with_odd_limits_has_none),
        cmocka_unit_test(affinity_bounds_the_cpus),
        cmocka_unit_test(the_machine_has_names),
        cmocka_unit_test(a_local_directory_is_on_no_network),
        cmocka_unit_test(gpus_are_told_by_the_driver_in_the_order_of_the_bus),
        cmocka_unit_test(only_visible_gpus_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
