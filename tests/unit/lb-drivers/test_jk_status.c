/* SPDX-License-Identifier: Apache-2.0 */
#include "jk_status.h"

#include "common/unit_test.h"

#define TOP "worker.server_name=lb1\nworker.jk_version=mod_jk/1.2.48\n"
#define LB(name)                                                                                   \
    "worker.list=" name "\nworker." name ".type=lb\nworker." name ".busy=99\nworker." name         \
    ".last_reset_at=1795191630\n"
#define MEMBER(lb, name, activation, state, busy)                                                  \
    "worker." lb ".balance_workers=" name "\nworker." name ".type=ajp13\nworker." name             \
    ".activation=" activation "\nworker." name ".lbfactor=3\nworker." name ".state=" state         \
    "\nworker." name ".busy=" busy "\nworker." name ".max_busy=7\nworker." lb                      \
    ".last_reset_at=1795191630\n"
#define OK "worker.result.type=OK\nworker.result.message=Action finished\n"

static bool read_member(const char *text, struct jk_worker *ret_worker, struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = jk_read_member(bytes, size, "lb", "n1", ret_worker, err);
    free(bytes);
    return is_read;
}

static bool read_result(const char *text, struct error *err)
{
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_good = jk_read_result(bytes, size, err);
    free(bytes);
    return is_good;
}

static void assert_member_fails(const char *text, enum error_code code)
{
    struct jk_worker worker = {.busy = 77};
    struct error err;

    assert_false(read_member(text, &worker, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(worker.busy, 77);
}

static void assert_result_fails(const char *text, enum error_code code)
{
    struct error err;
    assert_false(read_result(text, &err));
    if (err.code != code)
        fail_msg("%s: %s", error_code_name(err.code), err.message);
}

static void a_member_is_found_in_its_load_balancer(void **unused)
{
    struct jk_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_member(TOP LB("lb2") MEMBER("lb2", "n1", "STP", "ERR", "9") LB("lb")
                                MEMBER("lb", "n2", "ACT", "OK", "0")
                                    MEMBER("lb", "n1", "DIS", "OK/IDLE", "4") LB("lb3")
                                        MEMBER("lb3", "n1", "ACT", "OK", "8") OK,
                            &worker, &err));
    assert_int_equal(worker.admin, LB_ADMIN_DRAIN);
    assert_int_equal(worker.health, LB_HEALTH_UP);
    assert_int_equal(worker.busy, 4);
    assert_int_equal(worker.weight, 3);
    assert_int_equal(worker.peers_up, 1);
    assert_string_equal(worker.mark, "1795191630");
}

static void names_that_begin_alike_are_others(void **unused)
{
    (void)unused;
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n10", "ACT", "OK", "0")
                            MEMBER("lb", "n", "ACT", "OK", "0") OK,
                        ERROR_NOT_FOUND);
    assert_member_fails(TOP LB("lb1") MEMBER("lb1", "n1", "ACT", "OK", "0") OK, ERROR_NOT_FOUND);
    assert_member_fails(TOP OK, ERROR_NOT_FOUND);
    assert_member_fails("", ERROR_NOT_FOUND);
}

static void a_member_may_be_called_as_anything(void **unused)
{
    struct jk_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_member(
        TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "1") MEMBER("lb", "result", "ACT", "OK", "0")
            MEMBER("lb", "list", "ACT", "OK", "0") MEMBER("lb", "n1.busy", "ACT", "OK", "0") OK,
        &worker, &err));
    assert_int_equal(worker.busy, 1);
    assert_int_equal(worker.peers_up, 3);
    assert_true(read_result(TOP LB("lb") MEMBER("lb", "result", "ACT", "OK", "0") OK, &err));
}

static void words_tell_activation_and_health(void **unused)
{
    static const struct {
        const char *activation, *state;
        enum lb_admin admin;
        enum lb_health health;
        bool is_in_error;
    } rows[] = {
        {"ACT", "OK", LB_ADMIN_UP, LB_HEALTH_UP, false},
        {"ACT", "OK/IDLE", LB_ADMIN_UP, LB_HEALTH_UP, false},
        {"ACT", "OK/BUSY", LB_ADMIN_UP, LB_HEALTH_UP, false},
        {"DIS", "ERR", LB_ADMIN_DRAIN, LB_HEALTH_DOWN, true},
        {"STP", "ERR/REC", LB_ADMIN_DOWN, LB_HEALTH_CHANGING, false},
        {"ACT", "ERR/FRC", LB_ADMIN_UP, LB_HEALTH_CHANGING, false},
        {"ACT", "ERR/PRB", LB_ADMIN_UP, LB_HEALTH_CHANGING, false},
        {"ACT", "unknown", LB_ADMIN_UP, LB_HEALTH_UNKNOWN, false},
        {"ACT", "OK/", LB_ADMIN_UP, LB_HEALTH_UNKNOWN, false},
        {"ACT", "", LB_ADMIN_UP, LB_HEALTH_UNKNOWN, false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        struct jk_worker worker;
        struct error err;
        snprintf(text, sizeof(text), TOP LB("lb") MEMBER("lb", "n1", "%s", "%s", "0") OK,
                 rows[i].activation, rows[i].state);
        assert_true(read_member(text, &worker, &err));
        assert_int_equal(worker.admin, rows[i].admin);
        assert_int_equal(worker.health, rows[i].health);
        assert_int_equal(worker.is_in_error, rows[i].is_in_error);
    }
}

static void peers_are_active_and_not_in_error(void **unused)
{
    struct jk_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_member(
        TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "0") MEMBER("lb", "n2", "ACT", "OK/IDLE", "0")
            MEMBER("lb", "n3", "DIS", "OK", "0") MEMBER("lb", "n4", "STP", "OK", "0")
                MEMBER("lb", "n5", "ACT", "ERR", "0") MEMBER("lb", "n6", "ACT", "ERR/REC", "0") OK,
        &worker, &err));
    assert_int_equal(worker.peers_up, 1);
}

static void what_is_not_understood_is_refused(void **unused)
{
    (void)unused;
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n1", "act", "OK", "0") OK, ERROR_PROTOCOL);
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n1", "", "OK", "0") OK, ERROR_PROTOCOL);
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "-1") OK, ERROR_PROTOCOL);
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "9999999999999") OK,
                        ERROR_PROTOCOL);
    assert_member_fails(TOP LB("lb") "worker.lb.balance_workers=n1\nworker.n1.activation=ACT\n" OK,
                        ERROR_PROTOCOL);
    assert_member_fails(TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "0")
                            MEMBER("lb", "n1", "STP", "OK", "0") OK,
                        ERROR_PROTOCOL);
}

static void refusals_are_told_by_their_reason(void **unused)
{
    (void)unused;
    assert_result_fails("worker.result.type=ERROR\nworker.result.message=could not find sub "
                        "worker\n",
                        ERROR_NOT_FOUND);
    assert_result_fails("worker.result.type=ERROR\nworker.result.message=Could not find given "
                        "worker\n",
                        ERROR_NOT_FOUND);
    assert_result_fails("worker.result.type=ERROR\nworker.result.message=This command is not "
                        "allowed in read only mode.\n",
                        ERROR_DENIED);
    assert_result_fails("worker.result.type=ERROR\nworker.result.message=Update failed\n",
                        ERROR_CONFLICT);
    assert_result_fails("worker.result.type=\nworker.result.message=\n", ERROR_CONFLICT);
}

static void another_text_is_no_result(void **unused)
{
    (void)unused;
    assert_result_fails("", ERROR_PROTOCOL);
    assert_result_fails("\n", ERROR_PROTOCOL);
    assert_result_fails("OK\n", ERROR_PROTOCOL);
    assert_result_fails("Result: type=OK message=\"Action finished\"\n", ERROR_PROTOCOL);
    assert_result_fails(OK TOP, ERROR_UNAVAILABLE);
}

static void every_cut_of_a_good_answer_is_an_error(void **unused)
{
    static const char whole[] = TOP LB("lb") MEMBER("lb", "n1", "ACT", "OK", "0") OK;

    (void)unused;
    for (size_t size = 0; size < strlen(whole); size++) {
        char text[sizeof(whole)];
        struct error err;
        snprintf(text, size + 1, "%s", whole);
        assert_false(read_result(text, &err));
        assert_true(err.code == ERROR_PROTOCOL || err.code == ERROR_UNAVAILABLE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_in_its_load_balancer),
        cmocka_unit_test(names_that_begin_alike_are_others),
        cmocka_unit_test(a_member_may_be_called_as_anything),
        cmocka_unit_test(words_tell_activation_and_health),
        cmocka_unit_test(peers_are_active_and_not_in_error),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(refusals_are_told_by_their_reason),
        cmocka_unit_test(another_text_is_no_result),
        cmocka_unit_test(every_cut_of_a_good_answer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
