/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "scripted_server.h"
#include "unit_test.h"

#define ROWS(...)                                                                                  \
    (const struct scripted_row[])                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define PLAY(...)                                                                                  \
    scripted_server_start(&server, ROWS(__VA_ARGS__),                                              \
                          sizeof(ROWS(__VA_ARGS__)) / sizeof(struct scripted_row))

static struct scripted_server server;
static struct http_client *client;

static int make_client(void **state)
{
    (void)state;
    client = http_client_new(&(struct http_options){.keep_alive = true, .stall_timeout_ms = 1000});
    return 0;
}

static int free_client(void **state)
{
    (void)state;
    http_client_free(client);
    return 0;
}

#define test_with_client(test) cmocka_unit_test_setup_teardown(test, make_client, free_client)

static const char *url_of(const char *path)
{
    static char url[256];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server.port, path);
    return url;
}

static struct http_request get(const char *path)
{
    return (struct http_request){.method = "GET",
                                 .url = url_of(path),
                                 .most_bytes = 1000,
                                 .deadline = deadline_after_ms(10000)};
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"

static void complete_answer_has_status_type_and_body(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = OK_HEAD "{}"});
    struct http_request request = get("/status");
    assert_good(http_do(client, &request, &answer, &err));
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(buffer_text(&answer.body), "{}");
    assert_int_equal(answer.retry_after_s, -1);
    http_answer_done(&answer);
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "GET /status HTTP/1.1\r\n"));
}

static void error_status_is_a_complete_answer(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"});
    struct http_request request = get("/");
    assert_good(http_do(client, &request, &answer, &err));
    assert_int_equal(answer.status, 503);
    assert_int_equal(answer.retry_after_s, 7);
    assert_string_equal(buffer_text(&answer.body), "busy");
    http_answer_done(&answer);
    scripted_server_stop(&server);
}

static void redirect_is_told_and_not_followed(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"},
         {.send = OK_HEAD "{}"});
    struct http_request request = get("/");
    assert_good(http_do(client, &request, &answer, &err));
    assert_int_equal(answer.status, 302);
    assert_string_equal(answer.location, "/elsewhere");
    http_answer_done(&answer);
    scripted_server_stop(&server);
    assert_int_equal(server.rows_played, 1);
}

static void body_and_headers_are_sent_without_a_form_type(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.await = "{\"a\":1}", .send = OK_HEAD "{}"});
    struct http_request request = get("/");
    request.method = "PUT";
    request.headers = (const char *const[]){"X-Request: 1", NULL};
    request.body = "{\"a\":1}";
    request.body_size = 7;
    assert_good(http_do(client, &request, &answer, &err));
    http_answer_done(&answer);
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "PUT / HTTP/1.1\r\n"));
    assert_non_null(strstr(server.received, "X-Request: 1\r\n"));
    assert_non_null(strstr(server.received, "Content-Length: 7\r\n"));
    assert_null(strstr(server.received, "Content-Type"));
    assert_null(strstr(server.received, "Expect"));
}

static void post_without_body_sends_length_zero(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = OK_HEAD "{}"});
    struct http_request request = get("/");
    request.method = "POST";
    assert_good(http_do(client, &request, &answer, &err));
    http_answer_done(&answer);
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(server.received, "Content-Length: 0\r\n"));
}

static void connection_is_kept_between_requests(void **state)
{
    (void)state;
    PLAY({.send = OK_HEAD "{}", .end = SCRIPTED_KEEP},
         {.send = OK_HEAD "{}", .end = SCRIPTED_KEEP});
    for (int i = 0; i < 2; i++) {
        struct http_answer answer;
        struct http_request request = get("/");
        assert_good(http_do(client, &request, &answer, &err));
        http_answer_done(&answer);
    }
    scripted_server_stop(&server);
    assert_int_equal(server.connections, 1);
}

static void client_without_keep_alive_says_close(void **state)
{
    struct http_client *closing = http_client_new(&(struct http_options){.keep_alive = false});
    (void)state;
    PLAY({.send = OK_HEAD "{}", .end = SCRIPTED_KEEP},
         {.send = OK_HEAD "{}", .end = SCRIPTED_KEEP});
    for (int i = 0; i < 2; i++) {
        struct http_answer answer;
        struct http_request request = get("/");
        assert_good(http_do(closing, &request, &answer, &err));
        http_answer_done(&answer);
    }
    http_client_free(closing);
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "Connection: close\r\n"));
    assert_int_equal(server.connections, 2);
}

static void send_authorized(const struct http_options *options)
{
    struct http_client *authorized = http_client_new(options);
    struct http_answer answer;
    PLAY({.send = OK_HEAD "{}"});
    struct http_request request = get("/");
    assert_good(http_do(authorized, &request, &answer, &err));
    http_answer_done(&answer);
    http_client_free(authorized);
    scripted_server_stop(&server);
}

static void credentials_are_sent_as_basic_or_bearer(void **state)
{
    (void)state;
    send_authorized(&(struct http_options){.user = "admin", .password = "secret"});
    assert_non_null(strstr(server.received, "Authorization: Basic YWRtaW46c2VjcmV0\r\n"));
    send_authorized(&(struct http_options){.bearer_token = "t0k3n"});
    assert_non_null(strstr(server.received, "Authorization: Bearer t0k3n\r\n"));
}

/* Answers that end a request without being an answer. */
static const struct bad_answer {
    const char *name;
    struct scripted_row row;
    enum error_code code;
} bad_answers[] = {
    {"half a body",
     {.send = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"},
     ERROR_UNAVAILABLE},
    {"half a chunk",
     {.send = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"},
     ERROR_UNAVAILABLE},
    {"nothing", {.send = NULL}, ERROR_UNAVAILABLE},
    {"a reset",
     {.send = "HTTP/1.1 200 OK\r\nContent-Le", .end = SCRIPTED_RESET},
     ERROR_UNAVAILABLE},
    {"no HTTP", {.send = "-ERR unknown command\r\n"}, ERROR_PROTOCOL},
    {"100 MB announced",
     {.send = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", .filler_bytes = 100 << 20},
     ERROR_PROTOCOL},
    {"100 MB without length",
     {.send = "HTTP/1.1 200 OK\r\n\r\n", .filler_bytes = 100 << 20},
     ERROR_PROTOCOL},
    {"endless headers",
     {.send = "HTTP/1.1 200 OK\r\nX: ", .filler_bytes = 100 << 20},
     ERROR_UNAVAILABLE},
};

static void bad_answers_are_errors_that_name_the_url(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_answers) / sizeof(bad_answers[0]); i++) {
        struct http_answer answer;
        struct error err = {0};
        scripted_server_start(&server, &bad_answers[i].row, 1);
        struct http_request request = get("/answer?token=hidden");
        bool is_good = http_do(client, &request, &answer, &err);
        scripted_server_stop(&server);
        if (is_good || err.code != bad_answers[i].code || !strstr(err.message, "/answer: ") ||
            strstr(err.message, "hidden"))
            fail_msg("%s: %s (%s)", bad_answers[i].name, err.message, error_code_name(err.code));
    }
}

static void many_headers_are_refused(void **state)
{
    static char head[200 * 1024];
    struct http_answer answer;
    size_t length = (size_t)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n");
    (void)state;
    for (int i = 0; i < 3000; i++)
        length += (size_t)snprintf(head + length, sizeof(head) - length,
                                   "X-Header-%d: twenty or more bytes\r\n", i);
    PLAY({.send = head});
    struct http_request request = get("/");
    assert_fails(http_do(client, &request, &answer, &err), ERROR_PROTOCOL, "bytes of headers");
    scripted_server_stop(&server);
}

static void answer_of_exactly_the_limit_is_taken(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", .filler_bytes = 1000});
    struct http_request request = get("/");
    assert_good(http_do(client, &request, &answer, &err));
    assert_int_equal(answer.body.length, 1000);
    http_answer_done(&answer);
    scripted_server_stop(&server);
}

static void no_answer_in_time_is_a_timeout(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.end = SCRIPTED_HOLD});
    struct http_request request = get("/");
    request.deadline = deadline_after_ms(50);
    assert_fails(http_do(client, &request, &answer, &err), ERROR_TIMEOUT, "GET http://127.0.0.1");
    scripted_server_stop(&server);
}

static void deadline_that_is_over_sends_nothing(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = OK_HEAD "{}"});
    struct http_request request = get("/");
    request.deadline = deadline_after_ms(0);
    assert_fails(http_do(client, &request, &answer, &err), ERROR_TIMEOUT, "no time left");
    scripted_server_stop(&server);
    assert_int_equal(server.connections, 0);
}

static void refused_connection_is_unavailable(void **state)
{
    struct http_answer answer;
    (void)state;
    PLAY({.send = OK_HEAD "{}"});
    scripted_server_stop(&server); /* its port is free now */
    struct http_request request = get("/");
    assert_fails(http_do(client, &request, &answer, &err), ERROR_UNAVAILABLE, "127.0.0.1");
}

static void bad_requests_are_invalid(void **state)
{
    struct http_answer answer;
    struct http_request request = get("/");
    (void)state;
    request.url = "ftp://127.0.0.1/";
    assert_fails(http_do(client, &request, &answer, &err), ERROR_INVALID, "not http or https");
    request.url = "http://me:secret@127.0.0.1/";
    assert_fails(http_do(client, &request, &answer, &err), ERROR_INVALID, "password in a URL");
    request.url = "http://127.0.0.1/";
    request.headers = (const char *const[]){"X: 1\r\nY: 2", NULL};
    assert_fails(http_do(client, &request, &answer, &err), ERROR_INVALID, "control characters");
}

static void proxy_of_the_environment_is_not_used_for_loopback(void **state)
{
    struct http_answer answer;
    (void)state;
    setenv("http_proxy", "http://192.0.2.1:3128", 1);
    PLAY({.send = OK_HEAD "{}"});
    struct http_request request = get("/");
    assert_good(http_do(client, &request, &answer, &err));
    unsetenv("http_proxy");
    http_answer_done(&answer);
    scripted_server_stop(&server);
}

#define LONG_URL_BYTES (HTTP_VALUE_SIZE - 1)

static void wanted_headers_are_kept_up_to_4_kb(void **state)
{
    static char url[LONG_URL_BYTES + 1], head[LONG_URL_BYTES + 256];
    struct http_answer answer;
    (void)state;
    memset(url, 'a', LONG_URL_BYTES);
    (void)snprintf(head, sizeof(head),
                   "HTTP/1.1 100 Continue\r\nETag: early\r\n\r\n"
                   "HTTP/1.1 202 Accepted\r\nlocation: %s\r\nETAG:  W/\"7\" \r\n"
                   "Content-Length: 0\r\n\r\n",
                   url);
    PLAY({.send = head});
    struct http_request request = get("/");
    request.wanted = (const char *const[]){"ETag", "Azure-AsyncOperation", "Location", NULL};
    assert_good(http_do(client, &request, &answer, &err));
    assert_string_equal(answer.values[0], "W/\"7\"");
    assert_null(answer.values[1]);
    assert_string_equal(answer.values[2], url);
    assert_string_equal(answer.location, "");
    http_answer_done(&answer);
    assert_null(answer.values[0]);
    scripted_server_stop(&server);
}

static void wanted_header_beyond_4_kb_is_refused(void **state)
{
    static char url[LONG_URL_BYTES + 2], head[LONG_URL_BYTES + 256];
    struct http_answer answer;
    (void)state;
    memset(url, 'a', LONG_URL_BYTES + 1);
    (void)snprintf(head, sizeof(head), "HTTP/1.1 202 Accepted\r\nETag: 7\r\nLocation: %s\r\n\r\n",
                   url);
    PLAY({.send = head});
    struct http_request request = get("/");
    request.wanted = (const char *const[]){"ETag", "Location", NULL};
    assert_fails(http_do(client, &request, &answer, &err), ERROR_PROTOCOL, "too long");
    scripted_server_stop(&server);
}

static bool reaches_through_proxy(bool no_proxy)
{
    struct http_client *other = http_client_new(&(struct http_options){.no_proxy = no_proxy});
    struct http_answer answer;
    struct error err;
    char proxy[64];
    PLAY({.send = OK_HEAD "{}"});
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    setenv("http_proxy", proxy, 1);
    struct http_request request = get("/");
    request.url = "http://192.0.2.1/"; /* nobody's (RFC 5737) */
    request.deadline = deadline_after_ms(500);
    bool is_good = http_do(other, &request, &answer, &err);
    unsetenv("http_proxy");
    if (is_good)
        http_answer_done(&answer);
    http_client_free(other);
    scripted_server_stop(&server);
    return is_good;
}

static void proxy_of_the_environment_can_be_forbidden(void **state)
{
    (void)state;
    assert_true(reaches_through_proxy(false));
    assert_false(reaches_through_proxy(true));
}

/* What a download did, in the order it did it. */
struct seen {
    int begins;
    bool is_resumed;
    int64_t total;
    size_t bytes;
    bool refuses_begin, refuses_body;
};

static bool on_begin(void *context, bool is_resumed, int64_t total)
{
    struct seen *seen = context;
    assert_int_equal(seen->bytes, 0);
    seen->begins++;
    seen->is_resumed = is_resumed;
    seen->total = total;
    return !seen->refuses_begin;
}

static bool on_bytes(void *context, const char *bytes, size_t size)
{
    struct seen *seen = context;
    (void)bytes;
    assert_int_equal(seen->begins, 1);
    seen->bytes += size;
    return !seen->refuses_body;
}

#define stream(path, offset, seen, err)                                                            \
    http_stream(client, url_of(path), offset, on_begin, on_bytes, seen, err)

static void stream_gives_the_whole_body(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", .filler_bytes = 1000000});
    assert_good(stream("/a.tgz", 0, &seen, &err));
    assert_int_equal(seen.total, 1000000);
    assert_int_equal(seen.bytes, 1000000);
    assert_false(seen.is_resumed);
    scripted_server_stop(&server);
    assert_null(strstr(server.received, "Range:"));
}

static void stream_resumes_where_the_server_can(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 206 Partial Content\r\nContent-Length: 40\r\n"
                  "Content-Range: bytes 60-99/100\r\n\r\n",
          .filler_bytes = 40});
    assert_good(stream("/a.tgz", 60, &seen, &err));
    assert_true(seen.is_resumed);
    assert_int_equal(seen.total, 100);
    assert_int_equal(seen.bytes, 40);
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "Range: bytes=60-\r\n"));
}

static void stream_begins_anew_where_the_server_cannot_resume(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", .filler_bytes = 100});
    assert_good(stream("/a.tgz", 60, &seen, &err));
    assert_false(seen.is_resumed);
    assert_int_equal(seen.bytes, 100);
    scripted_server_stop(&server);
}

static void stream_begins_anew_where_nothing_follows_the_offset(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 5\r\n\r\nsorry"},
         {.send = "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n", .filler_bytes = 60});
    assert_good(stream("/a.tgz", 60, &seen, &err));
    assert_false(seen.is_resumed);
    assert_int_equal(seen.bytes, 60);
    scripted_server_stop(&server);
}

static void stream_refuses_another_range_than_asked_for(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 206 Partial Content\r\nContent-Length: 50\r\n"
                  "Content-Range: bytes 50-99/100\r\n\r\n",
          .filler_bytes = 50});
    assert_fails(stream("/a.tgz", 60, &seen, &err), ERROR_PROTOCOL, "got others");
    assert_int_equal(seen.begins, 0);
    scripted_server_stop(&server);
}

static void empty_stream_begins_too(void **state)
{
    struct seen seen = {.total = -7};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    assert_good(stream("/empty", 0, &seen, &err));
    assert_int_equal(seen.begins, 1);
    assert_int_equal(seen.total, 0);
    scripted_server_stop(&server);
}

static void half_a_stream_is_unavailable(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", .filler_bytes = 999});
    assert_fails(stream("/a.tgz", 0, &seen, &err), ERROR_UNAVAILABLE, "/a.tgz");
    assert_int_equal(seen.bytes, 999);
    scripted_server_stop(&server);
}

static void stalled_stream_is_a_timeout(void **state)
{
    struct seen seen = {0};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin", .end = SCRIPTED_HOLD});
    assert_fails(stream("/a.tgz", 0, &seen, &err), ERROR_TIMEOUT, "/a.tgz");
    scripted_server_stop(&server);
}

static void stream_comes_no_faster_than_asked(void **state)
{
    struct seen seen = {0};
    struct http_options options = {.keep_alive = true, .most_bytes_per_s = 4 << 20};
    (void)state;
    PLAY({.send = "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n", .filler_bytes = 8 << 20});
    http_client_free(client);
    client = http_client_new(&options);
    int64_t begun_ms = clock_monotonic_ms();
    assert_good(stream("/a.tgz", 0, &seen, &err));
    assert_true(clock_monotonic_ms() - begun_ms >= 1000);
    assert_int_equal(seen.bytes, 8 << 20);
    scripted_server_stop(&server);
}

static void receiver_ends_a_stream(void **state)
{
    struct seen no_begin = {.refuses_begin = true}, no_body = {.refuses_body = true};
    const struct scripted_row row = {.send = "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
                                     .filler_bytes = 100 << 20};
    (void)state;
    scripted_server_start(&server, &row, 1);
    assert_fails(stream("/a.tgz", 0, &no_begin, &err), ERROR_CANCELLED, "receiver");
    assert_int_equal(no_begin.bytes, 0);
    scripted_server_stop(&server);
    scripted_server_start(&server, &row, 1);
    assert_fails(stream("/a.tgz", 0, &no_body, &err), ERROR_CANCELLED, "receiver");
    scripted_server_stop(&server);
}

static void status_of_a_stream_decides_its_error(void **state)
{
    static const struct {
        const char *line;
        enum error_code code;
    } rows[] = {
        {"404 Not Found", ERROR_NOT_FOUND},     {"401 Unauthorized", ERROR_DENIED},
        {"403 Forbidden", ERROR_DENIED},        {"400 Bad Request", ERROR_INVALID},
        {"302 Found", ERROR_INVALID},           {"500 Internal Server Error", ERROR_UNAVAILABLE},
        {"503 Unavailable", ERROR_UNAVAILABLE}, {"204 No Content", ERROR_PROTOCOL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen seen = {0};
        struct error err = {0};
        char answer[128];
        (void)snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nConnection: close\r\n\r\n",
                       rows[i].line);
        PLAY({.send = answer});
        assert_false(stream("/a.tgz", 0, &seen, &err));
        scripted_server_stop(&server);
        if (err.code != rows[i].code || seen.begins != 0)
            fail_msg("%s: %s (%s)", rows[i].line, err.message, error_code_name(err.code));
    }
}

static int init_all(void **state)
{
    struct error err;
    (void)state;
    return http_init(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_client(complete_answer_has_status_type_and_body),
        test_with_client(error_status_is_a_complete_answer),
        test_with_client(redirect_is_told_and_not_followed),
        test_with_client(body_and_headers_are_sent_without_a_form_type),
        test_with_client(post_without_body_sends_length_zero),
        test_with_client(connection_is_kept_between_requests),
        test_with_client(client_without_keep_alive_says_close),
        test_with_client(credentials_are_sent_as_basic_or_bearer),
        test_with_client(bad_answers_are_errors_that_name_the_url),
        test_with_client(many_headers_are_refused),
        test_with_client(answer_of_exactly_the_limit_is_taken),
        test_with_client(no_answer_in_time_is_a_timeout),
        test_with_client(deadline_that_is_over_sends_nothing),
        test_with_client(refused_connection_is_unavailable),
        test_with_client(bad_requests_are_invalid),
        test_with_client(proxy_of_the_environment_is_not_used_for_loopback),
        test_with_client(proxy_of_the_environment_can_be_forbidden),
        test_with_client(wanted_headers_are_kept_up_to_4_kb),
        test_with_client(wanted_header_beyond_4_kb_is_refused),
        test_with_client(stream_gives_the_whole_body),
        test_with_client(stream_resumes_where_the_server_can),
        test_with_client(stream_begins_anew_where_the_server_cannot_resume),
        test_with_client(stream_begins_anew_where_nothing_follows_the_offset),
        test_with_client(stream_refuses_another_range_than_asked_for),
        test_with_client(empty_stream_begins_too),
        test_with_client(half_a_stream_is_unavailable),
        test_with_client(stalled_stream_is_a_timeout),
        test_with_client(stream_comes_no_faster_than_asked),
        test_with_client(receiver_ends_a_stream),
        test_with_client(status_of_a_stream_decides_its_error),
    };
    return cmocka_run_group_tests_name("http", tests, init_all, NULL);
}
