#include "mlops/base/arena.h"
#include "mlops/model/checks.h"
#include "mlops/model/gate.h"
#include "mlops/model/name.h"

#include <stdlib.h>
#include <unistd.h>

#include "job_private.h"

static const char **argv_of(struct arena *arena, const struct stage *stage, bool is_dvc,
                            struct str script)
{
    const char **argv = arena_new_array(arena, const char *, 8);
    size_t count = 0;
    const char *text = str_terminate(arena, script);
    const char *user_shell = getenv("SHELL");
    if (is_dvc) { /* as DVC: the user's shell, without its start-up files */
        argv[count++] = user_shell && *user_shell ? user_shell : "/bin/sh";
        struct str name = path_name(str_of(argv[0]));
        if (str_is(name, "bash")) {
            argv[count++] = "--noprofile";
            argv[count++] = "--norc";
        } else if (str_is(name, "zsh")) {
            argv[count++] = "--no-rcs";
        }
    } else if (stage->shell.len && !str_is(stage->shell, "sh")) {
        argv[count++] = str_terminate(arena, stage->shell);
        argv[count++] = "-e";
        struct str name = path_name(stage->shell);
        if (str_is(name, "bash") || str_is(name, "zsh")) {
            argv[count++] = "-o";
            argv[count++] = "pipefail";
        }
    } else {
        argv[count++] = "/bin/sh";
        argv[count++] = "-e";
    }
    argv[count++] = "-c";
    argv[count++] = text;
    return argv;
}

VEC(script_vec, struct str);

/* The dvc dialect runs each line of a string by a shell of its own; items of a list, and all of
 * native, are whole scripts. */
static void split_scripts(struct arena *arena, const struct command *cmd, bool is_dvc,
                          struct script_vec *ret)
{
    for (size_t i = 0; i < cmd->count; i++) {
        struct str rest = cmd->items[i];
        struct str line;
        if (!is_dvc || cmd->is_list) {
            *vec_push(arena, ret) = rest;
            continue;
        }
        while (str_split(&rest, '\n', &line)) {
            if (str_trim(line).len)
                *vec_push(arena, ret) = line;
        }
    }
}

static struct str env_name(const char *setting)
{
    struct str text = str_of(setting);
    ptrdiff_t cut = str_find_char(text, '=');
    return cut < 0 ? text : str_slice(text, 0, (size_t)cut);
}

static void set(struct arena *arena, struct map *variables, struct str name, struct str value)
{
    struct str setting = str_print(arena, "%.*s=%.*s", STR_FMT(name), STR_FMT(value));
    map_put(arena, variables, name, (void *)(uintptr_t)setting.at);
}

static FALLIBLE value_of(const struct stage *stage, const struct env_var *variable, struct str *ret)
{
    *ret = variable->value;
    if (!variable->from_env.len)
        return NULL;
    AUTO(arena_drop) struct arena arena = {0};
    const char *inherited = getenv(str_terminate(&arena, variable->from_env));
    if (inherited) {
        *ret = str_of(inherited);
        return NULL;
    }
    if (variable->value.at)
        return NULL; /* its default */
    struct error *error = doc_error(
        variable->node, "stage '%.*s' takes '%.*s' from the environment, where it is not set",
        STR_FMT(stage->name), STR_FMT(variable->from_env));
    error = error_recode(error, ERROR_ANSWER); /* the pipeline is right, the surroundings are not */
    return error_hint(error, "set it: export %.*s=...", STR_FMT(variable->from_env));
}

static void set_ours(struct job *job, struct map *variables)
{
    struct arena *arena = &job->arena;
    const struct job_options *options = &job->options;
    struct session *session = options->session;
    struct str root = session->workspace.root;
    set(arena, variables, STR("MLOPS_ROOT"), root);
    set(arena, variables, STR("MLOPS_STAGE"), options->stage->name);
    set(arena, variables, STR("MLOPS_RUN"), options->run_id);
    struct str marker = options->attempt->marker;
    set(arena, variables, env_name(marker.at), options->attempt->id);
    if (options->gpus.len)
        set(arena, variables, STR("CUDA_VISIBLE_DEVICES"), options->gpus);
    if (session->pipeline->dialect == DOC_DVC) {
        set(arena, variables, STR("DVC_ROOT"), root);
        set(arena, variables, STR("DVC_STAGE"), options->stage->name);
    }
}

static FALLIBLE prepare_environment(struct job *job)
{
    struct arena *arena = &job->arena;
    const struct stage *stage = job->options.stage;
    struct map variables = {0};
    for (char **at = environ; *at; at++) {
        struct str name = env_name(*at);
        if (stage_inherits(stage, name))
            map_put(arena, &variables, name, *at);
    }
    set_ours(job, &variables);
    vec_each (struct env_var, variable, &stage->env) {
        struct str value;
        TRY(value_of(stage, variable, &value));
        set(arena, &variables, variable->name, value);
    }
    job->envp = arena_new_array(arena, const char *, variables.len + 1);
    for (size_t i = 0; i < variables.len; i++)
        job->envp[i] = variables.entries[i].value;
    return NULL;
}

/* Predictions are measured by this very program. */
static const char **argv_of_evaluating(struct job *job)
{
    struct arena *arena = &job->arena;
    struct str_vec words = {0};
    size_t count = 0;
    evaluating_arguments(arena, job->options.stage->evaluating, &words);
    const char **argv = arena_new_array(arena, const char *, words.len + 5);
    argv[count++] = "/proc/self/exe";
    argv[count++] = "-C";
    argv[count++] = str_terminate(arena, job->options.session->workspace.root);
    argv[count++] = "evaluate";
    vec_each (const struct str, word, &words)
        argv[count++] = str_terminate(arena, *word);
    return argv;
}

/* So are the tables of built-in checks. */
static const char **argv_of_measuring(struct job *job)
{
    struct arena *arena = &job->arena;
    const struct stage *stage = job->options.stage;
    const char **argv = arena_new_array(arena, const char *, 12);
    int64_t cpus = (stage->resources.cpus_milli + 999) / 1000;
    size_t count = 0;
    argv[count++] = "/proc/self/exe";
    argv[count++] = "-C";
    argv[count++] = str_terminate(arena, job->options.session->workspace.root);
    argv[count++] = "data";
    argv[count++] = "measure";
    argv[count++] = str_print(arena, "--output=%.*s", STR_FMT(stage->validation->measured)).at;
    if (cpus)
        argv[count++] = str_print(arena, "--jobs=%lld", (long long)cpus).at;
    argv[count++] = "--";
    argv[count++] = str_terminate(arena, stage->validation->measuring);
    return argv;
}

struct error *job_prepare(struct job *job)
{
    const struct stage *stage = job->options.stage;
    bool is_dvc = job->options.session->pipeline->dialect == DOC_DVC;
    struct script_vec scripts = {0};
    if (stage->validation || stage->evaluating) {
        job->commands = arena_new_array(&job->arena, const char **, 1);
        job->commands[0] = stage->validation ? argv_of_measuring(job) : argv_of_evaluating(job);
        job->command_count = 1;
        return prepare_environment(job);
    }
    split_scripts(&job->arena, &stage->cmd, is_dvc, &scripts);
    job->commands = arena_new_array(&job->arena, const char **, scripts.len);
    job->command_count = scripts.len;
    for (size_t i = 0; i < scripts.len; i++)
        job->commands[i] = argv_of(&job->arena, stage, is_dvc, scripts.at[i]);
    return prepare_environment(job);
}

struct redactor *job_redactor(struct job *job)
{
    const struct stage *stage = job->options.stage;
    struct str *secrets = arena_new_array(&job->arena, struct str, stage->env.len);
    size_t count = 0;
    vec_each (struct env_var, variable, &stage->env) {
        struct str value;
        struct error *error = value_of(stage, variable, &value);
        error_drop(error); /* job_prepare has told */
        if (!error && variable->from_env.len && !variable->is_in_key)
            secrets[count++] = value;
    }
    return redactor_open(secrets, count);
}
