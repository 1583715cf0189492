#include "laws.h"

static struct recipe *copied(const struct recipe *from)
{
    struct recipe *copy = arena_new(&arena, struct recipe);
    *copy = *from;
    copy->cmd.items = arena_new_array(&arena, struct str, 4);
    copy->deps = arena_new_array(&arena, struct recipe_dep, 6);
    copy->params = arena_new_array(&arena, struct recipe_param, 6);
    copy->env = arena_new_array(&arena, struct recipe_env, 6);
    copy->outs = arena_new_array(&arena, struct str, 6);
    memcpy(copy->cmd.items, from->cmd.items, from->cmd.count * sizeof *from->cmd.items);
    memcpy(copy->deps, from->deps, from->dep_count * sizeof *from->deps);
    memcpy(copy->params, from->params, from->param_count * sizeof *from->params);
    memcpy(copy->env, from->env, from->env_count * sizeof *from->env);
    memcpy(copy->outs, from->outs, from->out_count * sizeof *from->outs);
    return copy;
}

static struct str changed(struct str text)
{
    return str_print(&arena, "%.*s%s", STR_FMT(text), "\x7F");
}

static bool mutate_command(struct recipe *recipe, size_t what)
{
    struct command *cmd = &recipe->cmd;
    if (what == 0 && cmd->count == 1)
        cmd->is_list = !cmd->is_list;
    else if (what == 1 && cmd->count)
        cmd->items[0] = changed(cmd->items[0]);
    else if (what == 2 && cmd->is_list)
        cmd->items[cmd->count++] = STR("");
    else
        return false;
    return true;
}

static bool mutate_dep(struct recipe *recipe, size_t what)
{
    struct recipe_dep *last = recipe->dep_count ? &recipe->deps[recipe->dep_count - 1] : NULL;
    if (what == 0)
        recipe->deps[recipe->dep_count++] = any_dep(STR("\x7F"));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->dep_count--;
    else if (what == 2)
        last->path = changed(last->path);
    else if (what == 3 && last->kind == ARTIFACT_FILE)
        last->is_executable = !last->is_executable;
    else if (what == 4 && last->kind != ARTIFACT_ABSENT)
        last->digest.at[below(32)] ^= 1;
    else if (what == 5 && last->kind != ARTIFACT_ABSENT && !last->is_executable)
        last->kind = last->kind == ARTIFACT_FILE ? ARTIFACT_TREE : ARTIFACT_FILE;
    else
        return false;
    return true;
}

static bool mutate_param(struct recipe *recipe, size_t what)
{
    struct recipe_param *last =
        recipe->param_count ? &recipe->params[recipe->param_count - 1] : NULL;
    if (what == 0)
        recipe->params[recipe->param_count++] = any_param(STR("\x7F"), STR(""));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->param_count--;
    else if (what == 2)
        last->key = changed(last->key);
    else if (what == 3 && last->encoded.len)
        last->encoded = (struct str){0};
    else if (what == 4) {
        struct str value = any_value();
        if (str_equal(value, last->encoded))
            return false;
        last->encoded = value;
        last->shown = recipe_show(&arena, value);
    } else
        return false;
    return true;
}

static bool mutate_env(struct recipe *recipe, size_t what)
{
    struct recipe_env *last = recipe->env_count ? &recipe->env[recipe->env_count - 1] : NULL;
    if (what == 0)
        recipe->env[recipe->env_count++] = any_env(STR("\x7F"));
    else if (!last)
        return false;
    else if (what == 1)
        recipe->env_count--;
    else if (what == 2)
        last->name = changed(last->name);
    else if (what == 3)
        last->is_secret = !last->is_secret;
    else if (what == 4 && !last->is_secret)
        last->value = changed(last->value);
    else
        return false;
    return true;
}

static bool mutate_text(struct recipe *recipe, size_t what)
{
    if (what == 0)
        recipe->wdir = changed(recipe->wdir);
    else if (what == 1)
        recipe->shell = changed(recipe->shell);
    else if (what == 2)
        recipe->environment = changed(recipe->environment);
    else if (what == 3)
        recipe->outs[recipe->out_count++] = STR("\x7F");
    else if (what == 4 && recipe->out_count)
        recipe->out_count--;
    else if (what == 5 && recipe->out_count)
        recipe->outs[recipe->out_count - 1] = changed(recipe->outs[recipe->out_count - 1]);
    else
        return false;
    return true;
}

/* Changes one thing that counts. */
static struct recipe *mutated(const struct recipe *from)
{
    static bool (*const mutations[])(struct recipe *, size_t) = {
        mutate_command, mutate_dep, mutate_param, mutate_env, mutate_text,
    };
    struct recipe *copy = copied(from);
    while (!mutations[below(COUNT_OF(mutations))](copy, below(6)))
        continue;
    return copy;
}

static struct reason_vec reasons_between(const struct recipe *before, const struct recipe *after)
{
    struct reason_vec reasons = {0};
    recipe_diff(&arena, before, after, &reasons);
    return reasons;
}

static void a_single_change_of_a_recipe_changes_its_bytes_and_has_reasons(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *one = any_recipe(), *other = mutated(one);
        LAW(!str_equal(encoded(one), encoded(other)));
        struct reason_vec reasons = reasons_between(one, other);
        LAW(reasons.len > 0); /* a renaming has two, a section one for each key */
        for (size_t i = 0; i < reasons.len; i++)
            LAW(!str_equal(reasons.at[i].before, reasons.at[i].after));
    }
}

static void recipes_have_equal_bytes_if_and_only_if_nothing_differs(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *one = any_recipe();
        struct recipe *other = below(2) ? copied(one) : any_recipe();
        struct reason_vec forth = reasons_between(one, other), back = reasons_between(other, one);
        LAW(str_equal(encoded(one), encoded(other)) == (forth.len == 0));
        LAW(is_mirror(&forth, &back));
        LAW(reasons_between(one, one).len == 0);
    }
}

static void a_recipe_reads_back_to_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct recipe *recipe = any_recipe(), back;
        struct error *error = recipe_decode(&arena, encoded(recipe), &back);
        LAW(!error);
        LAW(str_equal(encoded(recipe), encoded(&back)));
        LAW(reasons_between(recipe, &back).len == 0);
    }
}

static void a_tree_reads_back_as_it_was_written(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        start_round(round);
        struct tree tree = {arena_new_array(&arena, struct tree_entry, 20), below(20)}, back;
        for (size_t i = 0; i < tree.count; i++) {
            enum tree_kind kind = (enum tree_kind)below(4);
            int64_t files = kind == TREE_DIRECTORY ? (int64_t)below(100) : 1;
            tree.entries[i] = (struct tree_entry){str_print(&arena, "%02zu%s", i, "\xFF\n"), kind,
                                                  (int64_t)(draw() >> 1), files, any_digest()};
        }
        struct buf bytes = buf_in(&arena), again = buf_in(&arena);
        tree_encode(&tree, &bytes);
        struct error *error = tree_decode(&arena, buf_str(&bytes), &back);
        LAW(!error);
        tree_encode(&back, &again);
        LAW(str_equal(buf_str(&bytes), buf_str(&again)));
        LAW(back.count == tree.count);
        for (size_t i = 0; i < tree.count; i++)
            LAW(back.entries[i].file_count == tree.entries[i].file_count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_change_of_a_recipe_changes_its_bytes_and_has_reasons),
        cmocka_unit_test(recipes_have_equal_bytes_if_and_only_if_nothing_differs),
        cmocka_unit_test(a_recipe_reads_back_to_the_same_bytes),
        cmocka_unit_test(a_tree_reads_back_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
