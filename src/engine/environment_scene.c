/* What a command of a stage sees, and small files of the machine. */
#include "mlops/base/arena.h"
#include "mlops/host/path.h"
#include "mlops/host/walk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "environment_private.h"

enum { SMALL_FILE_BYTES_MOST = 1 << 20, HEAD_BYTES = 4096 };

static struct str inherited(const struct scene *scene, struct str name)
{
    return str_of(getenv(str_copy(scene->arena, name).at));
}

struct str scene_variable_named(const struct scene *scene, struct str name)
{
    for (const struct scene_variable *at = scene->variables; at; at = at->next) {
        if (str_equal(at->name, name))
            return at->value;
    }
    vec_each (const struct env_var, variable, &scene->stage->env) {
        if (!str_equal(variable->name, name))
            continue;
        struct str given = {0};
        if (variable->from_env.len)
            given = inherited(scene, variable->from_env);
        return given.at ? given : variable->value;
    }
    return stage_inherits(scene->stage, name) ? inherited(scene, name) : (struct str){0};
}

struct str scene_variable(const struct scene *scene, const char *name)
{
    return scene_variable_named(scene, str_of(name));
}

void scene_set(struct scene *scene, struct str name, struct str value)
{
    struct scene_variable *variable = arena_new(scene->arena, struct scene_variable);
    *variable = (struct scene_variable){name, value, scene->variables};
    scene->variables = variable;
}

void scene_enter(struct scene *scene, struct str prefix, bool is_conda)
{
    struct str path = scene_variable(scene, "PATH");
    scene_set(scene, STR("PATH"),
              str_print(scene->arena, "%.*s/bin:%.*s", STR_FMT(prefix), STR_FMT(path)));
    scene_set(scene, is_conda ? STR("CONDA_PREFIX") : STR("VIRTUAL_ENV"), prefix);
}

struct str scene_path(const struct scene *scene, struct str path)
{
    return path_join(scene->arena, scene->cwd, path);
}

struct str environment_read(struct arena *arena, struct str path)
{
    struct str text = {0};
    bool found = false;
    struct error *error = file_read(arena, AT_FDCWD, path.at, SMALL_FILE_BYTES_MOST, &text, &found);
    bool is_read = !error && found;
    error_drop(error); /* then there is nothing to record */
    return is_read ? text : (struct str){0};
}

struct str environment_read_head(struct arena *arena, struct str path)
{
    AUTO(fd_drop) struct fd file = {0};
    char *head = arena_alloc(arena, HEAD_BYTES + 1);
    struct error *error = file_open(AT_FDCWD, str_copy(arena, path).at, &file);
    ssize_t len = error ? -1 : read(fd_number(file), head, HEAD_BYTES);
    error_drop(error);
    return len > 0 ? (struct str){head, (size_t)len} : (struct str){0};
}

bool environment_has(struct arena *arena, struct str path, struct file_stat *ret)
{
    struct file_stat seen = {0};
    bool found = false;
    error_drop(file_stat_at(AT_FDCWD, str_copy(arena, path).at, true, &seen, &found));
    if (ret && found)
        *ret = seen;
    return found;
}

struct str environment_real(struct arena *arena, struct str path)
{
    struct str real = {0};
    struct error *error = path_real(arena, path, &real);
    bool is_known = !error;
    error_drop(error);
    return is_known ? real : path;
}

void environment_list(struct arena *arena, struct str path, struct str_vec *ret)
{
    AUTO(fd_drop) struct fd directory = {0};
    struct walk_list list = {0};
    struct error *error = directory_open(AT_FDCWD, str_copy(arena, path).at, &directory);
    if (!error)
        error = walk_list(arena, fd_number(directory), true, &list);
    error_drop(error);
    for (size_t i = 0; i < list.count; i++)
        *vec_push(arena, ret) = list.entries[i].name;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct str environment_version_in(struct str text)
{
    for (size_t first = 0; first < text.len; first++) {
        if (!is_digit(text.at[first]) || (first && is_digit(text.at[first - 1])))
            continue;
        size_t last = first, dots = 0;
        while (last < text.len &&
               (is_digit(text.at[last]) ||
                (text.at[last] == '.' && last + 1 < text.len && is_digit(text.at[last + 1])))) {
            dots += text.at[last] == '.';
            last++;
        }
        if (dots)
            return str_slice(text, first, last);
    }
    return (struct str){0};
}
