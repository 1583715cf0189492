/* Metrics: every scalar of metrics/ against the numbers of scikit-learn and scipy, and what rows
 * weigh. */
#include "mlops/base/arena.h"
#include "mlops/codec/json.h"
#include "mlops/data/score.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>

#include "support/conformance.h"

static double value_named(const struct predictions *predictions, struct scorer *scorer,
                          const char *name, const double *weights)
{
    size_t row = 0;
    if (!score_find(predictions->task, str_of(name), &row))
        fail_msg("no metric '%s'", name);
    return scorer_value(scorer, row, weights, NULL);
}

static double expected_of(const struct doc_node *node)
{
    return node->kind == DOC_INT    ? (double)node->integer
           : node->kind == DOC_REAL ? node->real
                                    : nan("");
}

/* Scalars by nested names; lists are looked at by the tests of evaluations. */
static void assert_values(struct arena *arena, const char *path, const char *prefix,
                          const struct doc_node *map, const struct predictions *predictions,
                          struct scorer *scorer)
{
    for (const struct doc_node *at = map->first; at; at = at->next) {
        struct str name = str_print(arena, "%s%.*s", prefix, STR_FMT(at->key->text));
        if (at->kind == DOC_MAP && !doc_find(at, STR("fpr")) && at->first->kind != DOC_LIST)
            assert_values(arena, path, str_print(arena, "%s.", name.at).at, at, predictions,
                          scorer);
        if (at->kind == DOC_MAP || at->kind == DOC_LIST || str_is(name, "threshold"))
            continue;
        double expected = expected_of(at), found = value_named(predictions, scorer, name.at, NULL);
        if (isnan(expected) != isnan(found) ||
            fabs(expected - found) > 1e-9 * fabs(expected) + 1e-300)
            fail_msg("%s: %s is %.17g, not %.17g", path, name.at, found, expected);
    }
}

static enum task task_of(const char *name)
{
    return strncmp(name, "binary-", 7) == 0  ? TASK_BINARY
           : strncmp(name, "multi-", 6) == 0 ? TASK_MULTICLASS
                                             : TASK_REGRESSION;
}

static void assert_set(struct arena *arena, const char *directory, const char *name)
{
    struct str path = str_print(arena, "%s/%s", directory, name), text;
    struct str csv = str_print(arena, "%.*s.csv", (int)path.len - 14, path.at);
    struct predictions_options options = {.task = task_of(name)};
    struct predictions predictions;
    struct doc *expected = NULL;
    assert_true(read_whole(arena, path.at, &text));
    assert_null(json_parse(arena, path, text, &expected));
    assert_null(predictions_load(arena, AT_FDCWD, csv, &options, &predictions));
    struct scorer *scorer = scorer_make(arena, &predictions);
    assert_values(arena, name, "", expected->root, &predictions, scorer);
}

static void assert_directory(const char *directory, int least)
{
    int count = 0;
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        const char *name = entry->d_name;
        bool is_one = strncmp(name, "binary-", 7) == 0 || strncmp(name, "multi-", 6) == 0 ||
                      strncmp(name, "reg-", 4) == 0;
        if (!is_one || !strstr(name, ".expected.json"))
            continue;
        AUTO(arena_drop) struct arena arena = {0};
        assert_set(&arena, directory, name);
        count++;
    }
    closedir(listing);
    assert_true(count >= least);
}

static void every_metric_agrees_with_its_golden_value(void **state)
{
    (void)state;
    assert_directory(MLOPS_SOURCE "/tests/unit/data/metrics", 10);
}

static void the_conformance_sets_agree(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_directory(str_print(&arena, "%s/metrics", conformance()).at, 10);
}

/* --- weights --- */

enum { ROWS = 60 };

/* A file of ROWS rows with the header `head`; `repeat`: each row as often as its weight says, and
 * no weights. */
static struct str make_file(struct arena *arena, enum task task, bool repeats)
{
    struct buf out = buf_in(arena);
    uint32_t seed = 7;
    buf_add_text(&out, task == TASK_BINARY       ? "label,score"
                       : task == TASK_MULTICLASS ? "label,p_0,p_1,p_2"
                                                 : "label,prediction");
    buf_add_text(&out, repeats ? "\n" : ",weight\n");
    for (int i = 0; i < ROWS; i++) {
        seed = seed * 1664525 + 1013904223;
        unsigned a = seed >> 16 & 7, b = seed >> 20 & 7, weight = 1 + (seed >> 24 & 3);
        for (unsigned k = 0; k < (repeats ? weight : 1); k++) {
            if (task == TASK_BINARY)
                buf_print(&out, "%u,0.%u", (a + (unsigned)i) % 2, b + (unsigned)i % 3);
            else if (task == TASK_MULTICLASS)
                buf_print(&out, "%d,%.3f,%.3f,%.3f", i % 3, a / 20.0, b / 20.0,
                          1 - a / 20.0 - b / 20.0);
            else
                buf_print(&out, "%u,%u", a * a, b * 5 + (unsigned)i % 2);
            if (!repeats)
                buf_print(&out, ",%u", weight);
            buf_add_char(&out, '\n');
        }
    }
    return buf_str(&out);
}

static void load(struct arena *arena, enum task task, struct str bytes, struct predictions *ret)
{
    struct predictions_options options = {.task = task};
    assert_null(predictions_parse(arena, STR("p.csv"), bytes, &options, ret));
}

/* A weight is a number of repetitions; the median alone is another one where rows have weights. */
static void a_weight_counts_as_so_many_rows(void **state)
{
    (void)state;
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    for (int task = 0; task < TASK_COUNT; task++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct predictions weighted, repeated;
        load(&arena, (enum task)task, make_file(&arena, (enum task)task, false), &weighted);
        load(&arena, (enum task)task, make_file(&arena, (enum task)task, true), &repeated);
        const double *weights = weighted.weights;
        struct predictions bare = weighted;
        bare.weights = NULL;
        struct scorer *a = scorer_make(&arena, &bare), *b = scorer_make(&arena, &repeated);
        for (size_t i = 0; i < count; i++) {
            double left = scorer_value(a, i, weights, NULL), right = scorer_value(b, i, NULL, NULL);
            if (isnan(left) != isnan(right) || fabs(left - right) > 1e-12 * fabs(right))
                fail_msg("%s: %.17g, not %.17g", rows[i].name, left, right);
        }
    }
}

static void rows_without_weight_are_as_if_they_were_not_there(void **state)
{
    (void)state;
    size_t count = 0;
    const struct score_row *rows = score_rows(&count);
    for (int task = 0; task < TASK_COUNT; task++) {
        AUTO(arena_drop) struct arena arena = {0};
        struct predictions all, part;
        struct str bytes = make_file(&arena, (enum task)task, true), rest = bytes, line;
        load(&arena, (enum task)task, bytes, &all);
        double *weights = arena_new_array(&arena, double, all.count);
        size_t kept = 0;
        struct buf less = buf_in(&arena);
        for (size_t i = 0; str_split(&rest, '\n', &line) && line.len; i++) {
            if (i > 0 && i % 3 != 1)
                continue;
            buf_print(&less, "%.*s\n", STR_FMT(line));
            if (i > 0)
                weights[i - 1] = 1;
            kept++;
        }
        load(&arena, (enum task)task, buf_str(&less), &part);
        struct scorer *a = scorer_make(&arena, &all), *b = scorer_make(&arena, &part);
        for (size_t i = 0; i < count; i++) {
            double left = scorer_value(a, i, weights, NULL), right = scorer_value(b, i, NULL, NULL);
            if (isnan(left) != isnan(right) || fabs(left - right) > 1e-12 * fabs(right))
                fail_msg("%s: %.17g, not %.17g", rows[i].name, left, right);
        }
    }
}

static void several_values_are_those_of_one_by_one(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions predictions;
    size_t count = 0;
    score_rows(&count);
    load(&arena, TASK_MULTICLASS, make_file(&arena, TASK_MULTICLASS, false), &predictions);
    struct scorer *scorer = scorer_make(&arena, &predictions);
    struct scorer *clone = scorer_clone(&arena, scorer);
    size_t *rows = arena_new_array(&arena, size_t, count);
    double *values = arena_new_array(&arena, double, count);
    for (size_t i = 0; i < count; i++)
        rows[i] = i;
    scorer_values(scorer, rows, count, NULL, values);
    for (size_t i = 0; i < count; i++) {
        double one = scorer_value(clone, i, NULL, NULL);
        assert_true(one == values[i] || (isnan(one) && isnan(values[i])));
    }
}

static void no_rows_have_no_values(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions predictions;
    const char *why = NULL;
    load(&arena, TASK_BINARY, make_file(&arena, TASK_BINARY, true), &predictions);
    struct scorer *scorer = scorer_make(&arena, &predictions);
    double *none = arena_new_array(&arena, double, predictions.count);
    assert_true(isnan(scorer_value(scorer, 0, none, &why)));
    assert_string_equal(why, "no rows");
}

static void short_names_are_known_in_binary_tasks(void **state)
{
    (void)state;
    size_t row = 0, other = 0;
    assert_true(score_find(TASK_BINARY, STR("f1"), &row));
    assert_true(score_find(TASK_BINARY, STR("binary.f1"), &other));
    assert_int_equal(row, other);
    assert_false(score_find(TASK_MULTICLASS, STR("f1"), &row));
    assert_false(score_find(TASK_BINARY, STR("rmse"), &row));
    assert_true(score_find(TASK_REGRESSION, STR("pinball_0.9"), &row));
}

static void scores_beyond_0_and_1_have_ranks_but_no_probabilities(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct predictions predictions;
    const char *why = NULL;
    size_t row = 0;
    load(&arena, TASK_BINARY, STR("label,score\n0,-3\n1,2\n0,1\n1,4\n"), &predictions);
    struct scorer *scorer = scorer_make(&arena, &predictions);
    assert_true(value_named(&predictions, scorer, "roc_auc", NULL) == 1);
    assert_true(score_find(TASK_BINARY, STR("log_loss"), &row));
    assert_true(isnan(scorer_value(scorer, row, NULL, &why)));
    assert_string_equal(why, "scores are not all within 0 and 1");
    assert_true(score_find(TASK_BINARY, STR("ece_uniform_10"), &row));
    assert_true(isnan(scorer_value(scorer, row, NULL, &why)));
}

static void what_is_too_large_for_a_number_is_undefined(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const double targets[] = {1e308, -1e308, 1}, values[] = {-1e308, 1e308, 2};
    const struct predictions predictions = {
        .task = TASK_REGRESSION, .count = 3, .targets = targets, .values = values};
    struct scorer *scorer = scorer_make(&arena, &predictions);
    static const char *const names[] = {"mae", "mse", "max_error", "median_ae"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *why = NULL;
        size_t row = 0;
        assert_true(score_find(TASK_REGRESSION, str_of(names[i]), &row));
        assert_true(isnan(scorer_value(scorer, row, NULL, &why)));
        assert_string_equal(why, "the numbers are too large");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_large_for_a_number_is_undefined),
        cmocka_unit_test(every_metric_agrees_with_its_golden_value),
        cmocka_unit_test(the_conformance_sets_agree),
        cmocka_unit_test(a_weight_counts_as_so_many_rows),
        cmocka_unit_test(rows_without_weight_are_as_if_they_were_not_there),
        cmocka_unit_test(several_values_are_those_of_one_by_one),
        cmocka_unit_test(no_rows_have_no_values),
        cmocka_unit_test(short_names_are_known_in_binary_tasks),
        cmocka_unit_test(scores_beyond_0_and_1_have_ranks_but_no_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
