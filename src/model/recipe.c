#include "mlops/model/recipe.h"

#include "mlops/base/check.h"

#include "recipe_private.h"

int recipe_dep_compare(const void *a, const void *b)
{
    const struct recipe_dep *left = a, *right = b;
    return str_compare(left->path, right->path);
}

int recipe_param_compare(const void *a, const void *b)
{
    const struct recipe_param *left = a, *right = b;
    int order = str_compare(left->file, right->file);
    return order ? order : str_compare(left->key, right->key);
}

int recipe_env_compare(const void *a, const void *b)
{
    const struct recipe_env *left = a, *right = b;
    return str_compare(left->name, right->name);
}

static bool has_cmd(const struct recipe *recipe)
{
    return recipe->cmd.is_list || recipe->cmd.count;
}

static void encode_cmd(const struct recipe *recipe, struct buf *out)
{
    const struct command *cmd = &recipe->cmd;
    check(cmd->is_list || cmd->count == 1);
    if (cmd->is_list)
        canon_list(out, cmd->count);
    for (size_t i = 0; i < cmd->count; i++)
        canon_str(out, cmd->items[i]);
}

static bool has_deps(const struct recipe *recipe)
{
    return recipe->dep_count;
}

static void encode_deps(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->dep_count);
    for (size_t i = 0; i < recipe->dep_count; i++) {
        const struct recipe_dep *dep = &recipe->deps[i];
        check(i == 0 || recipe_dep_compare(dep - 1, dep) < 0);
        canon_list(out, 4);
        canon_str(out, dep->path);
        canon_str(out, str_of(artifact_kind_name(dep->kind)));
        canon_bool(out, dep->kind == ARTIFACT_FILE && dep->is_executable);
        canon_digest(out, dep->kind == ARTIFACT_ABSENT ? (struct digest){{0}} : dep->digest);
    }
}

static bool has_env(const struct recipe *recipe)
{
    return recipe->env_count;
}

static void encode_env(const struct recipe *recipe, struct buf *out)
{
    canon_map(out, recipe->env_count);
    for (size_t i = 0; i < recipe->env_count; i++) {
        const struct recipe_env *env = &recipe->env[i];
        check(i == 0 || recipe_env_compare(env - 1, env) < 0);
        canon_str(out, env->name);
        if (env->is_secret)
            canon_null(out);
        else
            canon_str(out, env->value);
    }
}

static bool has_environment(const struct recipe *recipe)
{
    return recipe->environment.len;
}

static void encode_environment(const struct recipe *recipe, struct buf *out)
{
    canon_str(out, recipe->environment);
}

static bool has_outs(const struct recipe *recipe)
{
    return recipe->out_count;
}

static void encode_outs(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->out_count);
    for (size_t i = 0; i < recipe->out_count; i++) {
        check(i == 0 || str_compare(recipe->outs[i - 1], recipe->outs[i]) < 0);
        canon_str(out, recipe->outs[i]);
    }
}

static bool has_params(const struct recipe *recipe)
{
    return recipe->param_count;
}

static void encode_params(const struct recipe *recipe, struct buf *out)
{
    canon_list(out, recipe->param_count);
    for (size_t i = 0; i < recipe->param_count; i++) {
        const struct recipe_param *param = &recipe->params[i];
        check(i == 0 || recipe_param_compare(param - 1, param) < 0);
        canon_list(out, param->encoded.len ? 3 : 2);
        canon_str(out, param->file);
        canon_str(out, param->key);
        buf_add_str(out, param->encoded);
    }
}

static bool has_shell(const struct recipe *recipe)
{
    return recipe->shell.len;
}

static void encode_shell(const struct recipe *recipe, struct buf *out)
{
    canon_str(out, recipe->shell);
}

static bool has_wdir(const struct recipe *recipe)
{
    return recipe->wdir.len;
}

static void encode_wdir(const struct recipe *recipe, struct buf *out)
{
    canon_str(out, recipe->wdir);
}

const struct recipe_part RECIPE_PARTS[] = {
    {"cmd", has_cmd, encode_cmd, recipe_decode_cmd},
    {"deps", has_deps, encode_deps, recipe_decode_deps},
    {"env", has_env, encode_env, recipe_decode_env},
    {"environment", has_environment, encode_environment, recipe_decode_environment},
    {"outs", has_outs, encode_outs, recipe_decode_outs},
    {"params", has_params, encode_params, recipe_decode_params},
    {"shell", has_shell, encode_shell, recipe_decode_shell},
    {"wdir", has_wdir, encode_wdir, recipe_decode_wdir},
};
const size_t RECIPE_PART_COUNT = COUNT_OF(RECIPE_PARTS);

void recipe_encode(const struct recipe *recipe, struct buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < RECIPE_PART_COUNT; i++)
        count += RECIPE_PARTS[i].is_there(recipe);
    canon_str(out, RECIPE_TAG);
    canon_map(out, count);
    for (size_t i = 0; i < RECIPE_PART_COUNT; i++) {
        const struct recipe_part *part = &RECIPE_PARTS[i];
        if (!part->is_there(recipe))
            continue;
        canon_str(out, str_of(part->name));
        part->encode(recipe, out);
    }
}

struct digest recipe_key(const struct recipe *recipe)
{
    AUTO(buf_drop) struct buf bytes = {0};
    recipe_encode(recipe, &bytes);
    return digest_of(bytes.at, bytes.len);
}
