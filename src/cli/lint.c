#include "mlops/cli/lint.h"

#include "mlops/base/arena.h"
#include "mlops/codec/glob.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>

struct linter {
    struct arena *arena;
    const struct workspace *workspace;
    const struct plan *plan;
    struct lint_vec *warnings;
};

static void warn(struct linter *linter, const struct stage *stage, const struct doc_node *node,
                 const char *rule, struct str text)
{
    *vec_push(linter->arena, linter->warnings) = (struct lint_warning){
        .line = node ? node->line : 0,
        .column = node ? node->column : 0,
        .rule = rule,
        .stage = stage->name,
        .text = text,
    };
}

static const struct doc_node *key_node(const struct stage *stage, const char *key)
{
    const struct doc_node *node = stage->node ? doc_find(stage->node, str_of(key)) : NULL;
    return node ? node : stage->node;
}

/* A verdict that nobody waits for stops nothing. */
static FALLIBLE lint_unfollowed(struct linter *linter, const struct stage *stage)
{
    if (stage->kind == STAGE_VALIDATE && linter->plan->stages[stage->index].user_count == 0)
        warn(linter, stage, key_node(stage, "kind"), "unfollowed-validate",
             str_print(linter->arena,
                       "no stage waits for the verdict of '%.*s': none uses what it guards (see "
                       "'guards')",
                       STR_FMT(stage->name)));
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

static FALLIBLE lint_secrets(struct linter *linter, const struct stage *stage)
{
    vec_each (const struct env_var, variable, &stage->env) {
        bool is_plain = variable->from_env.len == 0 && variable->value.len;
        if (is_plain && names_secret(linter->arena, variable->name))
            warn(linter, stage, variable->node, "plain-secret",
                 str_print(linter->arena,
                           "%.*s looks like a secret, and its value would be recorded: write "
                           "{from_env: %.*s}",
                           STR_FMT(variable->name), STR_FMT(variable->name)));
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

static FALLIBLE lint_word(struct linter *linter, const struct stage *stage, struct str word,
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
        warn(linter, stage, key_node(stage, "cmd"), "undeclared-file",
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
static FALLIBLE lint_command(struct linter *linter, const struct stage *stage)
{
    struct map seen = {0};
    for (size_t i = 0; i < stage->cmd.count; i++) {
        struct str text = stage->cmd.items[i];
        size_t from = 0;
        for (size_t at = 0; at <= text.len; at++) {
            if (at < text.len && !is_word_end(text.at[at]))
                continue;
            if (at > from && text.at[from] != '-')
                TRY(lint_word(linter, stage, str_slice(text, from, at), &seen));
            from = at + 1;
        }
    }
    return NULL;
}

static FALLIBLE lint_missing(struct linter *linter, const struct stage *stage)
{
    vec_each (const struct dependency, dep, &stage->deps) {
        struct file_stat stat;
        bool is_found = true;
        if (dep->is_glob || dep->is_url || plan_touches_output(linter->plan, dep->path))
            continue;
        TRY(file_stat_at(fd_number(linter->workspace->root_fd),
                         str_terminate(linter->arena, dep->path), true, &stat, &is_found));
        if (!is_found)
            warn(linter, stage, dep->node, "missing-dep",
                 str_print(linter->arena, "'%.*s' is not there, and no stage makes it",
                           STR_FMT(dep->path)));
    }
    return NULL;
}

struct lint_rule {
    FALLIBLE (*look)(struct linter *linter, const struct stage *stage);
};

static const struct lint_rule rules[] = {
    {lint_unfollowed},
    {lint_secrets},
    {lint_command},
    {lint_missing},
};

static int compare_places(const void *a, const void *b)
{
    const struct lint_warning *left = a;
    const struct lint_warning *right = b;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->column != right->column)
        return left->column < right->column ? -1 : 1;
    int by_rule = strcmp(left->rule, right->rule);
    return by_rule ? by_rule : str_compare(left->text, right->text);
}

FALLIBLE lint_pipeline(struct arena *arena, const struct workspace *workspace,
                       const struct plan *plan, struct lint_vec *ret)
{
    struct linter linter = {arena, workspace, plan, ret};
    vec_each (const struct stage, stage, &plan->pipeline->stages) {
        for (size_t i = 0; i < COUNT_OF(rules); i++)
            TRY(rules[i].look(&linter, stage));
    }
    vec_sort(ret, compare_places);
    return NULL;
}
