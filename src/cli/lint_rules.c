#include "mlops/base/arena.h"
#include "mlops/codec/glob.h"
#include "mlops/host/file.h"
#include "mlops/model/gate.h"
#include "mlops/model/name.h"
#include "mlops/store/pointers.h"
#include "mlops/store/worktree.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lint_private.h"

static const struct doc_node *key_node(const struct stage *stage, const char *key)
{
    const struct doc_node *node = stage->node ? doc_find(stage->node, str_of(key)) : NULL;
    return node ? node : stage->node;
}

/* A verdict that nobody waits for stops nothing. */
static FALLIBLE look_at_verdict(struct linter *linter, const struct stage *stage)
{
    if (stage->kind == STAGE_VALIDATE && linter->plan->stages[stage->index].user_count == 0)
        lint_warn(
            linter, stage, key_node(stage, "kind"), "unfollowed-validate",
            str_print(linter->arena,
                      "no stage waits for the verdict of '%.*s': none uses what it guards (see "
                      "'guards')",
                      STR_FMT(stage->name)));
    return NULL;
}

/* A fresh clone has no earlier run to compare with. */
static FALLIBLE look_at_gates(struct linter *linter, const struct stage *stage)
{
    if (!stage->gates)
        return NULL;
    vec_each (const struct gate, gate, stage->gates) {
        if (gate->max_drop.is_given && !gate->baseline.len)
            lint_warn(linter, stage, gate->node, "unnamed-baseline",
                      str_print(linter->arena,
                                "gate '%.*s' compares with the last run that passed here; a fresh "
                                "clone (CI) has none, so name a 'baseline' such as main",
                                STR_FMT(gate->metric)));
    }
    return NULL;
}

static const char *const secret_words[] = {"TOKEN",   "SECRET",     "PASSWORD",
                                           "PASSWD",  "CREDENTIAL", "PRIVATE_KEY",
                                           "API_KEY", "APIKEY",     "ACCESS_KEY"};

static bool names_secret(struct arena *arena, struct str name)
{
    struct str upper = str_copy(arena, name);
    char *at = arena_copy(arena, upper.at, upper.len);
    for (size_t i = 0; i < upper.len; i++)
        at[i] = (char)toupper((unsigned char)at[i]);
    for (size_t i = 0; i < COUNT_OF(secret_words); i++) {
        if (str_find((struct str){at, upper.len}, str_of(secret_words[i])) >= 0)
            return true;
    }
    return false;
}

static FALLIBLE look_at_env(struct linter *linter, const struct stage *stage)
{
    vec_each (const struct env_var, variable, &stage->env) {
        bool is_plain = variable->from_env.len == 0 && variable->value.len;
        if (is_plain && names_secret(linter->arena, variable->name))
            lint_warn(linter, stage, variable->node, "plain-secret",
                      str_print(linter->arena,
                                "%.*s looks like a secret, and its value would be recorded: write "
                                "{from_env: %.*s}",
                                STR_FMT(variable->name), STR_FMT(variable->name)));
        bool is_needed = variable->from_env.len && !variable->value.at;
        if (is_needed && !getenv(str_terminate(linter->arena, variable->from_env)))
            lint_warn(linter, stage, variable->node, "unset-variable",
                      str_print(linter->arena,
                                "%.*s is not set in this environment: '%.*s' could not start here",
                                STR_FMT(variable->from_env), STR_FMT(stage->name)));
    }
    return NULL;
}

static FALLIBLE is_project_file(struct linter *linter, struct str path, bool *ret)
{
    struct file_stat stat = {0};
    bool is_found = false;
    *ret = false;
    if (path.len == 0 || path.at[0] == '/' || path_fault(path))
        return NULL;
    TRY(file_stat_at(fd_number(linter->workspace->root_fd), str_terminate(linter->arena, path),
                     true, &stat, &is_found));
    *ret = is_found && S_ISREG(stat.mode);
    return NULL;
}

/* Declared in any way: as (part of) a dependency, a parameter file or an output. */
static bool is_declared(const struct stage *stage, struct str path)
{
    vec_each (const struct dependency, dep, &stage->deps) {
        if (dep->is_glob ? glob_match(dep->path, path) : path_is_within(path, dep->path))
            return true;
    }
    vec_each (const struct param_ref, param, &stage->params) {
        if (str_equal(param->file, path))
            return true;
    }
    vec_each (const struct output, out, &stage->outs) {
        if (path_is_within(path, out->path))
            return true;
    }
    return false;
}

static FALLIBLE look_at_word(struct linter *linter, const struct stage *stage, struct str word,
                             struct map *seen)
{
    struct str path;
    bool is_file = false;
    if (!path_resolve(linter->arena, stage->wdir, word, &path) || map_has(seen, path))
        return NULL;
    map_put(linter->arena, seen, path, linter);
    if (is_declared(stage, path) || str_equal(path, linter->plan->pipeline->path))
        return NULL;
    TRY(is_project_file(linter, path, &is_file));
    if (is_file)
        lint_warn(linter, stage, key_node(stage, "cmd"), "undeclared-file",
                  str_print(linter->arena,
                            "the command names '%.*s', which is no dep: changing it will not run "
                            "'%.*s' again",
                            STR_FMT(path), STR_FMT(stage->name)));
    return NULL;
}

static bool is_word_end(char c)
{
    return isspace((unsigned char)c) || strchr("\"'`;|&<>(){}$=,:", c) != NULL;
}

/* Words as a shell would roughly see them; `--config=a.yaml` and `a=b` give both sides. */
static FALLIBLE look_at_command(struct linter *linter, const struct stage *stage)
{
    struct map seen = {0};
    for (size_t i = 0; i < stage->cmd.count; i++) {
        struct str text = stage->cmd.items[i];
        size_t from = 0;
        for (size_t at = 0; at <= text.len; at++) {
            if (at < text.len && !is_word_end(text.at[at]))
                continue;
            if (at > from && text.at[from] != '-')
                TRY(look_at_word(linter, stage, str_slice(text, from, at), &seen));
            from = at + 1;
        }
    }
    return NULL;
}

bool lint_is_tracked(const struct pipeline *pipeline, struct str path)
{
    for (struct str at = path; at.len; at = path_directory(at)) {
        if (map_has(&pipeline->pointed, at))
            return true;
    }
    return false;
}

static FALLIBLE look_at_pattern(struct linter *linter, const struct stage *stage,
                                const struct dependency *dep)
{
    struct str *paths = NULL;
    size_t count = 0;
    const struct plan_stage *planned = &linter->plan->stages[stage->index];
    for (size_t i = 0; i < planned->need_count; i++) {
        vec_each (const struct output, out,
                  &linter->plan->pipeline->stages.at[planned->needs[i].stage].outs) {
            if (glob_match(dep->path, out->path) || glob_may_match_below(dep->path, out->path))
                return NULL;
        }
    }
    TRY(worktree_glob(linter->worktree, linter->arena, dep->path, &paths, &count));
    if (count == 0)
        lint_warn(linter, stage, dep->node, "missing-dep",
                  str_print(linter->arena, "no file matches '%.*s', and no stage makes one",
                            STR_FMT(dep->written)));
    return NULL;
}

static FALLIBLE look_at_deps(struct linter *linter, const struct stage *stage)
{
    vec_each (const struct dependency, dep, &stage->deps) {
        struct file_stat stat;
        struct pointer *pointer = NULL;
        bool is_found = true;
        if (dep->is_glob)
            TRY(look_at_pattern(linter, stage, dep));
        if (dep->is_glob || dep->is_url || plan_touches_output(linter->plan, dep->path) ||
            lint_is_tracked(linter->plan->pipeline, dep->path))
            continue;
        TRY(file_stat_at(fd_number(linter->workspace->root_fd),
                         str_terminate(linter->arena, dep->path), true, &stat, &is_found));
        if (!is_found)
            TRY(pointers_find(linter->arena, linter->workspace, dep->path, &pointer));
        if (!is_found && !pointer)
            lint_warn(linter, stage, dep->node, "missing-dep",
                      str_print(linter->arena, "'%.*s' is not there, and no stage makes it",
                                STR_FMT(dep->path)));
    }
    return NULL;
}

static FALLIBLE look_at_outs(struct linter *linter, const struct stage *stage)
{
    vec_each (const struct output, out, &stage->outs) {
        struct pointer *pointer = NULL;
        TRY(pointers_find(linter->arena, linter->workspace, out->path, &pointer));
        if (pointer)
            lint_warn(linter, stage, out->node, "tracked-output",
                      str_print(linter->arena,
                                "'%.*s' is tracked by %.*s, too: the stage can't run (mlops remove "
                                "%.*s)",
                                STR_FMT(out->path), STR_FMT(pointer->file),
                                STR_FMT(pointer->artifact.path)));
    }
    return NULL;
}

const lint_rule lint_rules[] = {
    look_at_verdict, look_at_gates, look_at_env,         look_at_command,
    look_at_deps,    look_at_outs,  lint_look_at_params,
};
const size_t lint_rule_count = COUNT_OF(lint_rules);
