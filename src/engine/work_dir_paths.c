/* Paths of the project in texts. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/model/name.h"

#include <stdlib.h>
#include <unistd.h>

#include "work_dir_private.h"

static bool ends_path(char c)
{
    return strchr(" \t\r\n\"'`:;,=|&<>()[]{}", c) != NULL;
}

/* The shell may have come to the project by another name, through a link. */
void roots_find(struct arena *arena, struct str root, struct project_roots *ret)
{
    struct str logical = str_of(getenv("PWD") ? getenv("PWD") : "");
    ret->at[ret->count++] = root;
    for (; logical.len > 1 && logical.at[0] == '/'; logical = path_directory(logical)) {
        struct str real = {0};
        struct error *error = path_real(arena, logical, &real);
        error_drop(error);
        if (error || !path_is_within(real, root))
            return;
        if (str_equal(real, root) && !str_equal(logical, root)) {
            ret->at[ret->count++] = str_copy(arena, logical);
            return;
        }
    }
}

/* Is shared as it is with trials: it means the same there. */
static bool is_shared(const struct snapshot_notes *notes, struct str inner)
{
    vec_each (const struct snapshot_linked, linked, &notes->linked) {
        if (path_is_within(inner, linked->path))
            return true;
    }
    return false;
}

/* Whether the path that begins at `at` of the text is one of the project's own. */
static bool begins_path(const struct project_roots *roots, const struct snapshot_notes *notes,
                        struct str text, size_t at, struct project_path *ret)
{
    for (size_t i = 0; i < roots->count; i++) {
        struct str root = roots->at[i];
        size_t end = at + root.len;
        if (!str_starts(str_slice(text, at, text.len), root) ||
            (end < text.len && text.at[end] != '/' && !ends_path(text.at[end])))
            continue;
        while (end < text.len && !ends_path(text.at[end]))
            end++;
        struct str path = str_slice(text, at, end);
        struct str inner = str_slice(path, MIN_OF(root.len + 1, path.len), path.len);
        if (is_shared(notes, inner))
            return false;
        *ret = (struct project_path){.path = path, .inner = inner, .at = at};
        return true;
    }
    return false;
}

bool roots_find_path(const struct project_roots *roots, const struct snapshot_notes *notes,
                     struct str text, size_t from, struct project_path *ret)
{
    for (size_t at = from; at < text.len; at++) {
        bool may_begin = at == 0 || ends_path(text.at[at - 1]) || text.at[at - 1] == '@';
        if (text.at[at] == '/' && may_begin && begins_path(roots, notes, text, at, ret))
            return true;
    }
    return false;
}

bool roots_replace(struct arena *arena, const struct project_roots *roots,
                   const struct snapshot_notes *notes, struct str text, struct str by,
                   struct str *ret)
{
    struct buf out = buf_in(arena);
    struct project_path found = {0};
    size_t from = 0;
    while (roots_find_path(roots, notes, text, from, &found)) {
        buf_add_str(&out, str_slice(text, from, found.at));
        buf_add_str(&out, by);
        if (found.inner.len)
            buf_print(&out, "/%.*s", STR_FMT(found.inner));
        from = found.at + found.path.len;
    }
    if (!from)
        return false;
    buf_add_str(&out, str_slice(text, from, text.len));
    *ret = buf_str(&out);
    return true;
}

/* Where the shell is, and git, are set anew. */
static bool is_set_anew(struct str name)
{
    static const char *const names[] = {"PWD", "OLDPWD", "_", "PYTHONPATH"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_is(name, names[i]))
            return true;
    return str_starts(name, STR("MLOPS_"));
}

/* What the environment says of the project is said of the trial, as it would be where the trial
 * stands at the project's path: CI systems name the checkout in a variable, editors too. */
void making_move_environment(struct making *making)
{
    struct project_roots roots = {0};
    struct work_dir *work_dir = &making->work_dir;
    roots_find(making->arena, work_dir->project, &roots);
    for (char **at = environ; *at; at++) {
        struct str text = str_of(*at), value = {0};
        ptrdiff_t cut = str_find_char(text, '=');
        if (cut <= 0 || is_set_anew(str_slice(text, 0, (size_t)cut)))
            continue;
        struct str before = str_slice(text, (size_t)cut + 1, text.len);
        if (roots_replace(making->arena, &roots, &making->notes, before, work_dir->path, &value))
            *vec_push(making->arena, &work_dir->variables) =
                str_print(making->arena, "%.*s=%.*s", (int)cut, text.at, STR_FMT(value));
    }
}

/* Code that an install outside of the trial would give comes from the trial first; so does what the
 * variable names itself. */
void making_put_python_first(struct making *making)
{
    struct arena *arena = making->arena;
    struct work_dir *work_dir = &making->work_dir;
    struct project_roots roots = {0};
    struct str source = path_join(arena, work_dir->path, STR("src"));
    struct str before = str_of(getenv("PYTHONPATH") ? getenv("PYTHONPATH") : ""), moved = before;
    struct buf out = buf_in(arena);
    buf_print(&out, "PYTHONPATH=%.*s", STR_FMT(work_dir->path));
    if (access(source.at, X_OK) == 0)
        buf_print(&out, ":%.*s", STR_FMT(source));
    roots_find(arena, work_dir->project, &roots);
    if (!making->options->allows_shared)
        roots_replace(arena, &roots, &making->notes, before, work_dir->path, &moved);
    if (moved.len)
        buf_print(&out, ":%.*s", STR_FMT(moved));
    *vec_push(arena, &work_dir->variables) = buf_str(&out);
}
