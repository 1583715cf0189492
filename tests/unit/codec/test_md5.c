#include "mlops/codec/md5.h"

#include "support/unit.h"

static void assert_hex(struct md5 md5, const char *expected)
{
    char hex[MD5_HEX_LEN + 1];
    md5_print(md5, hex);
    assert_string_equal(hex, expected);
}

/* RFC 1321, appendix A.5. */
static void the_published_vectors_hash_as_published(void **state)
{
    (void)state;
    assert_hex(md5_of(NULL, 0), "d41d8cd98f00b204e9800998ecf8427e");
    assert_hex(md5_of("abc", 3), "900150983cd24fb0d6963f7d28e17f72");
    assert_hex(md5_of("message digest", 14), "f96b697d7cb7938d525a2f31aaf161d0");
}

static void pieces_hash_like_the_whole_and_the_hasher_starts_afresh(void **state)
{
    (void)state;
    AUTO(md5_hasher_drop) struct md5_hasher hasher = {0};
    md5_hasher_open(&hasher);
    md5_hasher_add(&hasher, "message ", 8);
    md5_hasher_add(&hasher, "digest", 6);
    assert_hex(md5_hasher_finish(&hasher), "f96b697d7cb7938d525a2f31aaf161d0");
    md5_hasher_add(&hasher, "abc", 3);
    assert_hex(md5_hasher_finish(&hasher), "900150983cd24fb0d6963f7d28e17f72");
    assert_hex(md5_hasher_finish(&hasher), "d41d8cd98f00b204e9800998ecf8427e");
}

static void hex_of_either_case_reads_back_and_nothing_else_does(void **state)
{
    (void)state;
    struct md5 md5, upper;
    assert_true(md5_parse(STR("900150983cd24fb0d6963f7d28e17f72"), &md5));
    assert_true(md5_equal(md5, md5_of("abc", 3)));
    assert_true(md5_parse(STR("900150983CD24FB0D6963F7D28E17F72"), &upper));
    assert_true(md5_equal(md5, upper));
    assert_false(md5_parse(STR("900150983cd24fb0d6963f7d28e17f7"), &md5));
    assert_false(md5_parse(STR("900150983cd24fb0d6963f7d28e17f72.dir"), &md5));
    assert_false(md5_parse(STR("900150983cd24fb0d6963f7d28e17f7g"), &md5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_hash_as_published),
        cmocka_unit_test(pieces_hash_like_the_whole_and_the_hasher_starts_afresh),
        cmocka_unit_test(hex_of_either_case_reads_back_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
