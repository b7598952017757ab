/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "check.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_BYTES   (1 << 20)
#define READ_BYTES  (64 * 1024)
#define WORDS_MOST  16
#define IDLE_READER 512 /* bytes that an idle reader keeps: there are 20,000 */

static void give_up(const char *what, const char *why)
{
    fprintf(stderr, "redis: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

void wire_flush(struct wire *wire)
{
    while (wire->out.length > 0) {
        ssize_t size = write(wire->watcher.fd, wire->out.data, wire->out.length);
        if (size < 0 && errno == EAGAIN)
            return; /* the loop tells when there is room */
        if (size < 0)
            give_up("write", "the connection is gone");
        buffer_consume(&wire->out, (size_t)size);
    }
}

static void take_replies(struct wire *wire)
{
    for (;;) {
        redisReply *reply = NULL;
        if (redisReaderGetReply(wire->reader, (void **)&reply) != REDIS_OK)
            give_up("read", wire->reader->errstr);
        if (reply == NULL)
            return;
        if (reply->type == REDIS_REPLY_ERROR && !text_starts_with(reply->str, "BUSYGROUP"))
            give_up("refused", reply->str);
        wire->on_reply(wire, reply);
        freeReplyObject(reply);
    }
}

static void ready(struct watcher *watcher)
{
    struct wire *wire = (struct wire *)watcher;
    static char bytes[READ_BYTES];
    wire_flush(wire);
    for (;;) {
        ssize_t size = read(watcher->fd, bytes, sizeof(bytes));
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0)
            give_up("read", "the connection is gone");
        redisReaderFeed(wire->reader, bytes, (size_t)size);
        take_replies(wire);
    }
}

void wire_open(struct wire *wire, const char *path,
               void (*on_reply)(struct wire *wire, const redisReply *reply))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(TEXT_COPY(address.sun_path, path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        give_up("connect", "no more connections? see ulimit -n and maxclients");
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    wire->watcher = (struct watcher){.fd = fd, .ready = ready};
    wire->reader = redisReaderCreate();
    wire->reader->maxbuf = IDLE_READER;
    wire->on_reply = on_reply;
    buffer_init(&wire->out, OUT_BYTES);
    loop_watch(&wire->watcher);
}

void wire_add(struct wire *wire, ...)
{
    const char *words[WORDS_MOST];
    char *formatted;
    int count = 0;
    va_list rest;
    va_start(rest, wire);
    for (const char *word = va_arg(rest, const char *); word != NULL;
         word = va_arg(rest, const char *)) {
        CHECK(count < WORDS_MOST);
        words[count++] = word;
    }
    va_end(rest);
    int size = redisFormatCommandArgv(&formatted, count, words, NULL);
    CHECK(size > 0 && buffer_add(&wire->out, formatted, (size_t)size));
    redisFreeCommand(formatted);
}
