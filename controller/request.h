/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator asks of the controller that leads a cluster: signed JSON on the cluster's
 * request stream; the answer comes as JSON in a list of its own (channel.h).
 *
 * Answer: {"id", "ok": bool, "error": {"code","message","hint"} where not ok, and what the verb
 * gives: plan, upgrade → "plan"; nodes → "nodes"; others → "message" for people}.
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
    REQUEST_PLAN,
    REQUEST_UPGRADE,
    REQUEST_PAUSE,
    REQUEST_RESUME,
    REQUEST_ABORT,
    REQUEST_ROLLBACK,
    REQUEST_APPROVE,
    REQUEST_DRAIN,
    REQUEST_RETURN,
    REQUEST_VERB_COUNT
};

struct request {
    char id[LIMIT_ID];
    char cluster[LIMIT_NAME];
    char operator[LIMIT_NAME];
    int64_t issued_ms, expires_ms; /* wall clock of the operator's machine */
    enum request_verb verb;
    char to[LIMIT_VERSION];        /* plan, upgrade */
    char artifact[LIMIT_URL];      /* plan (optional), upgrade */
    char sha256[LIMIT_SHA256_HEX]; /* optional */
    char node[LIMIT_NAME];         /* drain, return */
    bool with_rollback;            /* abort */
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
