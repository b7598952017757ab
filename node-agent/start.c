/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "definition.h"
#include "failpoint.h"
#include "launch_log.h"
#include "log.h"
#include "memory.h"
#include "process.h"
#include "release.h"
#include "service.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define START_MOST_MS  600000 /* where the command has no deadline */
#define LOOK_MS        250    /* between looks where no event came: not all homes tell of changes */
#define SETTLE_MS      5000   /* from a start that ended well to a process: -fg scripts exec late */
#define SETTLE_LOOK_MS 20
#define EARLIER_MS     10000 /* for the script of a job that was killed */

struct starting {
    struct job *job;
    const struct bitbucket_config *config;
    const struct service *service;
    struct service_order *order;
    bool is_order_over;
    int watch_fd; /* inotify on <home>/log; -1 where it cannot be watched */
    struct deadline deadline;
    struct launch_log_mark mark;
};

/* The pid file is written right after the fork, and tells at once what a scan would have to find.
 * The directory may be missing in a home that was never used. */
static int watch_log_directory(const struct bitbucket_config *config)
{
    char path[LIMIT_PATH + 8];
    snprintf(path, sizeof(path), "%s/log", config->home);
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, path, IN_CLOSE_WRITE | IN_MOVED_TO) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void wait_for_news(const struct starting *starting)
{
    char events[4096];
    struct pollfd polled[] = {
        {.fd = starting->watch_fd, .events = POLLIN},
        {.fd = starting->is_order_over ? -1 : starting->service->fd(starting->order),
         .events = POLLIN},
    };
    struct deadline next = deadline_after_ms(starting->is_order_over ? SETTLE_LOOK_MS : LOOK_MS);
    if (starting->deadline.at_ms < next.at_ms)
        next = starting->deadline;
    (void)poll(polled, 2, deadline_poll_ms(next));
    if (polled[0].revents != 0 && read(starting->watch_fd, events, sizeof(events)) < 0)
        return;
}

/* A process whose tree cannot be told yet is still a script on its way; the version is proved by
 * the probe. */
static bool check_release(const struct starting *starting, const struct process *process,
                          struct error *err)
{
    const char *wanted = starting->job->command->version;
    char running[LIMIT_VERSION];
    process_release(starting->config, process, running);
    if (running[0] == '\0' || text_equal(running, wanted))
        return true;
    error_set(err, ERROR_CONFLICT, "Bitbucket runs from release %s, not %s, as process %d", running,
              wanted, (int)process->pid);
    error_hint(err, "stop it first");
    return false;
}

/* *ret_is_running: there is a process of this home, from the right tree. */
static bool look(const struct starting *starting, bool scan_all, bool *ret_is_running,
                 struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    bool is_well = scan_all ? process_find(starting->config, &list, err)
                            : process_find_by_pid_file(starting->config, &list, err);
    if (!is_well)
        return false;
    *ret_is_running = list.count > 0 && !process_is_gone(&list.items[0]);
    return list.count == 0 || check_release(starting, &list.items[0], err);
}

/* The link can be right, and the service not go through it. */
static bool check_definition(const struct starting *starting, const char *wanted, struct error *err)
{
    struct definition definition;
    if (!definition_look(starting->job->config, &definition, err))
        return false;
    if (definition.kind != DEFINITION_RELEASE || text_equal(definition.version, wanted))
        return true;
    error_set(err, ERROR_CONFLICT, "%s starts release %s, not %s", definition.name,
              definition.version, wanted);
    error_hint(err, "switch to release %s again", wanted);
    return false;
}

static bool check_linked(const struct starting *starting, struct error *err)
{
    const char *wanted = starting->job->command->version;
    char linked[LIMIT_VERSION];
    if (!check_definition(starting, wanted, err))
        return false;
    release_linked(starting->config, linked);
    if (text_equal(linked, wanted))
        return release_check_tree(starting->config, wanted, err);
    error_set(err, ERROR_CONFLICT, "the install link %s names %s%s, not release %s",
              starting->config->install_link, linked[0] != '\0' ? "release " : "no release of ours",
              linked, wanted);
    return false;
}

/* The order has failed; *err says how. A process may have come up all the same: a second start of
 * the same release is refused by the script and is no failure of ours. */
static bool judge_failure(struct starting *starting, struct error *err)
{
    struct error reason = *err;
    bool is_running = false;
    if (!look(starting, true, &is_running, err))
        return false;
    if (is_running) {
        log_warning("start: a process of %s runs, although the service's own start failed, which "
                    "has left it behind, or it was started by hand: %s",
                    starting->config->home, reason.message);
        return true;
    }
    *err = reason;
    launch_log_explain(starting->config, &starting->mark, err);
    return false;
}

static bool fail_without_process(struct starting *starting, struct error *err)
{
    const struct process_list none = {.count = 0};
    char stale[80] = "";
    pid_t pid = process_stale_pid(starting->config, &none);
    if (pid > 0)
        (void)snprintf(stale, sizeof(stale), "; the pid file names process %d, which has ended",
                       (int)pid);
    if (starting->is_order_over)
        error_set(err, ERROR_RELEASE,
                  "the start came back at once: the service says started, but no process is left%s",
                  stale);
    else
        error_set(err, ERROR_TIMEOUT, "no process at the deadline, and the start has not ended%s",
                  stale);
    launch_log_explain(starting->config, &starting->mark, err);
    return false;
}

static bool wait_for_process(struct starting *starting, struct error *err)
{
    struct deadline settled = deadline_never();
    for (;;) {
        bool is_running = false;
        if (!starting->is_order_over &&
            !starting->service->advance(starting->order, &starting->is_order_over, err))
            return judge_failure(starting, err);
        if (starting->is_order_over && settled.at_ms == deadline_never().at_ms)
            settled = deadline_after_ms(SETTLE_MS);
        if (!look(starting, starting->is_order_over, &is_running, err))
            return false;
        if (is_running)
            return true;
        if (deadline_is_over(starting->deadline) || deadline_is_over(settled))
            return fail_without_process(starting, err);
        wait_for_news(starting);
    }
}

/* Looks whether it runs; not before a script has ended that a killed job has begun, or another one
 * would be started beside it. */
static bool look_first(const struct starting *starting, bool *ret_is_running, struct error *err)
{
    struct deadline earlier = deadline_after_ms(EARLIER_MS);
    if (starting->deadline.at_ms < earlier.at_ms)
        earlier = starting->deadline;
    for (;;) {
        bool is_busy = starting->service->is_busy(starting->config);
        if (!look(starting, true, ret_is_running, err))
            return false;
        if (*ret_is_running || !is_busy || deadline_is_over(earlier))
            return true;
        (void)poll(NULL, 0, SETTLE_LOOK_MS);
    }
}

static bool start_now(struct starting *starting, struct error *err)
{
    launch_log_mark(starting->config, &starting->mark);
    starting->watch_fd = watch_log_directory(starting->config);
    failpoint("start-before-fork");
    bool is_well = starting->service->begin(starting->config, SERVICE_START, starting->deadline,
                                            &starting->order, err);
    failpoint("start-after-fork");
    if (is_well) {
        is_well = wait_for_process(starting, err);
        starting->service->leave(starting->order);
    }
    memory_close_fd(&starting->watch_fd);
    return is_well;
}

bool verb_start(struct job *job, struct error *err)
{
    const struct bitbucket_config *config = &job->config->bitbucket;
    struct starting starting = {
        .job = job,
        .config = config,
        .service = service_of(config),
        .watch_fd = -1,
        .deadline = job->deadline,
    };
    bool is_running = false;
    if (job->deadline.at_ms == deadline_never().at_ms)
        starting.deadline = deadline_after_ms(START_MOST_MS);
    if (!look_first(&starting, &is_running, err))
        return false;
    return is_running || (check_linked(&starting, err) && start_now(&starting, err));
}
