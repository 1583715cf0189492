/* However a table is read (SIMD or not, batches large or tiny, one thread or three), the records
 * are the same: over many generated files that are as nasty as files get. */
#include "support/scratch.h"
#include "support/tables.h"

enum { FILES = 1500 };

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

static void write_bytes(const struct scratch *scratch, const char *name, const struct buf *text)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text->at, text->len), text->len);
    close(fd);
}

static void expect_agreement(const struct scratch *scratch, const char *name,
                             const struct dialect *dialect, uint64_t seed)
{
    static const struct {
        int threads;
        int64_t batch_bytes;
        bool is_scalar, is_narrow;
    } ways[] = {{1, 0, true, false},   {1, 0, false, false},  {1, 0, false, true},
                {1, 64, false, false}, {3, 64, false, false}, {1, 67, true, false}};
    AUTO(buf_drop) struct buf first = {0};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        AUTO(buf_drop) struct buf out = {0};
        struct table_options options = {
            .dialect = *dialect,
            .threads = ways[i].threads,
            .batch_bytes = ways[i].batch_bytes,
            .is_scalar = ways[i].is_scalar,
            .is_narrow = ways[i].is_narrow,
        };
        dump_table(scratch->fd, name, &options, i ? &out : &first);
        if (i && !str_equal(buf_str(&first), buf_str(&out)))
            fail_msg("seed %llu, way %zu:\n%s\nbut the state machine:\n%s",
                     (unsigned long long)seed, i, out.at, first.at);
    }
}

/* How likely which fault is; all zero: a clean file. */
struct faults {
    unsigned ragged, stray, open, blank, bytes;
};

static void add_cell(struct buf *text, uint64_t *state, const struct faults *faults)
{
    static const char *const parts[] = {"x",
                                        "12.5",
                                        "",
                                        "caf\xc3\xa9",
                                        "\xe2\x82\xac",
                                        "\xf0\x9f\x8d\x80",
                                        "long long text of a cell",
                                        " ",
                                        "-"};
    static const char *const quoted[] = {",", "\n", "\"\"", "\r\n", "\r", ";", "a", "\xc3\xa9"};
    bool has_quotes = next(state) % 3 == 0;
    if (has_quotes)
        buf_add_char(text, '"');
    for (size_t i = next(state) % 4; i > 0; i--) {
        bool is_special = has_quotes && next(state) % 2;
        buf_add_text(text, is_special ? quoted[next(state) % COUNT_OF(quoted)]
                                      : parts[next(state) % COUNT_OF(parts)]);
        if (faults->stray && next(state) % faults->stray == 0)
            buf_add_char(text, '"');
        if (faults->bytes && next(state) % faults->bytes == 0)
            buf_add_char(text, (char)(next(state) % 2 ? 0x80 + next(state) % 128 : '\0'));
    }
    if (has_quotes && !(faults->open && next(state) % faults->open == 0))
        buf_add_char(text, '"');
}

static void add_record(struct buf *text, uint64_t *state, size_t columns,
                       const struct faults *faults, const char *line_end)
{
    if (faults->blank && next(state) % faults->blank == 0) {
        buf_add_text(text, line_end);
        return;
    }
    if (faults->ragged && next(state) % faults->ragged == 0)
        columns = 1 + next(state) % (2 * columns);
    for (size_t i = 0; i < columns; i++) {
        if (i)
            buf_add_char(text, ',');
        add_cell(text, state, faults);
    }
    buf_add_text(text, line_end);
}

static void make_file(struct buf *text, uint64_t seed)
{
    static const struct faults kinds[] = {{0},
                                          {.ragged = 20},
                                          {.stray = 60},
                                          {.blank = 9, .ragged = 50},
                                          {.open = 80},
                                          {.bytes = 200},
                                          {.ragged = 9, .stray = 9, .blank = 9, .bytes = 300}};
    uint64_t state = seed * 2654435761u + 88172645463325252u;
    const struct faults *faults = &kinds[next(&state) % COUNT_OF(kinds)];
    const char *line_end = next(&state) % 2 ? "\n" : "\r\n";
    size_t columns = 1 + next(&state) % 6, records = next(&state) % 40;
    buf_clear(text);
    for (size_t i = 0; i < columns; i++)
        buf_print(text, "%sc%zu", i ? "," : "", i);
    buf_add_text(text, line_end);
    for (size_t i = 0; i < records; i++)
        add_record(text, &state, columns, faults, line_end);
    if (records && next(&state) % 2)
        text->len--;
}

static void every_way_to_read_gives_the_same_records(void **unused)
{
    (void)unused;
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf text = {0};
    struct dialect dialect = dialect_for(STR("t.csv"));
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        make_file(&text, seed);
        write_bytes(&scratch, "t.csv", &text);
        expect_agreement(&scratch, "t.csv", &dialect, seed);
    }
    scratch_drop(&scratch);
}

static void every_dialect_gives_the_same_records_in_small_batches(void **unused)
{
    (void)unused;
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf text = {0};
    static const int64_t comment_rows[] = {2, 5}, header_rows[] = {1, 3};
    for (uint64_t seed = 1; seed <= FILES / 3; seed++) {
        struct dialect dialect = dialect_for(STR("t.csv"));
        uint64_t state = seed + 1234567;
        dialect.escape_char = next(&state) % 3 ? (struct str){0} : STR("1");
        dialect.double_quote = next(&state) % 3;
        dialect.skip_initial_space = next(&state) % 3 == 0;
        dialect.has_header = next(&state) % 3;
        dialect.comment_char = next(&state) % 3 ? (struct str){0} : STR("l");
        dialect.delimiter = next(&state) % 4 ? STR(",") : STR("\",");
        dialect.line_terminator = next(&state) % 4 ? STR("\r\n") : STR("\r");
        dialect.quote_char = next(&state) % 5 ? STR("\"") : (struct str){0};
        dialect.has_null_sequence = next(&state) % 3 == 0;
        dialect.null_sequence = STR("-");
        if (next(&state) % 3 == 0)
            dialect.comment_rows = (struct dialect_rows){comment_rows, 2};
        if (next(&state) % 3 == 0)
            dialect.header_rows = (struct dialect_rows){header_rows, 2};
        make_file(&text, seed);
        write_bytes(&scratch, "t.csv", &text);
        expect_agreement(&scratch, "t.csv", &dialect, seed);
    }
    scratch_drop(&scratch);
}

/* Long lines, so that quotes and characters meet every border of a word and of a block. */
static void borders_of_words_and_blocks_do_not_matter(void **unused)
{
    (void)unused;
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf text = {0};
    struct dialect dialect = dialect_for(STR("t.csv"));
    for (size_t shift = 0; shift < 140; shift++) {
        buf_clear(&text);
        buf_add_text(&text, "a,b,c\n");
        buf_add_repeated(&text, 'x', shift);
        buf_add_text(&text, ",\"\"\"q\"\",\xe2\x82\xac\r\n\"\"\",\"\"\r\n1,2,\"\xc3\xa9\"\r\n");
        buf_add_repeated(&text, 'y', shift / 2);
        buf_add_text(&text, ",\"a\nb\",\r\n");
        write_bytes(&scratch, "t.csv", &text);
        expect_agreement(&scratch, "t.csv", &dialect, shift);
    }
    scratch_drop(&scratch);
}

static void add_json(struct buf *text, uint64_t *state, bool breaks_it)
{
    static const char *const values[] = {"1",
                                         "-0.5e+3",
                                         "null",
                                         "true",
                                         "\"x\"",
                                         "\"\\u00e9\\n\"",
                                         "\"\\ud83c\\udf40\"",
                                         "[1, {\"a\": \"}\"}]",
                                         "{}",
                                         "\"]\""};
    static const char *const wrong[] = {"01",          "tru",         "\"\\x\"", "[1,]",
                                        "{\"a\" 1}",   "\"\\ud800\"", "",        "nul",
                                        "\"\\u0000\"", "1.",          "\"\t\""};
    buf_add_char(text, '{');
    size_t count = next(state) % 5;
    for (size_t i = 0; i < count; i++)
        buf_print(text, "%s\"k%zu\":%s%s", i ? ", " : "", i + (next(state) % 8 == 0 ? 5 : 0),
                  next(state) % 2 ? " " : "",
                  breaks_it && next(state) % 30 == 0 ? wrong[next(state) % COUNT_OF(wrong)]
                                                     : values[next(state) % COUNT_OF(values)]);
    buf_add_char(text, '}');
}

static void every_way_to_read_json_gives_the_same_records(void **unused)
{
    (void)unused;
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf text = {0};
    for (uint64_t seed = 1; seed <= FILES; seed++) {
        uint64_t state = seed * 2654435761u + 88172645463325252u;
        bool is_list = next(&state) % 2, breaks_it = next(&state) % 3 == 0;
        const char *name = is_list ? "t.json" : "t.jsonl";
        struct dialect dialect = dialect_for(str_of(name));
        buf_clear(&text);
        buf_add_text(&text, is_list ? "[ " : "");
        for (size_t i = 0, count = next(&state) % 40; i < count; i++) {
            if (i)
                buf_add_text(&text, is_list ? (next(&state) % 2 ? "," : " ,\n") : "\n");
            add_json(&text, &state, breaks_it);
        }
        buf_add_text(&text, is_list ? "]" : next(&state) % 2 ? "\n\n" : "");
        if (text.len == 0)
            continue;
        write_bytes(&scratch, name, &text);
        expect_agreement(&scratch, name, &dialect, seed);
    }
    scratch_drop(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_read_gives_the_same_records),
        cmocka_unit_test(every_dialect_gives_the_same_records_in_small_batches),
        cmocka_unit_test(borders_of_words_and_blocks_do_not_matter),
        cmocka_unit_test(every_way_to_read_json_gives_the_same_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
