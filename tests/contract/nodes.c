/* SPDX-License-Identifier: Apache-2.0 */
#include "nodes.h"

#include "loopback.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS       (2 * NODE_COUNT) /* the HTTP ports, then the SSH ports */
#define CONNECTIONS 256
#define REQUEST     2048

static const char *const names[NODE_COUNT] = {"n1", "n2", "n3"};

struct connection {
    int fd; /* -1 = free */
    size_t port;
    size_t length;
    char request[REQUEST];
    bool is_waiting; /* for nodes_release() */
};

static int listeners[PORTS];
static struct connection connections[CONNECTIONS];
static int wake_fd;
static pthread_t thread;
static atomic_bool is_ending;
static atomic_bool is_holding;
static atomic_bool is_sick[NODE_COUNT];
static atomic_size_t open_connections[PORTS];

static void drop(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    open_connections[connection->port]--;
}

static void answer(struct connection *connection, const char *status, const char *body)
{
    char text[256];
    int length = snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                          status, strlen(body), body);

    connection->length = 0;
    connection->is_waiting = false;
    if (send(connection->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        drop(connection);
}

static void handle_request(struct connection *connection)
{
    size_t node = connection->port;

    if (strncmp(connection->request, "GET /status ", 12) == 0)
        answer(connection, is_sick[node] ? "503 Service Unavailable" : "200 OK", "");
    else if (strncmp(connection->request, "GET /hold ", 10) == 0 && is_holding)
        connection->is_waiting = true;
    else
        answer(connection, "200 OK", names[node]);
}

static void receive(struct connection *connection)
{
    size_t room = sizeof(connection->request) - 1 - connection->length;
    ssize_t count = recv(connection->fd, connection->request + connection->length, room, 0);

    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0) {
        drop(connection);
        return;
    }
    if (connection->port >= NODE_COUNT)
        return; /* what an SSH client says is of no interest */
    connection->length += (size_t)count;
    connection->request[connection->length] = '\0';
    if (strstr(connection->request, "\r\n\r\n") != NULL)
        handle_request(connection);
}

static void greet(struct connection *connection)
{
    char text[32];
    int length =
        snprintf(text, sizeof(text), "SSH-2.0-%s\r\n", names[connection->port - NODE_COUNT]);

    if (is_sick[connection->port - NODE_COUNT] ||
        send(connection->fd, text, (size_t)length, MSG_NOSIGNAL) != length)
        drop(connection);
}

static void take_connection(size_t port)
{
    int fd = accept4(listeners[port], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++) {
        if (connections[i].fd >= 0)
            continue;
        connections[i] = (struct connection){.fd = fd, .port = port};
        open_connections[port]++;
        if (port >= NODE_COUNT)
            greet(&connections[i]);
        return;
    }
    if (fd >= 0)
        close(fd);
}

static void answer_waiting(void)
{
    uint64_t wakes;

    (void)!read(wake_fd, &wakes, sizeof(wakes));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (connections[i].fd >= 0 && connections[i].is_waiting && !is_holding)
            handle_request(&connections[i]);
    }
}

static void *serve(void *unused)
{
    struct pollfd fds[PORTS + CONNECTIONS + 1];
    const size_t count = sizeof(fds) / sizeof(fds[0]);

    (void)unused;
    while (!is_ending) {
        for (size_t i = 0; i < PORTS; i++)
            fds[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        for (size_t i = 0; i < CONNECTIONS; i++)
            fds[PORTS + i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
        fds[count - 1] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
        poll(fds, count, -1);
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if (fds[PORTS + i].fd >= 0 && fds[PORTS + i].revents)
                receive(&connections[i]);
        }
        for (size_t i = 0; i < PORTS; i++) {
            if (fds[i].revents)
                take_connection(i);
        }
        if (fds[count - 1].revents)
            answer_waiting();
    }
    return NULL;
}

static void wake(void)
{
    uint64_t one = 1;
    (void)!write(wake_fd, &one, sizeof(one));
}

void nodes_start(void)
{
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (size_t i = 0; i < PORTS; i++)
        listeners[i] = loopback_listen();
    for (size_t i = 0; i < CONNECTIONS; i++)
        connections[i].fd = -1;
    pthread_create(&thread, NULL, serve, NULL);
}

void nodes_stop(void)
{
    is_ending = true;
    wake();
    pthread_join(thread, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (connections[i].fd >= 0)
            drop(&connections[i]);
    }
    for (size_t i = 0; i < PORTS; i++)
        close(listeners[i]);
    close(wake_fd);
}

int node_http_port(size_t node)
{
    return loopback_port(listeners[node]);
}

int node_ssh_port(size_t node)
{
    return loopback_port(listeners[NODE_COUNT + node]);
}

const char *node_name(size_t node)
{
    return names[node];
}

size_t node_http_connections(size_t node)
{
    return open_connections[node];
}

void node_set_sick(size_t node, bool sick)
{
    is_sick[node] = sick;
}

void nodes_hold(void)
{
    is_holding = true;
}

void nodes_release(void)
{
    is_holding = false;
    wake();
}
