#include "mlops/base/arena.h"
#include "mlops/model/outcome.h"
#include "mlops/model/run.h"

#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static struct result sample(void)
{
    static struct str empty_dirs[] = {STR_ROW("a/b"), STR_ROW("c\nd")};
    static struct metric metrics[] = {
        {STR_ROW("metrics.json"), STR_ROW("acc"), STR_ROW("0.910"), 0.91, false},
        {STR_ROW("metrics.json"), STR_ROW("best"), STR_ROW("resnet"), 0, true},
        {STR_ROW("metrics.json"), STR_ROW("n"), STR_ROW("9007199254740993"), 9007199254740992.0, 0},
    };
    struct artifact *outs = arena_new_array(&arena, struct artifact, 3);
    outs[0] = (struct artifact){.path = STR("model.pkl"),
                                .kind = ARTIFACT_FILE,
                                .is_executable = true,
                                .is_stored = true,
                                .digest = digest_of("m", 1),
                                .size_bytes = 1,
                                .file_count = 1};
    outs[1] = (struct artifact){.path = STR("data"),
                                .kind = ARTIFACT_TREE,
                                .digest = digest_of("t", 1),
                                .size_bytes = 1000,
                                .file_count = 7,
                                .empty_dirs = empty_dirs,
                                .empty_dir_count = 2};
    outs[2] = (struct artifact){.path = STR("/mnt/big"), .kind = ARTIFACT_FILE};
    metrics[1].value = (double)NAN;
    return (struct result){
        .key = digest_of("recipe", 6),
        .recipe = STR("recipe"),
        .stage = STR("train@a/b"),
        .run = STR("01JABCDEFGHJKMNPQRSTVWXYZ0"),
        .created_ns = 1700000000000000000,
        .duration_ns = 5,
        .outs = outs,
        .out_count = 3,
        .metrics = {metrics, 3, 3},
        .is_rejected = true,
        .model = STR("model.pkl"),
    };
}

static struct str encoded(const struct result *result)
{
    struct buf out = buf_in(&arena);
    result_encode(result, &out);
    return buf_str(&out);
}

static void assert_refused_bytes(struct str bytes, const char *why)
{
    struct result back;
    struct error *error = result_decode(&arena, bytes, &back);
    struct buf text = buf_in(&arena);
    if (!error)
        fail_msg("nothing is wrong instead of '%s'", why);
    assert_int_equal(error->code, ERROR_STORED);
    error_print(error, &text);
    if (str_find(buf_str(&text), str_of(why)) < 0)
        fail_msg("'%s' is not in: %s", why, text.at);
    error_drop(error);
}

static void assert_refused(const struct result *result, const char *why)
{
    assert_refused_bytes(encoded(result), why);
}

static void assert_artifact_equal(const struct artifact *a, const struct artifact *b)
{
    assert_true(str_equal(a->path, b->path));
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->is_executable, b->is_executable);
    assert_int_equal(a->is_stored, b->is_stored);
    assert_true(digest_equal(a->digest, b->digest));
    assert_int_equal(a->size_bytes, b->size_bytes);
    assert_int_equal(a->file_count, b->file_count);
    assert_int_equal(a->empty_dir_count, b->empty_dir_count);
    for (size_t i = 0; i < a->empty_dir_count; i++)
        assert_true(str_equal(a->empty_dirs[i], b->empty_dirs[i]));
}

static void a_result_reads_back_as_it_was_written(void **state)
{
    (void)state;
    struct result result = sample(), back;
    assert_null(result_decode(&arena, encoded(&result), &back));
    assert_true(digest_equal(result.key, back.key));
    assert_true(str_equal(result.recipe, back.recipe));
    assert_true(str_equal(result.stage, back.stage));
    assert_true(str_equal(result.run, back.run));
    assert_int_equal(result.created_ns, back.created_ns);
    assert_int_equal(result.duration_ns, back.duration_ns);
    assert_true(back.is_rejected);
    assert_true(str_equal(result.model, back.model));
    assert_int_equal(result.out_count, back.out_count);
    for (size_t i = 0; i < back.out_count; i++)
        assert_artifact_equal(&result.outs[i], &back.outs[i]);
    assert_true(digest_equal(result_digest(&result), result_digest(&back)));
}

static void metrics_of_a_result_keep_their_text(void **state)
{
    (void)state;
    struct result result = sample(), back;
    assert_null(result_decode(&arena, encoded(&result), &back));
    assert_int_equal(back.metrics.len, 3);
    assert_true(str_is(back.metrics.at[0].text, "0.910"));
    assert_true(back.metrics.at[0].value == 0.91);
    assert_true(back.metrics.at[1].is_text);
    assert_true(isnan(back.metrics.at[1].value));
    assert_true(str_is(back.metrics.at[2].text, "9007199254740993"));
    assert_false(back.metrics.at[2].is_text);
}

static void a_result_without_outputs_or_metrics_reads_back(void **state)
{
    (void)state;
    struct result result = {.key = digest_of("", 0)}, back;
    assert_null(result_decode(&arena, encoded(&result), &back));
    assert_int_equal(back.out_count, 0);
    assert_int_equal(back.metrics.len, 0);
}

static void a_recipe_that_is_not_that_of_the_key_is_refused(void **state)
{
    (void)state;
    struct result result = sample();
    result.recipe = STR("another recipe");
    assert_refused(&result, "does not hash to the key");
}

/* Uncached metrics may lie there; nothing is ever restored to such a place. */
static void what_lies_outside_of_the_project_reads_back_as_not_stored(void **state)
{
    (void)state;
    static const char *const outside[] = {"../../model.pkl", "/data/model.pkl"};
    for (size_t i = 0; i < 2; i++) {
        struct result result = sample(), back;
        result.outs[0].path = str_of(outside[i]);
        result.outs[0].is_stored = true;
        assert_null(result_decode(&arena, encoded(&result), &back));
        assert_int_equal(str_compare(back.outs[0].path, result.outs[0].path), 0);
        assert_false(back.outs[0].is_stored);
    }
}

static void paths_that_lead_out_of_the_project_are_refused(void **state)
{
    (void)state;
    struct result result = sample();
    result.outs[0].path = STR("a/../../model.pkl");
    assert_refused(&result, "plain form");
    result.outs[0].path = STR("a/.GIT/hooks/x");
    assert_refused(&result, ".git");
    result.outs[0].path = STR("");
    assert_refused(&result, "project itself");
    result = sample();
    result.model = STR("a/../../b");
    assert_refused(&result, "plain form");
    result = sample();
    result.metrics.at[0].file = STR("m\x1B.json");
    assert_refused(&result, "control character");
    result.metrics.at[0].file = STR("metrics.json"); /* the rows are shared */
}

static void a_path_outside_of_the_project_is_never_stored(void **state)
{
    (void)state;
    struct result result = sample(), back;
    result.outs[2].is_stored = true;
    struct str bytes = encoded(&result);
    assert_null(result_decode(&arena, bytes, &back));
    assert_false(back.outs[2].is_stored);
    char *path = memmem(bytes.at, bytes.len, "/mnt/big", 8);
    path[8 + 2 + 4] = 't'; /* behind "file" come executable and stored */
    path[8 + 2 + 4 + 1] = 't';
    assert_refused_bytes(bytes, "a stored path outside of the project");
}

static void empty_directories_stay_inside_their_tree(void **state)
{
    (void)state;
    static const struct {
        struct str path;
        const char *why;
    } rows[] = {
        {STR_ROW("../x"), "leaves"}, {STR_ROW("/x"), "is empty"}, {STR_ROW("x//y"), "is empty"},
        {STR_ROW("x/"), "is empty"}, {STR_ROW("x/.git"), ".git"}, {STR_ROW("x/./y"), "'.'"},
        {STR_ROW(""), "is empty"},   {STR_ROW("x\0y"), "or NUL"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct result result = sample();
        struct str dirs[] = {rows[i].path};
        result.outs[1].empty_dirs = dirs;
        result.outs[1].empty_dir_count = 1;
        assert_refused(&result, rows[i].why);
    }
}

static void the_id_of_a_run_is_letters_and_digits(void **state)
{
    (void)state;
    struct result result = sample();
    result.run = STR("../../etc");
    assert_refused(&result, "id of a run");
    result.run = STR("01JABCDEFGHJKMNPQRSTVWXYZ01");
    assert_refused(&result, "id of a run");
}

static void negative_amounts_are_refused(void **state)
{
    (void)state;
    struct result result = sample();
    result.duration_ns = -1;
    assert_refused(&result, "negative");
    result = sample();
    result.outs[0].size_bytes = -1;
    assert_refused(&result, "negative");
}

static void a_result_without_its_key_is_refused(void **state)
{
    (void)state;
    struct buf out = buf_in(&arena);
    canon_str(&out, STR("mlops.result.1"));
    canon_map(&out, 1);
    canon_str(&out, STR("created"));
    canon_int(&out, 1);
    assert_refused_bytes(buf_str(&out), "duration is absent");
}

static void every_truncation_of_a_result_is_refused(void **state)
{
    (void)state;
    struct result result = sample();
    struct str bytes = encoded(&result);
    for (size_t len = 0; len < bytes.len; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, bytes.at, len);
        struct result back;
        struct error *error = result_decode(&arena, (struct str){exact, len}, &back);
        assert_non_null(error);
        error_drop(error);
        free(exact);
    }
}

/* What is not refused has another value: no two encodings of one value. */
static void every_flipped_bit_is_refused_or_another_result(void **state)
{
    (void)state;
    struct result result = sample();
    struct str bytes = encoded(&result);
    struct arena scratch = {0};
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        char *flipped = arena_copy(&scratch, bytes.at, bytes.len);
        struct result back;
        flipped[bit / 8] ^= (char)(1 << bit % 8);
        struct error *error = result_decode(&scratch, (struct str){flipped, bytes.len}, &back);
        if (!error)
            assert_false(digest_equal(result_digest(&back), result_digest(&result)));
        error_drop(error);
        arena_reset(&scratch);
    }
    arena_drop(&scratch);
}

static void artifacts_are_equal_by_content(void **state)
{
    (void)state;
    struct artifact a = {.path = STR("a"), .kind = ARTIFACT_FILE, .digest = digest_of("x", 1)};
    struct artifact b = {.path = STR("b"), .kind = ARTIFACT_FILE, .digest = digest_of("x", 1)};
    b.size_bytes = 7;
    b.is_stored = true;
    assert_true(artifact_equal(&a, &b));
    b.is_executable = true;
    assert_false(artifact_equal(&a, &b));
    a.kind = b.kind = ARTIFACT_TREE;
    assert_true(artifact_equal(&a, &b));
    b.digest = digest_of("y", 1);
    assert_false(artifact_equal(&a, &b));
    a.kind = b.kind = ARTIFACT_ABSENT;
    assert_true(artifact_equal(&a, &b));
    b.kind = ARTIFACT_FILE;
    assert_false(artifact_equal(&a, &b));
}

static void names_of_statuses_read_back(void **state)
{
    (void)state;
    for (int i = STATUS_WAITING; i <= STATUS_WOULD_RESTORE; i++) {
        enum stage_status status = STATUS_WAITING;
        assert_true(stage_status_parse(str_of(stage_status_name((enum stage_status)i)), &status));
        assert_int_equal(status, i);
    }
    for (int i = RUN_RUNNING; i <= RUN_CRASHED; i++) {
        enum run_status status = RUN_RUNNING;
        assert_true(run_status_parse(str_of(run_status_name((enum run_status)i)), &status));
        assert_int_equal(status, i);
    }
    enum stage_status status = STATUS_WAITING;
    assert_false(stage_status_parse(STR("nonsense"), &status));
}

static struct str encoded_state(struct state_entry *entries, size_t count)
{
    struct buf out = buf_in(&arena);
    struct state state = {entries, count};
    state_encode(&state, &out);
    return buf_str(&out);
}

static void a_state_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    struct state_entry entries[] = {{STR("a"), digest_of("k", 1), {{0}}},
                                    {STR("b"), digest_of("l", 1), digest_of("r", 1)}};
    struct state state;
    assert_null(state_decode(&arena, encoded_state(entries, 2), &state));
    assert_int_equal(state.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(str_equal(state.entries[i].stage, entries[i].stage));
        assert_true(digest_equal(state.entries[i].key, entries[i].key));
        assert_true(digest_equal(state.entries[i].result, entries[i].result));
    }
    assert_null(state_decode(&arena, encoded_state(NULL, 0), &state));
    assert_int_equal(state.count, 0);
}

static void a_state_with_a_stage_twice_is_refused(void **unused)
{
    (void)unused;
    struct state_entry entries[] = {{.stage = STR("a")}, {.stage = STR("b")}};
    struct str bytes = encoded_state(entries, 2);
    char *name = memrchr(bytes.at, 'b', bytes.len);
    *name = 'a';
    struct state state;
    struct error *error = state_decode(&arena, bytes, &state);
    assert_non_null(error);
    assert_int_equal(error->code, ERROR_STORED);
    error_drop(error);
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
        cmocka_unit_test(a_result_reads_back_as_it_was_written),
        cmocka_unit_test(metrics_of_a_result_keep_their_text),
        cmocka_unit_test(a_result_without_outputs_or_metrics_reads_back),
        cmocka_unit_test(a_recipe_that_is_not_that_of_the_key_is_refused),
        cmocka_unit_test(what_lies_outside_of_the_project_reads_back_as_not_stored),
        cmocka_unit_test(paths_that_lead_out_of_the_project_are_refused),
        cmocka_unit_test(a_path_outside_of_the_project_is_never_stored),
        cmocka_unit_test(empty_directories_stay_inside_their_tree),
        cmocka_unit_test(the_id_of_a_run_is_letters_and_digits),
        cmocka_unit_test(negative_amounts_are_refused),
        cmocka_unit_test(a_result_without_its_key_is_refused),
        cmocka_unit_test(every_truncation_of_a_result_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_another_result),
        cmocka_unit_test(artifacts_are_equal_by_content),
        cmocka_unit_test(names_of_statuses_read_back),
        cmocka_unit_test(a_state_reads_back_as_it_was_written),
        cmocka_unit_test(a_state_with_a_stage_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
