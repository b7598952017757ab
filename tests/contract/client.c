/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "check.h"
#include "loopback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 4096

int client_begin(int port, const char *path, const char *cookie)
{
    char request[512];
    int fd = loopback_connect(port);
    int length =
        snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bitbucket\r\n%s%s\r\n\r\n",
                 path, cookie != NULL ? "Cookie: " : "X-No: cookie", cookie != NULL ? cookie : "");

    CHECK(send(fd, request, (size_t)length, MSG_NOSIGNAL) == length);
    return fd;
}

/* Whether the text is a complete answer, so that the client may hang up. */
static bool is_complete(const char *text, size_t length)
{
    const char *body = strstr(text, "\r\n\r\n");
    const char *field = strcasestr(text, "\r\ncontent-length:");

    if (body == NULL || field == NULL || field > body)
        return false;
    long body_size = strtol(strchr(field + 2, ':') + 1, NULL, 10);
    return length >= (size_t)(body + 4 - text) + (size_t)body_size;
}

static void receive_answer(int fd, char text[ANSWER_SIZE])
{
    size_t length = 0;

    text[0] = '\0';
    while (length + 1 < ANSWER_SIZE && !is_complete(text, length)) {
        ssize_t count = recv(fd, text + length, ANSWER_SIZE - 1 - length, 0);
        if (count <= 0)
            break;
        length += (size_t)count;
        text[length] = '\0';
    }
}

struct client_answer client_finish(int fd)
{
    struct client_answer answer = {0};
    char text[ANSWER_SIZE];

    receive_answer(fd, text);
    close(fd);
    const char *body = strstr(text, "\r\n\r\n");
    const char *cookie = strcasestr(text, "\r\nset-cookie: ");
    if (body == NULL || sscanf(text, "HTTP/1.1 %d", &answer.status) != 1)
        return (struct client_answer){0};
    snprintf(answer.node, sizeof(answer.node), "%s", body + 4);
    if (cookie != NULL && cookie < body)
        sscanf(cookie + strlen("\r\nset-cookie: "), "%127[^;\r]", answer.cookie);
    return answer;
}

struct client_answer client_get(int port, const char *path, const char *cookie)
{
    return client_finish(client_begin(port, path, cookie));
}

int client_open_ssh(int port, char node[32])
{
    static const char greeting[] = "SSH-2.0-";
    char text[64] = "";
    int fd = loopback_connect(port);

    node[0] = '\0';
    if (recv(fd, text, sizeof(text) - 1, 0) > 0 && strncmp(text, greeting, strlen(greeting)) == 0)
        sscanf(text + strlen(greeting), "%31[^\r]", node);
    return fd;
}

bool client_sees_end(int fd)
{
    char byte;
    ssize_t count = recv(fd, &byte, 1, 0);
    return count == 0 || (count < 0 && errno == ECONNRESET);
}
