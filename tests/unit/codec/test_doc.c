#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/doc.h"

#include <math.h>

#include "support/unit.h"

static struct arena arena;

static int drop_arena(void **state)
{
    (void)state;
    arena_drop(&arena);
    return 0;
}

static struct doc_node *parse_as(enum doc_dialect dialect, const char *text)
{
    struct doc *doc = NULL;
    struct doc_options options = {.dialect = dialect};
    struct error *error = doc_parse(&arena, STR("p.yaml"), str_of(text), &options, &doc);
    if (error)
        fail_msg("%d:%d: %s", error->mark.line, error->mark.column, error->text);
    return doc->root;
}

static struct doc_node *parse(const char *text)
{
    return parse_as(DOC_NATIVE, text);
}

static struct error *refuse(struct str text)
{
    struct doc *doc = NULL;
    struct doc_options options = {0};
    struct error *error = doc_parse(&arena, STR("p.yaml"), text, &options, &doc);
    if (!error)
        fail_msg("accepted: %.*s", STR_FMT(str_slice(text, 0, 200)));
    assert_int_equal(error->code, ERROR_PROJECT);
    assert_string_equal(error->mark.file, "p.yaml");
    return error;
}

static void assert_refused_bytes(struct str text, int line, int column, const char *word)
{
    struct error *error = refuse(text);
    if (error->mark.line != line || error->mark.column != column || !strstr(error->text, word))
        fail_msg("%d:%d: %s (expected %d:%d '%s')", error->mark.line, error->mark.column,
                 error->text, line, column, word);
    error_drop(error);
}

static void assert_refused(const char *text, int line, int column, const char *word)
{
    assert_refused_bytes(str_of(text), line, column, word);
}

static struct doc_node *value_of(struct doc_node *map, const char *key)
{
    struct doc_node *found = doc_find(map, str_of(key));
    if (!found)
        fail_msg("no key '%s'", key);
    return found;
}

static void nodes_know_their_place_in_code_points(void **state)
{
    (void)state;
    struct doc_node *root = parse("a:\n  - \xC3\xA4: 1\n    b: \"x\"\n");
    struct doc_node *item = value_of(root, "a")->first;
    struct doc_node *b = value_of(item, "b");
    assert_int_equal(item->line, 2);
    assert_int_equal(item->column, 5);
    assert_int_equal(value_of(item, "\xC3\xA4")->column, 8);
    assert_int_equal(b->line, 3);
    assert_int_equal(b->column, 8);
    assert_int_equal(b->key->column, 5);
    assert_int_equal(root->count, 1);
    assert_int_equal(item->count, 2);
}

struct scalar_row {
    const char *text;
    enum doc_kind native;
    enum doc_kind dvc;
    double value;
};

static const struct scalar_row SCALARS[] = {
    {"yes", DOC_STR, DOC_STR, 0},
    {"NO", DOC_STR, DOC_STR, 0},
    {"on", DOC_STR, DOC_STR, 0},
    {"true", DOC_BOOL, DOC_BOOL, 1},
    {"FALSE", DOC_BOOL, DOC_BOOL, 0},
    {"tRUE", DOC_STR, DOC_STR, 0},
    {"~", DOC_NULL, DOC_NULL, 0},
    {"null", DOC_NULL, DOC_NULL, 0},
    {"", DOC_NULL, DOC_NULL, 0},
    {"nil", DOC_STR, DOC_STR, 0},
    {"017", DOC_INT, DOC_INT, 17},
    {"010", DOC_INT, DOC_INT, 10},
    {"08", DOC_INT, DOC_INT, 8},
    {"0o17", DOC_INT, DOC_INT, 15},
    {"0o8", DOC_STR, DOC_STR, 0},
    {"0x1F", DOC_INT, DOC_INT, 31},
    {"-0x1F", DOC_STR, DOC_INT, -31},
    {"0b101", DOC_STR, DOC_INT, 5},
    {"1_000", DOC_STR, DOC_INT, 1000},
    {"_1", DOC_STR, DOC_STR, 0},
    {"-_", DOC_STR, DOC_STR, 0},
    {"+12", DOC_INT, DOC_INT, 12},
    {"-0", DOC_INT, DOC_INT, 0},
    {"22:22:22", DOC_STR, DOC_STR, 0},
    {"2024-01-01", DOC_STR, DOC_STR, 0},
    {"1.10", DOC_REAL, DOC_REAL, 1.10},
    {"1e3", DOC_REAL, DOC_REAL, 1000},
    {"1e-3", DOC_REAL, DOC_REAL, 0.001},
    {".5", DOC_REAL, DOC_REAL, 0.5},
    {"1.", DOC_REAL, DOC_REAL, 1},
    {".5e3", DOC_REAL, DOC_STR, 500},
    {".5e+3", DOC_REAL, DOC_REAL, 500},
    {"1_0.5", DOC_STR, DOC_REAL, 10.5},
    {"-.inf", DOC_REAL, DOC_REAL, -(double)INFINITY},
    {".", DOC_STR, DOC_STR, 0},
    {"-", DOC_STR, DOC_STR, 0},
    {"1e", DOC_STR, DOC_STR, 0},
    {"e3", DOC_STR, DOC_STR, 0},
    {"1.2.3", DOC_STR, DOC_STR, 0},
    {"0x", DOC_STR, DOC_STR, 0},
    {"9223372036854775807", DOC_INT, DOC_INT, 9223372036854775807.0},
    {"9223372036854775808", DOC_BIGINT, DOC_BIGINT, 0},
    {"-9223372036854775808", DOC_INT, DOC_INT, -9223372036854775808.0},
    {"0xFFFFFFFFFFFFFFFF", DOC_BIGINT, DOC_BIGINT, 0},
};

static double number_of(const struct doc_node *node)
{
    if (node->kind == DOC_BOOL)
        return node->truth;
    return node->kind == DOC_INT ? (double)node->integer : node->real;
}

static void assert_scalar(const struct scalar_row *row, enum doc_dialect dialect,
                          enum doc_kind kind)
{
    AUTO(buf_drop) struct buf text = {0};
    buf_print(&text, "[%s, x]\n", row->text[0] == '-' && !row->text[1] ? "'-'" : row->text);
    if (!row->text[0]) {
        buf_clear(&text);
        buf_add_text(&text, "[~, x]\n");
    }
    const struct doc_node *node = parse_as(dialect, text.at)->first;
    if (node->kind != kind)
        fail_msg("'%s' is %s in dialect %d", row->text, doc_kind_name(node->kind), dialect);
    bool is_number = kind == DOC_BOOL || kind == DOC_INT || kind == DOC_REAL;
    if (is_number && (number_of(node) < row->value || number_of(node) > row->value))
        fail_msg("'%s' reads as %g", row->text, number_of(node));
    if (kind != DOC_NULL && !str_is(node->text, row->text))
        fail_msg("'%s' lost its text", row->text);
}

static void scalars_mean_what_the_dialect_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(SCALARS); i++) {
        assert_scalar(&SCALARS[i], DOC_NATIVE, SCALARS[i].native);
        assert_scalar(&SCALARS[i], DOC_DVC, SCALARS[i].dvc);
    }
    assert_true(isnan(parse("[.nan]")->first->real));
    assert_int_equal(value_of(parse("a:\n"), "a")->kind, DOC_NULL);
}

static void a_number_in_quotes_is_text(void **state)
{
    (void)state;
    struct doc_node *root = parse("a: '1.10'\nb: !!str 7\nc: |\n  12\nd: \"true\"\n");
    for (const struct doc_node *child = root->first; child; child = child->next) {
        assert_int_equal(child->kind, DOC_STR);
        assert_true(child->is_quoted);
    }
    assert_true(str_is(value_of(root, "c")->text, "12\n"));
}

static void a_number_beyond_all_doubles_is_refused(void **state)
{
    (void)state;
    assert_refused("rev: 1234e5678\n", 1, 6, "out of the range");
}

static void tags_of_the_core_schema_work_and_others_are_refused(void **state)
{
    (void)state;
    struct doc_node *root =
        parse("a: !!int '3'\nb: !!float 2\nc: !!map {}\nd: !!null ''\ne: ! 12\n");
    assert_int_equal(value_of(root, "e")->kind, DOC_STR);
    assert_int_equal(value_of(root, "a")->integer, 3);
    assert_int_equal(value_of(root, "d")->kind, DOC_NULL);
    assert_refused("stages: !include /etc/passwd\n", 1, 9, "tag");
    assert_refused("a:\n  b: !!binary dG91\n", 2, 6, "tag");
    assert_refused("a: !!int x\n", 1, 4, "does not fit");
    assert_refused("a: !!map []\n", 1, 4, "does not fit");
    assert_refused("a: !e!x y\n", 1, 4, "tag");
}

static void a_duplicate_key_names_both_places(void **state)
{
    (void)state;
    assert_refused("lr: 0.1\nx: 1\n\"lr\": 0.2\n", 3, 1,
                   "duplicate key 'lr' (first at line 1, column 1)");
    assert_refused("a:\n  b: {c: 1, c: 2}\n", 2, 13, "duplicate key 'c'");
}

static void a_duplicate_among_many_keys_is_found(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    for (int i = 0; i < 1000; i++)
        buf_print(&text, "k%d: 1\n", i);
    buf_add_text(&text, "k500: 2\n");
    assert_refused_bytes(buf_str(&text), 1001, 1, "(first at line 501, column 1)");
}

static void independent_errors_come_together_in_order(void **state)
{
    (void)state;
    struct error *error = refuse(STR("a: 1\na: 2\nb: !x y\nc: \"\\0\"\n"));
    assert_int_equal(error->mark.line, 2);
    assert_int_equal(error->next->mark.line, 3);
    assert_int_equal(error->next->next->mark.line, 4);
    assert_null(error->next->next->next);
    error_drop(error);
}

static void a_million_errors_are_told_briefly(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    for (int i = 0; i < 100000; i++)
        buf_add_text(&text, "a: 1\n");
    struct error *error = refuse(buf_str(&text));
    int count = 0;
    const struct error *last = error;
    for (const struct error *at = error; at; at = at->next, count++)
        last = at;
    assert_int_equal(count, LIMIT_ERRORS_TOLD + 1);
    assert_true(last && strstr(last->text, "more errors"));
    error_drop(error);
}

static void aliases_are_expanded_and_the_later_anchor_wins(void **state)
{
    (void)state;
    struct doc_node *root = parse("a: &x {k: [1, 2]}\nb: *x\nc: &x two\nd: *x\n");
    struct doc_node *copy = value_of(value_of(root, "b"), "k");
    assert_int_equal(copy->count, 2);
    assert_int_equal(copy->first->next->integer, 2);
    assert_int_equal(value_of(root, "b")->line, 2);
    assert_int_equal(copy->line, 1);
    assert_true(str_is(value_of(root, "d")->text, "two"));
}

static void alias_cycles_and_bombs_are_refused(void **state)
{
    (void)state;
    assert_refused("stages: &s\n  a: *s\n", 2, 6, "alias");
    assert_refused("a: *nope\n", 1, 4, "alias");
    AUTO(buf_drop) struct buf bomb = {0};
    buf_add_text(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++)
        buf_print(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
                  i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    struct error *error = refuse(buf_str(&bomb));
    assert_non_null(strstr(error->text, "EXPANDED_NODES"));
    error_drop(error);
}

static void copies_count_towards_the_depth(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf text = {0};
    buf_add_text(&text, "a: &a ");
    buf_add_repeated(&text, '[', 40);
    buf_add_repeated(&text, ']', 40);
    buf_add_text(&text, "\nb: ");
    buf_add_repeated(&text, '[', 40);
    buf_add_text(&text, "*a");
    buf_add_repeated(&text, ']', 40);
    struct error *error = refuse(buf_str(&text));
    assert_non_null(strstr(error->text, "deep"));
    error_drop(error);
}

static void merge_keys_fill_in_what_is_not_there(void **state)
{
    (void)state;
    struct doc_node *root =
        parse("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none:\n  y: 9\n  <<: *b\n"
              "two:\n  <<: [*b, *m]\n  q: 0\nthree:\n  '<<': text\n");
    struct doc_node *one = value_of(root, "one");
    assert_int_equal(one->count, 2);
    assert_int_equal(value_of(one, "x")->integer, 1);
    assert_int_equal(value_of(one, "y")->integer, 9);
    struct doc_node *two = value_of(root, "two");
    assert_int_equal(two->count, 4);
    assert_int_equal(value_of(two, "y")->integer, 2);
    assert_int_equal(value_of(two, "z")->integer, 4);
    assert_true(str_is(two->first->key->text, "x"));
    assert_non_null(doc_find(value_of(root, "three"), STR("<<")));
    assert_refused("a:\n  <<: 3\n", 2, 7, "merge");
    assert_refused("a:\n  <<: [{}, 3]\n", 2, 7, "merge");
}

static void anchors_are_refused_where_they_are_not_wanted(void **state)
{
    (void)state;
    struct doc *doc = NULL;
    struct doc_options options = {.refuse_anchors = true};
    struct error *error = doc_parse(&arena, STR("l"), STR("a: &x 1\n"), &options, &doc);
    assert_non_null(error);
    assert_int_equal(error->mark.column, 4);
    error_drop(error);
}

static void mistakes_of_indentation_are_explained(void **state)
{
    (void)state;
    assert_refused("stages:\n\ta:\n\t\tcmd: true\n", 2, 1, "tab");
    assert_refused("a:\n  b: 1\n  \tc: 2\n", 3, 3, "tab");
    assert_refused("stages:\n  a:\n    cmd: true\n   deps: [x]\n", 4, 4, "indentation");
    assert_refused("a: b: c\n", 1, 5, "':'");
    assert_refused("a: \"never\nclosed\n", 1, 4, "never closed");
    assert_refused("a: 1\nb: [1, 2\n", 2, 4, "never closed");
    assert_refused("a: @x\n", 1, 4, "quotes");
}

static void conflict_markers_are_named(void **state)
{
    (void)state;
    struct error *error =
        refuse(STR("stages:\n<<<<<<< HEAD\n  a: 1\n=======\n  a: 2\n>>>>>>> other\n"));
    assert_int_equal(error->mark.line, 2);
    assert_int_equal(error->mark.column, 1);
    assert_non_null(strstr(error->text, "conflict"));
    assert_non_null(strstr(error->hint, "resolve the merge conflict"));
    assert_null(error->next);
    error_drop(error);
}

static void bad_bytes_have_a_place(void **state)
{
    (void)state;
    assert_refused_bytes(STR("a:\n  b: 1\n  c: x\xff\xfe\n"), 3, 7, "UTF-8");
    assert_refused_bytes(STR("a:\n  c: \xed\xa0\x80\n"), 2, 6, "UTF-8");
    assert_refused_bytes(STR("a: \x01\n"), 1, 4, "control character U+0001");
    assert_refused_bytes(STR("a: \"x\\0y\"\n"), 1, 4, "NUL");
    assert_refused_bytes(STR("\x7f"
                             "ELF\x02\x00\x00"),
                         1, 1, "binary");
    assert_refused_bytes(STR("\xff\xfe"
                             "a"),
                         1, 1, "UTF-8");
}

static void depth_and_size_have_limits_with_names(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf flow = {0};
    buf_add_text(&flow, "x: ");
    buf_add_repeated(&flow, '[', 100000);
    assert_refused_bytes(buf_str(&flow), 1, 67, "deep");
    AUTO(buf_drop) struct buf block = {0};
    buf_add_text(&block, "x:\n");
    for (int i = 0; i < 20000; i++)
        buf_add_text(&block, "- ");
    assert_refused_bytes(buf_str(&block), 2, 127, "DOCUMENT_DEPTH");
    AUTO(buf_drop) struct buf key = {0};
    buf_add_text(&key, "? ");
    buf_add_repeated(&key, 'k', 2000);
    assert_refused_bytes(buf_str(&key), 1, 3, "KEY_BYTES");
    struct doc *doc = NULL;
    struct doc_options few = {.nodes_most = 3, .bytes_most = 10};
    struct error *error = doc_parse(&arena, STR("p"), STR("[a,b,c]\n"), &few, &doc);
    assert_non_null(strstr(error->text, "DOCUMENT_NODES"));
    error_drop(error);
    error = doc_parse(&arena, STR("p"), STR("[aaaaaaaaaaaaaa]\n"), &few, &doc);
    assert_non_null(strstr(error->text, "DOCUMENT_BYTES"));
    error_drop(error);
}

static void keys_are_plain_text(void **state)
{
    (void)state;
    assert_refused("stages:\n  ? [a, b]\n  : {cmd: true}\n", 2, 5, "key");
    assert_refused("? ? a\n", 1, 3, "key");
    assert_refused("stages:\n  \"\":\n    cmd: true\n", 2, 3, "empty");
    assert_true(str_is(parse("1: x\n")->first->key->text, "1"));
}

static void only_one_document_is_read(void **state)
{
    (void)state;
    assert_refused("a: 1\n---\nb: 2\n", 2, 1, "second document");
}

static void an_empty_file_is_told_from_a_null(void **state)
{
    (void)state;
    assert_true(parse("# nothing\n")->doc->is_empty);
    assert_true(parse("")->doc->is_empty);
    assert_int_equal(parse("")->kind, DOC_NULL);
    struct doc_node *null = parse("~\n");
    assert_false(null->doc->is_empty);
    assert_int_equal(null->kind, DOC_NULL);
    assert_int_equal(null->column, 1);
}

static void a_byte_order_mark_is_no_part_of_the_first_key(void **state)
{
    (void)state;
    assert_non_null(doc_find(parse("\xEF\xBB\xBFstages: 1\r\nb: 2\r\n"), STR("stages")));
}

static void paths_reach_maps_lists_and_keys_with_dots(void **state)
{
    (void)state;
    struct doc_node *root =
        parse("a: {b: [10, {c: 11}], 'x.y': 12, 'x.y.z': {w: 13}}\n'a.b': 14\n");
    assert_int_equal(doc_find_path(root, STR("a.b.1.c"))->integer, 11);
    assert_null(doc_find_path(root, STR("a.b.2")));
    assert_int_equal(doc_find_path(root, STR("a.b"))->integer, 14);
    assert_int_equal(doc_find_path(root, STR("a.x.y"))->integer, 12);
    assert_int_equal(doc_find_path(root, STR("a.x.y.z.w"))->integer, 13);
    assert_null(doc_find_path(root, STR("a.q")));
    assert_null(doc_find_path(root, STR("")));
    struct doc_node *list = parse("l: [1, 2, 3]\n");
    assert_int_equal(doc_find_path(list, STR("l.-1"))->integer, 3);
    assert_null(doc_find_path(list, STR("l.-4")));
    assert_null(doc_find_path(list, STR("l.0.x")));
}

static struct str encode(const char *text)
{
    struct buf out = buf_in(&arena);
    doc_encode(parse_as(DOC_DVC, text), &arena, &out);
    return buf_str(&out);
}

static void equal_values_encode_equally_however_written(void **state)
{
    (void)state;
    assert_true(str_equal(encode("{a: 1.0, b: [x, -0.0]}"), encode("b:\n- 'x'\n- 0\na: 0x1\n")));
    assert_true(str_equal(encode("0xFFFFFFFFFFFFFFFFFF"), encode("+04722366482869645213695")));
    assert_true(str_equal(encode("4_722366482869645213695"), encode("4722366482869645213695")));
    assert_false(str_equal(encode("1"), encode("true")));
    assert_false(str_equal(encode("1"), encode("'1'")));
    assert_false(str_equal(encode("[a, b]"), encode("[[a], b]")));
    assert_false(str_equal(encode("~"), encode("''")));
}

static void values_are_shown_as_they_stand(void **state)
{
    (void)state;
    struct doc_node *root = parse("a: 1.10\nb: {x: [0x10, 1.50, null, \"q\\\"\"]}\nc:\nd: yes\n");
    assert_true(str_is(doc_show(&arena, value_of(root, "a")), "1.10"));
    assert_true(str_is(doc_show(&arena, value_of(root, "b")), "{\"x\":[16,1.50,null,\"q\\\"\"]}"));
    assert_true(str_is(doc_show(&arena, value_of(root, "c")), "null"));
    assert_true(str_is(doc_show(&arena, value_of(root, "d")), "yes"));
}

static void an_error_shows_its_line(void **state)
{
    (void)state;
    struct doc_node *root = parse("a: 1\r\nb: \xC3\xA4 2\r\nc: 3");
    struct error *error = doc_error(value_of(root, "b"), "no '%s'", "x");
    assert_string_equal(error->text, "no 'x'");
    assert_string_equal(error->excerpt, "b: \xC3\xA4 2");
    error_drop(error);
    error = doc_error(value_of(root, "c"), "x");
    assert_string_equal(error->excerpt, "c: 3");
    error_drop(error);
    error = doc_error(value_of(root, "a"), "x");
    assert_string_equal(error->excerpt, "a: 1");
    error_drop(error);
    error = doc_error_at(root->doc, 12, "x");
    assert_int_equal(error->mark.line, 2);
    assert_int_equal(error->mark.column, 6);
    error_drop(error);
}

static void a_key_of_a_large_map_is_found_however_often_it_is_asked_for(void **state)
{
    (void)state;
    struct buf text = buf_in(&arena);
    struct doc *doc = NULL;
    for (int i = 0; i < 20000; i++)
        buf_print(&text, "key%d: %d\n", i, i);
    struct doc_options options = {0};
    assert_null(doc_parse(&arena, STR("p.yaml"), buf_str(&text), &options, &doc));
    for (int i = 0; i < 20000; i++) {
        const struct doc_node *found = doc_find(doc->root, str_print(&arena, "key%d", i));
        assert_non_null(found);
        assert_int_equal(found->integer, i);
    }
    assert_null(doc_find(doc->root, STR("key20000")));
    doc->root->first = doc->root->first->next;
    doc->root->count--;
    assert_null(doc_find(doc->root, STR("key0")));
    assert_non_null(doc_find(doc->root, STR("key1")));
}

/* Native files only: DVC's reader lets it pass, and DVC's files are to be read as they are. */
static void what_libyaml_lets_pass_is_refused_in_native_files_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
    } rows[] = {
        {"a: 'x'#y\n", 1, 7},        {"a: [b,#c\n  d]\n", 1, 7}, {"a: |#b\n  c\n", 1, 5},
        {"a: \"b\nc\"\n", 2, 1},     {"a: [b,\nc]\n", 2, 1},     {"a: [-]\n", 1, 5},
        {"a: |\n   \n # b\n", 3, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct doc *doc = NULL;
        struct doc_options native = {0}, dvc = {.dialect = DOC_DVC};
        struct error *error = doc_parse(&arena, STR("p.yaml"), str_of(rows[i].text), &native, &doc);
        assert_non_null(error);
        if (error->mark.line != rows[i].line || error->mark.column != rows[i].column)
            fail_msg("%s: %d:%d: %s", rows[i].text, error->mark.line, error->mark.column,
                     error->text);
        error_drop(error);
        assert_null(doc_parse(&arena, STR("dvc.yaml"), str_of(rows[i].text), &dvc, &doc));
    }
    struct doc *doc = NULL;
    struct doc_options native = {0};
    assert_null(doc_parse(&arena, STR("p.yaml"), STR("a: [\n  b\n]\nc: {\n}\nu: x#y # z\n"),
                          &native, &doc));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, drop_arena)
    const struct CMUnitTest tests[] = {
        TEST(nodes_know_their_place_in_code_points),
        TEST(scalars_mean_what_the_dialect_says),
        TEST(a_number_in_quotes_is_text),
        TEST(what_libyaml_lets_pass_is_refused_in_native_files_only),
        TEST(a_key_of_a_large_map_is_found_however_often_it_is_asked_for),
        TEST(a_number_beyond_all_doubles_is_refused),
        TEST(tags_of_the_core_schema_work_and_others_are_refused),
        TEST(a_duplicate_key_names_both_places),
        TEST(a_duplicate_among_many_keys_is_found),
        TEST(independent_errors_come_together_in_order),
        TEST(a_million_errors_are_told_briefly),
        TEST(aliases_are_expanded_and_the_later_anchor_wins),
        TEST(alias_cycles_and_bombs_are_refused),
        TEST(copies_count_towards_the_depth),
        TEST(merge_keys_fill_in_what_is_not_there),
        TEST(anchors_are_refused_where_they_are_not_wanted),
        TEST(mistakes_of_indentation_are_explained),
        TEST(conflict_markers_are_named),
        TEST(bad_bytes_have_a_place),
        TEST(depth_and_size_have_limits_with_names),
        TEST(keys_are_plain_text),
        TEST(only_one_document_is_read),
        TEST(an_empty_file_is_told_from_a_null),
        TEST(a_byte_order_mark_is_no_part_of_the_first_key),
        TEST(paths_reach_maps_lists_and_keys_with_dots),
        TEST(equal_values_encode_equally_however_written),
        TEST(values_are_shown_as_they_stand),
        TEST(an_error_shows_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
