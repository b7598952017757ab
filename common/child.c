/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include "check.h"
#include "child_start.h"
#include "memory.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES   (16 * 1024)
#define ABANDON_MS    10000 /* from SIGKILL: a process in the kernel's hands may never end */
#define SIGNAL_STATUS 128

/* How far we have gone with a child that did not end in time. */
enum pressure { PRESSURE_NONE, PRESSURE_TERMINATED, PRESSURE_KILLED, PRESSURE_ABANDONED };

struct run {
    struct child_process process;
    bool has_ended; /* not reaped yet: that keeps its number from being given to another */
    enum pressure pressure;
    struct deadline next_pressure;
    int64_t grace_ms; /* from SIGTERM to SIGKILL */
    bool has_failed;  /* the program could not be executed */
    struct child_failure failure;
    struct buffer output;
    struct buffer errors;
};

static void close_early(int *fd)
{
    memory_close_fd(fd);
    *fd = -1;
}

/* Nothing but EOF comes from a program that could be executed. */
static void read_startup(struct run *run)
{
    ssize_t size = read(run->process.startup_fd, &run->failure, sizeof(run->failure));
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    run->has_failed = size == (ssize_t)sizeof(run->failure);
    close_early(&run->process.startup_fd);
}

/* True if there may be more at once. */
static bool read_output(int *fd, struct buffer *output)
{
    char chunk[CHUNK_BYTES];
    ssize_t size = read(*fd, chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR)
        return true;
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0) {
        close_early(fd);
        return false;
    }
    size_t room = output->limit - output->length;
    size_t kept = (size_t)size < room ? (size_t)size : room;
    bool fits = buffer_add(output, chunk, kept);
    CHECK(fits);
    return true;
}

/* To the whole group; to the child alone in the moment before it has made its group. */
static void signal_group(const struct run *run, int number)
{
    if (kill(-run->process.pid, number) != 0)
        (void)kill(run->process.pid, number);
}

static void press(struct run *run)
{
    switch (run->pressure) {
    case PRESSURE_NONE:
        signal_group(run, SIGTERM);
        run->pressure = PRESSURE_TERMINATED;
        run->next_pressure = deadline_after_ms(run->grace_ms);
        break;
    case PRESSURE_TERMINATED:
        signal_group(run, SIGKILL);
        run->pressure = PRESSURE_KILLED;
        run->next_pressure = deadline_after_ms(ABANDON_MS);
        break;
    case PRESSURE_KILLED:
        run->pressure = PRESSURE_ABANDONED;
        run->next_pressure = deadline_never();
        break;
    case PRESSURE_ABANDONED:
        break;
    }
}

/* A daemon that was left behind may hold the output open for ever: it counts only where daemons
 * are not allowed, and no longer once they have been killed. */
static bool is_over(const struct run *run, const struct child_request *request)
{
    if (!run->has_ended)
        return run->pressure == PRESSURE_ABANDONED;
    bool is_told = run->process.output_fd < 0 && run->process.error_fd < 0;
    return request->detach || is_told || run->pressure >= PRESSURE_KILLED;
}

static void wait_for_events(struct run *run)
{
    struct pollfd polled[] = {
        {.fd = run->process.startup_fd, .events = POLLIN},
        {.fd = run->process.output_fd, .events = POLLIN},
        {.fd = run->process.error_fd, .events = POLLIN},
        {.fd = run->has_ended ? -1 : run->process.pid_fd, .events = POLLIN},
    };
    int count = poll(polled, 4, deadline_poll_ms(run->next_pressure));
    CHECK(count >= 0 || errno == EINTR || errno == ENOMEM);
    if (count <= 0)
        return;
    if (polled[0].revents != 0)
        read_startup(run);
    if (polled[1].revents != 0)
        (void)read_output(&run->process.output_fd, &run->output);
    if (polled[2].revents != 0)
        (void)read_output(&run->process.error_fd, &run->errors);
    if (polled[3].revents != 0)
        run->has_ended = true;
}

/* What the child had written before it ended; bounded because a daemon may go on writing. */
static void read_rest_of(int *fd, struct buffer *output)
{
    while (*fd >= 0 && output->length < output->limit) {
        if (!read_output(fd, output))
            return;
    }
}

static void read_rest(struct run *run)
{
    if (run->process.startup_fd >= 0)
        read_startup(run);
    read_rest_of(&run->process.output_fd, &run->output);
    read_rest_of(&run->process.error_fd, &run->errors);
}

static bool reap(const struct run *run, const char *program, int *ret_status, struct error *err)
{
    siginfo_t info;
    while (waitid(P_PID, (id_t)run->process.pid, &info, WEXITED) != 0) {
        if (errno == EINTR)
            continue;
        error_set_errno(err, errno, "%s: wait", program);
        return false;
    }
    *ret_status = info.si_code == CLD_EXITED ? info.si_status : SIGNAL_STATUS + info.si_status;
    return true;
}

static void run_done(struct run *run)
{
    memory_close_fd(&run->process.startup_fd);
    memory_close_fd(&run->process.output_fd);
    memory_close_fd(&run->process.error_fd);
    memory_close_fd(&run->process.pid_fd);
    buffer_done(&run->output);
    buffer_done(&run->errors);
}

static bool finish(struct run *run, const struct child_request *request,
                   struct child_result *ret_result, struct error *err)
{
    int exit_status;
    if (!run->has_ended) {
        error_set(err, ERROR_TIMEOUT, "%s: process %d cannot be killed", request->argv[0],
                  (int)run->process.pid);
        return false;
    }
    read_rest(run);
    if (!request->detach)
        (void)kill(-run->process.pid, SIGKILL);
    if (!reap(run, request->argv[0], &exit_status, err))
        return false;
    if (run->has_failed) {
        child_failure_tell(&run->failure, request, err);
        return false;
    }
    ret_result->exit_status = exit_status;
    ret_result->timed_out = run->pressure != PRESSURE_NONE;
    ret_result->output = run->output;
    ret_result->errors = run->errors;
    buffer_init(&run->output, CHILD_OUTPUT_BYTES);
    buffer_init(&run->errors, CHILD_OUTPUT_BYTES);
    return true;
}

bool child_run(const struct child_request *request, struct child_result *ret_result,
               struct error *err)
{
    struct run run = {.next_pressure = request->deadline,
                      .grace_ms = request->grace_ms > 0 ? request->grace_ms : CHILD_GRACE_MS};
    if (!child_start(request, &run.process, err))
        return false;
    buffer_init(&run.output, CHILD_OUTPUT_BYTES);
    buffer_init(&run.errors, CHILD_OUTPUT_BYTES);
    while (!is_over(&run, request)) {
        wait_for_events(&run);
        if (deadline_is_over(run.next_pressure))
            press(&run);
    }
    bool is_good = finish(&run, request, ret_result, err);
    run_done(&run);
    return is_good;
}

void child_result_done(struct child_result *result)
{
    buffer_done(&result->output);
    buffer_done(&result->errors);
}
