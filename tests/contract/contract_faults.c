/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases: a load balancer that is gone, silent or out of its mind. Each call ends in time, with the
 * code that says whether to try again, and never with success.
 */
#include "contract.h"

#include "check.h"

#include "cmocka_setup.h"
#include "fake_server.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define SHORT_MS    300  /* for one that may never answer */
#define SHARED_MS   1200 /* the half of it is for two calls of the driver at the other one */
#define LATE_MS     500  /* of grace for a busy machine */
#define CODE(error) (1u << (error))
#define FLOOD_BYTES (100u * 1024 * 1024)
#define MEMORY_KB   (64 * 1024) /* a flood may cost that much at most: the limit is 8 MB */

/* What a call on this address must end with, by reading and by setting; the codes are bits. Where
 * no time-out is among them an answer comes, and the usual time is for a driver that is slow to
 * read it: one that waited for more would end with a time-out. */
static void assert_both_fail(const struct lb *lb, unsigned codes)
{
    const char *member = contract_fixture.http_members[0];
    int64_t call_ms = (codes & CODE(ERROR_TIMEOUT)) != 0 ? SHORT_MS : CALL_MS;
    struct lb_member_state state;
    struct error err;

    for (int is_set = 0; is_set <= 1; is_set++) {
        int64_t begin_ms = clock_monotonic_ms();
        struct deadline deadline = deadline_after_ms(call_ms);
        memset(&err, 0, sizeof(err));
        if (is_set)
            assert_false(lb->driver->set_members(lb, &member, 1, LB_ADMIN_DOWN, deadline, &err));
        else
            assert_false(lb->driver->read_members(lb, &member, 1, deadline, &state, &err));
        if ((CODE(err.code) & codes) == 0)
            fail_msg("unexpected %s: %s", error_code_name(err.code), err.message);
        assert_non_null(strstr(err.message, lb->options.addresses[0]));
        assert_in_range(clock_monotonic_ms() - begin_ms, 0, call_ms + LATE_MS);
    }
}

static struct lb lb_on(int port)
{
    char address[LIMIT_PATH];
    contract_fixture.write_address(port, address);
    return contract_elsewhere(address);
}

/* A server on a port in the place of the real one; where that can not be, the case is skipped. */
static int start_fake(enum fake_manner manner)
{
    if (contract_fixture.write_address == NULL)
        skip_case();
    return fake_server_start(manner, "", "", 0, 0);
}

/* A server that says these bytes, of `whole` that were promised, so many times. */
static int start_answering(const char *text, size_t size, size_t whole, size_t repeats)
{
    static char head[256];
    if (contract_fixture.write_address == NULL)
        skip_case();
    head[0] = '\0';
    if (contract_fixture.content_type != NULL && repeats == 1)
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                 contract_fixture.content_type, whole);
    else if (contract_fixture.content_type != NULL)
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n",
                 contract_fixture.content_type);
    return fake_server_start(FAKE_ANSWERS, head, text, size, repeats);
}

static void a_server_that_refuses_is_unavailable(void **unused)
{
    struct lb lb = lb_on(start_fake(FAKE_REFUSES));

    (void)unused;
    assert_both_fail(&lb, CODE(ERROR_UNAVAILABLE));
    fake_server_stop();
}

static void a_server_that_never_answers_times_out(void **unused)
{
    struct lb lb = lb_on(start_fake(FAKE_SILENT));

    (void)unused;
    assert_both_fail(&lb, CODE(ERROR_TIMEOUT));
    fake_server_stop();
}

static void a_server_that_hangs_up_is_unavailable(void **unused)
{
    struct lb lb = lb_on(start_fake(FAKE_ANSWERS));

    (void)unused;
    assert_both_fail(&lb, CODE(ERROR_UNAVAILABLE));
    fake_server_stop();
}

static const char *const garbage[] = {
    "OK\n",
    "# ,,,\n\n",
    "\xff\xfe\x01\x02",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "{}\n",
    "<html>",
    "-ERR\r\n",
    "%n%s%n%s\n",
};

static void garbage_is_a_protocol_error(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        const char *text = garbage[i];
        struct lb lb = lb_on(start_answering(text, strlen(text), strlen(text), 1));
        assert_both_fail(&lb, CODE(ERROR_PROTOCOL));
        fake_server_stop();
    }
}

static void garbage_is_no_proof_that_sessions_were_cut(void **unused)
{
    const char *member = contract_fixture.ssh_members[0];
    struct error err;

    (void)unused;
    if (contract_lb.driver->cut_sessions == NULL)
        skip_case();
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        const char *text = garbage[i];
        struct lb lb = lb_on(start_answering(text, strlen(text), strlen(text), 1));
        assert_false(lb.driver->cut_sessions(&lb, &member, 1, deadline_after_ms(CALL_MS), &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        fake_server_stop();
    }
}

static void an_empty_line_is_no_state(void **unused)
{
    struct lb lb = lb_on(start_answering("\n", 1, 1, 1));

    (void)unused;
    assert_both_fail(&lb, CODE(ERROR_PROTOCOL));
    fake_server_stop();
}

/* A good beginning, cut anywhere, is never taken for the whole. */
static void a_half_answer_is_no_answer(void **unused)
{
    const char *text = contract_fixture.plausible_answer;

    (void)unused;
    if (contract_fixture.write_address == NULL)
        skip_case();
    for (size_t size = 1; size <= strlen(text); size++) {
        struct lb lb = lb_on(start_answering(text, size, strlen(text), 1));
        assert_both_fail(&lb, CODE(ERROR_PROTOCOL) | CODE(ERROR_UNAVAILABLE));
        fake_server_stop();
    }
}

static int64_t peak_memory_kb(void)
{
    struct rusage usage;

    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void assert_flood_is_bounded(const char *text, size_t size)
{
    int64_t before_kb = peak_memory_kb();
    CHECK(size > 0);
    struct lb lb = lb_on(start_answering(text, size, 0, FLOOD_BYTES / size));

    assert_both_fail(&lb, CODE(ERROR_PROTOCOL) | CODE(ERROR_TIMEOUT));
    assert_true(fake_server_stop() < FLOOD_BYTES);
    assert_in_range(peak_memory_kb() - before_kb, 0, MEMORY_KB);
}

static void an_endless_answer_is_given_up(void **unused)
{
    static char line_of_nothing[64 * 1024];
    char good_lines[64 * 1024];
    const char *line = contract_fixture.plausible_line;
    size_t size = 0;

    (void)unused;
    if (contract_fixture.write_address == NULL)
        skip_case();
    memset(line_of_nothing, 'x', sizeof(line_of_nothing));
    assert_flood_is_bounded(line_of_nothing, sizeof(line_of_nothing));
    while (size + strlen(line) <= sizeof(good_lines)) {
        memcpy(good_lines + size, line, strlen(line));
        size += strlen(line);
    }
    assert_flood_is_bounded(good_lines, size);
}

static void without_the_right_a_member_is_read_and_not_set(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    char address[LIMIT_PATH];
    struct error err;

    (void)unused;
    if (contract_fixture.write_powerless_address == NULL)
        skip_case();
    contract_fixture.write_powerless_address(address);
    struct lb lb = contract_elsewhere(address);
    assert_int_equal(contract_read(&lb, member).admin, LB_ADMIN_UP);
    assert_false(
        lb.driver->set_members(&lb, &member, 1, LB_ADMIN_DOWN, deadline_after_ms(CALL_MS), &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_UP);
}

static void traffic_is_not_taken_while_a_process_is_gone(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct lb other = contract_one_process(1);
    struct lb_member_state state;
    struct error err;

    (void)unused;
    contract_fixture.stop_process(0);
    assert_false(contract_lb.driver->read_members(&contract_lb, &member, 1,
                                                  deadline_after_ms(CALL_MS), &state, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_false(contract_lb.driver->set_members(&contract_lb, &member, 1, LB_ADMIN_DRAIN,
                                                 deadline_after_ms(CALL_MS), &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(contract_read(&other, member).admin, LB_ADMIN_UP);
}

static void traffic_comes_back_where_it_can_while_a_process_is_gone(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct lb other = contract_one_process(1);
    struct error err;

    (void)unused;
    contract_set_one(&contract_lb, member, LB_ADMIN_DOWN);
    contract_fixture.stop_process(0);
    assert_false(contract_lb.driver->set_members(&contract_lb, &member, 1, LB_ADMIN_UP,
                                                 deadline_after_ms(CALL_MS), &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(contract_read(&other, member).admin, LB_ADMIN_UP);
}

static void a_silent_process_leaves_time_for_the_others(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct lb other = contract_one_process(1);
    struct lb lb = contract_lb; /* its state knows nothing of addresses */
    struct error err;

    (void)unused;
    if (contract_fixture.write_address == NULL)
        skip_case();
    contract_set_one(&other, member, LB_ADMIN_DOWN);
    contract_fixture.write_address(start_fake(FAKE_SILENT), lb.options.addresses[0]);
    assert_false(
        lb.driver->set_members(&lb, &member, 1, LB_ADMIN_UP, deadline_after_ms(SHARED_MS), &err));
    assert_int_equal(err.code, ERROR_TIMEOUT);
    assert_int_equal(contract_read(&other, member).admin, LB_ADMIN_UP);
    fake_server_stop();
}

/* The caller was stopped for long, and somebody else may have decided otherwise meanwhile. */
static void a_change_whose_time_is_over_is_not_made(void **unused)
{
    const char *member = contract_fixture.http_members[0];
    struct error err;

    (void)unused;
    for (enum lb_admin admin = LB_ADMIN_DRAIN; admin <= LB_ADMIN_DOWN; admin++) {
        assert_false(contract_lb.driver->set_members(&contract_lb, &member, 1, admin,
                                                     deadline_after_ms(0), &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_int_equal(contract_read(&contract_lb, member).admin, LB_ADMIN_UP);
    }
}

static int start_first_process(void **unused)
{
    (void)unused;
    contract_fixture.start_process(0);
    return 0;
}

#define CASE(name) cmocka_unit_test_setup(name, contract_reset)
#define CASE_WITHOUT_PROCESS(name)                                                                 \
    cmocka_unit_test_setup_teardown(name, contract_reset, start_first_process)

int contract_run_faults(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_server_that_refuses_is_unavailable),
        CASE(a_server_that_never_answers_times_out),
        CASE(a_server_that_hangs_up_is_unavailable),
        CASE(garbage_is_a_protocol_error),
        CASE(garbage_is_no_proof_that_sessions_were_cut),
        CASE(an_empty_line_is_no_state),
        CASE(a_half_answer_is_no_answer),
        CASE(an_endless_answer_is_given_up),
        CASE(without_the_right_a_member_is_read_and_not_set),
        CASE_WITHOUT_PROCESS(traffic_is_not_taken_while_a_process_is_gone),
        CASE_WITHOUT_PROCESS(traffic_comes_back_where_it_can_while_a_process_is_gone),
        CASE(a_silent_process_leaves_time_for_the_others),
        CASE(a_change_whose_time_is_over_is_not_made),
    };
    return cmocka_run_group_tests_name("faults", cases, NULL, NULL);
}
