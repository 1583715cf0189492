#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/json.h"
#include "mlops/data/profile.h"

#include <inttypes.h>
#include <math.h>

/* clang-format off */
#include "support/unit.h"
#include "support/batches.h"
/* clang-format on */

struct fixture {
    struct arena arena;
    struct str_list {
        struct str at[400000];
        size_t len;
    } * cells;
};

static int open_fixture(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->cells = calloc(1, sizeof *fixture->cells);
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *fixture = *state;
    arena_drop(&fixture->arena);
    free(fixture->cells);
    free(fixture);
    return 0;
}

static void add(struct fixture *fixture, struct str text)
{
    assert_true(fixture->cells->len < COUNT_OF(fixture->cells->at));
    fixture->cells->at[fixture->cells->len++] = text;
}

static void succeeds(struct error *error)
{
    if (error)
        fail_msg("%s", error->text);
}

static const struct str names[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};

/* How a table is gone through: several workers see the batches, commits come in order. */
struct going {
    size_t columns, batch, workers;
    const enum field_type *types;
};

static void visit(struct fixture *fixture, struct profiler *profiler, struct going going,
                  const struct record_batch *batch)
{
    size_t worker = batch->index * 7 / 3 % going.workers, slot = batch->index % going.workers;
    for (size_t i = 0; i < going.columns; i++) {
        struct column_data data = made_classes(&fixture->arena, batch, i);
        for (size_t j = 0; going.types && j < data.count; j++)
            data.states[j] = data.states[j] == CLASS_NULL   ? VALUE_NULL
                             : data.states[j] == CLASS_TEXT ? VALUE_BAD
                                                            : VALUE_VALID;
        succeeds(profiler_visit(profiler, worker, slot, batch, i, &data));
    }
}

static struct profile profile_of(struct fixture *fixture, struct going going)
{
    struct profiler_options options = {names, going.columns, going.types, going.workers,
                                       going.workers};
    struct made_table table = {&fixture->arena, fixture->cells->at,
                               fixture->cells->len / going.columns, going.columns};
    struct profiler *profiler = NULL;
    struct profile profile;
    succeeds(profiler_open(&options, &profiler));
    size_t round = going.batch * going.workers;
    for (size_t from = 0; from < table.record_count; from += round) {
        struct record_batch batches[8];
        size_t count = 0;
        for (size_t at = from; at < from + round && at < table.record_count; at += going.batch) {
            batches[count] = made_batch(&table, at, MIN_OF(going.batch, table.record_count - at),
                                        at / going.batch);
            count++;
        }
        for (size_t i = count; i-- > 0;)
            visit(fixture, profiler, going, &batches[i]);
        for (size_t i = 0; i < count; i++)
            succeeds(profiler_commit(profiler, batches[i].index % going.workers, &batches[i]));
    }
    succeeds(profiler_finish(profiler, &fixture->arena, &profile));
    profiler_drop(&profiler);
    return profile;
}

static struct profile simple_profile(struct fixture *fixture, size_t columns)
{
    return profile_of(fixture, (struct going){.columns = columns, .batch = 100, .workers = 1});
}

static void add_all(struct fixture *fixture, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(fixture, str_of(texts[i]));
}

static void assert_close(double actual, double expected, double relative)
{
    if (!(fabs(actual - expected) <= fabs(expected) * relative))
        fail_msg("%.17g is not %.17g", actual, expected);
}

static struct str printed(struct arena *arena, const struct profile *profile)
{
    struct buf out = buf_in(arena);
    struct json_writer json = {.out = &out, .indent = true};
    profile_write(&json, profile, false);
    return buf_str(&out);
}

/* Expected by pandas: Series([3, 1, 4, 1, 5, 9, 2, 6]).describe(). */
static void a_small_column_is_measured_exactly(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"3", "1", "", "4", "1", "5", "9", "2", "NA", "6"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(profile.record_count, 10);
    assert_false(profile.is_sampled);
    assert_int_equal(column->type, TYPE_INTEGER);
    assert_int_equal(column->count, 8);
    assert_int_equal(column->null_count, 2);
    assert_int_equal(column->number_count, 8);
    assert_close(column->mean, 3.875, 0);
    assert_close(column->sd, 2.748376143938713, 1e-15);
    assert_close(column->min, 1, 0);
    assert_close(column->max, 9, 0);
    assert_close(distribution_quantile(&column->distribution, 0.25), 1.75, 0);
    assert_int_equal(column->distinct, 7);
    assert_true(column->distinct_is_exact && column->values_are_complete);
    assert_true(str_is(column->values[0].value, "1"));
    assert_int_equal(column->values[0].count, 2);
    assert_true(str_is(column->values[1].value, "2"));
    assert_int_equal(column->null_text_count, 2);
    assert_int_equal(column->bins[0], 2);
    assert_int_equal(column->bins[PROFILE_BINS - 1], 1);
}

static void a_column_of_several_types_is_text_and_says_what_it_holds(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1", "2", "x", "01", "1.5"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->type, TYPE_STRING);
    assert_int_equal(column->classes[CLASS_INTEGER], 3);
    assert_int_equal(column->classes[CLASS_TEXT], 1);
    assert_false(column->has_numbers);
    assert_int_equal(column->distinct, 5);
}

static void spellings_of_one_number_are_one_value(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1.0", "1", "1.0", "2.50", "2.5", "-0", "0"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->type, TYPE_NUMBER);
    assert_int_equal(column->distinct, 3);
    assert_true(str_is(column->values[0].value, "1.0"));
    assert_int_equal(column->values[0].count, 3);
    assert_true(str_is(column->values[1].value, "-0"));
    assert_int_equal(column->zero_count, 2);
}

static void large_integers_are_told_apart(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"9007199254740993", "9007199254740992", "9007199254740994"};
    add_all(fixture, texts, COUNT_OF(texts));
    assert_int_equal(simple_profile(fixture, 1).columns[0].distinct, 3);
}

static void a_column_without_values_has_no_type(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"", "NA", ""};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->type, TYPE_ANY);
    assert_int_equal(column->null_count, 3);
    assert_int_equal(column->count + column->distinct + column->value_count, 0);
    assert_true(str_is(column->null_texts[0].value, ""));
    assert_int_equal(column->null_texts[0].count, 2);
}

static void an_empty_table_has_an_empty_profile(void **state)
{
    struct fixture *fixture = *state;
    struct profile profile = simple_profile(fixture, 2);
    assert_int_equal(profile.record_count, 0);
    assert_int_equal(profile.column_count, 2);
    assert_true(str_is(profile.columns[1].name, "b"));
}

static void lengths_count_code_points(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"ä", "Grüße", "a", "日本語で"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    assert_int_equal(profile.columns[0].length_min, 1);
    assert_int_equal(profile.columns[0].length_max, 5);
    assert_close(profile.columns[0].length_mean, 11.0 / 4, 0);
}

static void with_a_schema_bad_cells_are_counted_apart(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1", "x", "", "3"};
    static const enum field_type types[] = {TYPE_INTEGER};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile =
        profile_of(fixture, (struct going){.columns = 1, .batch = 2, .workers = 1, .types = types});
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->type, TYPE_INTEGER);
    assert_int_equal(column->count, 3);
    assert_int_equal(column->bad_count, 1);
    assert_int_equal(column->number_count, 2);
    assert_int_equal(column->distinct, 2);
    assert_close(column->mean, 2, 0);
}

static void what_is_not_finite_is_counted_apart(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1.5", "inf", "-inf", "2.5", "nan"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->count, 5);
    assert_int_equal(column->number_count, 2);
    assert_int_equal(column->infinite_count, 2);
    assert_int_equal(column->nan_count, 1);
    assert_close(column->max, 2.5, 0);
    assert_close(column->mean, 2, 0);
    assert_int_equal(column->distribution.len, 2);
    assert_int_equal(column->distinct, 5);
}

/* A value at an edge is of the bin above, by the edges that numpy computes. */
static void bins_are_those_of_numpy(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"4.3", "6.1", "7.0", "7.9"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    const uint64_t *bins = profile.columns[0].bins;
    assert_true(bins[0] == 1 && bins[10] == 1 && bins[15] == 1 && bins[PROFILE_BINS - 1] == 1);
}

static void sums_beyond_a_double_still_have_a_mean(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1.5e308", "1.5e308", "-1e308"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    assert_close(profile.columns[0].mean, 0.6666666666666666e308, 1e-12);
    assert_int_equal(profile.columns[0].bins[0], 1);
    assert_int_equal(profile.columns[0].bins[PROFILE_BINS - 1], 2);
    assert_close(profile.columns[0].sd, 1.4433756729740645e308, 1e-12);
}

static void squares_beyond_a_double_still_have_a_deviation(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1e200", "-1e200", "1e200"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 1);
    assert_close(profile.columns[0].sd, 1.1547005383792516e200, 1e-12);
}

/* More different values than are counted: the frequent ones are named as they are written. */
static void frequent_values_of_mixed_columns_keep_their_spelling(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 9000; i++)
        add(fixture, i % 3 ? str_print(&fixture->arena, "v%zu", i) : STR("007"));
    struct profile profile =
        profile_of(fixture, (struct going){.columns = 1, .batch = 500, .workers = 2});
    const struct column_profile *column = &profile.columns[0];
    assert_int_equal(column->type, TYPE_STRING);
    assert_int_equal(column->value_count, 1);
    assert_true(str_is(column->values[0].value, "007"));
    assert_int_equal(column->values[0].count, 3000);
}

static void long_texts_are_told_apart_and_cut(void **state)
{
    struct fixture *fixture = *state;
    char one[501], other[501];
    memset(one, 'x', 500);
    memset(other, 'x', 500);
    one[500] = other[500] = '\0';
    other[400] = 'y';
    add(fixture, str_of(one));
    add(fixture, str_of(other));
    struct profile profile = simple_profile(fixture, 1);
    assert_int_equal(profile.columns[0].distinct, 2);
    assert_false(profile.columns[0].values_are_complete);
    assert_int_equal(profile.columns[0].values[0].value.len, LIMIT_SHOWN_BYTES);
}

/* --- many records --------------------------------------------------------------------------- */

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed >> 11;
}

/* An id, a skewed number with gaps, few values, many values one of which is frequent, text. */
static void add_records(struct fixture *fixture, size_t count)
{
    static const char *const words[] = {"red", "green", "blue"};
    uint64_t seed = 88172645463325252;
    for (size_t i = 0; i < count; i++) {
        struct arena *arena = &fixture->arena;
        double number = (double)(next(&seed) % 1000000) / 1000;
        uint64_t many = next(&seed) % 8000;
        add(fixture, str_print(arena, "%zu", i + 1));
        add(fixture, next(&seed) % 50 ? str_print(arena, "%.3f", number * number) : STR(""));
        add(fixture, str_of(words[next(&seed) % 3]));
        add(fixture, many < 800 ? STR("often") : str_print(arena, "user%" PRIu64, many));
        add(fixture, str_print(arena, "%.3f", (double)(i + 1) * 2 + number / 1000));
    }
}

static void the_number_of_workers_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    add_records(fixture, 75000);
    struct going going = {.columns = 5, .batch = 1000, .workers = 1};
    struct profile one = profile_of(fixture, going);
    going.workers = 3;
    struct profile three = profile_of(fixture, going);
    struct str first = printed(&fixture->arena, &one), second = printed(&fixture->arena, &three);
    assert_true(one.is_sampled);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.at, second.at, first.len);
}

static void beyond_the_sample_shares_are_close(void **state)
{
    struct fixture *fixture = *state;
    add_records(fixture, 75000);
    struct profile profile =
        profile_of(fixture, (struct going){.columns = 5, .batch = 777, .workers = 2});
    const struct column_profile *id = &profile.columns[0], *many = &profile.columns[3];
    assert_int_equal(profile.sample_count, PROFILE_SAMPLE);
    assert_false(id->distinct_is_exact);
    assert_close((double)id->distinct, 75000, 0.05);
    assert_close(id->mean, 37500.5, 1e-15);
    assert_close(id->sd, 21650.779431697141, 1e-12);
    assert_close(distribution_quantile(&id->distribution, 0.5), 37500.5, 0.01);
    assert_false(id->distribution.is_exact);
    assert_true(profile.columns[2].values_are_complete);
    assert_int_equal(profile.columns[2].value_count, 3);
    assert_true(str_is(many->values[0].value, "often"));
    assert_close((double)many->values[0].count, 7500, 0.05);
    assert_close((double)many->distinct, 7201, 0.05);
    assert_int_equal(profile.pairs[0].a, 0);
    assert_int_equal(profile.pairs[0].b, 4);
    assert_true(profile.pairs[0].correlation > 0.9999);
}

static void few_values_give_an_exact_distribution_of_many_records(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 70000; i++)
        add(fixture, str_print(&fixture->arena, "%zu", i % 100));
    struct profile profile =
        profile_of(fixture, (struct going){.columns = 1, .batch = 1000, .workers = 2});
    const struct column_profile *column = &profile.columns[0];
    assert_true(profile.is_sampled && column->distribution.is_exact);
    assert_close(distribution_quantile(&column->distribution, 0.5), 49.5, 0);
    assert_int_equal(column->bins[0], 3500);
}

static void numbers_far_from_zero_keep_their_spread(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < 1000; i++)
        add(fixture, i % 2 ? STR("1000000000000001") : STR("1000000000000003"));
    struct profile profile =
        profile_of(fixture, (struct going){.columns = 1, .batch = 64, .workers = 2});
    assert_close(profile.columns[0].mean, 1000000000000002, 0);
    assert_close(profile.columns[0].sd, sqrt(1000.0 / 999), 1e-12);
}

/* Expected by numpy.corrcoef. */
static void correlation_leaves_out_gaps(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {"1", "2", "2", "1", "",  "9", "3", "5",
                                        "4", "",  "5", "4", "6", "7", "7", "8.5"};
    add_all(fixture, texts, COUNT_OF(texts));
    struct profile profile = simple_profile(fixture, 2);
    assert_int_equal(profile.pair_count, 1);
    assert_close(profile.pairs[0].correlation, 0.8979006764276123, 1e-12);
}

/* --- as JSON -------------------------------------------------------------------------------- */

static struct profile read_back(struct fixture *fixture, struct str text)
{
    struct doc *doc = NULL;
    struct profile profile;
    succeeds(json_parse(&fixture->arena, STR("profile"), text, &doc));
    succeeds(profile_read(&fixture->arena, doc->root, &profile));
    return profile;
}

static void assert_same_column(const struct column_profile *a, const struct column_profile *b)
{
    assert_true(str_equal(a->name, b->name));
    assert_int_equal(a->type, b->type);
    assert_memory_equal(a->classes, b->classes, sizeof a->classes);
    assert_memory_equal(a->bins, b->bins, sizeof a->bins);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->null_count, b->null_count);
    assert_int_equal(a->distinct, b->distinct);
    assert_int_equal(a->value_count, b->value_count);
    assert_int_equal(a->length_max, b->length_max);
    assert_memory_equal(&a->min, &b->min, sizeof a->min);
    assert_memory_equal(&a->max, &b->max, sizeof a->max);
    assert_memory_equal(&a->mean, &b->mean, sizeof a->mean);
    assert_memory_equal(&a->sd, &b->sd, sizeof a->sd);
    assert_memory_equal(&a->length_mean, &b->length_mean, sizeof a->length_mean);
    for (size_t i = 0; i < a->value_count; i++) {
        assert_true(str_equal(a->values[i].value, b->values[i].value));
        assert_int_equal(a->values[i].count, b->values[i].count);
    }
}

static void written_and_read_it_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    add_records(fixture, 3000);
    struct profile profile = simple_profile(fixture, 5);
    struct profile again = read_back(fixture, printed(&fixture->arena, &profile));
    struct str second = printed(&fixture->arena, &again);
    struct profile twice = read_back(fixture, second);
    struct str third = printed(&fixture->arena, &twice);
    assert_int_equal(second.len, third.len);
    assert_memory_equal(second.at, third.at, second.len);
    assert_int_equal(again.column_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_same_column(&again.columns[i], &profile.columns[i]);
    assert_true(again.columns[0].distribution.len <= PROFILE_POINTS);
    assert_int_equal(again.pair_count, profile.pair_count);
    assert_memory_equal(again.pairs, profile.pairs, profile.pair_count * sizeof *again.pairs);
}

static void damaged_profiles_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "[]",
        "{\"format\": 1}",
        "{\"format\": 999, \"records\": 1, \"columns\": []}",
        "{\"format\": 1, \"records\": -1, \"columns\": []}",
        "{\"format\": 1, \"records\": 1, \"columns\": [{\"name\": \"a\", \"type\": \"word\"}]}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct doc *doc = NULL;
        struct profile profile;
        succeeds(json_parse(&fixture->arena, STR("profile"), str_of(texts[i]), &doc));
        struct error *error = profile_read(&fixture->arena, doc->root, &profile);
        assert_non_null(error);
        error_drop(error);
    }
}

static void numbers_of_types_are_texts_of_types(void **state)
{
    struct fixture *fixture = *state;
    struct arena *arena = &fixture->arena;
    assert_true(str_is(profile_number_text(arena, TYPE_DATE, 19782), "2024-02-29"));
    assert_true(str_is(profile_number_text(arena, TYPE_DATE, -1), "1969-12-31"));
    assert_true(
        str_is(profile_number_text(arena, TYPE_DATETIME, 1709164800.5), "2024-02-29T00:00:00.500"));
    assert_true(str_is(profile_number_text(arena, TYPE_DATETIME, -1), "1969-12-31T23:59:59"));
    assert_true(str_is(profile_number_text(arena, TYPE_TIME, 3661), "01:01:01"));
    assert_true(str_is(profile_number_text(arena, TYPE_YEARMONTH, 13), "1971-02"));
    assert_true(str_is(profile_number_text(arena, TYPE_NUMBER, 0.1), "0.1"));
    assert_true(str_is(profile_number_text(arena, TYPE_INTEGER, 1e6), "1000000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_small_column_is_measured_exactly),
        TEST(a_column_of_several_types_is_text_and_says_what_it_holds),
        TEST(spellings_of_one_number_are_one_value),
        TEST(large_integers_are_told_apart),
        TEST(a_column_without_values_has_no_type),
        TEST(an_empty_table_has_an_empty_profile),
        TEST(lengths_count_code_points),
        TEST(with_a_schema_bad_cells_are_counted_apart),
        TEST(what_is_not_finite_is_counted_apart),
        TEST(bins_are_those_of_numpy),
        TEST(sums_beyond_a_double_still_have_a_mean),
        TEST(squares_beyond_a_double_still_have_a_deviation),
        TEST(frequent_values_of_mixed_columns_keep_their_spelling),
        TEST(long_texts_are_told_apart_and_cut),
        TEST(the_number_of_workers_changes_nothing),
        TEST(beyond_the_sample_shares_are_close),
        TEST(few_values_give_an_exact_distribution_of_many_records),
        TEST(numbers_far_from_zero_keep_their_spread),
        TEST(correlation_leaves_out_gaps),
        TEST(written_and_read_it_is_the_same),
        TEST(damaged_profiles_are_refused),
        TEST(numbers_of_types_are_texts_of_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
