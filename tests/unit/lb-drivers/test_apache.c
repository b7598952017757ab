/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver says to an httpd that is restarted at the wrong moment, by a script; all else is
 * tried with the real server in tests/contract.
 */
#include "lb_driver.h"

#include "common/unit_test.h"
#include "http.h"
#include "scripted_server.h"

#define CALL_MS 5000
#define MEMBER  "bb/http://10.0.0.11:7990"

#define XML(status)                                                                                \
    {                                                                                              \
        .await = "GET /manager?xml=1 ",                                                            \
        .send = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\r\n"           \
                "<m:manager xmlns:m='http://httpd.apache.org'><m:balancers><m:balancer>"           \
                "<m:name>balancer://bb</m:name><m:workers><m:worker>"                              \
                "<m:name>http://10.0.0.11:7990</m:name><m:status>" status "</m:status>"            \
                "<m:busy>0</m:busy></m:worker></m:workers></m:balancer></m:balancers>"             \
                "</m:manager>"                                                                     \
    }
#define PAGE(nonce)                                                                                \
    {                                                                                              \
        .await = "GET /manager HTTP",                                                              \
        .send = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"          \
                "<title>Balancer Manager</title><table><tr><th>Worker URL</th></tr><tr>"           \
                "<td><a href=\"/manager?b=bb&amp;w=http://10.0.0.11:7990&amp;nonce=" nonce         \
                "\">http://10.0.0.11:7990</a></td></tr></table>"                                   \
    }
#define CHANGE(nonce)                                                                              \
    {                                                                                              \
        .await = "b=bb&w=http%3A%2F%2F10.0.0.11%3A7990&nonce=" nonce "&w_status_D=1",              \
        .send = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"                \
    }
#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

static struct scripted_server server;

static bool set_down(const struct scripted_row *rows, size_t count, struct error *err)
{
    struct lb lb = {.driver = lb_driver_find("apache")};
    const char *member = MEMBER;

    scripted_server_start(&server, rows, count);
    lb.options.address_count = 1;
    snprintf(lb.options.addresses[0], LIMIT_PATH, "http://127.0.0.1:%d/manager", server.port);
    lb_open(&lb);
    bool is_set =
        lb.driver->set_members(&lb, &member, 1, LB_ADMIN_DOWN, deadline_after_ms(CALL_MS), err);
    lb_close(&lb);
    scripted_server_stop(&server);
    assert_int_equal(server.rows_played, count);
    return is_set;
}

static size_t count_received(const char *text)
{
    size_t count = 0;
    for (const char *at = server.received; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void each_request_names_its_address_and_is_the_last_of_its_connection(void **unused)
{
    static const struct scripted_row rows[] = {XML("Init Ok "), PAGE("A"),   XML("Init Ok "),
                                               PAGE("A"),       CHANGE("A"), XML("Init Dis "),
                                               PAGE("A")};
    const size_t requests = sizeof(rows) / sizeof(rows[0]);
    char referer[64];
    struct error err;

    (void)unused;
    assert_true(set_down(ROWS(rows), &err));
    snprintf(referer, sizeof(referer), "Referer: http://127.0.0.1:%d/manager\r\n", server.port);
    assert_int_equal(count_received(referer), requests);
    assert_int_equal(count_received("Connection: close\r\n"), requests);
}

static void a_nonce_that_changes_meanwhile_is_read_again(void **unused)
{
    static const struct scripted_row rows[] = {
        XML("Init Ok "), PAGE("A"), XML("Init Ok "), PAGE("A"),        CHANGE("A"),
        XML("Init Ok "), PAGE("B"), CHANGE("B"),     XML("Init Dis "), PAGE("B")};
    struct error err;

    (void)unused;
    assert_true(set_down(ROWS(rows), &err));
}

static void a_nonce_that_always_changes_is_given_up(void **unused)
{
    static const struct scripted_row rows[] = {
        XML("Init Ok "), PAGE("A"), XML("Init Ok "), PAGE("A"),       CHANGE("A"),
        XML("Init Ok "), PAGE("B"), CHANGE("B"),     XML("Init Ok "), PAGE("C")};
    struct error err;

    (void)unused;
    assert_false(set_down(ROWS(rows), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void a_change_without_effect_is_a_conflict(void **unused)
{
    static const struct scripted_row rows[] = {XML("Init Ok "), PAGE("A"),   XML("Init Ok "),
                                               PAGE("A"),       CHANGE("A"), XML("Init Ok "),
                                               PAGE("A")};
    struct error err;

    (void)unused;
    assert_false(set_down(ROWS(rows), &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.message, MEMBER));
    assert_non_null(strstr(err.hint, "error log"));
}

static void what_is_so_already_is_not_sent(void **unused)
{
    static const struct scripted_row rows[] = {XML("Init Dis "), PAGE("A"),        XML("Init Dis "),
                                               PAGE("A"),        XML("Init Dis "), PAGE("A")};
    struct error err;

    (void)unused;
    assert_true(set_down(ROWS(rows), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_names_its_address_and_is_the_last_of_its_connection),
        cmocka_unit_test(a_nonce_that_changes_meanwhile_is_read_again),
        cmocka_unit_test(a_nonce_that_always_changes_is_given_up),
        cmocka_unit_test(a_change_without_effect_is_a_conflict),
        cmocka_unit_test(what_is_so_already_is_not_sent),
    };
    struct error err;
    if (!http_init(&err))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
