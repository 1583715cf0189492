/* Where a Python finds its packages: getpath and site, without starting it. */
#include "mlops/base/arena.h"
#include "mlops/codec/digest.h"
#include "mlops/host/path.h"

#include <fcntl.h>

#include "environment_private.h"

enum { DPKG_BYTES_MOST = 64 << 20 };

static struct str parent_of(struct str path)
{
    ptrdiff_t slash = str_find_last_char(path, '/');
    return slash > 0 ? str_slice(path, 0, (size_t)slash) : STR("/");
}

static struct str name_of(struct str path)
{
    return str_slice(path, (size_t)(str_find_last_char(path, '/') + 1), path.len);
}

/* "key = value" of pyvenv.cfg. */
static struct str setting(struct str text, const char *key)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        ptrdiff_t cut = str_find_char(line, '=');
        if (cut > 0 && str_is(str_trim(str_slice(line, 0, (size_t)cut)), key))
            return str_trim(str_slice(line, (size_t)cut + 1, line.len));
    }
    return (struct str){0};
}

/* "3.11" of "3.11.2", "python3.11", "libpython3.11.so". */
static struct str minor_of(struct str text)
{
    struct str version = environment_version_in(text);
    ptrdiff_t first = str_find_char(version, '.');
    if (first < 0)
        return (struct str){0};
    struct str rest = str_slice(version, (size_t)first + 1, version.len);
    ptrdiff_t second = str_find_char(rest, '.');
    return second < 0 ? version : str_slice(version, 0, (size_t)(first + 1 + second));
}

/* By the installation's lib/python3.x; of several the last, which is the newest. */
static struct str minor_of_library(struct arena *arena, struct str base)
{
    struct str_vec names = {0};
    struct str found = {0};
    environment_list(arena, path_join(arena, base, STR("lib")), &names);
    vec_each (const struct str, name, &names) {
        struct str minor = str_starts(*name, STR("python3.")) ? minor_of(*name) : (struct str){0};
        if (minor.len >= found.len)
            found = minor.len ? minor : found;
    }
    return found;
}

/* A virtual environment is known by its pyvenv.cfg beside or above the program's directory. */
static void find_prefix(struct arena *arena, struct str path, struct python *ret)
{
    struct str directory = parent_of(path), home = {0};
    struct str places[] = {parent_of(directory), directory};
    ret->real = environment_real(arena, path);
    ret->base = parent_of(parent_of(ret->real));
    ret->prefix = ret->base;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct str text = environment_read(arena, path_join(arena, places[i], STR("pyvenv.cfg")));
        if (!text.len)
            continue;
        ret->is_venv = true;
        ret->prefix = places[i];
        ret->configured = setting(text, "version_info").len ? setting(text, "version_info")
                                                            : setting(text, "version");
        home = setting(text, "home");
        /* in the clear, as it is asked for: "true" */
        struct str system = setting(text, "include-system-site-packages");
        ret->is_isolated = !(str_is(system, "true") || str_is(system, "True"));
    }
    if (home.len && !str_starts(ret->real, parent_of(home)))
        ret->base = parent_of(home); /* a copy of the program, not a link */
}

static void add_site(struct arena *arena, struct str path, struct python *ret)
{
    if (environment_has(arena, path, NULL))
        *vec_push(arena, &ret->sites) = path;
}

/* Of a virtual environment, or of an installation that is no distribution's. */
static void add_plain_sites(struct arena *arena, struct str prefix, struct python *ret)
{
    static const char *const libraries[] = {"lib", "lib64"};
    struct str first = {0};
    for (size_t i = 0; i < COUNT_OF(libraries); i++) {
        struct str path = str_print(arena, "%.*s/%s/python%.*s/site-packages", STR_FMT(prefix),
                                    libraries[i], STR_FMT(ret->minor));
        struct str real = environment_real(arena, path);
        if (!str_equal(real, first)) /* lib64 is a link in many */
            add_site(arena, path, ret);
        first = real;
    }
}

/* Debian keeps its own packages and those of the administrator apart. */
static void add_base_sites(struct arena *arena, struct python *ret)
{
    struct str debian = path_join(arena, ret->base, STR("lib/python3/dist-packages"));
    if (!environment_has(arena, debian, NULL)) {
        add_plain_sites(arena, ret->base, ret);
        return;
    }
    add_site(arena,
             str_print(arena, "%.*s/local/lib/python%.*s/dist-packages", STR_FMT(ret->base),
                       STR_FMT(ret->minor)),
             ret);
    add_site(arena, debian, ret);
    add_site(arena,
             str_print(arena, "%.*s/lib/python%.*s/dist-packages", STR_FMT(ret->base),
                       STR_FMT(ret->minor)),
             ret);
}

static void add_user_site(const struct scene *scene, struct python *ret)
{
    struct str base = scene_variable(scene, "PYTHONUSERBASE"), home = scene_variable(scene, "HOME");
    if (scene_variable(scene, "PYTHONNOUSERSITE").len || (!base.len && !home.len))
        return;
    if (!base.len)
        base = path_join(scene->arena, home, STR(".local"));
    add_site(scene->arena,
             str_print(scene->arena, "%.*s/lib/python%.*s/site-packages", STR_FMT(base),
                       STR_FMT(ret->minor)),
             ret);
}

static void add_paths(const struct scene *scene, struct python *ret)
{
    struct str rest = scene_variable(scene, "PYTHONPATH"), part;
    while (rest.len && str_split(&rest, ':', &part)) {
        struct str path = scene_path(scene, part);
        if (part.len && environment_has(scene->arena, path, NULL))
            *vec_push(scene->arena, &ret->paths) = path;
    }
}

void python_find(const struct scene *scene, struct str path, struct python *ret)
{
    struct arena *arena = scene->arena;
    find_prefix(arena, path, ret);
    ret->minor = minor_of(name_of(ret->real));
    if (!ret->minor.len)
        ret->minor = minor_of(ret->configured);
    if (!ret->minor.len)
        ret->minor = minor_of_library(arena, ret->base);
    ret->is_conda = environment_has(arena, path_join(arena, ret->base, STR("conda-meta")), NULL);
    add_paths(scene, ret);
    if (ret->is_venv)
        add_plain_sites(arena, ret->prefix, ret);
    if (ret->is_venv && ret->is_isolated)
        return;
    add_user_site(scene, ret);
    add_base_sites(arena, ret);
}

/* python-3.11.5-h955ad1f_0.json */
static struct str version_of_conda(struct arena *arena, struct str base)
{
    struct str_vec names = {0};
    environment_list(arena, path_join(arena, base, STR("conda-meta")), &names);
    vec_each (const struct str, name, &names) {
        struct str version = environment_version_in(*name);
        if (str_starts(*name, STR("python-")) && version.at == name->at + strlen("python-"))
            return version;
    }
    return (struct str){0};
}

/* #define PY_VERSION "3.11.2" */
static struct str version_of_header(struct arena *arena, const struct python *python)
{
    struct str path = str_print(arena, "%.*s/include/python%.*s/patchlevel.h",
                                STR_FMT(python->base), STR_FMT(python->minor));
    struct str rest = environment_read(arena, path), line;
    while (str_split(&rest, '\n', &line)) {
        ptrdiff_t quote = str_find_char(line, '"');
        if (str_starts(line, STR("#define PY_VERSION ")) && quote > 0) {
            struct str text = str_slice(line, (size_t)quote + 1, line.len);
            ptrdiff_t end = str_find_char(text, '"');
            return str_slice(text, 0, end < 0 ? text.len : (size_t)end);
        }
    }
    return (struct str){0};
}

/* Of the distribution's package, "3.11.2-6+deb12u6". */
static struct str version_of_debian(struct arena *arena, const struct python *python)
{
    struct str text = {0};
    bool found = false;
    if (!str_is(python->base, "/usr"))
        return text;
    struct error *error =
        file_read(arena, AT_FDCWD, "/var/lib/dpkg/status", DPKG_BYTES_MOST, &text, &found);
    bool is_read = !error && found;
    error_drop(error); /* another distribution */
    struct str begin = str_print(arena, "\nPackage: python%.*s-minimal\n", STR_FMT(python->minor));
    ptrdiff_t at = is_read ? str_find(text, begin) : -1;
    if (at < 0)
        return (struct str){0};
    struct str rest = str_slice(text, (size_t)at + begin.len, text.len);
    ptrdiff_t end = str_find(rest, STR("\n\n")), version = str_find(rest, STR("\nVersion: "));
    if (version < 0 || (end >= 0 && end < version))
        return (struct str){0};
    rest = str_slice(rest, (size_t)version, rest.len);
    return environment_version_in(str_slice(rest, 0, 64));
}

/* A directory above the interpreter that is named by its version: pyenv, uv, toolcaches. */
static struct str version_of_path(struct str real, struct str minor)
{
    struct str rest = real, part;
    while (str_split(&rest, '/', &part)) {
        struct str version = environment_version_in(part);
        if (version.len > minor.len && str_starts(version, minor) && version.at[minor.len] == '.')
            return version;
    }
    return (struct str){0};
}

struct str python_version(struct arena *arena, const struct python *python)
{
    struct str version = python->is_conda ? version_of_conda(arena, python->base) : STR("");
    if (!version.len && python->minor.len)
        version = version_of_header(arena, python);
    if (!version.len && python->minor.len)
        version = version_of_path(python->real, python->minor);
    if (!version.len && python->minor.len)
        version = version_of_debian(arena, python);
    if (!version.len)
        version = environment_version_in(python->configured);
    return version.len ? version : python->minor;
}

void python_packages(struct arena *arena, const struct python *python,
                     struct environment_items *ret, struct str_vec *ret_links)
{
    vec_each (const struct str, path, &python->paths)
        environment_packages_in(arena, *path, ret, NULL);
    vec_each (const struct str, site, &python->sites) {
        size_t before = ret_links->len;
        environment_packages_in(arena, *site, ret, ret_links);
        for (size_t i = before; i < ret_links->len; i++)
            environment_packages_in(arena, ret_links->at[i], ret, NULL);
    }
    if (python->is_conda && (!python->is_venv || !python->is_isolated))
        environment_conda_packages(arena, python->base, ret);
    environment_items_sort(arena, ret);
}
