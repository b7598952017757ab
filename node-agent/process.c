/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "memory.h"
#include "process_evidence.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCRATCH_BYTES ((size_t)256 * 1024)

/* A process that is being executed is looked at again: a few that hide their command line for good
 * must not hold up the search. */
#define EXECUTING_LOOKS   10
#define EXECUTING_WAIT_MS 1

/* What one search goes by. */
struct search {
    const struct bitbucket_config *config;
    struct home_names home;
    struct buffer scratch;
    struct process_list *list;
};

static void search_init(struct search *search, const struct bitbucket_config *config,
                        struct process_list *list)
{
    search->config = config;
    search->list = list;
    list->count = 0;
    home_names_of(config, &search->home);
    buffer_init(&search->scratch, SCRATCH_BYTES);
}

static int pidfd_of(pid_t pid)
{
    /* The wrapper came with glibc 2.36; the call with Linux 5.3. It sets close-on-exec itself. */
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool process_is_gone(const struct process *process)
{
    struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

bool process_list_is_gone(const struct process_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!process_is_gone(&list->items[i]))
            return false;
    }
    return true;
}

bool process_wait_gone(const struct process *process, struct deadline deadline)
{
    struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};
    while (poll(&poll_fd, 1, deadline_poll_ms(deadline)) != 1) {
        if (deadline_is_over(deadline))
            return false;
    }
    return true;
}

static bool is_ours(struct search *search, const struct process *process, bool is_from_pid_file)
{
    for (int i = 0; i < EXECUTING_LOOKS; i++) {
        enum evidence evidence = evidence_of(process->pid, search->config, &search->home,
                                             is_from_pid_file, &search->scratch);
        if (evidence != EVIDENCE_UNCLEAR)
            return evidence == EVIDENCE_BITBUCKET;
        process_wait_gone(process, deadline_after_ms(EXECUTING_WAIT_MS));
    }
    return false;
}

/* Adds the process if it is ours and alive; one that ends meanwhile is none. */
static bool search_add(struct search *search, pid_t pid, bool is_from_pid_file, struct error *err)
{
    struct process_list *list = search->list;
    struct process process = {.pid = pid, .pidfd = pidfd_of(pid)};
    if (process.pidfd < 0) {
        if (errno == ESRCH || errno == EINVAL) /* ended, or the id of a thread */
            return true;
        error_set_errno(err, errno, "pidfd_open of process %d", (int)pid);
        return false;
    }
    if (!is_ours(search, &process, is_from_pid_file) || process_is_gone(&process)) {
        close(process.pidfd);
        return true;
    }
    if (list->count == PROCESS_MOST) {
        close(process.pidfd);
        error_set(err, ERROR_CONFLICT, "more than %d processes of %s are running", PROCESS_MOST,
                  search->config->home);
        return false;
    }
    list->items[list->count++] = process;
    return true;
}

/* The number in the pid file, or 0. */
static pid_t read_pid_file(const struct bitbucket_config *config)
{
    char path[LIMIT_PATH + 32];
    char text[24];
    uint64_t pid = 0;
    snprintf(path, sizeof(path), "%s/log/bitbucket.pid", config->home);
    CLOSE_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (size <= 0)
        return 0;
    text[size] = '\0';
    text[strcspn(text, " \t\r\n")] = '\0';
    return text_parse_u64(text, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

static bool is_evident(const struct process_list *list, pid_t pid)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].pid == pid)
            return true;
    }
    return false;
}

static bool search_all(struct search *search, struct error *err)
{
    struct dirent *entry;
    uint64_t pid;
    bool is_well = true;
    DIR *directory = opendir("/proc");
    if (directory == NULL) {
        error_set_errno(err, errno, "open /proc");
        return false;
    }
    while (is_well && (entry = readdir(directory)) != NULL) {
        if (text_parse_u64(entry->d_name, INT32_MAX, &pid) && pid != (uint64_t)getpid() &&
            !is_evident(search->list, (pid_t)pid))
            is_well = search_add(search, (pid_t)pid, false, err);
    }
    closedir(directory);
    return is_well;
}

static bool search_run(const struct bitbucket_config *config, bool scan_all,
                       struct process_list *ret_list, struct error *err)
{
    struct search search;
    struct process_list list;
    search_init(&search, config, &list);
    pid_t pid = read_pid_file(config);
    bool is_well = pid <= 0 || search_add(&search, pid, true, err);
    if (is_well && scan_all)
        is_well = search_all(&search, err);
    buffer_done(&search.scratch);
    if (!is_well) {
        process_list_done(&list);
        return false;
    }
    *ret_list = list;
    return true;
}

bool process_find(const struct bitbucket_config *config, struct process_list *ret_list,
                  struct error *err)
{
    return search_run(config, true, ret_list, err);
}

bool process_find_by_pid_file(const struct bitbucket_config *config, struct process_list *ret_list,
                              struct error *err)
{
    return search_run(config, false, ret_list, err);
}

pid_t process_stale_pid(const struct bitbucket_config *config, const struct process_list *list)
{
    pid_t pid = read_pid_file(config);
    return pid > 0 && !is_evident(list, pid) ? pid : 0;
}

void process_list_done(struct process_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        close(list->items[i].pidfd);
    list->count = 0;
}

void process_release(const struct bitbucket_config *config, const struct process *process,
                     char version[LIMIT_VERSION])
{
    evidence_release(process->pid, config, version);
    if (process_is_gone(process)) /* the number may be another's by now */
        version[0] = '\0';
}

void process_list_write(const struct process_list *list, char *text, size_t size)
{
    size_t length = 0;
    bool tells_of_all = process_list_is_gone(list);
    text[0] = '\0';
    for (size_t i = 0; i < list->count && length < size; i++) {
        if (tells_of_all || !process_is_gone(&list->items[i]))
            length += (size_t)snprintf(text + length, size - length, "%s%d", length > 0 ? ", " : "",
                                       (int)list->items[i].pid);
    }
}
