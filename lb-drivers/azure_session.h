/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver remembers of an LB between calls, and requests to ARM. After a restart of the
 * controller all of it is gone, and is found again from what Azure says.
 *
 * Invariants: the token is shown to management_url alone; nothing is sent before ARM's Retry-After
 * is over; a body is never kept, so that none can be sent a second time.
 */
#ifndef SHUNT_AZURE_SESSION_H
#define SHUNT_AZURE_SESSION_H

#include "azure_options.h"
#include "http.h"
#include "json.h"

#define AZURE_RETRY_MOST_MS 300000 /* a longer Retry-After is not believed */

/* An operation that Azure has accepted and has not ended. */
struct azure_operation {
    char *url;      /* NULL: there is none */
    bool is_status; /* from Azure-AsyncOperation; else from Location */
    int64_t begun_ms;
    int64_t look_at_ms; /* not to be asked before */
};

/* A member that was seen out of its pool in force. */
struct azure_removal {
    char member[LB_MEMBER];
    int64_t since_ms;
};

/* Of one gateway. */
struct azure_place {
    struct azure_operation change;
    char change_owner[LB_MEMBER + 8]; /* which order it is the change of */
    int64_t change_at_ms;             /* nothing is tried before */
    struct azure_operation question;  /* for health */
    json_t *report;                   /* the last answer; NULL = none */
    int64_t report_ms;                /* when it came */
    struct azure_removal *removals;
    size_t removal_count;
};

struct azure_session {
    struct http_client *client; /* with a token; NULL = without */
    int64_t renew_at_ms;
    int64_t quiet_until_ms; /* throttled */
    struct azure_place places[LB_ADDRESSES];
};

void azure_session_open(struct lb *lb);
void azure_session_close(struct lb *lb);
struct azure_place *azure_place(const struct lb *lb, size_t address);
/* What it says of health, or is about to say, is of the servers before a change. */
void azure_forget_report(struct azure_place *place);

struct azure_request {
    const char *method;
    const char *id;     /* a resource's, and */
    const char *action; /* what follows it, such as "/backendhealth"; NULL = nothing */
    const char *api_version;
    const char *url;  /* instead of these: an operation's */
    const char *etag; /* the resource must still have it; NULL or empty = whatever it has */
    const char *body; /* NULL = none */
};

/* The values that are wanted of each answer. */
enum azure_header { AZURE_OPERATION_HEADER, AZURE_LOCATION_HEADER };

/* Any answer but 401 and a throttling 429, which are errors; it is ended by http_answer_done().
 * A 401 with a token that was kept is tried once more with a new one. */
bool azure_ask(const struct lb *lb, const struct azure_request *request, struct deadline deadline,
               struct http_answer *ret_answer, struct error *err);

/* The same, and an error where the status is not 2xx. */
bool azure_ask_good(const struct lb *lb, const struct azure_request *request,
                    struct deadline deadline, struct http_answer *ret_answer, struct error *err);

/* Remembers the operation that the answer names; false where it names none. */
bool azure_operation_begin(struct azure_operation *operation, const struct http_answer *answer);
void azure_operation_end(struct azure_operation *operation);
/* When to look again, by Retry-After, or after so long where it is not given. */
int64_t azure_look_at_ms(const struct http_answer *answer, int64_t otherwise_ms);

#endif
