/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_socket.h"

#include "common/unit_test.h"

static void assert_address(const char *address, bool is_good)
{
    struct error err = {0};

    if (haproxy_check_address(address, &err) != is_good)
        fail_msg("'%s' is %s", address, is_good ? "refused" : "taken");
    if (!is_good) {
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.hint, "tcp:HOST:PORT"));
    }
}

static void addresses_are_unix_paths_or_host_and_port(void **unused)
{
    (void)unused;
    assert_address("unix:/run/haproxy/admin.sock", true);
    assert_address("master:/run/haproxy-master.sock", true);
    assert_address("master:haproxy-master.sock", false);
    assert_address("master:lb1:9999", false);
    assert_address("tcp:lb1.example.com:9999", true);
    assert_address("tcp:10.0.0.5:1", true);
    assert_address("tcp:[2001:db8::5]:65535", true);
    assert_address("tcp:2001:db8::5:9999", false);
    assert_address("tcp:[2001:db8::5]9999", false);
    assert_address("tcp:lb1:99999", false);
    assert_address("tcp:lb1:9999 ", false);
    assert_address("unix:admin.sock", false);
    assert_address("UNIX:/run/haproxy/admin.sock", false);
    assert_address("lb1:9999", false);
}

static void a_socket_path_has_at_most_107_bytes(void **unused)
{
    char address[256] = "unix:/";

    (void)unused;
    memset(address + 6, 'a', 106);
    assert_address(address, true);
    address[6 + 106] = 'a';
    assert_address(address, false);
}

static void a_host_name_has_at_most_255_bytes(void **unused)
{
    char address[300] = "tcp:";

    (void)unused;
    memset(address + 4, 'a', 256);
    strcpy(address + 4 + 256, ":9999");
    assert_address(address, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_unix_paths_or_host_and_port),
        cmocka_unit_test(a_socket_path_has_at_most_107_bytes),
        cmocka_unit_test(a_host_name_has_at_most_255_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
