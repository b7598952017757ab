/* SPDX-License-Identifier: Apache-2.0 */
#include "apache_page.h"

#include "common/unit_test.h"

#define NONCE_A "8ce28e42-e1d8-5760-10d7-a60ca4850c9c"
#define NONCE_B "2ba4e0c2-a4b2-f464-81cd-6be3b30814b6"
#define N1      "http://10.0.0.11:7990"
#define N2      "http://10.0.0.12:7990"

#define TOP(persisted)                                                                             \
    "<html><head><title>Balancer Manager</title>\n</head>\n<body>"                                 \
    "<dt>Balancer changes will " persisted "be persisted on restart.</dt>\n"
#define BALANCER(name, nonce)                                                                      \
    "<h3>LoadBalancer Status for <a href=\"/balancer-manager?b=" name "&amp;nonce=" nonce "\">"    \
    "balancer://" name "</a> [p1_" name "]</h3>\n<table><tr><th>MaxMembers</th></tr></table>\n"
#define HEAD_PLAIN "<table><tr><th>Worker URL</th><th>Route</th><th>Status</th></tr>\n"
#define HEAD_CHECKED                                                                               \
    "<table><tr><th>Worker URL</th><th>Route</th><th>Status</th><th>HC Method</th>"                \
    "<th>HC Interval</th><th>Passes</th><th>Fails</th><th>HC uri</th></tr>\n"
#define LINK(balancer, worker, nonce)                                                              \
    "<tr>\n<td><a href=\"/balancer-manager?b=" balancer "&amp;w=" worker "&amp;nonce=" nonce       \
    "\">" worker "</a></td>"
#define ROW_PLAIN(balancer, worker, nonce)                                                         \
    LINK(balancer, worker, nonce) "<td>n1</td><td>Init Ok </td></tr>\n"
#define ROW_CHECKED(balancer, worker, nonce, method, interval, fails)                              \
    LINK(balancer, worker, nonce)                                                                  \
    "<td></td><td>Init Ok </td><td>" method "</td><td>" interval "</td><td>1 (0)</td><td>" fails   \
    "</td><td>/status</td></tr>\n"
#define BOTTOM "</table>\n<hr />\n</body></html>\n"

static bool read_page(const char *text, const char *worker, struct apache_page *ret_page,
                      struct error *err)
{
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = apache_read_page(bytes, size, "bb", worker, ret_page, err);
    free(bytes);
    return is_read;
}

static void assert_read_fails(const char *text, enum error_code code)
{
    struct apache_page page = {.verdict_ms = 77};
    struct error err;

    assert_false(read_page(text, N1, &page, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(page.verdict_ms, 77);
}

static void the_nonce_is_that_of_the_balancer(void **unused)
{
    struct apache_page page;
    struct error err;

    (void)unused;
    assert_true(read_page(TOP("NOT ") BALANCER("b", NONCE_B) HEAD_PLAIN ROW_PLAIN("b", N1, NONCE_B)
                              BOTTOM BALANCER("bb", NONCE_A) HEAD_PLAIN ROW_PLAIN("bb", N1, NONCE_A)
                                  BOTTOM,
                          N1, &page, &err));
    assert_string_equal(page.nonce, NONCE_A);
    assert_false(page.is_persistent);
    assert_false(page.is_checked);
}

static void no_nonce_is_an_empty_one(void **unused)
{
    struct apache_page page;
    struct error err;

    (void)unused;
    assert_true(read_page(TOP("") BALANCER("bb", "") HEAD_PLAIN ROW_PLAIN("bb", N1, "") BOTTOM, N1,
                          &page, &err));
    assert_string_equal(page.nonce, "");
    assert_true(page.is_persistent);
}

static void health_checks_are_found_by_the_head_of_their_table(void **unused)
{
    struct apache_page page;
    struct error err;

    (void)unused;
    assert_true(read_page(
        TOP("") BALANCER("b", "") HEAD_PLAIN ROW_PLAIN("b", N1, "") BOTTOM BALANCER("bb", NONCE_A)
            HEAD_CHECKED ROW_CHECKED("bb", N2, NONCE_A, "NONE", "30000ms", "1 (0)")
                ROW_CHECKED("bb", N1, NONCE_A, "GET", "2000ms", "3 (1)") BOTTOM,
        N1, &page, &err));
    assert_true(page.is_checked);
    assert_int_equal(page.verdict_ms, 6000);
}

static void a_worker_without_a_method_is_not_checked(void **unused)
{
    struct apache_page page;
    struct error err;

    (void)unused;
    assert_true(read_page(TOP("") BALANCER("bb", NONCE_A) HEAD_CHECKED ROW_CHECKED(
                              "bb", N1, NONCE_A, "NONE", "30000ms", "1 (0)") BOTTOM,
                          N1, &page, &err));
    assert_false(page.is_checked);
    assert_int_equal(page.verdict_ms, 0);
}

static void figures_that_are_not_understood_are_refused(void **unused)
{
    (void)unused;
    assert_read_fails(TOP("") HEAD_CHECKED ROW_CHECKED("bb", N1, NONCE_A, "GET", "2s", "3 (1)"),
                      ERROR_PROTOCOL);
    assert_read_fails(TOP("") HEAD_CHECKED ROW_CHECKED("bb", N1, NONCE_A, "GET", "ms", "3 (1)"),
                      ERROR_PROTOCOL);
    assert_read_fails(TOP("") HEAD_CHECKED ROW_CHECKED("bb", N1, NONCE_A, "GET", "2000ms", "three"),
                      ERROR_PROTOCOL);
    assert_read_fails(TOP("")
                          HEAD_CHECKED ROW_CHECKED("bb", N1, NONCE_A, "GET", "2000ms", "99999 (1)"),
                      ERROR_PROTOCOL);
}

static void another_worker_is_not_taken(void **unused)
{
    (void)unused;
    assert_read_fails(TOP("") HEAD_PLAIN ROW_PLAIN("bb", N1 "1", NONCE_A)
                          ROW_PLAIN("bbb", N1, NONCE_A),
                      ERROR_NOT_FOUND);
    assert_read_fails(TOP(""), ERROR_NOT_FOUND);
}

static void another_page_is_refused(void **unused)
{
    (void)unused;
    assert_read_fails("", ERROR_PROTOCOL);
    assert_read_fails("<html><title>Bitbucket</title></html>", ERROR_PROTOCOL);
    assert_read_fails(HEAD_PLAIN ROW_PLAIN("bb", N1, NONCE_A), ERROR_PROTOCOL);
}

static void a_row_without_a_head_is_refused(void **unused)
{
    (void)unused;
    assert_read_fails(TOP("") "<table>" ROW_PLAIN("bb", N1, NONCE_A), ERROR_PROTOCOL);
}

static void a_nonce_that_is_too_long_or_no_text_is_not_taken(void **unused)
{
    (void)unused;
    assert_read_fails(TOP("") HEAD_PLAIN ROW_PLAIN("bb", N1, NONCE_A NONCE_A), ERROR_NOT_FOUND);
    assert_read_fails(TOP("") HEAD_PLAIN ROW_PLAIN("bb", N1, "a\x01z"), ERROR_NOT_FOUND);
    assert_read_fails(TOP("") HEAD_PLAIN ROW_PLAIN("bb", N1, "a<td><a href=\"z"), ERROR_NOT_FOUND);
}

/* A page that ends before the worker's row has been told whole may lack the last columns. */
static void no_cut_of_a_page_is_read_beyond_its_end(void **unused)
{
    static const char whole[] = TOP("") BALANCER("bb", NONCE_A)
        HEAD_CHECKED ROW_CHECKED("bb", N1, NONCE_A, "GET", "2000ms", "3 (1)") BOTTOM;
    size_t good = 0;

    (void)unused;
    for (size_t size = 0; size <= strlen(whole); size++) {
        char text[sizeof(whole)];
        struct apache_page page;
        struct error err;
        snprintf(text, size + 1, "%s", whole);
        good += read_page(text, N1, &page, &err);
    }
    assert_in_range(good, 1, strlen(BOTTOM) + strlen("</td><td>/status</td></tr>\n") + 1);
}

static bool read_status(const char *text, struct apache_status *ret_status, struct error *err)
{
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = apache_read_status(bytes, size, ret_status, err);
    free(bytes);
    return is_read;
}

static void the_status_tells_of_restarts_and_old_processes(void **unused)
{
    struct apache_status status;
    struct error err;

    (void)unused;
    assert_true(read_status("lb1\nServerMPM: event\nParentServerConfigGeneration: 3\n"
                            "ParentServerMPMGeneration: 2\nGracefulWorkers: 1\nStopping: 4\n",
                            &status, &err));
    assert_int_equal(status.generation, 2);
    assert_int_equal(status.old_processes, 5);
    assert_true(read_status("ServerMPM: prefork\nParentServerMPMGeneration: 0\n"
                            "GracefulWorkers: 0\nScoreboard: ____\n",
                            &status, &err));
    assert_int_equal(status.old_processes, 0);
}

static void another_text_is_no_status(void **unused)
{
    static const char *const texts[] = {
        "",
        "hello",
        "ParentServerMPMGeneration: 2\n",
        "ParentServerMPMGeneration: 2\nStopping: 4",
        "ParentServerMPMGeneration: x\nStopping: 4\n",
        "ParentServerMPMGeneration: 99999999999\nStopping: 4\n",
        "Stopping: 4\nGracefulWorkers: 1\n",
        "<html>ParentServerMPMGeneration: 2\n<br>Stopping: 4\n",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct apache_status status;
        struct error err;
        assert_false(read_status(texts[i], &status, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_non_null(strstr(err.hint, "status_path"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nonce_is_that_of_the_balancer),
        cmocka_unit_test(no_nonce_is_an_empty_one),
        cmocka_unit_test(health_checks_are_found_by_the_head_of_their_table),
        cmocka_unit_test(a_worker_without_a_method_is_not_checked),
        cmocka_unit_test(figures_that_are_not_understood_are_refused),
        cmocka_unit_test(another_worker_is_not_taken),
        cmocka_unit_test(another_page_is_refused),
        cmocka_unit_test(a_row_without_a_head_is_refused),
        cmocka_unit_test(a_nonce_that_is_too_long_or_no_text_is_not_taken),
        cmocka_unit_test(no_cut_of_a_page_is_read_beyond_its_end),
        cmocka_unit_test(the_status_tells_of_restarts_and_old_processes),
        cmocka_unit_test(another_text_is_no_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
