/* SPDX-License-Identifier: Apache-2.0 */
/* A listener whose clients ask once, are answered once, and are left. */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include "loop.h"

#include <sys/socket.h>

#define ANSWER_MOST (64 * 1024)

struct listener {
    struct watcher watcher;
    /* The answer to a question, which is text; its size, or 0 where it is not whole yet. */
    size_t (*answer)(const struct listener *listener, char *question, char answer[ANSWER_MOST]);
};

void listener_open(struct listener *listener, const struct sockaddr *address, socklen_t size);

#endif
