#include "mlops/engine/redact.h"

#include "support/unit.h"

static struct str redacted(const char *const *parts, size_t count, struct buf *out)
{
    const struct str secrets[] = {STR("hunter2-SECRET"), STR("a/b c?d=e")};
    struct redactor *redactor = redactor_open(secrets, COUNT_OF(secrets));
    for (size_t i = 0; i < count; i++)
        redactor_add(redactor, str_of(parts[i]), out);
    redactor_finish(redactor, out);
    redactor_drop(&redactor);
    return buf_str(out);
}

#define ASSERT_REDACTED(expected, ...)                                                             \
    do {                                                                                           \
        const char *const parts[] = {__VA_ARGS__};                                                 \
        AUTO(buf_drop) struct buf out = {0};                                                       \
        struct str got = redacted(parts, COUNT_OF(parts), &out);                                   \
        assert_string_equal(got.at ? got.at : "", expected);                                       \
    } while (0)

static void a_secret_becomes_stars(void **state)
{
    (void)state;
    ASSERT_REDACTED("token=*** end\n", "token=hunter2-SECRET end\n");
}

static void a_secret_split_over_reads_is_found(void **state)
{
    (void)state;
    ASSERT_REDACTED("x*** y", "xhunt", "er2-S", "ECRET", " y");
}

static void base64_and_url_forms_are_secret_too(void **state)
{
    (void)state;
    ASSERT_REDACTED("***= ", "aHVudGVyMi1TRUNSRVQ= ");
    ASSERT_REDACTED("q=***&", "q=a%2Fb%20c%3Fd%3De&");
}

static void two_in_a_row_both_go(void **state)
{
    (void)state;
    ASSERT_REDACTED("******", "hunter2-SECREThunter2-SECRET");
}

static void the_start_of_a_secret_alone_is_shown(void **state)
{
    (void)state;
    ASSERT_REDACTED("hunter2-SECRE", "hunter2-", "SECRE");
}

static void short_values_hide_nothing(void **state)
{
    (void)state;
    const struct str secrets[] = {STR("a"), STR("12")};
    assert_null(redactor_open(secrets, COUNT_OF(secrets)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_becomes_stars),
        cmocka_unit_test(a_secret_split_over_reads_is_found),
        cmocka_unit_test(base64_and_url_forms_are_secret_too),
        cmocka_unit_test(two_in_a_row_both_go),
        cmocka_unit_test(the_start_of_a_secret_alone_is_shown),
        cmocka_unit_test(short_values_hide_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
