/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_title.h"

#include "common/unit_test.h"

static void a_title_says_what_the_process_is(void **state)
{
    (void)state;
    assert_int_equal(nginx_title_read("nginx: master process /usr/sbin/nginx"), NGINX_TITLE_MASTER);
    assert_int_equal(nginx_title_read("nginx: worker process        "), NGINX_TITLE_WORKER);
    assert_int_equal(nginx_title_read("nginx: worker process is shutting down"),
                     NGINX_TITLE_LEAVING);
    assert_int_equal(nginx_title_read("nginx: worker process is sh"), NGINX_TITLE_LEAVING);
    assert_int_equal(nginx_title_read("nginx: cache manager process"), NGINX_TITLE_NONE);
    assert_int_equal(nginx_title_read("vi nginx: master process"), NGINX_TITLE_NONE);
    assert_int_equal(nginx_title_read(""), NGINX_TITLE_NONE);
}

static void another_configuration_in_the_title_is_seen(void **state)
{
    static const struct {
        const char *arguments;
        bool may_run;
    } rows[] = {
        {"", true},
        {" -g daemon on;", true},
        {" -c /etc/nginx/nginx.conf", true},
        {" -c/etc/nginx/nginx.conf -q", true},
        {" -c conf/nginx.conf", true},  /* relative to a directory that is not known */
        {" -p /srv -c /etc/ngi", true}, /* cut where its room ended */
        {" -c /etc/nginx/other.conf", false},
        {" -c /etc/nginx/nginx.conf.new", false},
        {" -c /etc/ngi -q", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char title[256];
        snprintf(title, sizeof(title), "nginx: master process nginx%s", rows[i].arguments);
        assert_int_equal(nginx_title_may_run(title, "/etc/nginx/nginx.conf"), rows[i].may_run);
    }
}

static void the_first_complaint_of_a_test_is_told(void **state)
{
    static const struct {
        const char *output;
        enum error_code code;
        const char *message;
    } rows[] = {
        {"nginx: [warn] conflicting name\nnginx: [emerg] unknown directive \"x\" in /a:3\nmore",
         ERROR_INVALID, "nginx -t: [emerg] unknown directive \"x\" in /a:3"},
        {"nginx: [emerg] host not found in upstream \"bb1:80\" in /a:3\n", ERROR_UNAVAILABLE,
         "nginx -t: [emerg] host not found in upstream \"bb1:80\" in /a:3"},
        {"nginx: [emerg] open() \"/k\" failed (13: Permission denied)", ERROR_DENIED,
         "nginx -t: [emerg] open() \"/k\" failed (13: Permission denied)"},
        {"nginx: [emerg] bad\nPermission denied", ERROR_INVALID, "nginx -t: [emerg] bad"},
        {"", ERROR_INVALID, "nginx -t: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = {0};
        nginx_test_failed(rows[i].output, &err);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.message, rows[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_title_says_what_the_process_is),
        cmocka_unit_test(another_configuration_in_the_title_is_seen),
        cmocka_unit_test(the_first_complaint_of_a_test_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
