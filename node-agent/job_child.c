/* SPDX-License-Identifier: Apache-2.0 */
#include "job_child.h"

#include "check.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIPE_FD (STDERR_FILENO + 1)

/* An exit status that a job never has on purpose; the parent tells it. */
#define EXIT_NO_REPORT 70

static void write_whole(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) /* the agent is gone: nobody is left to be told */
            _exit(EXIT_NO_REPORT);
        at += written;
        size -= (size_t)written;
    }
}

static void send_report(struct job *job, enum report_kind kind)
{
    job->report.kind = kind;
    FREE_CLEANUP char *text = report_write(&job->report);
    uint32_t size = (uint32_t)strlen(text);
    write_whole(PIPE_FD, &size, sizeof(size));
    write_whole(PIPE_FD, text, size);
}

static void send_progress(struct job *job)
{
    send_report(job, REPORT_PROGRESS);
}

/* All at their defaults but SIGPIPE: TLS over a broken connection is an error, not our end. */
static void reset_signals(void)
{
    sigset_t none;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &standard, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The parent may have died before prctl(2) took effect: then nobody would end us. */
static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(EXIT_NO_REPORT);
}

/* Redis, the record, the state directory's lock and other jobs' pipes are none of our business. */
static void close_others(int pipe_fd)
{
    if (pipe_fd != PIPE_FD && dup3(pipe_fd, PIPE_FD, O_CLOEXEC) < 0)
        _exit(EXIT_NO_REPORT);
    if (syscall(SYS_close_range, PIPE_FD + 1, ~0U, 0) != 0)
        _exit(EXIT_NO_REPORT);
}

void job_child_run(const struct agent_config *config, const struct command *command, int pipe_fd,
                   pid_t parent, struct key_pair *key)
{
    key_pair_free(key);
    die_with(parent);
    (void)setpgid(0, 0);
    close_others(pipe_fd);
    reset_signals();

    struct job job = {.config = config, .command = command, .send_progress = send_progress};
    verb_fn function = job_verb_function(command->verb);
    CHECK(function != NULL);
    /* A resumed job has its whole time again: what the first run did of it is not known. */
    job.deadline =
        command->deadline_ms > 0 ? deadline_after_ms(command->deadline_ms) : deadline_never();
    job_report_init(command, REPORT_PROGRESS, &job.report);
    bool is_done = function(&job, &job.report.error);
    if (is_done)
        error_clear(&job.report.error);
    send_report(&job, is_done ? REPORT_DONE : REPORT_FAILED);
    _exit(EXIT_SUCCESS);
}
