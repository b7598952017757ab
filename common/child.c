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

#define OUTPUT_BYTES  (64 * 1024)
#define CHUNK_BYTES   (16 * 1024)
#define GRACE_MS      2000  /* from SIGTERM to SIGKILL */
#define ABANDON_MS    10000 /* from SIGKILL: a process in the kernel's hands may never end */
#define SIGNAL_STATUS 128

/* How far we have gone with a child that did not end in time. */
enum pressure { PRESSURE_NONE, PRESSURE_TERMINATED, PRESSURE_KILLED, PRESSURE_ABANDONED };

struct run {
    struct child_process process;
    bool has_ended; /* not reaped yet: that keeps its number from being given to another */
    enum pressure pressure;
    struct deadline next_pressure;
    bool has_failed; /* the program could not be executed */
    struct child_failure failure;
    struct buffer output;
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
static bool read_output(struct run *run)
{
    char chunk[CHUNK_BYTES];
    ssize_t size = read(run->process.output_fd, chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR)
        return true;
    if (size < 0 && errno == EAGAIN)
        return false;
    if (size <= 0) {
        close_early(&run->process.output_fd);
        return false;
    }
    size_t room = OUTPUT_BYTES - run->output.length;
    size_t kept = (size_t)size < room ? (size_t)size : room;
    bool fits = buffer_add(&run->output, chunk, kept);
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
        run->next_pressure = deadline_after_ms(GRACE_MS);
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
    return request->detach || run->process.output_fd < 0 || run->pressure >= PRESSURE_KILLED;
}

static void wait_for_events(struct run *run)
{
    struct pollfd polled[] = {
        {.fd = run->process.startup_fd, .events = POLLIN},
        {.fd = run->process.output_fd, .events = POLLIN},
        {.fd = run->has_ended ? -1 : run->process.pid_fd, .events = POLLIN},
    };
    int count = poll(polled, 3, deadline_poll_ms(run->next_pressure));
    CHECK(count >= 0 || errno == EINTR || errno == ENOMEM);
    if (count <= 0)
        return;
    if (polled[0].revents != 0)
        read_startup(run);
    if (polled[1].revents != 0)
        (void)read_output(run);
    if (polled[2].revents != 0)
        run->has_ended = true;
}

/* What the child had written before it ended; bounded because a daemon may go on writing. */
static void read_rest(struct run *run)
{
    if (run->process.startup_fd >= 0)
        read_startup(run);
    while (run->process.output_fd >= 0 && run->output.length < OUTPUT_BYTES) {
        if (!read_output(run))
            return;
    }
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
    memory_close_fd(&run->process.pid_fd);
    buffer_done(&run->output);
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
    buffer_init(&run->output, OUTPUT_BYTES);
    return true;
}

bool child_run(const struct child_request *request, struct child_result *ret_result,
               struct error *err)
{
    struct run run = {.next_pressure = request->deadline};
    if (!child_start(request, &run.process, err))
        return false;
    buffer_init(&run.output, OUTPUT_BYTES);
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
}
