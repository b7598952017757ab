/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "buffer.h"
#include "check.h"
#include "clock.h"
#include "file.h"
#include "memory.h"
#include "redis_reply.h"
#include "redis_sentinel.h"
#include "stream_socket.h"
#include "text.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES          (16 * 1024) /* one TLS record */
#define ARGUMENTS_MOST      4096 /* of one command: our longest names each node of a cluster */
#define REQUESTS_BYTES      (1u << 30) /* of many at once: far more than all our messages are */
#define SECRET_BYTES        4096       /* what file_read_secret() reads at most */
#define REDIS_ADDRESS_BYTES 400        /* of write_server() */

struct redis {
    struct redis_address address;
    struct redis_host server; /* of the address, or what the sentinels said */
    struct redis_watch watch; /* of the sentinels */
    struct stream_socket stream;
    struct reply_reader reader; /* initialised while connected */
    size_t awaited;             /* replies of redis_send() not yet received */
    unsigned connections;
    int64_t connected_ms; /* monotonic */
};

struct redis *redis_new(const struct redis_address *address)
{
    struct redis *redis = memory_zeroed(1, sizeof(*redis));
    redis->address = *address;
    redis->server.port = address->port;
    TEXT_COPY(redis->server.host, address->host);
    stream_socket_init(&redis->stream);
    return redis;
}

void redis_free(struct redis *redis)
{
    if (!redis)
        return;
    redis_disconnect(redis);
    redis_watch_done(&redis->watch);
    free(redis);
}

bool redis_is_connected(const struct redis *redis)
{
    return redis->stream.fd >= 0;
}

int redis_fd(const struct redis *redis)
{
    return redis->stream.fd;
}

void redis_wait(struct redis *const *connections, size_t count, struct deadline deadline,
                bool *ret_is_ready)
{
    struct pollfd ready[REDIS_WAIT_MOST];
    CHECK(count <= REDIS_WAIT_MOST);
    for (size_t i = 0; i < count; i++)
        ready[i] = (struct pollfd){.fd = connections[i]->stream.fd, .events = POLLIN};
    int found = poll(ready, count, deadline_poll_ms(deadline));
    for (size_t i = 0; i < count; i++)
        ret_is_ready[i] = found > 0 && ready[i].revents != 0;
}

unsigned redis_connections(const struct redis *redis)
{
    return redis->connections;
}

int64_t redis_connected_ms(const struct redis *redis)
{
    return redis->connected_ms;
}

void redis_disconnect(struct redis *redis)
{
    stream_socket_close(&redis->stream);
    reply_reader_done(&redis->reader);
    redis->awaited = 0;
}

void redis_reply_cleanup(redisReply **reply)
{
    if (*reply)
        freeReplyObject(*reply);
    *reply = NULL;
}

/* The address; with the server that we are at, where sentinels choose it. */
static void write_server(const struct redis *redis, char text[REDIS_ADDRESS_BYTES])
{
    redis_address_write(&redis->address, text, REDIS_ADDRESS_BYTES);
    if (redis->address.sentinels.count == 0 || redis->server.port == 0)
        return;
    size_t used = strlen(text);
    used += (size_t)snprintf(text + used, REDIS_ADDRESS_BYTES - used, " at ");
    redis_host_write(&redis->server, text + used, REDIS_ADDRESS_BYTES - used);
}

/* After an error of transport or protocol nobody knows which reply would come next. */
static bool close_on_failure(struct redis *redis, bool is_good, struct error *err)
{
    char server[REDIS_ADDRESS_BYTES];
    if (is_good)
        return true;
    redis_disconnect(redis);
    write_server(redis, server);
    error_wrap(err, "redis %s", server);
    return false;
}

static bool expect_connection(const struct redis *redis, struct error *err)
{
    if (redis_is_connected(redis))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "redis: not connected");
    return false;
}

/* Freed by redisFreeCommand(). */
static char *format_command(size_t count, const char *const *argv, const size_t *lengths,
                            size_t *ret_size)
{
    char *bytes = NULL;
    CHECK(count > 0 && count <= ARGUMENTS_MOST);
    FREE_CLEANUP const char **arguments = memory_zeroed(count, sizeof(*arguments));
    memcpy(arguments, argv, count * sizeof(*arguments));
    long long size = redisFormatCommandArgv(&bytes, (int)count, arguments, lengths);
    CHECK(size > 0);
    *ret_size = (size_t)size;
    return bytes;
}

static bool send_command(struct redis *redis, struct deadline deadline, size_t count,
                         const char *const *argv, const size_t *lengths, struct error *err)
{
    size_t size;
    char *bytes = format_command(count, argv, lengths, &size);
    bool is_sent = stream_socket_write(&redis->stream, bytes, size, deadline, err);
    redisFreeCommand(bytes);
    return is_sent;
}

static bool send_all(struct redis *redis, struct deadline deadline,
                     const struct redis_request *requests, size_t count, struct error *err)
{
    BUFFER_CLEANUP struct buffer all;
    buffer_init(&all, REQUESTS_BYTES);
    for (size_t i = 0; i < count; i++) {
        size_t size;
        char *bytes = format_command(requests[i].count, requests[i].argv, NULL, &size);
        bool has_room = buffer_add(&all, bytes, size);
        redisFreeCommand(bytes);
        CHECK(has_room);
    }
    return stream_socket_write(&redis->stream, all.data, all.length, deadline, err);
}

/* Reads what is there, waiting for some until the deadline, and gives it to the reader. */
static bool feed_reader(struct redis *redis, struct deadline deadline, struct error *err)
{
    char bytes[READ_BYTES];
    size_t size;
    if (!stream_socket_read(&redis->stream, bytes, sizeof(bytes), deadline, &size, err))
        return false;
    if (size > 0)
        return reply_reader_feed(&redis->reader, bytes, size, err);
    error_set(err, ERROR_UNAVAILABLE, "the server has closed the connection");
    return false;
}

/* A master that has become a replica goes on answering, and a caller that is still connected would
 * never ask for another. Without sentinels nobody could name another one. */
static void leave_replica(struct redis *redis, const redisReply *reply)
{
    if (redis->address.sentinels.count > 0 && redis_reply_is_of_replica(reply))
        redis_disconnect(redis);
}

static bool receive(struct redis *redis, struct deadline deadline, redisReply **ret_reply,
                    struct error *err)
{
    redisReply *reply = NULL;
    while (reply_reader_take(&redis->reader, &reply, err)) {
        if (reply) {
            leave_replica(redis, reply);
            *ret_reply = reply;
            return true;
        }
        if (!feed_reader(redis, deadline, err))
            return false;
    }
    return false;
}

bool redis_exchange(struct redis *redis, struct deadline deadline, size_t count,
                    const char *const *argv, const size_t *lengths, redisReply **ret_reply,
                    struct error *err)
{
    CHECK(redis->awaited == 0);
    if (!expect_connection(redis, err))
        return false;
    return close_on_failure(redis,
                            send_command(redis, deadline, count, argv, lengths, err) &&
                                receive(redis, deadline, ret_reply, err),
                            err);
}

/* Gives the reply to the caller, or its error. */
static bool settle_reply(redisReply *reply, redisReply **ret_reply, struct error *err)
{
    if (!redis_reply_check(reply, err)) {
        freeReplyObject(reply);
        return false;
    }
    *ret_reply = reply;
    return true;
}

bool redis_call(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, const size_t *lengths, redisReply **ret_reply,
                struct error *err)
{
    redisReply *reply = NULL;
    if (!redis_exchange(redis, deadline, count, argv, lengths, &reply, err))
        return false;
    if (settle_reply(reply, ret_reply, err))
        return true;
    error_wrap(err, "redis %s", argv[0]);
    return false;
}

void redis_call_all(struct redis *redis, struct deadline deadline, struct redis_request *requests,
                    size_t count)
{
    struct error reason;
    CHECK(redis->awaited == 0 && count <= REDIS_REQUESTS_MOST);
    bool is_good =
        count > 0 && expect_connection(redis, &reason) &&
        close_on_failure(redis, send_all(redis, deadline, requests, count, &reason), &reason);
    for (size_t i = 0; i < count; i++) {
        struct redis_request *request = &requests[i];
        redisReply *reply = NULL;
        request->reply = NULL;
        is_good = is_good && expect_connection(redis, &reason) && /* a replica may have been left */
                  close_on_failure(redis, receive(redis, deadline, &reply, &reason), &reason);
        if (!is_good)
            request->err = reason;
        else if (!settle_reply(reply, &request->reply, &request->err))
            error_wrap(&request->err, "redis %s", request->argv[0]);
    }
}

bool redis_command(struct redis *redis, struct deadline deadline, redisReply **ret_reply,
                   struct error *err, ...)
{
    const char *argv[64];
    size_t count = 0;
    va_list arguments;
    va_start(arguments, err);
    for (const char *text; (text = va_arg(arguments, const char *));) {
        CHECK(count < sizeof(argv) / sizeof(argv[0]));
        argv[count++] = text;
    }
    va_end(arguments);
    return redis_call(redis, deadline, count, argv, NULL, ret_reply, err);
}

bool redis_send(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, struct error *err)
{
    if (!expect_connection(redis, err) ||
        !close_on_failure(redis, send_command(redis, deadline, count, argv, NULL, err), err))
        return false;
    redis->awaited++;
    return true;
}

bool redis_receive_nowait(struct redis *redis, redisReply **ret_reply, struct error *err)
{
    struct deadline at_once = deadline_after_ms(0);
    struct error reason;
    redisReply *reply = NULL;
    if (!expect_connection(redis, err))
        return false;
    if (!receive(redis, at_once, &reply, &reason)) {
        if (reason.code != ERROR_TIMEOUT) {
            *err = reason;
            return close_on_failure(redis, false, err);
        }
        *ret_reply = NULL;
        return true;
    }
    if (redis->awaited > 0)
        redis->awaited--;
    return settle_reply(reply, ret_reply, err);
}

static bool authenticate(struct redis *redis, struct deadline deadline, struct error *err)
{
    BUFFER_CLEANUP struct buffer password;
    REPLY_CLEANUP redisReply *reply = NULL;
    buffer_init(&password, SECRET_BYTES);
    if (redis->address.password_file[0] == '\0')
        return true;
    if (!file_read_secret(redis->address.password_file, &password, err))
        return false;
    const char *argv[3] = {"AUTH"};
    size_t count = 1;
    if (redis->address.user[0] != '\0')
        argv[count++] = redis->address.user;
    argv[count++] = buffer_text(&password);
    bool is_good = redis_call(redis, deadline, count, argv, NULL, &reply, err);
    explicit_bzero(password.data, password.capacity);
    return is_good;
}

static bool select_database(struct redis *redis, struct deadline deadline, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char number[16];
    if (redis->address.database == 0)
        return true;
    snprintf(number, sizeof(number), "%d", redis->address.database);
    return redis_command(redis, deadline, &reply, err, "SELECT", number, (char *)NULL);
}

static bool open_stream(struct redis *redis, struct deadline deadline, struct error *err)
{
    const struct redis_address *address = &redis->address;
    const struct redis_host *server = &redis->server;
    const struct stream_tls_files files = {
        .authorities = address->ca_file,
        .certificate = address->cert_file,
        .key = address->key_file,
    };
    if (server->host[0] == '\0')
        return stream_socket_connect_unix(&redis->stream, address->socket_path, deadline, err);
    return stream_socket_connect_tcp(&redis->stream, server->host, server->port, deadline, err) &&
           (!address->is_tls ||
            stream_socket_start_tls(&redis->stream, server->host, &files, deadline, err));
}

static bool open_server(struct redis *redis, struct deadline deadline, struct error *err)
{
    if (!close_on_failure(redis, open_stream(redis, deadline, err), err))
        return false;
    reply_reader_init(&redis->reader);
    if (authenticate(redis, deadline, err) && select_database(redis, deadline, err))
        return true;
    redis_disconnect(redis);
    return false;
}

/* The sentinels may be late: the server itself says whether it is the master. */
static bool check_master(struct redis *redis, struct deadline deadline, struct error *err)
{
    REPLY_CLEANUP redisReply *role = NULL;
    if (redis_command(redis, deadline, &role, err, "ROLE", (char *)NULL))
        return close_on_failure(redis, redis_sentinel_check_role(role, err), err);
    redis_disconnect(redis);
    if (err->code == ERROR_DENIED)
        error_hint(err, "with sentinels the ACL user needs +role");
    return false;
}

static bool connect_master(struct redis *redis, struct deadline deadline, struct error *err)
{
    redis->server.port = 0;
    if (!close_on_failure(
            redis, redis_watch_find(&redis->watch, &redis->address, deadline, &redis->server, err),
            err))
        return false;
    if (open_server(redis, deadline, err) && check_master(redis, deadline, err)) {
        redis_watch_accept(&redis->watch, &redis->server);
        return true;
    }
    redis_watch_reject(&redis->watch);
    return false;
}

bool redis_connect(struct redis *redis, struct deadline deadline, struct error *err)
{
    bool has_sentinels = redis->address.sentinels.count > 0;
    if (redis_is_connected(redis)) {
        if (!has_sentinels || redis->awaited > 0 ||
            !redis_watch_is_overtaken(&redis->watch, &redis->address))
            return true;
        redis_disconnect(redis);
    }
    if (has_sentinels ? !connect_master(redis, deadline, err) : !open_server(redis, deadline, err))
        return false;
    redis->connections++;
    redis->connected_ms = clock_monotonic_ms();
    return true;
}

bool redis_connect_both(struct redis *one, struct redis *other, struct deadline deadline,
                        struct error *err)
{
    char servers[2][REDIS_ADDRESS_BYTES];
    if (!redis_connect(one, deadline, err) || !redis_connect(other, deadline, err))
        return false;
    if (redis_host_is_same(&one->server, &other->server))
        return true;
    write_server(one, servers[0]);
    write_server(other, servers[1]);
    error_set(err, ERROR_UNAVAILABLE, "redis %s, but also %s: a failover is under way", servers[0],
              servers[1]);
    redis_disconnect(one);
    redis_disconnect(other);
    return false;
}
