/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask for: who may, and what follows. */
#include "request.h"

#include "answer.h"
#include "check.h"
#include "clock.h"
#include "jobs.h"
#include "log.h"
#include "memory.h"
#include "plan_run.h"
#include "request_check.h"
#include "text.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

#define PLANS_MOST 16 /* plans of one cluster at one time */

/* A request is obeyed once: its id is remembered until it has expired. */
static bool is_new(struct shell *shell, const struct request *request, struct error *err)
{
    struct seen_request *oldest = &shell->seen[0];
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < SEEN_REQUESTS; i++) {
        struct seen_request *seen = &shell->seen[i];
        if (text_equal(seen->id, request->id)) {
            error_set(err, ERROR_STALE, "request %s was answered before", request->id);
            return false;
        }
        if (seen->expires_ms < oldest->expires_ms)
            oldest = seen;
    }
    if (oldest->expires_ms >= now_ms) {
        error_set(err, ERROR_UNAVAILABLE, "too many requests in a minute");
        return false;
    }
    TEXT_COPY(oldest->id, request->id);
    oldest->expires_ms = request->expires_ms;
    return true;
}

/* Abort is legal at any time, but it does not always do something. */
static const char *decision_text(const struct upgrade *upgrade, enum decision decision)
{
    if (decision == DECISION_ABORT && upgrade->phase == PHASE_ENDED)
        return "abort: no upgrade runs; nothing was done";
    if (decision == DECISION_ABORT && phase_table[upgrade->phase].is_past_return)
        return "abort: approve has been sent; the upgrade goes on to its end";
    return decision_name(decision);
}

/* A rollback of an upgrade that has ended begins work anew. */
static bool may_reopen(const struct cluster *cluster, enum decision decision, struct error *err)
{
    return cluster->upgrade->phase != PHASE_ENDED || decision == DECISION_ABORT ||
           nobody_moves_by_hand(cluster, err);
}

static void decide_upgrade(struct shell *shell, struct cluster *cluster,
                           const struct request *request, enum decision decision)
{
    struct error err;
    const char *text = NULL;
    struct event event = {
        .kind = EVENT_DECISION, .now_ms = clock_wall_ms(), .node = NODE_NONE, .decision = decision};
    error_clear(&err);
    if (!cluster_is_acted_on(cluster, &err)) {
        /* what its upgrade does is not known */
    } else if (cluster->upgrade == NULL) {
        error_set(&err, ERROR_CONFLICT, "cluster %s: there is no upgrade", cluster->config->name);
    } else if (upgrade_may_decide(cluster->upgrade, decision, &err) &&
               may_reopen(cluster, decision, &err)) {
        error_clear(&err);
        text = decision_text(cluster->upgrade, decision);
        log_notice("cluster %s: %s, by %s", cluster->config->name, decision_name(decision),
                   request->operator);
        cluster_step(shell, cluster, &event);
    }
    answer_text(shell, cluster, request->id, text, &err);
}

static void start_plan(struct shell *shell, struct cluster *cluster, const struct request *request)
{
    struct error err;
    size_t count = 0;
    if (request->sha256[0] != '\0' && !message_is_sha256(request->sha256)) {
        error_set(&err, ERROR_INVALID, "--sha256 must be 64 lower-case hexadecimal digits");
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    if (strstr(request->artifact, "://") != NULL && request->sha256[0] == '\0') {
        error_set(&err, ERROR_INVALID, "an artifact from a URL needs --sha256");
        error_hint(&err, "sha256sum of the file that the vendor publishes");
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    if (request->verb == REQUEST_CUSTOMISATIONS &&
        config_find_node(cluster->config, request->node) < 0) {
        error_set(&err, ERROR_NOT_FOUND, "cluster %s has no node '%s'", cluster->config->name,
                  request->node);
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    for (struct plan_run *run = cluster->plans; run != NULL; run = plan_run_next(run))
        count++;
    if (count >= PLANS_MOST) {
        error_set(&err, ERROR_UNAVAILABLE, "%d plans of this cluster are being made", PLANS_MOST);
        answer_text(shell, cluster, request->id, NULL, &err);
        return;
    }
    plan_run_start(shell, cluster, request, "");
}

/* It came on the stream that the leader alone reads. */
static void refuse_break(struct shell *shell, struct cluster *cluster,
                         const struct request *request)
{
    struct error err;
    error_set(&err, ERROR_INVALID, "a lease-break goes to the stream that all controllers read");
    error_hint(&err, "use the `shunt` of this version");
    answer_text(shell, cluster, request->id, NULL, &err);
}

static void obey(struct shell *shell, struct cluster *cluster, const struct request *request,
                 const struct signed_text *signed_request)
{
    switch (request->verb) {
    case REQUEST_NODES:
    case REQUEST_CUSTOMISATIONS:
    case REQUEST_PLAN:
    case REQUEST_UPGRADE:
        start_plan(shell, cluster, request);
        return;
    case REQUEST_PAUSE:
        decide_upgrade(shell, cluster, request, DECISION_PAUSE);
        return;
    case REQUEST_RESUME:
        decide_upgrade(shell, cluster, request, DECISION_RESUME);
        return;
    case REQUEST_ABORT:
        decide_upgrade(shell, cluster, request,
                       request->with_rollback ? DECISION_ABORT_ROLLBACK : DECISION_ABORT);
        return;
    case REQUEST_ROLLBACK:
        decide_upgrade(shell, cluster, request, DECISION_ROLLBACK);
        return;
    case REQUEST_APPROVE:
        decide_upgrade(shell, cluster, request, DECISION_APPROVE);
        return;
    case REQUEST_DRAIN:
    case REQUEST_RETURN:
        move_by_hand(shell, cluster, request);
        return;
    case REQUEST_RECOVER:
        recover_cluster(shell, cluster, request);
        return;
    case REQUEST_LEASE_BREAK:
        refuse_break(shell, cluster, request);
        return;
    case REQUEST_ACCEPT_AGENT:
        accept_agent(shell, cluster, request, signed_request);
        return;
    case REQUEST_VERB_COUNT:
        break;
    }
    CHECK(!"a request of no kind");
}

/* Its signature was good: whoever asked learns what is wrong with it, if the id can be read. */
static void answer_unread(struct shell *shell, struct cluster *cluster,
                          const struct signed_text *signed_request, const struct error *why)
{
    JSON_CLEANUP json_t *json = NULL;
    char id[LIMIT_ID];
    struct error ignored;
    cluster->is_status_due = true;
    if (json_read_object(signed_request->body, signed_request->body_size, &json, &ignored) &&
        json_get_text(json, "id", id, sizeof(id), &ignored) && text_is_name(id))
        answer_text(shell, cluster, id, NULL, why);
}

void handle_request(struct shell *shell, struct cluster *cluster,
                    const struct signed_text *signed_request)
{
    const char *operator= signed_request->signer;
    struct request request;
    struct error err;
    if (!request_read(signed_request->body, signed_request->body_size, &request, &err)) {
        atomic_fetch_add(&shell->refused, 1);
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: request of %s refused",
                    cluster->config->name, operator);
        answer_unread(shell, cluster, signed_request, &err);
        return;
    }
    if (!request_is_allowed(shell->config, cluster->config->name, &request, operator, & err) ||
        !is_new(shell, &request, &err)) {
        atomic_fetch_add(&shell->refused, 1);
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: %s by %s refused", cluster->config->name,
                    request_verb_name(request.verb), operator);
        answer_text(shell, cluster, request.id, NULL, &err);
        cluster->is_status_due = true;
        return;
    }
    obey(shell, cluster, &request, signed_request);
}
