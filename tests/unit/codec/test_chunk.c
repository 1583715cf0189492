#include "mlops/base/buf.h"
#include "mlops/codec/chunk.h"
#include "mlops/codec/md5.h"

#include <stdlib.h>

#include "support/unit.h"

enum { BYTES = 20 * 1048576 };

/* xorshift64: the same bytes everywhere. */
static struct buf random_of(size_t len, uint64_t seed)
{
    struct buf bytes = {0};
    char *at = buf_reserve(&bytes, len + 8);
    for (size_t i = 0; i < len; i += 8) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(at + i, &seed, 8);
    }
    bytes.len = len;
    return bytes;
}

/* Ends of all chunks. */
static size_t cut_all(struct str bytes, size_t *ends)
{
    size_t count = 0, at = 0;
    while (at < bytes.len) {
        at += chunk_cut(str_slice(bytes, at, bytes.len), true);
        ends[count++] = at;
    }
    return count;
}

static void lengths_keep_their_bounds_and_make_up_the_whole(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf bytes = random_of(BYTES, 1);
    size_t ends[512], count = cut_all(buf_str(&bytes), ends), at = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(ends[i] - at <= CHUNK_MOST_BYTES);
        assert_true(ends[i] - at >= CHUNK_LEAST_BYTES || i + 1 == count);
        at = ends[i];
    }
    assert_int_equal(at, BYTES);
    assert_in_range(count, BYTES / (2 * CHUNK_AVERAGE_BYTES), 2 * BYTES / CHUNK_AVERAGE_BYTES);
}

/* The algorithm of the paper as it stands there, one byte a step. */
static size_t cut_plainly(const unsigned char *at, size_t len)
{
    uint64_t hash = 0;
    size_t most = len < CHUNK_MOST_BYTES ? len : CHUNK_MOST_BYTES;
    for (size_t i = CHUNK_LEAST_BYTES; i < most; i++) {
        unsigned char same[64], sum[16];
        uint64_t value = 0;
        static uint64_t table[256];
        static bool is_known[256];
        if (!is_known[at[i]]) {
            memset(same, at[i], sizeof same);
            struct md5 md5 = md5_of(same, sizeof same);
            memcpy(sum, md5.at, sizeof sum);
            for (int b = 0; b < 8; b++)
                value = value << 8 | sum[b];
            table[at[i]] = value;
            is_known[at[i]] = true;
        }
        hash = (hash << 1) + table[at[i]];
        uint64_t mask = i < CHUNK_AVERAGE_BYTES ? 0x0000d91767537000 : 0x0000d90703537000;
        if ((hash & mask) == 0)
            return i;
    }
    return most;
}

static void cuts_are_those_of_the_paper(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf bytes = random_of(BYTES, 7);
    for (size_t at = 0; at < BYTES;) {
        size_t len = chunk_cut(str_slice(buf_str(&bytes), at, BYTES), true);
        assert_int_equal(len, cut_plainly((const unsigned char *)bytes.at + at, BYTES - at));
        at += len;
    }
}

static void equal_bytes_are_cut_at_the_most(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf bytes = {0};
    buf_add_repeated(&bytes, '\0', 3 * CHUNK_MOST_BYTES);
    assert_int_equal(chunk_cut(buf_str(&bytes), true), CHUNK_MOST_BYTES);
}

static void an_insertion_moves_only_the_cuts_around_it(void **state)
{
    (void)state;
    AUTO(buf_drop) struct buf before = random_of(BYTES, 3);
    AUTO(buf_drop) struct buf after = {0};
    static size_t ends[512], moved[512];
    const size_t where = BYTES / 2;
    buf_add(&after, before.at, where);
    buf_add_text(&after, "inserted");
    buf_add(&after, before.at + where, BYTES - where);
    size_t count = cut_all(buf_str(&before), ends), others = cut_all(buf_str(&after), moved);
    size_t same = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < others; j++)
            same += moved[j] == (ends[i] < where ? ends[i] : ends[i] + 8);
    assert_in_range(same, count - 4, count);
}

static void short_rests_are_chunks_too(void **state)
{
    (void)state;
    assert_int_equal(chunk_cut(STR(""), true), 0);
    assert_int_equal(chunk_cut(STR("abc"), true), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_keep_their_bounds_and_make_up_the_whole),
        cmocka_unit_test(cuts_are_those_of_the_paper),
        cmocka_unit_test(equal_bytes_are_cut_at_the_most),
        cmocka_unit_test(an_insertion_moves_only_the_cuts_around_it),
        cmocka_unit_test(short_rests_are_chunks_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
