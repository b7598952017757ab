/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "launch_log.h"
#include "node_status.h"
#include "process.h"
#include "text.h"

#include <stdio.h>

/* Between two requests: close at first, because a small node is up in a second; then less often,
 * because a large one needs minutes. */
#define FIRST_INTERVAL_MS 20
#define LAST_INTERVAL_MS  50

#define NOTHING "nothing"

struct probe {
    struct job *job;
    struct http_client *client;
    struct process process; /* borrowed from the list in verb_probe() */
    struct launch_log_mark mark;
    char seen[256]; /* what the node last said, for the message of a timeout */
    bool is_done;
};

static bool failed(struct probe *probe, struct error *err)
{
    launch_log_explain(&probe->job->config->bitbucket, &probe->mark, err);
    return false;
}

/* RUNNING proves nothing if it is the old version that runs. */
static bool check_version(struct probe *probe, struct error *err)
{
    const char *wanted = probe->job->command->version;
    char version[LIMIT_VERSION];
    struct error reason;
    if (!node_status_version(probe->client, &probe->job->config->bitbucket, probe->job->deadline,
                             version, &reason)) {
        snprintf(probe->seen, sizeof(probe->seen), "RUNNING, but %.200s", reason.message);
        return true;
    }
    if (text_equal(version, wanted)) {
        probe->is_done = true;
        return true;
    }
    error_set(err, ERROR_RELEASE, "the node is RUNNING as version %s, not %s", version, wanted);
    return false;
}

static bool judge(struct probe *probe, const struct node_status *status, struct error *err)
{
    if (text_equal(status->state, "RUNNING"))
        return check_version(probe, err);
    if (text_equal(status->state, "ERROR")) {
        error_set(err, ERROR_RELEASE, "the node says ERROR: %s", status->body);
        return failed(probe, err);
    }
    /* STARTING, MAINTENANCE, FIRST_RUN and words of later versions: it is not there yet. */
    if (status->state[0] != '\0')
        snprintf(probe->seen, sizeof(probe->seen), "state %s, HTTP status %d", status->state,
                 status->http_status);
    else
        snprintf(probe->seen, sizeof(probe->seen), "HTTP status %d without a state",
                 status->http_status);
    return true;
}

static bool ask(struct probe *probe, struct error *err)
{
    struct node_status status;
    struct error reason;
    if (process_is_gone(&probe->process)) {
        error_set(err, ERROR_RELEASE, "process %d has ended; last seen: %s",
                  (int)probe->process.pid, probe->seen);
        return failed(probe, err);
    }
    if (node_status_get(probe->client, &probe->job->config->bitbucket, probe->job->deadline,
                        &status, &reason))
        return judge(probe, &status, err);
    /* A request that the deadline cut off says less than what was seen before. */
    if (!deadline_is_over(probe->job->deadline) || text_equal(probe->seen, NOTHING))
        snprintf(probe->seen, sizeof(probe->seen), "%s", reason.message);
    return true;
}

static bool probe_until_done(struct probe *probe, struct error *err)
{
    int64_t interval_ms = FIRST_INTERVAL_MS;
    for (;;) {
        if (!ask(probe, err))
            return false;
        if (probe->is_done)
            return true;
        if (deadline_is_over(probe->job->deadline)) {
            error_set(err, ERROR_TIMEOUT, "the node is not RUNNING; last seen: %s", probe->seen);
            return failed(probe, err);
        }
        /* Its end is the one event that needs no interval. */
        process_wait_gone(&probe->process, deadline_after_ms(interval_ms));
        if (interval_ms < LAST_INTERVAL_MS)
            interval_ms++;
    }
}

bool verb_probe(struct job *job, struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct probe probe = {.job = job, .seen = NOTHING};
    launch_log_mark(&job->config->bitbucket, &probe.mark);
    if (!process_find(&job->config->bitbucket, &list, err))
        return false;
    if (list.count == 0) {
        error_set(err, ERROR_RELEASE, "no process of %s is running", job->config->bitbucket.home);
        probe.mark = (struct launch_log_mark){0}; /* it may have ended before we came */
        return failed(&probe, err);
    }
    probe.process = list.items[0];
    probe.client = node_status_client();
    bool is_done = probe_until_done(&probe, err);
    http_client_free(probe.client);
    return is_done;
}
