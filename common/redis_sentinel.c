/* SPDX-License-Identifier: Apache-2.0 */
#include "redis_sentinel.h"

#include "check.h"
#include "text.h"

#define ASK_MOST_MS  1000 /* a sentinel answers within 1 ms, or is ill */
#define LOOK_MS      500  /* between two looks whether the master is still the same */
#define LOOK_MOST_MS 200  /* of one look: the caller has better to do */
#define BLIND_MS     5000 /* until the next look after one in vain */

/* A connection as to any Redis, but with the sentinel's own credentials. */
static struct redis *sentinel_new(const struct redis_address *address, size_t index)
{
    struct redis_address sentinel = *address;
    const struct redis_host *host = &address->sentinels.hosts[index % address->sentinels.count];
    sentinel.sentinels.count = 0;
    sentinel.database = 0;
    sentinel.port = host->port;
    TEXT_COPY(sentinel.host, host->host);
    TEXT_COPY(sentinel.user, address->sentinels.user);
    TEXT_COPY(sentinel.password_file, address->sentinels.password_file);
    return redis_new(&sentinel);
}

static bool ask(struct redis *sentinel, const char *name, struct deadline deadline,
                struct redis_host *ret_master, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    return redis_connect(sentinel, deadline, err) &&
           redis_command(sentinel, deadline, &reply, err, "SENTINEL", "get-master-addr-by-name",
                         name, (char *)NULL) &&
           redis_sentinel_read_master(reply, name, ret_master, err);
}

static bool ask_once(const struct redis_address *address, size_t index, struct deadline deadline,
                     struct redis_host *ret_master, struct error *err)
{
    char text[300];
    struct redis *sentinel = sentinel_new(address, index);
    bool is_good = ask(sentinel, address->sentinels.master, deadline, ret_master, err);
    redis_free(sentinel);
    if (is_good || error_code_is_transient(err->code)) /* a failed connection names itself */
        return is_good;
    redis_host_write(&address->sentinels.hosts[index % address->sentinels.count], text,
                     sizeof(text));
    error_wrap(err, "%s", text);
    if (err->code == ERROR_PROTOCOL)
        error_hint(err, "is that the port of a sentinel? Theirs is 26379 as a rule");
    return false;
}

static struct deadline ask_deadline(struct deadline deadline, size_t sentinels_left)
{
    struct deadline share = deadline_share(deadline, sentinels_left);
    struct deadline most = deadline_after_ms(ASK_MOST_MS);
    return share.at_ms < most.at_ms ? share : most;
}

/* Of several reasons the one is told that does not pass by itself. */
bool redis_watch_find(struct redis_watch *watch, const struct redis_address *address,
                      struct deadline deadline, struct redis_host *ret_master, struct error *err)
{
    const size_t count = address->sentinels.count;
    struct deadline half = deadline_share(deadline, 2);
    struct error told = {0}, reason;
    CHECK(count > 0 && count <= REDIS_SENTINELS);
    for (size_t left = count; left > 0; left--) {
        if (ask_once(address, watch->index, ask_deadline(half, left), ret_master, &reason))
            return true;
        if (told.code == ERROR_NONE || error_code_is_transient(told.code))
            told = reason;
        redis_watch_reject(watch);
    }
    *err = told;
    error_wrap(err, "none of %zu sentinels names the master", count);
    return false;
}

void redis_watch_accept(struct redis_watch *watch, const struct redis_host *master)
{
    watch->master = *master;
    watch->due = deadline_after_ms(LOOK_MS);
}

/* The sentinel that named it may be cut off from the others, and believe in yesterday's master. */
void redis_watch_reject(struct redis_watch *watch)
{
    redis_watch_done(watch);
    watch->index++;
}

/* A master that hung while another took its place goes on as one when it wakes, for some 10 s until
 * a sentinel tells it, and all that it takes meanwhile is lost. The connection for these looks
 * stays open: a look then costs no name look-up, which has no deadline, and no TLS handshake. */
bool redis_watch_is_overtaken(struct redis_watch *watch, const struct redis_address *address)
{
    struct redis_host master;
    struct error ignored;
    if (!deadline_is_over(watch->due))
        return false;
    if (!watch->sentinel)
        watch->sentinel = sentinel_new(address, watch->index);
    watch->due = deadline_after_ms(LOOK_MS);
    if (!ask(watch->sentinel, address->sentinels.master, deadline_after_ms(LOOK_MOST_MS), &master,
             &ignored)) {
        redis_watch_reject(watch);
        watch->due = deadline_after_ms(BLIND_MS);
        return false;
    }
    if (redis_host_is_same(&master, &watch->master))
        return false;
    redis_watch_done(watch);
    return true;
}

void redis_watch_done(struct redis_watch *watch)
{
    redis_free(watch->sentinel);
    watch->sentinel = NULL;
}
