/* What servers answer, read; the transports themselves are tested against servers in tests/remote.
 */
#include "mlops/base/arena.h"
#include "mlops/base/moment.h"

#include "../../../src/store/transport_s3_private.h"
#include "support/scratch.h"

#define DAV_BEGIN "<?xml version='1.0'?><D:multistatus xmlns:D='DAV:'>"
#define DAV_END "</D:multistatus>"
#define DAV_FILE(href, size)                                                                       \
    "<D:response><D:href>" href "</D:href><D:propstat><D:prop><D:getcontentlength>" size           \
    "</D:getcontentlength><D:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</D:getlastmodified>"    \
    "<D:resourcetype/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
#define DAV_DIRECTORY(href)                                                                        \
    "<D:response><D:href>" href "</D:href><D:propstat><D:prop><D:getcontentlength/></D:prop>"      \
    "<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat><D:propstat><D:prop>"                 \
    "<D:resourcetype><D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK"           \
    "</D:status></D:propstat></D:response>"

static void a_directory_by_webdav_holds_files_and_directories(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dav_listing listing = {.arena = &arena, .root = STR("/a b"), .directory = STR("pack/")};
    assert_fine(dav_listing_parse(
        &listing, STR(DAV_BEGIN DAV_DIRECTORY("/a%20b/pack/") DAV_FILE("/a%20b/pack/x", "12")
                          DAV_DIRECTORY("http://h/a%20b/pack/sub") DAV_END)));
    assert_int_equal(listing.items.len, 1);
    assert_true(str_is(listing.items.at[0].name, "pack/x"));
    assert_int_equal(listing.items.at[0].size_bytes, 12);
    assert_int_equal(listing.items.at[0].modified_ns, 784111777 * NS_PER_S);
    assert_int_equal(listing.directories.len, 1);
    assert_true(str_is(listing.directories.at[0], "pack/sub/"));
}

static void what_is_not_right_below_is_left_out(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dav_listing listing = {.arena = &arena, .root = STR("/r"), .directory = STR("pack/")};
    assert_fine(dav_listing_parse(
        &listing, STR(DAV_BEGIN DAV_FILE("/r/pack/a/b", "1") DAV_FILE("/elsewhere/x", "1")
                          DAV_FILE("/r/pack/a%2Fb", "1") DAV_FILE("/r/pack/%zz", "1")
                              DAV_FILE("/r/packs/x", "1") DAV_FILE("/r/pack/a%00", "1") DAV_END)));
    assert_int_equal(listing.items.len, 0);
    assert_int_equal(listing.directories.len, 0);
    assert_error(dav_listing_parse(&listing, STR("<html/>")), "no listing");
    assert_error(dav_listing_parse(&listing, STR(DAV_BEGIN)), "well-formed");
}

/* A URL with '//' in its path: nginx lists '/r/...', and a push would be seen by nobody. */
static void a_listing_of_another_place_is_no_empty_one(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct dav_listing listing = {.arena = &arena, .root = STR("//r"), .directory = STR("pack/")};
    assert_error(dav_listing_parse(&listing, STR(DAV_BEGIN DAV_DIRECTORY("/r/pack/")
                                                     DAV_FILE("/r/pack/x", "1") DAV_END)),
                 "asked for '//r/pack/', the server lists '/r/pack/'");
    listing.root = STR("/r");
    assert_fine(dav_listing_parse(&listing, STR(DAV_BEGIN DAV_DIRECTORY("/r/pack") DAV_END)));
    assert_fine(dav_listing_parse(&listing, STR(DAV_BEGIN DAV_END)));
    assert_int_equal(listing.items.len, 0);
}

static void a_page_of_s3_names_keys_below_the_prefix_and_the_next_page(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct web_item_vec items = {0};
    struct str next = {0};
    assert_fine(s3_page_parse(
        &arena,
        STR("<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>true"
            "</IsTruncated><NextContinuationToken>a/b+c=</NextContinuationToken><Contents><Key>p%2B"
            "+q/pack/x</Key><Size>7</Size><ETag>&quot;e&quot;</ETag><LastModified>2009-10-12T17:50:"
            "30.000Z</LastModified></Contents><Contents><Key>other</Key></Contents><Contents><Key>p"
            "%2B+q/dir/</Key></Contents></ListBucketResult>"),
        STR("p+ q/"), &items, &next));
    assert_true(str_is(next, "a/b+c="));
    assert_int_equal(items.len, 1);
    assert_true(str_is(items.at[0].name, "pack/x"));
    assert_true(str_is(items.at[0].version, "\"e\""));
    assert_int_equal(items.at[0].size_bytes, 7);
    assert_int_equal(items.at[0].modified_ns, 1255369830 * NS_PER_S);
    assert_error(s3_page_parse(&arena,
                               STR("<ListBucketResult><IsTruncated>true</IsTruncated>"
                                   "</ListBucketResult>"),
                               STR(""), &items, &next),
                 "does not go on");
}

static void keys_are_read_as_the_server_says_they_are_written(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    static const char *const bodies[] = {
        "<ListBucketResult><Contents><Key>a+%2B/50%</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a%2B%252B/50%25</Key></Contents>"
        "<EncodingType>url</EncodingType></ListBucketResult>",
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct web_item_vec items = {0};
        struct str next = {0};
        assert_fine(s3_page_parse(&arena, str_of(bodies[i]), STR("a+%2B/"), &items, &next));
        assert_int_equal(items.len, 1);
        assert_true(str_is(items.at[0].name, "50%"));
    }
}

static void the_newest_upload_of_just_that_key_is_found(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct str id = {0};
    struct str text =
        STR("<ListMultipartUploadsResult>"
            "<Upload><Key>k</Key><UploadId>1</UploadId><Initiated>2026-01-01</Initiated>"
            "</Upload><Upload><Key>k</Key><UploadId>2</UploadId><Initiated>2026-01-03"
            "</Initiated></Upload><Upload><Key>kk</Key><UploadId>3</UploadId><Initiated>"
            "2026-01-04</Initiated></Upload></ListMultipartUploadsResult>");
    assert_fine(s3_uploads_parse(&arena, text, STR("k"), &id));
    assert_true(str_is(id, "2"));
    assert_fine(s3_uploads_parse(&arena, text, STR("none"), &id));
    assert_int_equal(id.len, 0);
}

static void parts_have_number_size_and_tag(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct s3_part_vec parts = {0};
    int64_t next = 0;
    assert_fine(
        s3_parts_parse(&arena,
                       STR("<ListPartsResult><IsTruncated>true</IsTruncated>"
                           "<NextPartNumberMarker>2</NextPartNumberMarker><Part><PartNumber>2"
                           "</PartNumber><Size>5</Size><ETag>\"t\"</ETag></Part>"
                           "</ListPartsResult>"),
                       &parts, &next));
    assert_int_equal(next, 2);
    assert_int_equal(parts.at[0].number, 2);
    assert_int_equal(parts.at[0].size_bytes, 5);
    assert_true(str_is(parts.at[0].tag, "\"t\""));
}

static void an_error_has_a_code_and_anything_else_has_none(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct s3_error told =
        s3_error_parse(&arena, STR("<Error><Code>SlowDown</Code><Message>m</Message></Error>"));
    assert_true(str_is(told.code, "SlowDown"));
    assert_int_equal(s3_error_parse(&arena, STR("<html><Code>x</Code></html>")).code.len, 0);
    assert_int_equal(s3_error_parse(&arena, STR("busy")).code.len, 0);
    assert_int_equal(s3_error_parse(&arena, STR("")).code.len, 0);
}

static void credentials_of_a_program_are_read(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct s3_credentials got = {0};
    assert_fine(s3_credentials_parse(&arena,
                                     STR("{\"Version\": 1, \"AccessKeyId\": \"i\", "
                                         "\"SecretAccessKey\": \"s\", \"SessionToken\": "
                                         "\"t\", \"Expiration\": \"2009-10-12T17:50:30+00:00\"}"),
                                     &got));
    assert_true(str_is(got.id, "i") && str_is(got.secret, "s") && str_is(got.token, "t"));
    assert_int_equal(got.expires_ns, 1255369830 * NS_PER_S);
    assert_error(s3_credentials_parse(&arena, STR("{\"Version\": 2}"), &got), "Version 1");
    assert_error(s3_credentials_parse(&arena, STR("[1]"), &got), "Version 1");
    assert_error(
        s3_credentials_parse(&arena, STR("{\"Version\": 1, \"AccessKeyId\": \"i\"}"), &got),
        "SecretAccessKey");
}

static void where_a_server_says_it_is_holds_no_secret(void **state)
{
    static const struct {
        const char *said, *shown; /* shown NULL: nothing of it */
    } rows[] = {
        {"https://new.lab/p", "https://new.lab/p"},
        {"/p@x", "/p@x"},
        {"https://new.lab/p?X-Amz-Signature=s3cret", "https://new.lab/p"},
        {"https://anna:s3cret@new.lab/p", NULL},
        {"https://new.lab/\x1b[31m", NULL},
    };
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_reply reply = {.status = 301};
        *vec_push(&arena, &reply.headers) =
            (struct http_header){STR("Location"), str_of(rows[i].said)};
        struct error *error = web_fault(STR("https://old.lab/p"), &reply);
        const char *hint = error->hint ? error->hint : "";
        assert_null(strstr(hint, "s3cret"));
        assert_null(strchr(hint, '\x1b'));
        assert_true(!rows[i].shown || str_ends(str_of(hint), str_of(rows[i].shown)));
        error_drop(error);
    }
}

static void a_region_is_no_way_to_another_host(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct remote remote = {
        .name = STR("r"), .url = STR("s3://bucket/x"), .region = STR("evil.example/")};
    struct transport *transport = NULL;
    unsetenv("AWS_ENDPOINT_URL");
    unsetenv("AWS_ENDPOINT_URL_S3");
    assert_error(transport_open(&arena, &remote, &transport), "no name of a region");
}

static void a_service_that_another_project_names_gets_no_credentials(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    struct remote remote = {.name = STR("r"),
                            .url = STR("s3://bucket/x"),
                            .endpoint = STR("http://127.0.0.1:1"),
                            .is_elsewhere = true};
    struct transport *transport = NULL;
    struct connection *connection = NULL;
    struct transport_item item;
    bool found = false;
    setenv("AWS_ACCESS_KEY_ID", "id", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_fine(transport_open(&arena, &remote, &transport));
    assert_fine(transport_connect(transport, &connection));
    assert_error(connection_stat(connection, STR("x"), &item, &found), "no credentials of yours");
    connection_drop(&connection);
    transport_drop(&transport);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_by_webdav_holds_files_and_directories),
        cmocka_unit_test(what_is_not_right_below_is_left_out),
        cmocka_unit_test(a_listing_of_another_place_is_no_empty_one),
        cmocka_unit_test(a_page_of_s3_names_keys_below_the_prefix_and_the_next_page),
        cmocka_unit_test(keys_are_read_as_the_server_says_they_are_written),
        cmocka_unit_test(the_newest_upload_of_just_that_key_is_found),
        cmocka_unit_test(parts_have_number_size_and_tag),
        cmocka_unit_test(an_error_has_a_code_and_anything_else_has_none),
        cmocka_unit_test(credentials_of_a_program_are_read),
        cmocka_unit_test(where_a_server_says_it_is_holds_no_secret),
        cmocka_unit_test(a_region_is_no_way_to_another_host),
        cmocka_unit_test(a_service_that_another_project_names_gets_no_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
