/* SPDX-License-Identifier: Apache-2.0 */
#include "bitbucket.h"

#include "common/unit_test.h"
#include "http.h"
#include "scripted_server.h"
#include "text.h"

#define JSON_HEAD(status)                                                                          \
    "HTTP/1.1 " status "\r\nContent-Type: application/json;charset=UTF-8\r\n"                      \
    "Connection: close\r\n\r\n"
#define VIEW      "{\"upgradeModeEnabled\":true,\"state\":\"MIXED\",\"nodes\":[{\"name\":\"bb1\"}]}"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

/* A client whose password is "geheim", and a server with a script. */
struct talk {
    struct scripted_server server;
    struct cluster_config cluster;
    struct bitbucket *bitbucket;
    char url[64];
    struct error err;
};

static void begin(struct talk *talk, const struct scripted_row *rows, size_t count)
{
    memset(talk, 0, sizeof(*talk));
    scripted_server_start(&talk->server, rows, count);
    (void)snprintf(talk->url, sizeof(talk->url), "http://127.0.0.1:%d/bitbucket",
                   talk->server.port);
    TEXT_COPY(talk->cluster.name, "git");
    TEXT_COPY(talk->cluster.credentials.user, "admin");
    TEXT_COPY(talk->cluster.credentials.password_env, "SHUNT_TEST_PASSWORD");
    assert_int_equal(setenv("SHUNT_TEST_PASSWORD", "geheim", 1), 0);
    assert_good(bitbucket_new(&talk->cluster, &talk->bitbucket, &err));
}

static void end(struct talk *talk)
{
    bitbucket_free(talk->bitbucket);
    scripted_server_stop(&talk->server);
}

static bool read_view(struct talk *talk, struct cluster_view *ret_view)
{
    error_clear(&talk->err);
    return bitbucket_read_view(talk->bitbucket, talk->url, deadline_after_ms(10000), ret_view,
                               &talk->err);
}

static bool change(struct talk *talk, enum bitbucket_change kind)
{
    error_clear(&talk->err);
    return bitbucket_change(talk->bitbucket, talk->url, kind, deadline_after_ms(10000), &talk->err);
}

static void assert_error(const struct talk *talk, enum error_code code, const char *text)
{
    if (talk->err.code != code || strstr(talk->err.message, text) == NULL)
        fail_msg("expected %s '%s': %s (%s)", error_code_name(code), text, talk->err.message,
                 error_code_name(talk->err.code));
}

/* One answer to a GET of the view, which must give this error and name the URL. */
static void assert_view_fails(const char *answer, enum error_code code, const char *text)
{
    const struct scripted_row rows[] = {{.send = answer}};
    struct cluster_view view = {.node_count = 77};
    struct talk talk;
    begin(&talk, rows, 1);
    assert_false(read_view(&talk, &view));
    end(&talk);
    assert_error(&talk, code, text);
    assert_non_null(strstr(talk.err.message, "/bitbucket/rest/zdu/cluster"));
    assert_int_equal(view.node_count, 77);
}

static void view_is_asked_for_as_the_product_wants_it(void **state)
{
    static const struct scripted_row rows[] = {{.send = JSON_HEAD("200 OK") VIEW}};
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    bool is_read = read_view(&talk, &view);
    end(&talk);
    assert_true(is_read);
    assert_int_equal(view.state, CLUSTER_MIXED);
    assert_string_equal(view.nodes[0].name, "bb1");
    const char *request = talk.server.received;
    assert_true(text_starts_with(request, "GET /bitbucket/rest/zdu/cluster HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(request, "X-Atlassian-Token: no-check\r\n"));
    assert_non_null(strstr(request, "Connection: close\r\n"));
    assert_non_null(strstr(request, "Authorization: Basic YWRtaW46Z2VoZWlt\r\n"));
}

static void token_is_sent_as_bearer(void **state)
{
    static const struct scripted_row rows[] = {{.send = JSON_HEAD("200 OK") VIEW}};
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    bitbucket_free(talk.bitbucket);
    talk.cluster.credentials.user[0] = talk.cluster.credentials.password_env[0] = '\0';
    TEXT_COPY(talk.cluster.credentials.token_file, scratch_path("token"));
    assert_good(file_replace(scratch_path("token"), "NjE1MTc5\n", 9, 0600, &err));
    assert_good(bitbucket_new(&talk.cluster, &talk.bitbucket, &err));
    bool is_read = read_view(&talk, &view);
    end(&talk);
    assert_true(is_read);
    assert_non_null(strstr(talk.server.received, "Authorization: Bearer NjE1MTc5\r\n"));
}

static void no_connection_is_kept(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\n"
                 "{\"upgradeModeEnabled\":true,\"nodes\":[]}",
         .end = SCRIPTED_KEEP},
        {.send = JSON_HEAD("200 OK") VIEW},
    };
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, rows, 2);
    bool is_read = read_view(&talk, &view) && read_view(&talk, &view);
    end(&talk);
    assert_true(is_read);
    assert_int_equal(talk.server.connections, 2);
}

static void refusals_have_their_codes(void **state)
{
    (void)state;
    assert_view_fails(JSON_HEAD("401 Unauthorized"), ERROR_DENIED, "401");
    assert_view_fails(JSON_HEAD("403 Forbidden"), ERROR_DENIED, "403");
    assert_view_fails(NOT_FOUND, ERROR_NOT_FOUND, "404");
    assert_view_fails(JSON_HEAD("409 Conflict"), ERROR_CONFLICT, "409");
    assert_view_fails(JSON_HEAD("429 Too Many"), ERROR_UNAVAILABLE, "429");
    assert_view_fails(JSON_HEAD("500 Oops"), ERROR_UNAVAILABLE, "500");
    assert_view_fails(JSON_HEAD("503 Starting"), ERROR_UNAVAILABLE, "503");
    assert_view_fails(JSON_HEAD("302 Found"), ERROR_PROTOCOL, "302");
    assert_view_fails(JSON_HEAD("418 Teapot"), ERROR_PROTOCOL, "418");
}

static void products_own_words_are_told(void **state)
{
    (void)state;
    assert_view_fails(
        JSON_HEAD("403 Forbidden") "{\"errors\":[{\"message\":\"You are not permitted.\"}]}",
        ERROR_DENIED, "You are not permitted.");
}

static void login_page_is_told_as_one(void **state)
{
    (void)state;
    assert_view_fails("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
                      "<html><title>Log in</title></html>",
                      ERROR_PROTOCOL, "expected JSON, got 'text/html'");
}

static void other_json_is_refused(void **state)
{
    (void)state;
    assert_view_fails(JSON_HEAD("200 OK") "{\"state\":\"RUNNING\"}", ERROR_PROTOCOL,
                      "upgradeModeEnabled");
    assert_view_fails(JSON_HEAD("200 OK"), ERROR_PROTOCOL, "");
}

static void half_an_answer_may_pass(void **state)
{
    (void)state;
    assert_view_fails("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: 500\r\n\r\n{\"upgradeModeEnabled\":true,",
                      ERROR_UNAVAILABLE, "");
}

static void answer_without_end_is_cut_off(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = JSON_HEAD("200 OK"), .filler_bytes = 2 * LIMIT_REST_BYTES}};
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    assert_false(read_view(&talk, &view));
    end(&talk);
    assert_error(&talk, ERROR_PROTOCOL, "/rest/zdu/cluster");
}

static void silent_server_ends_at_the_deadline(void **state)
{
    static const struct scripted_row rows[] = {{.end = SCRIPTED_HOLD}};
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    assert_false(
        bitbucket_read_view(talk.bitbucket, talk.url, deadline_after_ms(100), &view, &talk.err));
    end(&talk);
    assert_error(&talk, ERROR_TIMEOUT, "/rest/zdu/cluster");
}

static void refused_connection_may_pass(void **state)
{
    struct cluster_view view;
    struct talk talk;
    (void)state;
    begin(&talk, NULL, 0);
    scripted_server_stop(&talk.server);
    assert_false(read_view(&talk, &view));
    bitbucket_free(talk.bitbucket);
    assert_error(&talk, ERROR_UNAVAILABLE, "/rest/zdu/cluster");
}

static void changes_are_posted_to_their_paths(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = JSON_HEAD("200 OK") VIEW},
        {.send = JSON_HEAD("200 OK") VIEW},
        {.send = JSON_HEAD("200 OK") VIEW},
    };
    struct talk talk;
    (void)state;
    begin(&talk, rows, 3);
    bool is_done = change(&talk, BITBUCKET_START) && change(&talk, BITBUCKET_CANCEL) &&
                   change(&talk, BITBUCKET_APPROVE);
    end(&talk);
    assert_true(is_done);
    const char *received = talk.server.received;
    assert_true(text_starts_with(received, "POST /bitbucket/rest/zdu/start HTTP/1.1\r\n"));
    assert_non_null(strstr(received, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(received, "Content-Length: 0\r\n"));
    assert_non_null(strstr(received, "POST /bitbucket/rest/zdu/cancel HTTP/1.1\r\n"));
    assert_non_null(strstr(received, "POST /bitbucket/rest/zdu/approve HTTP/1.1\r\n"));
}

static void form_that_answered_is_remembered(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = NOT_FOUND},
        {.await = "POST /bitbucket/rest/zdu/cluster/start ", .send = JSON_HEAD("200 OK") VIEW},
        {.await = "POST /bitbucket/rest/zdu/cluster/approve ", .send = JSON_HEAD("200 OK") VIEW},
    };
    struct talk talk;
    (void)state;
    begin(&talk, rows, 3);
    bool is_started = change(&talk, BITBUCKET_START);
    enum error_code code = talk.err.code;
    bool is_approved = change(&talk, BITBUCKET_APPROVE);
    end(&talk);
    assert_true(is_started);
    assert_int_equal(code, ERROR_NONE);
    assert_true(is_approved);
    assert_int_equal(talk.server.connections, 3);
}

static void refusal_by_the_second_form_is_remembered_too(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = NOT_FOUND},
        {.await = "zdu/cluster/cancel ", .send = JSON_HEAD("409 Conflict")},
        {.await = "zdu/cluster/cancel ", .send = JSON_HEAD("409 Conflict")},
    };
    struct talk talk;
    (void)state;
    begin(&talk, rows, 3);
    bool is_done = change(&talk, BITBUCKET_CANCEL) || change(&talk, BITBUCKET_CANCEL);
    end(&talk);
    assert_false(is_done);
    assert_error(&talk, ERROR_CONFLICT, "switch upgrade mode off: POST ");
    assert_int_equal(talk.server.rows_played, 3);
}

static void neither_form_there_is_not_found(void **state)
{
    static const struct scripted_row rows[] = {{.send = NOT_FOUND}, {.send = NOT_FOUND}};
    struct talk talk;
    (void)state;
    begin(&talk, rows, 2);
    bool is_done = change(&talk, BITBUCKET_START);
    end(&talk);
    assert_false(is_done);
    assert_error(&talk, ERROR_NOT_FOUND, "404");
    assert_int_equal(talk.server.rows_played, 2);
}

static void change_is_not_posted_twice_where_it_may_have_been_done(void **state)
{
    static const struct scripted_row rows[] = {{.end = SCRIPTED_RESET},
                                               {.send = JSON_HEAD("200 OK") VIEW}};
    struct talk talk;
    (void)state;
    begin(&talk, rows, 2);
    bool is_done = change(&talk, BITBUCKET_APPROVE);
    end(&talk);
    assert_false(is_done);
    assert_error(&talk, ERROR_UNAVAILABLE, "approve the upgrade: ");
    assert_int_equal(talk.server.connections, 1);
}

static void empty_answer_to_a_change_is_enough(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"}};
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    bool is_done = change(&talk, BITBUCKET_START);
    end(&talk);
    assert_true(is_done);
}

static void login_page_is_no_change(void **state)
{
    static const struct scripted_row rows[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>"}};
    struct talk talk;
    (void)state;
    begin(&talk, rows, 1);
    bool is_done = change(&talk, BITBUCKET_START);
    end(&talk);
    assert_false(is_done);
    assert_error(&talk, ERROR_PROTOCOL, "expected JSON");
}

static void members_and_version_are_read_from_their_paths(void **state)
{
    static const struct scripted_row rows[] = {
        {.await = "GET /bitbucket/rest/api/latest/admin/cluster ",
         .send = JSON_HEAD("200 OK") "{\"localNode\":{\"name\":\"bb1\"},\"nodes\":[{}]}"},
        {.await = "GET /bitbucket/rest/api/1.0/application-properties ",
         .send = JSON_HEAD("200 OK") "{\"version\":\"7.9.4\"}"},
    };
    struct member_list members;
    char version[LIMIT_VERSION];
    struct talk talk;
    (void)state;
    begin(&talk, rows, 2);
    bool is_read = bitbucket_read_members(talk.bitbucket, talk.url, deadline_after_ms(10000),
                                          &members, &talk.err) &&
                   bitbucket_read_version(talk.bitbucket, talk.url, deadline_after_ms(10000),
                                          version, &talk.err);
    end(&talk);
    assert_true(is_read);
    assert_string_equal(members.local_name, "bb1");
    assert_string_equal(version, "7.9.4");
}

static void password_that_is_not_there_is_told(void **state)
{
    struct cluster_config cluster = {
        .name = "git", .credentials = {.user = "admin", .password_env = "SHUNT_NONE"}};
    struct bitbucket *bitbucket = NULL;
    (void)state;
    assert_int_equal(unsetenv("SHUNT_NONE"), 0);
    assert_fails(bitbucket_new(&cluster, &bitbucket, &err), ERROR_NOT_FOUND,
                 "cluster git: credentials: environment variable SHUNT_NONE: not set");
    cluster.credentials.password_env[0] = '\0';
    TEXT_COPY(cluster.credentials.password_file, scratch_path("nowhere"));
    assert_fails(bitbucket_new(&cluster, &bitbucket, &err), ERROR_NOT_FOUND, "nowhere");
    assert_null(bitbucket);
}

static void secret_that_would_end_its_header_is_refused(void **state)
{
    struct cluster_config cluster = {.name = "git",
                                     .credentials = {.token_env = "SHUNT_TEST_TOKEN"}};
    struct bitbucket *bitbucket = NULL;
    (void)state;
    assert_int_equal(setenv("SHUNT_TEST_TOKEN", "abc\r\nX-Evil: 1", 1), 0);
    assert_fails(bitbucket_new(&cluster, &bitbucket, &err), ERROR_INVALID, "one line");
    assert_null(bitbucket);
}

static int start(void **state)
{
    struct error err;
    (void)state;
    return http_init(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_is_asked_for_as_the_product_wants_it),
        test_in_scratch(token_is_sent_as_bearer),
        cmocka_unit_test(no_connection_is_kept),
        cmocka_unit_test(refusals_have_their_codes),
        cmocka_unit_test(products_own_words_are_told),
        cmocka_unit_test(login_page_is_told_as_one),
        cmocka_unit_test(other_json_is_refused),
        cmocka_unit_test(half_an_answer_may_pass),
        cmocka_unit_test(answer_without_end_is_cut_off),
        cmocka_unit_test(silent_server_ends_at_the_deadline),
        cmocka_unit_test(refused_connection_may_pass),
        cmocka_unit_test(changes_are_posted_to_their_paths),
        cmocka_unit_test(form_that_answered_is_remembered),
        cmocka_unit_test(refusal_by_the_second_form_is_remembered_too),
        cmocka_unit_test(neither_form_there_is_not_found),
        cmocka_unit_test(change_is_not_posted_twice_where_it_may_have_been_done),
        cmocka_unit_test(empty_answer_to_a_change_is_enough),
        cmocka_unit_test(login_page_is_no_change),
        cmocka_unit_test(members_and_version_are_read_from_their_paths),
        test_in_scratch(password_that_is_not_there_is_told),
        cmocka_unit_test(secret_that_would_end_its_header_is_refused),
    };
    return cmocka_run_group_tests_name("controller/bitbucket", tests, start, NULL);
}
