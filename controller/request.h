/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of the controller that leads a cluster: signed JSON on the cluster's
 * request stream; the answer comes as JSON in a list of its own (channel.h). A lease-break has a
 * stream of its own, which every controller looks at (lease_break.c).
 *
 * Answer: {"id", "ok": bool, "error": {"code","message","hint"} where not ok, and what the verb
 * gives: plan, upgrade → "plan"; nodes → "nodes"; customisations → "customisations"; recover →
 * "message" and "observed"; others → "message" for people}. A lease-break is answered only where it
 * is refused: the lease itself tells the rest.
 */
#ifndef SHUNT_REQUEST_H
#define SHUNT_REQUEST_H

#include "config.h"
#include "error.h"
#include "limit.h"

#include <stddef.h>
#include <stdint.h>

enum request_verb {
    REQUEST_NODES,
    REQUEST_CUSTOMISATIONS,
    REQUEST_PLAN,
    REQUEST_UPGRADE,
    REQUEST_PAUSE,
    REQUEST_RESUME,
    REQUEST_ABORT,
    REQUEST_ROLLBACK,
    REQUEST_APPROVE,
    REQUEST_DRAIN,
    REQUEST_RETURN,
    REQUEST_RECOVER,
    REQUEST_LEASE_BREAK,
    REQUEST_ACCEPT_AGENT,
    REQUEST_VERB_COUNT
};

#define REQUEST_REASON_SIZE 200
#define LEASE_HOLDER_SIZE   (LIMIT_NAME + 40) /* "NAME:INSTANCE", the value of a lease */

struct request {
    char id[LIMIT_ID];
    char cluster[LIMIT_NAME];
    char operator[LIMIT_NAME];
    int64_t issued_ms, expires_ms; /* wall clock of the operator's machine */
    enum request_verb verb;
    char to[LIMIT_VERSION];           /* plan, upgrade */
    char artifact[LIMIT_URL];         /* plan (optional), upgrade */
    char sha256[LIMIT_SHA256_HEX];    /* optional */
    char node[LIMIT_NAME];            /* drain, return, customisations; accept-agent: the agent */
    bool with_rollback;               /* abort */
    char reason[REQUEST_REASON_SIZE]; /* recover, lease-break: for those who ask why later */
    /* lease-break: the lease that is meant. Each new leader has a higher epoch, so that a request
     * can be obeyed once and by one controller only. */
    char holder[LEASE_HOLDER_SIZE];
    int64_t epoch;
    char key[KEY_PUBLIC_TEXT_SIZE]; /* accept-agent: its public key */
};

#define REQUEST_LIFE_MS 60000 /* from issue to expiry */

const char *request_verb_name(enum request_verb verb);
/* The least role that may ask for it. */
enum role request_verb_role(enum request_verb verb);

/* The caller frees the text. */
char *request_write(const struct request *request);
/* ERROR_PROTOCOL or ERROR_INVALID names the field. */
bool request_read(const char *bytes, size_t size, struct request *ret_request, struct error *err);

#endif
