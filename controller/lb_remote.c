/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_remote.h"

#include "lease_turn.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "shell.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_PREFIX     "lb." /* of every such command, and of no other */
#define REDIS_CALL_MS 5000
#define CALL_MOST_MS  60000 /* of one without a deadline */
#define ANSWER_MS     500   /* of a call's time, for the way to the agent and back */
#define CLOCKS_MS     60000 /* as much may the clocks of controller and agent differ */

enum call_state {
    CALL_WAITING, /* for the main thread */
    CALL_SENT,
    CALL_ENDED,
};

/* On the stack of the worker that waits. */
struct call {
    struct call *next;
    const struct cluster *cluster;
    const struct command *command;
    struct deadline deadline;
    char id[LIMIT_ID];
    enum call_state state;
    char entry[CHANNEL_ENTRY_ID_SIZE]; /* CALL_SENT: in the agent's command stream */
    pthread_cond_t has_ended;
    struct error error; /* CALL_ENDED: ERROR_NONE where it is done */
    struct report report;
};

struct lb_remote {
    pthread_mutex_t lock;
    struct call *calls; /* at most one a worker */
    uint64_t count;     /* of all calls so far */
    bool is_closed;
};

struct lb_remote *lb_remote_new(void)
{
    struct lb_remote *remote = memory_zeroed(1, sizeof(*remote));
    pthread_mutex_init(&remote->lock, NULL);
    return remote;
}

void lb_remote_free(struct lb_remote *remote)
{
    if (remote == NULL)
        return;
    pthread_mutex_destroy(&remote->lock);
    free(remote);
}

/* ---- the table; under its lock ---- */

static struct call *find(const struct lb_remote *remote, const char *id)
{
    struct call *call = remote->calls;
    while (call != NULL && !text_equal(call->id, id))
        call = call->next;
    return call != NULL && call->state != CALL_ENDED ? call : NULL;
}

static void unlink_call(struct lb_remote *remote, const struct call *call)
{
    struct call **place = &remote->calls;
    while (*place != call)
        place = &(*place)->next;
    *place = call->next;
}

static void end_call(struct call *call, const struct error *err)
{
    call->state = CALL_ENDED;
    call->error = *err;
    pthread_cond_signal(&call->has_ended);
}

/* NULL: of every cluster. */
static void end_calls(struct lb_remote *remote, const struct cluster *cluster,
                      const struct error *why)
{
    for (struct call *call = remote->calls; call != NULL; call = call->next)
        if (call->state != CALL_ENDED && (cluster == NULL || call->cluster == cluster))
            end_call(call, why);
}

/* ---- the worker ---- */

static void no_answer(const char *more, struct error *ret_error)
{
    error_set(ret_error, ERROR_TIMEOUT, "does not answer%s", more);
    error_hint(ret_error, "is shunt-agent running on that host?");
}

static void call_init(struct call *call, const struct lb_remote_port *port,
                      const struct command *command, struct deadline deadline)
{
    pthread_condattr_t attributes;
    memset(call, 0, sizeof(*call));
    call->cluster = port->cluster;
    call->command = command;
    call->deadline = deadline;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&call->has_ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* The id is unique among all controllers and their lives: an old report never answers a new call.
 */
static bool enter(struct shell *shell, struct call *call)
{
    struct lb_remote *remote = shell->remote;
    pthread_mutex_lock(&remote->lock);
    bool is_open = !remote->is_closed;
    if (is_open) {
        (void)snprintf(call->id, sizeof(call->id), ID_PREFIX "%s.%s.%llu",
                       call->command->load_balancer, shell->instance,
                       (unsigned long long)++remote->count);
        call->next = remote->calls;
        remote->calls = call;
    }
    pthread_mutex_unlock(&remote->lock);
    return is_open;
}

static void ask_main_thread(struct shell *shell, const struct call *call)
{
    struct item *item = item_new(ITEM_LB_CALL, call->cluster->index);
    TEXT_COPY(item->request_id, call->id);
    queue_put(shell->queue, item);
}

/* Gives how it ended; once it is out of the table, nobody else touches it. */
static enum call_state wait_and_leave(struct lb_remote *remote, struct call *call)
{
    const struct timespec until = {.tv_sec = call->deadline.at_ms / 1000,
                                   .tv_nsec = call->deadline.at_ms % 1000 * 1000000};
    pthread_mutex_lock(&remote->lock);
    while (call->state != CALL_ENDED && !deadline_is_over(call->deadline))
        pthread_cond_timedwait(&call->has_ended, &remote->lock, &until);
    unlink_call(remote, call);
    pthread_mutex_unlock(&remote->lock);
    return call->state;
}

/* The agent shall not find it later, when something else may be wanted. */
static void give_up(struct shell *shell, const struct call *call, struct error *ret_error)
{
    struct item *item = item_new(ITEM_LB_WITHDRAW, call->cluster->index);
    TEXT_COPY(item->request_id, call->entry);
    TEXT_COPY(item->agent, call->command->node);
    queue_put(shell->queue, item);
    no_answer("", ret_error);
}

bool lb_remote_call(void *context, const struct command *command, struct deadline deadline,
                    struct report *ret_report, struct error *err)
{
    const struct lb_remote_port *port = context;
    struct shell *shell = port->shell;
    struct deadline most = deadline_after_ms(CALL_MOST_MS);
    struct call call;
    call_init(&call, port, command, deadline.at_ms < most.at_ms ? deadline : most);
    error_set(&call.error, ERROR_UNAVAILABLE, "the controller is stopping");
    if (enter(shell, &call)) {
        ask_main_thread(shell, &call);
        switch (wait_and_leave(shell->remote, &call)) {
        case CALL_WAITING:
            error_set(&call.error, ERROR_UNAVAILABLE, "the command could not be sent in time");
            error_hint(&call.error, "is Redis there? The controller's log tells");
            break;
        case CALL_SENT:
            give_up(shell, &call, &call.error);
            break;
        case CALL_ENDED:
            break;
        }
    }
    pthread_cond_destroy(&call.has_ended);
    if (call.error.code == ERROR_NONE)
        *ret_report = call.report;
    else
        *err = call.error;
    return call.error.code == ERROR_NONE;
}

/* ---- the main thread: sending ---- */

/* KEYS lease epoch command-stream beat, ARGV value epoch body signer sig → the entry's id; or nil:
 * not ours; or 0: the agent has not been there for as long as its heartbeat lives, and nobody need
 * wait for it */
static struct redis_script send_script = {
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
        "  return false\n"
        "end\n"
        "if redis.call('EXISTS', KEYS[4]) == 0 then return 0 end\n"
        "return redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, '*', 'body', ARGV[3],\n"
        "                  'key', ARGV[4], 'sig', ARGV[5])\n"};

/* The agent has a little less time than the caller: its own "no answer" says more than ours. */
static bool complete(const struct cluster *cluster, const char *id, struct deadline deadline,
                     struct command *command, struct error *err)
{
    int64_t left_ms = deadline_poll_ms(deadline);
    if (left_ms == 0) {
        error_set(err, ERROR_TIMEOUT, "no time is left");
        return false;
    }
    TEXT_COPY(command->id, id);
    TEXT_COPY(command->cluster, cluster->config->name);
    command->epoch = cluster->epoch;
    command->issued_ms = clock_wall_ms();
    command->expires_ms = command->issued_ms + left_ms + CLOCKS_MS;
    command->deadline_ms = left_ms - (left_ms / 4 < ANSWER_MS ? left_ms / 4 : ANSWER_MS);
    return command_validate(command, err);
}

static bool read_reply(struct shell *shell, struct cluster *cluster, const redisReply *reply,
                       char entry[CHANNEL_ENTRY_ID_SIZE], struct error *err)
{
    if (reply->type == REDIS_REPLY_STRING && text_copy(entry, CHANNEL_ENTRY_ID_SIZE, reply->str))
        return true;
    if (reply->type == REDIS_REPLY_INTEGER) {
        no_answer(": there is no sign of life from it", err);
        return false;
    }
    lease_turn_hurry(shell, cluster); /* find out at once whose the lease is */
    error_set(err, ERROR_UNAVAILABLE, "the lease of the cluster is not ours any more");
    return false;
}

static bool add(struct shell *shell, struct cluster *cluster, const struct command *command,
                char entry[CHANNEL_ENTRY_ID_SIZE], struct error *err)
{
    char lease[CHANNEL_KEY_SIZE], epoch_key[CHANNEL_KEY_SIZE], stream[CHANNEL_KEY_SIZE];
    char beat[CHANNEL_KEY_SIZE], value[LEASE_HOLDER_SIZE], epoch[24],
        signature[KEY_SIGNATURE_TEXT_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP char *body = command_write(command);
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(epoch_key, cluster->config->name, "epoch", NULL);
    channel_key(stream, cluster->config->name, "command", command->node);
    channel_key(beat, cluster->config->name, "beat", command->node);
    lease_value(shell, value);
    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)command->epoch);
    key_sign(shell->key, KEY_DOMAIN_COMMAND, body, strlen(body), signature);
    const char *arguments[] = {lease, epoch_key,           stream,   beat, value, epoch,
                               body,  shell->config->name, signature};
    return redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &send_script, 4, arguments,
                      sizeof(arguments) / sizeof(arguments[0]), &reply, err) &&
           read_reply(shell, cluster, reply, entry, err);
}

/* False where nobody waits for it any more. */
static bool take_waiting(struct lb_remote *remote, const char *id, struct command *command,
                         struct deadline *deadline)
{
    pthread_mutex_lock(&remote->lock);
    const struct call *call = find(remote, id);
    if (call != NULL) {
        *command = *call->command;
        *deadline = call->deadline;
    }
    pthread_mutex_unlock(&remote->lock);
    return call != NULL;
}

static bool mark_sent(struct lb_remote *remote, const char *id, const char *entry)
{
    pthread_mutex_lock(&remote->lock);
    struct call *call = find(remote, id);
    if (call != NULL) {
        call->state = CALL_SENT;
        TEXT_COPY(call->entry, entry);
    }
    pthread_mutex_unlock(&remote->lock);
    return call != NULL;
}

static void fail(struct lb_remote *remote, const char *id, const struct error *err)
{
    pthread_mutex_lock(&remote->lock);
    struct call *call = find(remote, id);
    if (call != NULL)
        end_call(call, err);
    pthread_mutex_unlock(&remote->lock);
}

static void withdraw(struct shell *shell, const struct cluster *cluster, const char *agent,
                     const char *entry)
{
    char stream[CHANNEL_KEY_SIZE];
    struct error err;
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(stream, cluster->config->name, "command", agent);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, &err, "XDEL", stream,
                       entry, (char *)NULL))
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: withdraw a command from agent %s",
                    cluster->config->name, agent);
}

void lb_remote_send(struct shell *shell, struct cluster *cluster, const struct item *item)
{
    const char *id = item->request_id;
    char entry[CHANNEL_ENTRY_ID_SIZE];
    struct command command;
    struct deadline deadline;
    struct error err;
    if (!take_waiting(shell->remote, id, &command, &deadline))
        return;
    error_set(&err, ERROR_UNAVAILABLE, "cluster %s is not led by this controller",
              cluster->config->name);
    if (!cluster->is_led || !lease_may_act(cluster, &err) ||
        !agent_keys_has(&cluster->agent_keys, command.node, &err) ||
        !complete(cluster, id, deadline, &command, &err) ||
        !add(shell, cluster, &command, entry, &err))
        fail(shell->remote, id, &err);
    else if (!mark_sent(shell->remote, id, entry))
        withdraw(shell, cluster, command.node, entry);
}

void lb_remote_withdraw(struct shell *shell, struct cluster *cluster, const struct item *item)
{
    withdraw(shell, cluster, item->agent, item->request_id);
}

/* ---- the main thread: ends ---- */

static void answer(struct call *call, const struct report *report)
{
    struct error error = report->error;
    call->report = *report;
    if (report->kind == REPORT_DONE)
        error_clear(&error);
    else if (error.code == ERROR_STALE)
        error.code = ERROR_UNAVAILABLE; /* whose the cluster is, is being found out */
    end_call(call, &error);
}

bool lb_remote_report(struct shell *shell, const struct report *report)
{
    if (!text_starts_with(report->command_id, ID_PREFIX))
        return false;
    pthread_mutex_lock(&shell->remote->lock);
    struct call *call = find(shell->remote, report->command_id);
    bool is_asked = call != NULL && text_equal(call->command->node, report->node) &&
                    text_equal(call->cluster->config->name, report->cluster);
    if (is_asked && report_kind_is_final(report->kind))
        answer(call, report);
    pthread_mutex_unlock(&shell->remote->lock);
    return true;
}

void lb_remote_end(struct shell *shell, const struct cluster *cluster)
{
    struct error why;
    error_set(&why, ERROR_UNAVAILABLE, "given up: the lease of cluster %s was lost or taken anew",
              cluster->config->name);
    pthread_mutex_lock(&shell->remote->lock);
    end_calls(shell->remote, cluster, &why);
    pthread_mutex_unlock(&shell->remote->lock);
}

void lb_remote_close(struct shell *shell)
{
    struct error why;
    error_set(&why, ERROR_UNAVAILABLE, "given up: the controller is stopping");
    pthread_mutex_lock(&shell->remote->lock);
    shell->remote->is_closed = true;
    end_calls(shell->remote, NULL, &why);
    pthread_mutex_unlock(&shell->remote->lock);
}
