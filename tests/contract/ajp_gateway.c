/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet is two bytes of magic, its length and its payload, whose first byte says what it is;
 * numbers are big-endian, a string is its length, its bytes and a NUL. Source: the AJP protocol
 * reference of the Tomcat connectors.
 */
#include "ajp_gateway.h"

#include "check.h"
#include "client.h"
#include "loopback.h"
#include "nodes.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS  256
#define PACKET_BYTES 8192
#define TEXT_SIZE    256

enum { CODE_FORWARD = 2, CODE_BODY = 3, CODE_HEADERS = 4, CODE_END = 5, CODE_PONG = 9 };
enum { CODE_PING = 10, HEADER_COOKIE = 0xa009 };

struct connection {
    int fd;
    size_t node;
    pthread_t thread;
};

static int listeners[NODE_COUNT];
static struct connection connections[CONNECTIONS];
static size_t connection_count; /* ever taken */
static int end_fd;              /* readable once all shall end */
static pthread_t acceptor;

/* A packet that is being read or written. */
struct packet {
    uint8_t bytes[PACKET_BYTES];
    size_t size, at;
    bool is_bad; /* it ended before what was to be read */
};

static unsigned take_number(struct packet *packet, size_t size)
{
    unsigned number = 0;
    packet->is_bad = packet->is_bad || packet->size - packet->at < size;
    for (size_t i = 0; !packet->is_bad && i < size; i++)
        number = number << 8 | packet->bytes[packet->at++];
    return number;
}

/* The length 0xffff means that there is no string. */
static void take_string(struct packet *packet, size_t length, char text[TEXT_SIZE])
{
    text[0] = '\0';
    if (length == 0xffff)
        return;
    packet->is_bad = packet->is_bad || packet->size - packet->at < length + 1;
    if (packet->is_bad)
        return;
    snprintf(text, TEXT_SIZE, "%.*s", (int)length, (const char *)packet->bytes + packet->at);
    packet->at += length + 1;
}

static void take_text(struct packet *packet, char text[TEXT_SIZE])
{
    take_string(packet, take_number(packet, 2), text);
}

/* Frequent headers are a number from 0xa000 on in the place of their name's length. */
static bool take_has_cookie(struct packet *packet)
{
    char text[TEXT_SIZE];
    bool has_cookie = false;
    unsigned count = take_number(packet, 2);

    for (unsigned i = 0; i < count && !packet->is_bad; i++) {
        unsigned name = take_number(packet, 2);
        has_cookie |= name == HEADER_COOKIE;
        if (name < 0xa000)
            take_string(packet, name, text);
        take_text(packet, text);
    }
    return has_cookie;
}

static void add_number(struct packet *packet, size_t size, unsigned number)
{
    CHECK(packet->size + size <= PACKET_BYTES);
    for (size_t i = size; i > 0; i--)
        packet->bytes[packet->size++] = (uint8_t)(number >> (8 * (i - 1)));
}

static void add_text(struct packet *packet, const char *text)
{
    size_t length = strlen(text);

    add_number(packet, 2, (unsigned)length);
    CHECK(packet->size + length + 1 <= PACKET_BYTES);
    memcpy(packet->bytes + packet->size, text, length + 1);
    packet->size += length + 1;
}

static void begin(struct packet *packet, unsigned code)
{
    *packet = (struct packet){.size = 0};
    memcpy(packet->bytes, "AB", 2);
    packet->size = 4;
    add_number(packet, 1, code);
}

static bool send_packet(int fd, struct packet *packet)
{
    size_t length = packet->size - 4;
    packet->bytes[2] = (uint8_t)(length >> 8);
    packet->bytes[3] = (uint8_t)length;
    return send(fd, packet->bytes, packet->size, MSG_NOSIGNAL) == (ssize_t)packet->size;
}

static bool send_answer(int fd, const struct client_answer *answer, const char *session)
{
    struct packet packet;
    char length[16];

    snprintf(length, sizeof(length), "%zu", strlen(answer->node));
    begin(&packet, CODE_HEADERS);
    add_number(&packet, 2, (unsigned)answer->status);
    add_text(&packet, "as the node says");
    add_number(&packet, 2, session != NULL ? 2 : 1);
    add_text(&packet, "Content-Length");
    add_text(&packet, length);
    if (session != NULL) {
        add_text(&packet, "Set-Cookie");
        add_text(&packet, session);
    }
    if (!send_packet(fd, &packet))
        return false;
    begin(&packet, CODE_BODY);
    add_text(&packet, answer->node);
    if (answer->node[0] != '\0' && !send_packet(fd, &packet))
        return false;
    begin(&packet, CODE_END);
    add_number(&packet, 1, 1); /* the connection may be used again */
    return send_packet(fd, &packet);
}

/* Method, protocol, path, remote address and name, server name and port, TLS, headers. */
static bool pass_on(const struct connection *connection, struct packet *packet)
{
    char path[TEXT_SIZE], text[TEXT_SIZE], session[TEXT_SIZE];

    take_number(packet, 1);
    take_text(packet, text);
    take_text(packet, path);
    for (int i = 0; i < 3; i++)
        take_text(packet, text);
    take_number(packet, 2);
    take_number(packet, 1);
    bool has_cookie = take_has_cookie(packet);
    if (packet->is_bad)
        return false;
    struct client_answer answer = client_get(node_http_port(connection->node), path, NULL);
    snprintf(session, sizeof(session), "JSESSIONID=s.%s; Path=/", node_name(connection->node));
    return answer.status != 0 && send_answer(connection->fd, &answer, has_cookie ? NULL : session);
}

static bool receive(int fd, void *bytes, size_t size)
{
    return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static bool receive_packet(int fd, struct packet *packet)
{
    uint8_t head[4];

    *packet = (struct packet){.size = 0};
    if (!receive(fd, head, sizeof(head)) || head[0] != 0x12 || head[1] != 0x34)
        return false;
    packet->size = (size_t)head[2] << 8 | head[3];
    return packet->size > 0 && packet->size <= sizeof(packet->bytes) &&
           receive(fd, packet->bytes, packet->size);
}

static void *serve(void *context)
{
    const struct connection *connection = context;
    struct packet packet;
    bool goes_on = true;

    while (goes_on && receive_packet(connection->fd, &packet)) {
        unsigned code = take_number(&packet, 1);
        if (code == CODE_PING) {
            begin(&packet, CODE_PONG);
            goes_on = send_packet(connection->fd, &packet);
        } else {
            goes_on = code == CODE_FORWARD && pass_on(connection, &packet);
        }
    }
    shutdown(connection->fd, SHUT_RDWR);
    return NULL;
}

static void take_connection(size_t node)
{
    struct connection *connection = &connections[connection_count];
    int fd = accept4(listeners[node], NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    CHECK(connection_count < CONNECTIONS);
    connection_count++;
    *connection = (struct connection){.fd = fd, .node = node};
    CHECK(pthread_create(&connection->thread, NULL, serve, connection) == 0);
}

static void *take_connections(void *unused)
{
    struct pollfd fds[NODE_COUNT + 1] = {{.fd = end_fd, .events = POLLIN}};

    (void)unused;
    for (size_t i = 0; i < NODE_COUNT; i++)
        fds[i + 1] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
    while (poll(fds, NODE_COUNT + 1, -1) > 0 && fds[0].revents == 0)
        for (size_t i = 0; i < NODE_COUNT; i++)
            if (fds[i + 1].revents != 0)
                take_connection(i);
    return NULL;
}

void ajp_gateway_start(void)
{
    end_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(end_fd >= 0);
    connection_count = 0;
    for (size_t i = 0; i < NODE_COUNT; i++)
        listeners[i] = loopback_listen();
    CHECK(pthread_create(&acceptor, NULL, take_connections, NULL) == 0);
}

void ajp_gateway_stop(void)
{
    CHECK(eventfd_write(end_fd, 1) == 0);
    pthread_join(acceptor, NULL);
    for (size_t i = 0; i < connection_count; i++) {
        shutdown(connections[i].fd, SHUT_RDWR);
        pthread_join(connections[i].thread, NULL);
        close(connections[i].fd);
    }
    for (size_t i = 0; i < NODE_COUNT; i++)
        close(listeners[i]);
    close(end_fd);
}

int ajp_gateway_port(size_t node)
{
    return loopback_port(listeners[node]);
}
