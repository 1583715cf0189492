#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/xml.h"

#include "support/scratch.h"

static struct xml_node *parse(struct arena *arena, const char *text)
{
    struct xml_node *root = NULL;
    assert_fine(xml_parse(arena, str_of(text), NULL, &root));
    return root;
}

static void names_lose_their_namespaces_and_texts_their_blanks(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct xml_node *root =
        parse(&arena, "<?xml version='1.0'?>\n<D:a xmlns:D='DAV:' xmlns='urn:x'>\n"
                      " <D:b x='1'> t &amp;&#x41; </D:b><c/><D:b>second</D:b></D:a>");
    assert_true(str_is(root->name, "a"));
    assert_true(str_is(xml_text(root, "b"), "t &A"));
    assert_non_null(xml_find(root, "c"));
    assert_int_equal(xml_text(root, "c").len, 0);
    assert_null(xml_find(root, "d"));
    assert_null(xml_find(NULL, "d"));
    assert_int_equal(root->text.len, 0);
}

static FALLIBLE note(void *context, const struct xml_node *node)
{
    struct buf *out = context;
    buf_print(out, "%.*s ", STR_FMT(xml_text(node, "k")));
    return out->len > 6 ? error_new(ERROR_MACHINE, "enough") : NULL;
}

static void what_is_visited_is_not_kept(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf out = {0};
    struct xml_visitor visitor = {"i", note, &out};
    struct xml_node *root = NULL;
    assert_fine(
        xml_parse(&arena, STR("<l><i><k>1</k></i><t>x</t><i><k>2</k></i></l>"), &visitor, &root));
    assert_string_equal(out.at, "1 2 ");
    assert_null(xml_find(root, "i"));
    assert_true(str_is(xml_text(root, "t"), "x"));
}

static void an_error_of_the_visitor_ends_the_reading(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf out = {0};
    struct xml_visitor visitor = {"i", note, &out};
    struct xml_node *root = NULL;
    struct str text = STR("<l><i><k>1</k></i><i><k>22</k></i><i><k>333</k></i><i/></l>");
    assert_error(xml_parse(&arena, text, &visitor, &root), "enough");
    assert_string_equal(out.at, "1 22 333 ");
    assert_null(root);
}

static void document_types_and_their_entities_are_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct xml_node *root = NULL;
    assert_error(xml_parse(&arena, STR("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), NULL, &root),
                 "document type");
    assert_error(xml_parse(&arena, STR("<a>&x;</a>"), NULL, &root), "line 1");
}

static void what_is_cut_off_or_none_at_all_is_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct xml_node *root = NULL;
    assert_error(xml_parse(&arena, STR("<a><b>"), NULL, &root), "line 1");
    assert_error(xml_parse(&arena, STR(""), NULL, &root), "well-formed");
    assert_error(xml_parse(&arena, STR("not found"), NULL, &root), "well-formed");
    assert_null(root);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct buf text = buf_in(&arena);
    struct xml_node *root = NULL;
    for (int i = 0; i < 33; i++)
        buf_add_text(&text, "<a>");
    assert_error(xml_parse(&arena, buf_str(&text), NULL, &root), "deeper");
}

static void text_is_escaped(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    assert_true(str_is(xml_escape(&arena, STR("\"<a>&\"")), "\"&lt;a&gt;&amp;\""));
}

static void others_text_stands_anywhere(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct buf out = buf_in(&arena);
    xml_add(&out, STR("<a href='\"'>&\n\x01\xff\xef\xbf\xbe\xef\xbf\xbf!"), true);
    assert_string_equal(out.at,
                        "&lt;a href=&#39;&quot;&#39;&gt;&amp;\n\\x01\xEF\xBF\xBD\xEF\xBF\xBD"
                        "\xEF\xBF\xBD!");
    buf_clear(&out);
    xml_add(&out, STR("a\nb"), false);
    assert_string_equal(out.at, "a\\x0ab");
    buf_clear(&out);
    xml_add(&out, STR(""), false);
    assert_int_equal(out.len, 0);
}

static FALLIBLE take(void *context, const struct xml_node *node)
{
    (void)node;
    ++*(int64_t *)context;
    return NULL;
}

/* What is visited is given back, so there may be any number of it. */
static void elements_in_memory_are_bounded(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(buf_drop) struct buf text = {0};
    int64_t count = 0;
    struct xml_visitor visitor = {"i", take, &count};
    struct xml_node *root = NULL;
    buf_add_text(&text, "<l>");
    for (int64_t i = 0; i < LIMIT_XML_NODES + 10; i++)
        buf_add_text(&text, "<i/>");
    buf_add_text(&text, "</l>");
    assert_fine(xml_parse(&arena, buf_str(&text), &visitor, &root));
    assert_int_equal(count, LIMIT_XML_NODES + 10);
    arena_reset(&arena);
    assert_error(xml_parse(&arena, buf_str(&text), NULL, &root), "more than 1000000 elements");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_their_namespaces_and_texts_their_blanks),
        cmocka_unit_test(what_is_visited_is_not_kept),
        cmocka_unit_test(an_error_of_the_visitor_ends_the_reading),
        cmocka_unit_test(document_types_and_their_entities_are_refused),
        cmocka_unit_test(what_is_cut_off_or_none_at_all_is_refused),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(others_text_stands_anywhere),
        cmocka_unit_test(elements_in_memory_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
