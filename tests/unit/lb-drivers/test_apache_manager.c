/* SPDX-License-Identifier: Apache-2.0 */
#include "apache_manager.h"

#include "common/unit_test.h"

#define HEAD                                                                                       \
    "<?xml version='1.0' encoding='UTF-8' ?>\n"                                                    \
    "<httpd:manager xmlns:httpd='http://httpd.apache.org'>\n <httpd:balancers>\n"
#define BALANCER(name) "<httpd:balancer><httpd:name>balancer://" name "</httpd:name><httpd:workers>"
#define WORKER(name, status, busy)                                                                 \
    "<httpd:worker>\n<httpd:name>" name "</httpd:name><httpd:loadfactor>1.00</httpd:loadfactor>"   \
    "<httpd:status>" status "</httpd:status><httpd:loadfactor>2.50</httpd:loadfactor>"             \
    "<httpd:busy>" busy "</httpd:busy></httpd:worker>\n"
#define END_BALANCER "</httpd:workers></httpd:balancer>\n"
#define TAIL         "</httpd:balancers>\n</httpd:manager>"
#define N1           "http://10.0.0.11:7990"
#define N2           "http://10.0.0.12:7990"
#define N3           "http://10.0.0.13:7990"

static bool read_worker(const char *text, const char *worker, struct apache_worker *ret_worker,
                        struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = apache_read_worker(bytes, size, "bb", worker, ret_worker, err);
    free(bytes);
    return is_read;
}

static void assert_read_fails(const char *text, enum error_code code)
{
    struct apache_worker worker = {.busy = 77};
    struct error err;

    assert_false(read_worker(text, N1, &worker, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(worker.busy, 77);
}

static void a_worker_is_found_in_its_balancer(void **unused)
{
    struct apache_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_worker(HEAD BALANCER("b") WORKER(N1, "Init Ok ", "7")
                                END_BALANCER BALANCER("bb") WORKER(N1, "Init Drn Ok ", "3")
                                    WORKER(N2, "Init Ok ", "0") END_BALANCER TAIL,
                            N1, &worker, &err));
    assert_int_equal(worker.busy, 3);
    assert_int_equal(worker.weight, 2);
    assert_int_equal(worker.peers_up, 1);
    assert_int_equal(apache_admin(&worker), LB_ADMIN_DRAIN);
    assert_int_equal(apache_health(&worker), LB_HEALTH_UP);
}

static void a_name_that_begins_alike_is_another_worker(void **unused)
{
    (void)unused;
    assert_read_fails(HEAD BALANCER("bb") WORKER(N1 "1", "Init Ok ", "0")
                          WORKER("http://10.0.0.11:799", "Init Ok ", "0") END_BALANCER TAIL,
                      ERROR_NOT_FOUND);
    assert_read_fails(HEAD BALANCER("bbb") WORKER(N1, "Init Ok ", "0") END_BALANCER TAIL,
                      ERROR_NOT_FOUND);
    assert_read_fails(HEAD TAIL, ERROR_NOT_FOUND);
}

static void status_words_tell_admin_state_and_health(void **unused)
{
    static const struct {
        const char *status;
        enum lb_admin admin;
        enum lb_health health;
    } rows[] = {
        {"Init Ok ", LB_ADMIN_UP, LB_HEALTH_UP},
        {"Init Ign Ok ", LB_ADMIN_UP, LB_HEALTH_UP},
        {"Init Stby Ok ", LB_ADMIN_UP, LB_HEALTH_UP},
        {"Init Spar Ok ", LB_ADMIN_UP, LB_HEALTH_UP},
        {"Init Drn Ok ", LB_ADMIN_DRAIN, LB_HEALTH_UP},
        {"Init Drn Err ", LB_ADMIN_DRAIN, LB_HEALTH_DOWN},
        {"Init Dis ", LB_ADMIN_DOWN, LB_HEALTH_UP},
        {"Init Drn Dis ", LB_ADMIN_DOWN, LB_HEALTH_UP},
        {"Init Dis Err ", LB_ADMIN_DOWN, LB_HEALTH_DOWN},
        {"Init Stop ", LB_ADMIN_DOWN, LB_HEALTH_UNKNOWN},
        {"Init Dis Stop ", LB_ADMIN_DOWN, LB_HEALTH_UNKNOWN},
        {"Init Err ", LB_ADMIN_UP, LB_HEALTH_DOWN},
        {"Init HcFl ", LB_ADMIN_UP, LB_HEALTH_DOWN},
        {"Init Shut ", LB_ADMIN_UP, LB_HEALTH_DOWN},
        {"Init ", LB_ADMIN_UP, LB_HEALTH_CHANGING},
        {"??? ", LB_ADMIN_UP, LB_HEALTH_UNKNOWN},
        {"Init Ok New ", LB_ADMIN_UP, LB_HEALTH_UNKNOWN},
        {"init ok", LB_ADMIN_UP, LB_HEALTH_UNKNOWN},
        {"", LB_ADMIN_UP, LB_HEALTH_CHANGING},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[1024];
        struct apache_worker worker;
        struct error err;
        snprintf(text, sizeof(text), HEAD BALANCER("bb") WORKER(N1, "%s", "0") END_BALANCER TAIL,
                 rows[i].status);
        assert_true(read_worker(text, N1, &worker, &err));
        assert_int_equal(apache_admin(&worker), rows[i].admin);
        assert_int_equal(apache_health(&worker), rows[i].health);
    }
}

static void peers_are_other_workers_that_get_new_traffic(void **unused)
{
    static const char *const others[] = {"Init Drn Ok ",  "Init Dis ",    "Init Stop ",
                                         "Init Err ",     "Init HcFl ",   "Init Stby Ok ",
                                         "Init Spar Ok ", "Init Ok Odd ", "Init "};

    (void)unused;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        char text[2048];
        struct apache_worker worker;
        struct error err;
        snprintf(text, sizeof(text),
                 HEAD BALANCER("bb") WORKER(N2, "Init Ign Ok ", "0") WORKER(N1, "Init Ok ", "0")
                     WORKER(N3, "%s", "0") END_BALANCER TAIL,
                 others[i]);
        assert_true(read_worker(text, N1, &worker, &err));
        assert_int_equal(worker.peers_up, 1);
    }
}

static void a_count_below_zero_is_not_known(void **unused)
{
    struct apache_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_worker(HEAD BALANCER("bb") WORKER(N1, "Init Ok ", "18446744073709551615")
                                END_BALANCER TAIL,
                            N1, &worker, &err));
    assert_int_equal(worker.busy, -1);
}

static void what_is_no_number_is_refused(void **unused)
{
    static const char *const numbers[] = {"", "-1", "1.5", " 1", "0x1", "99999999999999999999999"};

    (void)unused;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text),
                 HEAD BALANCER("bb") WORKER(N1, "Init Ok ", "%s") END_BALANCER TAIL, numbers[i]);
        assert_read_fails(text, ERROR_PROTOCOL);
    }
}

static void a_worker_that_is_told_of_in_part_or_twice_is_refused(void **unused)
{
    (void)unused;
    assert_read_fails(
        HEAD BALANCER("bb") "<httpd:worker><httpd:name>" N1 "</httpd:name>"
                            "<httpd:busy>0</httpd:busy></httpd:worker>" END_BALANCER TAIL,
        ERROR_PROTOCOL);
    assert_read_fails(
        HEAD BALANCER(
            "bb") "<httpd:worker><httpd:name>" N1 "</httpd:name>"
                  "<httpd:status>Init Ok </httpd:status></httpd:worker>" END_BALANCER TAIL,
        ERROR_PROTOCOL);
    assert_read_fails(HEAD BALANCER("bb") WORKER(N1, "Init Ok ", "0") WORKER(N1, "Init Dis ", "0")
                          END_BALANCER TAIL,
                      ERROR_PROTOCOL);
}

static void another_document_is_refused(void **unused)
{
    (void)unused;
    assert_read_fails("", ERROR_PROTOCOL);
    assert_read_fails("<", ERROR_PROTOCOL);
    assert_read_fails("<html><body>It works!</body></html>", ERROR_PROTOCOL);
    assert_read_fails("<manager xmlns='http://example.org'/>", ERROR_PROTOCOL);
    assert_read_fails("<httpd:manager/>", ERROR_PROTOCOL);
    assert_read_fails("<a><httpd:manager xmlns:httpd='http://httpd.apache.org'/></a>",
                      ERROR_PROTOCOL);
}

/* Elements of another place or namespace are none of a worker's. */
static void only_leaves_of_the_worker_count(void **unused)
{
    struct apache_worker worker;
    struct error err;

    (void)unused;
    assert_true(read_worker(
        HEAD BALANCER("bb") "<httpd:worker><httpd:name>" N1 "</httpd:name>"
                            "<httpd:status>Init Ok </httpd:status><httpd:busy>4</httpd:busy>"
                            "<busy>9</busy><httpd:more><httpd:busy>8</httpd:busy></httpd:more>"
                            "</httpd:worker>" END_BALANCER TAIL,
        N1, &worker, &err));
    assert_int_equal(worker.busy, 4);
    assert_int_equal(worker.weight, -1);
}

static void entities_of_a_document_type_are_never_expanded(void **unused)
{
    (void)unused;
    assert_read_fails(
        "<!DOCTYPE m [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
        "<m>&b;</m>",
        ERROR_PROTOCOL);
    assert_read_fails("<!DOCTYPE html><html></html>", ERROR_PROTOCOL);
}

static void elements_too_deep_are_refused(void **unused)
{
    char text[4096] = HEAD;

    (void)unused;
    for (int i = 0; i < 100; i++)
        strcat(text, "<a>");
    assert_read_fails(text, ERROR_PROTOCOL);
}

static void a_status_without_end_is_refused(void **unused)
{
    char status[1024], text[4096];

    (void)unused;
    memset(status, 'x', sizeof(status) - 1);
    status[sizeof(status) - 1] = '\0';
    snprintf(text, sizeof(text), HEAD BALANCER("bb") WORKER(N1, "%s", "0") END_BALANCER TAIL,
             status);
    assert_read_fails(text, ERROR_PROTOCOL);
}

static void every_cut_of_a_good_answer_is_an_error(void **unused)
{
    static const char whole[] = HEAD BALANCER("bb") WORKER(N1, "Init Ok ", "0") END_BALANCER TAIL;

    (void)unused;
    for (size_t size = 0; size < strlen(whole); size++) {
        char text[sizeof(whole)];
        snprintf(text, size + 1, "%s", whole);
        assert_read_fails(text, ERROR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_is_found_in_its_balancer),
        cmocka_unit_test(a_name_that_begins_alike_is_another_worker),
        cmocka_unit_test(status_words_tell_admin_state_and_health),
        cmocka_unit_test(peers_are_other_workers_that_get_new_traffic),
        cmocka_unit_test(a_count_below_zero_is_not_known),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_worker_that_is_told_of_in_part_or_twice_is_refused),
        cmocka_unit_test(another_document_is_refused),
        cmocka_unit_test(only_leaves_of_the_worker_count),
        cmocka_unit_test(entities_of_a_document_type_are_never_expanded),
        cmocka_unit_test(elements_too_deep_are_refused),
        cmocka_unit_test(a_status_without_end_is_refused),
        cmocka_unit_test(every_cut_of_a_good_answer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
