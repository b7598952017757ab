/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acceptance of an agent's key: the very request of the operator who accepted it, with the
 * signature, as one signed text. It is kept in Redis and in files, neither of which is trusted:
 * whoever reads it verifies it with the operator's key and role of its own configuration. So it
 * holds as long as that operator is an approver there. What he has signed is all that it takes: one
 * that a leader refused for a reason of the moment may come back by way of Redis.
 */
#ifndef SHUNT_ACCEPTANCE_H
#define SHUNT_ACCEPTANCE_H

#include "config.h"

#define ACCEPTANCE_WHAT  "agents"   /* the hash in Redis; its fields are agents */
#define ACCEPTANCE_BYTES (8 * 1024) /* a request with every field full has 3 KB */

struct acceptance {
    char operator[LIMIT_NAME];
    int64_t issued_ms; /* wall clock of the operator's machine: of two the later one counts */
    struct key_public key;
};

/* Verifies all but the time: an acceptance does not expire. ERROR_PROTOCOL, ERROR_INVALID where it
 * is none, ERROR_DENIED where nobody who may has accepted a key of that agent with it. */
bool acceptance_read(const struct config *config, const struct cluster_config *cluster,
                     const char *agent, const char *bytes, size_t size,
                     struct acceptance *ret_acceptance, struct error *err);

#endif
