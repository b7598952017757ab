/* SPDX-License-Identifier: Apache-2.0 */
#include "child_start.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_GROUPS  64          /* supplementary groups of a service user */
#define USER_BYTES   (16 * 1024) /* its passwd entry */
#define EXIT_UNUSUAL 127         /* as the shell; nobody sees it, for the failure is told first */
#define STARTUP_FD   (STDERR_FILENO + 1)

/* Whom the child becomes, looked up before fork(): name services allocate and lock. */
struct identity {
    bool is_change;
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[MOST_GROUPS];
};

/* All that the child works with. */
struct preparation {
    const struct child_request *request;
    struct identity identity;
    int input_fd;
    int output_fd;
    int error_fd; /* -1: the same as output_fd */
    int startup_fd;
};

static bool find_identity(const char *user, struct identity *identity, struct error *err)
{
    struct passwd entry;
    struct passwd *found = NULL;
    if (user == NULL)
        return true;
    FREE_CLEANUP char *texts = memory_zeroed(USER_BYTES, 1);
    int failure = getpwnam_r(user, &entry, texts, USER_BYTES, &found);
    if (failure != 0) {
        error_set_errno(err, failure, "user '%s'", user);
        return false;
    }
    if (found == NULL) {
        error_set(err, ERROR_NOT_FOUND, "there is no user '%s'", user);
        return false;
    }
    identity->is_change = entry.pw_uid != geteuid();
    identity->uid = entry.pw_uid;
    identity->gid = entry.pw_gid;
    identity->group_count = MOST_GROUPS;
    if (getgrouplist(user, entry.pw_gid, identity->groups, &identity->group_count) < 0) {
        error_set(err, ERROR_INVALID, "user '%s' is in more than %d groups", user, MOST_GROUPS);
        return false;
    }
    return true;
}

/* The input lies in memory, so that no pipe can fill up and nobody has to feed it. */
static int open_input(const char *input)
{
    if (input == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    size_t length = strlen(input);
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    if (write(fd, input, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    memory_close_fd(&fd);
    return -1;
}

/* From here to enter_program(): in the child. Each step returns false with errno set. */

static bool become_user(const struct identity *identity)
{
    if (!identity->is_change)
        return true;
    return setgroups((size_t)identity->group_count, identity->groups) == 0 &&
           setgid(identity->gid) == 0 && setuid(identity->uid) == 0;
}

static bool arrange_descriptors(const struct preparation *preparation)
{
    int error_fd = preparation->error_fd >= 0 ? preparation->error_fd : preparation->output_fd;
    if (dup2(preparation->input_fd, STDIN_FILENO) < 0 ||
        dup2(preparation->output_fd, STDOUT_FILENO) < 0 || dup2(error_fd, STDERR_FILENO) < 0)
        return false;
    if (preparation->startup_fd != STARTUP_FD &&
        dup3(preparation->startup_fd, STARTUP_FD, O_CLOEXEC) < 0)
        return false;
    return syscall(SYS_close_range, STARTUP_FD + 1, ~0U, 0) == 0;
}

/*
 * Our own umask and core limit protect our secrets, and our priority is for answering at once; a
 * program of somebody else must not have them. Signals, too: also those that we ignore. All are
 * still blocked from before fork(), so that none of our handlers can run in the child.
 */
static void reset_inherited(void)
{
    sigset_t none;
    struct rlimit core;
    umask(S_IWGRP | S_IWOTH);
    errno = 0;
    if (getpriority(PRIO_PROCESS, 0) < 0 && errno == 0)
        (void)setpriority(PRIO_PROCESS, 0, 0);
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = core.rlim_max;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &standard, NULL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool execute(const struct child_request *request)
{
    static const char *const nothing[] = {NULL};
    const char *const *environment = request->environment;
    char *const *arguments;
    char *const *variables;
    if (environment == NULL)
        environment = nothing;
    /* execve(2) changes neither; its prototype is older than const. */
    memcpy(&arguments, &request->argv, sizeof(arguments));
    memcpy(&variables, &environment, sizeof(variables));
    execve(request->argv[0], arguments, variables);
    return false;
}

static bool do_step(const struct preparation *preparation, enum child_step step)
{
    const struct child_request *request = preparation->request;
    switch (step) {
    case CHILD_STEP_GROUP:
        return request->detach ? setsid() >= 0 : setpgid(0, 0) == 0;
    case CHILD_STEP_USER:
        return become_user(&preparation->identity);
    case CHILD_STEP_DIRECTORY:
        return chdir(request->directory == NULL ? "/" : request->directory) == 0;
    case CHILD_STEP_DESCRIPTORS:
        return arrange_descriptors(preparation);
    case CHILD_STEP_EXECUTE:
        reset_inherited();
        return execute(request);
    case CHILD_STEP_COUNT:
        break;
    }
    return false;
}

static _Noreturn void enter_program(const struct preparation *preparation)
{
    struct child_failure failure = {.step = CHILD_STEP_GROUP};
    while (do_step(preparation, failure.step))
        failure.step++;
    failure.errno_value = errno;
    int told_fd = failure.step > CHILD_STEP_DESCRIPTORS ? STARTUP_FD : preparation->startup_fd;
    (void)!write(told_fd, &failure, sizeof(failure));
    _exit(EXIT_UNUSUAL);
}

static pid_t fork_with_signals_blocked(const struct preparation *preparation)
{
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        enter_program(preparation);
    int kept_errno = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = kept_errno;
    return pid;
}
/* A pipe whose reading end does not block. */
static bool open_pipe(int *ret_read_fd, int *ret_write_fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    *ret_read_fd = ends[0];
    *ret_write_fd = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_pid_fd(pid_t pid, int *ret_fd)
{
    *ret_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*ret_fd >= 0)
        return true;
    int kept_errno = errno;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    errno = kept_errno;
    return false;
}

static void close_process(struct child_process *process)
{
    memory_close_fd(&process->pid_fd);
    memory_close_fd(&process->output_fd);
    memory_close_fd(&process->error_fd);
    memory_close_fd(&process->startup_fd);
}

/* False with errno set; the descriptors so far are in both structs. */
static bool fork_child(struct preparation *preparation, struct child_process *process)
{
    preparation->input_fd = open_input(preparation->request->input);
    if (preparation->input_fd < 0 || !open_pipe(&process->output_fd, &preparation->output_fd) ||
        !open_pipe(&process->startup_fd, &preparation->startup_fd))
        return false;
    if (preparation->request->keeps_errors_apart &&
        !open_pipe(&process->error_fd, &preparation->error_fd))
        return false;
    /* Otherwise arranging 0, 1 and 2 in the child would close what it is arranged from. */
    CHECK(preparation->input_fd > STDERR_FILENO && preparation->output_fd > STDERR_FILENO &&
          preparation->startup_fd > STDERR_FILENO &&
          (preparation->error_fd < 0 || preparation->error_fd > STDERR_FILENO));
    process->pid = fork_with_signals_blocked(preparation);
    return process->pid > 0 && open_pid_fd(process->pid, &process->pid_fd);
}

bool child_start(const struct child_request *request, struct child_process *ret_process,
                 struct error *err)
{
    struct child_process process = {
        .pid_fd = -1, .output_fd = -1, .error_fd = -1, .startup_fd = -1};
    struct preparation preparation = {
        .request = request, .input_fd = -1, .output_fd = -1, .error_fd = -1, .startup_fd = -1};
    CHECK(request->argv[0][0] == '/');
    if (!find_identity(request->user, &preparation.identity, err)) {
        error_wrap(err, "%s", request->argv[0]);
        return false;
    }
    bool is_started = fork_child(&preparation, &process);
    if (!is_started)
        error_set_errno(err, errno, "%s: fork", request->argv[0]);
    memory_close_fd(&preparation.input_fd);
    memory_close_fd(&preparation.output_fd);
    memory_close_fd(&preparation.error_fd);
    memory_close_fd(&preparation.startup_fd);
    if (is_started)
        *ret_process = process;
    else
        close_process(&process);
    return is_started;
}

void child_failure_tell(const struct child_failure *failure, const struct child_request *request,
                        struct error *err)
{
    static const char *const steps[] = {
        [CHILD_STEP_GROUP] = "new process group",
        [CHILD_STEP_USER] = "become user",
        [CHILD_STEP_DIRECTORY] = "enter directory",
        [CHILD_STEP_DESCRIPTORS] = "arrange descriptors",
        [CHILD_STEP_EXECUTE] = "execute",
    };
    _Static_assert(sizeof(steps) / sizeof(steps[0]) == CHILD_STEP_COUNT, "one text a step");
    const char *detail = "";
    if (failure->step == CHILD_STEP_USER)
        detail = request->user;
    if (failure->step == CHILD_STEP_DIRECTORY)
        detail = request->directory == NULL ? "/" : request->directory;
    CHECK((unsigned)failure->step < CHILD_STEP_COUNT);
    error_set_errno(err, failure->errno_value, "%s: %s%s%s", request->argv[0], steps[failure->step],
                    detail[0] == '\0' ? "" : " ", detail);
}
