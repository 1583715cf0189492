/* Pages hold what they are given, escaped, in elements that nest. */
#include "mlops/base/arena.h"
#include "mlops/cli/page.h"

#include "support/unit.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct page page;
};

static void fixture_open(struct fixture *fixture)
{
    fixture->page =
        page_open(&fixture->arena, &fixture->out, STR("A <b> & \"c\""), STR("it's below"));
}

static void fixture_drop(struct fixture *fixture)
{
    buf_drop(&fixture->out);
    arena_drop(&fixture->arena);
}

static void assert_contains(const struct fixture *fixture, const char *text)
{
    if (str_find(buf_str(&fixture->out), str_of(text)) < 0)
        fail_msg("no '%s' in: %s", text, fixture->out.at);
}

static void the_title_is_escaped_and_nothing_from_elsewhere_is_allowed(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    page_close(&fixture.page);
    assert_true(str_starts(buf_str(&fixture.out), STR("<!doctype html>\n")));
    assert_contains(&fixture, "<h1>A &lt;b&gt; &amp; &quot;c&quot;</h1>");
    assert_contains(&fixture, "<p class=\"sub\">it&#39;s below</p>");
    assert_contains(&fixture, "default-src 'none'");
    assert_true(str_ends(buf_str(&fixture.out), STR("</body>\n</html>\n")));
}

static void sections_close_each_other_and_have_anchors_of_their_own(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    page_section(&fixture.page, STR("Time & memory"));
    page_section(&fixture.page, STR("Time & memory"));
    page_section(&fixture.page, STR("数据"));
    page_section_as(&fixture.page, STR("c0"), STR("mass"), STR("number"));
    page_close(&fixture.page);
    assert_contains(&fixture,
                    "<section id=\"time-memory\">\n<h2>Time &amp; memory</h2>\n</section>");
    assert_contains(&fixture, "<section id=\"time-memory-section-2\">");
    assert_contains(&fixture, "<section id=\"section-3\">");
    assert_contains(&fixture,
                    "<section id=\"c0\">\n<h2>mass <small>number</small></h2>\n</section>");
}

static void a_folded_section_has_a_heading_that_opens_it(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    page_section_folded(&fixture.page, STR("Long & dull"), false);
    page_section_folded(&fixture.page, STR("Short"), true);
    page_section(&fixture.page, STR("Plain"));
    page_close(&fixture.page);
    assert_contains(&fixture,
                    "<section id=\"long-dull\">\n<details><summary><h2>Long &amp; dull</h2>"
                    "</summary>\n</details></section>");
    assert_contains(&fixture,
                    "<details open><summary><h2>Short</h2></summary>\n</details></section>");
    assert_contains(&fixture, "<h2>Plain</h2>\n</section>\n</main>\n</body>");
}

static void bytes_that_are_no_text_do_no_harm(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    page_escape(&fixture.out, STR("a\x00\xff\x1b\xef\xbf\xbf<"));
    assert_string_equal(fixture.out.at, "a\\x00\xEF\xBF\xBD\\x1b\xEF\xBF\xBD&lt;");
}

static void a_table_has_a_head_tones_and_links(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const struct column columns[] = {
        {.name = "name", .title = "NAME"},
        {.name = "secret"},
        {.name = "delta", .title = "DELTA", .is_right = true},
    };
    struct table table = table_make(&fixture.arena, columns, COUNT_OF(columns));
    struct cell *row = table_add(&table);
    row[0] = cell_text(STR("a name that is rather long, it is true"));
    row[1] = cell_text(STR("hidden"));
    row[2] = cell_toned(cell_int(&fixture.arena, 1234), TONE_BAD);
    const struct str anchors[] = {STR("c0")};
    fixture_open(&fixture);
    page_table_linked(&fixture.page, &table, anchors);
    assert_contains(&fixture,
                    "<th scope=\"col\">NAME</th><th scope=\"col\" class=\"n\">DELTA</th>");
    assert_contains(&fixture, "<th scope=\"row\" class=\"t\"><a href=\"#c0\">a name that is rather "
                              "long, it is true</a></th>"
                              "<td class=\"n bad\">1,234</td>");
    assert_true(str_find(buf_str(&fixture.out), STR("hidden")) < 0);
}

static void a_table_without_titles_has_no_head(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const struct column columns[] = {{.name = "a", .title = ""}};
    struct table table = table_make(&fixture.arena, columns, 1);
    fixture_open(&fixture);
    page_table(&fixture.page, &table);
    assert_true(str_find(buf_str(&fixture.out), STR("<thead>")) < 0);
}

static void a_document_loses_its_declaration_and_keeps_its_heading(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    page_charts_open(&fixture.page);
    page_chart(&fixture.page, STR("ROC"), STR("<svg id=\"x\"></svg>\n"));
    page_chart(&fixture.page, STR("PR"), STR("<?xml version=\"1.0\"?>\n<svg></svg>\n"));
    page_charts_close(&fixture.page);
    assert_contains(&fixture, "<figcaption>ROC</figcaption>\n<svg id=\"x\">");
    assert_contains(&fixture, "<figure><svg></svg></figure>");
    assert_true(str_equal(page_chart_id(&fixture.page), STR("chart-1")));
    assert_true(str_equal(page_chart_id(&fixture.page), STR("chart-2")));
}

static void images_are_part_of_the_page(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    static const char *const expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE="};
    fixture_open(&fixture);
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        page_image(&fixture.page, STR("plot"), STR("image/png"), (struct str){"fooba", i});
        assert_contains(&fixture,
                        str_print(&fixture.arena, "data:image/png;base64,%s\"", expected[i]).at);
    }
}

static void code_keeps_its_lines_and_verdicts_are_loud(void **state)
{
    AUTO(fixture_drop) struct fixture fixture = {0};
    (void)state;
    fixture_open(&fixture);
    page_code(&fixture.page, STR("\n- a\n+ <b>\n"));
    page_verdict(&fixture.page, TONE_GOOD, STR("better"));
    const struct str items[] = {STR("one"), STR("<two>")};
    page_list(&fixture.page, items, 2);
    page_list(&fixture.page, NULL, 0);
    assert_contains(&fixture, "<pre tabindex=\"0\">\n\n- a\n+ &lt;b&gt;\n</pre>");
    assert_contains(&fixture, "<p class=\"verdict good\">better</p>");
    assert_contains(&fixture, "<ul>\n<li>one</li>\n<li>&lt;two&gt;</li>\n</ul>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_title_is_escaped_and_nothing_from_elsewhere_is_allowed),
        cmocka_unit_test(sections_close_each_other_and_have_anchors_of_their_own),
        cmocka_unit_test(a_folded_section_has_a_heading_that_opens_it),
        cmocka_unit_test(bytes_that_are_no_text_do_no_harm),
        cmocka_unit_test(a_table_has_a_head_tones_and_links),
        cmocka_unit_test(a_table_without_titles_has_no_head),
        cmocka_unit_test(a_document_loses_its_declaration_and_keeps_its_heading),
        cmocka_unit_test(images_are_part_of_the_page),
        cmocka_unit_test(code_keeps_its_lines_and_verdicts_are_loud),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
