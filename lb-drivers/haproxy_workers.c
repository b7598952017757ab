/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_workers.h"

#include "lb_driver.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE    256  /* 2.6 has 90 bytes a line */
#define SESSION_SIZE 1024 /* what stands in it beyond that is of no interest */
#define MOST_PID     INT32_MAX

/* The list has a head, and sections of which each begins with a comment. */
enum section { SECTION_HEAD, SECTION_MASTER, SECTION_WORKERS, SECTION_OLD, SECTION_OTHERS };

struct list {
    enum section section;
    size_t current; /* workers that are not old */
    struct haproxy_workers workers;
};

/* The process id is the first word of a line. */
static bool read_pid(const char *line, uint64_t *ret_pid)
{
    char word[16];
    size_t length = strcspn(line, " ");
    if (length >= sizeof(word))
        return false;
    memcpy(word, line, length);
    word[length] = '\0';
    return text_parse_u64(word, MOST_PID, ret_pid) && *ret_pid > 0;
}

static bool take_process(struct list *list, const char *line, struct error *err)
{
    uint64_t pid;
    if (list->section == SECTION_HEAD || !read_pid(line, &pid)) {
        error_set(err, ERROR_PROTOCOL, "the answer is no list of workers");
        error_hint(err, "the address must be the master socket of HAProxy (haproxy -W -S)");
        return false;
    }
    list->current += list->section == SECTION_WORKERS;
    if (list->section != SECTION_OLD)
        return true;
    if (list->workers.count == HAPROXY_OLD_WORKERS) {
        error_set(err, ERROR_FULL, "more than %d old workers still have sessions",
                  HAPROXY_OLD_WORKERS);
        error_hint(err, "end them, or bound them by mworker-max-reloads or hard-stop-after");
        return false;
    }
    list->workers.old[list->workers.count++] = pid;
    return true;
}

static bool take_line(struct list *list, const char *line, struct error *err)
{
    if (line[0] != '#')
        return take_process(list, line, err);
    if (text_starts_with(line, "#<PID>"))
        list->section = SECTION_MASTER;
    else if (text_equal(line, "# workers"))
        list->section = SECTION_WORKERS;
    else if (text_equal(line, "# old workers"))
        list->section = SECTION_OLD;
    else
        list->section = SECTION_OTHERS;
    return true;
}

static bool check_list(const struct list *list, bool is_whole, struct error *err)
{
    if (!is_whole) {
        error_set(err, ERROR_UNAVAILABLE, "the list of workers ends in the middle");
        return false;
    }
    if (list->current == 0) {
        error_set(err, ERROR_UNAVAILABLE, "there is no worker just now");
        error_hint(err, "HAProxy is being reloaded, or could not read its configuration: see its "
                        "log");
        return false;
    }
    if (list->current > 1) {
        error_set(err, ERROR_INVALID, "the master has %zu workers side by side", list->current);
        error_hint(err, "take nbproc out of haproxy.cfg: nbthread does the same, and newer HAProxy "
                        "has no nbproc");
        return false;
    }
    return true;
}

bool haproxy_read_workers(const char *bytes, size_t size, struct haproxy_workers *ret_workers,
                          struct error *err)
{
    struct list list = {.section = SECTION_HEAD};
    const char *at = bytes, *end = bytes + size;
    char line[LINE_SIZE];

    while (at < end && *at != '\n') {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
        if (length >= sizeof(line)) {
            error_set(err, ERROR_PROTOCOL, "the list of workers has a line of %zu bytes", length);
            return false;
        }
        memcpy(line, at, length);
        line[length] = '\0';
        if (!take_line(&list, line, err))
            return false;
        at += stop != NULL ? length + 1 : length;
    }
    if (!check_list(&list, at < end, err))
        return false;
    *ret_workers = list.workers;
    return true;
}

/* "0x55d0: proto=tcpv4 src=… fe=f be=bb srv=n1 …"; false for a line of another session. */
static bool read_session(const char *line, const char *wanted, uint64_t *ret_id)
{
    char *end;
    if (!text_starts_with(line, "0x"))
        return false;
    *ret_id = strtoull(line + 2, &end, 16);
    return *end == ':' && end > line + 2 && strstr(end, wanted) != NULL;
}

void haproxy_read_sessions(const char *bytes, size_t size, const char *backend, const char *server,
                           struct haproxy_sessions *ret_sessions)
{
    const char *at = bytes, *end = bytes + size;
    char line[SESSION_SIZE], wanted[2 * LB_MEMBER];

    (void)snprintf(wanted, sizeof(wanted), " be=%s srv=%s ", backend, server);
    ret_sessions->count = 0;
    ret_sessions->has_more = false;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
        (void)snprintf(line, sizeof(line), "%.*s", (int)length, at);
        at += stop != NULL ? length + 1 : length;
        uint64_t id;
        if (!read_session(line, wanted, &id))
            continue;
        ret_sessions->has_more = ret_sessions->count == HAPROXY_SESSIONS;
        if (ret_sessions->has_more)
            return;
        ret_sessions->ids[ret_sessions->count++] = id;
    }
}
