/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_workers.h"

#include "common/unit_test.h"

#define HEAD                                                                                       \
    "#<PID>          <type>          <reloads>       <uptime>        <version>      \n"            \
    "7862            master          1 [failed: 0]   0d00h00m04s     2.6.12\n"
#define WORKER "7928            worker          0               0d00h00m02s     2.6.12\n"
#define OLD    "7865            worker          1               0d00h00m04s     2.6.12\n"

static bool read_workers(const char *text, size_t size, struct haproxy_workers *ret_workers,
                         struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = haproxy_read_workers(bytes, size, ret_workers, err);
    free(bytes);
    return is_read;
}

static void assert_workers_fail(const char *text, enum error_code code)
{
    struct haproxy_workers workers = {.count = 77};
    struct error err;

    assert_false(read_workers(text, strlen(text), &workers, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(workers.count, 77);
}

static void old_workers_are_those_of_their_section(void **unused)
{
    static const char text[] = HEAD "# workers\n" WORKER "# old workers\n" OLD
                                    "7000            worker          [was: 1]        3  0d  2.0\n"
                                    "# programs\n9000            dataplane  0  0d  1\n\n";
    struct haproxy_workers workers;
    struct error err;

    (void)unused;
    assert_true(read_workers(text, strlen(text), &workers, &err));
    assert_int_equal(workers.count, 2);
    assert_int_equal(workers.old[0], 7865);
    assert_int_equal(workers.old[1], 7000);
}

static void without_a_reload_there_are_no_old_workers(void **unused)
{
    static const char text[] = HEAD "# workers\n" WORKER "# programs\n\n";
    struct haproxy_workers workers = {.count = 77};
    struct error err;

    (void)unused;
    assert_true(read_workers(text, strlen(text), &workers, &err));
    assert_int_equal(workers.count, 0);
}

static void a_list_that_ends_early_hides_no_old_worker(void **unused)
{
    static const char text[] = HEAD "# workers\n" WORKER "# old workers\n" OLD "# programs\n\n";
    struct haproxy_workers workers;
    struct error err;

    (void)unused;
    for (size_t size = 0; size + 1 < sizeof(text) - 1; size++) {
        assert_false(read_workers(text, size, &workers, &err));
        assert_true(err.code == ERROR_UNAVAILABLE || err.code == ERROR_PROTOCOL);
    }
}

static void a_master_between_two_workers_may_be_asked_again(void **unused)
{
    (void)unused;
    assert_workers_fail(HEAD "# workers\n# old workers\n" OLD "# programs\n\n", ERROR_UNAVAILABLE);
    assert_workers_fail(HEAD "# workers\n" WORKER WORKER "# programs\n\n", ERROR_INVALID);
}

static void what_is_no_list_of_workers_is_refused(void **unused)
{
    (void)unused;
    assert_workers_fail("OK\n\n", ERROR_PROTOCOL);
    assert_workers_fail("1 master\n\n", ERROR_PROTOCOL);
    assert_workers_fail(HEAD "# workers\nx worker\n\n", ERROR_PROTOCOL);
    assert_workers_fail(HEAD "# workers\n0 worker\n\n", ERROR_PROTOCOL);
    assert_workers_fail(HEAD "# workers\n-5 worker\n\n", ERROR_PROTOCOL);
    assert_workers_fail(HEAD "# workers\n99999999999999999999 worker\n\n", ERROR_PROTOCOL);
}

static void old_workers_beyond_the_bound_are_not_left_out(void **unused)
{
    char text[8192] = HEAD "# workers\n" WORKER "# old workers\n";

    (void)unused;
    for (size_t i = 0; i <= HAPROXY_OLD_WORKERS; i++)
        strcat(text, OLD);
    strcat(text, "# programs\n\n");
    assert_workers_fail(text, ERROR_FULL);
}

static void sessions_are_found_by_backend_and_server(void **unused)
{
    static const char text[] =
        "0x557928fda050: proto=tcpv4 src=127.0.0.1:1 fe=f be=bb srv=n1 ts=00 epoch=0\n"
        "0x557928fda051: proto=tcpv4 src=127.0.0.1:1 fe=f be=bb srv=n10 ts=00 epoch=0\n"
        "0x557928fda052: proto=tcpv4 src=127.0.0.1:1 fe=f be=bbb srv=n1 ts=00 epoch=0\n"
        "0x557928fda053: proto=sockpair src=unix:2 fe=GLOBAL be=<NONE> srv=<none> ts=00\n"
        "  0x1: be=bb srv=n1 \n"
        "0x: be=bb srv=n1 \n"
        "0x7f: proto=tcpv4 src=127.0.0.1:1 fe=f be=bb srv=n1 ts=00 epoch=0\n\n";
    struct haproxy_sessions sessions;

    (void)unused;
    haproxy_read_sessions(text, strlen(text), "bb", "n1", &sessions);
    assert_int_equal(sessions.count, 2);
    assert_int_equal(sessions.ids[0], 0x557928fda050);
    assert_int_equal(sessions.ids[1], 0x7f);
    assert_false(sessions.has_more);
}

static void sessions_beyond_the_bound_are_told_of(void **unused)
{
    static const char line[] = "0x7f: be=bb srv=n1 ts\n";
    const size_t size = sizeof(line) - 1;
    char *text = malloc((HAPROXY_SESSIONS + 1) * size);
    struct haproxy_sessions sessions;

    (void)unused;
    for (size_t i = 0; i <= HAPROXY_SESSIONS; i++)
        memcpy(text + i * size, line, size);
    haproxy_read_sessions(text, HAPROXY_SESSIONS * size, "bb", "n1", &sessions);
    assert_false(sessions.has_more);
    haproxy_read_sessions(text, (HAPROXY_SESSIONS + 1) * size, "bb", "n1", &sessions);
    assert_true(sessions.has_more);
    assert_int_equal(sessions.count, HAPROXY_SESSIONS);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_workers_are_those_of_their_section),
        cmocka_unit_test(without_a_reload_there_are_no_old_workers),
        cmocka_unit_test(a_list_that_ends_early_hides_no_old_worker),
        cmocka_unit_test(a_master_between_two_workers_may_be_asked_again),
        cmocka_unit_test(what_is_no_list_of_workers_is_refused),
        cmocka_unit_test(old_workers_beyond_the_bound_are_not_left_out),
        cmocka_unit_test(sessions_are_found_by_backend_and_server),
        cmocka_unit_test(sessions_beyond_the_bound_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
