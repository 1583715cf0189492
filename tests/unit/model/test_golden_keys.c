/* Keys are a contract with every cache there is: these never change. They were computed by
 * tests/support/golden_keys.py from docs/formats.md, not by this program. */
#include "mlops/base/arena.h"
#include "mlops/model/recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static struct digest content(const char *text)
{
    return digest_of(text, strlen(text));
}

static struct recipe text_command(const char *text)
{
    struct str *item = arena_new(&arena, struct str);
    *item = str_copy(&arena, str_of(text));
    return (struct recipe){.cmd = {.items = item, .count = 1}};
}

static struct recipe empty(void)
{
    return (struct recipe){0};
}

static struct recipe text(void)
{
    return text_command("true");
}

static struct recipe empty_text(void)
{
    return text_command("");
}

static struct recipe list(void)
{
    struct recipe recipe = text_command("true");
    recipe.cmd.is_list = true;
    return recipe;
}

static struct recipe empty_list(void)
{
    return (struct recipe){.cmd = {.is_list = true}};
}

static struct recipe with_deps(const struct recipe_dep *deps, size_t count)
{
    struct recipe recipe = text();
    recipe.deps = arena_new_array(&arena, struct recipe_dep, count);
    memcpy(recipe.deps, deps, count * sizeof *deps);
    recipe.dep_count = count;
    return recipe;
}

static struct recipe file(void)
{
    struct recipe_dep deps[] = {{.path = STR("data/raw.csv"),
                                 .kind = ARTIFACT_FILE,
                                 .digest = content("a,b\n"),
                                 .size_bytes = 4}};
    return with_deps(deps, COUNT_OF(deps));
}

static struct recipe executable(void)
{
    struct recipe_dep deps[] = {{.path = STR("run.sh"),
                                 .kind = ARTIFACT_FILE,
                                 .is_executable = true,
                                 .digest = content("exit 0\n")}};
    return with_deps(deps, COUNT_OF(deps));
}

static struct recipe tree_and_absent(void)
{
    struct recipe_dep deps[] = {
        {.path = STR("data"),
         .kind = ARTIFACT_TREE,
         .is_executable = true, /* means nothing of a tree */
         .digest = content("tree")},
        {.path = STR("gone"), .kind = ARTIFACT_ABSENT, .digest = content("means nothing either")},
    };
    return with_deps(deps, COUNT_OF(deps));
}

static void add_param(struct recipe *recipe, const char *file_name, const char *key,
                      struct str encoded)
{
    recipe->params[recipe->param_count++] =
        (struct recipe_param){str_of(file_name), str_of(key), encoded, STR("shown")};
}

static struct str real(double value)
{
    struct buf out = buf_in(&arena);
    canon_real(&out, value);
    return buf_str(&out);
}

static struct recipe numbers(void)
{
    struct recipe recipe = text();
    struct buf big = buf_in(&arena), integer = buf_in(&arena);
    recipe.params = arena_new_array(&arena, struct recipe_param, 7);
    canon_bigint(&big, STR("18446744073709551616"));
    canon_int(&integer, -3);
    add_param(&recipe, "params.yaml", "big", buf_str(&big));
    add_param(&recipe, "params.yaml", "int", buf_str(&integer));
    add_param(&recipe, "params.yaml", "integral", real(1.0));
    add_param(&recipe, "params.yaml", "large", real(1e300));
    add_param(&recipe, "params.yaml", "lr", real(0.1));
    add_param(&recipe, "params.yaml", "nan", real((double)NAN));
    add_param(&recipe, "params.yaml", "zero", real(-0.0));
    return recipe;
}

static struct recipe other_values(void)
{
    struct recipe recipe = text();
    struct buf map = buf_in(&arena), null = buf_in(&arena), one = buf_in(&arena),
               yes = buf_in(&arena);
    recipe.params = arena_new_array(&arena, struct recipe_param, 5);
    canon_map(&map, 2);
    canon_str(&map, STR("a"));
    canon_bool(&map, false);
    canon_str(&map, STR("b"));
    canon_list(&map, 3);
    canon_int(&map, 1);
    canon_str(&map, STR("x"));
    canon_null(&map);
    canon_null(&null);
    canon_str(&one, STR("1"));
    canon_bool(&yes, true);
    add_param(&recipe, "other.json", "", buf_str(&map));
    add_param(&recipe, "params.yaml", "missing", (struct str){0});
    add_param(&recipe, "params.yaml", "null", buf_str(&null));
    add_param(&recipe, "params.yaml", "text", buf_str(&one));
    add_param(&recipe, "params.yaml", "yes", buf_str(&yes));
    return recipe;
}

static struct recipe env(void)
{
    static struct recipe_env variables[] = {
        {.name = STR_ROW("API_KEY"), .value = STR_ROW("hunter2"), .is_secret = true},
        {.name = STR_ROW("EMPTY")},
        {.name = STR_ROW("OMP_NUM_THREADS"), .value = STR_ROW("2")},
    };
    struct recipe recipe = text();
    recipe.env = variables;
    recipe.env_count = COUNT_OF(variables);
    return recipe;
}

static struct recipe outs(void)
{
    static struct str paths[] = {STR_ROW("metrics.json"), STR_ROW("model.pkl"),
                                 STR_ROW("plots/loss.csv")};
    struct recipe recipe = text();
    recipe.outs = paths;
    recipe.out_count = COUNT_OF(paths);
    return recipe;
}

static struct recipe place(void)
{
    struct recipe recipe = text();
    recipe.shell = STR("bash");
    recipe.wdir = STR("sub/dir");
    return recipe;
}

static struct recipe environment(void)
{
    struct recipe recipe = text();
    recipe.environment = STR("\0\xFF linux");
    return recipe;
}

static struct recipe everything(void)
{
    static struct recipe_env variables[] = {{.name = STR_ROW("A"), .value = STR_ROW("1")}};
    static struct str paths[] = {STR_ROW("a"), STR_ROW("b")};
    struct recipe_dep deps[] = {
        {.path = STR("\xC3\xA4.csv"), .kind = ARTIFACT_FILE, .digest = content("")},
        {.path = STR("\xF0\x9F\x98\x80"), .kind = ARTIFACT_TREE, .digest = content("t")},
    };
    struct recipe recipe = with_deps(deps, COUNT_OF(deps));
    struct buf command = buf_in(&arena), one = buf_in(&arena), v = buf_in(&arena);
    buf_add_text(&command, "python3 src/train.py ");
    for (int i = 0; i < 40; i++)
        buf_add_text(&command, "--verbose ");
    recipe.cmd.is_list = true;
    recipe.cmd.count = 2;
    recipe.cmd.items = arena_new_array(&arena, struct str, 2);
    recipe.cmd.items[0] = buf_str(&command);
    recipe.cmd.items[1] = STR("echo \xC3\xA4\xE2\x82\xAC");
    recipe.env = variables;
    recipe.env_count = 1;
    recipe.environment = STR("e");
    recipe.outs = paths;
    recipe.out_count = 2;
    canon_int(&one, 1);
    canon_str(&v, STR("v"));
    recipe.params = arena_new_array(&arena, struct recipe_param, 2);
    add_param(&recipe, "p.yaml", "k", buf_str(&one));
    add_param(&recipe, "p.yaml", "k.l", buf_str(&v));
    recipe.shell = STR("zsh");
    recipe.wdir = STR("w");
    return recipe;
}

static const struct golden {
    const char *name;
    struct recipe (*make)(void);
    const char *key;
} GOLDEN[] = {
    {"empty", empty, "1cc6a30316c573e809d480332056aca39400bbad11b78fdafbde2326b594128d"},
    {"text", text, "acb6fb2ea1fd5abeb16fd9c2e09616df26239c980c3a3f7b2523591191040bbc"},
    {"empty_text", empty_text, "11d99319975efc122e7640040f0fe616dd442546776126ffe51755ffcb99d0e7"},
    {"list", list, "d0c7d68701a96b54fb079eef9563732be67fc89a5b0ee63a83f745d20208335b"},
    {"empty_list", empty_list, "5d33f87c974d1f1def03ec391c7cacf9cb596b37ff4702f9358b0e1d88532c31"},
    {"file", file, "5b138c966da3aa68c1227d9ae04570b5a9712473a3c751072005e6b6987c6b35"},
    {"executable", executable, "d11294bc57b7b9be8eea1da3ab6a2912fbeb7bea585e13664b288fba814aff6c"},
    {"tree_and_absent", tree_and_absent,
     "63f6f5cf14acf8e759204754aa6f60487282c8f8d1c92d234fd70b12a3144382"},
    {"numbers", numbers, "72465b7e4cb32f037c0ab9ad9e29c25e2f97dbf383ba71bdd3a458694a4f7b09"},
    {"other_values", other_values,
     "bd5fe8d9879131fdb792d54c378fd5197ff615d99ab9a7589bc3ced953c9ebe2"},
    {"env", env, "06a35dfb5fda4529c2929d5d224dee18c89fe5169de992f9fbb8cec6a703f406"},
    {"outs", outs, "94d4142d35d7914c98c1581f4ddc57155984f2d1d108fe3253093ec632fddd3a"},
    {"place", place, "df650c8b689a7321974c6786ebcdc150608a47636f6bbabc00c2666822657ed1"},
    {"environment", environment,
     "5b08f101317b1dc79127036a0584ae46f8667e9fa2b2353b76ae1de666ec3bfd"},
    {"everything", everything, "56e82d949fffa7572094447cac41a40f7e57709b2e5b793530ee3872540d28f3"},
};

static void keys_are_those_that_caches_were_filled_under(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOLDEN); i++) {
        struct recipe recipe = GOLDEN[i].make();
        struct str hex = digest_hex(&arena, recipe_key(&recipe));
        if (!str_is(hex, GOLDEN[i].key))
            fail_msg("%s: key is %s, was %s", GOLDEN[i].name, hex.at, GOLDEN[i].key);
    }
}

static void every_golden_recipe_reads_back_to_the_same_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(GOLDEN); i++) {
        struct recipe recipe = GOLDEN[i].make(), back;
        struct buf bytes = buf_in(&arena);
        recipe_encode(&recipe, &bytes);
        assert_null(recipe_decode(&arena, buf_str(&bytes), &back));
        assert_true(str_is(digest_hex(&arena, recipe_key(&back)), GOLDEN[i].key));
        struct reason_vec reasons = {0};
        recipe_diff(&arena, &recipe, &back, &reasons);
        assert_int_equal(reasons.len, 0);
    }
}

static const struct golden *find_golden(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(GOLDEN); i++)
        if (strcmp(GOLDEN[i].name, name) == 0)
            return &GOLDEN[i];
    return NULL;
}

static void another_program_computes_the_same_keys_from_the_formats_document(void **state)
{
    (void)state;
    if (system("python3 -c '' >/dev/null 2>&1") != 0) {
        print_message("python3 is not installed\n");
        skip();
    }
    FILE *script = popen("python3 '" MLOPS_SOURCE "/tests/support/golden_keys.py'", "r");
    char name[64], key[65];
    size_t count = 0;
    assert_non_null(script);
    while (fscanf(script, "%63s %64s", name, key) == 2) {
        const struct golden *golden = find_golden(name);
        assert_string_equal(key, golden ? golden->key : "no such golden key");
        count++;
    }
    assert_int_equal(pclose(script), 0);
    assert_int_equal(count, COUNT_OF(GOLDEN));
}

static int drop(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_that_caches_were_filled_under),
        cmocka_unit_test(every_golden_recipe_reads_back_to_the_same_key),
        cmocka_unit_test(another_program_computes_the_same_keys_from_the_formats_document),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
