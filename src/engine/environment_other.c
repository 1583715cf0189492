/* R's packages, and versions of interpreters that keep theirs in a header. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/path.h"

#include "environment_private.h"

/* "Version: 1.2" of a DESCRIPTION. */
static struct str described(struct str text)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        if (str_starts(line, STR("Version:")))
            return str_trim(str_slice(line, strlen("Version:"), line.len));
    }
    return (struct str){0};
}

static void add_library(struct arena *arena, struct str directory, struct environment_items *ret)
{
    struct str_vec names = {0};
    environment_list(arena, directory, &names);
    vec_each (const struct str, name, &names) {
        struct str path =
            str_print(arena, "%.*s/%.*s/DESCRIPTION", STR_FMT(directory), STR_FMT(*name));
        struct str version = described(environment_read(arena, path));
        if (version.len && ret->len < (size_t)LIMIT_PACKAGES)
            *vec_push(arena, ret) = (struct environment_item){*name, version};
    }
}

static void add_libraries(const struct scene *scene, struct str list, struct environment_items *ret)
{
    struct str part;
    while (list.len && str_split(&list, ':', &part)) {
        if (part.len)
            add_library(scene->arena, scene_path(scene, part), ret);
    }
}

/* renv/library/R-4.3/x86_64-pc-linux-gnu, since renv 1.1 with the system's name between. */
static void add_renv(const struct scene *scene, struct str directory, int depth,
                     struct environment_items *ret)
{
    struct str_vec names = {0};
    size_t before = ret->len;
    add_library(scene->arena, directory, ret);
    if (ret->len > before || depth == 0)
        return;
    environment_list(scene->arena, directory, &names);
    vec_each (const struct str, name, &names)
        add_renv(scene, path_join(scene->arena, directory, *name), depth - 1, ret);
}

void environment_of_r(const struct scene *scene, struct str real, struct environment *ret)
{
    struct arena *arena = scene->arena;
    ptrdiff_t bin = str_find(real, STR("/bin/"));
    struct str base = str_slice(real, 0, bin < 0 ? 0 : (size_t)bin);
    if (str_ends(base, STR("/lib/R")))
        base = str_slice(base, 0, base.len - strlen("/lib/R"));
    add_renv(scene, scene_path(scene, STR("renv/library")), 3, &ret->packages);
    add_libraries(scene, scene_variable(scene, "R_LIBS"), &ret->packages);
    add_libraries(scene, scene_variable(scene, "R_LIBS_USER"), &ret->packages);
    add_library(arena, path_join(arena, base, STR("local/lib/R/site-library")), &ret->packages);
    add_library(arena, path_join(arena, base, STR("lib/R/site-library")), &ret->packages);
    add_library(arena, path_join(arena, base, STR("lib/R/library")), &ret->packages);
    environment_items_sort(arena, &ret->packages);
    ret->interpreter_version = environment_item_find(&ret->packages, STR("base"));
}

/* #define NODE_MAJOR_VERSION 18 */
static struct str defined(struct str text, const char *name)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        struct str begin = STR("#define ");
        if (!str_starts(line, begin))
            continue;
        line = str_slice(line, begin.len, line.len);
        if (str_starts(line, str_of(name)))
            return str_trim(str_slice(line, strlen(name), line.len));
    }
    return (struct str){0};
}

void environment_of_other(const struct scene *scene, struct str real, struct environment *ret)
{
    struct arena *arena = scene->arena;
    ptrdiff_t bin = str_find(real, STR("/bin/"));
    struct str base = str_slice(real, 0, bin < 0 ? 0 : (size_t)bin);
    struct str path = path_join(arena, base, STR("include/node/node_version.h"));
    struct str header = str_is(ret->interpreter, "node") ? environment_read(arena, path) : STR("");
    ret->interpreter_version = environment_version_in(real);
    if (header.len)
        ret->interpreter_version =
            str_print(arena, "%.*s.%.*s.%.*s", STR_FMT(defined(header, "NODE_MAJOR_VERSION")),
                      STR_FMT(defined(header, "NODE_MINOR_VERSION")),
                      STR_FMT(defined(header, "NODE_PATCH_VERSION")));
}
