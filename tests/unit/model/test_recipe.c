#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/recipe.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

/* A recipe with one of everything; what a test changes it copies first. */
struct sample {
    struct str commands[2];
    struct recipe_dep deps[2];
    struct recipe_param params[2];
    struct recipe_env env[2];
    struct str outs[2];
    struct recipe recipe;
};

static struct str integer(int64_t value)
{
    struct buf out = buf_in(&arena);
    canon_int(&out, value);
    return buf_str(&out);
}

static struct str text_value(const char *value)
{
    struct buf out = buf_in(&arena);
    canon_str(&out, str_of(value));
    return buf_str(&out);
}

static struct sample *sample(void)
{
    struct sample *made = arena_new(&arena, struct sample);
    *made = (struct sample){
        .commands = {STR("python train.py")},
        .deps = {{STR("data/raw.csv"), ARTIFACT_FILE, false, digest_of("raw", 3), 3},
                 {STR("src"), ARTIFACT_TREE, false, digest_of("src", 3), 9}},
        .params = {{STR("params.yaml"), STR("seed"), integer(1), STR("1")},
                   {STR("params.yaml"), STR("train.lr"), integer(5), STR("5")}},
        .env = {{STR("A"), STR("1"), false}, {STR("TOKEN"), STR(""), true}},
        .outs = {STR("metrics.json"), STR("model.pkl")},
    };
    made->recipe = (struct recipe){
        .cmd = {.items = made->commands, .count = 1},
        .wdir = STR("sub"),
        .deps = made->deps,
        .dep_count = 2,
        .params = made->params,
        .param_count = 2,
        .env = made->env,
        .env_count = 2,
        .outs = made->outs,
        .out_count = 2,
    };
    return made;
}

static struct str encoded(const struct recipe *recipe)
{
    struct buf out = buf_in(&arena);
    recipe_encode(recipe, &out);
    return buf_str(&out);
}

static struct str reasons_between(const struct recipe *before, const struct recipe *after)
{
    struct reason_vec reasons = {0};
    struct buf out = buf_in(&arena);
    buf_add_text(&out, "");
    recipe_diff(&arena, before, after, &reasons);
    vec_each (struct reason, reason, &reasons) {
        if (out.len)
            buf_add_text(&out, "; ");
        buf_add_str(&out, reason_print(&arena, reason));
    }
    return buf_str(&out);
}

static void assert_reasons(const struct sample *before, const struct sample *after,
                           const char *expected)
{
    assert_string_equal(reasons_between(&before->recipe, &after->recipe).at, expected);
}

static void assert_refused(struct str bytes, const char *why)
{
    struct recipe recipe;
    struct error *error = recipe_decode(&arena, bytes, &recipe);
    struct buf text = buf_in(&arena);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    error_print(error, &text);
    if (str_find(buf_str(&text), str_of(why)) < 0)
        fail_msg("'%s' is not in: %s", why, text.at);
    error_drop(error);
}

static void the_size_of_a_dependency_is_not_in_the_key(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->deps[0].size_bytes = 1000;
    assert_true(digest_equal(recipe_key(&one->recipe), recipe_key(&other->recipe)));
}

static void chmod_of_a_file_changes_the_key_and_says_so(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->deps[0].is_executable = true;
    other->deps[1].is_executable = true; /* of a directory it means nothing */
    assert_false(digest_equal(recipe_key(&one->recipe), recipe_key(&other->recipe)));
    assert_reasons(one, other, "data/raw.csv changed (d7439bee -> d7439bee executable)");
}

static void a_secret_counts_by_name_only(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->env[1].value = STR("hunter2");
    assert_true(digest_equal(recipe_key(&one->recipe), recipe_key(&other->recipe)));
    assert_true(str_find(encoded(&other->recipe), STR("hunter2")) < 0);
    other->env[1].is_secret = false;
    assert_reasons(one, other, "variable TOKEN changed from (secret) to hunter2");
}

static void a_command_as_text_and_as_list_are_two_recipes(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->recipe.cmd.is_list = true;
    assert_false(digest_equal(recipe_key(&one->recipe), recipe_key(&other->recipe)));
    assert_reasons(one, other, "cmd changed from `python train.py` to `- python train.py`");
}

static void a_missing_key_and_a_null_are_two_recipes(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    struct buf null = buf_in(&arena);
    canon_null(&null);
    one->params[0].encoded = (struct str){0};
    other->params[0].encoded = buf_str(&null);
    other->params[0].shown = STR("null");
    assert_false(digest_equal(recipe_key(&one->recipe), recipe_key(&other->recipe)));
    assert_reasons(one, other, "params.yaml:seed changed from (no value) to null");
}

static void a_changed_parameter_shows_both_values(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->params[1].encoded = integer(7);
    other->params[1].shown = STR("7");
    assert_reasons(one, other, "params.yaml:train.lr changed from 5 to 7");
}

static void a_number_that_became_text_can_be_told_apart(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->params[0].encoded = text_value("1");
    assert_reasons(one, other, "params.yaml:seed changed from 1 to \"1\"");
}

static struct str section(int64_t lr, int64_t depth)
{
    struct buf out = buf_in(&arena);
    canon_map(&out, 2);
    canon_str(&out, STR("seed"));
    canon_int(&out, 1);
    canon_str(&out, STR("train"));
    canon_map(&out, 2);
    canon_str(&out, STR("depth"));
    canon_int(&out, depth);
    canon_str(&out, STR("lr"));
    canon_int(&out, lr);
    return buf_str(&out);
}

static void a_file_whose_keys_changed_is_told_key_by_key(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    one->params[0].key = other->params[0].key = STR("");
    one->params[0].encoded = section(2, 7);
    other->params[0].encoded = section(3, 7);
    assert_reasons(one, other, "params.yaml:train.lr changed from 2 to 3");
}

static void a_whole_file_as_parameter_goes_by_the_name_of_the_file(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    one->params[0].key = other->params[0].key = STR("");
    other->params[0].encoded = integer(2);
    other->params[0].shown = STR("2");
    assert_reasons(one, other, "params.yaml changed from 1 to 2");
}

static void a_changed_file_shows_short_digests(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->deps[0].digest = digest_of("new", 3);
    assert_reasons(one, other, "data/raw.csv changed (d7439bee -> 11507a0e)");
    other->deps[0] = (struct recipe_dep){STR("data/raw.csv"), ARTIFACT_ABSENT, 0, {{0}}, 0};
    assert_reasons(one, other, "data/raw.csv is missing");
}

static void digests_that_begin_alike_are_shown_whole(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->deps[0].digest.at[31] ^= 1;
    struct str text = reasons_between(&one->recipe, &other->recipe);
    assert_true(text.len > 2 * DIGEST_HEX_LEN);
}

static void what_is_new_and_what_is_gone_is_named(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->deps[1].path = STR("src/util.py");
    other->params[0].key = STR("epochs");
    other->env[0].name = STR("B");
    other->outs[1] = STR("model.onnx");
    assert_reasons(one, other,
                   "dependency src removed; new dependency src/util.py; "
                   "new parameter params.yaml:epochs (1); parameter params.yaml:seed removed; "
                   "variable A removed; new variable B; "
                   "new output model.onnx; output model.pkl removed");
}

static void the_place_of_a_command_is_named(void **state)
{
    (void)state;
    struct sample *one = sample(), *other = sample();
    other->recipe.wdir = STR("");
    other->recipe.shell = STR("bash");
    other->recipe.environment = STR("linux");
    assert_reasons(one, other,
                   "wdir changed from sub to .; shell changed from the default to bash; "
                   "environment is now in the key");
}

static struct sample *with_command(const char *text)
{
    struct sample *made = sample();
    made->commands[0] = str_of(text);
    return made;
}

static void commands_in_reasons_are_at_most_200_bytes(void **state)
{
    (void)state;
    char long_text[1001] = {0};
    memset(long_text, 'x', 1000);
    memcpy(long_text + 194, "\xE2\x82\xAC\xE2\x82\xAC", 6); /* cut between characters */
    struct reason_vec reasons = {0};
    recipe_diff(&arena, &with_command("short")->recipe, &with_command(long_text)->recipe, &reasons);
    assert_int_equal(reasons.len, 1);
    assert_string_equal(reasons.at[0].before.at, "short");
    assert_true(reasons.at[0].after.len <= (size_t)LIMIT_SHOWN_BYTES);
    assert_true(str_is_utf8(reasons.at[0].after));
    assert_true(str_ends(reasons.at[0].after, STR("xx\xE2\x82\xAC\xE2\x80\xA6")));
}

static void long_commands_are_shown_where_they_differ(void **state)
{
    (void)state;
    char one[1001] = {0}, other[1001] = {0};
    memset(one, 'x', 1000);
    memset(other, 'x', 1000);
    other[600] = 'y';
    struct reason_vec reasons = {0};
    recipe_diff(&arena, &with_command(one)->recipe, &with_command(other)->recipe, &reasons);
    assert_false(str_equal(reasons.at[0].before, reasons.at[0].after));
    assert_true(reasons.at[0].after.len <= (size_t)LIMIT_SHOWN_BYTES);
    assert_true(str_find_char(reasons.at[0].after, 'y') > 0);
}

static struct str printed(enum reason_part part, const char *what, const char *after)
{
    struct reason reason = {.part = part, .what = str_of(what), .after = str_of(after)};
    return reason_print(&arena, &reason);
}

static void reasons_that_are_no_difference_read_well(void **state)
{
    (void)state;
    assert_string_equal(printed(REASON_NEVER_RUN, "train", "").at, "never run");
    assert_string_equal(printed(REASON_FORCED, "", "").at, "forced");
    assert_string_equal(printed(REASON_ALWAYS, "", "").at, "runs always");
    assert_string_equal(printed(REASON_UPSTREAM, "train", "").at, "waits for 'train'");
    assert_string_equal(printed(REASON_OUTPUT, "model.pkl", "").at, "output model.pkl is missing");
    assert_string_equal(printed(REASON_OUTPUT, "model.pkl", "changed").at,
                        "output model.pkl differs from the known result");
    assert_string_equal(printed(REASON_NOT_STORED, "train", "").at,
                        "a result is known, but its outputs are not in the store");
}

static void others_text_in_a_reason_is_escaped(void **state)
{
    (void)state;
    struct str text = printed(REASON_UPSTREAM, "a\x1B[2Jb\n", "");
    assert_true(str_find_char(text, '\x1B') < 0);
    assert_true(str_find_char(text, '\n') < 0);
}

static void every_part_has_a_name(void **state)
{
    (void)state;
    for (int part = REASON_CMD; part <= REASON_UPSTREAM; part++)
        assert_non_null(reason_part_name((enum reason_part)part));
}

static void a_decoded_recipe_shows_its_values(void **state)
{
    (void)state;
    struct sample *made = sample();
    struct buf map = buf_in(&arena);
    canon_map(&map, 2);
    canon_str(&map, STR("a"));
    canon_list(&map, 3);
    canon_real(&map, 0.1);
    canon_null(&map);
    canon_list(&map, 0);
    canon_str(&map, STR("b"));
    canon_map(&map, 0);
    made->params[0].encoded = buf_str(&map);
    made->params[1].encoded = text_value("two words");
    struct recipe back;
    assert_null(recipe_decode(&arena, encoded(&made->recipe), &back));
    assert_true(str_is(back.params[0].shown, "{\"a\":[0.1,null,[]],\"b\":{}}"));
    assert_true(str_is(back.params[1].shown, "two words"));
}

static void numbers_without_a_word_in_json_are_shown(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_list(&out, 4);
    canon_real(&out, (double)NAN);
    canon_real(&out, (double)INFINITY);
    canon_real(&out, -(double)INFINITY);
    canon_bigint(&out, STR("123456789012345678901234567890"));
    assert_string_equal(recipe_show(&arena, buf_str(&out)).at,
                        "[NaN,Infinity,-Infinity,123456789012345678901234567890]");
}

static void a_huge_value_is_shown_clipped(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_list(&out, 100000);
    for (int i = 0; i < 100000; i++)
        canon_int(&out, i);
    size_t used = arena.used_bytes;
    struct str shown = recipe_show(&arena, buf_str(&out));
    assert_true(shown.len <= (size_t)LIMIT_SHOWN_BYTES);
    assert_true(str_starts(shown, STR("[0,1,2")));
    assert_true(str_ends(shown, STR("\xE2\x80\xA6")));
    assert_true(arena.used_bytes - used < 10000);
}

static void a_key_at_its_default_is_refused(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.recipe.1"));
    canon_map(&out, 1);
    canon_str(&out, STR("wdir"));
    canon_str(&out, STR(""));
    assert_refused(buf_str(&out), "wdir is at its default");
}

static void an_unknown_key_is_refused_by_name(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.recipe.1"));
    canon_map(&out, 1);
    canon_str(&out, STR("gpu_kind"));
    canon_null(&out);
    assert_refused(buf_str(&out), "unknown key 'gpu_kind'");
}

static void unsorted_lists_are_refused(void **state)
{
    (void)state;
    struct sample *made = sample();
    struct str bytes = encoded(&made->recipe);
    char *place = memmem(bytes.at, bytes.len, "model.pkl", 9);
    memcpy(place, "a", 1); /* "aodel.pkl" sorts before metrics.json */
    assert_refused(bytes, "outputs are not in ascending order");
    bytes = encoded(&made->recipe);
    place = memmem(bytes.at, bytes.len, "data/raw.csv", 12);
    memcpy(place, "t", 1);
    assert_refused(bytes, "dependencies are not in ascending order");
    bytes = encoded(&made->recipe);
    place = memmem(bytes.at, bytes.len, "seed", 4);
    memcpy(place, "u", 1);
    assert_refused(bytes, "parameters are not in ascending order");
}

static void anything_behind_the_end_is_refused(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    recipe_encode(&sample()->recipe, &out);
    canon_null(&out);
    assert_refused(buf_str(&out), "follows its end");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct str bytes = encoded(&sample()->recipe);
    for (size_t len = 0; len < bytes.len; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, bytes.at, len);
        struct recipe recipe;
        struct error *error = recipe_decode(&arena, (struct str){exact, len}, &recipe);
        assert_non_null(error);
        error_drop(error);
        free(exact);
    }
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
        cmocka_unit_test(the_size_of_a_dependency_is_not_in_the_key),
        cmocka_unit_test(chmod_of_a_file_changes_the_key_and_says_so),
        cmocka_unit_test(a_secret_counts_by_name_only),
        cmocka_unit_test(a_command_as_text_and_as_list_are_two_recipes),
        cmocka_unit_test(a_missing_key_and_a_null_are_two_recipes),
        cmocka_unit_test(a_changed_parameter_shows_both_values),
        cmocka_unit_test(a_number_that_became_text_can_be_told_apart),
        cmocka_unit_test(a_file_whose_keys_changed_is_told_key_by_key),
        cmocka_unit_test(a_whole_file_as_parameter_goes_by_the_name_of_the_file),
        cmocka_unit_test(a_changed_file_shows_short_digests),
        cmocka_unit_test(digests_that_begin_alike_are_shown_whole),
        cmocka_unit_test(what_is_new_and_what_is_gone_is_named),
        cmocka_unit_test(the_place_of_a_command_is_named),
        cmocka_unit_test(commands_in_reasons_are_at_most_200_bytes),
        cmocka_unit_test(long_commands_are_shown_where_they_differ),
        cmocka_unit_test(reasons_that_are_no_difference_read_well),
        cmocka_unit_test(others_text_in_a_reason_is_escaped),
        cmocka_unit_test(every_part_has_a_name),
        cmocka_unit_test(a_decoded_recipe_shows_its_values),
        cmocka_unit_test(numbers_without_a_word_in_json_are_shown),
        cmocka_unit_test(a_huge_value_is_shown_clipped),
        cmocka_unit_test(a_key_at_its_default_is_refused),
        cmocka_unit_test(an_unknown_key_is_refused_by_name),
        cmocka_unit_test(unsorted_lists_are_refused),
        cmocka_unit_test(anything_behind_the_end_is_refused),
        cmocka_unit_test(every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
