/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "launch_log.h"
#include "node_status.h"
#include "process.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Between two requests. A line in the product's log, which it writes when it is up, calls for one
 * at once, but for a pause that leaves a chatty start its CPU. */
#define INTERVAL_MS 50
#define PAUSE_MS    5

#define PRODUCT_LOG "atlassian-bitbucket.log"

#define NOTHING "nothing"

struct probe {
    struct job *job;
    struct http_client *client;
    struct process process; /* borrowed from the list in verb_probe() */
    struct launch_log_mark mark;
    int log_fd;     /* inotify on <home>/log; -1 where it cannot be watched */
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

/* Left open to the end of the process: closing it waits for a grace period of the kernel, 10 ms and
 * more, which the report must not. */
static int watch_log_directory(const struct bitbucket_config *config)
{
    char path[LIMIT_PATH + 8];
    snprintf(path, sizeof(path), "%s/log", config->home);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Takes what has happened in the directory; true if the product's log was written. */
static bool has_log_grown(int fd)
{
    char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool has_grown = false;
    ssize_t size = read(fd, events, sizeof(events));
    for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= size;) {
        const struct inotify_event *event = (const struct inotify_event *)(events + at);
        has_grown = has_grown || (event->len > 0 && text_equal(event->name, PRODUCT_LOG));
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    return has_grown;
}

/* Until the interval is over, the product's log has grown, or the process has ended. */
static void wait_for_news(const struct probe *probe)
{
    struct deadline interval = deadline_after_ms(INTERVAL_MS);
    struct pollfd polled[] = {{.fd = probe->process.pidfd, .events = POLLIN},
                              {.fd = probe->log_fd, .events = POLLIN}};
    (void)poll(polled, 1, PAUSE_MS);
    while (!process_is_gone(&probe->process) && !deadline_is_over(interval)) {
        (void)poll(polled, 2, deadline_poll_ms(interval));
        if (polled[1].revents != 0 && has_log_grown(probe->log_fd))
            return;
    }
}

static bool probe_until_done(struct probe *probe, struct error *err)
{
    for (;;) {
        if (!ask(probe, err))
            return false;
        if (probe->is_done)
            return true;
        if (deadline_is_over(probe->job->deadline)) {
            error_set(err, ERROR_TIMEOUT, "the node is not RUNNING; last seen: %s", probe->seen);
            return failed(probe, err);
        }
        wait_for_news(probe);
    }
}

bool verb_probe(struct job *job, struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct probe probe = {.job = job, .seen = NOTHING};
    probe.log_fd = watch_log_directory(&job->config->bitbucket);
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
