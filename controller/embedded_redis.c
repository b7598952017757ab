/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision of the embedded redis-server: started, started again when it ends, ended with us.
 *
 * One that a killed controller has left needs a moment to end: it would take away the name of our
 * socket, and write to our append-only file. So each redis-server inherits a lock, which is free
 * again when none of them is left.
 */
#include "embedded.h"

#include "child.h"
#include "file.h"
#include "log.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTART_MS        500
#define VERSION_MS        5000
#define REDIS_LEAST_MAJOR 7
#define STOP_MS           5000 /* it closes its append-only file meanwhile */
#define LOCK_MS           20   /* between two looks at the lock of one that ends */

static const char *const programs[] = {"/usr/bin/redis-server", "/usr/local/bin/redis-server",
                                       "/usr/sbin/redis-server", NULL};

struct embedded {
    pthread_t thread;
    int stop_fd; /* an eventfd */
    int lock_fd; /* the thread's; -1 until it has the lock */
    const char *program;
    char *conf_path;
    char *lock_path;
};

/* In the child; the parent's thread lives as long as the controller does. */
static _Noreturn void become_redis(const struct embedded *embedded, pid_t parent)
{
    static char name[] = "redis-server", path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8";
    char *const argv[] = {name, embedded->conf_path, NULL};
    char *const environment[] = {path, locale, NULL};
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(embedded->lock_fd, F_SETFD, 0); /* inherited: it holds the lock until it is gone */
    setpgid(0, 0);                        /* a ^C in the terminal is ours to act on first */
    execve(embedded->program, argv, environment);
    _exit(127);
}

/* True when it ended by itself, false when we were asked to stop. */
static bool run_once(const struct embedded *embedded)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_redis(embedded, parent);
    if (pid < 0) {
        log_error("embedded redis: fork failed (errno %d)", errno);
        return true;
    }
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ends[] = {{.fd = pid_fd, .events = POLLIN},
                            {.fd = embedded->stop_fd, .events = POLLIN}};
    while (poll(ends, 2, -1) < 0 && errno == EINTR)
        ;
    bool has_ended = (ends[0].revents & POLLIN) != 0;
    if (!has_ended) {
        kill(pid, SIGTERM);
        if (poll(ends, 1, STOP_MS) == 0)
            kill(pid, SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    close(pid_fd);
    if (has_ended)
        log_error("embedded redis: ended with status %d; see redis.log beside its socket", status);
    return has_ended;
}

static bool is_stopped_within(const struct embedded *embedded, int ms)
{
    struct pollfd stop = {.fd = embedded->stop_fd, .events = POLLIN};
    return poll(&stop, 1, ms) > 0;
}

/* As long as it takes: two servers with one append-only file were worse than none. */
static bool wait_for_lock(struct embedded *embedded)
{
    struct error err;
    bool is_told = false;
    while (!file_lock(embedded->lock_path, &embedded->lock_fd, &err)) {
        if (!is_told)
            log_failure(LOG_LEVEL_WARNING, &err, "embedded redis: waiting for an earlier one");
        is_told = true;
        if (is_stopped_within(embedded, LOCK_MS))
            return false;
    }
    return true;
}

static void *supervise(void *context)
{
    struct embedded *embedded = context;
    if (wait_for_lock(embedded))
        while (run_once(embedded) && !is_stopped_within(embedded, RESTART_MS))
            ;
    return NULL;
}

static void release(struct embedded *embedded)
{
    memory_close_fd(&embedded->lock_fd);
    close(embedded->stop_fd);
    free(embedded->conf_path);
    free(embedded->lock_path);
    free(embedded);
}

static const char *find_program(void)
{
    for (size_t i = 0; programs[i] != NULL; i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

/* The users' rules need selectors, which came with Redis 7. */
static bool is_recent(const char *program, struct error *err)
{
    const char *const argv[] = {program, "--version", NULL};
    struct child_request request = {.argv = argv, .deadline = deadline_after_ms(VERSION_MS)};
    struct child_result result;
    if (!child_run(&request, &result, err))
        return false;
    const char *version = strstr(buffer_text(&result.output), "v=");
    bool is_good = version != NULL && strtol(version + 2, NULL, 10) >= REDIS_LEAST_MAJOR;
    if (!is_good) {
        error_set(err, ERROR_INVALID, "%s is '%.60s', not Redis %d or later", program,
                  buffer_text(&result.output), REDIS_LEAST_MAJOR);
        error_hint(err, "install a newer redis-server, or give redis a url");
    }
    child_result_done(&result);
    return is_good;
}

bool embedded_start(const struct config *config, struct embedded **ret_embedded, struct error *err)
{
    const char *program = find_program();
    if (program == NULL) {
        error_set(err, ERROR_NOT_FOUND, "redis: embedded needs redis-server");
        error_hint(err, "apt install redis-server, or give redis a url");
        return false;
    }
    if (!is_recent(program, err))
        return false;
    struct embedded *embedded = memory_zeroed(1, sizeof(*embedded));
    embedded->program = program;
    embedded->conf_path = memory_format("%s/redis/redis.conf", config->state_dir);
    embedded->lock_path = memory_format("%s/redis/lock", config->state_dir);
    embedded->lock_fd = -1;
    embedded->stop_fd = eventfd(0, EFD_CLOEXEC);
    int status = pthread_create(&embedded->thread, NULL, supervise, embedded);
    if (status != 0) {
        error_set_errno(err, status, "start the thread that supervises redis");
        release(embedded);
        return false;
    }
    *ret_embedded = embedded;
    return true;
}

void embedded_stop(struct embedded *embedded)
{
    uint64_t one = 1;
    if (embedded == NULL)
        return;
    if (write(embedded->stop_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(embedded->thread, NULL);
    release(embedded);
}
