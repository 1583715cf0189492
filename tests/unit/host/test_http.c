/* A socket of the test's own says what a server could say, byte by byte; real servers are in
 * tests/remote. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/moment.h"
#include "mlops/host/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "support/scratch.h"

enum { ANSWERS_MOST = 8 };

/* Says one answer a connection and keeps what it was asked. */
struct server {
    int fd, port;
    pthread_t thread;
    const char *answers[ANSWERS_MOST]; /* "" as the last part of a second: nothing, then closed */
    size_t count;
    char asked[ANSWERS_MOST][8192];
};

/* Up to the blank line, and what stands behind it if a length is named. */
static void read_request(int fd, char *asked, size_t size)
{
    size_t len = 0, wanted = SIZE_MAX;
    while (len < size - 1 && len < wanted) {
        ssize_t got = read(fd, asked + len, size - 1 - len);
        if (got <= 0)
            return;
        len += (size_t)got;
        asked[len] = '\0';
        const char *end = strstr(asked, "\r\n\r\n"), *length = strstr(asked, "Content-Length: ");
        if (end)
            wanted = (size_t)(end - asked) + 4 + (length ? (size_t)atol(length + 16) : 0);
    }
}

static void *serve(void *context)
{
    struct server *server = context;
    for (size_t i = 0; i < server->count; i++) {
        int fd = accept(server->fd, NULL, NULL);
        const char *answer = server->answers[i];
        read_request(fd, server->asked[i], sizeof server->asked[i]);
        if (strcmp(answer, "wait") == 0)
            read_request(fd, server->asked[i + 1], sizeof server->asked[i + 1]);
        else
            assert_int_equal(send(fd, answer, strlen(answer), MSG_NOSIGNAL), strlen(answer));
        close(fd);
    }
    return NULL;
}

static struct server *server_open(const char *const *answers, size_t count)
{
    struct server *server = calloc(1, sizeof *server);
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof place;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&place, &len), 0);
    server->port = ntohs(place.sin_port);
    server->count = count;
    memcpy(server->answers, answers, count * sizeof *answers);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    return server;
}

/* Waits for the last answer. */
static void server_end(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
}

struct talk {
    struct arena arena;
    struct server *server;
    struct http *http;
    struct http_reply reply;
    struct buf taken;
    bool is_wanted;
    int64_t told;
};

static void talk_open(struct talk *talk, const struct http_options *options,
                      const char *const *answers, size_t count)
{
    *talk = (struct talk){.server = server_open(answers, count), .is_wanted = true};
    assert_fine(http_open(options, &talk->http));
}

static void talk_drop(struct talk *talk)
{
    http_drop(&talk->http);
    buf_drop(&talk->taken);
    arena_drop(&talk->arena);
    free(talk->server);
}

static FALLIBLE begin(void *context, const struct http_reply *reply, bool *ret_wants)
{
    struct talk *talk = context;
    *ret_wants = talk->is_wanted && reply->status == 200;
    return NULL;
}

static FALLIBLE take(void *context, const char *at, size_t len)
{
    struct talk *talk = context;
    buf_add(&talk->taken, at, len);
    return NULL;
}

static void tell(void *context, int64_t bytes)
{
    struct talk *talk = context;
    talk->told += bytes;
}

static struct error *ask(struct talk *talk, struct http_request request, const char *path)
{
    struct http_sink sink = {begin, take, talk};
    request.method = request.method ? request.method : "GET";
    request.url = str_print(&talk->arena, "http://127.0.0.1:%d%s", talk->server->port, path);
    request.sink = &sink;
    return http_send(talk->http, &talk->arena, &request, &talk->reply);
}

#define OPEN(talk, ...)                                                                            \
    const char *const answers_[] = {__VA_ARGS__};                                                  \
    AUTO(talk_drop) struct talk talk = {0};                                                        \
    talk_open(&talk, &(struct http_options){.timeout_ns = NS_PER_S}, answers_, COUNT_OF(answers_))

static void a_reply_has_status_headers_and_body(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 200 OK\r\nETag: \"a b\"\r\nContent-Length: 5\r\n\r\nhello");
    assert_fine(ask(&talk, (struct http_request){0}, "/x?y=1"));
    server_end(talk.server);
    assert_int_equal(talk.reply.status, 200);
    assert_true(str_is(http_find_header(&talk.reply, "etag"), "\"a b\""));
    assert_true(str_is(buf_str(&talk.taken), "hello"));
    assert_int_equal(talk.reply.body.len, 0);
    assert_non_null(strstr(talk.server->asked[0], "GET /x?y=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "User-Agent: mlops/"));
    assert_null(strstr(talk.server->asked[0], "Authorization"));
}

static void what_the_sink_does_not_want_is_kept_and_no_failure(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy");
    assert_fine(ask(&talk, (struct http_request){0}, "/"));
    server_end(talk.server);
    assert_int_equal(talk.reply.status, 503);
    assert_true(talk.reply.is_passing);
    assert_int_equal(talk.reply.retry_after_ns, 7 * NS_PER_S);
    assert_true(str_is(talk.reply.body, "busy"));
    assert_int_equal(talk.taken.len, 0);
}

static void a_status_that_stays_is_not_passing(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    assert_fine(ask(&talk, (struct http_request){0}, "/"));
    server_end(talk.server);
    assert_int_equal(talk.reply.status, 403);
    assert_false(talk.reply.is_passing);
}

static void a_body_that_is_cut_off_is_a_passing_error(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    struct error *error = ask(&talk, (struct http_request){0}, "/");
    server_end(talk.server);
    assert_non_null(error);
    assert_true(error->is_passing);
    assert_true(str_is(buf_str(&talk.taken), "hello"));
    assert_error(error, "cut off");
}

static void a_connection_that_is_closed_unanswered_is_a_passing_error(void **state)
{
    (void)state;
    OPEN(talk, "");
    struct error *error = ask(&talk, (struct http_request){0}, "/");
    server_end(talk.server);
    assert_non_null(error);
    assert_true(error->is_passing);
    assert_error(error, "127.0.0.1");
}

static void a_server_that_says_nothing_is_left_after_the_timeout(void **state)
{
    (void)state;
    OPEN(talk, "wait");
    struct error *error = ask(&talk, (struct http_request){0}, "/");
    assert_non_null(error);
    assert_true(error->is_passing);
    assert_error(error, "hardly anything, came for 1 s");
    http_drop(&talk.http);
    server_end(talk.server);
}

static void a_name_that_is_wrong_is_no_passing_error(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(http_drop) struct http *http = NULL;
    struct http_reply reply;
    struct http_request request = {.method = "GET", .url = STR("http://127.0.0.1:1/x")};
    assert_fine(http_open(&(struct http_options){0}, &http));
    struct error *error = http_send(http, &arena, &request, &reply);
    assert_non_null(error);
    assert_false(error->is_passing);
    assert_error(error, "127.0.0.1:1: no connection");
}

static void other_protocols_are_refused(void **state)
{
    (void)state;
    AUTO(arena_drop) struct arena arena = {0};
    AUTO(http_drop) struct http *http = NULL;
    struct http_reply reply;
    struct http_request request = {.method = "GET", .url = STR("file:///etc/hostname")};
    assert_fine(http_open(&(struct http_options){0}, &http));
    assert_error(http_send(http, &arena, &request, &reply), "no HTTP");
}

static void bytes_of_a_file_are_sent_with_their_length(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    scratch_write(&scratch, "f", "0123456789");
    AUTO(fd_drop) struct fd fd = {0};
    assert_fine(file_open(scratch.fd, "f", &fd));
    struct http_body body = {
        .fd = fd_number(fd), .offset = 2, .len = 5, .tell = tell, .context = &talk};
    assert_fine(ask(&talk, (struct http_request){.method = "PUT", .body = &body}, "/f"));
    server_end(talk.server);
    assert_non_null(strstr(talk.server->asked[0], "PUT /f HTTP/1.1\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "Content-Length: 5\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "\r\n\r\n23456"));
    assert_int_equal(talk.told, 5);
}

static void a_file_that_became_shorter_is_told(void **state)
{
    (void)state;
    OPEN(talk, "");
    AUTO(scratch_drop) struct scratch scratch = scratch_open();
    scratch_write(&scratch, "f", "0123");
    AUTO(fd_drop) struct fd fd = {0};
    assert_fine(file_open(scratch.fd, "f", &fd));
    struct http_body body = {.fd = fd_number(fd), .len = 5};
    assert_error(ask(&talk, (struct http_request){.method = "PUT", .body = &body}, "/f"),
                 "became shorter");
    http_drop(&talk.http);
    server_end(talk.server);
}

static void an_empty_body_has_a_length_and_no_body_has_none(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 204 Gone\r\n\r\n");
    struct http_body body = {.fd = -1};
    assert_fine(ask(&talk, (struct http_request){.method = "POST", .body = &body}, "/"));
    assert_fine(ask(&talk, (struct http_request){.method = "DELETE"}, "/"));
    server_end(talk.server);
    assert_non_null(strstr(talk.server->asked[0], "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(talk.server->asked[0], "Content-Length: 0\r\n"));
    assert_non_null(strstr(talk.server->asked[1], "DELETE / HTTP/1.1\r\n"));
    assert_null(strstr(talk.server->asked[1], "Content-Length"));
    assert_int_equal(talk.reply.status, 204);
}

static void a_redirect_to_another_host_carries_no_credentials(void **state)
{
    (void)state;
    const char *second[] = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
    struct server *other = server_open(second, 1);
    char first[200];
    snprintf(first, sizeof first,
             "HTTP/1.1 302 There\r\nLocation: http://localhost:%d/y\r\nContent-Length: 0\r\n\r\n",
             other->port);
    const char *answers[] = {first};
    AUTO(talk_drop) struct talk talk = {0};
    struct http_options options = {.user = STR("u"), .password = STR("p"), .timeout_ns = NS_PER_S};
    talk_open(&talk, &options, answers, 1);
    struct error *error = ask(&talk, (struct http_request){.follows = true}, "/x");
    if (error) /* a machine whose localhost is not 127.0.0.1: nothing to see here */
        pthread_cancel(other->thread);
    server_end(talk.server);
    server_end(other);
    assert_fine(error);
    assert_non_null(strstr(talk.server->asked[0], "Authorization: Basic dTpw\r\n"));
    assert_non_null(strstr(other->asked[0], "GET /y "));
    assert_null(strstr(other->asked[0], "Authorization"));
    assert_true(str_is(buf_str(&talk.taken), "ok"));
    free(other);
}

static void a_redirect_is_an_answer_unless_it_is_to_be_followed(void **state)
{
    (void)state;
    OPEN(talk, "HTTP/1.1 301 There\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n");
    assert_fine(ask(&talk, (struct http_request){0}, "/x"));
    server_end(talk.server);
    assert_int_equal(talk.reply.status, 301);
    assert_true(str_is(http_find_header(&talk.reply, "Location"), "/y"));
}

static void a_token_is_sent_and_in_no_message(void **state)
{
    (void)state;
    const char *answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"};
    AUTO(talk_drop) struct talk talk = {0};
    talk_open(&talk, &(struct http_options){.token = STR("s3cret")}, answers, 1);
    struct error *error = ask(&talk, (struct http_request){0}, "/x");
    server_end(talk.server);
    AUTO(buf_drop) struct buf text = {0};
    assert_non_null(error);
    error_print(error, &text);
    error_drop(error);
    assert_non_null(strstr(talk.server->asked[0], "Authorization: Bearer s3cret\r\n"));
    assert_null(strstr(text.at, "s3cret"));
}

static void the_host_of_a_url_has_no_user(void **state)
{
    (void)state;
    assert_true(str_is(http_host(STR("https://u:p@h:80/a@b")), "h:80"));
    assert_true(str_is(http_host(STR("http://h")), "h"));
    assert_true(str_is(http_host(STR("http://h?x=@")), "h"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_has_status_headers_and_body),
        cmocka_unit_test(what_the_sink_does_not_want_is_kept_and_no_failure),
        cmocka_unit_test(a_status_that_stays_is_not_passing),
        cmocka_unit_test(a_body_that_is_cut_off_is_a_passing_error),
        cmocka_unit_test(a_connection_that_is_closed_unanswered_is_a_passing_error),
        cmocka_unit_test(a_server_that_says_nothing_is_left_after_the_timeout),
        cmocka_unit_test(a_name_that_is_wrong_is_no_passing_error),
        cmocka_unit_test(other_protocols_are_refused),
        cmocka_unit_test(bytes_of_a_file_are_sent_with_their_length),
        cmocka_unit_test(a_file_that_became_shorter_is_told),
        cmocka_unit_test(an_empty_body_has_a_length_and_no_body_has_none),
        cmocka_unit_test(a_redirect_to_another_host_carries_no_credentials),
        cmocka_unit_test(a_redirect_is_an_answer_unless_it_is_to_be_followed),
        cmocka_unit_test(a_token_is_sent_and_in_no_message),
        cmocka_unit_test(the_host_of_a_url_has_no_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
