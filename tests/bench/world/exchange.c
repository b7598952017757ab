/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUESTION_MOST 4096
#define BACKLOG       1024

struct client {
    struct watcher watcher;
    const struct listener *listener;
    size_t size;
    char question[QUESTION_MOST];
};

static void leave(struct client *client)
{
    loop_close(&client->watcher);
    free(client);
}

/* An answer fits into the socket's buffer, or its reader is ill. */
static void hear(struct watcher *watcher)
{
    struct client *client = (struct client *)watcher;
    static char answer[ANSWER_MOST];
    ssize_t got = read(watcher->fd, client->question + client->size,
                       sizeof(client->question) - 1 - client->size);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        leave(client);
        return;
    }
    client->size += (size_t)got;
    client->question[client->size] = '\0';
    size_t size = client->listener->answer(client->listener, client->question, answer);
    if (size == 0)
        return;
    if (write(watcher->fd, answer, size) != (ssize_t)size)
        fprintf(stderr, "an answer of %zu bytes was not taken\n", size);
    leave(client);
}

static void take_clients(struct watcher *watcher)
{
    for (;;) {
        int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        struct client *client = memory_zeroed(1, sizeof(*client));
        client->watcher = (struct watcher){.fd = fd, .ready = hear};
        client->listener = (const struct listener *)watcher;
        loop_watch(&client->watcher);
    }
}

void listener_open(struct listener *listener, const struct sockaddr *address, socklen_t size)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address, size) != 0 || listen(fd, BACKLOG) != 0) {
        perror("listen");
        exit(EXIT_FAILURE);
    }
    listener->watcher = (struct watcher){.fd = fd, .ready = take_clients};
    loop_watch(&listener->watcher);
}
