#include "mlops/host/file.h"
#include "mlops/store/pack.h"

#include <fcntl.h>
#include <unistd.h>

#include "support/scratch.h"

/* A pack of `count` blobs "0", "1", ... under its name in the scratch directory. */
static struct digest make_pack(struct scratch *scratch, int count)
{
    AUTO(pack_writer_drop) struct pack_writer writer = {0};
    struct digest id;
    AUTO(fd_drop)
    struct fd fd =
        fd_of(openat(scratch->fd, "p.pack", O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
    pack_writer_open(&writer, fd_number(fd), "p.pack");
    for (int i = 0; i < count; i++) {
        char text[16];
        struct str blob = {text, (size_t)snprintf(text, sizeof text, "%d", i)};
        assert_fine(pack_writer_add(&writer, digest_of(blob.at, blob.len), PACK_RAW, blob,
                                    (int64_t)blob.len));
    }
    assert_fine(pack_writer_finish(&writer, &id));
    return id;
}

static struct pack *open_pack(struct scratch *scratch)
{
    struct pack *pack = NULL;
    bool found = false;
    assert_fine(pack_open(scratch->fd, "p.pack", &pack, &found));
    assert_true(found);
    return pack;
}

static void every_blob_of_a_pack_is_found(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const int counts[] = {0, 1, 2, 9, 5000};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        struct digest id = make_pack(&scratch, counts[c]);
        AUTO(pack_drop) struct pack *pack = open_pack(&scratch);
        assert_true(digest_equal(id, pack_id(pack)));
        assert_int_equal(pack_rows(pack)->row_count, counts[c]);
        for (int i = 0; i < counts[c]; i++) {
            char text[16], read[16] = {0};
            int len = snprintf(text, sizeof text, "%d", i);
            struct pack_row row;
            assert_true(pack_index_find(pack_rows(pack), digest_of(text, (size_t)len), &row));
            assert_int_equal(row.raw_bytes, len);
            assert_int_equal(pread(pack_fd(pack), read, (size_t)len, row.offset), len);
            assert_string_equal(read, text);
        }
    }
}

static void a_pack_is_searched_without_reading_its_index(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    static const int counts[] = {0, 1, 300, 5000};
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        make_pack(&scratch, counts[c]);
        AUTO(pack_drop) struct pack *whole = open_pack(&scratch);
        AUTO(pack_drop) struct pack *pack = NULL;
        bool found = false;
        assert_fine(pack_open_unread(scratch.fd, "p.pack", &pack, &found));
        assert_false(pack_is_loaded(pack));
        assert_int_equal(pack_rows(pack)->row_count, counts[c]);
        for (int i = 0; i < counts[c] + 200; i++) {
            char text[16];
            int len = snprintf(text, sizeof text, "%d", i);
            struct digest digest = digest_of(text, (size_t)len);
            struct pack_row row, same;
            assert_fine(pack_search(pack, digest, &row, &found));
            assert_int_equal(found, i < counts[c]);
            assert_int_equal(found, pack_index_find(pack_rows(whole), digest, &same));
            if (found)
                assert_int_equal(row.offset, same.offset);
        }
        assert_fine(pack_load(pack, "p.pack"));
        assert_true(pack_is_loaded(pack));
    }
}

static void what_is_not_in_a_pack_is_not_found(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    struct pack_row row;
    make_pack(&scratch, 100);
    AUTO(pack_drop) struct pack *pack = open_pack(&scratch);
    for (int i = 100; i < 1000; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        assert_false(pack_index_find(pack_rows(pack), digest_of(text, (size_t)len), &row));
    }
}

static void a_blob_that_was_added_twice_stands_once(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    AUTO(pack_writer_drop) struct pack_writer writer = {0};
    struct digest id, digest = digest_of("x", 1);
    AUTO(fd_drop)
    struct fd fd = fd_of(openat(scratch.fd, "p.pack", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    pack_writer_open(&writer, fd_number(fd), "p.pack");
    assert_fine(pack_writer_add(&writer, digest, PACK_RAW, STR("x"), 1));
    assert_fine(pack_writer_add(&writer, digest, PACK_RAW, STR("x"), 1));
    assert_fine(pack_writer_finish(&writer, &id));
    AUTO(pack_drop) struct pack *pack = open_pack(&scratch);
    assert_int_equal(pack_rows(pack)->row_count, 1);
}

static bool opens(struct scratch *scratch)
{
    AUTO(pack_drop) struct pack *pack = NULL;
    bool found = false;
    struct error *error = pack_open(scratch->fd, "p.pack", &pack, &found);
    bool is_fine = error == NULL;
    if (error)
        assert_int_equal(error->code, ERROR_STORED);
    error_drop(error);
    return is_fine;
}

static void a_changed_index_or_footer_is_refused(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    make_pack(&scratch, 3);
    AUTO(fd_drop) struct fd fd = fd_of(openat(scratch.fd, "p.pack", O_RDWR | O_CLOEXEC));
    off_t size = lseek(fd_number(fd), 0, SEEK_END);
    for (off_t at = PACK_HEAD_BYTES + 3; at < size; at++) {
        char byte, other;
        assert_int_equal(pread(fd_number(fd), &byte, 1, at), 1);
        other = (char)(byte ^ 1);
        assert_int_equal(pwrite(fd_number(fd), &other, 1, at), 1);
        assert_false(opens(&scratch));
        assert_int_equal(pwrite(fd_number(fd), &byte, 1, at), 1);
    }
    assert_true(opens(&scratch));
}

static void a_pack_that_was_cut_short_is_refused(void **state)
{
    (void)state;
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    make_pack(&scratch, 3);
    AUTO(fd_drop) struct fd fd = fd_of(openat(scratch.fd, "p.pack", O_RDWR | O_CLOEXEC));
    off_t size = lseek(fd_number(fd), 0, SEEK_END);
    for (off_t len = size - 1; len >= 0; len--) {
        assert_int_equal(ftruncate(fd_number(fd), len), 0);
        assert_false(opens(&scratch));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_blob_of_a_pack_is_found),
        cmocka_unit_test(a_pack_is_searched_without_reading_its_index),
        cmocka_unit_test(what_is_not_in_a_pack_is_not_found),
        cmocka_unit_test(a_blob_that_was_added_twice_stands_once),
        cmocka_unit_test(a_changed_index_or_footer_is_refused),
        cmocka_unit_test(a_pack_that_was_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
