/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include "node-agent/node_fixture.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

/* A listener, and connections to it that are accepted at once. */
struct port {
    int listener;
    int number;
    int ends[16];
    size_t count;
};

static struct port open_port(int family, const char *address)
{
    struct port port = {.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    void *target = family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr;
    struct sockaddr *name = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = family == AF_INET ? sizeof(v4) : sizeof(v6);
    if (port.listener < 0)
        return port;
    assert_int_equal(inet_pton(family, address, target), 1);
    if (bind(port.listener, name, size) != 0) {
        close(port.listener);
        port.listener = -1;
        return port;
    }
    assert_int_equal(listen(port.listener, 16), 0);
    assert_int_equal(getsockname(port.listener, name, &size), 0);
    port.number = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return port;
}

static void connect_to(struct port *port, int family, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port->number)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port->number)};
    int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(family, address, family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr);
    assert_int_equal(connect(client,
                             family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                             family == AF_INET ? sizeof(v4) : sizeof(v6)),
                     0);
    port->ends[port->count++] = client;
    port->ends[port->count++] = accept(port->listener, NULL, NULL);
}

static void close_connections(struct port *port)
{
    while (port->count > 0)
        close(port->ends[--port->count]);
}

static void close_port(struct port *port)
{
    close_connections(port);
    close(port->listener);
}

static int64_t count(void)
{
    struct connection_counter counter;
    int64_t result = -1;
    assert_good(connection_counter_open(&counter, &config.bitbucket, &err));
    assert_good(connections_count(&counter, &result, &err));
    connection_counter_close(&counter);
    return result;
}

static void counts_established_connections_on_both_ports_and_no_listeners(void **state)
{
    (void)state;
    struct port http = open_port(AF_INET, "127.0.0.1");
    struct port ssh = open_port(AF_INET, "127.0.0.1");
    config.bitbucket.http_port = http.number;
    config.bitbucket.ssh_port = ssh.number;
    assert_int_equal(count(), 0);
    connect_to(&http, AF_INET, "127.0.0.1");
    connect_to(&http, AF_INET, "127.0.0.1");
    connect_to(&ssh, AF_INET, "127.0.0.1");
    assert_int_equal(count(), 3);
    close_connections(&http);
    assert_int_equal(count(), 1);
    config.bitbucket.ssh_port = 0;
    assert_int_equal(count(), 0);
    close_port(&http);
    close_port(&ssh);
}

static void counts_only_the_configured_address(void **state)
{
    (void)state;
    struct port http = open_port(AF_INET, "0.0.0.0");
    config.bitbucket.http_port = http.number;
    connect_to(&http, AF_INET, "127.0.0.1");
    connect_to(&http, AF_INET, "127.0.0.2");
    assert_int_equal(count(), 2);
    TEXT_COPY(config.bitbucket.address, "127.0.0.2");
    assert_int_equal(count(), 1);
    TEXT_COPY(config.bitbucket.address, "127.0.0.3");
    assert_int_equal(count(), 0);
    close_port(&http);
}

static void counts_ipv6_and_its_mapped_form_of_ipv4(void **state)
{
    (void)state;
    struct port http = open_port(AF_INET6, "::");
    if (http.listener < 0)
        skip();
    config.bitbucket.http_port = http.number;
    connect_to(&http, AF_INET, "127.0.0.2");
    assert_int_equal(count(), 1);
    TEXT_COPY(config.bitbucket.address, "127.0.0.2");
    assert_int_equal(count(), 1);
    TEXT_COPY(config.bitbucket.address, "::ffff:127.0.0.2");
    assert_int_equal(count(), 1);
    TEXT_COPY(config.bitbucket.address, "::1");
    assert_int_equal(count(), 0);
    connect_to(&http, AF_INET6, "::1");
    assert_int_equal(count(), 1);
    close_port(&http);
}

static void counts_many_over_several_datagrams(void **state)
{
    (void)state;
    struct port ports[64];
    ports[0] = open_port(AF_INET, "127.0.0.1");
    config.bitbucket.http_port = ports[0].number;
    for (size_t i = 0; i < 64; i++) {
        ports[i].listener = ports[0].listener;
        ports[i].number = ports[0].number;
        ports[i].count = 0;
        for (size_t j = 0; j < 7; j++)
            connect_to(&ports[i], AF_INET, "127.0.0.1");
    }
    assert_int_equal(count(), 64 * 7);
    for (size_t i = 0; i < 64; i++)
        close_connections(&ports[i]);
    close(ports[0].listener);
}

static void *close_soon(void *port)
{
    close_connections(port);
    return NULL;
}

/* The first report has said 1, so the last connection may go. */
static void close_at_first_report(struct job *told)
{
    pthread_t thread;
    assert_int_equal(told->report.connections, 1);
    if (progress_count++ > 0)
        return;
    assert_int_equal(pthread_create(&thread, NULL, close_soon, told->context), 0);
    pthread_detach(thread);
}

static void waits_until_none_is_left_and_tells_changes_only(void **state)
{
    (void)state;
    struct port http = open_port(AF_INET, "127.0.0.1");
    config.bitbucket.http_port = http.number;
    connect_to(&http, AF_INET, "127.0.0.1");
    job.deadline = deadline_after_ms(20000);
    job.send_progress = close_at_first_report;
    job.context = &http;
    assert_good(verb_connections(&job, &err));
    assert_int_equal(job.report.connections, 0);
    assert_int_equal(progress_count, 1);
    close_port(&http);
}

static void the_deadline_names_how_many_are_left(void **state)
{
    (void)state;
    struct port http = open_port(AF_INET, "127.0.0.1");
    config.bitbucket.http_port = http.number;
    connect_to(&http, AF_INET, "127.0.0.1");
    connect_to(&http, AF_INET, "127.0.0.1");
    job.deadline = deadline_after_ms(30);
    assert_fails(verb_connections(&job, &err), ERROR_TIMEOUT, "2 connections");
    assert_int_equal(job.report.connections, 2);
    assert_int_equal(progress_count, 1);
    close_port(&http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_on_node(counts_established_connections_on_both_ports_and_no_listeners),
        test_on_node(counts_only_the_configured_address),
        test_on_node(counts_ipv6_and_its_mapped_form_of_ipv4),
        test_on_node(counts_many_over_several_datagrams),
        test_on_node(waits_until_none_is_left_and_tells_changes_only),
        test_on_node(the_deadline_names_how_many_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
