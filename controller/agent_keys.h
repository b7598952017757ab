/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public keys of a cluster's agents: whose reports are believed. A key of the configuration
 * counts before all else; an agent without one has the key that an operator has accepted, of
 * several acceptances the latest. No two agents have one key.
 *
 * The main thread takes acceptances; the reader's thread looks keys up. A lock of its own is
 * between the two. Where acceptances are kept: agent_store.h.
 */
#ifndef SHUNT_AGENT_KEYS_H
#define SHUNT_AGENT_KEYS_H

#include "acceptance.h"
#include "channel.h"

#include <pthread.h>

/* What an agent without a key in the configuration has. */
struct accepted_key {
    char *text; /* the acceptance as it was signed; owned; NULL: none */
    struct acceptance acceptance;
};

struct agent_keys {
    const struct config *config;
    const struct cluster_config *cluster;
    pthread_mutex_t lock;
    struct accepted_key
        *accepted;       /* by config_agent_index(); NULL: all stand in the configuration */
    int64_t *refused_ms; /* by the same: when a report in its name was not signed with its key */
};

void agent_keys_init(struct agent_keys *keys, const struct config *config,
                     const struct cluster_config *cluster);
void agent_keys_done(struct agent_keys *keys);

/* Any thread. ERROR_DENIED where it is no agent of the cluster, ERROR_NOT_FOUND where its key is
 * not known, with what to do. */
bool agent_keys_find(struct agent_keys *keys, const char *agent, struct key_public *ret_key,
                     struct error *err);
bool agent_keys_has(struct agent_keys *keys, const char *agent, struct error *err);

/* Whether the agent's key has signed the report; which is remembered where it has not. */
bool agent_keys_verify(struct agent_keys *keys, const struct channel_entry *report,
                       struct error *err);
/* False where a report in the agent's name was refused for its signature since then (monotonic):
 * *err says so, and what to do. Whoever may write reports of the cluster can bring that about. */
bool agent_keys_none_refused(struct agent_keys *keys, const char *agent, int64_t since_ms,
                             struct error *err);

/* The rest is the main thread's. */

/* The acceptance that the agent's key comes from; NULL: there is none. */
const struct accepted_key *agent_keys_accepted(const struct agent_keys *keys, const char *agent);

/* Whether this acceptance is to be taken: *ret_is_news is false where the one that is known is as
 * late or later. ERROR_CONFLICT where the configuration has a key of that agent, or another agent
 * has this one; or as acceptance_read() fails. */
bool agent_keys_judge(struct agent_keys *keys, const char *agent, const char *text,
                      struct acceptance *ret_acceptance, bool *ret_is_news, struct error *err);
/* Takes what was judged so. */
void agent_keys_take(struct agent_keys *keys, const char *agent, const char *text,
                     const struct acceptance *acceptance);

#endif
