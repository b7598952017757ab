/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "memory.h"
#include "process_evidence.h"
#include "process_owner.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A process that is being executed is looked at again: a few that hide their command line for good
 * must not hold up the search. */
#define EXECUTING_LOOKS   10
#define EXECUTING_WAIT_MS 1

/* What one search goes by. */
struct search {
    const struct bitbucket_config *config;
    struct home_names home;
    struct process_owners owners;
    struct buffer scratch;
    struct process_list *list;
    struct error *err;
    bool is_well;
};

static void search_init(struct search *search, const struct bitbucket_config *config,
                        struct process_list *list, struct error *err)
{
    *search = (struct search){.config = config, .list = list, .err = err, .is_well = true};
    list->count = 0;
    home_names_of(config, &search->home);
    process_owners_init(&search->owners, config);
    buffer_init(&search->scratch, EVIDENCE_BYTES);
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

/* *ret_evidence of one look. False with *err: it looks like Bitbucket, and whom to believe cannot
 * be told. */
static bool look_at(struct search *search, pid_t pid, bool is_from_pid_file,
                    enum evidence *ret_evidence)
{
    struct buffer *scratch = &search->scratch;
    struct error failure;
    bool is_believed = false;
    *ret_evidence = evidence_of(pid, is_from_pid_file, scratch);
    if (*ret_evidence == EVIDENCE_STRANGER)
        return true;
    bool is_known = process_owners_believe(&search->owners, pid, &is_believed, &failure);
    if (!is_known && *ret_evidence == EVIDENCE_BITBUCKET) {
        *search->err = failure;
        return false;
    }
    if (is_known && !is_believed)
        *ret_evidence = EVIDENCE_STRANGER;
    else if (*ret_evidence == EVIDENCE_BITBUCKET)
        *ret_evidence =
            evidence_of_home(pid, search->config, &search->home, is_from_pid_file, scratch);
    return true;
}

static bool is_ours(struct search *search, const struct process *process, bool is_from_pid_file,
                    bool *ret_is_ours)
{
    enum evidence evidence = EVIDENCE_UNCLEAR;
    for (int i = 0; i < EXECUTING_LOOKS && evidence == EVIDENCE_UNCLEAR; i++) {
        if (i > 0)
            process_wait_gone(process, deadline_after_ms(EXECUTING_WAIT_MS));
        if (!look_at(search, process->pid, is_from_pid_file, &evidence))
            return false;
    }
    *ret_is_ours = evidence == EVIDENCE_BITBUCKET;
    return true;
}

/* Adds the process if it is ours and alive; one that ends meanwhile is none. */
static bool search_add(struct search *search, pid_t pid, bool is_from_pid_file)
{
    bool is_bitbucket = false;
    struct process_list *list = search->list;
    struct process process = {.pid = pid, .pidfd = pidfd_of(pid)};
    if (process.pidfd < 0) {
        if (errno == ESRCH || errno == EINVAL) /* ended, or the id of a thread */
            return true;
        error_set_errno(search->err, errno, "pidfd_open of process %d", (int)pid);
        return false;
    }
    bool is_well = is_ours(search, &process, is_from_pid_file, &is_bitbucket);
    if (!is_bitbucket || process_is_gone(&process)) {
        close(process.pidfd);
        return is_well;
    }
    if (list->count == PROCESS_MOST) {
        close(process.pidfd);
        error_set(search->err, ERROR_CONFLICT, "more than %d processes of %s are running",
                  PROCESS_MOST, search->config->home);
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

static bool visit_process(pid_t pid, void *context)
{
    struct search *search = context;
    if (!is_evident(search->list, pid))
        search->is_well = search_add(search, pid, false);
    return search->is_well;
}

static bool search_run(const struct bitbucket_config *config, bool scan_all,
                       struct process_list *ret_list, struct error *err)
{
    struct search search;
    struct process_list list;
    search_init(&search, config, &list, err);
    pid_t pid = read_pid_file(config);
    bool is_well = pid <= 0 || search_add(&search, pid, true);
    if (is_well && scan_all)
        is_well = evidence_scan(visit_process, &search, err) && search.is_well;
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
