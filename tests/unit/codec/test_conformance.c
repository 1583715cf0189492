/* The public suites of JSON and YAML, and the hostile inputs, read where MLOPS_CONFORMANCE says
 * (they are not part of the project). */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

/* The bytes of a file of the conformance data; skips the test where there is none. */
static struct str load(const char *name)
{
    const char *folder = getenv("MLOPS_CONFORMANCE");
    if (!folder) {
        print_message("skipped: MLOPS_CONFORMANCE does not name the conformance data\n");
        skip();
    }
    struct buf bytes = buf_in(&arena);
    FILE *file = fopen(str_print(&arena, "%s/%s", folder, name).at, "rb");
    if (!file)
        fail_msg("cannot open %s/%s", folder, name);
    for (size_t got = 1; got > 0; bytes.len += got)
        got = fread(buf_reserve(&bytes, 65536), 1, 65536, file);
    fclose(file);
    return buf_str(&bytes);
}

static struct str text_of(const struct doc_node *object, const char *key)
{
    const struct doc_node *found = doc_find(object, str_of(key));
    return found ? found->text : (struct str){0};
}

static struct str decode_base64(struct str text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out = buf_in(&arena);
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < text.len && text.at[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, text.at[i]) - digits);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buf_add_char(&out, (char)(bits >> count & 0xFF));
        }
    }
    return out.len ? buf_str(&out) : STR("");
}

/* Each line of a file of JSON objects. */
static const struct doc_node *next_case(struct str *rest)
{
    struct str line = {0};
    struct doc *doc = NULL;
    if (!str_split(rest, '\n', &line) || !line.len)
        return NULL;
    struct error *error = json_parse(&arena, STR("cases.jsonl"), line, &doc);
    if (error)
        fail_msg("%s", error->text);
    return doc->root;
}

static bool accepts_json(struct str bytes, bool by_grammar)
{
    struct doc *doc = NULL;
    struct error *error = by_grammar ? json_parse_lenient(&arena, STR("case"), bytes, &doc)
                                     : json_parse(&arena, STR("case"), bytes, &doc);
    bool accepted = !error;
    error_drop(error);
    return accepted;
}

/* How many inputs of one verdict are accepted by the grammar alone, and by our rules on top. */
struct tally {
    const char *verdict;
    int count;
    int by_grammar;
    int by_rules;
};

static void count_json(struct tally *tally, const struct doc_node *one)
{
    struct str verdict = text_of(one, "verdict");
    if (!str_is(verdict, tally->verdict))
        return;
    struct str base64 = text_of(one, "base64");
    struct str bytes = base64.at ? decode_base64(base64) : text_of(one, "text");
    bool by_grammar = accepts_json(bytes, true);
    tally->count++;
    tally->by_grammar += by_grammar;
    tally->by_rules += accepts_json(bytes, false);
    bool is_wrong = str_is(verdict, by_grammar ? "refuse" : "accept");
    if (is_wrong)
        print_error("%s: %.*s\n", by_grammar ? "accepted" : "refused", STR_FMT(text_of(one, "id")));
}

/* All that must be accepted or refused is; the rules on names refuse 3 more. What is free is
 * decided in docs/formats.md, "JSON". */
static void json_is_read_as_the_public_suite_says(void **state)
{
    (void)state;
    struct str rest = load("json-test-suite/cases.jsonl");
    struct tally tallies[] = {
        {"accept", 0, 0, 0}, {"refuse", 0, 0, 0}, {"either", 0, 0, 0}, {"transform", 0, 0, 0}};
    for (const struct doc_node *one; (one = next_case(&rest));)
        for (size_t i = 0; i < COUNT_OF(tallies); i++)
            count_json(&tallies[i], one);
    const struct tally expected[] = {{"accept", 95, 95, 92},
                                     {"refuse", 188, 0, 0},
                                     {"either", 35, 6, 6},
                                     {"transform", 22, 16, 13}};
    for (size_t i = 0; i < COUNT_OF(tallies); i++) {
        assert_int_equal(tallies[i].count, expected[i].count);
        assert_int_equal(tallies[i].by_grammar, expected[i].by_grammar);
        assert_int_equal(tallies[i].by_rules, expected[i].by_rules);
    }
}

static struct error *read_yaml(struct str bytes, struct doc **ret)
{
    struct doc_options options = {0};
    return doc_parse(&arena, STR("case.yaml"), bytes, &options, ret);
}

static struct str canonical(const struct doc_node *node)
{
    struct buf out = buf_in(&arena);
    doc_encode(node, &arena, &out);
    return buf_str(&out);
}

/* Whether the value of a case is the one the suite gives. */
static bool has_value(const struct doc *doc, struct str expected)
{
    struct doc *value = NULL;
    struct error *error = json_parse_lenient(&arena, STR("expected"), expected, &value);
    if (error) {
        error_drop(error); /* several documents: refused by us anyway */
        return false;
    }
    return str_equal(canonical(value->root), canonical(doc->root));
}

/* Our own rules, by words of their messages: valid YAML that is no plain data. */
static const char *our_rule(const struct error *error)
{
    static const char *const words[] = {"unknown tag", "second document", "must be plain text",
                                        "must not be empty", "does not fit"};
    for (size_t i = 0; error && i < COUNT_OF(words); i++)
        if (strstr(error->text, words[i]))
            return words[i];
    return NULL;
}

/* What becomes of a case. */
enum fate {
    FATE_EQUAL,     /* valid: taken with the value that the suite gives */
    FATE_TAKEN,     /* valid: taken, the suite gives no value */
    FATE_OUR_RULE,  /* valid, refused because it is no plain data */
    FATE_LIBYAML,   /* valid, refused because libyaml cannot read it */
    FATE_LOST,      /* valid, libyaml could, we do not: a fault */
    FATE_MISREAD,   /* valid, another value because libyaml misreads it */
    FATE_DIFFERENT, /* valid, taken with another value: a fault */
    FATE_REFUSED,   /* invalid, as it should be */
    FATE_PASSED,    /* invalid, and yet taken */
    FATES,
};

static const char *const fate_names[] = {
    [FATE_EQUAL] = "valid, the suite's value",
    [FATE_TAKEN] = "valid, taken (the suite gives no value)",
    [FATE_OUR_RULE] = "valid, refused: no plain data",
    [FATE_LIBYAML] = "valid, refused: libyaml cannot read it",
    [FATE_LOST] = "valid, lost by our reader",
    [FATE_MISREAD] = "valid, another value: libyaml misreads it",
    [FATE_DIFFERENT] = "valid, another value",
    [FATE_REFUSED] = "invalid, refused",
    [FATE_PASSED] = "invalid, taken",
};

static enum fate fate_of_valid(const struct doc_node *one, const struct error *error,
                               const struct doc *doc)
{
    struct str expected = text_of(one, "json");
    bool libyaml_can = str_is(text_of(one, "libyaml_0_2_5"), "same");
    if (error)
        return our_rule(error) ? FATE_OUR_RULE : libyaml_can ? FATE_LOST : FATE_LIBYAML;
    if (!expected.len)
        return FATE_TAKEN;
    if (has_value(doc, expected))
        return FATE_EQUAL;
    return libyaml_can ? FATE_DIFFERENT : FATE_MISREAD;
}

static enum fate fate_of(const struct doc_node *one)
{
    struct doc *doc = NULL;
    struct error *error = read_yaml(text_of(one, "yaml"), &doc);
    bool is_invalid = doc_find(one, STR("error"))->truth;
    enum fate fate = fate_of_valid(one, error, doc);
    if (is_invalid)
        fate = error ? FATE_REFUSED : FATE_PASSED;
    if (fate == FATE_LOST || fate == FATE_MISREAD || fate == FATE_DIFFERENT || fate == FATE_PASSED)
        print_message("%s: %.*s %.*s (%s)\n", fate_names[fate], STR_FMT(text_of(one, "id")),
                      STR_FMT(text_of(one, "name")), error ? error->text : "");
    error_drop(error);
    return fate;
}

/* Where libyaml reads a valid case right, so do we, but for our rules; no case has a wrong value.
 */
static void yaml_is_read_as_the_public_suite_says(void **state)
{
    (void)state;
    struct str rest = load("yaml-test-suite/cases.jsonl");
    int counts[FATES] = {0};
    for (const struct doc_node *one; (one = next_case(&rest));)
        counts[fate_of(one)]++;
    for (int i = 0; i < FATES; i++)
        print_message("yaml-test-suite: %3d %s\n", counts[i], fate_names[i]);
    assert_int_equal(counts[FATE_LOST], 0);
    assert_int_equal(counts[FATE_DIFFERENT], 0);
    assert_int_equal(counts[FATE_REFUSED], 94);
}

/* What only the reader of pipelines refuses, because it is about meaning. */
static bool is_for_the_binder(struct str file)
{
    static const char *const files[] = {"yaml/002-only-comment.yaml", "yaml/003-null-root.yaml",
                                        "yaml/004-scalar-root.yaml", "yaml/023-bidi-in-name.yaml",
                                        "yaml/024-zero-width-twins.yaml"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (str_is(file, files[i]))
            return true;
    return false;
}

static bool is_place(struct str expected, int found)
{
    return str_is(expected, "-") || str_equal(expected, str_print(&arena, "%d", found));
}

/* Columns: file, verdict, line, column, word of the message, requirement. */
static void judge_hostile(const struct str *row)
{
    struct doc *doc = NULL;
    struct str bytes = load(str_print(&arena, "hostile/%.*s", STR_FMT(row[0])).at);
    struct error *error = str_ends(row[0], STR(".json")) ? json_parse(&arena, row[0], bytes, &doc)
                                                         : read_yaml(bytes, &doc);
    bool is_ok = str_starts(row[1], STR("ok")) || is_for_the_binder(row[0]);
    if (is_ok != !error)
        fail_msg("%.*s: %s", STR_FMT(row[0]), error ? error->text : "accepted");
    if (error && (!is_place(row[2], error->mark.line) || !is_place(row[3], error->mark.column)))
        fail_msg("%.*s: %d:%d", STR_FMT(row[0]), error->mark.line, error->mark.column);
    if (error && !str_is(row[4], "-") && str_find(str_of(error->text), row[4]) < 0)
        fail_msg("%.*s: %s", STR_FMT(row[0]), error->text);
    error_drop(error);
}

static void hostile_files_are_refused_where_they_are_wrong(void **state)
{
    (void)state;
    struct str rest = load("hostile/expect.tsv");
    struct str line = {0};
    int count = 0;
    while (str_split(&rest, '\n', &line)) {
        struct str row[6] = {{0}};
        for (size_t i = 0; i < COUNT_OF(row) && str_split(&line, '\t', &row[i]); i++)
            ;
        if (str_starts(row[0], STR("yaml/")) || str_starts(row[0], STR("params/")) ||
            str_starts(row[0], STR("json/"))) {
            judge_hostile(row);
            count++;
        }
    }
    assert_int_equal(count, 36);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(json_is_read_as_the_public_suite_says),
        TEST(yaml_is_read_as_the_public_suite_says),
        TEST(hostile_files_are_refused_where_they_are_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
