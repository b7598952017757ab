/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's sign of life in Redis, "shunt:{CLUSTER}:beat:NODE", which ends by itself: a key that
 * is there says that the agent is alive, and what it has refused so far.
 */
#ifndef SHUNT_HEARTBEAT_H
#define SHUNT_HEARTBEAT_H

#include "agent_config.h"
#include "inbox.h"

#define HEARTBEAT_MS      5000
#define HEARTBEAT_LIFE_MS 15000 /* two may be lost */

struct heartbeat {
    const char *cluster;
    const char *node;
    uint64_t epoch;          /* the highest seen */
    const char *verb;        /* what runs; NULL = nothing */
    const uint64_t *refused; /* REFUSAL_COUNT counters, since the start */
};

bool heartbeat_send(const struct heartbeat *heartbeat, struct redis *redis,
                    struct deadline deadline, struct error *err);

#endif
