/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `shunt lease break`: an operator does not want to wait for the lease of a leader that hangs or is
 * cut off. The request stands in a stream of its own, at which every controller looks when it takes
 * or renews the lease; there may be no leader to obey it.
 *
 * It names the lease that is meant, holder and epoch. A leader that is well and is meant gives its
 * lease up. The others take it once the holder was silent for so long that it surely acts no more.
 * Either way the next leader has a higher epoch, so that a request is obeyed once.
 */
#include "answer.h"
#include "log.h"
#include "memory.h"
#include "request_check.h"
#include "shell.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define REDIS_CALL_MS 2000
#define LOOK_COUNT    "16" /* more are looked at the next time */

struct look {
    struct shell *shell;
    struct cluster *cluster;
};

/* True where it was there still: several controllers look at the same entries. */
static bool remove_entry(struct shell *shell, const struct channel_entry *entry)
{
    struct error ignored;
    REPLY_CLEANUP redisReply *reply = NULL;
    return redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, &ignored, "XDEL",
                         entry->stream, entry->id, (char *)NULL) &&
           reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
}

static void refuse(const struct look *look, const struct channel_entry *entry,
                   const struct request *request, const struct error *why)
{
    struct cluster *cluster = look->cluster;
    if (!remove_entry(look->shell, entry))
        return;
    atomic_fetch_add(&look->shell->refused, 1);
    cluster->is_status_due = cluster->is_led;
    log_failure(LOG_LEVEL_WARNING, why, "cluster %s: request to break the lease refused",
                cluster->config->name);
    if (request != NULL)
        answer_text(look->shell, cluster, request->id, NULL, why);
}

static bool read_entry(const struct look *look, const struct channel_entry *entry,
                       struct request *request)
{
    const struct config *config = look->shell->config;
    struct error err;
    const struct operator_config *asker = request_signer(config, entry, &err);
    if (asker == NULL || !request_read(entry->body, entry->body_size, request, &err)) {
        refuse(look, entry, NULL, &err);
        return false;
    }
    if (request->verb != REQUEST_LEASE_BREAK)
        error_set(&err, ERROR_INVALID, "%s is no request to break a lease",
                  request_verb_name(request->verb));
    else if (request_is_allowed(config, look->cluster->config->name, request, asker->name, &err))
        return true;
    refuse(look, entry, request, &err);
    return false;
}

static void give_up(const struct look *look, const struct request *request)
{
    log_notice("cluster %s: giving the lease up, by %s: %s", look->cluster->config->name,
               request->operator, request->reason);
    history_tell(look->shell, look->cluster, request, "it gave its lease up");
    lease_give_up(look->shell, look->cluster);
}

static bool take_over(const struct look *look, const struct request *request)
{
    char text[LEASE_HOLDER_SIZE + 64];
    struct cluster *cluster = look->cluster;
    struct error err;
    bool is_taken;
    if (!lease_take_over(look->shell, cluster, request, &is_taken, &err)) {
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: breaking the lease",
                    cluster->config->name);
        return false;
    }
    if (!is_taken)
        return false;
    log_notice("cluster %s: broke the lease of %s, by %s: %s", cluster->config->name,
               request->holder, request->operator, request->reason);
    snprintf(text, sizeof(text), "it took the lease from %.*s", (int)strcspn(request->holder, ":"),
             request->holder);
    history_tell(look->shell, cluster, request, text);
    return true;
}

/* Of an earlier lease: what it asks for has come about. */
static bool is_over(const struct cluster *cluster, const struct request *request)
{
    return !text_equal(request->holder, cluster->holder) ||
           (cluster->is_led && (uint64_t)request->epoch != cluster->epoch);
}

static void judge(void *context, const struct channel_entry *entry)
{
    const struct look *look = context;
    struct request request;
    if (!read_entry(look, entry, &request))
        return;
    bool is_past = is_over(look->cluster, &request);
    bool is_ours = !is_past && look->cluster->is_led;
    if (!is_past && !is_ours && !take_over(look, &request))
        return; /* its holder may act still: looked at again */
    (void)remove_entry(look->shell, entry);
    if (is_ours)
        give_up(look, &request);
}

void lease_break_look(struct shell *shell, struct cluster *cluster)
{
    struct look look = {.shell = shell, .cluster = cluster};
    char stream[CHANNEL_KEY_SIZE];
    struct error err;
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(stream, cluster->config->name, "lease-break", NULL);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, &err, "XREAD",
                       "COUNT", LOOK_COUNT, "STREAMS", stream, "0", (char *)NULL) ||
        !channel_each(reply, judge, &look, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: requests to break the lease",
                    cluster->config->name);
}
