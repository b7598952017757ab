/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to Redis: hiredis's formatter and reader over our own socket (TCP, unix, TLS),
 * which behaves the same with hiredis 0.14 and 1.x. Blocking with deadlines; one thread at a time.
 *
 * After a transport error the connection is closed and every call fails with ERROR_UNAVAILABLE
 * until redis_connect() succeeds again: a caller that repeats a write must make it idempotent.
 */
#ifndef SHUNT_REDIS_H
#define SHUNT_REDIS_H

#include "clock.h"
#include "error.h"
#include "limit.h"

#include <hiredis/hiredis.h>

struct redis_host {
    char host[256];
    int port;
};

#define REDIS_DATABASE_MOST 65535
#define REDIS_SENTINELS     8 /* three or five is what people run */

/* Who is asked where the master is (Redis Sentinel). */
struct redis_sentinels {
    struct redis_host hosts[REDIS_SENTINELS];
    size_t count;                   /* 0: the address says itself where the server is */
    char master[LIMIT_NAME];        /* its name in the sentinels' configuration */
    char user[LIMIT_NAME];          /* of the sentinels themselves, as below */
    char password_file[LIMIT_PATH]; /* empty = they want none */
};

/* Where and as whom; plain data. */
struct redis_address {
    struct redis_sentinels sentinels;
    char host[256];        /* empty: use socket_path, or ask the sentinels */
    char socket_path[108]; /* sun_path */
    int port;
    int database;
    char user[LIMIT_NAME];          /* ACL user; empty = default user */
    char password_file[LIMIT_PATH]; /* read at each connect; empty = no AUTH */
    bool is_tls;                    /* to the sentinels as well */
    char ca_file[LIMIT_PATH];       /* TLS: empty = the system's */
    char cert_file[LIMIT_PATH];     /* TLS client certificate; empty = none */
    char key_file[LIMIT_PATH];
};

/* Parses redis://HOST[:PORT][/DB], rediss://… or unix:///PATH; passwords in URLs are refused. */
bool redis_address_parse(const char *url, struct redis_address *ret_address, struct error *err);
/* "unix:/run/x.sock", "host:6379" or "sentinel mymaster", for messages; at most size bytes. */
void redis_address_write(const struct redis_address *address, char *text, size_t size);
void redis_host_write(const struct redis_host *host, char *text, size_t size);
bool redis_host_is_same(const struct redis_host *a, const struct redis_host *b);

#define REDIS_REPLY_BYTES    (32u << 20) /* 500 entries of LIMIT_MESSAGE_BYTES fit */
#define REDIS_REPLY_ELEMENTS (1u << 18)  /* 30,000 stream entries of 8 elements fit */

struct redis;

struct redis *redis_new(const struct redis_address *address); /* not connected */
void redis_free(struct redis *redis);

/* Connects, AUTHs, SELECTs. Fine to call when connected (does nothing). Where there are sentinels,
 * they are asked first, and the server must say itself that it is the master (ERROR_UNAVAILABLE if
 * not). It is left when it answers as a replica, or when a sentinel names another: that is looked
 * at where this is called while connected, at most twice a second. */
bool redis_connect(struct redis *redis, struct deadline deadline, struct error *err);
/* Two connections to one server: what one reads, the other acknowledges there. ERROR_UNAVAILABLE,
 * and neither is connected, where sentinels have led them to different masters. */
bool redis_connect_both(struct redis *one, struct redis *other, struct deadline deadline,
                        struct error *err);
/* How often redis_connect() has made a connection. Behind a new one may be another server, or one
 * that has been restarted: what the old one took last may be lost. */
unsigned redis_connections(const struct redis *redis);
/* Monotonic: when the last one was made; 0 = none yet. */
int64_t redis_connected_ms(const struct redis *redis);
void redis_disconnect(struct redis *redis);
bool redis_is_connected(const struct redis *redis);

/* One command, binary-safe: argv and lengths (NULL: strlen of each). The reply is the caller's
 * (freeReplyObject). An error reply of the server gives false: ERROR_DENIED for NOAUTH, NOPERM and
 * WRONGPASS, ERROR_UNAVAILABLE for LOADING, BUSY, READONLY, CLUSTERDOWN, MASTERDOWN,
 * ERROR_NOT_FOUND for NOGROUP and NOSCRIPT, ERROR_PROTOCOL otherwise, with the server's text. (The
 * whole table, with a few more such codes, is in redis_reply.c.) A reply larger than
 * REDIS_REPLY_BYTES, or with more than REDIS_REPLY_ELEMENTS, is ERROR_PROTOCOL and closes the
 * connection. Not to be called while the reply to a redis_send() is awaited. */
bool redis_call(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, const size_t *lengths, redisReply **ret_reply,
                struct error *err);

/* The same with a NULL-ended list of texts. */
bool redis_command(struct redis *redis, struct deadline deadline, redisReply **ret_reply,
                   struct error *err, ...) __attribute__((sentinel));

/* Several commands in one go: all are sent before the first reply is awaited, so that they cost one
 * round trip together. Each has a reply or an error of its own, as of redis_call(); after a
 * transport error nobody knows which of those without a reply were carried out. */
struct redis_request {
    size_t count;
    const char *const *argv; /* borrowed */
    size_t key_count;        /* of redis_eval_all(), whose argv begins with the keys */
    redisReply *reply;       /* the caller's; NULL: err says why */
    struct error err;
};
#define REDIS_REQUESTS_MOST 128 /* the server holds their replies meanwhile */
void redis_call_all(struct redis *redis, struct deadline deadline, struct redis_request *requests,
                    size_t count);

/* A script by SHA (EVALSHA), sent whole where the server does not know it (NOSCRIPT). */
struct redis_script {
    const char *text;
    char sha1[41]; /* filled at first use */
};
bool redis_eval(struct redis *redis, struct deadline deadline, struct redis_script *script,
                size_t key_count, const char *const *keys_and_arguments, size_t count,
                redisReply **ret_reply, struct error *err);
/* The same script several times in one go, as redis_call_all(). */
void redis_eval_all(struct redis *redis, struct deadline deadline, struct redis_script *script,
                    struct redis_request *requests, size_t count);

/* For an event loop: sends without waiting for the reply; later, when redis_fd() is readable, takes
 * one complete reply if there is one (*ret_reply NULL if not yet). Call it until that NULL: TLS and
 * the reader may hold more than poll(2) tells of. An error reply gives false as in redis_call();
 * the connection stays then. */
bool redis_send(struct redis *redis, struct deadline deadline, size_t count,
                const char *const *argv, struct error *err);
bool redis_receive_nowait(struct redis *redis, redisReply **ret_reply, struct error *err);
int redis_fd(const struct redis *redis); /* -1 while not connected */
/* Without an event loop: waits until redis_receive_nowait() may have something of one of them, or
 * the deadline; tells of which. */
#define REDIS_WAIT_MOST 128
void redis_wait(struct redis *const *connections, size_t count, struct deadline deadline,
                bool *ret_is_ready);

#define REPLY_CLEANUP __attribute__((cleanup(redis_reply_cleanup)))
void redis_reply_cleanup(redisReply **reply);

#endif
