/* Looking for the dvc.yaml and .dvc files of a project. Directories are listed once and nothing in
 * them is stat'ed; what is ignored is not entered, so that data cost nothing. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/host/file.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipelines_private.h"

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

struct search {
    struct loader *loader;
    struct str git_prefix; /* of the project below git's top, with '/' or empty */
    bool has_git;
    struct map tracked; /* paths that .dvc files track */
    struct place_vec open;
    size_t entered;
    struct discovery found;
};

/* What one directory holds, as far as it matters. */
struct listing {
    struct arena arena;
    struct str_vec directories, files;
    bool has_dvcignore, has_gitignore;
    bool is_project; /* it has a .git, .dvc or .mlops */
};

static void listing_drop(struct listing *listing)
{
    arena_drop(&listing->arena);
}

/* As DVC looks at names: what ends in .dvc and is more than that, and dvc.yaml. */
static bool is_dvc_name(struct str name)
{
    return str_is(name, "dvc.yaml") || (name.len > 4 && str_ends(name, STR(".dvc")));
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
    else if (kind != S_IFDIR && is_dvc_name(name))
        *vec_push(&listing->arena, &listing->files) = str_copy(&listing->arena, name);
    listing->has_dvcignore |= str_is(name, ".dvcignore");
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
        whole = str_print(search->loader->arena, "%.*s%.*s", STR_FMT(search->git_prefix),
                          STR_FMT(path));
    return is_ignored_by(place->git, whole, is_directory);
}

static struct str in_git(const struct search *search, struct str path)
{
    struct str whole =
        str_print(search->loader->arena, "%.*s%.*s", STR_FMT(search->git_prefix), STR_FMT(path));
    return str_ends(whole, STR("/")) ? str_slice(whole, 0, whole.len - 1) : whole;
}

static FALLIBLE read_ignores(struct search *search, int directory_fd, const struct listing *listing,
                             struct place *place)
{
    struct arena *arena = search->loader->arena;
    if (listing->has_dvcignore)
        TRY(read_rules(arena, directory_fd, ".dvcignore", place->path, &place->dvc));
    if (listing->has_gitignore && search->has_git)
        TRY(read_rules(arena, directory_fd, ".gitignore", in_git(search, place->path),
                       &place->git));
    return NULL;
}

static FALLIBLE add_pointer(struct search *search, struct str path)
{
    struct arena *arena = search->loader->arena;
    const struct doc *doc = NULL;
    struct dvc_pointer *pointer = arena_new(arena, struct dvc_pointer);
    TRY(loader_read(search->loader, path, true, &doc));
    if (!doc)
        return NULL;
    TRY(dvc_pointer_bind(arena, doc, path, pointer));
    vec_each (struct dvc_entry, entry, &pointer->outs)
        map_put(arena, &search->tracked, entry->path, entry);
    *vec_push(arena, &search->found.pointers) = pointer;
    return NULL;
}

/* A link may lead to a directory or nowhere. */
static FALLIBLE is_file(struct search *search, struct str path, bool *ret)
{
    struct file_stat stat = {0};
    bool found = false;
    TRY(file_stat_at(fd_number(search->loader->workspace->root_fd), path.at, true, &stat, &found));
    *ret = found && S_ISREG(stat.mode);
    return NULL;
}

static FALLIBLE add_files(struct search *search, const struct place *place,
                          const struct listing *listing)
{
    struct arena *arena = search->loader->arena;
    vec_each (const struct str, name, &listing->files) {
        struct str path = path_join(arena, place->path, str_copy(arena, *name));
        bool is_wanted = false;
        if (!is_ignored(search, place, path, false))
            TRY(is_file(search, path, &is_wanted));
        size_t count = search->found.pipelines.len + search->found.pointers.len;
        if (is_wanted && count == (size_t)LIMIT_PROJECT_FILES)
            return error_new(ERROR_PROJECT, "more than %lld dvc.yaml and .dvc files",
                             (long long)LIMIT_PROJECT_FILES);
        if (is_wanted && str_is(*name, "dvc.yaml"))
            *vec_push(arena, &search->found.pipelines) = path;
        else if (is_wanted)
            TRY(add_pointer(search, path));
    }
    return NULL;
}

static void add_directories(struct search *search, const struct place *place,
                            const struct listing *listing)
{
    struct arena *arena = search->loader->arena;
    vec_each (const struct str, name, &listing->directories) {
        struct str path = path_join(arena, place->path, str_copy(arena, *name));
        if (!map_has(&search->tracked, path) && !is_ignored(search, place, path, true))
            *vec_push(arena, &search->open) = (struct place){path, place->dvc, place->git};
    }
}

/* A directory that can't be listed is passed over, as DVC does. */
static FALLIBLE enter(struct search *search, struct place place, bool is_root)
{
    AUTO(fd_drop) struct fd fd = {0};
    AUTO(listing_drop) struct listing listing = {0};
    fd = fd_of(openat(fd_number(search->loader->workspace->root_fd),
                      place.path.len ? place.path.at : ".",
                      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd_number(fd) < 0)
        return NULL;
    if (search->entered++ == (size_t)LIMIT_PROJECT_DIRECTORIES)
        return error_hint(error_new(ERROR_PROJECT,
                                    "more than %lld directories may hold dvc.yaml "
                                    "files",
                                    (long long)LIMIT_PROJECT_DIRECTORIES),
                          "name those that hold data in .dvcignore");
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
    struct arena *arena = search->loader->arena;
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
    struct arena *arena = search->loader->arena;
    struct str project = search->loader->workspace->root;
    struct str start = path_join(arena, project, root);
    if (!root.len)
        start = project;
    for (struct str at = start; at.len; at = at.len > 1 ? path_directory(at) : STR("")) {
        struct file_stat stat;
        bool found = false;
        TRY(file_stat_at(AT_FDCWD, path_join(arena, at, STR(".git")).at, true, &stat, &found));
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

static int by_pointer_path(const void *a, const void *b)
{
    const struct dvc_pointer *const *left = a;
    const struct dvc_pointer *const *right = b;
    return str_compare((*left)->path, (*right)->path);
}

struct error *pipelines_discover(struct loader *loader, struct str root, struct discovery *ret)
{
    struct search search = {.loader = loader};
    struct place start = {.path = root};
    TRY(find_git(&search, root, &start.git));
    TRY(enter(&search, start, true));
    while (search.open.len)
        TRY(enter(&search, search.open.at[--search.open.len], false));
    vec_sort(&search.found.pipelines, str_compare_items);
    vec_sort(&search.found.pointers, by_pointer_path);
    *ret = search.found;
    return NULL;
}
