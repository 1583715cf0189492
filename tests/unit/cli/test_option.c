#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/cli/option.h"

#include "support/unit.h"

struct sample {
    bool force, all;
    struct str name;
    int64_t jobs, wait_ns;
    int format;
    struct str_vec params;
};

static const char *const formats[] = {"table", "json", NULL};

static const struct option_row rows[] = {
    {"force", 'f', OPTION_FLAG_AT(struct sample, force), .help = "h"},
    {"all", 'a', OPTION_FLAG_AT(struct sample, all), .help = "h"},
    {"name", 'n', OPTION_STR_AT(struct sample, name), .help = "h"},
    {"jobs", 'j', OPTION_INT_AT(struct sample, jobs), .least = 1, .most = 8, .initial = 3,
     .help = "h"},
    {"wait", 0, OPTION_DURATION_AT(struct sample, wait_ns), .least = 1, .initial = -1, .help = "h"},
    {"format", 0, OPTION_CHOICE_AT(struct sample, format), .choices = formats, .help = "h"},
    {"param", 'P', OPTION_STRS_AT(struct sample, params), .help = "h"},
};

enum { WORDS_MOST = 8 };

/* A command line, split at blanks, and what became of it. */
struct parsed {
    struct arena arena;
    struct sample sample;
    struct str_vec words;
    int at;
    struct error *error;
};

static void parse(struct parsed *ret, const char *line, bool stops_at_word)
{
    static struct str argv[WORDS_MOST];
    struct str rest = str_of(line);
    struct option_table table = {rows, COUNT_OF(rows), &ret->sample};
    struct option_parse parse = {.arena = &ret->arena,
                                 .tables = &table,
                                 .table_count = 1,
                                 .argv = argv,
                                 .stops_at_word = stops_at_word,
                                 .command = "mlops try"};
    while (rest.len && str_split(&rest, ' ', &argv[parse.argc]))
        parse.argc++;
    ret->error = options_parse(&parse);
    ret->words = parse.words;
    ret->at = parse.at;
}

static void parsed_drop(struct parsed *parsed)
{
    error_drop(parsed->error);
    arena_drop(&parsed->arena);
}

static void assert_fails(const char *line, const char *text)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    parse(&parsed, line, false);
    assert_non_null(parsed.error);
    assert_int_equal(parsed.error->code, ERROR_USAGE);
    if (!strstr(parsed.error->text, text))
        fail_msg("'%s' does not hold '%s'", parsed.error->text, text);
}

static void values_follow_an_equals_sign_a_blank_or_the_letter_itself(void **state)
{
    static const char *const lines[] = {"--jobs=4", "--jobs 4", "-j4", "-j 4"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        AUTO(parsed_drop) struct parsed parsed = {0};
        parse(&parsed, lines[i], false);
        assert_null(parsed.error);
        assert_int_equal(parsed.sample.jobs, 4);
    }
}

static void what_is_not_given_has_the_value_of_its_row(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "", false);
    assert_int_equal(parsed.sample.jobs, 3);
    assert_int_equal(parsed.sample.wait_ns, -1);
    assert_false(parsed.sample.force);
}

static void flags_are_bundled_and_the_last_letter_may_take_a_value(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "-faj7", false);
    assert_null(parsed.error);
    assert_true(parsed.sample.force && parsed.sample.all);
    assert_int_equal(parsed.sample.jobs, 7);
}

static void a_flag_is_taken_back_by_no(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "--force --no-force --all", false);
    assert_null(parsed.error);
    assert_false(parsed.sample.force);
    assert_true(parsed.sample.all);
}

static void words_and_options_mix_until_two_dashes(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "one --force two -- --all -", false);
    assert_null(parsed.error);
    assert_int_equal(parsed.words.len, 4);
    assert_true(str_is(parsed.words.at[2], "--all"));
    assert_false(parsed.sample.all);
}

static void an_option_of_a_list_may_be_given_often(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "-P a=1 --param=b=2", false);
    assert_null(parsed.error);
    assert_int_equal(parsed.sample.params.len, 2);
    assert_true(str_is(parsed.sample.params.at[1], "b=2"));
}

static void everything_from_the_first_word_on_can_be_left_alone(void **state)
{
    AUTO(parsed_drop) struct parsed parsed = {0};
    (void)state;
    parse(&parsed, "--force run --unknown", true);
    assert_null(parsed.error);
    assert_int_equal(parsed.at, 1);
}

static void an_unknown_option_suggests_the_nearest_one(void **state)
{
    (void)state;
    assert_fails("--froce", "did you mean '--force'?");
    assert_fails("--zzzzzz", "'mlops try' has no option '--zzzzzz'");
    assert_fails("-z", "no option '-z'");
    assert_fails("--no-name", "no option '--no-name'");
}

static void a_bad_value_says_what_was_wanted(void **state)
{
    (void)state;
    assert_fails("--jobs=9", "outside of 1 to 8");
    assert_fails("--jobs=4x", "'4x' is not a whole number");
    assert_fails("--jobs=99999999999999999999", "not a whole number");
    assert_fails("--wait=soon", "such as 30s");
    assert_fails("--wait=0", "such as 30s");
    assert_fails("--format=xml", "none of table, json");
    assert_fails("--force=yes", "takes no value");
    assert_fails("--name", "--name needs a value");
    assert_fails("-fj", "--jobs needs a value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_follow_an_equals_sign_a_blank_or_the_letter_itself),
        cmocka_unit_test(what_is_not_given_has_the_value_of_its_row),
        cmocka_unit_test(flags_are_bundled_and_the_last_letter_may_take_a_value),
        cmocka_unit_test(a_flag_is_taken_back_by_no),
        cmocka_unit_test(words_and_options_mix_until_two_dashes),
        cmocka_unit_test(an_option_of_a_list_may_be_given_often),
        cmocka_unit_test(everything_from_the_first_word_on_can_be_left_alone),
        cmocka_unit_test(an_unknown_option_suggests_the_nearest_one),
        cmocka_unit_test(a_bad_value_says_what_was_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
