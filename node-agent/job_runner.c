/* SPDX-License-Identifier: Apache-2.0 */
#include "job_runner.h"

#include "check.h"
#include "failpoint.h"
#include "job_child.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_HEAD  sizeof(uint32_t)
#define CHUNK_BYTES 4096
#define FRAME_BYTES (LIMIT_MESSAGE_BYTES + FRAME_HEAD + CHUNK_BYTES) /* one, and a chunk beyond */
#define READS_MOST  32 /* at a time: twice what a pipe holds; a babbling job must not hold us up */

void job_runner_init(struct job_runner *runner, const struct agent_config *config,
                     struct key_pair *key)
{
    memset(runner, 0, sizeof(*runner));
    runner->config = config;
    runner->key = key;
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        runner->jobs[i].pipe_fd = -1;
}

static void close_pipe(struct running_job *job)
{
    memory_close_fd(&job->pipe_fd);
    job->pipe_fd = -1;
    buffer_done(&job->incoming);
}

void job_runner_done(struct job_runner *runner)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        close_pipe(&runner->jobs[i]);
}

/* ---- starting ---- */

static struct running_job *free_slot(struct job_runner *runner)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        if (!runner->jobs[i].is_used)
            return &runner->jobs[i];
    }
    return NULL;
}

static bool fork_child(struct job_runner *runner, struct running_job *job, struct error *err)
{
    int pipe_fds[2];
    pid_t parent = getpid();
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        error_set_errno(err, errno, "job: pipe");
        return false;
    }
    job->pid = fork();
    if (job->pid == 0)
        job_child_run(runner->config, &job->command, pipe_fds[1], parent, runner->key);
    int fork_errno = errno;
    close(pipe_fds[1]);
    if (job->pid < 0) {
        close(pipe_fds[0]);
        error_set_errno(err, fork_errno, "job: fork");
        return false;
    }
    /* Both sides set the group, so that it exists whoever comes first. */
    (void)setpgid(job->pid, job->pid);
    failpoint("job-after-fork");
    job->pipe_fd = pipe_fds[0];
    (void)fcntl(job->pipe_fd, F_SETFL, O_NONBLOCK);
    return true;
}

bool job_runner_start(struct job_runner *runner, const struct command *command,
                      struct running_job **ret_job, struct error *err)
{
    struct running_job *job = free_slot(runner);
    CHECK(job != NULL);
    *job = (struct running_job){
        .is_used = true,
        .pipe_fd = -1,
        .command = *command,
        .began_ms = clock_monotonic_ms(),
        .kill_at = deadline_never(),
    };
    buffer_init(&job->incoming, FRAME_BYTES);
    job_report_init(command, REPORT_ACCEPTED, &job->report);
    if (!fork_child(runner, job, err)) {
        job->is_used = false;
        return false;
    }
    *ret_job = job;
    return true;
}

/* ---- ending ---- */

/* The caller says why in the error that this gives. */
static struct error *end_as_failed(struct running_job *job)
{
    job->has_ended = true;
    job->report.kind = REPORT_FAILED;
    job->report.at_ms = clock_wall_ms();
    job->report.elapsed_ms = clock_monotonic_ms() - job->began_ms;
    return &job->report.error;
}

/* Its process has not been reaped, so the number cannot belong to anybody else. */
static void signal_group(const struct running_job *job, int number)
{
    if (job->pid > 0)
        (void)kill(-job->pid, number);
}

void job_runner_cancel(struct running_job *job)
{
    if (job->is_cancelled || job->has_ended)
        return;
    job->is_cancelled = true;
    job->kill_at = deadline_after_ms(JOB_KILL_MS);
    signal_group(job, SIGTERM);
}

void job_runner_kill_overdue(struct job_runner *runner)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        struct running_job *job = &runner->jobs[i];
        if (!job->is_used || !deadline_is_over(job->kill_at))
            continue;
        signal_group(job, SIGKILL);
        job->kill_at = deadline_never();
    }
}

struct deadline job_runner_next_kill(const struct job_runner *runner)
{
    struct deadline next = deadline_never();
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        if (runner->jobs[i].is_used && runner->jobs[i].kill_at.at_ms < next.at_ms)
            next = runner->jobs[i].kill_at;
    }
    return next;
}

void running_job_settle(struct running_job *job)
{
    CHECK(job->has_ended);
    job->is_settled = true;
    job->is_used = job->pid != 0;
}

/* ---- reports of the child ---- */

/* Who the child is, and what it was asked, is known better here. */
static void take_report(struct running_job *job, const struct report *sent)
{
    struct report *report = &job->report;
    *report = *sent;
    report->verb = job->command.verb;
    report->epoch = job->command.epoch;
    report->at_ms = clock_wall_ms();
    report->elapsed_ms = clock_monotonic_ms() - job->began_ms;
    TEXT_COPY(report->command_id, job->command.id);
    TEXT_COPY(report->cluster, job->command.cluster);
    TEXT_COPY(report->node, job->command.node);
    job->has_ended = report_kind_is_final(report->kind);
    if (job->is_cancelled && report->kind == REPORT_FAILED)
        report->error.code = ERROR_CANCELLED;
}

static bool is_of_a_job(enum report_kind kind)
{
    return kind == REPORT_PROGRESS || kind == REPORT_DONE || kind == REPORT_FAILED;
}

/* True if a whole frame was taken off the buffer. A child that breaks the protocol is ended. */
static bool take_frame(struct running_job *job)
{
    struct buffer *incoming = &job->incoming;
    struct report report;
    struct error ignored;
    uint32_t size;
    if (incoming->length < FRAME_HEAD)
        return false;
    memcpy(&size, incoming->data, FRAME_HEAD);
    if (size <= LIMIT_MESSAGE_BYTES && incoming->length < FRAME_HEAD + size)
        return false;
    if (size > LIMIT_MESSAGE_BYTES ||
        !report_read(incoming->data + FRAME_HEAD, size, &report, &ignored) ||
        !is_of_a_job(report.kind)) {
        error_set(end_as_failed(job), ERROR_PROTOCOL, "the job's process wrote a garbled report");
        signal_group(job, SIGKILL);
        return false;
    }
    take_report(job, &report);
    buffer_consume(incoming, FRAME_HEAD + size);
    return true;
}

/* True if there may be more. */
static bool read_chunk(struct running_job *job)
{
    char chunk[CHUNK_BYTES];
    ssize_t size = read(job->pipe_fd, chunk, sizeof(chunk));
    if (size < 0)
        return errno == EINTR;
    if (size == 0) {
        close_pipe(job);
        return false;
    }
    CHECK(buffer_add(&job->incoming, chunk, (size_t)size));
    return true;
}

bool running_job_read(struct running_job *job)
{
    bool is_new = false;
    for (unsigned reads = 0; reads < READS_MOST && job->pipe_fd >= 0; reads++) {
        if (!read_chunk(job))
            break;
        while (!job->has_ended && take_frame(job))
            is_new = true;
        if (job->has_ended) {
            close_pipe(job);
            return true;
        }
    }
    return is_new;
}

/* The kernel does it where memory is short: neither the node nor the release is to blame. */
static bool begin_again(struct job_runner *runner, struct running_job *job, int status)
{
    struct error err;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL || job->is_cancelled ||
        job->restarts == JOB_RESTARTS_MOST)
        return false;
    job->restarts++;
    buffer_init(&job->incoming, FRAME_BYTES);
    if (fork_child(runner, job, &err)) {
        log_warning("command %s: its job was killed by somebody else, and begins again",
                    job->command.id);
        return true;
    }
    log_failure(LOG_LEVEL_WARNING, &err, "command %s", job->command.id);
    job->pid = 0;
    buffer_done(&job->incoming);
    return false;
}

static void bury(struct job_runner *runner, struct running_job *job, int status)
{
    (void)running_job_read(job); /* the last words may still be in the pipe */
    close_pipe(job);
    job->pid = 0;
    job->kill_at = deadline_never();
    if (job->has_ended) {
        job->is_used = !job->is_settled;
        return;
    }
    if (begin_again(runner, job, status))
        return;
    struct error *err = end_as_failed(job);
    if (job->is_cancelled)
        error_set(err, ERROR_CANCELLED, "cancelled");
    else if (WIFSIGNALED(status))
        error_set(err, ERROR_SYSTEM, "job ended by signal %d", WTERMSIG(status));
    else
        error_set(err, ERROR_SYSTEM, "job ended without a report, with status %d",
                  WEXITSTATUS(status));
}

void job_runner_reap(struct job_runner *runner)
{
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++) {
        struct running_job *job = &runner->jobs[i];
        int status;
        if (job->is_used && job->pid > 0 && waitpid(job->pid, &status, WNOHANG) == job->pid)
            bury(runner, job, status);
    }
}
