/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "check.h"
#include "dispatch.h"
#include "enroll.h"
#include "file.h"
#include "heartbeat.h"
#include "log.h"
#include "memory.h"
#include "redis_link.h"
#include "resident_memory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct agent {
    const struct agent_config *config;
    struct key_pair *key;
    struct record *record;
    struct outbox *outbox;
    struct dispatch dispatch;
    struct redis_link link;
    int lock_fd;
    int signal_fd;
    int timer_fd; /* HEARTBEAT_MS */
    bool leaves_when_idle, is_leaving;
};

/* ---- Redis ---- */

static bool send_heartbeat(struct agent *agent, struct error *err)
{
    const struct heartbeat heartbeat = {
        .cluster = agent->config->cluster,
        .node = agent->config->node,
        .epoch = record_epoch(agent->record),
        .verb = dispatch_verb_name(&agent->dispatch),
        .refused = agent->dispatch.refused,
    };
    return heartbeat_send(&heartbeat, agent->link.writer, deadline_after_ms(REDIS_LINK_CALL_MS),
                          err);
}

/* What was reported while Redis was away goes out before anything new comes in. */
static void connect_redis(struct agent *agent)
{
    struct error err;
    if (redis_link_open(&agent->link, &err) &&
        outbox_flush(agent->outbox, agent->link.writer, &err) && send_heartbeat(agent, &err) &&
        redis_link_ask(&agent->link, &err))
        resident_memory_release();
    else
        redis_link_fail(&agent->link, &err);
}

static void flush_reports(struct agent *agent)
{
    struct error err;
    if (agent->link.is_open && !outbox_flush(agent->outbox, agent->link.writer, &err))
        redis_link_fail(&agent->link, &err);
}

/* The entries of one answer. After a failure the rest is left to be delivered again. */
struct delivery {
    struct agent *agent;
    size_t count;
    bool has_failed;
    struct error error;
};

static void take_entry(void *context, const struct channel_entry *entry)
{
    struct delivery *delivery = context;
    struct agent *agent = delivery->agent;
    if (delivery->has_failed)
        return;
    delivery->count++;
    dispatch_command(&agent->dispatch, entry);
    delivery->has_failed = !outbox_flush(agent->outbox, agent->link.writer, &delivery->error) ||
                           !redis_link_acknowledge(&agent->link, entry->id, &delivery->error);
}

static bool take_answer(struct agent *agent, const redisReply *reply, struct error *err)
{
    struct delivery delivery = {.agent = agent};
    if (!channel_each(reply, take_entry, &delivery, err))
        return false;
    if (delivery.has_failed) {
        *err = delivery.error;
        return false;
    }
    if (delivery.count == 0)
        agent->link.is_reading_pending = false;
    return redis_link_ask(&agent->link, err);
}

static void take_commands(struct agent *agent)
{
    struct error err;
    while (agent->link.is_open) {
        REPLY_CLEANUP redisReply *reply = NULL;
        bool is_good = redis_link_take(&agent->link, &reply, &err);
        if (is_good && reply == NULL)
            return;
        if (!is_good || !take_answer(agent, reply, &err))
            redis_link_fail(&agent->link, &err);
    }
}

/* ---- events ---- */

static void take_signals(struct agent *agent)
{
    struct signalfd_siginfo info;
    while (read(agent->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        bool is_renewed = info.ssi_signo == SIGUSR1;
        log_notice("signal %u: leaving%s", info.ssi_signo,
                   is_renewed ? " as soon as no job runs" : "");
        agent->leaves_when_idle = agent->leaves_when_idle || is_renewed;
        agent->is_leaving = agent->is_leaving || !is_renewed;
    }
    job_runner_reap(&agent->dispatch.jobs);
}

static void take_timer(struct agent *agent)
{
    uint64_t ticks;
    struct error err;
    if (read(agent->timer_fd, &ticks, sizeof(ticks)) != (ssize_t)sizeof(ticks))
        return;
    (void)sd_notify(0, "WATCHDOG=1");
    if (!record_compact(agent->record, clock_wall_ms(), &err))
        log_failure(LOG_LEVEL_WARNING, &err, "the record could not be compacted");
    if (agent->link.is_open && !send_heartbeat(agent, &err))
        redis_link_fail(&agent->link, &err);
    resident_memory_release();
}

#define LOCK_MS      2000
#define LOCK_LOOK_MS 20
#define POLL_SIGNAL  0
#define POLL_TIMER   1
#define POLL_REDIS   2
#define POLL_JOBS    3
#define POLL_COUNT   (POLL_JOBS + INBOX_JOBS_MOST)

static void wait_for_events(const struct agent *agent, struct pollfd polled[POLL_COUNT])
{
    struct deadline wake = job_runner_next_kill(&agent->dispatch.jobs);
    if (!agent->link.is_open && agent->link.retry.at_ms < wake.at_ms)
        wake = agent->link.retry;
    polled[POLL_SIGNAL] = (struct pollfd){.fd = agent->signal_fd, .events = POLLIN};
    polled[POLL_TIMER] = (struct pollfd){.fd = agent->timer_fd, .events = POLLIN};
    polled[POLL_REDIS] = (struct pollfd){.fd = redis_fd(agent->link.reader), .events = POLLIN};
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        const struct running_job *job = &agent->dispatch.jobs.jobs[i];
        polled[POLL_JOBS + i] = (struct pollfd){.fd = job->pipe_fd, .events = POLLIN};
    }
    if (poll(polled, POLL_COUNT, deadline_poll_ms(wake)) >= 0)
        return;
    CHECK(errno == EINTR || errno == ENOMEM);
    for (size_t i = 0; i < POLL_COUNT; i++)
        polled[i].revents = 0;
}

/* Jobs come before commands: a command may have waited for one to end. */
static void turn(struct agent *agent)
{
    struct pollfd polled[POLL_COUNT];
    if (!agent->link.is_open && deadline_is_over(agent->link.retry))
        connect_redis(agent);
    wait_for_events(agent, polled);
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        if (polled[POLL_JOBS + i].revents != 0)
            dispatch_job(&agent->dispatch, &agent->dispatch.jobs.jobs[i]);
    }
    if (polled[POLL_SIGNAL].revents != 0)
        take_signals(agent);
    job_runner_kill_overdue(&agent->dispatch.jobs);
    dispatch_settle(&agent->dispatch);
    flush_reports(agent);
    if (polled[POLL_TIMER].revents != 0)
        take_timer(agent);
    if (agent->leaves_when_idle && job_runner_count(&agent->dispatch.jobs) == 0)
        agent->is_leaving = true; /* what comes now is for the next one */
    else
        take_commands(agent);
}

/* ---- begin and end ---- */

/* A job of an agent that was killed dies with it, a moment later, and has the lock until then. */
static bool lock_state(struct agent *agent, const char *path, struct error *err)
{
    struct deadline deadline = deadline_after_ms(LOCK_MS);
    while (!file_lock(path, &agent->lock_fd, err)) {
        if (err->code != ERROR_CONFLICT || deadline_is_over(deadline))
            return false;
        (void)poll(NULL, 0, LOCK_LOOK_MS);
    }
    return true;
}

static bool open_state(struct agent *agent, struct error *err)
{
    char path[LIMIT_PATH + 16];
    size_t torn_bytes;
    const char *state_dir = agent->config->state_dir;
    snprintf(path, sizeof(path), "%s/lock", state_dir);
    if (!file_make_directory(state_dir, 0700, err) || !lock_state(agent, path, err)) {
        error_wrap(err, "state_dir");
        return false;
    }
    snprintf(path, sizeof(path), "%s/record.log", state_dir);
    if (!record_open(path, &agent->record, &torn_bytes, err)) {
        error_wrap(err, "record");
        return false;
    }
    if (torn_bytes > 0)
        log_notice("record: dropped %zu bytes that a crash had left half written", torn_bytes);
    if (key_pair_load(agent->config->key_file, &agent->key, err))
        return true;
    enroll_hint(err);
    return false;
}

/* All signals are blocked, and those that matter are read from a descriptor. SIGPIPE is blocked for
 * good: a broken connection is an error of write(2). */
static bool open_signals(struct agent *agent, struct error *err)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGCHLD);
    agent->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&mask, SIGPIPE);
    if (agent->signal_fd >= 0 && sigprocmask(SIG_BLOCK, &mask, NULL) == 0)
        return true;
    error_set_errno(err, errno, "signals");
    return false;
}

static bool open_timer(struct agent *agent, struct error *err)
{
    const struct timespec period = {.tv_sec = HEARTBEAT_MS / 1000,
                                    .tv_nsec = HEARTBEAT_MS % 1000 * 1000000L};
    const struct itimerspec times = {.it_interval = period, .it_value = period};
    agent->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (agent->timer_fd >= 0 && timerfd_settime(agent->timer_fd, 0, &times, NULL) == 0)
        return true;
    error_set_errno(err, errno, "timer");
    return false;
}

static bool open_agent(struct agent *agent, struct error *err)
{
    if (!open_state(agent, err) || !open_signals(agent, err) || !open_timer(agent, err))
        return false;
    agent->outbox = outbox_new(agent->config, agent->key, agent->record);
    dispatch_init(&agent->dispatch, agent->config, agent->key, agent->record, agent->outbox);
    redis_link_init(&agent->link, agent->config);
    return true;
}

static void close_agent(struct agent *agent)
{
    if (agent->outbox != NULL) {
        redis_link_done(&agent->link);
        dispatch_done(&agent->dispatch);
        outbox_free(agent->outbox);
    }
    key_pair_free(agent->key);
    record_close(agent->record);
    memory_close_fd(&agent->timer_fd);
    memory_close_fd(&agent->signal_fd);
    memory_close_fd(&agent->lock_fd);
}

bool agent_run(const struct agent_config *config, struct error *err)
{
    struct agent agent = {.config = config, .lock_fd = -1, .signal_fd = -1, .timer_fd = -1};
    bool is_open = open_agent(&agent, err);
    if (is_open) {
        log_notice("shunt-agent " SHUNT_VERSION " of %s/%s, epoch %llu", config->cluster,
                   config->node, (unsigned long long)record_epoch(agent.record));
        dispatch_settle(&agent.dispatch);
        resident_memory_release();
        (void)sd_notify(0, "READY=1");
        while (!agent.is_leaving)
            turn(&agent);
        (void)sd_notify(0, "STOPPING=1");
    }
    close_agent(&agent);
    return is_open;
}
