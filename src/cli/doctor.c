#include "mlops/cli/doctor.h"

#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/host/machine.h"
#include "mlops/host/namespace.h"
#include "mlops/host/vcs.h"
#include "mlops/store/index.h"
#include "mlops/store/ledger.h"
#include "mlops/store/workspace.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

struct examination {
    struct context *context;
    struct arena *arena;
    struct workspace *workspace; /* NULL: could not be found */
    bool has_state;
};

static FALLIBLE check_project(struct examination *exam, struct finding *ret)
{
    ret->detail = exam->workspace->root;
    if (exam->has_state)
        return NULL;
    ret->health = HEALTH_WARN;
    ret->detail = str_print(exam->arena, "%.*s has no .mlops yet", STR_FMT(exam->workspace->root));
    ret->advice = "the first 'mlops run' makes it";
    return NULL;
}

static bool is_writable(struct fd directory)
{
    return faccessat(fd_number(directory), ".", W_OK | X_OK, AT_EACCESS) == 0;
}

static FALLIBLE check_writable(struct examination *exam, struct finding *ret)
{
    const struct workspace *workspace = exam->workspace;
    bool has_cache = fd_number(workspace->cache_fd) >= 0;
    if (!exam->has_state) {
        ret->detail = is_writable(workspace->root_fd) ? STR("the project can be written")
                                                      : STR("the project is read-only");
        return NULL;
    }
    if (!is_writable(workspace->state_fd) || (has_cache && !is_writable(workspace->cache_fd))) {
        ret->health = HEALTH_WARN;
        ret->advice = "commands that only read work; to run stages, make it writable for you";
        ret->detail = str_print(
            exam->arena, "%.*s cannot be written",
            STR_FMT(is_writable(workspace->state_fd) ? workspace->cache : workspace->state));
        return NULL;
    }
    ret->detail = str_print(exam->arena, "%.*s can be written",
                            STR_FMT(has_cache ? workspace->cache : workspace->state));
    if (has_cache)
        return NULL;
    ret->health = HEALTH_WARN;
    ret->detail =
        str_print(exam->arena, "the cache '%.*s' is not there", STR_FMT(workspace->cache));
    ret->advice = "check cache.dir in 'mlops config', or run 'mlops init'";
    return NULL;
}

struct file_system {
    unsigned long magic;
    const char *name;
};

static const struct file_system file_systems[] = {
    {BTRFS_SUPER_MAGIC, "btrfs"}, {EXT4_SUPER_MAGIC, "ext4"},
    {F2FS_SUPER_MAGIC, "f2fs"},   {OVERLAYFS_SUPER_MAGIC, "overlayfs"},
    {TMPFS_MAGIC, "tmpfs"},       {XFS_SUPER_MAGIC, "xfs"},
    {0xCA451A4E, "bcachefs"},     {0x2FC12FC1, "zfs"},
};

static struct str file_system_name(struct arena *arena, int fd)
{
    struct statfs stat;
    if (fstatfs(fd, &stat) != 0)
        return STR("unknown");
    for (size_t i = 0; i < COUNT_OF(file_systems); i++) {
        if ((unsigned long)stat.f_type == file_systems[i].magic)
            return str_of(file_systems[i].name);
    }
    return str_print(arena, "type 0x%lx", (unsigned long)stat.f_type);
}

static FALLIBLE check_file_system(struct examination *exam, struct finding *ret)
{
    const struct workspace *workspace = exam->workspace;
    int fd = fd_number(exam->has_state ? workspace->state_fd : workspace->root_fd);
    const char *network = machine_network_fs(fd);
    if (!network) {
        ret->detail = file_system_name(exam->arena, fd);
        return NULL;
    }
    ret->health = HEALTH_WARN;
    ret->detail = str_print(exam->arena,
                            "%s, a network file system; the databases are kept in "
                            "%.*s",
                            network, STR_FMT(workspace->database_dir));
    ret->advice = "works, but is slower; a local cache.dir helps";
    return NULL;
}

/* Where there are none, trials have a directory of their own, which is fine for relative paths. */
static FALLIBLE check_isolation(struct examination *exam, struct finding *ret)
{
    int wanted = exam->workspace->config.isolation;
    struct str why = {0};
    bool can = false;
    TRY(namespace_probe(exam->arena, &can, &why));
    if (can && wanted != CONFIG_ISOLATION_DIRECTORY) {
        ret->detail = STR("trials stand at the project's own path");
        return NULL;
    }
    ret->detail =
        can ? STR("trials have a directory of their own (setting 'isolation')")
            : str_print(exam->arena, "trials have a directory of their own: %.*s", STR_FMT(why));
    if (wanted != CONFIG_ISOLATION_NAMESPACE)
        return NULL;
    ret->health = HEALTH_WARN;
    ret->advice = "'isolation' is set to namespace: sweeps refuse to start here";
    return NULL;
}

enum { SPACE_MIB_LEAST = 1024 };

static FALLIBLE check_space(struct examination *exam, struct finding *ret)
{
    const struct workspace *workspace = exam->workspace;
    bool has_cache = fd_number(workspace->cache_fd) >= 0;
    struct statvfs stat;
    if (fstatvfs(fd_number(has_cache ? workspace->cache_fd : workspace->root_fd), &stat) != 0) {
        ret->detail = STR("unknown");
        return NULL;
    }
    int64_t free_bytes = (int64_t)(stat.f_bavail * stat.f_frsize);
    ret->detail = str_print(exam->arena, "%.*s free in the cache",
                            STR_FMT(bytes_print(exam->arena, free_bytes)));
    if (free_bytes >= (int64_t)SPACE_MIB_LEAST << 20)
        return NULL;
    ret->health = HEALTH_WARN;
    ret->advice = "'mlops gc' lists what may go";
    return NULL;
}

static struct fd open_nameless(struct fd directory)
{
    int fd = openat(fd_number(directory), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd < 0 ? (struct fd){0} : fd_of(fd);
}

static FALLIBLE check_reflink(struct examination *exam, struct finding *ret)
{
    static const char block[4096] = "x";
    const struct workspace *workspace = exam->workspace;
    bool has_cache = fd_number(workspace->cache_fd) >= 0;
    AUTO(fd_drop)
    struct fd from = open_nameless(has_cache ? workspace->cache_fd : workspace->root_fd);
    AUTO(fd_drop) struct fd to = open_nameless(workspace->root_fd);
    enum copy_method method = COPY_BYTES;
    ret->detail = STR("unknown here: files are copied");
    if (fd_number(from) < 0 || fd_number(to) < 0)
        return NULL;
    TRY(file_write(fd_number(from), block, sizeof block, "a temporary file"));
    TRY(file_copy(fd_number(from), fd_number(to), "a temporary file", NULL, &method));
    ret->detail = method == COPY_REFLINK
                      ? STR("files share their blocks with the cache")
                      : STR("not supported here: files are copied (cache.link: hardlink saves "
                            "the space)");
    return NULL;
}

static FALLIBLE check_git(struct examination *exam, struct finding *ret)
{
    struct vcs *vcs = NULL;
    struct str commit, branch;
    if (!vcs_is_available()) {
        ret->health = HEALTH_WARN;
        ret->detail = STR("libgit2 is not installed: runs do not record the commit");
        ret->advice = "install libgit2";
        return NULL;
    }
    TRY(context_vcs(exam->context, &vcs));
    if (!vcs) {
        ret->health = HEALTH_WARN;
        ret->detail = STR("no repository: runs do not record the code they ran");
        ret->advice = "git init";
        return NULL;
    }
    TRY(vcs_head(vcs, exam->arena, &commit, &branch));
    ret->detail =
        str_print(exam->arena, "%.*s, %s%.*s%s%.*s", STR_FMT(vcs_top(vcs)),
                  branch.len ? "branch " : "no branch", STR_FMT(branch),
                  commit.len ? " at " : ", no commit yet", STR_FMT(str_slice(commit, 0, 7)));
    return NULL;
}

/* A clock before this was never set; the year 2024. */
#define CLOCK_NS_LEAST (INT64_C(1704067200) * NS_PER_S)

static FALLIBLE check_clock(struct examination *exam, struct finding *ret)
{
    int64_t now = clock_real_ns();
    int64_t stamp = now;
    bool can_touch = is_writable(exam->workspace->root_fd);
    if (can_touch)
        TRY(index_now(fd_number(exam->workspace->root_fd), &stamp));
    ret->detail = moment_print(exam->arena, now);
    int64_t apart = stamp == INT64_MAX || stamp == INT64_MIN ? 0 : llabs(stamp - now);
    if (now < CLOCK_NS_LEAST) {
        ret->health = HEALTH_WARN;
        ret->advice = "set the clock: times in 'mlops runs' will be wrong, order and cache are not";
    } else if (apart > 60 * NS_PER_S) {
        ret->health = HEALTH_WARN;
        ret->detail = str_print(exam->arena, "%.*s; the file system's clock is %.*s off",
                                STR_FMT(ret->detail), STR_FMT(duration_print(exam->arena, apart)));
        ret->advice = "harmless for the cache; set one of the clocks";
    }
    return NULL;
}

static FALLIBLE check_history(struct examination *exam, struct finding *ret)
{
    struct ledger *ledger = NULL;
    struct str fault;
    ret->detail = STR("none yet");
    if (!exam->has_state)
        return NULL;
    TRY(context_ledger(exam->context, &ledger));
    TRY(ledger_check(ledger, exam->arena, &fault));
    ret->detail = fault.len ? fault : STR("sound");
    if (fault.len) {
        ret->health = HEALTH_FAIL;
        ret->advice = "mlops verify";
    }
    return NULL;
}

struct library_list {
    struct arena *arena;
    struct buf text;
};

/* The file a library was really loaded from carries its version: libsqlite3.so.0.8.6 */
static int add_library(struct dl_phdr_info *info, size_t size, void *opaque)
{
    static const char *const wanted[] = {"libcrypto",  "libsqlite3", "libyaml",
                                         "libjansson", "libgit2.",   "libc."};
    struct library_list *list = opaque;
    (void)size;
    char real[PATH_MAX];
    if (!info->dlpi_name || !realpath(info->dlpi_name, real))
        return 0;
    const char *name = strrchr(real, '/') + 1;
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        if (strncmp(name, wanted[i], strlen(wanted[i])) == 0)
            buf_print(&list->text, "%s%s", list->text.len ? ", " : "", name);
    }
    return 0;
}

static FALLIBLE check_versions(struct examination *exam, struct finding *ret)
{
    struct library_list list = {exam->arena, buf_in(exam->arena)};
    buf_add_text(&list.text, "mlops " MLOPS_VERSION);
    dl_iterate_phdr(add_library, &list);
    ret->detail = buf_str(&list.text);
    return NULL;
}

static FALLIBLE check_machine(struct examination *exam, struct finding *ret)
{
    struct str *gpus = NULL;
    size_t gpu_count = 0;
    TRY(machine_gpus(exam->arena, &gpus, &gpu_count));
    ret->detail = str_print(exam->arena, "%.*s, %d cpus, %.*s of memory, %zu gpus",
                            STR_FMT(machine_platform(exam->arena)), machine_cpus(),
                            STR_FMT(bytes_print(exam->arena, machine_memory_bytes())), gpu_count);
    return NULL;
}

struct examiner {
    const char *name;
    FALLIBLE (*check)(struct examination *exam, struct finding *ret);
};

static const struct examiner examiners[] = {
    {"project", check_project},         {"writable", check_writable},
    {"file system", check_file_system}, {"space", check_space},
    {"reflink", check_reflink},         {"git", check_git},
    {"isolation", check_isolation},     {"clock", check_clock},
    {"history", check_history},         {"machine", check_machine},
    {"versions", check_versions},
};

/* An error becomes the finding's text. */
static void note_error(struct arena *arena, struct finding *finding, struct error *error)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, error->text);
    for (const struct error *cause = error->cause; cause; cause = cause->cause)
        buf_print(&text, "; %s", cause->text);
    finding->health = HEALTH_FAIL;
    finding->detail = str_copy(arena, buf_str(&text));
    finding->advice = error->hint ? arena_copy(arena, error->hint, strlen(error->hint)) : NULL;
    error_drop(error);
}

void doctor_examine(struct context *context, struct finding_vec *ret)
{
    struct examination exam = {.context = context, .arena = context->arena};
    struct error *error = context_workspace(context, &exam.workspace);
    if (error) {
        struct finding *finding = vec_push(context->arena, ret);
        finding->name = "project";
        note_error(context->arena, finding, error);
        return;
    }
    exam.has_state = fd_number(exam.workspace->state_fd) >= 0;
    for (size_t i = 0; i < COUNT_OF(examiners); i++) {
        struct finding finding = {.name = examiners[i].name};
        error = examiners[i].check(&exam, &finding);
        if (error)
            note_error(context->arena, &finding, error);
        *vec_push(context->arena, ret) = finding;
    }
}
