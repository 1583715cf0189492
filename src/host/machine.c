#include "mlops/host/machine.h"

#include "mlops/base/arena.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "machine_private.h"

enum { CPUS_MOST = 65536, PROC_BYTES = 65536, USER_BYTES = 16384 };

/* A small file of /proc or /sys, or an empty text. */
static struct str read_small(struct arena *arena, int root_fd, const char *path)
{
    struct str text = {0};
    bool is_found = false;
    struct error *error = file_read(arena, root_fd, path, PROC_BYTES, &text, &is_found);
    error_drop(error);
    return error || !is_found ? (struct str){0} : str_trim(text);
}

/* A positive number, or -1 ("max", nothing, "-1" of cgroup v1). */
static int64_t read_number(struct str text)
{
    char digits[24] = "";
    if (text.len == 0 || text.len >= sizeof digits)
        return -1;
    memcpy(digits, text.at, text.len);
    char *end = NULL;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    return errno == 0 && *end == '\0' && number > 0 ? number : -1;
}

/* "200000 100000" (quota and period in microseconds) -> 2, rounded up; "max ..." -> -1. */
static int64_t cpus_of(struct str quota, struct str period)
{
    int64_t quota_us = read_number(quota), period_us = read_number(period);
    return quota_us > 0 && period_us > 0 ? (quota_us - 1) / period_us + 1 : -1;
}

/* What one directory of a cgroup hierarchy says. */
static void read_group(struct arena *arena, int root_fd, const char *directory,
                       struct machine_limits *limits)
{
    struct str max = read_small(arena, root_fd, str_print(arena, "%s/cpu.max", directory).at);
    struct str quota = {0}, memory = {0};
    str_split(&max, ' ', &quota);
    int64_t cpus = cpus_of(quota, max);
    if (cpus < 0) {
        const char *path = str_print(arena, "%s/cpu.cfs_quota_us", directory).at;
        quota = read_small(arena, root_fd, path);
        path = str_print(arena, "%s/cpu.cfs_period_us", directory).at;
        cpus = cpus_of(quota, quota.len ? read_small(arena, root_fd, path) : quota);
    }
    memory = read_small(arena, root_fd, str_print(arena, "%s/memory.max", directory).at);
    if (!memory.len)
        memory =
            read_small(arena, root_fd, str_print(arena, "%s/memory.limit_in_bytes", directory).at);
    int64_t memory_bytes = read_number(memory);
    if (cpus > 0)
        limits->cpus = MIN_OF(limits->cpus, cpus);
    if (memory_bytes > 0)
        limits->memory_bytes = MIN_OF(limits->memory_bytes, memory_bytes);
}

/* A limit may stand at any level above our group. In a container the path may be the host's, which
 * is not there; then the mount's root is ours. */
static void read_hierarchy(struct arena *arena, int root_fd, const char *mount, struct str path,
                           struct machine_limits *limits)
{
    AUTO(fd_drop) struct fd there = fd_of(openat(root_fd, mount, O_PATH | O_DIRECTORY | O_CLOEXEC));
    while (fd_number(there) >= 0) {
        read_group(arena, root_fd, str_print(arena, "%s%.*s", mount, STR_FMT(path)).at, limits);
        ptrdiff_t slash = str_find_last_char(path, '/');
        if (path.len == 0 || slash < 0)
            return;
        path = str_slice(path, 0, (size_t)slash);
    }
}

/* Lines of /proc/self/cgroup: "0::/user.slice" (v2), "4:cpu,cpuacct:/docker/1" (v1). */
static void read_line(struct arena *arena, int root_fd, struct str line,
                      struct machine_limits *limits)
{
    static const char *const mounts_v2[] = {"sys/fs/cgroup", "sys/fs/cgroup/unified"};
    static const char *const mounts_v1[] = {"sys/fs/cgroup/cpu", "sys/fs/cgroup/memory"};
    struct str number = {0}, controllers = {0}, controller = {0};
    if (!str_split(&line, ':', &number) || !str_split(&line, ':', &controllers))
        return;
    if (str_is(number, "0") && controllers.len == 0)
        for (size_t i = 0; i < COUNT_OF(mounts_v2); i++)
            read_hierarchy(arena, root_fd, mounts_v2[i], line, limits);
    while (str_split(&controllers, ',', &controller))
        for (size_t i = 0; i < COUNT_OF(mounts_v1); i++)
            if (str_ends(str_of(mounts_v1[i]), controller) && controller.len > 2)
                read_hierarchy(arena, root_fd, mounts_v1[i], line, limits);
}

void machine_limits_read(int root_fd, struct machine_limits *limits)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str text = read_small(&arena, root_fd, "proc/self/cgroup"), line = {0};
    while (str_split(&text, '\n', &line))
        read_line(&arena, root_fd, line, limits);
}

/* Read once: a process stays in its group, and the hundred small files take longer than all else
 * that a run without work does. Asked for by the main thread only. */
static struct machine_limits limits_here(struct machine_limits limits)
{
    static struct machine_limits group;
    static bool is_read;
    if (!is_read) {
        group = (struct machine_limits){INT64_MAX, INT64_MAX};
        AUTO(fd_drop) struct fd root = fd_of(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (fd_number(root) >= 0)
            machine_limits_read(fd_number(root), &group);
        is_read = true;
    }
    return (struct machine_limits){MIN_OF(limits.cpus, group.cpus),
                                   MIN_OF(limits.memory_bytes, group.memory_bytes)};
}

static int64_t cpus_of_affinity(void)
{
    for (size_t cpus = 1024; cpus <= CPUS_MOST; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        size_t size = CPU_ALLOC_SIZE(cpus);
        int count = set && sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
    return MAX_OF(sysconf(_SC_NPROCESSORS_ONLN), 1L);
}

int machine_cpus(void)
{
    struct machine_limits limits = {.cpus = cpus_of_affinity(), .memory_bytes = INT64_MAX};
    return (int)MAX_OF(limits_here(limits).cpus, (int64_t)1);
}

int64_t machine_memory_bytes(void)
{
    int64_t physical = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    struct machine_limits limits = {.cpus = INT64_MAX, .memory_bytes = physical};
    return limits_here(limits).memory_bytes;
}

int64_t machine_descriptors(int64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t most = MIN_OF(limit.rlim_max, (rlim_t)INT32_MAX);
    struct rlimit raised = {MIN_OF((rlim_t)wanted, most), limit.rlim_max};
    if (limit.rlim_cur < raised.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        limit = raised;
    return (int64_t)MIN_OF(limit.rlim_cur, (rlim_t)INT32_MAX);
}

struct str machine_host(struct arena *arena)
{
    struct utsname names;
    return uname(&names) == 0 ? str_copy(arena, str_of(names.nodename)) : str_of("");
}

struct str machine_user(struct arena *arena)
{
    char text[USER_BYTES];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found)
        return str_copy(arena, str_of(found->pw_name));
    return str_print(arena, "%lu", (unsigned long)geteuid());
}

struct str machine_platform(struct arena *arena)
{
    struct utsname names;
    if (uname(&names) != 0)
        return STR("linux/unknown");
    return str_print(arena, "linux/%s", names.machine);
}

const char *machine_network_fs(int directory_fd)
{
    /* statfs(2) and include/uapi/linux/magic.h; the last ones from the systems' own sources. */
    static const struct {
        uint32_t magic;
        const char *name;
    } rows[] = {
        {0x6969, "NFS"},          {0x517B, "SMB"},       {0xFE534D42, "SMB"},
        {0xFF534D42, "CIFS"},     {0x65735546, "FUSE"},  {0x01021997, "9P"},
        {0x00C36400, "Ceph"},     {0x5346414F, "AFS"},   {0x6B414653, "AFS"},
        {0x73757245, "Coda"},     {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"},
        {0x0BD00BD0, "Lustre"},   {0x47504653, "GPFS"},  {0x19830326, "BeeGFS"},
        {0x20030528, "OrangeFS"}, {0xAAD7AAEA, "PanFS"},
    };
    struct statfs seen;
    if (fstatfs(directory_fd, &seen) != 0)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if ((uint32_t)seen.f_type == rows[i].magic)
            return rows[i].name;
    return NULL;
}
