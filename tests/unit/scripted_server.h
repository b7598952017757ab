/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in a thread that plays a script over loopback TCP, for tests of clients: each row waits
 * for a text from the client, sends an answer, and then keeps, closes, resets or holds the
 * connection. Well-behaved or hostile is a matter of the script.
 *
 *   static const struct scripted_row rows[] = {{.send = "HTTP/1.1 204 No Content\r\n\r\n"}};
 *   scripted_server_start(&server, rows, 1);
 *   … a client of http://127.0.0.1:<server.port>/ …
 *   scripted_server_stop(&server);
 *
 * After the stop, `connections` and `received` tell what the client did.
 */
#ifndef SHUNT_SCRIPTED_SERVER_H
#define SHUNT_SCRIPTED_SERVER_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum scripted_end {
    SCRIPTED_CLOSE, /* the end of the answer is the end of the connection */
    SCRIPTED_KEEP,  /* the next row goes on with the same connection, if the client does */
    SCRIPTED_HOLD,  /* nothing more, until the client closes or the server is stopped */
    SCRIPTED_RESET, /* RST instead of FIN */
};

struct scripted_row {
    const char *await;   /* answer when this has come; NULL = the end of HTTP headers */
    const char *send;    /* NULL = nothing */
    size_t send_size;    /* 0 = strlen(send) */
    size_t filler_bytes; /* so many 'x' behind it */
    enum scripted_end end;
};

#define SCRIPTED_RECEIVED_BYTES (256 * 1024) /* the rest is read and forgotten */
#define SCRIPTED_WAIT_MS        20000        /* longer than any client under test waits */

struct scripted_server {
    int port;
    size_t connections;
    size_t rows_played;
    char received[SCRIPTED_RECEIVED_BYTES]; /* all that the client sent, NUL-ended */
    size_t received_size;

    const struct scripted_row *rows;
    size_t row_count;
    int listener, connection, stop_event;
    size_t row_begin; /* in `received`: what came before belongs to earlier rows */
    pthread_t thread;
};

/* True when fd is ready; false when the server shall stop. */
static inline bool scripted_wait(struct scripted_server *server, int fd, short events)
{
    struct pollfd fds[] = {{.fd = fd, .events = events},
                           {.fd = server->stop_event, .events = POLLIN}};
    return poll(fds, 2, SCRIPTED_WAIT_MS) > 0 && fds[1].revents == 0;
}

static inline void scripted_hang_up(struct scripted_server *server, bool is_reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (server->connection < 0)
        return;
    if (is_reset)
        setsockopt(server->connection, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(server->connection);
    server->connection = -1;
}

static inline bool scripted_accept(struct scripted_server *server)
{
    if (server->connection >= 0)
        return true;
    if (!scripted_wait(server, server->listener, POLLIN))
        return false;
    server->connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (server->connection < 0)
        return false;
    server->connections++;
    server->row_begin = server->received_size;
    return true;
}

/* Reads some bytes; 0 at the end of the connection, -1 when the server shall stop. */
static inline int scripted_receive(struct scripted_server *server)
{
    char bytes[16 * 1024];
    if (!scripted_wait(server, server->connection, POLLIN))
        return -1;
    ssize_t count = recv(server->connection, bytes, sizeof(bytes), 0);
    if (count <= 0)
        return 0;
    size_t room = sizeof(server->received) - 1 - server->received_size;
    size_t kept = (size_t)count < room ? (size_t)count : room;
    memcpy(server->received + server->received_size, bytes, kept);
    server->received_size += kept;
    server->received[server->received_size] = '\0';
    return 1;
}

/* Until the awaited text has come, on a new connection where the client closes the kept one. */
static inline bool scripted_await(struct scripted_server *server, const char *text)
{
    while (scripted_accept(server)) {
        if (strstr(server->received + server->row_begin, text)) {
            server->row_begin = server->received_size;
            return true;
        }
        int result = scripted_receive(server);
        if (result < 0)
            return false;
        if (result == 0)
            scripted_hang_up(server, false);
    }
    return false;
}

/* False when the client does not want to hear more. */
static inline bool scripted_send(struct scripted_server *server, const char *bytes, size_t size)
{
    while (size > 0) {
        if (!scripted_wait(server, server->connection, POLLOUT))
            return false;
        ssize_t count = send(server->connection, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static inline void scripted_send_answer(struct scripted_server *server,
                                        const struct scripted_row *row)
{
    char filler[16 * 1024];
    size_t left = row->filler_bytes;
    bool is_wanted = true;
    memset(filler, 'x', sizeof(filler));
    if (row->send)
        is_wanted = scripted_send(server, row->send,
                                  row->send_size > 0 ? row->send_size : strlen(row->send));
    while (is_wanted && left > 0) {
        size_t size = left < sizeof(filler) ? left : sizeof(filler);
        is_wanted = scripted_send(server, filler, size);
        left -= size;
    }
}

static inline void *scripted_play(void *context)
{
    struct scripted_server *server = context;
    for (size_t i = 0; i < server->row_count; i++) {
        const struct scripted_row *row = &server->rows[i];
        if (!scripted_await(server, row->await ? row->await : "\r\n\r\n"))
            break;
        scripted_send_answer(server, row);
        server->rows_played++;
        if (row->end == SCRIPTED_HOLD)
            while (scripted_receive(server) > 0)
                continue;
        if (row->end != SCRIPTED_KEEP)
            scripted_hang_up(server, row->end == SCRIPTED_RESET);
    }
    return NULL;
}

static inline void scripted_server_start(struct scripted_server *server,
                                         const struct scripted_row *rows, size_t row_count)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    memset(server, 0, sizeof(*server));
    server->rows = rows;
    server->row_count = row_count;
    server->connection = -1;
    server->stop_event = eventfd(0, EFD_CLOEXEC);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(server->stop_event >= 0 && server->listener >= 0);
    CHECK(bind(server->listener, (const struct sockaddr *)&address, size) == 0);
    CHECK(listen(server->listener, 16) == 0);
    CHECK(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    server->port = ntohs(address.sin_port);
    CHECK(pthread_create(&server->thread, NULL, scripted_play, server) == 0);
}

static inline void scripted_server_stop(struct scripted_server *server)
{
    CHECK(eventfd_write(server->stop_event, 1) == 0);
    pthread_join(server->thread, NULL);
    scripted_hang_up(server, false);
    close(server->listener);
    close(server->stop_event);
}

#endif
