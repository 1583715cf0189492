/* Distances between columns: every set of drift/ against the numbers of scipy and numpy. */
#include "mlops/base/arena.h"
#include "mlops/base/map.h"
#include "mlops/base/vec.h"
#include "mlops/codec/json.h"
#include "mlops/data/drift.h"

#include <dirent.h>
#include <math.h>

#include "support/conformance.h"

VEC(real_vec, double);
VEC(count_vec, struct value_count);
VEC(text_vec, struct str);

static int compare_counts(const void *a, const void *b)
{
    const struct value_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return str_compare(x->value, y->value);
}

/* A complete profile of `texts`, as far as drift looks at it. */
static struct column_profile profile_of(struct arena *arena, const struct text_vec *texts,
                                        bool is_numeric)
{
    struct column_profile column = {.type = is_numeric ? TYPE_NUMBER : TYPE_STRING,
                                    .count = texts->len,
                                    .has_numbers = is_numeric,
                                    .values_are_complete = true};
    struct real_vec numbers = {0};
    struct count_vec counts = {0};
    struct map places = {0};
    vec_each (struct str, text, texts) {
        if (is_numeric)
            *vec_push(arena, &numbers) = strtod(str_terminate(arena, *text), NULL);
        size_t at = (size_t)(uintptr_t)map_get(&places, *text);
        if (at == 0) {
            *vec_push(arena, &counts) = (struct value_count){*text, 0};
            at = counts.len;
            map_put(arena, &places, *text, (void *)(uintptr_t)at);
        }
        counts.at[at - 1].count++;
    }
    vec_sort(&counts, compare_counts);
    column.values = counts.at;
    column.value_count = counts.len;
    column.values_are_complete = counts.len <= PROFILE_VALUES;
    column.number_count = numbers.len;
    column.distribution = distribution_make(arena, numbers.at, numbers.len, 1, true);
    return column;
}

static void read_set(struct arena *arena, const char *path, struct text_vec *reference,
                     struct text_vec *current)
{
    struct str rest, line;
    assert_true(read_whole(arena, path, &rest));
    while (str_split(&rest, '\n', &line)) {
        if (str_starts(line, STR("ref,")))
            *vec_push(arena, reference) = str_slice(line, 4, line.len);
        else if (str_starts(line, STR("cur,")))
            *vec_push(arena, current) = str_slice(line, 4, line.len);
    }
}

static double real_of(const struct doc_node *node)
{
    return node->kind == DOC_INT    ? (double)node->integer
           : node->kind == DOC_REAL ? node->real
                                    : NAN;
}

static void assert_same(const char *path, const struct doc_node *expected,
                        const struct doc_node *found)
{
    struct str name = expected->key->text;
    if (!found)
        fail_msg("%s: nothing for %.*s", path, STR_FMT(name));
    if (expected->kind == DOC_STR) {
        assert_true(str_equal(expected->text, found->text));
        return;
    }
    double a = real_of(expected), b = real_of(found);
    double tolerance = str_find(name, STR("_p")) > 0 ? 1e-8 : 1e-9;
    if (isnan(a) != isnan(b) || fabs(a - b) > tolerance * fabs(a) + 1e-300)
        fail_msg("%s: %.*s is %.17g, not %.17g", path, STR_FMT(name), b, a);
}

static void assert_set(struct arena *arena, const char *path)
{
    struct str text, csv = str_print(arena, "%.*s.csv", (int)(strlen(path) - 14), path);
    struct text_vec reference = {0}, current = {0};
    struct doc *expected = NULL, *found = NULL;
    assert_true(read_whole(arena, path, &text));
    assert_null(json_parse(arena, str_of(path), text, &expected));
    read_set(arena, csv.at, &reference, &current);
    bool is_numeric = doc_find(expected->root, STR("ks_p")) != NULL;
    struct column_profile a = profile_of(arena, &reference, is_numeric);
    struct column_profile b = profile_of(arena, &current, is_numeric);
    struct drift drift;
    assert_null(drift_measure(arena, &a, &b, &drift));
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out};
    json_open_object(&json);
    drift_write(&json, &drift);
    json_close_object(&json);
    assert_null(json_parse(arena, STR("found"), buf_str(&out), &found));
    for (const struct doc_node *at = expected->root->first; at; at = at->next) {
        const struct doc_node *other = doc_find(found->root, at->key->text);
        if (at->kind != DOC_LIST) {
            assert_same(path, at, other);
            continue;
        }
        assert_non_null(other);
        assert_int_equal(at->count, other->count);
        const struct doc_node *right = other->first;
        for (struct doc_node *left = at->first; left; left = left->next, right = right->next) {
            left->key = at->key;
            assert_same(path, left, right);
        }
    }
}

static void assert_directory(const char *directory, int least)
{
    int count = 0;
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        if (strncmp(entry->d_name, "drift-", 6) != 0 || !strstr(entry->d_name, ".expected.json"))
            continue;
        AUTO(arena_drop) struct arena arena = {0};
        assert_set(&arena, str_print(&arena, "%s/%s", directory, entry->d_name).at);
        count++;
    }
    closedir(listing);
    assert_true(count >= least);
}

static void every_distance_agrees_with_its_golden_value(void **state)
{
    (void)state;
    assert_directory(MLOPS_SOURCE "/tests/unit/data/drift", 26);
}

static void the_conformance_sets_agree(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_directory(str_print(&arena, "%s/metrics", conformance()).at, 5);
}

static struct column_profile of_words(struct arena *arena, const char *words, bool is_numeric)
{
    struct text_vec texts = {0};
    struct str rest = str_of(words), word;
    while (str_split(&rest, ' ', &word))
        if (word.len)
            *vec_push(arena, &texts) = str_copy(arena, word);
    return profile_of(arena, &texts, is_numeric);
}

static double named(const struct drift *drift, const char *name)
{
    for (size_t i = 0; i < drift->number_count; i++)
        if (strcmp(drift->numbers[i].name, name) == 0)
            return drift->numbers[i].value;
    fail_msg("no number '%s'", name);
    return 0;
}

static void a_side_without_values_leaves_all_undefined(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile some = of_words(&arena, "1 2 3", true);
    struct column_profile none = of_words(&arena, "", true);
    struct column_profile text = of_words(&arena, "a b", false);
    struct column_profile empty = of_words(&arena, "", false);
    struct drift drift;
    assert_null(drift_measure(&arena, &some, &none, &drift));
    assert_true(drift.is_numeric && isnan(named(&drift, "ks_p")));
    assert_string_equal(drift.reason, "the current file holds no values");
    assert_null(drift_measure(&arena, &empty, &some, &drift));
    assert_true(drift.is_numeric && isnan(named(&drift, "wasserstein")));
    assert_null(drift_measure(&arena, &empty, &text, &drift));
    assert_true(!drift.is_numeric && isnan(named(&drift, "tvd")));
    assert_string_equal(drift.reason, "the reference holds no values");
    for (int i = 0; i < DRIFT_COUNT; i++)
        assert_true(isnan(drift_value(&drift, i)));
}

static void a_column_that_became_text_is_compared_by_its_values(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile numbers = of_words(&arena, "1 2 2", true);
    struct column_profile words = of_words(&arena, "1 2 x", false);
    struct drift drift;
    assert_null(drift_measure(&arena, &numbers, &words, &drift));
    assert_false(drift.is_numeric);
    assert_int_equal(drift.key_count, 3);
    assert_true(fabs(named(&drift, "tvd") - 1.0 / 3) < 1e-15);
}

static void too_many_values_are_said_to_be_too_many(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile few = of_words(&arena, "a b", false);
    struct column_profile many = of_words(&arena, "a b", false);
    many.values_are_complete = false;
    struct drift drift;
    assert_null(drift_measure(&arena, &few, &many, &drift));
    assert_string_equal(drift.reason, "there are too many different values");
    assert_true(isnan(named(&drift, "psi_evidently")) && !drift.is_exact);
}

static void few_different_numbers_are_also_compared_as_values(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile a = of_words(&arena, "0 0 0 1", true);
    struct column_profile b = of_words(&arena, "0 1 1 1", true);
    struct drift drift;
    assert_null(drift_measure(&arena, &a, &b, &drift));
    assert_true(drift.is_numeric && drift.is_binned_by_value);
    assert_true(named(&drift, "l_infinity_tfdv") == 0.5);
    assert_true(drift_value(&drift, DRIFT_LINF) == 0.5);
    assert_true(named(&drift, "hellinger") == drift_value(&drift, DRIFT_HELLINGER));
}

static void psi_sees_a_column_leave_the_value_it_always_had(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile constant = of_words(&arena, "1 1 1 1 1 1 1 1 1 1", true);
    struct column_profile gone = of_words(&arena, "5 5 5 5 5 5 5 5 5 5", true);
    struct column_profile mostly = of_words(&arena, "0 0 0 0 0 0 0 3 4 5", true);
    struct column_profile rarely = of_words(&arena, "0 0 1 1 2 2 2 3 4 5", true);
    struct drift drift;
    assert_null(drift_measure(&arena, &constant, &gone, &drift));
    assert_true(drift_value(&drift, DRIFT_PSI) > 5);
    assert_true(named(&drift, "psi_ref_deciles_floor_1e-4") == 0); /* as numpy's bins have it */
    assert_null(drift_measure(&arena, &constant, &constant, &drift));
    assert_true(drift_value(&drift, DRIFT_PSI) == 0);
    assert_null(drift_measure(&arena, &mostly, &rarely, &drift));
    assert_true(drift_value(&drift, DRIFT_PSI) > 0.5);
}

static void weights_stand_for_repeated_values(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile once = of_words(&arena, "1 2 3 4", true);
    struct column_profile other = of_words(&arena, "2 3 5 9", true);
    struct column_profile thrice = of_words(&arena, "1 1 1 2 2 2 3 3 3 4 4 4", true);
    struct drift one, three;
    double numbers[] = {1, 2, 3, 4};
    struct column_profile weighted = once;
    weighted.distribution = distribution_make(&arena, numbers, 4, 3, true);
    weighted.count = weighted.number_count = 12;
    assert_null(drift_measure(&arena, &weighted, &other, &one));
    assert_null(drift_measure(&arena, &thrice, &other, &three));
    assert_true(one.number_count == three.number_count);
    for (size_t i = 0; i < 12; i++)
        assert_true(one.numbers[i].value == named(&three, one.numbers[i].name));
}

static void a_thinned_distribution_is_close_and_says_so(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    double *p = arena_new_array(&arena, double, 40000), *q = arena_new_array(&arena, double, 40000);
    for (int i = 0; i < 40000; i++) {
        p[i] = (double)i / 40000;
        q[i] = 0.1 + p[i];
    }
    struct column_profile a = {.type = TYPE_NUMBER, .has_numbers = true, .count = 40000};
    a.number_count = 40000;
    struct column_profile b = a;
    a.distribution = distribution_make(&arena, p, 40000, 1, true);
    b.distribution = distribution_make(&arena, q, 40000, 1, true);
    a.distribution = distribution_thin(&arena, &a.distribution, PROFILE_POINTS);
    a.mean = 0.5, a.sd = sqrt(1.0 / 12), b.mean = 0.6, b.sd = a.sd;
    struct drift drift;
    assert_null(drift_measure(&arena, &a, &b, &drift));
    assert_false(drift.is_exact);
    assert_true(fabs(drift_value(&drift, DRIFT_KS) - 0.1) < 0.002);
    assert_true(fabs(named(&drift, "wasserstein") - 0.1) < 0.002);
    assert_true(fabs(drift_value(&drift, DRIFT_WASSERSTEIN) - 0.1 * sqrt(12)) < 0.01);
    assert_true(drift.reference_size == 40000);
}

static void rare_values_are_merged_before_chi_squared(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct column_profile a = of_words(&arena, "a a a b b c", false);
    struct column_profile b = of_words(&arena, "a a b b b d", false);
    struct drift drift;
    assert_null(drift_measure(&arena, &a, &b, &drift));
    assert_true(isnan(drift_value(&drift, DRIFT_CHI2)));
    assert_true(named(&drift, "chi2_df") == 3);
}

static void thresholds_are_met_from_the_right_side(void **state)
{
    (void)state;
    assert_true(drift_is_over(DRIFT_PSI, 0.1, 0.1));
    assert_false(drift_is_over(DRIFT_PSI, 0.09, 0.1));
    assert_false(drift_is_over(DRIFT_LINF, 0, 0));
    assert_true(drift_is_over(DRIFT_CHI2, 0.01, 0.05));
    assert_false(drift_is_over(DRIFT_CHI2, 0.05, 0.05));
    assert_false(drift_is_over(DRIFT_KS, NAN, 0.1));
    assert_false(drift_is_over(DRIFT_LINF, 0.5, drift_methods()[DRIFT_LINF].threshold));
    for (int i = 0; i < DRIFT_COUNT; i++)
        assert_true(drift_methods()[i].name && drift_formula(i, true) && drift_formula(i, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_distance_agrees_with_its_golden_value),
        cmocka_unit_test(the_conformance_sets_agree),
        cmocka_unit_test(a_side_without_values_leaves_all_undefined),
        cmocka_unit_test(a_column_that_became_text_is_compared_by_its_values),
        cmocka_unit_test(too_many_values_are_said_to_be_too_many),
        cmocka_unit_test(few_different_numbers_are_also_compared_as_values),
        cmocka_unit_test(psi_sees_a_column_leave_the_value_it_always_had),
        cmocka_unit_test(weights_stand_for_repeated_values),
        cmocka_unit_test(a_thinned_distribution_is_close_and_says_so),
        cmocka_unit_test(rare_values_are_merged_before_chi_squared),
        cmocka_unit_test(thresholds_are_met_from_the_right_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
