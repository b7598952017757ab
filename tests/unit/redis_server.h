/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real redis-server for tests: on a unix socket in a directory of the test, nothing saved, ended
 * by its pid. Further settings are given as arguments of redis-server ("--requirepass", "x", …).
 */
#ifndef SHUNT_REDIS_SERVER_H
#define SHUNT_REDIS_SERVER_H

#include "check.h"
#include "clock.h"
#include "redis.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REDIS_SERVER_PROGRAM   "/usr/bin/redis-server"
#define REDIS_SERVER_ARGUMENTS 40    /* most of one server */
#define REDIS_SERVER_START_MS  20000 /* sanitizers and a busy machine make it slow */

struct redis_server {
    pid_t pid;
    struct redis_address address; /* of the unix socket */
};

/* redis-server ends with this process, also where a failed test leaves it behind. */
static inline void redis_server_execute(const char **argv)
{
    int nowhere = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execv(REDIS_SERVER_PROGRAM, (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Until it accepts; it may still want a password. */
static inline void redis_server_await(const struct redis_server *server)
{
    struct deadline deadline = deadline_after_ms(REDIS_SERVER_START_MS);
    struct redis_address plain = server->address;
    struct error err;
    plain.password_file[0] = '\0';
    struct redis *redis = redis_new(&plain);
    while (!redis_connect(redis, deadline, &err)) {
        CHECK(!deadline_is_over(deadline) && waitpid(server->pid, NULL, WNOHANG) == 0);
        poll(NULL, 0, 5);
    }
    redis_free(redis);
}

/* arguments: NULL-ended; NULL = none. */
static inline void redis_server_start(struct redis_server *server, const char *directory,
                                      const char *const *arguments)
{
    const char *argv[REDIS_SERVER_ARGUMENTS] = {
        REDIS_SERVER_PROGRAM, "--port", "0", "--dir", directory, "--save", "", "--appendonly", "no",
        "--unixsocket",       NULL};
    size_t count = 10;
    *server = (struct redis_server){.pid = -1};
    int length = snprintf(server->address.socket_path, sizeof(server->address.socket_path),
                          "%s/redis.sock", directory);
    CHECK(length > 0 && length < (int)sizeof(server->address.socket_path));
    argv[count++] = server->address.socket_path;
    for (; arguments && *arguments; arguments++) {
        CHECK(count + 1 < REDIS_SERVER_ARGUMENTS);
        argv[count++] = *arguments;
    }
    server->pid = fork();
    CHECK(server->pid >= 0);
    if (server->pid == 0)
        redis_server_execute(argv);
    redis_server_await(server);
}

static inline void redis_server_stop(struct redis_server *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = -1;
}

#endif
