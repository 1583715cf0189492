/* The examples of Amazon's documentation: "Signature Calculations for the Authorization Header" of
 * S3 and the test suite of Signature Version 4. */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"
#include "mlops/codec/sigv4.h"

#include "support/unit.h"

static const int64_t s3_time_ns = 1369353600 * NS_PER_S;    /* 20130524T000000Z */
static const int64_t suite_time_ns = 1440938160 * NS_PER_S; /* 20150830T123600Z */
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void expect(struct str authorization, const char *signature)
{
    struct str tail = str_slice(authorization, authorization.len - 64, authorization.len);
    if (!str_is(tail, signature))
        fail_msg("%.*s is not %s", STR_FMT(tail), signature);
}

static struct str sign_s3(struct arena *arena, struct sigv4_request request)
{
    struct sigv4_key key = {STR("AKIAIOSFODNN7EXAMPLE"),
                            STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), STR("us-east-1"),
                            STR("s3")};
    request.time_ns = s3_time_ns;
    return sigv4_authorization(arena, &key, &request);
}

static void a_request_with_a_range_is_signed_as_published(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair headers[] = {{STR("x-amz-date"), STR("20130524T000000Z")},
                                   {STR("host"), STR("examplebucket.s3.amazonaws.com")},
                                   {STR("range"), STR("bytes=0-9")},
                                   {STR("x-amz-content-sha256"), STR(EMPTY)}};
    struct str signed_by = sign_s3(&arena, (struct sigv4_request){.method = STR("GET"),
                                                                  .path = STR("/test.txt"),
                                                                  .headers = headers,
                                                                  .header_count = 4,
                                                                  .payload = STR(EMPTY)});
    assert_true(str_starts(
        signed_by, STR("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                       "aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,")));
    expect(signed_by, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void a_path_with_special_characters_is_signed_as_published(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str payload = STR("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    struct sigv4_pair headers[] = {{STR("date"), STR("Fri, 24 May 2013 00:00:00 GMT")},
                                   {STR("host"), STR("examplebucket.s3.amazonaws.com")},
                                   {STR("x-amz-content-sha256"), payload},
                                   {STR("x-amz-date"), STR("20130524T000000Z")},
                                   {STR("x-amz-storage-class"), STR("REDUCED_REDUNDANCY")}};
    struct str path = sigv4_encode(&arena, STR("/test$file.text"), true);
    expect(sign_s3(&arena, (struct sigv4_request){.method = STR("PUT"),
                                                  .path = path,
                                                  .headers = headers,
                                                  .header_count = 5,
                                                  .payload = payload}),
           "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static struct str sign_query(struct arena *arena, const struct sigv4_pair *pairs, size_t count)
{
    struct sigv4_pair headers[] = {{STR("host"), STR("examplebucket.s3.amazonaws.com")},
                                   {STR("x-amz-content-sha256"), STR(EMPTY)},
                                   {STR("x-amz-date"), STR("20130524T000000Z")}};
    return sign_s3(arena, (struct sigv4_request){.method = STR("GET"),
                                                 .path = STR("/"),
                                                 .query = sigv4_query(arena, pairs, count),
                                                 .headers = headers,
                                                 .header_count = 3,
                                                 .payload = STR(EMPTY)});
}

static void a_query_without_a_value_is_signed_as_published(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair pairs[] = {{STR("lifecycle"), STR("")}};
    expect(sign_query(&arena, pairs, 1),
           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void a_query_is_sorted_and_signed_as_published(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair pairs[] = {{STR("prefix"), STR("J")}, {STR("max-keys"), STR("2")}};
    expect(sign_query(&arena, pairs, 2),
           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static struct str sign_suite(struct arena *arena, struct str query)
{
    struct sigv4_key key = {STR("AKIDEXAMPLE"), STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                            STR("us-east-1"), STR("service")};
    struct sigv4_pair headers[] = {{STR("host"), STR("example.amazonaws.com")},
                                   {STR("x-amz-date"), STR("20150830T123600Z")}};
    struct sigv4_request request = {.method = STR("GET"),
                                    .path = STR("/"),
                                    .query = query,
                                    .headers = headers,
                                    .header_count = 2,
                                    .payload = STR(EMPTY),
                                    .time_ns = suite_time_ns};
    return sigv4_authorization(arena, &key, &request);
}

static void the_suite_of_the_algorithm_is_met(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair pairs[] = {{STR("Param2"), STR("value2")}, {STR("Param1"), STR("value1")}};
    expect(sign_suite(&arena, STR("")),
           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    expect(sign_suite(&arena, sigv4_query(&arena, pairs, 2)),
           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
}

static void queries_are_encoded_to_the_last_character(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair pairs[] = {{STR("prefix"), STR("a b/c+d=\xc3\xa4*~")}, {STR("a"), STR("")}};
    assert_true(str_is(sigv4_query(&arena, pairs, 2), "a=&prefix=a%20b%2Fc%2Bd%3D%C3%A4%2A~"));
    assert_true(str_is(sigv4_encode(&arena, STR("a b/c"), true), "a%20b/c"));
}

static void blanks_in_headers_do_not_count(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct sigv4_pair one[] = {{STR("host"), STR("h")}, {STR("x-amz-a"), STR("  a   b ")}};
    struct sigv4_pair other[] = {{STR("host"), STR("h")}, {STR("x-amz-a"), STR("a b")}};
    struct sigv4_request request = {
        .method = STR("GET"), .path = STR("/"), .headers = one, .header_count = 2};
    struct str first = sign_s3(&arena, request);
    request.headers = other;
    assert_true(str_equal(first, sign_s3(&arena, request)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_with_a_range_is_signed_as_published),
        cmocka_unit_test(a_path_with_special_characters_is_signed_as_published),
        cmocka_unit_test(a_query_without_a_value_is_signed_as_published),
        cmocka_unit_test(a_query_is_sorted_and_signed_as_published),
        cmocka_unit_test(the_suite_of_the_algorithm_is_met),
        cmocka_unit_test(queries_are_encoded_to_the_last_character),
        cmocka_unit_test(blanks_in_headers_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
