/* Where a trial has only a directory of its own, whatever names the project by its absolute path
 * means the project itself: the trial would run the user's code, or write the user's files. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/engine/environment.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "work_dir_private.h"

enum { INSTALL_BYTES_MOST = 1048576, CODE_BYTES_MOST = 1048576 };

struct checking {
    struct session *session;
    struct arena arena;
    struct digest snapshot;
    struct snapshot_notes notes;
    struct project_roots roots;
    struct map sites; /* directories that were looked through */
    struct map files; /* of parameters and code */
    struct error_list errors;
};

/* The first path in a text that lies in the project and is not shared; empty: none. */
static struct str find_path(const struct checking *checking, struct str text)
{
    struct project_path found = {0};
    roots_find_path(&checking->roots, &checking->notes, text, 0, &found);
    return found.path;
}

static void tell(struct checking *checking, struct error *error)
{
    error_list_add(&checking->errors,
                   error_hint(error, "use a relative path, or --allow-shared if it is to be the "
                                     "project's own"));
}

static void check_text(struct checking *checking, const struct doc_node *node, struct str text,
                       const char *what)
{
    struct str path = find_path(checking, text);
    if (path.len)
        tell(checking,
             doc_error(node, "%s names '%.*s', which is the project itself, not the trial", what,
                       STR_FMT(path)));
}

/* `../data`: beside a directory of its own lies something else. */
static void check_dependency(struct checking *checking, const struct dependency *dependency)
{
    struct str path = dependency->path, root = checking->session->workspace.root, target = {0};
    check_text(checking, dependency->node, path, "a dependency");
    if (!str_starts(path, STR("../")))
        return;
    path_resolve(&checking->arena, STR(""), path_join(&checking->arena, root, path), &target);
    error_list_add(&checking->errors,
                   error_hint(doc_error(dependency->node,
                                        "dependency '%.*s' lies beside the project, not beside "
                                        "the directory of a trial",
                                        STR_FMT(path)),
                              "name it by its absolute path: '%.*s'", STR_FMT(target)));
}

static void check_stage(struct checking *checking, const struct stage *stage)
{
    AUTO(arena_drop) struct arena scratch = {0};
    for (size_t i = 0; i < stage->cmd.count; i++)
        check_text(checking, stage->node, stage->cmd.items[i],
                   str_print(&scratch, "the command of stage '%.*s'", STR_FMT(stage->name)).at);
    vec_each (const struct env_var, variable, &stage->env) {
        const char *what = str_print(&scratch, "variable %.*s", STR_FMT(variable->name)).at;
        if (!variable->from_env.len)
            check_text(checking, variable->node, variable->value, what);
    }
    vec_each (const struct dependency, dependency, &stage->deps)
        check_dependency(checking, dependency);
    vec_each (const struct output, output, &stage->outs)
        check_text(checking, output->node, output->path, "an output");
}

/* A value may be a path that the program opens. */
static FALLIBLE check_file(struct checking *checking, struct str file)
{
    struct arena *arena = &checking->arena;
    struct str bytes = {0};
    bool is_found = false;
    if (map_has(&checking->files, file))
        return NULL;
    map_put(arena, &checking->files, file, checking);
    TRY(snapshot_read(checking->session, arena, checking->snapshot, file, &bytes, &is_found));
    struct str path = is_found ? find_path(checking, bytes) : (struct str){0};
    if (path.len)
        tell(checking, error_new(ERROR_PROJECT,
                                 "'%.*s' names '%.*s', which is the project itself, not the trial",
                                 STR_FMT(file), STR_FMT(path)));
    return NULL;
}

/* --- code --- */

/* Of a dependency: programs, not data, in which a path may be no more than a text. */
static bool is_code(const struct worktree_file *file)
{
    static const char *const ends[] = {".py", ".sh", ".bash", ".r", ".R",  ".jl",
                                       ".pl", ".rb", ".js",   ".m", ".sql"};
    if (file->kind == TREE_SYMLINK || file->size_bytes > CODE_BYTES_MOST)
        return false;
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (str_ends(file->path, str_of(ends[i])))
            return true;
    return file->kind == TREE_EXECUTABLE;
}

static bool is_read(const struct checking *checking, struct str path)
{
    const struct session *session = checking->session;
    vec_each (const struct stage, stage, &session->pipeline->stages) {
        if (!session->plan.stages[stage->index].is_selected)
            continue;
        vec_each (const struct dependency, dependency, &stage->deps)
            if (path_is_within(path, dependency->path))
                return true;
    }
    return false;
}

/* Programs that stages read and that open the project's own files. */
static FALLIBLE check_code(struct checking *checking)
{
    struct worktree_file *files = NULL;
    size_t count = 0;
    TRY(snapshot_files(checking->session, &checking->arena, checking->snapshot, &files, &count));
    for (size_t i = 0; i < count; i++)
        if (is_code(&files[i]) && is_read(checking, files[i].path))
            TRY(check_file(checking, files[i].path));
    return NULL;
}

/* --- editable installs --- */

static bool may_name_code(struct str name)
{
    return str_ends(name, STR(".pth")) || str_ends(name, STR(".egg-link")) ||
           (str_starts(name, STR("__editable__")) && str_ends(name, STR(".py")));
}

/* A line of a .pth file may be relative to its directory. */
static struct str path_of_line(struct checking *checking, struct str site, struct str line)
{
    struct str root = checking->session->workspace.root, path = {0};
    line = str_trim(line);
    bool is_path = line.len && line.at[0] != '#' && !str_starts(line, STR("import")) &&
                   line.at[0] != '/' && str_find(line, STR("..")) >= 0;
    if (!is_path)
        return (struct str){0};
    path_resolve(&checking->arena, STR(""), path_join(&checking->arena, site, line), &path);
    bool is_inside = path_is_within(path, root) && !path_is_within(path, site);
    return is_inside ? find_path(checking, path) : (struct str){0};
}

static FALLIBLE check_install(struct checking *checking, struct str site, struct str name)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str file = path_join(&scratch, site, name), bytes = {0}, line = {0};
    bool is_found = false;
    struct error *error =
        file_read(&scratch, AT_FDCWD, file.at, INSTALL_BYTES_MOST, &bytes, &is_found);
    error_drop(error); /* what can't be read is not used by Python either */
    if (error || !is_found)
        return NULL;
    struct str path = find_path(checking, bytes), rest = bytes;
    while (!path.len && !str_ends(name, STR(".py")) && rest.len && str_split(&rest, '\n', &line))
        path = path_of_line(checking, site, line);
    if (path.len)
        tell(checking,
             error_new(ERROR_PROJECT,
                       "Python takes code from '%.*s', not from the trial: so says '%.*s' (an "
                       "editable install)",
                       STR_FMT(path), STR_FMT(file)));
    return NULL;
}

static FALLIBLE check_site(struct checking *checking, struct str site)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct walk_list list = {0};
    if (map_has(&checking->sites, site))
        return NULL;
    map_put(&checking->arena, &checking->sites, str_copy(&checking->arena, site), checking);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    AUTO(fd_drop) struct fd fd = fd_of(open(str_terminate(&scratch, site), flags));
    if (fd_number(fd) < 0)
        return NULL;
    TRY(walk_list(&scratch, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++)
        if (may_name_code(list.entries[i].name))
            TRY(check_install(checking, site, list.entries[i].name));
    return NULL;
}

static FALLIBLE check_python(struct checking *checking, const struct stage *stage)
{
    struct str_vec sites = {0};
    environment_sites(checking->session, stage, &checking->arena, &sites);
    vec_each (const struct str, site, &sites)
        TRY(check_site(checking, *site));
    return NULL;
}

/* --- links --- */

static FALLIBLE check_links(struct checking *checking)
{
    struct session *session = checking->session;
    struct worktree_file *files = NULL;
    size_t count = 0;
    TRY(snapshot_files(session, &checking->arena, checking->snapshot, &files, &count));
    for (size_t i = 0; i < count; i++) {
        struct str target = {0};
        bool is_found = false;
        if (files[i].kind != TREE_SYMLINK)
            continue;
        TRY(cas_get_bytes(session->cas, &checking->arena, files[i].digest, LIMIT_PATH_BYTES,
                          &target, &is_found));
        struct str path = is_found ? find_path(checking, target) : (struct str){0};
        if (path.len)
            tell(checking, error_new(ERROR_PROJECT,
                                     "the link '%.*s' names '%.*s', which is the project itself, "
                                     "not the trial",
                                     STR_FMT(files[i].path), STR_FMT(path)));
    }
    return NULL;
}

static FALLIBLE check_all(struct checking *checking)
{
    const struct session *session = checking->session;
    roots_find(&checking->arena, session->workspace.root, &checking->roots);
    TRY(snapshot_notes_load(checking->session, &checking->arena, checking->snapshot,
                            &checking->notes));
    vec_each (const struct stage, stage, &session->pipeline->stages) {
        if (!session->plan.stages[stage->index].is_selected)
            continue;
        check_stage(checking, stage);
        vec_each (const struct param_ref, param, &stage->params)
            TRY(check_file(checking, param->file));
        vec_each (const struct tracked_value, value, &stage->tracked)
            TRY(check_file(checking, value->file));
        TRY(check_python(checking, stage));
    }
    TRY(check_code(checking));
    return check_links(checking);
}

FALLIBLE work_dir_check(struct session *session, struct digest snapshot)
{
    struct checking checking = {.session = session, .snapshot = snapshot};
    struct error *error = check_all(&checking);
    struct error *found = error_list_take(&checking.errors);
    arena_drop(&checking.arena);
    if (!error)
        return found;
    error_drop(found);
    return error;
}
