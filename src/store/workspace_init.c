#include "mlops/base/arena.h"
#include "mlops/host/clock.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workspace_private.h"

enum { ID_BYTES = 8, ID_FILE_BYTES_MOST = 64 };

static const char *const cache_dirs[] = {"obj",   "res",        "running", "tmp", "tmp/roots",
                                         "trash", "quarantine", "repos",   "pack"};

static const char ignore_text[] =
    "# Made by mlops. Only config.yaml belongs to the project; all else is of this checkout.\n"
    "/*\n"
    "!/.gitignore\n"
    "!/config.yaml\n";

static bool is_own(uid_t owner)
{
    const char *sudo = getenv("SUDO_UID");
    return owner == geteuid() || (geteuid() == 0 && sudo && strtoul(sudo, NULL, 10) == owner);
}

/* Who may write in a project decides what mlops runs there, so another user's is not entered
 * without being asked to. */
static FALLIBLE check_owner(const struct workspace *workspace)
{
    const char *safe = getenv("MLOPS_SAFE");
    const char *const names[] = {".", ".mlops"};
    for (size_t i = 0; i <= COUNT_OF(names); i++) {
        struct stat seen;
        bool is_home = i == COUNT_OF(names);
        int status =
            is_home ? fstat(fd_number(workspace->home_fd), &seen)
                    : fstatat(fd_number(workspace->root_fd), names[i], &seen, AT_SYMLINK_NOFOLLOW);
        if (status != 0)
            continue;
        if (!is_own(seen.st_uid) && !(safe && strcmp(safe, "1") == 0))
            return error_hint(error_new(ERROR_MACHINE, "'%.*s' belongs to another user",
                                        STR_FMT(workspace->root)),
                              "if you trust what is in it, set MLOPS_SAFE=1");
    }
    return NULL;
}

static FALLIBLE publish_if_absent(int at_fd, const char *path, struct str bytes)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(at_fd, path, false, &stat, &found));
    return found ? NULL : file_publish(at_fd, path, bytes, 0644, true);
}

/* The format comes last: a store that has one is complete. */
static FALLIBLE make_cache(struct arena *arena, struct workspace *workspace)
{
    bool is_durable = workspace->config.durability == DURABILITY_FULL;
    bool found = false;
    const char *path = str_terminate(arena, workspace->cache);
    AUTO(fd_drop) struct fd fd = {0};
    TRY_WITHIN(directory_make(AT_FDCWD, path, is_durable), "cannot make the store");
    TRY(directory_open(AT_FDCWD, path, &fd));
    TRY(workspace_check_format(fd_number(fd), workspace->cache, &found));
    for (size_t i = 0; i < COUNT_OF(cache_dirs) && !found; i++)
        TRY(directory_make(fd_number(fd), cache_dirs[i], false));
    if (!found)
        TRY(file_publish(fd_number(fd), "format", STR("mlops cache 1\nhash sha256\n"), 0644,
                         is_durable));
    fd_drop(&workspace->cache_fd);
    workspace->cache_fd = fd_of(fd_release(&fd));
    return NULL;
}

/* The id this checkout had before, if its config.yaml went away (a branch without one), else a new
 * one. */
static FALLIBLE choose_id(struct arena *arena, int state_fd, struct str *ret)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char random[ID_BYTES];
    struct str kept = {0};
    bool found = false;
    TRY(file_read(arena, state_fd, "project", ID_FILE_BYTES_MOST, &kept, &found));
    kept = str_trim(kept);
    if (kept.len == (size_t)2 * ID_BYTES && strspn(kept.at, digits) >= kept.len) {
        *ret = kept;
        return NULL;
    }
    random_bytes(random, sizeof random);
    char *text = arena_alloc(arena, sizeof random * 2 + 1);
    for (size_t i = 0; i < sizeof random; i++) {
        text[2 * i] = digits[random[i] >> 4];
        text[2 * i + 1] = digits[random[i] & 15];
    }
    *ret = str_of(text);
    return NULL;
}

/* Publishing without replacing decides between two processes that initialise at once. */
static FALLIBLE publish_config(struct arena *arena, int state_fd, struct str id, bool *ret_is_new)
{
    AUTO(temp_dir_drop) struct temp_dir temp = {0};
    AUTO(fd_drop) struct fd temps_fd = {0};
    bool existed = false;
    struct str text = str_print(arena,
                                "# Settings of this project for mlops; tracked in git. "
                                "'mlops config' lists them.\n"
                                "project: '%.*s'\n",
                                STR_FMT(id));
    TRY(directory_open(state_fd, "tmp", &temps_fd));
    TRY(temp_dir_open(fd_number(temps_fd), TEMP_PREFIX, &temp));
    TRY(file_publish(fd_number(temp.fd), "config.yaml", text, 0644, true));
    TRY(file_rename_new(fd_number(temp.fd), "config.yaml", state_fd, "config.yaml", &existed));
    *ret_is_new = !existed;
    return directory_sync(state_fd, ".");
}

/* A config.yaml of hand may lack the id. */
static FALLIBLE make_config(struct arena *arena, struct workspace *workspace, int state_fd)
{
    struct file_stat stat;
    struct str id = {0};
    bool found = false;
    struct config now = {0};
    TRY(file_stat_at(state_fd, "config.yaml", true, &stat, &found));
    if (found) /* perhaps made by another process since we looked */
        TRY(config_load(arena, workspace->state, &now));
    if (!now.project.len)
        TRY(choose_id(arena, state_fd, &id));
    if (!found)
        TRY(publish_config(arena, state_fd, id, &workspace->is_new));
    else if (id.len)
        TRY(config_set(arena, workspace->state, CONFIG_PROJECT, STR("project"), id, false));
    return NULL;
}

static FALLIBLE make_state(struct arena *arena, struct workspace *workspace)
{
    AUTO(fd_drop) struct fd fd = {0};
    int root = fd_number(workspace->root_fd);
    if (mkdirat(root, ".mlops", 0777) != 0 && errno != EEXIST)
        return error_os(errno, "cannot make '%.*s'", STR_FMT(workspace->state));
    TRY(directory_open(root, ".mlops", &fd));
    TRY(directory_make(fd_number(fd), "tmp", false));
    TRY(directory_make(fd_number(fd), "locks", false));
    TRY(publish_if_absent(fd_number(fd), ".gitignore", str_of(ignore_text)));
    TRY(make_cache(arena, workspace));
    TRY(make_config(arena, workspace, fd_number(fd)));
    return directory_sync(root, ".");
}

static FALLIBLE remember_id(const struct workspace *workspace)
{
    return publish_if_absent(fd_number(workspace->state_fd), "project", workspace->config.project);
}

/* Who makes a work directory makes it whole. */
static FALLIBLE check_work_dir(const struct workspace *workspace)
{
    if (workspace->state_fd.number_plus_one && workspace->cache_fd.number_plus_one)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "'%.*s' is what is left of a trial's work directory",
                                STR_FMT(workspace->root)),
                      "go to the project: cd '%.*s'", STR_FMT(workspace->project));
}

struct error *workspace_init(struct arena *arena, struct workspace *workspace)
{
    TRY(check_owner(workspace));
    if (workspace->is_work_dir)
        return check_work_dir(workspace);
    bool is_complete = workspace->state_fd.number_plus_one && workspace->cache_fd.number_plus_one;
    struct file_stat stat;
    if (is_complete)
        TRY(file_stat_at(fd_number(workspace->state_fd), "project", true, &stat, &is_complete));
    if (!is_complete) {
        TRY_WITHIN(make_state(arena, workspace), "cannot prepare the project '%.*s'",
                   STR_FMT(workspace->root));
        fd_drop(&workspace->state_fd);
        fd_drop(&workspace->home_fd);
        fd_drop(&workspace->cache_fd);
        TRY(workspace_load(arena, workspace));
        if (!workspace->state_fd.number_plus_one || !workspace->cache_fd.number_plus_one)
            return error_new(ERROR_MACHINE, "'%.*s' was removed while it was made",
                             STR_FMT(workspace->state));
        TRY(remember_id(workspace));
    }
    if (!str_equal(workspace->database_dir, workspace->home))
        TRY(directory_make(AT_FDCWD, str_terminate(arena, workspace->database_dir), true));
    return NULL;
}
