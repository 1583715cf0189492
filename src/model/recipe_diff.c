#include "mlops/base/arena.h"
#include "mlops/model/recipe.h"

#include "join_private.h"
#include "recipe_private.h"

enum { SHORT_HEX_LEN = 8 };

/* What a present but empty text looks like; an empty text means absent. */
static struct str visible(struct str text)
{
    return text.len ? text : STR("''");
}

static void add(struct arena *arena, enum reason_part part, struct str what, struct str before,
                struct str after, struct reason_vec *ret)
{
    *vec_push(arena, ret) = (struct reason){part, what, before, after};
}

/* A command's whole text; a list like one in YAML, so that it differs from the same lines in one
 * string. */
static struct str cmd_text(struct arena *arena, const struct command *cmd)
{
    if (!cmd->is_list)
        return cmd->count ? visible(cmd->items[0]) : STR("");
    struct buf text = buf_in(arena);
    for (size_t i = 0; i < cmd->count; i++) {
        buf_add_text(&text, i ? "\n- " : "- ");
        buf_add_str(&text, cmd->items[i]);
    }
    return cmd->count ? buf_str(&text) : STR("[]");
}

static bool cmd_equal(const struct command *a, const struct command *b)
{
    if (a->is_list != b->is_list || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!str_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static void diff_cmd(struct arena *arena, const struct recipe *before, const struct recipe *after,
                     struct reason_vec *ret)
{
    if (cmd_equal(&before->cmd, &after->cmd))
        return;
    struct str text_before = {0}, text_after = {0};
    recipe_clip_pair(arena, cmd_text(arena, &before->cmd), cmd_text(arena, &after->cmd),
                     &text_before, &text_after);
    add(arena, REASON_CMD, STR("cmd"), text_before, text_after, ret);
}

static void diff_text(struct arena *arena, enum reason_part part, struct str initial,
                      struct str before, struct str after, struct reason_vec *ret)
{
    if (str_equal(before, after))
        return;
    struct str text_before = {0}, text_after = {0};
    recipe_clip_pair(arena, before.len ? before : initial, after.len ? after : initial,
                     &text_before, &text_after);
    add(arena, part, str_of(reason_part_name(part)), text_before, text_after, ret);
}

static bool dep_equal(const struct recipe_dep *a, const struct recipe_dep *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == ARTIFACT_ABSENT)
        return true;
    bool differs_in_bit = a->kind == ARTIFACT_FILE && a->is_executable != b->is_executable;
    return !differs_in_bit && digest_equal(a->digest, b->digest);
}

/* A digest, as much of it as tells it from the other's, and what else differs. */
static struct str dep_text(struct arena *arena, const struct recipe_dep *dep,
                           const struct recipe_dep *other)
{
    char hex[DIGEST_HEX_LEN + 1];
    if (dep->kind == ARTIFACT_ABSENT)
        return STR("missing");
    int len = SHORT_HEX_LEN;
    const char *words = "";
    if (other) {
        bool is_same = digest_equal(dep->digest, other->digest);
        if (!is_same && !memcmp(dep->digest.at, other->digest.at, SHORT_HEX_LEN / 2))
            len = DIGEST_HEX_LEN;
        if (dep->kind == ARTIFACT_TREE && other->kind == ARTIFACT_FILE)
            words = " directory";
        if (dep->kind == ARTIFACT_FILE && dep->is_executable && !other->is_executable)
            words = " executable";
    }
    digest_print(dep->digest, hex);
    return str_print(arena, "%.*s%s", len, hex, words);
}

static void diff_deps(struct arena *arena, const struct recipe *before, const struct recipe *after,
                      struct reason_vec *ret)
{
    struct join join = {before->deps,     after->deps,         before->dep_count,
                        after->dep_count, sizeof *after->deps, recipe_dep_compare};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct recipe_dep *old = from, *new = to;
        if (old && new &&dep_equal(old, new))
            continue;
        add(arena, REASON_DEP, old ? old->path : new->path,
            old ? dep_text(arena, old, new) : STR(""), new ? dep_text(arena, new, old) : STR(""),
            ret);
    }
}

static struct str param_text(const struct recipe_param *param)
{
    if (!param)
        return STR("");
    return param->encoded.len ? visible(param->shown) : STR("(no value)");
}

void recipe_param_texts(struct arena *arena, const struct recipe_param *before,
                        const struct recipe_param *after, struct str *ret_before,
                        struct str *ret_after)
{
    *ret_before = param_text(before);
    *ret_after = param_text(after);
    if (!before || !after || !str_equal(*ret_before, *ret_after) ||
        str_equal(before->encoded, after->encoded))
        return;
    struct buf json_before = buf_in(arena), json_after = buf_in(arena);
    recipe_show_json(before->encoded, SIZE_MAX, &json_before);
    recipe_show_json(after->encoded, SIZE_MAX, &json_after);
    recipe_clip_pair(arena, buf_str(&json_before), buf_str(&json_after), ret_before, ret_after);
}

static struct str param_name(struct arena *arena, const struct recipe_param *param)
{
    if (!param->key.len)
        return param->file;
    return str_print(arena, "%.*s:%.*s", STR_FMT(param->file), STR_FMT(param->key));
}

static void diff_param_lists(struct arena *arena, const struct recipe_param *before,
                             size_t before_count, const struct recipe_param *after,
                             size_t after_count, struct reason_vec *ret);

/* A section or a whole file that changed: key by key. */
static void diff_sections(struct arena *arena, const struct recipe_param *before,
                          const struct recipe_param *after, struct reason_vec *ret)
{
    struct recipe_param *old_params = NULL, *new_params = NULL;
    size_t old_count = 0, new_count = 0;
    recipe_flatten(arena, before, 1, &old_params, &old_count);
    recipe_flatten(arena, after, 1, &new_params, &new_count);
    diff_param_lists(arena, old_params, old_count, new_params, new_count, ret);
}

static void diff_param(struct arena *arena, const struct recipe_param *before,
                       const struct recipe_param *after, struct reason_vec *ret)
{
    size_t told = ret->len;
    if (before && after && recipe_is_section(before) && recipe_is_section(after))
        diff_sections(arena, before, after, ret);
    if (ret->len > told) /* else {a: {b: 1}} became {a.b: 1} */
        return;
    struct reason reason = {.part = REASON_PARAM,
                            .what = param_name(arena, before ? before : after)};
    recipe_param_texts(arena, before, after, &reason.before, &reason.after);
    *vec_push(arena, ret) = reason;
}

/* Goes down once: what is flat holds no sections. */
static void diff_param_lists(struct arena *arena, const struct recipe_param *before,
                             size_t before_count, const struct recipe_param *after,
                             size_t after_count, struct reason_vec *ret)
{
    struct join join = {before,      after,          before_count,
                        after_count, sizeof *before, recipe_param_compare};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct recipe_param *old = from, *new = to;
        if (old && new &&str_equal(old->encoded, new->encoded))
            continue;
        diff_param(arena, old, new, ret);
    }
}

static struct str env_text(const struct recipe_env *env)
{
    if (!env)
        return STR("");
    return env->is_secret ? STR("(secret)") : visible(env->value);
}

static void diff_env(struct arena *arena, const struct recipe *before, const struct recipe *after,
                     struct reason_vec *ret)
{
    struct join join = {before->env,      after->env,         before->env_count,
                        after->env_count, sizeof *after->env, recipe_env_compare};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct recipe_env *old = from, *new = to;
        if (old && new && old->is_secret == new->is_secret &&
            (old->is_secret || str_equal(old->value, new->value)))
            continue;
        struct reason reason = {.part = REASON_ENV, .what = old ? old->name : new->name};
        recipe_clip_pair(arena, env_text(old), env_text(new), &reason.before, &reason.after);
        *vec_push(arena, ret) = reason;
    }
}

static void diff_outs(struct arena *arena, const struct recipe *before, const struct recipe *after,
                      struct reason_vec *ret)
{
    struct join join = {before->outs,     after->outs,         before->out_count,
                        after->out_count, sizeof *after->outs, str_compare_items};
    const void *from = NULL, *to = NULL;
    while (join_next(&join, &from, &to)) {
        const struct str *old = from, *new = to;
        if (old && new)
            continue;
        add(arena, REASON_OUT, old ? *old : *new, old ? *old : STR(""), new ? *new : STR(""), ret);
    }
}

static struct str environment_text(struct arena *arena, struct str environment)
{
    if (!environment.len)
        return STR("");
    struct str hex = digest_hex(arena, digest_of(environment.at, environment.len));
    return str_slice(hex, 0, SHORT_HEX_LEN);
}

static void diff_environment(struct arena *arena, const struct recipe *before,
                             const struct recipe *after, struct reason_vec *ret)
{
    if (str_equal(before->environment, after->environment))
        return;
    add(arena, REASON_ENVIRONMENT, STR("environment"), environment_text(arena, before->environment),
        environment_text(arena, after->environment), ret);
}

void recipe_diff(struct arena *arena, const struct recipe *before, const struct recipe *after,
                 struct reason_vec *ret)
{
    diff_cmd(arena, before, after, ret);
    diff_text(arena, REASON_WDIR, STR("."), before->wdir, after->wdir, ret);
    diff_text(arena, REASON_SHELL, STR("the default"), before->shell, after->shell, ret);
    diff_deps(arena, before, after, ret);
    diff_param_lists(arena, before->params, before->param_count, after->params, after->param_count,
                     ret);
    diff_env(arena, before, after, ret);
    diff_outs(arena, before, after, ret);
    diff_environment(arena, before, after, ret);
}
