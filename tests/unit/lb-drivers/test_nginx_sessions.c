/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_sessions.h"

#include "common/unit_test.h"

static void an_address_is_taken_apart_as_nginx_does(void **state)
{
    static const struct {
        const char *address;
        const char *host;
        const char *port;
    } rows[] = {
        {"10.0.0.11:7990", "10.0.0.11", "7990"},
        {"[2001:db8::11]:7990", "2001:db8::11", "7990"},
        {"[2001:db8::11]", "2001:db8::11", "80"},
        {"bb1.example.org", "bb1.example.org", "80"},
        {"bb1:7990", "bb1", "7990"},
    };
    static const char *const wrong[] = {
        "",         ":80",       "[::1:80",           "[]:80",       "[::1]80", "bb1:", "bb1:0",
        "bb1:http", "bb1:65536", "2001:db8::11:7990", "bb1:0080000",
    };
    char host[LB_MEMBER], port[8];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(nginx_sessions_place(rows[i].address, host, port));
        assert_string_equal(host, rows[i].host);
        assert_string_equal(port, rows[i].port);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(nginx_sessions_place(wrong[i], host, port));
}

static void connections_to_a_unix_socket_are_counted_by_its_path(void **state)
{
    static const char table[] =
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 10001 /run/bb.sock\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 10002 /run/bb.sock\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 10003 /run/bb.sock\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 10004 /run/bb.sock2\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03 10005\n";

    (void)state;
    assert_int_equal(nginx_sessions_unix(table, "/run/bb.sock"), 2);
    assert_int_equal(nginx_sessions_unix(table, "/run/bb"), 0);
    assert_int_equal(nginx_sessions_unix("", "/run/bb.sock"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_taken_apart_as_nginx_does),
        cmocka_unit_test(connections_to_a_unix_socket_are_counted_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
