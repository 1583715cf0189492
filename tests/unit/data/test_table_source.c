/* Where a table's bytes come from: packed files, encodings, digests, and what is no file. */
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "support/scratch.h"
#include "support/tables.h"

static void write_bytes(const struct scratch *scratch, const char *name, struct str text)
{
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.at, text.len), text.len);
    close(fd);
}

static void add_gzip(struct buf *out, struct str text)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, text.len) + 64;
    stream.next_in = (Bytef *)(uintptr_t)text.at;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (Bytef *)buf_reserve(out, room);
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += room - stream.avail_out;
    deflateEnd(&stream);
}

static void add_zstd(struct buf *out, struct str text)
{
    size_t room = ZSTD_compressBound(text.len);
    size_t len = ZSTD_compress(buf_reserve(out, room), room, text.at, text.len, 3);
    assert_false(ZSTD_isError(len));
    out->len += len;
}

static void expect_with(const char *name, struct str bytes, const char *encoding,
                        const char *expected)
{
    struct scratch scratch = scratch_open();
    write_bytes(&scratch, name, bytes);
    for (int i = 0; i < 4; i++) {
        AUTO(buf_drop) struct buf out = {0};
        struct table_options options = {.dialect = dialect_for(str_of(name)),
                                        .threads = i % 2 ? 3 : 1,
                                        .batch_bytes = i / 2 ? 1 : 0};
        options.dialect.encoding = str_of(encoding);
        dump_table(scratch.fd, name, &options, &out);
        assert_string_equal(out.at, expected);
    }
    scratch_drop(&scratch);
}

static void gzip_is_told_by_its_first_bytes(void **state)
{
    AUTO(buf_drop) struct buf packed = {0};
    (void)state;
    add_gzip(&packed, STR("a,b\n1,"));
    add_gzip(&packed, STR(""));
    add_gzip(&packed, STR("2\n3,4\n"));
    expect_with("t.csv.gz", buf_str(&packed), NULL, "[a][b]\n2:2 1|2\n3:3 3|4\n");
    expect_with("t.csv", buf_str(&packed), NULL, "[a][b]\n2:2 1|2\n3:3 3|4\n");
    buf_add_repeated(&packed, '\0', 512);
    expect_with("t.csv.gz", buf_str(&packed), NULL, "[a][b]\n2:2 1|2\n3:3 3|4\n");
    buf_add_text(&packed, "x");
    expect_with("t.csv.gz", buf_str(&packed), NULL,
                "t.csv.gz:4: record 4: the gzip data are damaged: something else follows them\n");
}

static void zstd_is_told_by_its_first_bytes(void **state)
{
    AUTO(buf_drop) struct buf packed = {0};
    (void)state;
    buf_add_str(&packed, STR("\x50\x2a\x4d\x18\x04\0\0\0skip")); /* a frame to be skipped */
    add_zstd(&packed, STR("{\"a\": 1}\n{\"a\""));
    add_zstd(&packed, STR(": 2}"));
    expect_with("t.jsonl.zst", buf_str(&packed), NULL, "[a]\n1:1 #1\n2:2 #2\n");
}

static void truncated_and_damaged_streams_name_the_record(void **state)
{
    AUTO(buf_drop) struct buf gzip = {0};
    AUTO(buf_drop) struct buf zstd = {0};
    (void)state;
    add_gzip(&gzip, STR("a,b\n1,2\n3,4\n"));
    expect_with("t.csv.gz", str_slice(buf_str(&gzip), 0, gzip.len - 3), NULL,
                "t.csv.gz:4: record 4: the gzip data are damaged: they end too early\n");
    gzip.at[gzip.len - 6] ^= 1;
    expect_with("t.csv.gz", buf_str(&gzip), NULL,
                "t.csv.gz:4: record 4: the gzip data are damaged: incorrect data check\n");
    add_zstd(&zstd, STR("a,b\n1,2\n3,4\n"));
    expect_with("t.csv.zst", str_slice(buf_str(&zstd), 0, zstd.len - 3), NULL,
                "t.csv.zst:3: record 3: the zstd data are damaged: they end too early\n");
}

static void other_encodings_become_utf8(void **state)
{
    (void)state;
    expect_with("t.csv", STR("a,b\ncaf\xe9,1\n"), "latin-1", "[a][b]\n2:2 caf\xc3\xa9|1\n");
    expect_with("t.csv", STR("a,b\ncaf\xe9,1\n"), "ISO_8859-1", "[a][b]\n2:2 caf\xc3\xa9|1\n");
    expect_with("t.csv", STR("a,b\n\x80,1\n"), "windows-1252", "[a][b]\n2:2 \xe2\x82\xac|1\n");
    expect_with("t.csv", STR("a,b\n1,x\xe2"), "cp1258", "[a][b]\n2:2 1|x\xc3\xa2\n");
    expect_with("t.csv", STR("a,b\ncaf\xc3\xa9,1\n"), "utf-8", "[a][b]\n2:2 caf\xc3\xa9|1\n");
    expect_with("t.csv",
                STR("\xff\xfe"
                    "a\0,\0b\0\n\0001\0,\0\xac\x20\n\0"),
                "utf-16", "[a][b]\n2:2 1|\xe2\x82\xac\n");
}

static void bytes_of_another_encoding_name_the_record(void **state)
{
    (void)state;
    expect_with("t.csv", STR("a,b\n1,2\n3,\xff\n"), "ascii",
                "t.csv:3: record 3: bytes that are no text in the encoding given\n");
    expect_with("t.csv", STR("a,b\n1,2\n3,\xff\n"), "klingon", ":0: unknown encoding 'klingon'\n");
    expect_with("t.csv", STR("a,b\n1,2\n\n3,\xff\n"), NULL,
                "t.csv:4: record 4: bytes that are not UTF-8\n");
    expect_with("t.csv", STR("a,b\n1,2\n3,\xed\xa0\x80\n"), NULL,
                "t.csv:3: record 3: bytes that are not UTF-8\n");
}

static void the_digest_is_that_of_the_file(void **state)
{
    struct scratch scratch = scratch_open();
    AUTO(buf_drop) struct buf packed = {0};
    (void)state;
    add_gzip(&packed, STR("[{\"a\": 1}, {\"a\": 2}]"));
    write_bytes(&scratch, "t.json.gz", buf_str(&packed));
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct table_options options = {.dialect = dialect_for(STR("t.json.gz")), .takes_digest = true};
    struct table_visitor visitor = {0};
    struct digest digest;
    assert_fine(table_open(&arena, scratch.fd, STR("t.json.gz"), &options, &table));
    assert_fine(table_scan(table, &visitor));
    assert_fine(table_digest(table, &digest));
    assert_true(digest_equal(digest, digest_of(packed.at, packed.len)));
    assert_int_equal(table_byte_count(table), packed.len);
    assert_int_equal(table_record_count(table), 2);
    scratch_drop(&scratch);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    struct scratch scratch = scratch_open();
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(table_drop) struct table_reader *table = NULL;
    struct table_options options = {.dialect = dialect_for(STR("t.csv"))};
    (void)state;
    assert_int_equal(mkfifoat(scratch.fd, "fifo.csv", 0666), 0);
    scratch_directory(&scratch, "dir.csv");
    assert_error(table_open(&arena, scratch.fd, STR("fifo.csv"), &options, &table), "a FIFO");
    assert_error(table_open(&arena, scratch.fd, STR("dir.csv"), &options, &table), "a directory");
    assert_error(table_open(&arena, scratch.fd, STR("none.csv"), &options, &table), "cannot open");
    assert_error(table_open(&arena, AT_FDCWD, STR("/dev/zero"), &options, &table), "a device");
    options.dialect = dialect_for(STR("data"));
    scratch_write(&scratch, "data", "a,b");
    assert_error(table_open(&arena, scratch.fd, STR("data"), &options, &table), "its format");
    scratch_drop(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_told_by_its_first_bytes),
        cmocka_unit_test(zstd_is_told_by_its_first_bytes),
        cmocka_unit_test(truncated_and_damaged_streams_name_the_record),
        cmocka_unit_test(other_encodings_become_utf8),
        cmocka_unit_test(bytes_of_another_encoding_name_the_record),
        cmocka_unit_test(the_digest_is_that_of_the_file),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
