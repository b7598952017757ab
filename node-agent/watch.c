/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "launch_log.h"
#include "node_status.h"
#include "process.h"
#include "text.h"

#include <stdio.h>

#define WATCH_INTERVAL_MS   1000
#define WATCH_FAILURES_MOST 3 /* in a row: one slow answer is no reason to roll back */

struct watch {
    struct job *job;
    struct http_client *client;
    struct process process;
    struct launch_log_mark mark;
    int failures; /* in a row */
    char seen[256];
};

/* MAINTENANCE is a state that an administrator or a backup has asked for, not a failure. */
static bool is_healthy(const struct node_status *status)
{
    return text_equal(status->state, "RUNNING") || text_equal(status->state, "MAINTENANCE");
}

static bool ask(struct watch *watch, struct error *err)
{
    const struct bitbucket_config *config = &watch->job->config->bitbucket;
    struct node_status status;
    struct error reason;
    if (!node_status_get(watch->client, config, deadline_never(), &status, &reason)) {
        snprintf(watch->seen, sizeof(watch->seen), "%s", reason.message);
    } else if (is_healthy(&status)) {
        watch->failures = 0;
        return true;
    } else if (text_equal(status.state, "ERROR")) {
        error_set(err, ERROR_RELEASE, "the node says ERROR: %s", status.body);
        return false;
    } else {
        snprintf(watch->seen, sizeof(watch->seen), "HTTP status %d, state '%s'", status.http_status,
                 status.state);
    }
    if (++watch->failures < WATCH_FAILURES_MOST)
        return true;
    error_set(err, ERROR_RELEASE, "%d probes in a row failed; the last: %s", watch->failures,
              watch->seen);
    return false;
}

static bool watch_until(struct watch *watch, struct deadline end, struct error *err)
{
    while (!deadline_is_over(end)) {
        if (!ask(watch, err))
            return false;
        struct deadline next = deadline_after_ms(WATCH_INTERVAL_MS);
        if (process_wait_gone(&watch->process, next.at_ms < end.at_ms ? next : end)) {
            error_set(err, ERROR_RELEASE, "process %d has ended", (int)watch->process.pid);
            return false;
        }
    }
    return true;
}

bool verb_watch(struct job *job, struct error *err)
{
    const struct bitbucket_config *config = &job->config->bitbucket;
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct watch watch = {.job = job};
    struct deadline end = deadline_after_ms(job->command->duration_ms);
    launch_log_mark(config, &watch.mark);
    if (!process_find(config, &list, err))
        return false;
    if (list.count == 0) {
        error_set(err, ERROR_RELEASE, "no process of %s is running", config->home);
        return false;
    }
    watch.process = list.items[0];
    watch.client = node_status_client();
    bool is_well = watch_until(&watch, end, err);
    http_client_free(watch.client);
    if (!is_well && err->code == ERROR_RELEASE)
        launch_log_explain(config, &watch.mark, err);
    return is_well;
}
