#include "mlops/codec/sign.h"

#include <stdio.h>

#include "support/unit.h"

static void is_fine(struct error *error)
{
    if (error)
        fail_msg("%s", error->text);
}

/* RFC 8032, section 7.1, TEST 2, as PEM files. */
static const char private_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=\n"
                                 "-----END PUBLIC KEY-----\n";
static const unsigned char signature_of_r[SIGNATURE_BYTES] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
    0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
    0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
    0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

static void it_signs_as_the_standard_says(void **state)
{
    (void)state;
    AUTO(signers_drop) struct signers *signers = NULL;
    unsigned char made[SIGNATURE_BYTES];
    is_fine(signers_load_private(STR("key"), str_of(private_key), &signers));
    signers_sign(signers, STR("r"), made);
    assert_memory_equal(made, signature_of_r, sizeof made);
}

static void a_signature_counts_for_its_key_and_bytes_only(void **state)
{
    (void)state;
    AUTO(signers_drop) struct signers *all = NULL, *own = NULL;
    unsigned char made[SIGNATURE_BYTES];
    memcpy(made, signature_of_r, sizeof made);
    struct str signature = {(const char *)made, sizeof made};
    is_fine(signers_load_private(STR("key"), str_of(private_key), &own));
    is_fine(signers_load_public(STR("keys"), str_of(public_key), &all));
    struct str id = signers_id(own);
    assert_int_equal(id.len, SIGNER_ID_LEN);
    assert_true(signers_have(all, id));
    assert_false(signers_have(all, STR("0123456789abcdef")));
    assert_true(signers_check(all, id, STR("r"), signature));
    assert_false(signers_check(all, id, STR("s"), signature));
    assert_false(signers_check(all, STR("0123456789abcdef"), STR("r"), signature));
    assert_false(signers_check(all, id, STR("r"), str_slice(signature, 0, 63)));
    for (int bit = 0; bit < SIGNATURE_BYTES * 8; bit++) {
        made[bit / 8] = (unsigned char)(made[bit / 8] ^ 1u << bit % 8);
        assert_false(signers_check(all, id, STR("r"), signature));
        made[bit / 8] = (unsigned char)(made[bit / 8] ^ 1u << bit % 8);
    }
}

static void files_may_hold_several_keys_and_words_between(void **state)
{
    (void)state;
    AUTO(signers_drop) struct signers *signers = NULL;
    char text[1024];
    snprintf(text, sizeof text, "alice\n%s\nbob\n%s", public_key, public_key);
    is_fine(signers_load_public(STR("keys"), str_of(text), &signers));
}

static void what_is_no_key_is_refused_by_name(void **state)
{
    (void)state;
    static const char rsa_like[] =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAPUAXw+hDiVqStwqnTRt+"
        "vJyYLM8uxJaMwM1V8Sr0Zgw=\n-----END PUBLIC KEY-----\n";
    char cut[sizeof public_key];
    memcpy(cut, public_key, sizeof cut);
    cut[60] = '\0';
    const char *texts[] = {"", "hello", private_key, rsa_like, cut};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct signers *signers = NULL;
        struct error *error = signers_load_public(STR("keys.pem"), str_of(texts[i]), &signers);
        assert_non_null(error);
        assert_non_null(strstr(error->text, "keys.pem"));
        error_drop(error);
    }
    struct signers *signers = NULL;
    struct error *error = signers_load_private(STR("key.pem"), str_of(public_key), &signers);
    assert_non_null(error);
    error_drop(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_signs_as_the_standard_says),
        cmocka_unit_test(a_signature_counts_for_its_key_and_bytes_only),
        cmocka_unit_test(files_may_hold_several_keys_and_words_between),
        cmocka_unit_test(what_is_no_key_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
