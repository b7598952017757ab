/* SPDX-License-Identifier: Apache-2.0 */
#include "jk_status.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define VALUE_SIZE 128 /* names of workers and the messages of a result */
#define MOST_BUSY  (1LL << 40)
#define MOST_LOAD  INT32_MAX

/* One line, `worker.NAME.KEY=VALUE`, of which nothing has been looked at yet. */
struct line {
    const char *at;
    const char *end;
};

/* False at the end. What stands behind the last newline is no line. */
static bool next_line(struct line *rest, struct line *ret_line)
{
    const char *newline = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
    if (newline == NULL)
        return false;
    *ret_line = (struct line){rest->at, newline};
    rest->at = newline + 1;
    return true;
}

static bool skip(struct line *line, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(line->end - line->at) < length || memcmp(line->at, text, length) != 0)
        return false;
    line->at += length;
    return true;
}

/* True for `worker.NAME.KEY=`, and the line begins with the value then. */
static bool skip_key(struct line *line, const char *name, const char *key)
{
    struct line at = *line;
    if (!skip(&at, "worker.") || !skip(&at, name) || !skip(&at, ".") || !skip(&at, key) ||
        !skip(&at, "="))
        return false;
    *line = at;
    return true;
}

/* The value, empty where it does not fit or has characters that nothing of mod_jk's has. */
static void take_value(const struct line *line, char value[VALUE_SIZE])
{
    size_t length = (size_t)(line->end - line->at);

    value[0] = '\0';
    if (length >= VALUE_SIZE)
        return;
    for (size_t i = 0; i < length; i++)
        if (line->at[i] < ' ' || line->at[i] > '~')
            return;
    memcpy(value, line->at, length);
    value[length] = '\0';
}

/* What mod_jk says instead of doing it. */
static const struct {
    const char *text;
    enum error_code code;
    const char *hint;
} refusals[] = {
    {"could not find sub worker", ERROR_NOT_FOUND,
     "compare with balance_workers in workers.properties"},
    {"Could not find given worker", ERROR_NOT_FOUND,
     "compare with worker.list in workers.properties"},
    {"worker type has no sub workers", ERROR_NOT_FOUND,
     "the first name must be that of a worker of type lb"},
    {"This command is not allowed in read only mode", ERROR_DENIED,
     "the address must be a status worker without read_only"},
};

static bool check_result(const char *type, const char *message, struct error *err)
{
    if (text_equal(type, "OK"))
        return true;
    error_set(err, ERROR_CONFLICT, "mod_jk refuses: %s", message);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!text_starts_with(message, refusals[i].text))
            continue;
        err->code = refusals[i].code;
        error_hint(err, "%s", refusals[i].hint);
    }
    return false;
}

/* The last lines count: a worker may be called "result". */
bool jk_read_result(const char *bytes, size_t size, struct error *err)
{
    struct line rest = {bytes, bytes + size}, line;
    char type[VALUE_SIZE] = "", message[VALUE_SIZE] = "";
    bool has_begun = skip(&(struct line){bytes, bytes + size}, "worker.");
    bool has_type = false, is_whole = false;

    while (has_begun && next_line(&rest, &line)) {
        is_whole = false;
        if (skip_key(&line, "result", "type")) {
            take_value(&line, type);
            has_type = true;
        } else if (skip_key(&line, "result", "message")) {
            take_value(&line, message);
            is_whole = has_type;
        }
    }
    if (is_whole && rest.at == rest.end)
        return check_result(type, message, err);
    if (has_begun)
        error_set(err, ERROR_UNAVAILABLE, "the answer ends in the middle");
    else
        error_set(err, ERROR_PROTOCOL, "it is no answer of mod_jk's status worker");
    return false;
}

static const struct {
    const char *word;
    enum lb_admin admin;
} activations[] = {{"ACT", LB_ADMIN_UP}, {"DIS", LB_ADMIN_DRAIN}, {"STP", LB_ADMIN_DOWN}};

static bool read_activation(const char *word, enum lb_admin *ret_admin)
{
    for (size_t i = 0; i < sizeof(activations) / sizeof(activations[0]); i++) {
        if (!text_equal(activations[i].word, word))
            continue;
        *ret_admin = activations[i].admin;
        return true;
    }
    return false;
}

/* After ERR a worker is tried with one request; until that has ended well it is on its way. */
static const struct {
    const char *word;
    enum lb_health health;
} states[] = {
    {"OK", LB_HEALTH_UP},
    {"OK/IDLE", LB_HEALTH_UP},
    {"OK/BUSY", LB_HEALTH_UP},
    {"ERR", LB_HEALTH_DOWN},
    {"ERR/REC", LB_HEALTH_CHANGING},
    {"ERR/FRC", LB_HEALTH_CHANGING},
    {"ERR/PRB", LB_HEALTH_CHANGING},
};

static enum lb_health read_state(const char *word)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (text_equal(states[i].word, word))
            return states[i].health;
    return LB_HEALTH_UNKNOWN;
}

/* One member while it is being read. */
struct draft {
    char name[VALUE_SIZE];
    bool has_activation, has_state, has_busy;
    struct jk_worker worker;
};

/* False where a value of a known key is not understood. */
static bool read_line(struct line line, struct draft *draft)
{
    struct jk_worker *worker = &draft->worker;
    char value[VALUE_SIZE];
    uint64_t number;

    if (skip_key(&line, draft->name, "activation")) {
        take_value(&line, value);
        draft->has_activation = read_activation(value, &worker->admin);
        return draft->has_activation;
    }
    if (skip_key(&line, draft->name, "state")) {
        take_value(&line, value);
        worker->health = read_state(value);
        worker->is_in_error = text_equal(value, "ERR");
        draft->has_state = true;
    } else if (skip_key(&line, draft->name, "busy")) {
        take_value(&line, value);
        draft->has_busy = text_parse_u64(value, MOST_BUSY, &number);
        worker->busy = draft->has_busy ? (int64_t)number : -1;
        return draft->has_busy;
    } else if (skip_key(&line, draft->name, "lbfactor")) {
        take_value(&line, value);
        if (text_parse_u64(value, MOST_LOAD, &number))
            worker->weight = (int64_t)number;
    }
    return true;
}

struct reading {
    const char *lb, *member; /* wanted */
    bool is_in_lb;
    struct draft draft; /* an empty name: none is open */
    bool is_lb_found, is_member_found;
    struct jk_worker found;
    char mark[JK_MARK];
    uint32_t takers;
    struct error *err;
};

static bool fail(struct reading *reading, const char *what)
{
    error_set(reading->err, ERROR_PROTOCOL, "member %.60s: %s", reading->draft.name, what);
    return false;
}

/* A member ends where the next one or another load balancer begins. */
static bool end_member(struct reading *reading)
{
    const struct draft *draft = &reading->draft;
    const struct jk_worker *worker = &draft->worker;

    if (draft->name[0] == '\0')
        return true;
    if (!draft->has_activation || !draft->has_state || !draft->has_busy)
        return fail(reading, "activation, state or busy is missing");
    if (!text_equal(draft->name, reading->member)) {
        reading->takers += worker->admin == LB_ADMIN_UP && worker->health == LB_HEALTH_UP;
    } else if (reading->is_member_found) {
        return fail(reading, "it occurs twice");
    } else {
        reading->found = *worker;
        reading->is_member_found = true;
    }
    reading->draft.name[0] = '\0';
    return true;
}

static bool read_any_line(struct reading *reading, struct line line)
{
    char value[VALUE_SIZE];

    if (skip(&line, "worker.list=")) {
        take_value(&line, value);
        if (!end_member(reading))
            return false;
        reading->is_in_lb = text_equal(value, reading->lb);
        reading->is_lb_found |= reading->is_in_lb;
    } else if (reading->is_in_lb && skip_key(&line, reading->lb, "balance_workers")) {
        take_value(&line, value);
        if (!end_member(reading))
            return false;
        reading->draft = (struct draft){.worker = {.weight = -1}};
        TEXT_COPY(reading->draft.name, value);
    } else if (reading->is_in_lb && skip_key(&line, reading->lb, "last_reset_at")) {
        take_value(&line, value);
        TEXT_COPY(reading->mark, value);
    } else if (reading->draft.name[0] != '\0' && !read_line(line, &reading->draft)) {
        return fail(reading, "activation or busy is not understood");
    }
    return true;
}

bool jk_read_member(const char *bytes, size_t size, const char *lb, const char *member,
                    struct jk_worker *ret_worker, struct error *err)
{
    struct reading reading = {.lb = lb, .member = member, .err = err};
    struct line rest = {bytes, bytes + size}, line;

    while (next_line(&rest, &line))
        if (!read_any_line(&reading, line))
            return false;
    if (!end_member(&reading))
        return false;
    if (!reading.is_member_found) {
        error_set(err, ERROR_NOT_FOUND, "no such %s",
                  reading.is_lb_found ? "member of the load balancer" : "load balancer");
        error_hint(err, "compare with worker.list and balance_workers in workers.properties");
        return false;
    }
    *ret_worker = reading.found;
    ret_worker->peers_up = reading.takers;
    TEXT_COPY(ret_worker->mark, reading.mark);
    return true;
}
