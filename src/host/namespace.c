#include "mlops/host/namespace.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespace_private.h"

enum { SETTING_BYTES_MOST = 64 };

enum refused_step { REFUSED_NONE, REFUSED_UNSHARE, REFUSED_MAP, REFUSED_MOUNT };

/* Where the kernel said no. */
struct refusal {
    enum refused_step step;
    int code;
};

static bool refuse(struct refusal *refusal, enum refused_step step)
{
    *refusal = (struct refusal){.step = step, .code = errno};
    return false;
}

/* --- a namespace of one's own; only system calls: this runs in a forked child, too --- */

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int code = errno;
    close(fd);
    errno = code;
    return is_done;
}

static bool put_map(const char *path, unsigned id)
{
    char text[64];
    snprintf(text, sizeof text, "%u %u 1\n", id, id);
    return put(path, text);
}

/* The caller stays who it is: its own ids are mapped to themselves, nothing else. A kernel before
 * 3.19 has no setgroups file and asks for none. */
static bool map_ids(unsigned uid, unsigned gid)
{
    bool denies = put("/proc/self/setgroups", "deny") || errno == ENOENT;
    return denies && put_map("/proc/self/uid_map", uid) && put_map("/proc/self/gid_map", gid);
}

/* Nothing that is mounted here is seen elsewhere. */
static bool make_private(void)
{
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Root needs no user namespace, which would hide from it who owns the files; in a container it may
 * be root in name only. *ret_is_user: there is one now. */
static bool go_apart(bool *ret_is_user, struct refusal *refusal)
{
    unsigned uid = geteuid(), gid = getegid();
    *ret_is_user = uid != 0 || unshare(CLONE_NEWNS) != 0;
    if (*ret_is_user && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return refuse(refusal, REFUSED_UNSHARE);
    if (*ret_is_user && !map_ids(uid, gid))
        return refuse(refusal, REFUSED_MAP);
    return make_private() || refuse(refusal, REFUSED_MOUNT);
}

/* --- why not --- */

static bool is_setting(struct arena *arena, const char *path, const char *value)
{
    struct str text = {0};
    bool found = false;
    struct error *error = file_read(arena, AT_FDCWD, path, SETTING_BYTES_MOST, &text, &found);
    error_drop(error);
    return !error && found && str_is(str_trim(text), value);
}

static struct str words_of(struct arena *arena, const struct refusal *refusal)
{
    static const struct {
        const char *path, *value, *name;
    } settings[] = {
        {"/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0"},
        {"/proc/sys/kernel/unprivileged_userns_clone", "0",
         "kernel.unprivileged_userns_clone is 0"},
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
         "kernel.apparmor_restrict_unprivileged_userns is 1"},
    };
    const char *what = refusal->step == REFUSED_UNSHARE ? "user namespaces are refused"
                       : refusal->step == REFUSED_MAP   ? "/proc/self/uid_map can't be written"
                                                        : "mounts in a namespace are refused";
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        if (is_setting(arena, settings[i].path, settings[i].value))
            return str_print(arena, "%s: %s", what, settings[i].name);
    if (refusal->code == ENOSPC)
        return str_print(arena, "%s: too many of them, or nested too deep", what);
    return str_print(arena, "%s, as in many containers: %s", what, strerror(refusal->code));
}

static int try_apart(void *context)
{
    struct refusal refusal = {0};
    bool is_user = false;
    go_apart(&is_user, &refusal);
    *(struct refusal *)context = refusal;
    return 0;
}

/* A child that borrows our memory while we wait, as posix_spawn's does: it only asks the kernel,
 * and says what it answered. One that is killed for asking (a strict seccomp filter) says nothing.
 */
static FALLIBLE ask_child(struct refusal *ret)
{
    enum { STACK_BYTES = 65536 };
    AUTO(arena_drop) struct arena scratch = {0};
    char *top = (char *)arena_alloc(&scratch, STACK_BYTES) + STACK_BYTES;
    top -= (uintptr_t)top % 16;
    struct refusal refusal = {.step = REFUSED_UNSHARE, .code = EPERM};
    pid_t child = clone(try_apart, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &refusal);
    if (child < 0)
        return error_os(errno, "cannot start a process");
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    *ret = refusal;
    return NULL;
}

FALLIBLE namespace_probe(struct arena *arena, bool *ret_can, struct str *ret_why)
{
    struct refusal refusal = {0};
    TRY(ask_child(&refusal));
    *ret_can = refusal.step == REFUSED_NONE;
    *ret_why = *ret_can ? (struct str){0} : words_of(arena, &refusal);
    return NULL;
}

/* --- mounts --- */

/* As the kernel has it (linux/mount.h, which older C libraries can't be combined with). */
struct attributes {
    uint64_t set, clear, propagation, userns_fd;
};

/* Flags that a mount of a more privileged namespace keeps: a remount without them is refused. */
static unsigned long kept_flags(const char *to)
{
    static const struct {
        unsigned long seen, flag;
    } rows[] = {{ST_NOSUID, MS_NOSUID},         {ST_NODEV, MS_NODEV},
                {ST_NOEXEC, MS_NOEXEC},         {ST_NOATIME, MS_NOATIME},
                {ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME}};
    struct statvfs seen;
    unsigned long flags = 0;
    if (statvfs(to, &seen) != 0)
        return 0;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        flags |= seen.f_flag & rows[i].seen ? rows[i].flag : 0;
    return flags;
}

bool namespace_make_read_only(const char *to)
{
    enum { RECURSIVE = 0x8000, READ_ONLY = 1 };
    struct attributes attributes = {.set = READ_ONLY};
#ifdef SYS_mount_setattr
    if (syscall(SYS_mount_setattr, AT_FDCWD, to, RECURSIVE, &attributes, sizeof attributes) == 0)
        return true;
#endif
    (void)attributes;
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept_flags(to);
    return mount(NULL, to, NULL, flags, NULL) == 0;
}

/* ':' parts directories and ',' options. */
static void add_escaped(struct buf *out, const char *name, struct str path)
{
    buf_add_text(out, name);
    for (size_t i = 0; i < path.len; i++) {
        if (strchr(":,\\", path.at[i]))
            buf_add_char(out, '\\');
        buf_add_char(out, path.at[i]);
    }
}

static bool mount_overlay(const struct mount *mounted, const char *to, bool is_user)
{
    AUTO(buf_drop) struct buf options = {0};
    add_escaped(&options, "lowerdir=", mounted->from);
    add_escaped(&options, ",upperdir=", mounted->upper);
    add_escaped(&options, ",workdir=", mounted->work);
    buf_add_text(&options, is_user ? ",userxattr" : "");
    return mount("overlay", to, "overlay", 0, options.at) == 0;
}

/* An overlay can't have its upper directory on another overlay, which is what containers stand on,
 * nor on most network file systems: then what is written stays in memory. */
static bool mount_overlay_in_memory(const struct mount *mounted, const char *to, bool is_user)
{
    AUTO(arena_drop) struct arena scratch = {0};
    ptrdiff_t cut = str_find_last_char(mounted->upper, '/');
    const char *above = str_terminate(&scratch, str_slice(mounted->upper, 0, (size_t)cut));
    const char *upper = str_terminate(&scratch, mounted->upper);
    const char *work = str_terminate(&scratch, mounted->work);
    if (mount("tmpfs", above, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
        return false;
    return mkdir(upper, 0755) == 0 && mkdir(work, 0755) == 0 && mount_overlay(mounted, to, is_user);
}

static FALLIBLE mount_one(const struct mount *mounted, bool is_user)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const char *to = str_terminate(&scratch, mounted->to);
    if (mounted->kind == MOUNT_OVERLAY &&
        (mount_overlay(mounted, to, is_user) || mount_overlay_in_memory(mounted, to, is_user)))
        return namespace_bind_below(mounted->from, mounted->to);
    const char *from = str_terminate(&scratch, mounted->from);
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0)
        return error_os(errno, "cannot bind '%s' to '%s'", from, to);
    if (mounted->kind != MOUNT_BIND && !namespace_make_read_only(to))
        return error_os(errno, "cannot make '%s' read only", to);
    return NULL;
}

/* Who made a user namespace is almighty in it, and could read what the user can't. Root is almighty
 * anyway. */
static FALLIBLE give_up_power(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (geteuid() != 0 && syscall(SYS_capset, &header, none) != 0)
        return error_os(errno, "cannot give up capabilities");
    return NULL;
}

FALLIBLE namespace_enter(const struct mount *mounts, size_t count)
{
    struct refusal refusal = {0};
    bool is_user = false;
    AUTO(arena_drop) struct arena scratch = {0};
    if (!go_apart(&is_user, &refusal)) {
        struct str why = words_of(&scratch, &refusal);
        return error_hint(error_new(ERROR_MACHINE, "%.*s", STR_FMT(why)),
                          "set 'isolation' to directory, or use --isolation directory");
    }
    for (size_t i = 0; i < count; i++)
        TRY(mount_one(&mounts[i], is_user));
    return is_user ? give_up_power() : NULL;
}
