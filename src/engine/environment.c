#include "mlops/engine/environment.h"

#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/codec/canon.h"
#include "mlops/host/path.h"

#include "environment_private.h"

enum { COMMANDS_MOST = 1000 };

#define KEY_TAG STR("mlops.environment.key.1")

/* Those that say which interpreter, packages and devices a stage sees, and on which results are
 * known to depend; sorted. No others: they may be secrets. */
static const char *const variables[] = {
    "CONDA_DEFAULT_ENV",
    "CONDA_PREFIX",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "PATH",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "TZ",
    "VIRTUAL_ENV",
};

struct environment_memory {
    struct environment machine;
    struct map interpreters; /* key -> struct environment *: version, manager, packages */
    struct map others;       /* the same of other languages, by path and directory */
    struct map tools;        /* PATH -> struct environment_items * */
    struct map lockfiles;    /* directory -> struct environment_items * */
    struct map encoded;      /* bytes of the digest -> struct str * */
};

static struct environment_memory *memory_of(struct session *session)
{
    if (!session->environments) {
        session->environments = arena_new(session->arena, struct environment_memory);
        environment_machine(session->arena, &session->environments->machine);
    }
    return session->environments;
}

static bool find_interpreter(struct scene *scene, struct interpreter *ret)
{
    const struct command *cmd = &scene->stage->cmd;
    for (size_t i = 0; i < cmd->count; i++) {
        struct scene here = *scene; /* each is a script of its own */
        if (environment_read_script(&here, cmd->items[i], ret)) {
            *scene = ret->scene;
            return true;
        }
    }
    return false;
}

static void look_at_python(struct arena *arena, const struct python *python,
                           struct environment *ret, struct str_vec *ret_links)
{
    ret->interpreter_version = str_copy(arena, python_version(arena, python));
    bool is_system = str_starts(python->base, STR("/usr"));
    ret->manager = python->is_venv    ? STR("venv")
                   : python->is_conda ? STR("conda")
                   : is_system        ? STR("system")
                                      : STR("");
    python_packages(arena, python, &ret->packages, ret_links);
}

static void take_interpreter(const struct environment *known, struct environment *ret)
{
    ret->interpreter_version = known->interpreter_version;
    ret->manager = known->manager;
    ret->packages = known->packages;
}

static void add_python(struct session *session, struct scene *scene, struct environment *ret)
{
    struct arena *arena = session->arena;
    struct environment_memory *memory = memory_of(session);
    struct python python = {0};
    bool is_settled = false;
    python_find(scene, ret->interpreter_path, &python);
    struct str key = environment_python_key(scene->arena, &python, &is_settled);
    struct environment *known = map_get(&memory->interpreters, key);
    if (!known) {
        known = arena_new(arena, struct environment);
        key = str_copy(arena, key);
        if (!is_settled || !environment_recall(session, key, known)) {
            struct str_vec links = {0};
            look_at_python(arena, &python, known, &links);
            if (is_settled)
                environment_keep(session, key, &links, known);
        }
        if (is_settled)
            map_put(arena, &memory->interpreters, key, known);
    }
    take_interpreter(known, ret);
}

/* Looked at once in a session. */
static void add_other(struct session *session, const struct scene *scene, struct str real,
                      struct environment *ret)
{
    struct environment_memory *memory = memory_of(session);
    struct scene kept = *scene;
    kept.arena = session->arena;
    struct str key = str_print(scene->arena, "%.*s\n%.*s", STR_FMT(real), STR_FMT(scene->cwd));
    struct environment *known = map_get(&memory->others, key);
    if (!known) {
        known = arena_new(session->arena, struct environment);
        known->interpreter = ret->interpreter;
        real = str_copy(session->arena, real);
        if (str_is(ret->interpreter, "r"))
            environment_of_r(&kept, real, known);
        else
            environment_of_other(&kept, real, known);
        map_put(session->arena, &memory->others, str_copy(session->arena, key), known);
    }
    take_interpreter(known, ret);
}

static void add_interpreter(struct session *session, struct scene *scene, struct environment *ret)
{
    struct interpreter interpreter = {0};
    if (!find_interpreter(scene, &interpreter))
        return;
    ret->interpreter = interpreter.name;
    ret->interpreter_path = interpreter.path;
    struct str real = environment_real(scene->arena, interpreter.path);
    if (str_is(interpreter.name, "python"))
        add_python(session, scene, ret);
    else
        add_other(session, scene, real, ret);
    ret->interpreter_path = real;
}

static void add_tools(struct session *session, const struct scene *scene, struct environment *ret)
{
    struct environment_memory *memory = memory_of(session);
    struct str path = scene_variable(scene, "PATH");
    struct environment_items *known = map_get(&memory->tools, path);
    if (!known) {
        struct scene kept = *scene;
        kept.arena = session->arena;
        known = arena_new(session->arena, struct environment_items);
        environment_tools(&kept, known);
        map_put(session->arena, &memory->tools, str_copy(session->arena, path), known);
    }
    ret->tools = *known;
}

/* Of a directory once in a session: they are no outputs. */
static const struct environment_items *lockfiles_in(struct session *session, struct str directory)
{
    struct environment_memory *memory = memory_of(session);
    struct environment_items *known = map_get(&memory->lockfiles, directory);
    if (!known) {
        known = arena_new(session->arena, struct environment_items);
        directory = str_copy(session->arena, directory);
        environment_lockfiles(session->arena, session->workspace.root, directory, known);
        map_put(session->arena, &memory->lockfiles, directory, known);
    }
    return known;
}

static void add_lockfiles(struct session *session, const struct stage *stage, struct arena *arena,
                          struct environment *ret)
{
    struct str directories[] = {session->workspace.root,
                                path_join(arena, session->workspace.root, stage->wdir)};
    for (size_t i = 0; i < (stage->wdir.len ? 2 : 1); i++) {
        vec_each (const struct environment_item, item, lockfiles_in(session, directories[i]))
            *vec_push(arena, &ret->lockfiles) = *item;
    }
    environment_items_sort(arena, &ret->lockfiles);
}

static bool is_secret(const struct stage *stage, struct str name)
{
    vec_each (const struct env_var, variable, &stage->env) {
        if (str_equal(variable->name, name))
            return variable->from_env.len && !variable->is_in_key;
    }
    return false;
}

static void add_variables(const struct scene *scene, struct environment *ret)
{
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        struct str name = str_of(variables[i]), value = scene_variable_named(scene, name);
        if (value.at)
            *vec_push(scene->arena, &ret->variables) = (struct environment_item){
                name, is_secret(scene->stage, name) ? STR("(secret)") : value};
    }
}

/* What is of this stage alone lives in `scratch`, the rest in the session. */
static void environment_make(struct session *session, const struct stage *stage,
                             struct arena *scratch, struct environment *ret)
{
    int commands_left = COMMANDS_MOST;
    struct scene scene = {
        .arena = scratch,
        .stage = stage,
        .cwd = path_join(scratch, session->workspace.root, stage->wdir),
        .commands_left = &commands_left,
    };
    struct scene begun = scene;
    *ret = memory_of(session)->machine;
    add_interpreter(session, &scene, ret);
    add_tools(session, &begun, ret);
    add_lockfiles(session, stage, scratch, ret);
    add_variables(&begun, ret);
}

void environment_sites(struct session *session, const struct stage *stage, struct arena *arena,
                       struct str_vec *ret)
{
    int commands_left = COMMANDS_MOST;
    struct interpreter interpreter = {0};
    struct python python = {0};
    struct scene scene = {
        .arena = arena,
        .stage = stage,
        .cwd = path_join(arena, session->workspace.root, stage->wdir),
        .commands_left = &commands_left,
    };
    *ret = (struct str_vec){0};
    if (!find_interpreter(&scene, &interpreter) || !str_is(interpreter.name, "python"))
        return;
    python_find(&scene, interpreter.path, &python);
    *ret = python.sites;
}

FALLIBLE environment_capture(struct session *session, const struct stage *stage, struct str *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct environment made;
    struct environment_memory *memory = memory_of(session);
    environment_make(session, stage, &scratch, &made);
    environment_encode(&made, &bytes);
    struct digest digest = digest_of(bytes.at, bytes.len);
    struct str name = {(const char *)digest.at, sizeof digest.at};
    struct str *known = map_get(&memory->encoded, name);
    if (!known) {
        known = arena_new(session->arena, struct str);
        *known = str_copy(session->arena, buf_str(&bytes));
        map_put(session->arena, &memory->encoded, str_copy(session->arena, name), known);
    }
    *ret = *known;
    return NULL;
}

FALLIBLE environment_fingerprint(struct session *session, const struct stage *stage,
                                 struct str *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(buf_drop) struct buf bytes = {0};
    struct environment made;
    struct buf out = buf_in(session->arena);
    environment_make(session, stage, &scratch, &made);
    environment_key(&made, &bytes);
    canon_str(&out, KEY_TAG);
    canon_digest(&out, digest_of(bytes.at, bytes.len));
    *ret = buf_str(&out);
    return NULL;
}
