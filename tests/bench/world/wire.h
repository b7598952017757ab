/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to Redis in the loop: commands are pipelined, replies come in their order. A server
 * that refuses a command, or goes away, ends the program: nothing can be measured then.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include "buffer.h"
#include "loop.h"

#include <hiredis/hiredis.h>

struct wire {
    struct watcher watcher;
    redisReader *reader;
    struct buffer out; /* what the socket has not taken yet */
    void (*on_reply)(struct wire *wire, const redisReply *reply);
};

/* To the unix socket at `path`. */
void wire_open(struct wire *wire, const char *path,
               void (*on_reply)(struct wire *wire, const redisReply *reply));

/* A NULL-ended list of texts; sent with the next wire_flush(). */
void wire_add(struct wire *wire, ...) __attribute__((sentinel));
void wire_flush(struct wire *wire);

#endif
