/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster with agents of every kind (bb1, bb2 and lb1 without a key in the configuration, bb3 and
 * lb2 with one) and operators of every role, and their acceptances.
 */
#ifndef SHUNT_ACCEPTING_H
#define SHUNT_ACCEPTING_H

#include "common/unit_test.h"

#include "agent_keys.h"
#include "json.h"
#include "memory.h"
#include "request.h"
#include "signed_text.h"
#include "text.h"

enum person { VERA, OTTO, ANNA, AMOS, PEOPLE }; /* viewer, operator, approver, approver */
enum made_key { KEY_A, KEY_B, KEY_BB3, MADE_KEYS };

static struct operator_config people[PEOPLE] = {
    {.name = "vera", .role = ROLE_VIEWER},
    {.name = "otto", .role = ROLE_OPERATOR},
    {.name = "anna", .role = ROLE_APPROVER},
    {.name = "amos", .role = ROLE_APPROVER},
};
static struct key_pair *pairs[PEOPLE];
static struct key_public made_keys[MADE_KEYS];
static struct node_config nodes[] = {{.name = "n1", .agent = "bb1"},
                                     {.name = "n2", .agent = "bb2"},
                                     {.name = "n3", .agent = "bb3", .has_agent_key = true}};
static struct lb_agent lb_agents[] = {{.name = "lb1"}, {.name = "lb2", .has_key = true}};
static struct cluster_config cluster_config = {
    .name = "git", .nodes = nodes, .node_count = 3, .lb_agents = lb_agents, .lb_agent_count = 2};
static struct config config = {.name = "c1",
                               .operators = people,
                               .operator_count = PEOPLE,
                               .clusters = &cluster_config,
                               .cluster_count = 1};

static inline bool accepting_begin(void)
{
    struct error err;
    if (!keys_init(&err))
        return false;
    for (size_t i = 0; i < PEOPLE; i++) {
        pairs[i] = key_pair_new();
        key_pair_public(pairs[i], &people[i].key);
    }
    for (size_t i = 0; i < MADE_KEYS; i++) {
        struct key_pair *pair = key_pair_new();
        key_pair_public(pair, &made_keys[i]);
        key_pair_free(pair);
    }
    nodes[2].agent_key = made_keys[KEY_BB3];
    return true;
}

static inline void accepting_end(void)
{
    for (size_t i = 0; i < PEOPLE; i++)
        key_pair_free(pairs[i]);
}

static inline struct request accepting_request(enum person person, const char *agent,
                                               enum made_key key, int64_t issued_ms)
{
    struct request request = {.id = "r1",
                              .cluster = "git",
                              .issued_ms = issued_ms,
                              .expires_ms = issued_ms + 60000,
                              .verb = REQUEST_ACCEPT_AGENT};
    TEXT_COPY(request.operator, people[person].name);
    TEXT_COPY(request.node, agent);
    key_public_write(&made_keys[key], request.key);
    return request;
}

/* The caller frees the text. */
static inline char *accepting_sign(enum person person, const char *domain,
                                   const struct request *request)
{
    struct signed_text text;
    FREE_CLEANUP char *body = request_write(request);
    TEXT_COPY(text.signer, people[person].name);
    text.body = body;
    text.body_size = strlen(body);
    key_sign(pairs[person], domain, text.body, text.body_size, text.signature);
    return signed_text_write(&text);
}

static inline char *accepting(enum person person, const char *agent, enum made_key key,
                              int64_t issued_ms)
{
    const struct request request = accepting_request(person, agent, key, issued_ms);
    return accepting_sign(person, KEY_DOMAIN_REQUEST, &request);
}

static inline void assert_has_key(struct agent_keys *keys, const char *agent, enum made_key key)
{
    struct key_public found;
    assert_good(agent_keys_find(keys, agent, &found, &err));
    assert_memory_equal(&found, &made_keys[key], sizeof(found));
}

static inline void assert_has_none(struct agent_keys *keys, const char *agent)
{
    assert_fails(agent_keys_has(keys, agent, &err), ERROR_NOT_FOUND, "is not known");
}

#endif
