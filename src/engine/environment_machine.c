/* The machine, its tools, and lock files of a project. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/glob.h"
#include "mlops/codec/json.h"
#include "mlops/host/machine.h"
#include "mlops/host/path.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "environment_private.h"

/* The value of the first line "NAME<separator>value". */
static struct str value_of(struct str text, const char *name, char separator)
{
    struct str line;
    while (str_split(&text, '\n', &line)) {
        ptrdiff_t cut = str_find_char(line, separator);
        if (cut > 0 && str_is(str_trim(str_slice(line, 0, (size_t)cut)), name))
            return str_trim(str_slice(line, (size_t)cut + 1, line.len));
    }
    return (struct str){0};
}

static struct str os_name(struct arena *arena)
{
    struct str text = environment_read(arena, STR("/etc/os-release"));
    struct str name = value_of(text, "PRETTY_NAME", '=');
    if (name.len > 1 && (name.at[0] == '"' || name.at[0] == '\''))
        name = str_slice(name, 1, name.len - 1);
    return name.len ? name : STR("unknown");
}

static struct str cpu_name(struct arena *arena)
{
    /* of the first processor; names by the architecture: x86, POWER, s390 */
    static const char *const names[] = {"model name", "cpu", "Processor", "cpu model"};
    struct str text = environment_read_head(arena, STR("/proc/cpuinfo"));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str name = value_of(text, names[i], ':');
        if (name.len)
            return name;
    }
    return STR("");
}

void environment_machine(struct arena *arena, struct environment *ret)
{
    struct utsname system;
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    ret->os = os_name(arena);
    ret->platform = machine_platform(arena);
    ret->kernel = uname(&system) == 0 ? str_copy(arena, str_of(system.release)) : STR("");
    ret->cpu = cpu_name(arena);
    ret->cpus = cpus > 0 ? cpus : 1;
    ret->memory_bytes = pages > 0 && page_bytes > 0 ? (int64_t)pages * page_bytes : 0;
}

static void add(struct arena *arena, struct environment_items *items, const char *name,
                struct str value)
{
    if (value.len)
        *vec_push(arena, items) = (struct environment_item){str_of(name), value};
}

/* /usr/bin/x86_64-linux-gnu-gcc-12, /usr/lib/llvm-14/bin/clang; else where it lies. */
static struct str tool_version(struct str real)
{
    ptrdiff_t dash = str_find_last_char(real, '-');
    struct str version = str_slice(real, (size_t)(dash + 1), real.len);
    size_t len = 0;
    while (len < version.len && strchr("0123456789.", version.at[len]))
        len++;
    version = str_slice(version, 0, len);
    bool is_whole = len && (version.at + len == real.at + real.len || real.at[real.len - 1] != '-');
    return dash > 0 && is_whole && version.at[len - 1] != '.' ? version : real;
}

static struct str cuda_version(struct arena *arena, struct str real)
{
    ptrdiff_t bin = str_find(real, STR("/bin/nvcc"));
    struct doc *doc = NULL;
    struct str root = str_slice(real, 0, bin < 0 ? 0 : (size_t)bin);
    struct str path = path_join(arena, root, STR("version.json"));
    struct str text = environment_read(arena, path);
    struct error *error = text.len ? json_parse_lenient(arena, path, text, &doc) : NULL;
    bool is_read = text.len && !error;
    error_drop(error);
    const struct doc_node *cuda = is_read ? doc_find(doc->root, STR("cuda")) : NULL;
    const struct doc_node *version = cuda ? doc_find(cuda, STR("version")) : NULL;
    return version ? version->text : tool_version(root.len ? root : real);
}

static void add_compilers(const struct scene *scene, struct environment_items *ret)
{
    static const char *const names[] = {"cc", "gcc", "g++", "clang", "gfortran", "nvcc"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct str path = {0};
        if (!environment_find_program(scene, str_of(names[i]), &path))
            continue;
        struct str real = environment_real(scene->arena, path);
        bool is_cuda = strcmp(names[i], "nvcc") == 0;
        add(scene->arena, ret, names[i],
            is_cuda ? cuda_version(scene->arena, real) : tool_version(real));
    }
}

/* A shared library's version is in the name that its link leads to: libcuda.so.535.129.03. */
static void add_libraries(struct arena *arena, struct environment_items *ret)
{
    static const struct {
        const char *tool, *file;
    } libraries[] = {
        {"cuda driver", "libcuda.so.1"}, {"cudnn", "libcudnn.so.9"}, {"cudnn", "libcudnn.so.8"}};
    static const char *const directories[] = {"/usr/lib/x86_64-linux-gnu", "/usr/lib64",
                                              "/usr/lib/aarch64-linux-gnu", "/usr/lib/wsl/lib",
                                              "/usr/local/cuda/lib64"};
    for (size_t i = 0; i < COUNT_OF(libraries); i++) {
        for (size_t d = 0; d < COUNT_OF(directories); d++) {
            struct str path = str_print(arena, "%s/%s", directories[d], libraries[i].file);
            struct str real =
                environment_has(arena, path, NULL) ? environment_real(arena, path) : STR("");
            ptrdiff_t mark = str_find(real, STR(".so."));
            if (mark >= 0)
                add(arena, ret, libraries[i].tool,
                    str_slice(real, (size_t)mark + strlen(".so."), real.len));
        }
    }
}

static void add_gpus(struct arena *arena, struct environment_items *ret)
{
    struct str_vec names = {0};
    struct str directory = STR("/proc/driver/nvidia/gpus"), list = {0};
    environment_list(arena, directory, &names);
    vec_each (const struct str, name, &names) {
        struct str path =
            str_print(arena, "%.*s/%.*s/information", STR_FMT(directory), STR_FMT(*name));
        struct str model = value_of(environment_read(arena, path), "Model", ':');
        if (model.len)
            list =
                str_print(arena, "%.*s%s%.*s", STR_FMT(list), list.len ? ", " : "", STR_FMT(model));
    }
    add(arena, ret, "gpu", list);
}

void environment_tools(const struct scene *scene, struct environment_items *ret)
{
    struct arena *arena = scene->arena;
    struct str driver = environment_read(arena, STR("/proc/driver/nvidia/version"));
    add_compilers(scene, ret);
    add_libraries(arena, ret);
    add_gpus(arena, ret);
    add(arena, ret, "nvidia driver", environment_version_in(driver));
    environment_items_sort(arena, ret);
}

static bool is_lockfile(struct str name)
{
    static const char *const patterns[] = {
        "requirements*.txt", "constraints*.txt", "uv.lock",        "poetry.lock",
        "pdm.lock",          "Pipfile.lock",     "pylock*.toml",   "conda-lock.yml",
        "environment.yml",   "environment.yaml", "pixi.lock",      "renv.lock",
        "package-lock.json", "yarn.lock",        "pnpm-lock.yaml", "Manifest.toml",
    };
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        if (glob_match(str_of(patterns[i]), name))
            return true;
    }
    return false;
}

void environment_lockfiles(struct arena *arena, struct str root, struct str directory,
                           struct environment_items *ret)
{
    struct str_vec names = {0};
    environment_list(arena, directory, &names);
    vec_each (const struct str, name, &names) {
        struct str path = path_join(arena, directory, *name), text = {0};
        bool found = false;
        if (!is_lockfile(*name))
            continue;
        error_drop(file_read(arena, AT_FDCWD, path.at, LIMIT_LOCK_BYTES, &text, &found));
        struct str shown = path_relative(arena, root, path);
        if (found && text.at)
            *vec_push(arena, ret) =
                (struct environment_item){shown, digest_hex(arena, digest_of(text.at, text.len))};
    }
}
