#include "mlops/store/search.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/codec/glob.h"
#include "mlops/host/file.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"
#include "mlops/model/pointer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IGNORE_BYTES_MOST = 1048576 };

/* Ignore files from a directory up; those of directories above come after it. */
struct ignores {
    const struct ignore_rules *rules;
    const struct ignores *outer;
};

struct place {
    struct str path; /* relative to the project */
    const struct ignores *dvc, *git;
};

VEC(place_vec, struct place);
VEC(name_vec, struct str);

struct search {
    struct arena *arena;
    const struct workspace *workspace;
    const struct search_visitor *visitor;
    struct str git_prefix; /* of the project below git's top, with '/' or empty */
    bool has_git;
    struct place_vec open;
    size_t entered;
};

/* What one directory holds, as far as it matters. */
struct listing {
    struct arena arena;
    bool (*wants)(struct str name);
    struct name_vec directories, files;
    struct map pointed; /* names that a pointer beside them tracks */
    bool has_dvcignore, has_mlopsignore, has_gitignore;
    bool is_project; /* it has a .git, .dvc or .mlops */
};

static void listing_drop(struct listing *listing)
{
    arena_drop(&listing->arena);
}

static bool marks_project(struct str name, uint32_t kind)
{
    return str_is(name, ".git") ||
           (kind == S_IFDIR && (str_is(name, ".dvc") || str_is(name, ".mlops")));
}

static void note_name(void *context, const char *text, uint32_t kind)
{
    struct listing *listing = context;
    struct str name = str_of(text);
    if (marks_project(name, kind))
        listing->is_project = true;
    else if (kind == S_IFDIR && !str_is(name, ".hg"))
        *vec_push(&listing->arena, &listing->directories) = str_copy(&listing->arena, name);
    else if (kind != S_IFDIR && listing->wants(name))
        *vec_push(&listing->arena, &listing->files) = str_copy(&listing->arena, name);
    if (kind != S_IFDIR && pointer_is_name(name))
        map_put(&listing->arena, &listing->pointed,
                str_copy(&listing->arena, str_slice(name, 0, name.len - strlen(POINTER_SUFFIX))),
                listing);
    listing->has_dvcignore |= str_is(name, ".dvcignore");
    listing->has_mlopsignore |= str_is(name, ".mlopsignore");
    listing->has_gitignore |= str_is(name, ".gitignore");
}

/* Rules of a file; `base` is the place of its directory in the paths that will be matched. */
static FALLIBLE read_rules(struct arena *arena, int at_fd, const char *path, struct str base,
                           const struct ignores **chain)
{
    struct str text = {0};
    bool found = false;
    TRY(file_read(arena, at_fd, path, IGNORE_BYTES_MOST, &text, &found));
    if (!found)
        return NULL;
    struct ignores *inner = arena_new(arena, struct ignores);
    *inner = (struct ignores){ignore_parse(arena, base, text), *chain};
    *chain = inner;
    return NULL;
}

static bool is_ignored_by(const struct ignores *chain, struct str path, bool is_directory)
{
    for (; chain; chain = chain->outer) {
        int said = ignore_match(chain->rules, path, is_directory);
        if (said >= 0)
            return said == 1;
    }
    return false;
}

static bool is_ignored(struct search *search, const struct place *place, struct str path,
                       bool is_directory)
{
    if (is_ignored_by(place->dvc, path, is_directory))
        return true;
    if (!place->git)
        return false;
    struct str whole = path;
    if (search->git_prefix.len)
        whole = str_print(search->arena, "%.*s%.*s", STR_FMT(search->git_prefix), STR_FMT(path));
    return is_ignored_by(place->git, whole, is_directory);
}

static struct str in_git(const struct search *search, struct str path)
{
    struct str whole =
        str_print(search->arena, "%.*s%.*s", STR_FMT(search->git_prefix), STR_FMT(path));
    return str_ends(whole, STR("/")) ? str_slice(whole, 0, whole.len - 1) : whole;
}

static FALLIBLE read_ignores(struct search *search, int directory_fd, const struct listing *listing,
                             struct place *place)
{
    struct arena *arena = search->arena;
    if (listing->has_dvcignore)
        TRY(read_rules(arena, directory_fd, ".dvcignore", place->path, &place->dvc));
    if (listing->has_mlopsignore) /* the later one is stronger */
        TRY(read_rules(arena, directory_fd, ".mlopsignore", place->path, &place->dvc));
    if (listing->has_gitignore && search->has_git)
        TRY(read_rules(arena, directory_fd, ".gitignore", in_git(search, place->path),
                       &place->git));
    return NULL;
}

/* A link may lead to a directory or nowhere. */
static FALLIBLE is_file(struct search *search, struct str path, bool *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(fd_number(search->workspace->root_fd), path.at, true, &stat, &found));
    *ret = found && S_ISREG(stat.mode);
    return NULL;
}

static FALLIBLE add_files(struct search *search, const struct place *place,
                          const struct listing *listing)
{
    struct arena *arena = search->arena;
    vec_each (const struct str, name, &listing->files) {
        struct str path = path_join(arena, place->path, str_copy(arena, *name));
        bool is_wanted = false;
        if (!is_ignored(search, place, path, false))
            TRY(is_file(search, path, &is_wanted));
        if (is_wanted)
            TRY(search->visitor->visit(search->visitor->context, path));
    }
    return NULL;
}

static bool is_skipped(struct search *search, const struct place *place, struct str path)
{
    const struct search_visitor *visitor = search->visitor;
    return (visitor->skips && visitor->skips(visitor->context, path)) ||
           is_ignored(search, place, path, true);
}

static void add_directories(struct search *search, const struct place *place,
                            const struct listing *listing)
{
    struct arena *arena = search->arena;
    vec_each (const struct str, name, &listing->directories) {
        struct str path = path_join(arena, place->path, str_copy(arena, *name));
        if (!map_has(&listing->pointed, *name) && !is_skipped(search, place, path))
            *vec_push(arena, &search->open) = (struct place){path, place->dvc, place->git};
    }
}

/* A directory that can't be listed is passed over, as DVC does. */
static FALLIBLE enter(struct search *search, struct place place, bool is_root)
{
    AUTO(fd_drop) struct fd fd = {0};
    AUTO(listing_drop) struct listing listing = {.wants = search->visitor->wants};
    fd = fd_of(openat(fd_number(search->workspace->root_fd), place.path.len ? place.path.at : ".",
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return NULL;
    if (search->entered++ == (size_t)LIMIT_PROJECT_DIRECTORIES)
        return error_hint(error_new(ERROR_PROJECT,
                                    "more than %lld directories may hold dvc.yaml "
                                    "files or pointers",
                                    (long long)LIMIT_PROJECT_DIRECTORIES),
                          "name those that hold data in .mlopsignore or .dvcignore");
    TRY_WITHIN(walk_names(fd_number(fd), note_name, &listing), "in '%.*s'", STR_FMT(place.path));
    if (listing.is_project && !is_root)
        return NULL;
    TRY(read_ignores(search, fd_number(fd), &listing, &place));
    TRY(add_files(search, &place, &listing));
    add_directories(search, &place, &listing);
    return NULL;
}

/* Ignore files of git from its top down to, and without, the directory where the search begins. */
static FALLIBLE read_git_above(struct search *search, struct str top, struct str start,
                               const struct ignores **ret)
{
    struct arena *arena = search->arena;
    struct str exclude = path_join(arena, top, STR(".git/info/exclude"));
    struct error *error = read_rules(arena, AT_FDCWD, exclude.at, STR(""), ret);
    error_drop(error); /* in a work tree of its own .git is a file */
    for (size_t end = top.len; end < start.len; end++) {
        bool is_part = end == top.len || start.at[end] == '/';
        if (!is_part)
            continue;
        struct str directory = str_slice(start, 0, end);
        struct str base = end == top.len ? STR("") : str_slice(start, top.len + 1, end);
        struct str path = path_join(arena, directory, STR(".gitignore"));
        TRY(read_rules(arena, AT_FDCWD, path.at, base, ret));
    }
    return NULL;
}

static FALLIBLE find_git(struct search *search, struct str root, const struct ignores **ret)
{
    struct arena *arena = search->arena;
    struct str project = search->workspace->root;
    struct str start = path_join(arena, project, root);
    if (!root.len)
        start = project;
    for (struct str at = start; at.len; at = at.len > 1 ? path_directory(at) : STR("")) {
        struct file_stat stat;
        bool found = false;
        /* What can't be looked into tells whoever reads what is in it. */
        error_drop(
            file_stat_at(AT_FDCWD, path_join(arena, at, STR(".git")).at, true, &stat, &found));
        if (!found)
            continue;
        search->has_git = true;
        if (at.len < project.len && at.len > 1)
            search->git_prefix =
                str_print(arena, "%.*s/", STR_FMT(str_slice(project, at.len + 1, project.len)));
        return at.len > 1 ? read_git_above(search, at, start, ret) : NULL;
    }
    return NULL;
}

FALLIBLE search_files(struct arena *arena, const struct workspace *workspace, struct str root,
                      const struct search_visitor *visitor)
{
    struct search search = {.arena = arena, .workspace = workspace, .visitor = visitor};
    struct place start = {.path = str_copy(arena, root)}; /* which ends with a NUL */
    TRY(find_git(&search, root, &start.git));
    TRY(enter(&search, start, true));
    while (search.open.len)
        TRY(enter(&search, search.open.at[--search.open.len], false));
    return NULL;
}
