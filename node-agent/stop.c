/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "connections.h"
#include "failpoint.h"
#include "log.h"
#include "process.h"
#include "service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EMPTY_MS       5000   /* for the last connections to end: the node was drained before */
#define STOP_MOST_MS   600000 /* where the command has no deadline */
#define KILL_MS        5000   /* from SIGKILL to the end: the kernel frees a large heap */
#define ORDER_GRACE_MS 2000   /* for the stop script to tidy up behind the process */

/* Of the time that there is, what is left to SIGTERM where the service's own stop does not end it.
 */
#define SIGTERM_SHARE 4

/* Why the service's own stop was not enough. */
enum shortfall {
    SHORTFALL_NONE, /* so far */
    SHORTFALL_FAILED,
    SHORTFALL_HANGS,
    SHORTFALL_STALE_PID_FILE,
    SHORTFALL_LEFT_BEHIND,
};

static const char *const shortfalls[] = {
    [SHORTFALL_NONE] = "the service's own stop has not ended",
    [SHORTFALL_FAILED] = "the service's own stop failed",
    [SHORTFALL_HANGS] = "the service's own stop hangs",
    [SHORTFALL_STALE_PID_FILE] = "the service's own stop went by a stale pid file",
    [SHORTFALL_LEFT_BEHIND] = "the service says stopped, but a fork of it was left behind",
};
_Static_assert(sizeof(shortfalls) / sizeof(shortfalls[0]) == SHORTFALL_LEFT_BEHIND + 1,
               "one text each");

struct stopping {
    struct job *job;
    struct process_list list;
    const struct service *service;
    struct service_order *order;
    bool is_order_over;
    bool is_signalled; /* we sent SIGTERM ourselves */
    bool has_stale_pid_file;
    enum shortfall shortfall;
    struct deadline patience; /* with the service's own stop */
    struct error order_error; /* of an order that failed */
};

static void send_signal(const struct process_list *list, int number)
{
    for (size_t i = 0; i < list->count; i++)
        (void)syscall(SYS_pidfd_send_signal, list->items[i].pidfd, number, NULL, 0);
}

/* Waits for any event: the end of a process, or news of the order. */
static void wait_for_news(const struct stopping *stopping, struct deadline deadline)
{
    struct pollfd polled[PROCESS_MOST + 1];
    size_t count = 0;
    for (size_t i = 0; i < stopping->list.count; i++) {
        if (!process_is_gone(&stopping->list.items[i]))
            polled[count++] = (struct pollfd){stopping->list.items[i].pidfd, POLLIN, 0};
    }
    if (!stopping->is_order_over)
        polled[count++] = (struct pollfd){stopping->service->fd(stopping->order), POLLIN, 0};
    if (count > 0)
        (void)poll(polled, count, deadline_poll_ms(deadline));
}

static void terminate(struct stopping *stopping, enum shortfall shortfall)
{
    char pids[64];
    process_list_write(&stopping->list, pids, sizeof(pids));
    log_warning("stop: %s: SIGTERM to process %s%s%s", shortfalls[shortfall], pids,
                stopping->order_error.code != ERROR_NONE ? "; " : "",
                stopping->order_error.message);
    send_signal(&stopping->list, SIGTERM);
    stopping->is_signalled = true;
    stopping->shortfall = shortfall;
}

/* An order that is over, well or not, while the process lives: the pid file was stale, or the unit
 * did not start this process, or the script gave up. SIGTERM is all that the script does, too. */
static void advance_order(struct stopping *stopping)
{
    bool is_well = true;
    if (!stopping->is_order_over)
        is_well = stopping->service->advance(stopping->order, &stopping->is_order_over,
                                             &stopping->order_error);
    if (!is_well)
        stopping->is_order_over = true;
    if (stopping->is_signalled || process_list_is_gone(&stopping->list))
        return;
    if (stopping->is_order_over)
        terminate(stopping, stopping->order_error.code != ERROR_NONE ? SHORTFALL_FAILED
                            : stopping->has_stale_pid_file           ? SHORTFALL_STALE_PID_FILE
                                                                     : SHORTFALL_LEFT_BEHIND);
    else if (deadline_is_over(stopping->patience))
        terminate(stopping, SHORTFALL_HANGS);
}

/* All that we watched are gone: is there another one by now? */
static bool look_again(struct stopping *stopping, struct error *err)
{
    process_list_done(&stopping->list);
    stopping->is_signalled = false;
    return process_find(&stopping->job->config->bitbucket, &stopping->list, err);
}

/* True with *ret_is_gone false: the deadline is over and something lives. */
static bool wait_until_gone(struct stopping *stopping, struct deadline deadline, bool *ret_is_gone,
                            struct error *err)
{
    while (stopping->list.count > 0) {
        advance_order(stopping);
        if (process_list_is_gone(&stopping->list)) {
            if (!look_again(stopping, err))
                return false;
        } else if (deadline_is_over(deadline)) {
            *ret_is_gone = false;
            return true;
        } else {
            wait_for_news(stopping, stopping->is_signalled ? deadline : stopping->patience);
        }
    }
    *ret_is_gone = true;
    return true;
}

static bool not_gone(const struct stopping *stopping, const char *what, struct error *err)
{
    char pids[64];
    bool has_failed = stopping->order_error.code != ERROR_NONE;
    process_list_write(&stopping->list, pids, sizeof(pids));
    error_set(err, ERROR_TIMEOUT, "process %s still lives %s%s; %s%s%s", pids, what,
              stopping->is_signalled ? " and after SIGTERM" : "", shortfalls[stopping->shortfall],
              has_failed ? ": " : "", has_failed ? stopping->order_error.message : "");
    if (!stopping->job->command->kill)
        error_hint(err, "look at what it waits for, and end it by hand; or have the policy say "
                        "stop: {at_deadline: kill}");
    return false;
}

static bool kill_the_rest(struct stopping *stopping, struct error *err)
{
    char pids[64];
    bool is_gone;
    process_list_write(&stopping->list, pids, sizeof(pids));
    log_warning("stop: process %s did not end before the deadline: killed", pids);
    send_signal(&stopping->list, SIGKILL);
    if (!wait_until_gone(stopping, deadline_after_ms(KILL_MS), &is_gone, err))
        return false;
    return is_gone || not_gone(stopping, "after SIGKILL", err);
}

/* A stop script that is still at it could take away the pid file of the next start. */
static void let_order_end(struct stopping *stopping)
{
    struct deadline grace = deadline_after_ms(ORDER_GRACE_MS);
    advance_order(stopping);
    while (!stopping->is_order_over && !deadline_is_over(grace)) {
        wait_for_news(stopping, grace);
        advance_order(stopping);
    }
    if (!stopping->is_order_over)
        log_warning("stop: the process is gone; the service's own stop has not ended yet");
}

static bool stop_running(struct stopping *stopping, struct error *err)
{
    struct job *job = stopping->job;
    struct deadline deadline = job->deadline;
    bool is_gone;
    if (deadline.at_ms == deadline_never().at_ms)
        deadline = deadline_after_ms(STOP_MOST_MS);
    struct deadline last_part = deadline_share(deadline, SIGTERM_SHARE);
    stopping->patience.at_ms = deadline.at_ms - (last_part.at_ms - clock_monotonic_ms());
    stopping->has_stale_pid_file = process_stale_pid(&job->config->bitbucket, &stopping->list) > 0;
    failpoint("stop-before-signal");
    if (!stopping->service->begin(&job->config->bitbucket, SERVICE_STOP, stopping->patience,
                                  &stopping->order, err))
        return false;
    bool is_well = wait_until_gone(stopping, deadline, &is_gone, err);
    if (is_well && !is_gone)
        is_well = job->command->kill ? kill_the_rest(stopping, err)
                                     : not_gone(stopping, "at the deadline", err);
    failpoint("stop-after-gone");
    if (is_well)
        let_order_end(stopping);
    stopping->service->leave(stopping->order);
    return is_well;
}

/* With force, the connections are only counted. */
static bool check_connections(struct job *job, struct error *err)
{
    struct deadline deadline = deadline_after_ms(job->command->force ? 0 : EMPTY_MS);
    if (job->deadline.at_ms < deadline.at_ms)
        deadline = job->deadline;
    if (connections_wait(job, deadline, err))
        return true;
    if (err->code != ERROR_TIMEOUT)
        return false;
    if (job->command->force) {
        error_clear(err);
        return true;
    }
    error_set(err, ERROR_CONFLICT, "%lld connections are still established on the node's ports",
              (long long)job->report.connections);
    error_hint(err, "drain the node first, or stop it with force");
    return false;
}

static void tell_stale_pid_file(const struct stopping *stopping)
{
    const struct bitbucket_config *config = &stopping->job->config->bitbucket;
    pid_t pid = process_stale_pid(config, &stopping->list);
    if (pid > 0)
        log_notice("stop: nothing of %s runs; its pid file is stale: it names process %d",
                   config->home, (int)pid);
}

bool verb_stop(struct job *job, struct error *err)
{
    struct stopping stopping = {.job = job, .service = service_of(&job->config->bitbucket)};
    job->report.connections = -1;
    if (!process_find(&job->config->bitbucket, &stopping.list, err))
        return false;
    bool is_well = check_connections(job, err);
    if (is_well && stopping.list.count == 0)
        tell_stale_pid_file(&stopping);
    else if (is_well)
        is_well = stop_running(&stopping, err);
    process_list_done(&stopping.list);
    return is_well;
}
