/* SPDX-License-Identifier: Apache-2.0 */
#include "sock_diag.h"

#include "common/unit_test.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A listener on 127.0.0.1 and one connection to it. */
struct pair {
    int listener;
    uint16_t port;
    int client;
    int server;
};

static struct pair make_pair(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    struct pair pair = {.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(pair.listener, (struct sockaddr *)&name, size), 0);
    assert_int_equal(listen(pair.listener, 4), 0);
    assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&name, &size), 0);
    assert_int_equal(connect(pair.client, (struct sockaddr *)&name, size), 0);
    pair.server = accept(pair.listener, NULL, NULL);
    pair.port = ntohs(name.sin_port);
    return pair;
}

static void close_pair(const struct pair *pair)
{
    close(pair->client);
    close(pair->server);
    close(pair->listener);
}

/* Keeps the last connection that it is asked about. */
static bool keep(const struct sock_diag_connection *connection, void *context)
{
    *(struct sock_diag_connection *)context = *connection;
    return true;
}

static bool refuse(const struct sock_diag_connection *connection, void *context)
{
    (void)connection;
    (void)context;
    return false;
}

static int64_t count_family(int family, uint16_t remote_port, sock_diag_filter filter,
                            struct sock_diag_connection *connection)
{
    struct sock_diag SOCK_DIAG_CLEANUP diag = {.fd = -1};
    struct sock_diag_query query = {1U << TCP_ESTABLISHED, remote_port, family};
    int64_t result = -1;
    assert_good(sock_diag_open(&diag, &err));
    assert_good(sock_diag_count(&diag, &query, filter, connection, &result, &err));
    return result;
}

static int64_t count(uint16_t remote_port, sock_diag_filter filter,
                     struct sock_diag_connection *connection)
{
    return count_family(0, remote_port, filter, connection);
}

static void only_connections_to_the_remote_port_are_listed(void **state)
{
    struct sock_diag_connection connection = {.inode = 0};
    struct pair pair = make_pair();
    unsigned char loopback[SOCK_DIAG_ADDRESS];
    struct stat client;
    (void)state;
    assert_int_equal(count(pair.port, keep, &connection), 1);
    assert_int_equal(connection.remote_port, pair.port);
    assert_true(sock_diag_read_address("127.0.0.1", loopback));
    assert_memory_equal(connection.remote, loopback, sizeof(loopback));
    assert_int_equal(fstat(pair.client, &client), 0);
    assert_int_equal(connection.inode, client.st_ino);
    close_pair(&pair);
    assert_int_equal(count(pair.port, keep, &connection), 0);
}

static void what_the_filter_refuses_is_not_counted(void **state)
{
    struct pair pair = make_pair();
    (void)state;
    assert_int_equal(count(pair.port, refuse, NULL), 0);
    close_pair(&pair);
}

static void one_family_can_be_asked_for_alone(void **state)
{
    struct sock_diag_connection connection;
    struct pair pair = make_pair();
    (void)state;
    assert_int_equal(count_family(AF_INET, pair.port, keep, &connection), 1);
    assert_int_equal(count_family(AF_INET6, pair.port, keep, &connection), 0);
    close_pair(&pair);
}

static void both_spellings_of_an_ipv4_address_are_equal(void **state)
{
    unsigned char plain[SOCK_DIAG_ADDRESS];
    unsigned char mapped[SOCK_DIAG_ADDRESS];
    (void)state;
    assert_true(sock_diag_read_address("10.0.0.11", plain));
    assert_true(sock_diag_read_address("::ffff:10.0.0.11", mapped));
    assert_memory_equal(plain, mapped, sizeof(plain));
    assert_false(sock_diag_read_address("bb1.example.org", plain));
    assert_false(sock_diag_read_address("", plain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_connections_to_the_remote_port_are_listed),
        cmocka_unit_test(what_the_filter_refuses_is_not_counted),
        cmocka_unit_test(one_family_can_be_asked_for_alone),
        cmocka_unit_test(both_spellings_of_an_ipv4_address_are_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
