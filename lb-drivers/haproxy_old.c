/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_old.h"

#include "haproxy_workers.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define LIST_BYTES (64 * 1024) /* of a master's processes */

static bool find_old(const char *address, struct deadline deadline,
                     struct haproxy_workers *ret_workers, struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};

    ret_workers->count = 0;
    if (!haproxy_is_master(address))
        return true;
    buffer_init(&answer, LIST_BYTES);
    return haproxy_ask(address, "show proc", deadline, &answer, err) &&
           haproxy_read_workers(buffer_text(&answer), answer.length, ret_workers, err);
}

/* What a worker did not answer is no loss once it has ended. */
static bool has_ended(const char *address, struct deadline deadline, uint64_t pid)
{
    struct haproxy_workers workers;
    struct error ignored;

    if (!find_old(address, deadline, &workers, &ignored))
        return false;
    for (size_t i = 0; i < workers.count; i++)
        if (workers.old[i] == pid)
            return false;
    return true;
}

typedef bool (*old_fn)(struct haproxy_process *old, const struct haproxy_member *member,
                       void *context, struct error *err);

/* A worker need not know the member, and may end at any time. */
static bool at_each_old(const struct haproxy_process *process, const struct haproxy_member *member,
                        old_fn work, void *context, struct error *err)
{
    struct haproxy_workers workers;

    if (!find_old(process->address, process->deadline, &workers, err))
        return false;
    for (size_t i = 0; i < workers.count; i++) {
        struct haproxy_process old HAPROXY_CLEANUP;
        haproxy_process_init_old(&old, process->address, process->deadline, workers.old[i]);
        if (work(&old, member, context, err) || err->code == ERROR_NOT_FOUND ||
            has_ended(process->address, process->deadline, workers.old[i]))
            continue;
        error_wrap(err, "old worker %" PRIu64, workers.old[i]);
        return false;
    }
    return true;
}

/* By `show stat`: `show servers conn` does not count the connections of TCP backends (2.6). */
static bool count(struct haproxy_process *old, const struct haproxy_member *member, void *context,
                  struct error *err)
{
    int64_t *sessions = context;
    struct haproxy_state state;
    struct haproxy_stat stat;

    if (!haproxy_process_state(old, member, &state, err) ||
        !haproxy_process_stat(old, member, &state, &stat, err))
        return false;
    *sessions += stat.sessions;
    return true;
}

bool haproxy_count_old(const struct haproxy_process *process, const struct haproxy_member *member,
                       int64_t *sessions, struct error *err)
{
    int64_t sum = 0;

    if (!at_each_old(process, member, count, &sum, err))
        return false;
    *sessions += sum;
    return true;
}

static bool cut(struct haproxy_process *old, const struct haproxy_member *member, void *unused,
                struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    struct haproxy_sessions sessions;
    char name[32];

    (void)unused;
    buffer_init(&answer, LIMIT_LB_BYTES);
    if (!haproxy_process_ask(old, "show sess", "", &answer, err))
        return false;
    haproxy_read_sessions(buffer_text(&answer), answer.length, member->backend, member->server,
                          &sessions);
    for (size_t i = 0; i < sessions.count; i++) {
        (void)snprintf(name, sizeof(name), "0x%" PRIx64, sessions.ids[i]);
        /* One that has ended by itself meanwhile is "No such session". */
        if (!haproxy_process_tell(old, "shutdown session ", name, err) &&
            err->code != ERROR_NOT_FOUND)
            return false;
    }
    if (!sessions.has_more)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "more than %d sessions are left, and cut at the next call",
              HAPROXY_SESSIONS);
    return false;
}

bool haproxy_cut_old(const struct haproxy_process *process, const struct haproxy_member *member,
                     struct error *err)
{
    return at_each_old(process, member, cut, NULL, err);
}
