#include "mlops/base/limits.h"
#include "mlops/model/event.h"

#include "support/scratch.h"
#include "support/tables.h"

static void write_bytes(const struct scratch *scratch, const char *name, struct str text)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.at, text.len), text.len);
    close(fd);
}

/* The same, however it is read. */
static void expect_read(const char *name, struct str text, const struct dialect *dialect,
                        const char *expected)
{
    static const struct {
        int threads;
        int64_t batch_bytes;
        bool is_scalar, is_narrow;
    } ways[] = {{1, 0, false, false},  {1, 0, false, true}, {1, 0, true, false},
                {1, 64, false, false}, {1, 1, true, false}, {3, 16, false, false},
                {3, 0, false, false}};
    struct scratch scratch = scratch_open();
    write_bytes(&scratch, name, text);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        AUTO(buf_drop) struct buf out = {0};
        struct table_options options = {
            .dialect = *dialect,
            .threads = ways[i].threads,
            .batch_bytes = ways[i].batch_bytes,
            .is_scalar = ways[i].is_scalar,
            .is_narrow = ways[i].is_narrow,
        };
        dump_table(scratch.fd, name, &options, &out);
        assert_string_equal(out.at, expected);
    }
    scratch_drop(&scratch);
}

static void expect(const char *name, const char *text, const char *expected)
{
    struct dialect dialect = dialect_for(str_of(name));
    expect_read(name, str_of(text), &dialect, expected);
}

static void records_are_read_in_order(void **state)
{
    (void)state;
    expect("t.csv", "a,b\n1,2\n3,4\n", "[a][b]\n2:2 1|2\n3:3 3|4\n");
    expect("t.tsv", "a\tb\n1\t2\n", "[a][b]\n2:2 1|2\n");
    expect("t.csv", "a,b\r\n1,2\r\n3,4", "[a][b]\n2:2 1|2\n3:3 3|4\n");
    expect("t.csv", "a,b\n", "[a][b]\n");
    expect("t.csv", "a,b", "[a][b]\n");
    expect("t.csv",
           "\xef\xbb\xbf"
           "a,b\n1,\n",
           "[a][b]\n2:2 1|\n");
}

static void quotes_hold_delimiters_breaks_and_quotes(void **state)
{
    (void)state;
    expect("t.csv", "a,b\n\"x,y\",\"1\n2\"\n\"\"\"\",\"\"\n5,\"a\"\"b\"\r\n",
           "[a][b]\n2:2 x,y|1\\n2\n3:4 \"|\n4:5 5|a\"b\n");
    expect("t.csv", "\"a\n\",\"b\"\n1,2\n", "[a\n][b]\n2:3 1|2\n");
}

static void ragged_and_blank_records_are_told(void **state)
{
    (void)state;
    expect("t.csv", "a,b\n1\n\n3,4,5\n6,7\n",
           "[a][b]\n2:2 1|- !1\n3:3 -|- !0\n4:4 3|4 !3\n5:5 6|7\n");
    expect("t.csv", "a\n\n1\n\"\"\n\r\n", "[a]\n2:2 - !0\n3:3 1\n4:4 \n5:5 - !0\n");
}

static void stray_quotes_stand_as_they_are(void **state)
{
    (void)state;
    expect("t.csv", "a,b\n5\" disk,x\n\"a\"b,y\nc,d\n",
           "[a][b]\n2:2 5\" disk|x !2 \"0\n3:3 \"a\"b|y !2 \"0\n4:4 c|d\n");
    expect("t.csv", "a,b\nx, \"q\"\n\"x\"\ry,1\n",
           "[a][b]\n2:2 x| \"q\" !2 \"1\n3:3 \"x\"\\ry|1 !2 \"0\n");
}

static void what_is_no_table_is_an_error_with_its_place(void **state)
{
    (void)state;
    expect("t.csv", "", "t.csv:0: the file is empty\n");
    expect("t.csv", "\"\n", "t.csv:1: record 1: a quote opened here is never closed\n");
    expect("t.csv", "\na\n", "t.csv:1: record 1: the header is blank\n");
}

static void json_lines_are_objects(void **state)
{
    (void)state;
    expect("t.jsonl",
           "{\"a\": 1, \"b\": \"x\\u00e9\\n\"}\n\n{\"b\": null}\n{\"a\": [1, {\"c\": 2}], \"b\": "
           "true}",
           "[a][b]\n1:1 #1|x\xc3\xa9\\n\n2:3 -|~\n3:4 @[1, {\"c\": 2}]|T\n");
}

static void json_lists_are_streamed(void **state)
{
    (void)state;
    expect("t.json", "[{\"a\": 1},\n {\"a\": 2, \"b\": \"]\"}]\n", "[a][b]\n1:1 #1|-\n2:2 #2|]\n");
    expect("t.json", "[[\"a\", \"b\"], [1, 2], [3]]", "[a][b]\n2:1 #1|#2\n3:1 #3|- !1\n");
    expect("t.json", "[]", "\n");
}

/* ---- dialects ---- */

static void expect_in(const char *text, struct dialect dialect, const char *expected)
{
    expect_read("t.csv", str_of(text), &dialect, expected);
}

static void delimiters_may_have_several_characters(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.delimiter = STR("||");
    expect_in("a||b\n1|||2\n\"x||y\"||\n", dialect, "[a][b]\n2:2 1||2\n3:3 x||y|\n");
}

static void line_terminators_are_taken_as_they_stand(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.line_terminator = STR("\r");
    expect_in("a,b\r1,2\n\r3,4", dialect, "[a][b]\n2:2 1|2\\n\n3:3 3|4\n");
    dialect.line_terminator = STR("\n");
    expect_in("a,b\n1,2\r\n", dialect, "[a][b]\n2:2 1|2\n");
    dialect.line_terminator = STR(";;\n");
    expect_in("a,b;;\n1,\n2;;\n", dialect, "[a][b]\n2:2 1|\\n2\n");
}

static void quotes_may_be_others_or_none(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.quote_char = STR("'");
    expect_in("a,b\n'1,''2',\"\n", dialect, "[a][b]\n2:2 1,'2|\"\n");
    dialect.quote_char = (struct str){0};
    expect_in("a,b\n\"1,2\"\n", dialect, "[a][b]\n2:2 \"1|2\"\n");
    dialect.quote_char = STR("\"");
    dialect.double_quote = false;
    expect_in("a,b\n\"1\"\"2\",3\n", dialect, "[a][b]\n2:2 \"1\"\"2\"|3 !2 \"0\n");
}

static void an_escape_makes_the_next_character_plain(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.escape_char = STR("\\");
    expect_in("a,b\n1\\,2,\"x\\\"y\"\n\\\\,\\\"\n", dialect, "[a][b]\n2:2 1,2|x\"y\n3:3 \\|\"\n");
    expect_in("a,b\n1,2\n1,\\", dialect, "t.csv:3: record 3: the file ends within it\n");
}

static void null_sequences_are_nulls_unless_they_are_quoted(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.has_null_sequence = true;
    dialect.null_sequence = STR("NA");
    expect_in("a,b\nNA,\"NA\"\nNAN,\n", dialect, "[a][b]\n2:2 ~|NA\n3:3 NAN|\n");
    dialect.null_sequence = STR("");
    expect_in("a,b\n,\"\"\n", dialect, "[a][b]\n2:2 ~|\n");
}

static void initial_space_is_skipped_when_asked(void **state)
{
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    expect_in("a, b\n1, 2\n", dialect, "[a][ b]\n2:2 1| 2\n");
    dialect.skip_initial_space = true;
    expect_in("a, b\n 1,  \"2, x\"\n", dialect, "[a][b]\n2:2 1|2, x\n");
}

static void comments_are_skipped_but_counted(void **state)
{
    static const int64_t rows[] = {2, 4};
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.comment_char = STR("#");
    expect_in("# it's \"quoted\na,b\n1,2\n#x\n\n3,4\n", dialect,
              "[a][b]\n3:3 1|2\n5:5 -|- !0\n6:6 3|4\n");
    dialect.comment_char = (struct str){0};
    dialect.comment_rows = (struct dialect_rows){rows, 2};
    expect_in("a,b\nunits,\n1,2\nx\n3,4\n", dialect, "[a][b]\n3:3 1|2\n5:5 3|4\n");
}

static void headers_are_joined_or_absent(void **state)
{
    static const int64_t rows[] = {1, 2}, third[] = {3};
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    dialect.header_rows = (struct dialect_rows){rows, 2};
    expect_in("fruit,fruit,x\nid,name,x\n1,2,3\n", dialect,
              "[fruit id][fruit name][x]\n3:3 1|2|3\n");
    expect_in("fruit\nid,name\n1,2\n", dialect, "[fruit id][fruit name]\n3:3 1|2\n");
    expect_in("a,b\nc,d,e\n1,2,3\n", dialect, "[a c][b d][e]\n3:3 1|2|3\n");
    expect_in("a\n", dialect, "t.csv:0: the table ends before its header row 2\n");
    dialect.header_rows = (struct dialect_rows){third, 1};
    expect_in("title\n\na,b\n1,2\n", dialect, "[a][b]\n4:4 1|2\n");
    dialect.has_header = false;
    expect_in("1,2\n3\n", dialect, "[field1][field2]\n1:1 1|2\n2:2 3|- !1\n");
    expect_in("\n\n1,2\n", dialect, "[field1][field2]\n1:1 -|- !0\n2:2 -|- !0\n3:3 1|2\n");
    expect_in("\n", dialect, "[field1]\n1:1 - !0\n");
}

static void json_finds_its_list_by_property(void **state)
{
    struct dialect dialect = dialect_for(STR("t.json"));
    (void)state;
    dialect.property = STR("data.rows");
    expect_read("t.json",
                STR("{\"meta\": {\"rows\": [1, \"}\"]}, \"data\": {\"n\": 2,\n\"rows\": "
                    "[{\"a\": 1}], \"z\": \"]}\"}, \"end\": []}\n"),
                &dialect, "[a]\n1:2 #1\n");
    expect_read("t.json", STR("{\"data\": {\"row\": []}}"), &dialect,
                "t.json:1: property 'data.rows': there is no such key\n");
    expect_read("t.json", STR("{\"data\": {\"rows\": 1}}"), &dialect,
                "t.json:1: property 'data.rows': it is no list\n");
    expect_read("t.json", STR("{\"data\": {\"rows\": []}"), &dialect,
                "t.json:1: record 1: the file ends too early\n");
    expect_read("t.json", STR("{\"data\": {\"rows\": []]}"), &dialect,
                "t.json:1: record 1: '}' is missing behind the list, found ']'\n");
    expect_read("t.json", STR("{\"data\": {\"rows\": [{\"a\": 1}],\n\"x\": nonsense}}"), &dialect,
                "t.json:2: record 2: no value of JSON\n");
    expect_read("t.json", STR("{\"x\": [1},\n\"data\": {\"rows\": [{\"a\": 1}]}}"), &dialect,
                "t.json:1: record 1: ']' is missing at the end of a nested value, found '}'\n");
    expect_read("t.json", STR("{\"x\": \"\xff\",\n\"data\": {\"rows\": [{\"a\": 1}]}}"), &dialect,
                "t.json:1: record 1: bytes that are not UTF-8\n");
    expect_read("t.json", STR("{\"data\": {\"rows\": [{\"a\": 1}]}, \"x\": \"\0\"}"), &dialect,
                "t.json:1: record 2: a control character in a string\n");
}

static void json_columns_can_be_chosen(void **state)
{
    static const struct str keys[] = {STR_ROW("b"), STR_ROW("c")};
    struct dialect dialect = dialect_for(STR("t.jsonl"));
    (void)state;
    dialect.item_keys = keys;
    dialect.item_key_count = 2;
    expect_read("t.jsonl", STR("{\"a\": 1, \"b\": 2}\n{\"c\": \"x\", \"b\": null}\n"), &dialect,
                "[b][c]\n1:1 #2|- !3\n2:2 ~|x\n");
    dialect = dialect_for(STR("t.jsonl"));
    dialect.item_type = DIALECT_ARRAY;
    expect_read("t.jsonl", STR("[\"a\", \"b\"]\n[1, \"\\t\"]\n[]\n"), &dialect,
                "[a][b]\n2:2 #1|\t\n3:3 -|- !0\n");
    expect_read("t.jsonl", STR("{\"a\": 1}\n"), &dialect,
                "t.jsonl:1: record 1: the record is no list\n");
}

static void broken_json_names_line_and_record(void **state)
{
    static const struct {
        const char *name, *text, *expected;
    } rows[] = {
        {"t.jsonl", "{\"a\": 1}\n\n{\"a\": 01}\n",
         "t.jsonl:3: record 2: a number that is none in JSON\n"},
        {"t.jsonl", "{\"a\": 1, \"a\": 2}\n", "t.jsonl:1: record 1: the key 'a' stands twice\n"},
        {"t.jsonl", "{\"a\": \"x\\ny\"}\n{\"a\": \"\\n\",\n \"b\": 1}",
         "t.jsonl:2: record 2: a key is missing in an object\n"},
        {"t.jsonl", "{\"a\": \"\\n\\n\"}\n{\"a\": \"\\n\", \"a\": 2}\n",
         "t.jsonl:2: record 2: the key 'a' stands twice\n"},
        {"t.json", "[{\"a\": \"\\n\\n\"},\n{\"a\": \"\\n\",\n\"a\":\n2}]\n",
         "t.json:3: record 2: the key 'a' stands twice\n"},
        {"t.jsonl", "{\"a\": 1} x\n", "t.jsonl:1: record 1: something follows the record\n"},
        {"t.jsonl", "{\"a\": \"x}\n", "t.jsonl:1: record 1: a string is never closed\n"},
        {"t.jsonl", "{\"a\": \"\\ud800\"}\n", "t.jsonl:1: record 1: half a surrogate pair\n"},
        {"t.jsonl", "{\"a\": NaN}\n", "t.jsonl:1: record 1: no value of JSON\n"},
        {"t.jsonl", "1\n", "t.jsonl:1: record 1: the record is no object\n"},
        {"t.json", "[{\"a\": 1},\n]", "t.json:2: record 2: the list ends behind a comma\n"},
        {"t.json", "[{\"a\": 1}\n",
         "t.json:2: record 1: the file ends within the list of records\n"},
        {"t.json", "[{\"a\": 1}] []", "t.json:1: record 2: something follows the list\n"},
        {"t.json", "{\"a\": 1}", "t.json:1: the document is no list of records\n"},
        {"t.json", "[{\"a\": 1}, {\"a\": 2}}", "t.json:1: record 2: the list is closed by '}'\n"},
        {"t.json", " ", "t.json:1: record 1: the file ends before its list of records\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect(rows[i].name, rows[i].text, rows[i].expected);
}

/* ---- sizes ---- */

static void large_fields_and_many_columns_are_read(void **state)
{
    AUTO(buf_drop) struct buf text = {0};
    AUTO(buf_drop) struct buf expected = {0};
    struct dialect dialect = dialect_for(STR("t.csv"));
    (void)state;
    buf_add_text(&text, "a,b\n1,\"");
    buf_add_text(&expected, "[a][b]\n2:2 1|");
    buf_add_repeated(&text, 'x', 5000000);
    buf_add_repeated(&expected, 'x', 5000000);
    buf_add_text(&text, "\"\n3,4\n");
    buf_add_text(&expected, "\n3:3 3|4\n");
    struct scratch scratch = scratch_open();
    write_bytes(&scratch, "t.csv", buf_str(&text));
    AUTO(buf_drop) struct buf out = {0};
    struct table_options options = {.dialect = dialect, .threads = 2};
    dump_table(scratch.fd, "t.csv", &options, &out);
    assert_true(str_equal(buf_str(&out), buf_str(&expected)));
    scratch_drop(&scratch);
}

/* What was read together with it fills many batches, as wide tables take few records in each. */
static void behind_a_large_record_nothing_is_lost(void **state)
{
    AUTO(buf_drop) struct buf text = {0};
    AUTO(buf_drop) struct buf expected = {0};
    AUTO(buf_drop) struct buf out = {0};
    struct scratch scratch = scratch_open();
    struct table_options options = {.dialect = dialect_for(STR("t.csv")), .batch_bytes = 4000};
    (void)state;
    buf_add_repeated(&text, ',', 20000);
    buf_add_text(&text, "\n");
    buf_add_repeated(&text, 'x', 300000);
    for (int i = 0; i < 100; i++)
        buf_print(&text, "\n%d", i);
    write_bytes(&scratch, "t.csv", buf_str(&text));
    options.threads = 2;
    dump_table(scratch.fd, "t.csv", &options, &out);
    options.is_scalar = true;
    options.batch_bytes = 0;
    dump_table(scratch.fd, "t.csv", &options, &expected);
    assert_true(str_equal(buf_str(&out), buf_str(&expected)));
    assert_true(str_ends(buf_str(&out), STR("|- !1\n")));
    scratch_drop(&scratch);
}

static void expect_error(struct str text, const char *expected)
{
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf out = {0};
    struct table_options options = {.dialect = dialect_for(STR("t.csv")), .threads = 2};
    write_bytes(&scratch, "t.csv", text);
    dump_table(scratch.fd, "t.csv", &options, &out);
    assert_string_equal(out.at, expected);
    scratch_drop(&scratch);
}

static void what_is_beyond_a_limit_is_an_error(void **state)
{
    AUTO(buf_drop) struct buf text = {0};
    (void)state;
    buf_add_text(&text, "a,b\n1,2\n3,");
    buf_add_repeated(&text, 'x', (size_t)LIMIT_FIELD_BYTES + 1);
    buf_add_text(&text, "\n");
    expect_error(buf_str(&text),
                 "t.csv:3: record 3: cell 2 has 16777217 bytes; the limit is 16777216\n");
    buf_clear(&text);
    buf_add_text(&text, "a,b\n1,2\n3,\"");
    buf_add_repeated(&text, '\n', (size_t)LIMIT_RECORD_BYTES);
    expect_error(buf_str(&text), "t.csv:3: record 3: a quote opened here is not closed within "
                                 "33554432 bytes\n");
    buf_clear(&text);
    buf_add_repeated(&text, ',', (size_t)LIMIT_TABLE_COLUMNS);
    buf_add_text(&text, "\n");
    expect_error(buf_str(&text),
                 "t.csv:1: record 1: it has 100001 cells; the limit is 100000 columns\n");
}

static void records_that_are_shorter_than_their_columns_take_no_more_memory(void **state)
{
    AUTO(buf_drop) struct buf text = {0};
    struct scratch scratch = scratch_open();
    struct table_options options = {.dialect = dialect_for(STR("t.csv")), .threads = 1};
    (void)state;
    buf_add_repeated(&text, ',', 9999);
    buf_add_repeated(&text, '\n', 1001);
    write_bytes(&scratch, "t.csv", buf_str(&text));
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct table_visitor visitor = {0};
    assert_fine(table_open(&arena, scratch.fd, STR("t.csv"), &options, &table));
    assert_fine(table_scan(table, &visitor));
    assert_int_equal(table_record_count(table), 1000);
    scratch_drop(&scratch);
}

/* ---- how a scan goes ---- */

static struct error *refuse_second(void *context, size_t worker, size_t slot,
                                   const struct record_batch *batch)
{
    (void)context;
    (void)worker;
    (void)slot;
    return batch->index == 1 ? error_new(ERROR_ANSWER, "enough") : NULL;
}

static struct error *count_batches(void *context, size_t slot, const struct record_batch *batch)
{
    size_t *count = context;
    (void)slot;
    assert_int_equal(batch->index, *count);
    ++*count;
    return NULL;
}

static void an_error_of_a_visitor_stops_the_scan_in_order_of_the_file(void **state)
{
    struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    (void)state;
    scratch_write(&scratch, "t.csv", "a\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    for (int threads = 1; threads <= 3; threads++) {
        AUTO(table_drop) struct table_reader *table = NULL;
        size_t count = 0;
        struct table_options options = {
            .dialect = dialect_for(STR("t.csv")), .threads = threads, .batch_bytes = 2};
        struct table_visitor visitor = {&count, refuse_second, count_batches};
        assert_fine(table_open(&arena, scratch.fd, STR("t.csv"), &options, &table));
        assert_error(table_scan(table, &visitor), "enough");
        assert_int_equal(count, 1);
    }
    scratch_drop(&scratch);
}

static void tell_bytes(void *context, const struct event *event)
{
    struct event *last = context;
    assert_int_equal(event->kind, EVENT_HASHING);
    assert_true(event->done_bytes > last->done_bytes && event->done_bytes <= event->total_bytes);
    *last = *event;
}

static void long_work_tells_how_far_it_is(void **state)
{
    AUTO(buf_drop) struct buf text = {0};
    AUTO(arena_drop) struct arena arena = {0};
    struct scratch scratch = scratch_open();
    struct event last = {0};
    struct observer observer = {tell_bytes, &last, 0};
    struct table_visitor visitor = {0};
    (void)state;
    buf_add_text(&text, "a,b\n");
    while (text.len < 40000000)
        buf_add_text(&text, "1,a text that takes some space in the file\n");
    write_bytes(&scratch, "t.csv", buf_str(&text));
    for (int threads = 1; threads <= 2; threads++) {
        AUTO(table_drop) struct table_reader *table = NULL;
        struct table_options options = {
            .dialect = dialect_for(STR("t.csv")), .threads = threads, .observer = &observer};
        last = (struct event){0};
        assert_fine(table_open(&arena, scratch.fd, STR("t.csv"), &options, &table));
        assert_fine(table_scan(table, &visitor));
        assert_true(last.done_bytes > 16000000);
        assert_int_equal(last.total_bytes, text.len);
    }
    scratch_drop(&scratch);
}

/* What other readers' test files are about. */
static void known_difficult_files_are_read(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"first,last,address\nJohn,Doe,120 any st.,\"Anytown, WW\"\n",
         "[first][last][address]\n2:2 John|Doe|120 any st. !4\n"},
        {"a,b,c\n1,\"\",\"\"\n2,3,4\n", "[a][b][c]\n2:2 1||\n3:3 2|3|4\n"},
        {"a,b\n1,\"ha \"\"ha\"\" ha\"\n3,4\n", "[a][b]\n2:2 1|ha \"ha\" ha\n3:3 3|4\n"},
        {"key,val\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"c\"\": [102.0, 0.5]}\"\n",
         "[key][val]\n2:2 1|{\"type\": \"Point\", \"c\": [102.0, 0.5]}\n"},
        {"a,b,c\r\n1,2,3\r\n\"Once upon \r\na time\",5,6\r\n",
         "[a][b][c]\n2:2 1|2|3\n3:3 Once upon \\r\\na time|5|6\n"},
        {"a,b\n1,\"ha \n\"\"ha\"\" \nha\"\n3,4\n", "[a][b]\n2:2 1|ha \\n\"ha\" \\nha\n3:5 3|4\n"},
        {"a\n\"\"\"\"\n\"\"\"\"\"\"\n", "[a]\n2:2 \"\n3:3 \"\"\n"},
        {"a,b\n\"1\",\"2\"\"\"\n", "[a][b]\n2:2 1|2\"\n"},
        {"a,b\n\"\n\",\n", "[a][b]\n2:2 \\n|\n"},
        {"a\n=cmd|' /C calc'!A0\n", "[a]\n2:2 =cmd|' /C calc'!A0\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect("t.csv", rows[i].text, rows[i].expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_in_order),
        cmocka_unit_test(quotes_hold_delimiters_breaks_and_quotes),
        cmocka_unit_test(ragged_and_blank_records_are_told),
        cmocka_unit_test(stray_quotes_stand_as_they_are),
        cmocka_unit_test(what_is_no_table_is_an_error_with_its_place),
        cmocka_unit_test(json_lines_are_objects),
        cmocka_unit_test(json_lists_are_streamed),
        cmocka_unit_test(delimiters_may_have_several_characters),
        cmocka_unit_test(line_terminators_are_taken_as_they_stand),
        cmocka_unit_test(quotes_may_be_others_or_none),
        cmocka_unit_test(an_escape_makes_the_next_character_plain),
        cmocka_unit_test(null_sequences_are_nulls_unless_they_are_quoted),
        cmocka_unit_test(initial_space_is_skipped_when_asked),
        cmocka_unit_test(comments_are_skipped_but_counted),
        cmocka_unit_test(headers_are_joined_or_absent),
        cmocka_unit_test(json_finds_its_list_by_property),
        cmocka_unit_test(json_columns_can_be_chosen),
        cmocka_unit_test(broken_json_names_line_and_record),
        cmocka_unit_test(large_fields_and_many_columns_are_read),
        cmocka_unit_test(behind_a_large_record_nothing_is_lost),
        cmocka_unit_test(what_is_beyond_a_limit_is_an_error),
        cmocka_unit_test(records_that_are_shorter_than_their_columns_take_no_more_memory),
        cmocka_unit_test(an_error_of_a_visitor_stops_the_scan_in_order_of_the_file),
        cmocka_unit_test(long_work_tells_how_far_it_is),
        cmocka_unit_test(known_difficult_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
