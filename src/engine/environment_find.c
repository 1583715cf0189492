/* Which file a command's word names, and where managers of environments keep theirs. */
#include "mlops/base/arena.h"
#include "mlops/codec/digest.h"
#include "mlops/host/path.h"

#include "environment_private.h"

enum { PARENTS_MOST = 64, HASH_BYTES = 6, HASH_LEN = 8 };

static bool is_program(struct arena *arena, struct str path)
{
    struct file_stat seen = {0};
    return environment_has(arena, path, &seen) && (seen.mode & 0170000) == 0100000 &&
           (seen.mode & 0111) != 0;
}

static struct str parent_of(struct str path)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    return slash > 0 ? str_slice(path, 0, (size_t)slash) : STR("/");
}

/* The first of `name` in the directory and those above it. */
static bool find_above(struct arena *arena, struct str directory, const char *name, struct str *ret)
{
    for (int i = 0; i < PARENTS_MOST; i++) {
        struct str path = path_join(arena, directory, str_of(name));
        if (environment_has(arena, path, NULL)) {
            *ret = path;
            return true;
        }
        if (directory.len <= 1)
            break;
        directory = parent_of(directory);
    }
    return false;
}

/* By PATH; directories that end in `but` are passed over (NULL: none). */
static bool find_in_path(const struct scene *scene, struct str word, const char *but,
                         struct str *ret)
{
    struct str rest = scene_variable(scene, "PATH"), part;
    while (str_split(&rest, ':', &part)) {
        struct str directory = scene_path(scene, part.len ? part : STR("."));
        struct str path = path_join(scene->arena, directory, word);
        if ((but && str_ends(directory, str_of(but))) || !is_program(scene->arena, path))
            continue;
        *ret = path;
        return true;
    }
    return false;
}

/* pyenv's choice: PYENV_VERSION, .python-version here or above, its global file. */
static struct str pyenv_versions(const struct scene *scene, struct str root)
{
    struct str path = {0}, text = scene_variable(scene, "PYENV_VERSION");
    if (!text.len && find_above(scene->arena, scene->cwd, ".python-version", &path))
        text = environment_read(scene->arena, path);
    if (!text.len)
        text = environment_read(scene->arena, path_join(scene->arena, root, STR("version")));
    return text;
}

/* "3.11" stands for the newest 3.11.x, names sort so for two digits alike. */
static bool find_version(struct arena *arena, struct str versions, struct str wanted,
                         struct str word, struct str *ret)
{
    struct str_vec names = {0};
    environment_list(arena, versions, &names);
    struct str begin = str_print(arena, "%.*s.", STR_FMT(wanted));
    size_t longest = 0;
    bool found = false;
    vec_each (const struct str, name, &names) {
        bool is_it = str_equal(*name, wanted);
        if (!is_it && (!str_starts(*name, begin) || name->len < longest))
            continue;
        struct str path = str_print(arena, "%.*s/%.*s/bin/%.*s", STR_FMT(versions), STR_FMT(*name),
                                    STR_FMT(word));
        if (!is_program(arena, path))
            continue;
        *ret = path;
        found = true;
        longest = is_it ? SIZE_MAX : name->len;
    }
    return found;
}

/* A shim is a script that starts what pyenv has chosen. */
static void see_through_shim(const struct scene *scene, struct str word, struct str *path)
{
    struct str directory = parent_of(*path), root = parent_of(directory);
    struct str versions = path_join(scene->arena, root, STR("versions"));
    if (!str_ends(directory, STR("/shims")) || !environment_has(scene->arena, versions, NULL))
        return;
    struct str rest = pyenv_versions(scene, root), line;
    while (str_split(&rest, '\n', &line)) {
        struct str wanted = str_trim(line);
        if (str_is(wanted, "system") && find_in_path(scene, word, "/shims", path))
            return;
        if (wanted.len && find_version(scene->arena, versions, wanted, word, path))
            return;
    }
}

bool environment_find_program(const struct scene *scene, struct str word, struct str *ret)
{
    if (!word.len)
        return false;
    if (str_find_char(word, '/') >= 0) {
        *ret = scene_path(scene, word);
        return environment_has(scene->arena, *ret, NULL);
    }
    if (!find_in_path(scene, word, NULL, ret))
        return false;
    see_through_shim(scene, word, ret);
    return true;
}

static struct str home_path(const struct scene *scene, const char *variable, const char *below)
{
    struct str given = scene_variable(scene, variable);
    if (given.len)
        return given;
    return str_print(scene->arena, "%.*s/%s", STR_FMT(scene_variable(scene, "HOME")), below);
}

/* Poetry names them PROJECT-HASH-py3.11; HASH: base64url of the directory's SHA-256, cut. */
static bool find_of_poetry(const struct scene *scene, struct str project, struct str *ret)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct str real = environment_real(scene->arena, project);
    struct digest digest = digest_of(real.at, real.len);
    char hash[HASH_LEN];
    for (size_t i = 0; i < HASH_LEN; i++) {
        size_t bit = i * HASH_BYTES, at = bit / 8;
        uint32_t two = (uint32_t)digest.at[at] << 8 | digest.at[at + 1];
        hash[i] = letters[two >> (10 - bit % 8) & 63];
    }
    struct str directory =
        home_path(scene, "POETRY_VIRTUALENVS_PATH", ".cache/pypoetry/virtualenvs");
    struct str mark = str_print(scene->arena, "-%.*s-py", HASH_LEN, hash);
    struct str_vec names = {0};
    environment_list(scene->arena, directory, &names);
    vec_each (const struct str, name, &names) {
        if (str_find(*name, mark) >= 0)
            *ret = path_join(scene->arena, directory, *name);
    }
    return ret->len > 0;
}

/* Pipenv writes the project's path into each. */
static bool find_of_pipenv(const struct scene *scene, struct str project, struct str *ret)
{
    struct str directory = home_path(scene, "WORKON_HOME", ".local/share/virtualenvs");
    struct str_vec names = {0};
    environment_list(scene->arena, directory, &names);
    vec_each (const struct str, name, &names) {
        struct str prefix = path_join(scene->arena, directory, *name);
        struct str path = path_join(scene->arena, prefix, STR(".project"));
        if (str_equal(str_trim(environment_read(scene->arena, path)), project))
            *ret = prefix;
    }
    return ret->len > 0;
}

bool environment_of_manager(const struct scene *scene, struct str manager, struct str *ret_prefix)
{
    struct arena *arena = scene->arena;
    struct str found = {0};
    *ret_prefix = (struct str){0};
    if (str_is(manager, "pixi")) {
        bool is_there = find_above(arena, scene->cwd, ".pixi/envs/default", ret_prefix);
        return is_there;
    }
    struct str given = scene_variable(scene, "UV_PROJECT_ENVIRONMENT");
    if (str_is(manager, "uv") && given.len) {
        *ret_prefix = scene_path(scene, given);
        return true;
    }
    if (find_above(arena, scene->cwd, ".venv", ret_prefix))
        return true;
    if (str_is(manager, "poetry") && find_above(arena, scene->cwd, "pyproject.toml", &found))
        return find_of_poetry(scene, parent_of(found), ret_prefix);
    if (str_is(manager, "pipenv") && find_above(arena, scene->cwd, "Pipfile", &found))
        return find_of_pipenv(scene, parent_of(found), ret_prefix);
    return false;
}

/* Of conda's installations that can be told from here: `envs` beside the active one or above
 * conda's own program, then the list that conda keeps. */
bool environment_of_conda(const struct scene *scene, struct str name, struct str *ret_prefix)
{
    struct arena *arena = scene->arena;
    struct str program = {0}, roots[4], rest, line;
    size_t count = 0;
    if (str_find_char(name, '/') >= 0) {
        *ret_prefix = scene_path(scene, name);
        return true;
    }
    if (find_in_path(scene, STR("conda"), NULL, &program))
        roots[count++] = parent_of(parent_of(program));
    roots[count++] = parent_of(parent_of(scene_variable(scene, "CONDA_EXE")));
    roots[count++] = parent_of(parent_of(scene_variable(scene, "CONDA_PREFIX")));
    roots[count++] = scene_variable(scene, "MAMBA_ROOT_PREFIX");
    for (size_t i = 0; i < count; i++) {
        struct str path = str_print(arena, "%.*s/envs/%.*s", STR_FMT(roots[i]), STR_FMT(name));
        *ret_prefix = str_is(name, "base") ? roots[i] : path;
        if (environment_has(arena, path_join(arena, *ret_prefix, STR("conda-meta")), NULL))
            return true;
    }
    rest = environment_read(arena, home_path(scene, "MLOPS_NONE", ".conda/environments.txt"));
    while (str_split(&rest, '\n', &line)) {
        struct str end = str_print(arena, "/envs/%.*s", STR_FMT(name));
        *ret_prefix = str_copy(arena, str_trim(line));
        if (str_ends(*ret_prefix, end))
            return true;
    }
    return false;
}
