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
        bool is_scalar;
    } ways[] = {{1, 0, false}, {1, 0, true},   {1, 64, false},
                {1, 1, true},  {3, 16, false}, {3, 0, false}};
    struct scratch scratch = scratch_open();
    write_bytes(&scratch, name, text);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        AUTO(buf_drop) struct buf out = {0};
        struct table_options options = {
            .dialect = *dialect,
            .threads = ways[i].threads,
            .batch_bytes = ways[i].batch_bytes,
            .is_scalar = ways[i].is_scalar,
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
