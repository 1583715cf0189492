/* Paired tests against values of scipy, statsmodels and pROC, and what is refused. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"
#include "mlops/data/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

#define METRICS MLOPS_SOURCE "/tests/unit/data/metrics/"

struct fixture {
    struct arena arena;
    struct predictions a, b;
};

static void fixture_drop(struct fixture *fixture)
{
    arena_drop(&fixture->arena);
}

static const struct str two_classes[] = {STR_ROW("0"), STR_ROW("1")};

/* Binary predictions of probabilities, threshold 1/2. */
static struct predictions binary(struct arena *arena, const uint32_t *labels, const double *scores,
                                 size_t count)
{
    uint32_t *predicted = arena_new_array(arena, uint32_t, count);
    for (size_t i = 0; i < count; i++)
        predicted[i] = scores[i] >= 0.5;
    return (struct predictions){
        .name = STR("p.csv"),
        .task = TASK_BINARY,
        .count = count,
        .threshold = 0.5,
        .classes = two_classes,
        .class_count = 2,
        .positive = 1,
        .labels = labels,
        .predicted = predicted,
        .scores = scores,
        .scores_are_probabilities = true,
    };
}

static struct predictions regression(const double *targets, const double *values, size_t count)
{
    return (struct predictions){
        .name = STR("p.csv"),
        .task = TASK_REGRESSION,
        .count = count,
        .targets = targets,
        .values = values,
    };
}

static struct str read_file(struct arena *arena, const char *path)
{
    struct buf text = buf_in(arena);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (size_t got; (got = fread(buf_reserve(&text, 65536), 1, 65536, file)) > 0;)
        text.len += got;
    fclose(file);
    buf_add_text(&text, "");
    return buf_str(&text);
}

/* label,score_a,score_b */
static void load(struct fixture *fixture, const char *name)
{
    struct arena *arena = &fixture->arena;
    struct str rest = read_file(arena, str_print(arena, METRICS "%s.csv", name).at), line;
    uint32_t *labels = arena_new_array(arena, uint32_t, 1000);
    double *scores[2] = {arena_new_array(arena, double, 1000),
                         arena_new_array(arena, double, 1000)};
    size_t count = 0;
    str_split(&rest, '\n', &line);
    while (str_split(&rest, '\n', &line) && line.len) {
        char *at = NULL;
        labels[count] = (uint32_t)strtoul(line.at, &at, 10);
        scores[0][count] = strtod(at + 1, &at);
        scores[1][count] = strtod(at + 1, &at);
        count++;
    }
    fixture->a = binary(arena, labels, scores[0], count);
    fixture->b = binary(arena, labels, scores[1], count);
}

static double real_of(const struct doc_node *node)
{
    return node->kind == DOC_REAL ? node->real : (double)node->integer;
}

/* Every value of `expected` is in `found`, under the same name. */
static void assert_agrees(const struct doc_node *expected, const struct doc_node *found)
{
    assert_non_null(found);
    assert_true((expected->kind == DOC_MAP) == (found->kind == DOC_MAP));
    if (expected->kind == DOC_MAP || expected->kind == DOC_LIST) {
        const struct doc_node *other = found->first;
        for (const struct doc_node *node = expected->first; node; node = node->next) {
            assert_agrees(node,
                          expected->kind == DOC_MAP ? doc_find(found, node->key->text) : other);
            other = other ? other->next : NULL;
        }
        return;
    }
    bool is_p = expected->key &&
                (str_ends(expected->key->text, STR("_p")) || str_is(expected->key->text, "p"));
    double a = real_of(expected), b = real_of(found), tolerance = is_p ? 1e-6 : 1e-9;
    if (!(fabs(a - b) <= tolerance * fabs(a)))
        fail_msg("%.*s: %.17g, not %.17g", expected->key ? (int)expected->key->text.len : 4,
                 expected->key ? expected->key->text.at : "item", b, a);
}

static struct doc *parse(struct arena *arena, struct str bytes)
{
    struct doc *doc = NULL;
    struct error *error = json_parse(arena, STR("json"), bytes, &doc);
    if (error)
        fail_msg("%s", error->text);
    return doc;
}

static struct doc *compare(struct fixture *fixture, struct comparison *ret)
{
    struct buf out = buf_in(&fixture->arena);
    struct json_writer json = {.out = &out, .indent = true};
    assert_null(compare_predictions(&fixture->arena, &fixture->a, &fixture->b, 0.95, ret));
    json_open_object(&json);
    comparison_write(&json, ret);
    json_close_object(&json);
    return parse(&fixture->arena, buf_str(&out));
}

static const struct compared_metric *find(const struct comparison *comparison, const char *name)
{
    size_t count;
    for (size_t i = 0; i < comparison->metric_count; i++)
        if (str_is(str_of(score_rows(&count)[comparison->metrics[i].row].name), name))
            return &comparison->metrics[i];
    fail_msg("no %s", name);
    return NULL;
}

/* --- golden values -------------------------------------------------------------------------- */

static void every_value_of_the_pairs_is_found(void **state)
{
    (void)state;
    static const char *const names[] = {"pair-small", "pair-medium"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(fixture_drop) struct fixture fixture = {0};
        struct comparison comparison;
        load(&fixture, names[i]);
        const char *path = str_print(&fixture.arena, METRICS "%s.expected.json", names[i]).at;
        struct doc *expected = parse(&fixture.arena, read_file(&fixture.arena, path));
        assert_agrees(expected->root, compare(&fixture, &comparison)->root);
    }
}

static void the_main_metrics_have_the_test_that_suits_them(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct comparison comparison;
    (void)state;
    load(&fixture, "pair-medium");
    compare(&fixture, &comparison);
    assert_int_equal(comparison.fixed, 69);
    assert_int_equal(comparison.broke, 18);
    const struct compared_metric *accuracy = find(&comparison, "accuracy");
    assert_string_equal(accuracy->test, "mcnemar");
    assert_true(fabs(accuracy->delta - 0.102) < 1e-12);
    assert_true(accuracy->interval.low > 0.05 && accuracy->interval.high < 0.15);
    assert_string_equal(find(&comparison, "roc_auc")->test, "delong");
    assert_string_equal(find(&comparison, "log_loss")->test, "paired t");
    assert_true(find(&comparison, "log_loss")->interval.high < 0);
    const struct compared_metric *f1 = find(&comparison, "binary.f1");
    assert_string_equal(f1->test, "bootstrap");
    assert_true(f1->p_holm >= f1->p);
    assert_true(isnan(find(&comparison, "mcc")->p));
}

static void a_model_is_no_better_than_itself(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct comparison comparison;
    (void)state;
    load(&fixture, "pair-small");
    fixture.b = fixture.a;
    compare(&fixture, &comparison);
    assert_false(comparison.has_losses); /* no loss differs */
    for (size_t i = 0; i < comparison.metric_count; i++) {
        assert_true(comparison.metrics[i].delta == 0);
        assert_true(isnan(comparison.metrics[i].p) || comparison.metrics[i].p == 1);
    }
    assert_true(comparison.mcnemar.exact_p == 1);
    assert_true(isnan(comparison.mcnemar.chi2_cc));
    assert_true(comparison.delong.z == 0 && comparison.delong.p == 1);
}

static void the_other_way_round_only_the_signs_change(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct comparison there, back;
    (void)state;
    load(&fixture, "pair-small");
    compare(&fixture, &there);
    struct predictions a = fixture.a;
    fixture.a = fixture.b;
    fixture.b = a;
    compare(&fixture, &back);
    assert_int_equal(there.metric_count, back.metric_count);
    for (size_t i = 0; i < there.metric_count; i++) {
        assert_true(there.metrics[i].delta == -back.metrics[i].delta);
        assert_true(isnan(there.metrics[i].p) || there.metrics[i].p == back.metrics[i].p);
        if (there.metrics[i].interval.method)
            assert_true(fabs(there.metrics[i].interval.low + back.metrics[i].interval.high) <
                        1e-12);
    }
    assert_true(there.delong.z == -back.delong.z);
    assert_true(there.losses.t == -back.losses.t);
    assert_true(there.losses.w == back.losses.w);
}

static void weights_leave_the_bootstrap_as_the_only_test(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct comparison comparison;
    (void)state;
    load(&fixture, "pair-small");
    double *weights = arena_new_array(&fixture.arena, double, fixture.a.count);
    for (size_t i = 0; i < fixture.a.count; i++)
        weights[i] = 1 + (double)(i % 3);
    fixture.a.weights = fixture.b.weights = weights;
    compare(&fixture, &comparison);
    assert_string_equal(find(&comparison, "accuracy")->test, "bootstrap");
    assert_string_equal(find(&comparison, "roc_auc")->test, "bootstrap");
}

/* --- single tests --------------------------------------------------------------------------- */

static void mcnemar_is_exact_for_few_and_for_a_million_rows(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const struct {
        size_t a, b;
        double exact; /* scipy: binomtest(min(a, b), a + b).pvalue */
    } rows[] = {
        {0, 0, 1},
        {3, 7, 0.34375},
        {5, 5, 1},
        {0, 20, 1.9073486328125e-06},
        {100000, 101000, 0.025862392439732925},
        {400000, 402000, 0.02560423102572568},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t count = rows[i].a + rows[i].b + 1;
        uint32_t *labels = arena_new_array(&arena, uint32_t, count);
        double *a = arena_new_array(&arena, double, count),
               *b = arena_new_array(&arena, double, count);
        for (size_t k = 0; k < count; k++) {
            a[k] = k >= rows[i].a;
            b[k] = k < rows[i].a;
        }
        a[count - 1] = b[count - 1] = 0;
        struct predictions of_a = binary(&arena, labels, a, count);
        struct predictions of_b = binary(&arena, labels, b, count);
        struct mcnemar test;
        compare_mcnemar(&of_a, &of_b, &test);
        assert_true(test.only_a == (double)rows[i].a && test.only_b == (double)rows[i].b);
        if (!(fabs(test.exact_p - rows[i].exact) <= 1e-9 * rows[i].exact))
            fail_msg("%zu, %zu: %.17g", rows[i].a, rows[i].b, test.exact_p);
        assert_true(test.p == (rows[i].a + rows[i].b < 25 ? test.exact_p : test.chi2_cc_p));
    }
}

static void delong_says_why_it_is_undefined(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    const uint32_t ones[] = {1, 1, 1}, one[] = {0, 0, 1}, two[] = {0, 0, 1, 1};
    const double scores[] = {0.1, 0.2, 0.3, 0.4}, falling[] = {0.9, 0.8, 0.2, 0.1};
    struct delong test;
    struct predictions a = binary(&arena, ones, scores, 3);
    compare_delong(&a, &a, 0.95, &test);
    assert_string_equal(test.why, "only one class");
    a = binary(&arena, one, scores, 3);
    compare_delong(&a, &a, 0.95, &test);
    assert_string_equal(test.why, "fewer than two rows of a class");
    assert_true(isnan(test.p) && isnan(test.difference.low));
    a = binary(&arena, two, scores, 4);
    struct predictions b = binary(&arena, two, falling, 4);
    compare_delong(&a, &b, 0.95, &test); /* perfect against perfectly wrong */
    assert_null(test.why);
    assert_true(test.auc_a == 1 && test.auc_b == 0 && isinf(test.z) && test.p == 0);
    a.scores = NULL;
    compare_delong(&a, &b, 0.95, &test);
    assert_string_equal(test.why, "no scores");
}

/* scipy 1.10.1: wilcoxon(a * a, b * b), ttest_rel of the same. */
static void tests_of_losses_are_those_of_scipy(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        double a[8], b[8]; /* errors */
        double w, w_p, t, t_p;
    } rows[] = {
        {6,
         {1, 2, 3, 4, 5, 6},
         {0, 0, 0, 0, 0, 0},
         0.0,
         0.03125,
         2.777024379939733,
         0.03903929219938715},
        {6,
         {1, 0, 3, 0, 5, 6},
         {0, 2, 0, 4, 0, 1},
         6.0,
         0.4375,
         1.0796341264854443,
         0.3296089918766543},
        {5, {1, 1, 1, 0, 2}, {0, 0, 0, 1, 0}, 2.5, 0.3125, 1.4999999999999998, 0.20799999999999982},
        {6,
         {3, 1, 2, 3, 0, 5},
         {3, 0, 0, 0, 4, 0},
         4.0,
         0.34523107177184,
         0.7034593127376085,
         0.5131675520705085},
        {7,
         {1, 2, 2, 2, 0, 3, 3},
         {1, 2, 0, 0, 2, 0, 0},
         2.0,
         0.12897804299196425,
         1.716168192724734,
         0.13694747960871612},
        {3, {1, 0, 3}, {0, 2, 0}, 2.0, 0.75, 0.5282705437953743, 0.6500728938881174},
        {8,
         {2, 1, 3, 1, 7, 1, 2, 3},
         {1, 2, 3, 5, 7, 8, 1, 1},
         8.0,
         0.5961126657233238,
         -1.1363371576791503,
         0.2932166235087962},
    };
    static const double targets[8];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct predictions a = regression(targets, rows[i].a, rows[i].count);
        struct predictions b = regression(targets, rows[i].b, rows[i].count);
        struct paired_loss test;
        compare_losses(&a, &b, 0.95, &test);
        assert_null(test.why);
        assert_string_equal(test.loss, "squared_error");
        assert_true(test.w == rows[i].w);
        assert_true(fabs(test.w_p - rows[i].w_p) < 1e-9);
        assert_true(fabs(test.t - rows[i].t) < 1e-9);
        assert_true(fabs(test.t_p - rows[i].t_p) < 1e-9);
    }
}

static void tests_of_losses_say_why_they_are_undefined(void **state)
{
    (void)state;
    const double targets[] = {0, 0}, a[] = {1, 1}, b[] = {2, 2};
    struct predictions of_a = regression(targets, a, 2), of_b = regression(targets, b, 2);
    struct paired_loss test;
    compare_losses(&of_a, &of_a, 0.95, &test);
    assert_string_equal(test.why, "no loss differs");
    assert_true(isnan(test.t) && isnan(test.w) && test.mean_difference == 0);
    compare_losses(&of_a, &of_b, 0.95, &test); /* all differences are the same: no doubt at all */
    assert_true(isinf(test.t) && test.t < 0 && test.t_p == 0);
    assert_true(test.mean_difference == 3);
    of_a.count = of_b.count = 1;
    compare_losses(&of_a, &of_b, 0.95, &test);
    assert_string_equal(test.why, "fewer than two rows");
}

static void holm_corrects_in_place_and_leaves_nan_out(void **state)
{
    (void)state;
    /* statsmodels: multipletests([.01, .04, .03, .005], method='holm') */
    double p[] = {0.01, NAN, 0.04, 0.03, 0.005, 0.9};
    const double expected[] = {0.04, NAN, 0.09, 0.09, 0.025, 0.9};
    compare_holm(p, COUNT_OF(p));
    for (size_t i = 0; i < COUNT_OF(p); i++)
        assert_true(i == 1 ? isnan(p[i]) : fabs(p[i] - expected[i]) < 1e-15);
    compare_holm(NULL, 0);
}

/* --- alignment ------------------------------------------------------------------------------ */

static const struct str abc[] = {STR_ROW("a"), STR_ROW("b"), STR_ROW("c")};
static const struct str cab[] = {STR_ROW("c"), STR_ROW("a"), STR_ROW("b")};
static const struct str abd[] = {STR_ROW("a"), STR_ROW("b"), STR_ROW("d")};
static const uint32_t labels_abc[] = {0, 1, 1}, labels_cab[] = {1, 0, 1};
static const double scores_abc[] = {0.1, 0.2, 0.3}, scores_cab[] = {0.33, 0.11, 0.22};

static void open_pair(struct fixture *fixture)
{
    fixture->a = binary(&fixture->arena, labels_abc, scores_abc, 3);
    fixture->b = binary(&fixture->arena, labels_cab, scores_cab, 3);
    fixture->a.name = STR("a.csv");
    fixture->b.name = STR("b.csv");
    fixture->a.ids = abc;
    fixture->b.ids = cab;
}

static void rows_are_matched_by_id(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct predictions aligned;
    (void)state;
    open_pair(&fixture);
    assert_null(compare_align(&fixture.arena, &fixture.a, &fixture.b, false, &aligned));
    assert_true(aligned.scores[0] == 0.11 && aligned.scores[2] == 0.33);
    assert_true(str_is(aligned.ids[2], "c"));
    assert_int_equal(aligned.labels[0], 0);
}

static void the_same_order_shares_the_arrays(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    struct predictions aligned;
    (void)state;
    open_pair(&fixture);
    assert_null(compare_align(&fixture.arena, &fixture.a, &fixture.a, false, &aligned));
    assert_ptr_equal(aligned.scores, fixture.a.scores);
}

static void assert_refused(struct fixture *fixture, bool by_row, const char *text)
{
    struct predictions aligned;
    struct error *error =
        compare_align(&fixture->arena, &fixture->a, &fixture->b, by_row, &aligned);
    assert_non_null(error);
    assert_string_equal(error->text, text);
    assert_int_equal(error->code, ERROR_PROJECT);
    error_drop(error);
}

static void what_can_t_be_matched_is_refused_and_named(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    open_pair(&fixture);
    assert_refused(&fixture, true, "b.csv: row 1 has the label '1', but '0' in a.csv");
    fixture.b.ids = abd;
    assert_refused(&fixture, false, "b.csv: no row has the id 'c' of a.csv");
    fixture.b.name = fixture.a.name;
    assert_refused(&fixture, false, "a.csv: only one side has the id 'c'");
    fixture.b.name = STR("b.csv");
    fixture.a.count = 2;
    fixture.b.labels = labels_abc;
    assert_refused(&fixture, false, "a.csv: no row has the id 'd' of b.csv");
    assert_refused(&fixture, true, "b.csv: 3 rows, but 2 in a.csv");
    fixture.b.ids = NULL;
    assert_refused(&fixture, false, "b.csv: no column of ids to match rows by");
}

static void labels_weights_and_tasks_must_agree(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const double weights[] = {1, 2, 3}, others[] = {1, 2, 4};
    open_pair(&fixture);
    fixture.b.labels = labels_abc;
    assert_refused(&fixture, false, "b.csv: the id 'a' has the label '1', but '0' in a.csv");
    fixture.b = fixture.a;
    fixture.b.name = STR("b.csv");
    fixture.a.weights = weights;
    assert_refused(&fixture, false, "b.csv: no column of weights, but a.csv has one");
    fixture.b.weights = others;
    assert_refused(&fixture, false, "b.csv: the id 'c' has the weight '4', but '3' in a.csv");
    fixture.b.positive = 0;
    assert_refused(&fixture, false, "b.csv: the positive class is '0', but '1' in a.csv");
    fixture.b.task = TASK_REGRESSION;
    assert_refused(&fixture, false,
                   "b.csv: a regression task can't be compared with the binary task of a.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_the_pairs_is_found),
        cmocka_unit_test(the_main_metrics_have_the_test_that_suits_them),
        cmocka_unit_test(a_model_is_no_better_than_itself),
        cmocka_unit_test(the_other_way_round_only_the_signs_change),
        cmocka_unit_test(weights_leave_the_bootstrap_as_the_only_test),
        cmocka_unit_test(mcnemar_is_exact_for_few_and_for_a_million_rows),
        cmocka_unit_test(delong_says_why_it_is_undefined),
        cmocka_unit_test(tests_of_losses_are_those_of_scipy),
        cmocka_unit_test(tests_of_losses_say_why_they_are_undefined),
        cmocka_unit_test(holm_corrects_in_place_and_leaves_nan_out),
        cmocka_unit_test(rows_are_matched_by_id),
        cmocka_unit_test(the_same_order_shares_the_arrays),
        cmocka_unit_test(what_can_t_be_matched_is_refused_and_named),
        cmocka_unit_test(labels_weights_and_tasks_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
