/* What of the work tree a snapshot does not copy. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/host/signal.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "snapshot_private.h"

enum { IGNORE_BYTES_MOST = 1048576 };

/* Ignore files of the directories above, the nearest first: where there is no git. */
struct rules {
    const struct ignore_rules *rules;
    const struct rules *outer;
};

struct level {
    struct snapshot_taking *taking;
    struct str path; /* "" = root */
    int fd, depth;
    bool is_ignored; /* with all that is in it */
    const struct rules *rules;
    struct vcs *vcs;  /* of the repository that it lies in; NULL: none */
    struct str above; /* what that has in front of the project's paths, or */
    size_t skip;      /* how many bytes of them it has not */
};

/* Made again wherever they are missing. */
static bool is_worthless(struct str name)
{
    return str_is(name, "__pycache__") || str_is(name, ".ipynb_checkpoints");
}

static FALLIBLE read_rules(struct level *level)
{
    static const char *const names[] = {".dvcignore", ".mlopsignore"};
    struct arena *arena = &level->taking->arena;
    for (size_t i = 0; i < COUNT_OF(names) && !level->vcs; i++) {
        struct str text = {0};
        bool is_found = false;
        TRY(file_read(arena, level->fd, names[i], IGNORE_BYTES_MOST, &text, &is_found));
        if (!is_found)
            continue;
        struct rules *rules = arena_new(arena, struct rules);
        *rules = (struct rules){ignore_parse(arena, level->path, text), level->rules};
        level->rules = rules;
    }
    return NULL;
}

static FALLIBLE is_ignored(const struct level *level, struct str path, bool is_directory, bool *ret)
{
    struct snapshot_taking *taking = level->taking;
    *ret = level->is_ignored;
    if (*ret)
        return NULL;
    if (level->vcs) {
        struct str inner = str_slice(path, level->skip, path.len);
        inner = str_print(&taking->arena, "%.*s%.*s", STR_FMT(level->above), STR_FMT(inner));
        return vcs_ignores(level->vcs, inner, is_directory, ret);
    }
    for (const struct rules *rules = level->rules; rules; rules = rules->outer) {
        int said = ignore_match(rules->rules, path, is_directory);
        *ret = said == 1;
        if (said >= 0)
            break;
    }
    return NULL;
}

static void share(struct snapshot_taking *taking, struct str path, bool is_directory)
{
    if (!map_has(&taking->written, path))
        *vec_push(&taking->arena, &taking->notes.linked) =
            (struct snapshot_linked){path, is_directory};
}

static FALLIBLE walk_directory(struct level *level);

static bool is_environment(const struct level *level, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct file_stat stat;
    bool is_found = false;
    struct str path = path_join(&scratch, name, STR("pyvenv.cfg"));
    error_drop(file_stat_at(level->fd, path.at, false, &stat, &is_found));
    return is_found;
}

static bool is_repository(const struct snapshot_taking *taking, struct str path)
{
    vec_each (const struct str, repository, &taking->notes.repositories) {
        if (str_equal(*repository, path))
            return true;
    }
    return false;
}

/* It has rules of its own. */
static FALLIBLE walk_repository(struct level *level)
{
    struct snapshot_taking *taking = level->taking;
    AUTO(vcs_drop) struct vcs *vcs = NULL;
    TRY(vcs_open(path_join(&taking->arena, taking->session->workspace.root, level->path), &vcs));
    if (vcs) {
        level->vcs = vcs;
        level->above = (struct str){0};
        level->skip = level->path.len + 1;
    }
    return walk_directory(level);
}

static FALLIBLE enter(const struct level *level, struct str name, struct str path, bool is_hidden)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(openat(level->fd, name.at, flags));
    if (fd_number(fd) < 0)
        return NULL; /* gone, or nobody's to read */
    struct level inner = *level;
    inner.path = path;
    inner.fd = fd_number(fd);
    inner.depth++;
    inner.is_ignored = is_hidden;
    return is_repository(level->taking, path) ? walk_repository(&inner) : walk_directory(&inner);
}

static FALLIBLE see_directory(const struct level *level, struct str name, struct str path)
{
    struct snapshot_taking *taking = level->taking;
    bool is_hidden = level->is_ignored;
    bool holds = map_has(&taking->holders, path) || map_has(&taking->outer, path);
    if (map_has(&taking->environments, path) || is_environment(level, name)) {
        share(taking, path, true);
        return NULL;
    }
    if (!map_has(&taking->holders, path) || !taking->vcs)
        TRY(is_ignored(level, path, true, &is_hidden));
    if (is_hidden && is_worthless(name))
        return NULL;
    if (is_hidden && !holds) {
        share(taking, path, true);
        return NULL;
    }
    *vec_push(&taking->arena, &taking->notes.empty) = path;
    return enter(level, name, path, is_hidden);
}

static FALLIBLE see_file(const struct level *level, struct str path)
{
    struct snapshot_taking *taking = level->taking;
    bool is_hidden = false;
    if (map_has(&taking->members, path))
        return NULL;
    TRY(is_ignored(level, path, false, &is_hidden));
    if (is_hidden)
        share(taking, path, false);
    else if (!taking->vcs && !taking->is_commit)
        return snapshot_add(taking, path, false);
    return NULL;
}

static FALLIBLE see_entry(const struct level *level, const struct walk_entry *entry)
{
    struct snapshot_taking *taking = level->taking;
    struct str path = path_join(&taking->arena, level->path, entry->name);
    if (tree_name_fault(entry->name) || map_has(&taking->left_out, path))
        return NULL;
    if (S_ISDIR(entry->stat.mode))
        return see_directory(level, entry->name, path);
    bool is_kept = S_ISREG(entry->stat.mode) || S_ISLNK(entry->stat.mode);
    return is_kept || !taking->vcs ? see_file(level, path) : NULL;
}

/* Recursion is bounded by LIMIT_TREE_DEPTH. */
static FALLIBLE walk_directory(struct level *level)
{
    AUTO(arena_drop) struct arena scratch = {0}; /* of the names */
    struct walk_list list = {0};
    if (level->depth > LIMIT_TREE_DEPTH)
        return NULL;
    TRY(signal_check());
    TRY(read_rules(level));
    TRY(walk_list(&scratch, level->fd, false, &list));
    for (size_t i = 0; i < list.count; i++)
        TRY(see_entry(level, &list.entries[i]));
    return NULL;
}

/* Directories that members stand in come with them. */
static void keep_empty(struct snapshot_taking *taking)
{
    struct str_vec *empty = &taking->notes.empty;
    size_t kept = 0;
    for (size_t i = 0; i < empty->len; i++)
        if (!map_has(&taking->holders, empty->at[i]))
            empty->at[kept++] = empty->at[i];
    empty->len = kept;
}

FALLIBLE snapshot_walk(struct snapshot_taking *taking)
{
    AUTO(fd_drop) struct fd fd = {0};
    TRY(directory_open(fd_number(taking->session->workspace.root_fd), ".", &fd));
    struct level top = {.taking = taking,
                        .path = STR(""),
                        .fd = fd_number(fd),
                        .vcs = taking->vcs,
                        .above = taking->prefix};
    TRY(walk_directory(&top));
    keep_empty(taking);
    return NULL;
}
