#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/model/filter.h"

#include <math.h>
#include <stdio.h>

#include "support/unit.h"

static struct arena arena;

static const struct filter_choice statuses[] = {
    {"succeeded", "succeeded"}, {"failed", "failed"}, {"finished", "succeeded"}, {NULL, NULL}};

struct known {
    const char *name;
    enum filter_type type;
    struct filter_value value;
};

/* The run that all conditions below are asked of. */
static const struct known *known(size_t *ret_count)
{
    static struct known all[] = {
        {"metrics.f1", FILTER_ANY, {0.85, {0}}},
        {"metrics.cross entropy", FILTER_ANY, {0.5, {0}}},
        {"metrics.nan", FILTER_ANY, {0, STR_ROW("nan")}},
        {"params.lr", FILTER_ANY, {0.01, {0}}},
        {"params.model", FILTER_ANY, {0, STR_ROW("tree")}},
        {"params.shuffle", FILTER_ANY, {0, STR_ROW("true")}},
        {"params.none", FILTER_ANY, {0, {0}}},
        {"status", FILTER_CHOICE, {0, STR_ROW("succeeded")}},
        {"branch", FILTER_TEXT, {0, STR_ROW("feature/x-1")}},
        {"commit", FILTER_ID, {0, STR_ROW("3fa1c2d99f4455667788")}},
        {"tags", FILTER_WORDS, {0, STR_ROW("best v1.0")}},
        {"duration", FILTER_DURATION, {90e9, {0}}},
        {"started", FILTER_MOMENT, {1000e9, {0}}},
        {"stages", FILTER_NUMBER, {5, {0}}},
        {"hashed_bytes", FILTER_BYTES, {2048, {0}}},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].value.text.at)
            all[i].value.number = nan("");
    all[6].value.number = nan("");
    *ret_count = COUNT_OF(all);
    return all;
}

static bool read_moment(struct str text, int64_t *ret_from, int64_t *ret_until)
{
    int64_t second;
    if (!str_starts(text, STR("day")))
        return false;
    second = text.at[3] - '0';
    *ret_from = second * 500 * NS_PER_S; /* a "day" of 500 s */
    *ret_until = *ret_from + 500 * NS_PER_S;
    return true;
}

static struct error *ask(const char *text, bool *ret)
{
    struct filter filter;
    size_t count;
    const struct known *all = known(&count);
    struct error *error = filter_parse(&arena, "--filter", str_of(text), &filter);
    if (error)
        return error;
    const struct filter_value **columns =
        arena_new_array(&arena, const struct filter_value *, filter.keys.len + 1);
    for (size_t i = 0; i < filter.keys.len; i++) {
        size_t k = 0;
        while (k < count && !str_is(filter.keys.at[i].name, all[k].name))
            k++;
        if (k == count)
            return filter_fault(&filter, filter.keys.at[i].mark, "unknown key");
        filter.keys.at[i].type = all[k].type;
        filter.keys.at[i].choices = statuses;
        columns[i] = &all[k].value;
    }
    error = filter_bind(&arena, &filter, read_moment);
    if (!error)
        *ret = filter_holds(&filter, columns, 0);
    return error;
}

static void holds(const char *text)
{
    bool answer = false;
    struct error *error = ask(text, &answer);
    if (error || !answer)
        fail_msg("does not hold: %s%s%s", text, error ? ": " : "", error ? error->text : "");
}

static void holds_not(const char *text)
{
    bool answer = true;
    struct error *error = ask(text, &answer);
    if (error || answer)
        fail_msg("holds: %s%s%s", text, error ? ": " : "", error ? error->text : "");
}

static void fails_at(const char *text, int column, const char *why)
{
    bool answer;
    struct error *error = ask(text, &answer);
    if (!error)
        fail_msg("no error: %s", text);
    assert_int_equal(error->code, ERROR_USAGE);
    if (error->mark.column != column || !strstr(error->text, why))
        fail_msg("%s: column %d: %s", text, error->mark.column, error->text);
    error_drop(error);
}

static void numbers_are_compared(void **state)
{
    (void)state;
    holds("metrics.f1 > 0.8");
    holds("metrics.f1>0.8");
    holds("metrics.f1 >= .85 and metrics.f1 <= 8.5e-1");
    holds("metrics.f1 = 0.850");
    holds("metrics.f1 != 0.8501");
    holds_not("metrics.f1 < 0.8");
    holds_not("metrics.f1 <> 0.85");
    holds("stages == 5");
    holds("params.lr < \"0.1\"");
}

static void texts_are_compared(void **state)
{
    (void)state;
    holds("params.model = tree");
    holds("params.model = 'tree'");
    holds("params.model == \"tree\"");
    holds("params.model != forest");
    holds("branch = feature/x-1");
    holds("branch < g");
    holds("params.shuffle = True");
    holds_not("params.model = Tree");
    holds("params.model like 'tr%'");
    holds("params.model like 't_ee'");
    holds_not("params.model like 'T%'");
    holds("params.model ilike 'T%E'");
    holds("branch ~ X-1");
    holds("branch !~ y");
    holds("branch not like 'main%'");
    holds("params.model in ('a', tree)");
    holds("params.model not in ('a', 'b')");
}

static void logic_binds_as_usual(void **state)
{
    (void)state;
    holds("stages = 5 or stages = 6 and stages = 7");
    holds_not("(stages = 5 or stages = 6) and stages = 7");
    holds("not stages = 6 and not (stages = 7 or stages = 8)");
    holds("NOT NOT stages = 5 AND (stages = 5)");
    holds("stages = 5 && !(stages = 6) || stages = 9");
    holds("");
    holds("  ");
}

static void what_is_absent_answers_nothing(void **state)
{
    (void)state;
    holds_not("params.none > 0");
    holds_not("params.none <= 0");
    holds_not("params.none != 0");
    holds_not("not params.none = 0");
    holds("params.none is null");
    holds("params.none = 1 or stages = 5");
    holds_not("params.none = 1 and stages = 5");
    holds("params.lr is not null");
    holds_not("metrics.nan > 0");
    holds_not("not metrics.nan > 0");
    holds_not("metrics.nan != 0");
    holds("metrics.nan is not null");
    holds_not("params.model > 3");
    holds_not("params.model < 3");
}

static void keys_have_types(void **state)
{
    (void)state;
    holds("duration < 5m and duration > 1m and duration = 90");
    holds("duration = 1.5m");
    holds("hashed_bytes = 2KiB");
    holds("status = succeeded and status = FINISHED and status != failed");
    holds("commit = 3fa1c2d");
    holds("commit = '7788'");
    holds_not("commit = 3fa");
    holds("tags = best and tags = v1.0 and tags != v1");
    holds("started = day2");
    holds("started > day1");
    holds_not("started > day2");
    holds("started >= day2 and started <= day2 and started < day3");
}

static void names_may_be_quoted(void **state)
{
    (void)state;
    holds("metrics.`cross entropy` < 1");
    holds("metrics.\"cross entropy\" < 1");
    holds("`metrics.f1` > 0.8");
    holds("\"metrics.f1\" > 0.8");
}

static void mistakes_are_pointed_at(void **state)
{
    (void)state;
    fails_at("metrics.f2 > 1", 1, "unknown key");
    fails_at("stages = 5 and f2 > 1", 16, "unknown key");
    fails_at("stages 5", 8, "an operator is missing before '5'");
    fails_at("stages =", 9, "a value is missing before the end");
    fails_at("stages = 5 and", 15, "a key is missing before the end");
    fails_at("stages = 5 stages = 6", 12, "'and' or 'or' is expected before 'stages'");
    fails_at("(stages = 5", 1, "this '(' is not closed");
    fails_at("stages = 5)", 11, "this ')' closes nothing");
    fails_at("branch = 'main", 10, "a quote is not closed");
    fails_at("\xc3\xa4 = 1", 1, "unknown key");
    fails_at("branch = \xc3\xa4 x", 12, "'and' or 'or' is expected");
    fails_at("stages = five", 10, "'stages' is compared with a number, not 'five'");
    fails_at("duration < soon", 12, "a time (90s, 5m, 1.5h), not 'soon'");
    fails_at("started > soon", 11, "a date (2026-11-01)");
    fails_at("status = succeded", 10, "(did you mean 'succeeded'?)");
    fails_at("stages like '5%'", 1, "is no text");
    fails_at("stages in 5", 11, "'in' takes a list");
    fails_at("branch is 5", 11, "'null' is expected here");
    fails_at("branch not = 5", 12, "an operator is missing");
    fails_at("branch \x01 5", 8, "means nothing");
}

static void deep_nesting_is_refused_and_long_chains_are_not(void **state)
{
    (void)state;
    struct buf text = buf_in(&arena);
    buf_add_repeated(&text, '(', 100);
    buf_add_text(&text, "stages = 5");
    buf_add_repeated(&text, ')', 100);
    fails_at(text.at, 65, "nested deeper");
    buf_clear(&text);
    buf_add_text(&text, "stages = 5");
    for (int i = 0; i < 3000; i++)
        buf_add_text(&text, " and stages = 5");
    holds(text.at);
    buf_clear(&text);
    for (int i = 0; i < 31; i++)
        buf_add_text(&text, "stages = 6 or stages = 5 and (");
    buf_add_text(&text, "stages = 5");
    buf_add_repeated(&text, ')', 31);
    holds(text.at);
}

static void absent_values_come_last_both_ways(void **state)
{
    (void)state;
    struct filter_value one = {1, {0}}, two = {2, {0}}, none = {nan(""), {0}};
    struct filter_value word = {nan(""), STR("a")}, is_nan = {nan(""), STR("nan")};
    assert_true(filter_value_compare(&one, &two, false) < 0);
    assert_true(filter_value_compare(&one, &two, true) > 0);
    assert_true(filter_value_compare(&one, &none, false) < 0);
    assert_true(filter_value_compare(&one, &none, true) < 0);
    assert_true(filter_value_compare(&one, &is_nan, true) < 0);
    assert_true(filter_value_compare(&one, &word, false) < 0);
    assert_int_equal(filter_value_compare(&is_nan, &none, false), 0);
}

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_compared),
        cmocka_unit_test(texts_are_compared),
        cmocka_unit_test(logic_binds_as_usual),
        cmocka_unit_test(what_is_absent_answers_nothing),
        cmocka_unit_test(keys_have_types),
        cmocka_unit_test(names_may_be_quoted),
        cmocka_unit_test(mistakes_are_pointed_at),
        cmocka_unit_test(deep_nesting_is_refused_and_long_chains_are_not),
        cmocka_unit_test(absent_values_come_last_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, drop_arena);
}
