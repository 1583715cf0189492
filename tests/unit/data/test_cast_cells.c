/* The cells of tests/unit/data/cells.jsonl: 1,843 casts of another program that agree with the
 * standard, and 100 that show a habit of Python instead (`quirk`). Of these the standard decides
 * some, which are then judged by it, and leaves some open, which are skipped:
 *  - what of a text is "non-numeric" and stripped with bareNumber=false ("1.2.3", "P1Y"),
 *  - where group characters may stand ("0,91").
 * One habit is ours, too: a zone without its colon ("+0100"), which published data have. */
#include <math.h>

#include "schemas.h"
#include "support/conformance.h"

static const char *const state_names[] = {"valid", "null", "missing", "invalid"};

static bool is_open(struct str quirk, const struct doc_node *field)
{
    const struct doc_node *bare = doc_find(field, STR("bareNumber"));
    return str_find(quirk, STR("bareNumber")) >= 0 ||
           str_find(quirk, STR("group positions")) >= 0 ||
           (bare && !bare->truth); /* blanks around are non-numeric, too */
}

static const struct doc_node *parse(struct arena *arena, struct str line)
{
    struct doc *doc = NULL;
    assert_null(json_parse(arena, STR("cells.jsonl"), line, &doc));
    return doc->root;
}

static double number_of(struct arena *arena, const struct doc_node *value)
{
    double number = value->kind == DOC_BOOL ? (double)value->truth : 0;
    if (value->kind != DOC_BOOL && str_ends(value->text, STR("Infinity")))
        return value->text.at[0] == '-' ? -INFINITY : INFINITY;
    if (value->kind != DOC_BOOL)
        number = strtod(str_copy(arena, value->text).at, NULL);
    return number;
}

static void check_cell(struct arena *arena, const struct doc_node *cell, int *ret_skipped)
{
    const struct doc_node *field = doc_find(cell, STR("field"));
    const struct doc_node *quirk = doc_find(cell, STR("quirk"));
    const struct doc_node *value = doc_find(cell, STR("value"));
    struct str source = doc_find(cell, STR("source"))->text;
    struct buf members = buf_in(arena);
    struct json_writer json = {.out = &members};
    double number = 0;
    json_node(&json, field);
    struct str inner = str_slice(buf_str(&members), 1, members.len - 1);
    struct caster *caster = caster_of(arena, str_copy(arena, inner).at);
    struct str expected = doc_find(cell, STR("status"))->text;
    if (quirk && is_open(quirk->text, field)) {
        ++*ret_skipped;
        return;
    }
    const char *found = state_names[cast_text(caster, source, &number)];
    bool is_zone =
        quirk && str_is(quirk->text, "not XSD dateTime") && str_ends(source, STR("+0100"));
    if (quirk && !str_is(source, "inf") && !is_zone) /* which is INF, whose case is free */
        expected = STR("invalid");
    if (!str_is(expected, found))
        fail_msg("%s of '%.*s': %s", members.at, STR_FMT(source), found);
    if (!quirk && value && strcmp(found, "valid") == 0) {
        double wanted = number_of(arena, value);
        assert_true(wanted == number || (wanted != wanted && number != number));
    }
}

static void test_cells_cast_as_the_standard_says(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str rest = {0}, line;
    int count = 0, skipped = 0;
    assert_true(read_whole(&arena, MLOPS_SOURCE "/tests/unit/data/cells.jsonl", &rest));
    for (; str_split(&rest, '\n', &line); count += line.len > 0)
        if (line.len) {
            AUTO(arena_drop) struct arena scratch = {0};
            check_cell(&scratch, parse(&scratch, line), &skipped);
        }
    assert_int_equal(count, 1943);
    print_message("%d cells, %d of them left open by the standard\n", count, skipped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells_cast_as_the_standard_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
