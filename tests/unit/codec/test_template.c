/* Expressions in texts, and values as text. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/codec/template.h"

#include "support/unit.h"

static struct arena arena;

static int give_back(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static const struct doc_node *parse(const char *text)
{
    struct doc *doc;
    const struct doc_options options = {.dialect = DOC_DVC};
    assert_null(doc_parse(&arena, STR("a.yaml"), str_of(text), &options, &doc));
    return doc->root;
}

static const struct doc_node *text_node(const char *text)
{
    struct doc_node *node = arena_new(&arena, struct doc_node);
    *node = *parse("x");
    node->text = str_of(text);
    return node;
}

/* "literal|<a.b>|literal": pieces as read. */
static const char *pieces_of(const char *text)
{
    struct template template;
    struct buf out = buf_in(&arena);
    assert_null(template_parse(&arena, text_node(text), &template));
    buf_add_text(&out, "");
    for (size_t i = 0; i < template.count; i++) {
        const struct template_piece *piece = &template.pieces[i];
        buf_print(&out, "%s%s%.*s%s", i ? "|" : "", piece->is_expression ? "<" : "",
                  STR_FMT(piece->is_expression ? piece->shown : piece->text),
                  piece->is_expression ? ">" : "");
    }
    return out.at;
}

static void an_expression_ends_at_the_first_brace_of_its_line(void **state)
{
    (void)state;
    assert_string_equal(pieces_of("a ${b} c${d}"), "a |<b>| c|<d>");
    assert_string_equal(pieces_of("${a}}"), "<a>|}");
    assert_string_equal(pieces_of("${${a}"), "<${a>");
    assert_string_equal(pieces_of("${a\n}"), "${a\n}");
    assert_string_equal(pieces_of("${a"), "${a");
    assert_string_equal(pieces_of("$a $(b) $$ {c}"), "$a $(b) $$ {c}");
}

static void a_backslash_before_the_dollar_keeps_the_text(void **state)
{
    (void)state;
    assert_string_equal(pieces_of("\\${a} ${b}"), "\\${a} |<b>");
    assert_string_equal(pieces_of("\\\\${a}"), "\\\\${a}");
    struct buf out = buf_in(&arena);
    template_add_unescaped(&out, STR("\\${a} \\\\${b} \\$ \\${"));
    assert_string_equal(out.at, "${a} \\${b} \\$ ${");
}

static void brackets_are_dots_and_blanks_around_words_go(void **state)
{
    (void)state;
    assert_string_equal(pieces_of("${a[0].b[ c d ]}"), "<a.0.b.c d>");
    assert_string_equal(pieces_of("${ a . b }"), "<a.b>");
    assert_string_equal(pieces_of("${a[0] .b}"), "<a.0.b>");
    assert_string_equal(pieces_of("${ }"), "< >");
    assert_string_equal(pieces_of("${m['k']}"), "<m.'k'>");
}

static void expect_fault(const char *yaml, int column, const char *part)
{
    struct template template;
    struct error *error = template_parse(&arena, parse(yaml), &template);
    assert_non_null(error);
    assert_int_equal(error->mark.column, column);
    if (!strstr(error->text, part))
        fail_msg("'%s' is not in '%s'", part, error->text);
    error_drop(error);
}

static void what_is_wrong_is_told_at_its_character(void **state)
{
    (void)state;
    expect_fault("x ${}", 5, "an expression names a value");
    expect_fault("x ${.a}", 5, "a name is missing");
    expect_fault("x ${a.}", 7, "a name is missing");
    expect_fault("'x ${a[0]b}'", 10, "a '.' or '[' is missing");
    expect_fault("ä ${a]} ${b", 6, "this ']' closes no bracket");
}

static void the_same_expression_twice_is_told_at_the_wrong_one(void **state)
{
    (void)state;
    struct template template;
    const struct doc_node *node = parse("${ok} ${a} ${ok}");
    assert_null(template_parse(&arena, node, &template));
    struct error *error = template_error(&template, &template.pieces[4], "wrong");
    assert_int_equal(error->mark.column, 12);
    error_drop(error);
}

static void expect_text(const char *yaml, const char *text)
{
    struct str found = template_text(&arena, parse(yaml));
    assert_string_equal(str_copy(&arena, found).at, text);
}

static void numbers_are_written_as_python_does(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"007", "7"},
        {"0x1F", "31"},
        {"1_000", "1000"},
        {"-0", "0"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"1e-3", "0.001"},
        {"1e-4", "0.0001"},
        {"1e-5", "1e-05"},
        {"3e4", "30000.0"},
        {"1e15", "1000000000000000.0"},
        {"1e16", "1e+16"},
        {"0.1", "0.1"},
        {"1.50", "1.5"},
        {"-0.0", "-0.0"},
        {"5e-324", "5e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"9007199254740993.0", "9007199254740992.0"},
        {"123456789.123456789", "123456789.12345679"},
        {".inf", "inf"},
        {"-.inf", "-inf"},
        {".nan", "nan"},
        {"True", "true"},
        {"~", "None"},
        {"'007'", "007"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_text(rows[i][0], rows[i][1]);
}

static const char *arguments_of(const char *yaml, const struct template_arguments *options)
{
    struct buf out = buf_in(&arena);
    buf_add_text(&out, "x ");
    assert_null(template_add_arguments(&out, parse(yaml), options, &arena));
    return out.at;
}

static void a_mapping_becomes_arguments(void **state)
{
    (void)state;
    const char *map =
        "{a: 1, b: {c: x y, d: {e: ''}}, t: true, f: false, n: ~, l: [1, it's, true]}";
    const struct template_arguments plain = {0};
    const struct template_arguments other = {.bool_is_optional = true, .list_appends = true};
    assert_string_equal(arguments_of(map, &plain),
                        "x --a 1 --b.c 'x y' --b.d.e '' --t --n None --l 1 'it'\"'\"'s' True");
    assert_string_equal(
        arguments_of(map, &other),
        "x --a 1 --b.c 'x y' --b.d.e '' --t --no-f --n None --l 1 --l 'it'\"'\"'s' --l True");
    assert_string_equal(arguments_of("{e: {}, l: [], f: false}", &plain), "x ");
}

static void lists_inside_lists_are_no_arguments(void **state)
{
    (void)state;
    const struct template_arguments plain = {0};
    struct buf out = buf_in(&arena);
    const struct doc_node *fault =
        template_add_arguments(&out, parse("{a: [1, [2]]}"), &plain, &arena);
    assert_non_null(fault);
    assert_int_equal(fault->kind, DOC_LIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_ends_at_the_first_brace_of_its_line),
        cmocka_unit_test(a_backslash_before_the_dollar_keeps_the_text),
        cmocka_unit_test(brackets_are_dots_and_blanks_around_words_go),
        cmocka_unit_test(what_is_wrong_is_told_at_its_character),
        cmocka_unit_test(the_same_expression_twice_is_told_at_the_wrong_one),
        cmocka_unit_test(numbers_are_written_as_python_does),
        cmocka_unit_test(a_mapping_becomes_arguments),
        cmocka_unit_test(lists_inside_lists_are_no_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, give_back);
}
