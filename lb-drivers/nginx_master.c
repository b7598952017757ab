/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_master.h"

#include "file.h"
#include "memory.h"
#include "nginx_title.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LIST_BYTES   (16 * 1024) /* NGINX_WORKERS pids */
#define STAT_BYTES   1024
#define PROC_NAME    64
#define PID_BYTES    64        /* of a pid file: a number and a newline */
#define LIST_LOOKS   10        /* at a list of children that changes */
#define OLD_BINARY   ".oldbin" /* NGINX names the pid file so while a new binary takes over */
#define START_COLUMN 22        /* of /proc/PID/stat, proc(5) */

/* What /proc has of a process; false where the process is gone. */
static bool read_proc(pid_t pid, const char *what, size_t limit, struct buffer *ret_text)
{
    char path[PROC_NAME];
    struct error ignored;

    buffer_init(ret_text, limit);
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
    return file_read(path, ret_text, &ignored);
}

static enum nginx_title title_of(pid_t pid, struct buffer *scratch)
{
    buffer_done(scratch);
    if (!read_proc(pid, "cmdline", LIST_BYTES, scratch))
        return NGINX_TITLE_NONE;
    return nginx_title_read(buffer_text(scratch));
}

static bool read_pid_file(const char *path, pid_t *ret_pid, struct error *err)
{
    struct buffer text BUFFER_CLEANUP = {0};
    uint64_t pid = 0;

    buffer_init(&text, PID_BYTES);
    if (!file_read(path, &text, err)) {
        if (err->code == ERROR_NOT_FOUND)
            error_set(err, ERROR_UNAVAILABLE, "no NGINX runs: there is no pid file '%s'", path);
        return false;
    }
    if (text.length > 0 && text.data[text.length - 1] == '\n')
        text.data[text.length - 1] = '\0';
    if (text_parse_u64(buffer_text(&text), INT32_MAX, &pid) && pid > 0) {
        *ret_pid = (pid_t)pid;
        return true;
    }
    error_set(err, ERROR_UNAVAILABLE, "pid file '%s' holds no number", path);
    return false;
}

/* A master whose new binary has taken over the pid file still serves, with workers that are not
 * the new master's. */
static bool check_old_binary(const char *pid_file, struct error *err)
{
    FREE_CLEANUP char *path = memory_format("%s%s", pid_file, OLD_BINARY);
    struct buffer scratch BUFFER_CLEANUP = {0};
    struct error ignored;
    pid_t pid;

    if (access(path, F_OK) != 0 || !read_pid_file(path, &pid, &ignored) ||
        title_of(pid, &scratch) != NGINX_TITLE_MASTER)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "a new binary is taking over from master %d", (int)pid);
    error_hint(err, "end that upgrade of NGINX first: QUIT to the old master");
    return false;
}

void nginx_master_close(struct nginx_master *master)
{
    memory_close_fd(&master->pid_fd);
    master->pid_fd = -1;
}

static bool is_gone(const struct nginx_master *master)
{
    struct pollfd poll_fd = {.fd = master->pid_fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

/* The title is read while the descriptor holds the process, so that both are of the same one. */
static bool check_master(const struct nginx_master *master, const char *pid_file,
                         const char *config_path, struct error *err)
{
    struct buffer scratch BUFFER_CLEANUP = {0};

    if (title_of(master->pid, &scratch) != NGINX_TITLE_MASTER || is_gone(master)) {
        error_set(err, ERROR_UNAVAILABLE,
                  "no NGINX runs: process %d of pid file '%s' is no master of one",
                  (int)master->pid, pid_file);
        return false;
    }
    if (nginx_title_may_run(buffer_text(&scratch), config_path))
        return true;
    error_set(err, ERROR_CONFLICT, "master %d of pid file '%s' runs another configuration",
              (int)master->pid, pid_file);
    error_hint(err, "its command line has another -c: set pid_file, or the address");
    return false;
}

bool nginx_master_open(const char *pid_file, const char *config_path,
                       struct nginx_master *ret_master, struct error *err)
{
    struct nginx_master master;

    if (!read_pid_file(pid_file, &master.pid, err) || !check_old_binary(pid_file, err))
        return false;
    /* The wrapper came with glibc 2.36; the call with Linux 5.3. It sets close-on-exec itself. */
    master.pid_fd = (int)syscall(SYS_pidfd_open, master.pid, 0);
    if (master.pid_fd < 0) {
        error_set_errno(err, errno, "process %d of pid file '%s'", (int)master.pid, pid_file);
        if (errno == ESRCH)
            err->code = ERROR_UNAVAILABLE;
        return false;
    }
    if (check_master(&master, pid_file, config_path, err)) {
        *ret_master = master;
        return true;
    }
    nginx_master_close(&master);
    return false;
}

/* The column counts from behind the name, which may hold spaces and brackets. */
static bool read_start(pid_t pid, uint64_t *ret_ticks)
{
    struct buffer text BUFFER_CLEANUP = {0};
    char *rest = NULL;
    char *field = NULL;

    bool is_read = read_proc(pid, "stat", STAT_BYTES, &text);
    char *name_end = is_read ? strrchr(buffer_text(&text), ')') : NULL;
    if (name_end == NULL)
        return false;
    field = strtok_r(name_end + 1, " ", &rest);
    for (int column = 3; field != NULL && column < START_COLUMN; column++)
        field = strtok_r(NULL, " ", &rest);
    return field != NULL && text_parse_u64(field, UINT64_MAX, ret_ticks);
}

static void add_worker(struct nginx_workers *workers, const struct nginx_worker *worker,
                       bool is_live)
{
    if (workers->count == NGINX_WORKERS)
        return;
    workers->items[workers->count++] = *worker;
    if (!is_live)
        return;
    workers->items[workers->count - 1] = workers->items[workers->live_count];
    workers->items[workers->live_count++] = *worker;
}

/* A child that ends meanwhile is no child. */
static void take_child(struct nginx_workers *workers, pid_t pid)
{
    struct buffer scratch BUFFER_CLEANUP = {0};
    struct nginx_worker worker = {.pid = pid};
    enum nginx_title title = title_of(pid, &scratch);

    if (title == NGINX_TITLE_MASTER)
        workers->is_starting = true; /* forked, and not titled yet */
    else if ((title == NGINX_TITLE_WORKER || title == NGINX_TITLE_LEAVING) &&
             read_start(pid, &worker.start_ticks))
        add_worker(workers, &worker, title == NGINX_TITLE_WORKER);
}

/* The kernel may leave a child out of the list while another one ends (proc(5)): two lists in a row
 * that are equal are taken for the truth. */
static bool read_children(const struct nginx_master *master, struct buffer *ret_list,
                          struct error *err)
{
    struct buffer before BUFFER_CLEANUP = {0};
    char name[PROC_NAME];

    snprintf(name, sizeof(name), "task/%d/children", (int)master->pid);
    for (int look = 0; look < LIST_LOOKS; look++) {
        buffer_done(ret_list);
        if (!read_proc(master->pid, name, LIST_BYTES, ret_list) || is_gone(master)) {
            error_set(err, ERROR_UNAVAILABLE, "the children of master %d cannot be read",
                      (int)master->pid);
            return false;
        }
        if (look > 0 && text_equal(buffer_text(&before), buffer_text(ret_list)))
            return true;
        buffer_done(&before);
        buffer_init(&before, LIST_BYTES);
        (void)buffer_add(&before, buffer_text(ret_list), ret_list->length);
    }
    error_set(err, ERROR_UNAVAILABLE, "the children of master %d change all the time",
              (int)master->pid);
    return false;
}

bool nginx_master_workers(const struct nginx_master *master, struct nginx_workers *ret_workers,
                          struct error *err)
{
    struct buffer list BUFFER_CLEANUP = {0};
    char *rest = NULL;
    uint64_t pid;

    if (!read_children(master, &list, err))
        return false;
    ret_workers->live_count = 0;
    ret_workers->count = 0;
    ret_workers->is_starting = false;
    for (char *word = list.length > 0 ? strtok_r(list.data, " \n", &rest) : NULL; word != NULL;
         word = strtok_r(NULL, " \n", &rest)) {
        if (text_parse_u64(word, INT32_MAX, &pid))
            take_child(ret_workers, (pid_t)pid);
    }
    return true;
}

bool nginx_master_reload(const struct nginx_master *master, struct error *err)
{
    if (syscall(SYS_pidfd_send_signal, master->pid_fd, SIGHUP, NULL, 0) == 0)
        return true;
    error_set_errno(err, errno, "send HUP to master %d", (int)master->pid);
    if (errno == ESRCH)
        err->code = ERROR_UNAVAILABLE;
    if (errno == EPERM)
        error_hint(err, "NGINX's master belongs to root: so must whoever reloads it");
    return false;
}

static bool has_worker(const struct nginx_workers *workers, const struct nginx_worker *worker)
{
    for (size_t i = 0; i < workers->live_count; i++) {
        if (workers->items[i].pid == worker->pid &&
            workers->items[i].start_ticks == worker->start_ticks)
            return true;
    }
    return false;
}

bool nginx_workers_are_same(const struct nginx_workers *a, const struct nginx_workers *b)
{
    if (a->is_starting || b->is_starting || a->live_count != b->live_count || a->live_count == 0)
        return false;
    for (size_t i = 0; i < a->live_count; i++) {
        if (!has_worker(b, &a->items[i]))
            return false;
    }
    return true;
}

bool nginx_workers_are_new(const struct nginx_workers *now, const struct nginx_workers *before)
{
    if (now->is_starting || now->live_count == 0)
        return false;
    for (size_t i = 0; i < now->live_count; i++) {
        if (has_worker(before, &now->items[i]))
            return false;
    }
    return true;
}

/* Files have times of the wall clock and processes of the time since the boot: the difference is
 * the one of now. */
static int64_t wall_ms(uint64_t ticks)
{
    struct timespec since_boot;

    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    int64_t boot_ms =
        clock_wall_ms() - ((int64_t)since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1000000);
    return boot_ms + (int64_t)(ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

int64_t nginx_workers_first_ms(const struct nginx_workers *workers)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < workers->live_count; i++)
        first = workers->items[i].start_ticks < first ? workers->items[i].start_ticks : first;
    return workers->live_count > 0 ? wall_ms(first) : 0;
}

int64_t nginx_workers_last_ms(const struct nginx_workers *workers)
{
    uint64_t last = 0;

    for (size_t i = 0; i < workers->live_count; i++)
        last = workers->items[i].start_ticks > last ? workers->items[i].start_ticks : last;
    return wall_ms(last);
}
