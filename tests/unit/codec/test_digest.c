#include "mlops/base/arena.h"
#include "mlops/codec/digest.h"

#include <pthread.h>

#include "support/unit.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void assert_hex(struct digest digest, const char *expected)
{
    char hex[DIGEST_HEX_LEN + 1];
    digest_print(digest, hex);
    assert_string_equal(hex, expected);
}

static void the_published_vectors_hash_as_published(void **state)
{
    (void)state;
    struct str text = STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    assert_hex(digest_of(NULL, 0), EMPTY);
    assert_hex(digest_of("abc", 3), ABC);
    assert_hex(digest_of(text.at, text.len), LONG);
}

static void pieces_hash_like_the_whole_and_the_hasher_starts_afresh(void **state)
{
    (void)state;
    AUTO(hasher_drop) struct hasher hasher = {0};
    char block[1000];
    memset(block, 'a', sizeof block);
    hasher_open(&hasher);
    for (int i = 0; i < 1000; i++)
        hasher_add(&hasher, block, sizeof block);
    assert_hex(hasher_finish(&hasher), MILLION_A);
    hasher_add(&hasher, "a", 1);
    hasher_add(&hasher, "bc", 2);
    assert_hex(hasher_finish(&hasher), ABC);
    assert_hex(hasher_finish(&hasher), EMPTY);
}

static void *hash_abc(void *unused)
{
    (void)unused;
    static _Thread_local struct digest digest;
    digest = digest_of("abc", 3);
    return digest_equal(digest, digest_of("abc", 3)) ? (void *)1 : NULL;
}

static void threads_hash_independently(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_abc, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *is_same = NULL;
        pthread_join(threads[i], &is_same);
        assert_non_null(is_same);
    }
}

static void text_reads_back_with_and_without_the_prefix(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct digest digest = digest_of("abc", 3);
    struct digest read = {0};
    struct str hex = digest_hex(&arena, digest);
    assert_true(digest_parse(hex, &read));
    assert_true(digest_equal(digest, read));
    assert_true(digest_parse(STR("sha256:" ABC), &read));
    assert_true(digest_equal(digest, read));
}

static void what_is_no_digest_is_refused(void **state)
{
    (void)state;
    struct digest read = {{7}};
    const char *const bad[] = {"",
                               "abc",
                               "md5:" ABC,
                               ABC "0",
                               "sha256:",
                               "sha256:sha256:" ABC,
                               "../../../../../../etc/passwd0123456789012345678901234567890123456"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(digest_parse(str_of(bad[i]), &read));
    assert_int_equal(read.at[0], 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_hash_as_published),
        cmocka_unit_test(pieces_hash_like_the_whole_and_the_hasher_starts_afresh),
        cmocka_unit_test(threads_hash_independently),
        cmocka_unit_test(text_reads_back_with_and_without_the_prefix),
        cmocka_unit_test(what_is_no_digest_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
