/* SPDX-License-Identifier: Apache-2.0 */
#include "apache_manager.h"

#include "check.h"
#include "text.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

#define NAMESPACE  "http://httpd.apache.org|"
#define SCHEME     "balancer://"
#define TEXT_SIZE  512 /* names and the words of a status are shorter */
#define MOST_DEPTH 16  /* httpd has 6 */
#define MOST_BUSY  (1LL << 40)
#define MOST_LOAD  1000000 /* httpd admits 100 */

/* The elements from the root to a worker; what is told of balancers and workers stands in leaves
 * below them. */
enum { IN_NOTHING, IN_MANAGER, IN_BALANCERS, IN_BALANCER, IN_WORKERS, IN_WORKER };
static const char *const path_names[] = {
    [IN_MANAGER] = "manager", [IN_BALANCERS] = "balancers", [IN_BALANCER] = "balancer",
    [IN_WORKERS] = "workers", [IN_WORKER] = "worker",
};

/* One worker while it is being read. */
struct draft {
    char name[LB_MEMBER];
    bool has_status, has_busy;
    struct apache_worker worker;
};

struct reading {
    XML_Parser parser;
    const char *balancer, *worker; /* wanted */
    int depth, path;               /* open elements, and how many of them are those of the path */
    char text[TEXT_SIZE];          /* of the innermost element */
    size_t length;
    bool is_cut; /* the text is longer */
    bool is_in_wanted_balancer;
    bool is_balancer_found, is_worker_found;
    struct draft draft;
    struct apache_worker found;
    uint32_t takers; /* workers of the balancer that get new traffic */
    struct error *err;
    bool has_failed;
};

static void fail(struct reading *reading, const char *what)
{
    if (reading->has_failed)
        return;
    error_set(reading->err, ERROR_PROTOCOL, "line %lu of the XML: %s",
              (unsigned long)XML_GetCurrentLineNumber(reading->parser), what);
    reading->has_failed = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

/* What ap_proxy_parse_wstatus() of httpd 2.4 may say. */
static const struct {
    const char *word;
    unsigned flag;
} status_words[] = {
    {"Init", 0},
    {"Ok", APACHE_USABLE},
    {"Ign", 0},
    {"Gen", 0},
    {"Drn", APACHE_DRAIN},
    {"Dis", APACHE_DISABLED},
    {"Free", 0},
    {"Stop", APACHE_STOPPED},
    {"Err", APACHE_FAILED},
    {"Stby", APACHE_RESERVE},
    {"Spar", APACHE_RESERVE},
    {"HcFl", APACHE_FAILED},
    {"Shut", APACHE_FAILED},
};

static unsigned word_flag(const char *word)
{
    for (size_t i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++)
        if (text_equal(status_words[i].word, word))
            return status_words[i].flag;
    return APACHE_STRANGE;
}

static unsigned status_flags(char *status)
{
    unsigned flags = 0;
    for (char *word; (word = strsep(&status, " \t\r\n")) != NULL;)
        if (word[0] != '\0')
            flags |= word_flag(word);
    return flags;
}

/* "1.50": the whole part, which is what configurations mostly have. */
static bool read_load(char *text, int64_t *ret_load)
{
    uint64_t load;
    text[strcspn(text, ".")] = '\0';
    if (!text_parse_u64(text, MOST_LOAD, &load))
        return false;
    *ret_load = (int64_t)load;
    return true;
}

/* A counter that ran below zero shows as a number near 2^64. */
static bool read_busy(const char *text, int64_t *ret_busy)
{
    uint64_t busy;
    if (!text_parse_u64(text, UINT64_MAX, &busy))
        return false;
    *ret_busy = busy <= MOST_BUSY ? (int64_t)busy : -1;
    return true;
}

static void take_worker_leaf(struct reading *reading, const char *name)
{
    struct draft *draft = &reading->draft;

    if (text_equal(name, "name")) {
        TEXT_COPY(draft->name, reading->text); /* a longer one is none of ours */
    } else if (text_equal(name, "status")) {
        draft->worker.flags = status_flags(reading->text);
        draft->has_status = !reading->is_cut;
    } else if (text_equal(name, "busy")) {
        draft->has_busy = read_busy(reading->text, &draft->worker.busy);
        if (!draft->has_busy)
            fail(reading, "busy is no number");
    } else if (text_equal(name, "loadfactor")) {
        if (!read_load(reading->text, &draft->worker.weight))
            fail(reading, "loadfactor is no number");
    }
}

static void take_balancer_leaf(struct reading *reading, const char *name)
{
    if (!text_equal(name, "name"))
        return;
    reading->is_in_wanted_balancer = !reading->is_cut && text_starts_with(reading->text, SCHEME) &&
                                     text_equal(reading->text + strlen(SCHEME), reading->balancer);
    reading->is_balancer_found |= reading->is_in_wanted_balancer;
}

static bool takes_traffic(const struct apache_worker *worker)
{
    const unsigned kept_back = APACHE_DRAIN | APACHE_RESERVE | APACHE_STRANGE;
    return (worker->flags & APACHE_USABLE) && !(worker->flags & kept_back);
}

static void take_worker(struct reading *reading)
{
    const struct draft *draft = &reading->draft;

    if (!reading->is_in_wanted_balancer)
        return;
    if (!draft->has_status || !draft->has_busy) {
        fail(reading, "a worker without status or busy");
    } else if (!text_equal(draft->name, reading->worker)) {
        reading->takers += takes_traffic(&draft->worker);
    } else if (reading->is_worker_found) {
        fail(reading, "the worker occurs twice");
    } else {
        reading->found = draft->worker;
        reading->is_worker_found = true;
    }
}

/* NULL for an element that is not httpd's. */
static const char *local_name(const char *name)
{
    return text_starts_with(name, NAMESPACE) ? name + strlen(NAMESPACE) : NULL;
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = context;
    const char *local = local_name(name);
    int next = reading->path + 1;

    (void)attributes;
    reading->length = 0;
    reading->text[0] = '\0';
    reading->is_cut = false;
    if (++reading->depth > MOST_DEPTH) {
        fail(reading, "elements too deep in each other");
        return;
    }
    if (reading->depth == next && next <= IN_WORKER && local != NULL &&
        text_equal(local, path_names[next]))
        reading->path = next;
    if (reading->path == IN_NOTHING)
        fail(reading, "the root is no httpd:manager");
    else if (reading->path == reading->depth && next == IN_BALANCER)
        reading->is_in_wanted_balancer = false;
    else if (reading->path == reading->depth && next == IN_WORKER)
        reading->draft = (struct draft){.worker = {.weight = -1}};
}

static void on_end(void *context, const XML_Char *name)
{
    struct reading *reading = context;
    const char *local = local_name(name);

    if (reading->depth == reading->path) {
        if (reading->path == IN_WORKER)
            take_worker(reading);
        reading->path--;
    } else if (reading->depth == reading->path + 1 && local != NULL) {
        if (reading->path == IN_WORKER)
            take_worker_leaf(reading, local);
        else if (reading->path == IN_BALANCER)
            take_balancer_leaf(reading, local);
    }
    reading->depth--;
}

static void on_text(void *context, const XML_Char *text, int size)
{
    struct reading *reading = context;
    size_t room = sizeof(reading->text) - 1 - reading->length;

    if ((size_t)size > room) {
        reading->is_cut = true;
        return;
    }
    memcpy(reading->text + reading->length, text, (size_t)size);
    reading->length += (size_t)size;
    reading->text[reading->length] = '\0';
}

static void on_document_type(void *context, const XML_Char *name, const XML_Char *system_id,
                             const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    fail(context, "it has a document type, and httpd's has none");
}

static bool parse(struct reading *reading, const char *bytes, size_t size)
{
    bool is_parsed;

    reading->parser = XML_ParserCreateNS(NULL, '|');
    CHECK(reading->parser != NULL);
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading->parser, on_document_type);
    is_parsed = XML_Parse(reading->parser, bytes, (int)size, XML_TRUE) == XML_STATUS_OK;
    if (!is_parsed && !reading->has_failed)
        fail(reading, XML_ErrorString(XML_GetErrorCode(reading->parser)));
    XML_ParserFree(reading->parser);
    return is_parsed && !reading->has_failed;
}

bool apache_read_worker(const char *bytes, size_t size, const char *balancer, const char *worker,
                        struct apache_worker *ret_worker, struct error *err)
{
    struct reading reading = {.balancer = balancer, .worker = worker, .err = err};

    if (size > LIMIT_LB_BYTES) {
        error_set(err, ERROR_PROTOCOL, "more than %d bytes of XML", LIMIT_LB_BYTES);
        return false;
    }
    if (!parse(&reading, bytes, size))
        return false;
    if (!reading.is_worker_found) {
        error_set(err, ERROR_NOT_FOUND, "no such %s",
                  reading.is_balancer_found ? "worker in the balancer" : "balancer");
        error_hint(err, "write both as the balancer-manager of this address shows them");
        return false;
    }
    *ret_worker = reading.found;
    ret_worker->peers_up = reading.takers;
    return true;
}

enum lb_admin apache_admin(const struct apache_worker *worker)
{
    if (worker->flags & (APACHE_DISABLED | APACHE_STOPPED))
        return LB_ADMIN_DOWN;
    return worker->flags & APACHE_DRAIN ? LB_ADMIN_DRAIN : LB_ADMIN_UP;
}

/* A worker that is in error gets no request until its `retry` is over and one comes by, or a
 * health check succeeds. One that is disabled and not in error is as good as httpd knows. */
enum lb_health apache_health(const struct apache_worker *worker)
{
    if (worker->flags & APACHE_FAILED)
        return LB_HEALTH_DOWN;
    if (worker->flags & (APACHE_STRANGE | APACHE_STOPPED))
        return LB_HEALTH_UNKNOWN;
    if (worker->flags & (APACHE_USABLE | APACHE_DISABLED))
        return LB_HEALTH_UP;
    return LB_HEALTH_CHANGING; /* no child process has begun with it */
}
