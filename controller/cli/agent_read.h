/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the public key of an agent comes from, by the configuration and by what stands in Redis:
 * acceptances and enrolments, each with its signature verified here.
 */
#ifndef SHUNT_AGENT_READ_H
#define SHUNT_AGENT_READ_H

#include "acceptance.h"
#include "client.h"
#include "enrolment.h"

enum agent_source {
    AGENT_CONFIGURATION,
    AGENT_EMBEDDED, /* made by the embedded set-up, for which see the controller's files */
    AGENT_ACCEPTED,
    AGENT_WAITING, /* not known; an enrolment waits to be accepted */
    AGENT_MISSING,
    AGENT_SOURCE_COUNT
};

struct agent_state {
    enum agent_source source;
    struct key_public key;     /* of AGENT_CONFIGURATION, AGENT_ACCEPTED, AGENT_WAITING */
    char operator[LIMIT_NAME]; /* AGENT_ACCEPTED: who; else empty */
    int64_t at_ms;             /* AGENT_ACCEPTED, AGENT_WAITING: since when; else 0 */
    bool has_other;            /* an enrolment with another key waits */
    struct key_public other;
    struct error problem; /* why something in Redis is not believed; or ERROR_NONE */
};

const char *agent_source_name(enum agent_source source);

/* Of an agent of the client's cluster. False where Redis does not answer. */
bool agent_read(struct client *client, const struct config_agent *agent,
                struct agent_state *ret_state, struct error *err);

/* ERROR_NOT_FOUND where there is none, with what to do; or as enrolment_read() fails. */
bool agent_read_enrolment(struct client *client, const char *agent, struct enrolment *ret_enrolment,
                          struct error *err);

#endif
