/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver for Azure where answers are slow, refused or none: health, throttling, tokens, what
 * ARM says where it says no, and the wire to it, which the fake server plays.
 */
#include "azure_case.h"
#include "azure_options.h"
#include "check.h"
#include "fake_server.h"
#include "memory.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SHORT_MS    300
#define LATE_MS     700 /* of grace for a busy machine */
#define FLOOD_BYTES (100u * 1024 * 1024)

static const char *const first = FIRST;

/* Reading. */

static void old_requests_are_given_the_drain_time(void **unused)
{
    (void)unused;
    assert_int_equal(azure_state_of(FIRST).settle_ms, 0);
    assert_set(FIRST, LB_ADMIN_DOWN);
    int64_t left_ms = azure_state_of(FIRST).settle_ms;
    assert_in_range(left_ms, 500, 2000);
    poll(NULL, 0, 20);
    assert_true(azure_state_of(FIRST).settle_ms < left_ms);
}

static void health_that_takes_long_is_changing(void **unused)
{
    struct lb_member_state state;
    (void)unused;
    azure_standin_setup("{\"faults\": {\"health_ms\": 600, \"retry_after_s\": 1}}");
    int64_t begin_ms = clock_monotonic_ms();
    assert_true(azure_lb.driver->read_members(&azure_lb, &first, 1, deadline_after_ms(500), &state,
                                              &azure_err));
    assert_true(clock_monotonic_ms() - begin_ms < 500);
    assert_int_equal(state.health, LB_HEALTH_CHANGING);
    assert_int_equal(state.peers_up, 0);
    assert_int_equal(azure_state_of(FIRST).health, LB_HEALTH_UP);
    assert_int_equal(azure_count_of("POST"), 1);
    assert_int_equal(azure_state_of(FIRST).peers_up, 1); /* node3 is down */
}

static void throttling_is_respected(void **unused)
{
    struct lb_member_state state;
    (void)unused;
    azure_standin_setup("{\"faults\": {\"read_bucket\": 1, \"read_refill\": 1}}");
    assert_true(azure_try_read(FIRST, &state));
    assert_false(azure_try_read(FIRST, &state));
    assert_int_equal(azure_err.code, ERROR_UNAVAILABLE);
    json_int_t asked = azure_count_of("GET");
    assert_false(azure_try_read(FIRST, &state));
    assert_int_equal(azure_err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(azure_err.message, "fewer requests"));
    assert_int_equal(azure_count_of("GET"), asked);
}

/* Tokens. */

static void a_token_is_kept_and_renewed_where_it_is_refused(void **unused)
{
    (void)unused;
    (void)azure_state_of(FIRST);
    (void)azure_state_of(FIRST);
    assert_int_equal(azure_token_count(), 1);
    azure_standin_setup("{\"forget_tokens\": true}");
    (void)azure_state_of(FIRST);
    assert_int_equal(azure_token_count(), 2);
}

static void a_token_is_renewed_before_its_end(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"token_s\": 1}}");
    (void)azure_state_of(FIRST);
    poll(NULL, 0, 600); /* half of a short life */
    (void)azure_state_of(FIRST);
    assert_int_equal(azure_token_count(), 2);
}

static void replace(size_t setting, const char *value)
{
    free(azure_lb.options.values[setting]);
    azure_lb.options.values[setting] = memory_text(value);
}

static void write_file(const char *name, const char *text, char path[LIMIT_PATH])
{
    snprintf(path, LIMIT_PATH, "%s/%s", azure_standin_folder(), name);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void the_host_s_own_identity_serves(void **unused)
{
    (void)unused;
    replace(AZURE_IDENTITY, "managed");
    replace(AZURE_TENANT, NULL);
    azure_lb.options.credentials = (struct credentials){.user = ""};
    assert_true(azure_lb.driver->check_options(&azure_lb.options, &azure_err));
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP);
    replace(AZURE_CLIENT_ID, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    azure_forget();
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP);
    replace(AZURE_CLIENT_ID, "aaaaaaaa-0000-cccc-dddd-eeeeeeeeeeee");
    azure_forget();
    struct lb_member_state state;
    assert_false(azure_try_read(FIRST, &state));
    assert_int_equal(azure_err.code, ERROR_DENIED);
}

static void an_assertion_is_read_anew_each_time(void **unused)
{
    char path[LIMIT_PATH];
    struct lb_member_state state;
    (void)unused;
    write_file("assertion", "wrong", path);
    replace(AZURE_IDENTITY, "workload");
    replace(AZURE_CLIENT_ID, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    replace(AZURE_ASSERTION_FILE, path);
    azure_lb.options.credentials = (struct credentials){.user = ""};
    assert_true(azure_lb.driver->check_options(&azure_lb.options, &azure_err));
    assert_false(azure_try_read(FIRST, &state));
    assert_int_equal(azure_err.code, ERROR_DENIED);
    assert_non_null(strstr(azure_err.message, "AADSTS700027"));
    write_file("assertion", "eyJhbGciOiJSUzI1NiJ9.assertion.signature\n", path);
    assert_int_equal(azure_state_of(FIRST).admin, LB_ADMIN_UP);
}

static void a_wrong_secret_is_denied_and_not_shown(void **unused)
{
    struct lb_member_state state;
    char path[LIMIT_PATH];
    (void)unused;
    write_file("other", "wr0ng-secret", path);
    CHECK(chmod(path, 0600) == 0);
    snprintf(azure_lb.options.credentials.password_file, LIMIT_PATH, "%s", path);
    assert_false(azure_try_read(FIRST, &state));
    assert_int_equal(azure_err.code, ERROR_DENIED);
    assert_non_null(strstr(azure_err.message, "AADSTS7000215"));
    assert_null(strstr(azure_err.message, "wr0ng"));
    assert_string_not_equal(azure_err.hint, "");
}

static void the_token_is_not_sent_where_an_answer_points(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"faults\": {\"foreign_operation\": \"http://127.0.0.1:1/elsewhere\"}}");
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_BUSY);
    assert_false(azure_set(FIRST, LB_ADMIN_DOWN));
    assert_int_equal(azure_err.code, ERROR_PROTOCOL);
    assert_non_null(strstr(azure_err.message, "management_url"));
}

/* Answers that are none. */

static void assert_refused(const char *order, enum error_code code, const char *text)
{
    struct lb_member_state state;
    azure_standin_setup("{\"faults\": {%s}}", order);
    assert_false(azure_try_read(FIRST, &state));
    if (azure_err.code != code || strstr(azure_err.message, text) == NULL)
        fail_msg("%s: %s: %s", order, error_code_name(azure_err.code), azure_err.message);
    assert_non_null(strstr(azure_err.message, GATEWAY));
    azure_standin_setup("{\"faults\": {\"refuse\": null, \"huge_bytes\": null}}");
}

static void refusals_are_told_with_their_meaning(void **unused)
{
    (void)unused;
    assert_refused("\"refuse\": {\"status\": 503, \"html\": true}", ERROR_UNAVAILABLE, "503");
    assert_refused("\"refuse\": {\"status\": 200, \"html\": true}", ERROR_PROTOCOL, "not JSON");
    assert_refused("\"refuse\": {\"status\": 403, \"body\": {\"error\": {\"code\": "
                   "\"AuthorizationFailed\", \"message\": \"no role\"}}}",
                   ERROR_DENIED, "AuthorizationFailed: no role");
    assert_refused("\"refuse\": {\"status\": 404, \"body\": {\"error\": {\"code\": "
                   "\"ResourceGroupNotFound\", \"message\": \"none\"}}}",
                   ERROR_NOT_FOUND, "ResourceGroupNotFound");
    assert_refused("\"refuse\": {\"status\": 302}", ERROR_PROTOCOL, "302");
    assert_refused("\"refuse\": {\"status\": 200, \"body\": {}}", ERROR_PROTOCOL, "etag");
    assert_refused("\"refuse\": {\"status\": 401}", ERROR_DENIED, "401");
    assert_refused("\"huge_bytes\": 9000000", ERROR_PROTOCOL, "more than 8388608 bytes");
}

static void a_refused_token_is_asked_for_once_more_only(void **unused)
{
    (void)unused;
    (void)azure_state_of(FIRST);
    assert_refused("\"refuse\": {\"status\": 401}", ERROR_DENIED, "401");
    assert_int_equal(azure_token_count(), 2);
}

/* On the wire. The management URL is the fake one; the token comes from the stand-in. */

static void assert_wire(unsigned codes)
{
    struct lb_member_state state;
    for (int is_set = 0; is_set <= 1; is_set++) {
        int64_t begin_ms = clock_monotonic_ms();
        struct deadline deadline = deadline_after_ms(SHORT_MS);
        if (is_set)
            assert_false(azure_lb.driver->set_members(&azure_lb, &first, 1, LB_ADMIN_DOWN, deadline,
                                                      &azure_err));
        else
            assert_false(
                azure_lb.driver->read_members(&azure_lb, &first, 1, deadline, &state, &azure_err));
        if ((1u << azure_err.code & codes) == 0)
            fail_msg("unexpected %s: %s", error_code_name(azure_err.code), azure_err.message);
        assert_non_null(strstr(azure_err.message, GATEWAY));
        assert_in_range(clock_monotonic_ms() - begin_ms, 0, SHORT_MS + LATE_MS);
    }
}

static void use_fake(enum fake_manner manner, const char *head, const char *text, size_t size,
                     size_t repeats)
{
    char url[LIMIT_PATH];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d",
             fake_server_start(manner, head, text, size, repeats));
    replace(AZURE_MANAGEMENT_URL, url);
}

static void a_server_that_refuses_is_unavailable(void **unused)
{
    (void)unused;
    use_fake(FAKE_REFUSES, "", "", 0, 0);
    assert_wire(1u << ERROR_UNAVAILABLE);
    fake_server_stop();
}

static void a_silent_server_times_out(void **unused)
{
    (void)unused;
    use_fake(FAKE_SILENT, "", "", 0, 0);
    assert_wire(1u << ERROR_TIMEOUT);
    fake_server_stop();
}

static void a_server_that_hangs_up_is_unavailable(void **unused)
{
    (void)unused;
    use_fake(FAKE_ANSWERS, "", "", 0, 0);
    assert_wire(1u << ERROR_UNAVAILABLE);
    fake_server_stop();
}

static const char *const garbage[] = {
    "hello",
    "\xff\xfe",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"properties\": 1}",
};

static void garbage_is_a_protocol_error(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        use_fake(FAKE_ANSWERS, "", garbage[i], strlen(garbage[i]), 1);
        assert_wire(1u << ERROR_PROTOCOL);
        fake_server_stop();
    }
}

static char *whole_gateway(void)
{
    json_t *report = azure_standin_report();
    json_t *document = json_object_get(json_object_get(report, "resources"), GATEWAY);
    char *text = json_dumps(document, JSON_COMPACT);
    json_decref(report);
    CHECK(text != NULL);
    return text;
}

#define CUTS 40

static void a_half_answer_is_no_answer(void **unused)
{
    char *text = whole_gateway(), head[128];
    size_t whole = strlen(text);
    (void)unused;
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", whole);
    for (size_t cut = 0; cut < CUTS; cut++) {
        use_fake(FAKE_ANSWERS, head, text, whole * cut / CUTS, 1);
        assert_wire(1u << ERROR_UNAVAILABLE);
        fake_server_stop();
    }
    /* Without a promised length the end of the connection is the end of the answer. */
    for (size_t cut = 1; cut < CUTS; cut++) {
        use_fake(FAKE_ANSWERS, "HTTP/1.1 200 OK\r\n\r\n", text, whole * cut / CUTS, 1);
        assert_wire(1u << ERROR_PROTOCOL);
        fake_server_stop();
    }
    free(text);
}

static void an_endless_answer_is_given_up(void **unused)
{
    static char nothing[64 * 1024];
    (void)unused;
    memset(nothing, ' ', sizeof(nothing));
    use_fake(FAKE_ANSWERS, "HTTP/1.1 200 OK\r\n\r\n", nothing, sizeof(nothing),
             FLOOD_BYTES / sizeof(nothing));
    assert_wire(1u << ERROR_PROTOCOL | 1u << ERROR_TIMEOUT);
    assert_true(fake_server_stop() < FLOOD_BYTES);
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(old_requests_are_given_the_drain_time),
        CASE(health_that_takes_long_is_changing),
        CASE(throttling_is_respected),
        CASE(a_token_is_kept_and_renewed_where_it_is_refused),
        CASE(a_token_is_renewed_before_its_end),
        CASE(the_host_s_own_identity_serves),
        CASE(an_assertion_is_read_anew_each_time),
        CASE(a_wrong_secret_is_denied_and_not_shown),
        CASE(the_token_is_not_sent_where_an_answer_points),
        CASE(refusals_are_told_with_their_meaning),
        CASE(a_refused_token_is_asked_for_once_more_only),
        CASE(a_server_that_refuses_is_unavailable),
        CASE(a_silent_server_times_out),
        CASE(a_server_that_hangs_up_is_unavailable),
        CASE(garbage_is_a_protocol_error),
        CASE(a_half_answer_is_no_answer),
        CASE(an_endless_answer_is_given_up),
    };
    return azure_run("azure faults", cases);
}
