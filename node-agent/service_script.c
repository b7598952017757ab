/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product's own scripts, or the init script that its installer makes, run by a process between
 * us and them: it keeps taking the script's output after we have seen what we wanted and are gone,
 * so that a script which still prints is not ended by a broken pipe.
 */
#include "service.h"

#include "child.h"
#include "memory.h"
#include "quote.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define OUTPUT_SIZE 300 /* of the end of a failed script's output, for a message */
#define RESULT_FD   3
#define LOCK_FD     4

#define NAME_SIZE (LIMIT_PATH + 8)

/* Debian's /lib/lsb/init-functions would hand the action to systemd, whose unit, made from the
 * script, need not know of a Bitbucket that was started by the script alone. */
#define INIT_SCRIPT_IS_MEANT "SYSTEMCTL_SKIP_REDIRECT=1"

struct service_order {
    char name[NAME_SIZE]; /* of the script and its action, for messages */
    pid_t pid;            /* of the process between */
    int result_fd;
};

/* What is executed. */
struct script_command {
    char path[LIMIT_PATH + 64];
    const char *argument;                           /* NULL = none */
    const char *user;                               /* NULL = as we are */
    const char *environment[AGENT_ENVIRONMENT + 2]; /* ends with NULL */
};

/* What comes over the pipe, in one piece. */
struct script_result {
    bool has_run;
    bool has_timed_out; /* and was ended */
    int exit_status;
    struct error error;       /* where it has not run */
    char output[OUTPUT_SIZE]; /* its end, one line */
};
_Static_assert(sizeof(struct script_result) <= PIPE_BUF, "written and read in one piece");

static const char *action_word(enum service_action action)
{
    return action == SERVICE_START ? "start" : "stop";
}

static void compose_own(const struct bitbucket_config *config, enum service_action action,
                        struct script_command *command)
{
    size_t count = 1;
    (void)snprintf(command->path, sizeof(command->path), "%s/bin/%s-bitbucket.sh",
                   config->install_link, action_word(action));
    command->argument = action == SERVICE_START ? "--no-search" : NULL;
    command->user = config->user[0] != '\0' ? config->user : NULL;
    for (size_t i = 0; i < config->environment_count; i++)
        command->environment[count++] = config->environment[i];
}

/* As root, as at the boot: the script itself becomes the user. */
static void compose_init(const struct bitbucket_config *config, enum service_action action,
                         struct script_command *command)
{
    TEXT_COPY(command->path, config->init_script);
    command->argument = action_word(action);
    command->environment[1] = INIT_SCRIPT_IS_MEANT;
}

static void compose(const struct bitbucket_config *config, enum service_action action,
                    struct script_command *command)
{
    memset(command, 0, sizeof(*command));
    command->environment[0] = SCRIPT_PATH;
    if (config->service == SERVICE_SYSV)
        compose_init(config, action, command);
    else
        compose_own(config, action, command);
}

static void write_name(const struct bitbucket_config *config, enum service_action action,
                       char name[NAME_SIZE])
{
    if (config->service == SERVICE_SYSV)
        (void)snprintf(name, NAME_SIZE, "%s %s", config->init_script, action_word(action));
    else
        (void)snprintf(name, NAME_SIZE, "%s-bitbucket.sh", action_word(action));
}

static void take_result(struct child_result *child, struct script_result *ret_result)
{
    const char *output = buffer_text(&child->output);
    size_t length = strlen(output);
    while (length > 0 && output[length - 1] == '\n')
        length--;
    size_t kept = length < OUTPUT_SIZE / 2 ? length : OUTPUT_SIZE / 2;
    ret_result->has_run = true;
    ret_result->has_timed_out = child->timed_out;
    ret_result->exit_status = child->exit_status;
    quote_text(ret_result->output, sizeof(ret_result->output), output + length - kept, kept);
}

static void run_script(const struct bitbucket_config *config, enum service_action action,
                       struct deadline deadline, struct script_result *ret_result)
{
    struct script_command command;
    const char *argv[] = {command.path, NULL, NULL};
    struct child_request request = {
        .argv = argv,
        .environment = command.environment,
        .deadline = deadline,
        .detach = true,
    };
    struct child_result child;
    compose(config, action, &command);
    argv[1] = command.argument;
    request.user = command.user;
    if (child_run(&request, &child, &ret_result->error)) {
        take_result(&child, ret_result);
        child_result_done(&child);
    }
}

/* Held by the process between until the script has ended: it outlives the job, and the agent. -1 if
 * an earlier one has it. The directory of the releases is there on every node. */
static int lock_script(const struct bitbucket_config *config)
{
    int fd = open(config->releases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    memory_close_fd(&fd);
    return -1;
}

static bool script_is_busy(const struct bitbucket_config *config)
{
    CLOSE_CLEANUP int fd = open(config->releases, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/* To these numbers, whatever they had before. */
static void keep_open(int result_fd, int lock_fd)
{
    int result = fcntl(result_fd, F_DUPFD_CLOEXEC, LOCK_FD + 1);
    int lock = lock_fd >= 0 ? fcntl(lock_fd, F_DUPFD_CLOEXEC, LOCK_FD + 1) : -1;
    (void)dup3(result, RESULT_FD, O_CLOEXEC);
    (void)close(LOCK_FD);
    (void)dup3(lock, LOCK_FD, O_CLOEXEC);
    (void)syscall(SYS_close_range, LOCK_FD + 1, ~0U, 0);
}

/* Out of the job's process group, and out of its pipes: neither its end nor its cancellation must
 * end a script, or Bitbucket itself, half way. */
static _Noreturn void be_between(const struct bitbucket_config *config, enum service_action action,
                                 struct deadline deadline, int result_fd, int lock_fd)
{
    struct script_result result;
    memset(&result, 0, sizeof(result));
    (void)setsid();
    keep_open(result_fd, lock_fd);
    (void)signal(SIGPIPE, SIG_IGN);
    run_script(config, action, deadline, &result);
    (void)!write(RESULT_FD, &result, sizeof(result));
    _exit(EXIT_SUCCESS);
}

static bool script_begin(const struct bitbucket_config *config, enum service_action action,
                         struct deadline deadline, struct service_order **ret_order,
                         struct error *err)
{
    int pipe_fds[2];
    /* The end of the start script's time would end its whole session, Bitbucket included. */
    struct deadline own = action == SERVICE_START ? deadline_never() : deadline;
    if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) != 0) {
        error_set_errno(err, errno, "pipe");
        return false;
    }
    CLOSE_CLEANUP int lock_fd = lock_script(config);
    pid_t pid = fork();
    if (pid == 0)
        be_between(config, action, own, pipe_fds[1], lock_fd);
    int fork_errno = errno;
    close(pipe_fds[1]);
    if (pid < 0) {
        close(pipe_fds[0]);
        error_set_errno(err, fork_errno, "fork");
        return false;
    }
    struct service_order *order = memory_zeroed(1, sizeof(*order));
    *order = (struct service_order){.pid = pid, .result_fd = pipe_fds[0]};
    write_name(config, action, order->name);
    *ret_order = order;
    return true;
}

static int script_fd(const struct service_order *order)
{
    return order->result_fd;
}

static bool judge(const struct service_order *order, const struct script_result *result,
                  struct error *err)
{
    if (!result->has_run) {
        *err = result->error;
        error_wrap(err, "%s", order->name);
        return false;
    }
    if (result->has_timed_out) {
        error_set(err, ERROR_TIMEOUT, "%s did not come back in its time, and was ended: %s",
                  order->name, result->output[0] != '\0' ? result->output : "no output");
        return false;
    }
    if (result->exit_status == 0)
        return true;
    error_set(err, ERROR_RELEASE, "%s ended with status %d: %s", order->name, result->exit_status,
              result->output[0] != '\0' ? result->output : "no output");
    return false;
}

static bool script_advance(struct service_order *order, bool *ret_is_over, struct error *err)
{
    struct script_result result;
    ssize_t size = read(order->result_fd, &result, sizeof(result));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        *ret_is_over = false;
        return true;
    }
    *ret_is_over = true;
    if (size != (ssize_t)sizeof(result)) {
        error_set(err, ERROR_SYSTEM, "%s: its end could not be seen", order->name);
        return false;
    }
    return judge(order, &result, err);
}

static void script_leave(struct service_order *order)
{
    memory_close_fd(&order->result_fd);
    (void)waitpid(order->pid, NULL, WNOHANG);
    free(order);
}

static bool script_environment_home(const struct bitbucket_config *config, char home[LIMIT_PATH],
                                    struct error *err)
{
    (void)err;
    home[0] = '\0';
    for (size_t i = 0; i < config->environment_count; i++) {
        const char *value = service_home_value(config->environment[i]);
        if (value != NULL)
            text_copy(home, LIMIT_PATH, value);
    }
    return true;
}

static bool script_user(const struct bitbucket_config *config, char user[LIMIT_NAME],
                        struct error *err)
{
    (void)err;
    text_copy(user, LIMIT_NAME, config->user);
    return true;
}

const struct service service_script = {
    .begin = script_begin,
    .is_busy = script_is_busy,
    .fd = script_fd,
    .advance = script_advance,
    .leave = script_leave,
    .environment_home = script_environment_home,
    .user = script_user,
};

/* What an init script sets may be lost where it becomes the user; a new tree's own file is set,
 * which a variable that comes through overrules. */
static bool init_environment_home(const struct bitbucket_config *config, char home[LIMIT_PATH],
                                  struct error *err)
{
    (void)config;
    (void)err;
    home[0] = '\0';
    return true;
}

static bool init_define(const struct bitbucket_config *config,
                        struct service_definition *ret_definition, struct error *err)
{
    (void)snprintf(ret_definition->name, sizeof(ret_definition->name), "init script %s",
                   config->init_script);
    ret_definition->has_changed = false;
    return service_define_script(config->init_script, ret_definition, err);
}

const struct service service_sysv = {
    .begin = script_begin,
    .is_busy = script_is_busy,
    .fd = script_fd,
    .advance = script_advance,
    .leave = script_leave,
    .environment_home = init_environment_home,
    .user = script_user,
    .define = init_define,
};
