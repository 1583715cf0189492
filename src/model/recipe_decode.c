#include "mlops/base/arena.h"
#include "mlops/model/recipe.h"

#include "recipe_private.h"
#include "stored_private.h"

/* The least that items of the lists can take: a dependency's list, path, kind, bit and digest; a
 * parameter's list, file and key; a variable's name and value. */
enum {
    DEP_BYTES_LEAST = 2 + 2 + 6 + 1 + 33,
    PARAM_BYTES_LEAST = 2 + 2 + 2,
    ENV_BYTES_LEAST = 2 + 1
};

static FALLIBLE decode_strs(struct arena *arena, struct canon_reader *reader, struct str **ret,
                            size_t *ret_count)
{
    size_t count = 0;
    TRY(stored_list(reader, 2, &count));
    struct str *items = arena_new_array(arena, struct str, count);
    for (size_t i = 0; i < count; i++)
        TRY(canon_read_str(reader, &items[i]));
    *ret = items;
    *ret_count = count;
    return NULL;
}

FALLIBLE recipe_decode_cmd(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    struct command *cmd = &ret->cmd;
    cmd->is_list = canon_next(reader) == CANON_LIST;
    if (cmd->is_list)
        return decode_strs(arena, reader, &cmd->items, &cmd->count);
    cmd->items = arena_new(arena, struct str);
    cmd->count = 1;
    return canon_read_str(reader, cmd->items);
}

static FALLIBLE decode_dep(struct canon_reader *reader, struct recipe_dep *ret)
{
    struct str kind = {0};
    TRY(stored_record(reader, 4));
    TRY(canon_read_str(reader, &ret->path));
    TRY(canon_read_str(reader, &kind));
    TRY(canon_read_bool(reader, &ret->is_executable));
    TRY(canon_read_digest(reader, &ret->digest));
    if (!artifact_kind_parse(kind, &ret->kind))
        return stored_damaged("a dependency of unknown kind");
    if (ret->is_executable && ret->kind != ARTIFACT_FILE)
        return stored_damaged("an executable that is no file");
    if (ret->kind == ARTIFACT_ABSENT && !digest_is_zero(ret->digest))
        return stored_damaged("an absent dependency with a digest");
    return NULL;
}

FALLIBLE recipe_decode_deps(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    TRY(stored_list(reader, DEP_BYTES_LEAST, &ret->dep_count));
    ret->deps = arena_new_array(arena, struct recipe_dep, ret->dep_count);
    for (size_t i = 0; i < ret->dep_count; i++) {
        TRY(decode_dep(reader, &ret->deps[i]));
        if (i && recipe_dep_compare(&ret->deps[i - 1], &ret->deps[i]) >= 0)
            return stored_damaged("dependencies are not in ascending order");
    }
    return NULL;
}

FALLIBLE recipe_decode_env(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    size_t count = 0;
    struct str previous = {0};
    TRY(canon_read_map(reader, &count));
    if (count > stored_left(reader) / ENV_BYTES_LEAST)
        return stored_damaged("a map of %zu items is cut off", count);
    ret->env = arena_new_array(arena, struct recipe_env, count);
    ret->env_count = count;
    for (size_t i = 0; i < count; i++) {
        struct recipe_env *env = &ret->env[i];
        TRY(canon_read_key(reader, &previous, &env->name));
        env->is_secret = canon_next(reader) == CANON_NULL;
        if (env->is_secret)
            TRY(canon_read_null(reader));
        else
            TRY(canon_read_str(reader, &env->value));
    }
    return NULL;
}

FALLIBLE recipe_decode_environment(struct arena *arena, struct canon_reader *reader,
                                   struct recipe *ret)
{
    (void)arena;
    return canon_read_str(reader, &ret->environment);
}

FALLIBLE recipe_decode_outs(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    TRY(decode_strs(arena, reader, &ret->outs, &ret->out_count));
    for (size_t i = 1; i < ret->out_count; i++)
        if (str_compare(ret->outs[i - 1], ret->outs[i]) >= 0)
            return stored_damaged("outputs are not in ascending order");
    return NULL;
}

static FALLIBLE decode_param(struct arena *arena, struct canon_reader *reader,
                             struct recipe_param *ret)
{
    size_t items = 0;
    TRY(canon_read_list(reader, &items));
    if (items != 2 && items != 3)
        return stored_damaged("a parameter of %zu items", items);
    TRY(canon_read_str(reader, &ret->file));
    TRY(canon_read_str(reader, &ret->key));
    if (items == 2)
        return NULL;
    TRY(canon_read_item(reader, &ret->encoded));
    ret->shown = recipe_show(arena, ret->encoded);
    return NULL;
}

FALLIBLE recipe_decode_params(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    TRY(stored_list(reader, PARAM_BYTES_LEAST, &ret->param_count));
    ret->params = arena_new_array(arena, struct recipe_param, ret->param_count);
    for (size_t i = 0; i < ret->param_count; i++) {
        TRY(decode_param(arena, reader, &ret->params[i]));
        if (i && recipe_param_compare(&ret->params[i - 1], &ret->params[i]) >= 0)
            return stored_damaged("parameters are not in ascending order");
    }
    return NULL;
}

FALLIBLE recipe_decode_shell(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    (void)arena;
    return canon_read_str(reader, &ret->shell);
}

FALLIBLE recipe_decode_wdir(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    (void)arena;
    return canon_read_str(reader, &ret->wdir);
}

static const struct recipe_part *find_part(struct str name)
{
    for (size_t i = 0; i < RECIPE_PART_COUNT; i++)
        if (str_is(name, RECIPE_PARTS[i].name))
            return &RECIPE_PARTS[i];
    return NULL;
}

static FALLIBLE decode_part(struct arena *arena, struct canon_reader *reader, struct str name,
                            struct recipe *ret)
{
    const struct recipe_part *part = find_part(name);
    if (!part)
        return error_new(ERROR_STORED, "unknown key '%.*s', perhaps of a newer version of mlops",
                         STR_FMT(str_slice(name, 0, 64)));
    TRY_WITHIN(part->decode(arena, reader, ret), "its %s", part->name);
    if (!part->is_there(ret))
        return stored_damaged("%s is at its default", part->name);
    return NULL;
}

static FALLIBLE decode_parts(struct arena *arena, struct canon_reader *reader, struct recipe *ret)
{
    struct recipe recipe = {0};
    size_t count = 0;
    struct str previous = {0}, name = {0};
    TRY(canon_expect_tag(reader, RECIPE_TAG));
    TRY(canon_read_map(reader, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(canon_read_key(reader, &previous, &name));
        TRY(decode_part(arena, reader, name, &recipe));
    }
    TRY(canon_expect_end(reader));
    *ret = recipe;
    return NULL;
}

FALLIBLE recipe_decode(struct arena *arena, struct str bytes, struct recipe *ret)
{
    struct canon_reader reader = canon_reader_of(bytes);
    TRY_WITHIN(decode_parts(arena, &reader, ret), "a recipe cannot be read");
    return NULL;
}
