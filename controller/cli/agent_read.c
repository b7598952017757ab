/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_read.h"

#include "channel.h"
#include "check.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static const char *const source_names[] = {
    [AGENT_CONFIGURATION] = "configuration",
    [AGENT_EMBEDDED] = "embedded",
    [AGENT_ACCEPTED] = "accepted",
    [AGENT_WAITING] = "waiting",
    [AGENT_MISSING] = "missing",
};
_Static_assert(sizeof(source_names) / sizeof(source_names[0]) == AGENT_SOURCE_COUNT,
               "one name a source");

const char *agent_source_name(enum agent_source source)
{
    CHECK((unsigned)source < AGENT_SOURCE_COUNT);
    return source_names[source];
}

/* What a key is asked for with: ended by NULL. */
#define QUESTION_WORDS 5

/* A reply of the type, or an error that is about what stands there. */
static bool ask(struct client *client, const char *const question[QUESTION_WORDS], int type,
                redisReply **ret_reply, struct error *err)
{
    size_t count = 0;
    REPLY_CLEANUP redisReply *reply = NULL;
    while (question[count] != NULL)
        count++;
    if (!redis_call(client->redis, deadline_after_ms(CLIENT_CALL_MS), count, question, NULL, &reply,
                    err))
        return false;
    if (reply->type != type) {
        error_set(err, ERROR_PROTOCOL, "redis answers %s with something else", question[0]);
        return false;
    }
    *ret_reply = MEMORY_STEAL(reply);
    return true;
}

/* At most a byte more than one may have, whatever the agent has put there; empty for none. */
static bool get_enrolment(struct client *client, const char *agent, redisReply **ret_reply,
                          struct error *err)
{
    char key[CHANNEL_KEY_SIZE], last[24];
    const char *const question[QUESTION_WORDS] = {"GETRANGE", key, "0", last};
    channel_key(key, client->cluster->name, ENROLMENT_WHAT, agent);
    (void)snprintf(last, sizeof(last), "%d", ENROLMENT_BYTES);
    return ask(client, question, REDIS_REPLY_STRING, ret_reply, err);
}

/* NULL for none. Its length is asked first: there is no part of a field to be had. */
static bool get_acceptance(struct client *client, const char *agent, redisReply **ret_reply,
                           struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *length = NULL;
    const char *const asks_length[QUESTION_WORDS] = {"HSTRLEN", key, agent};
    const char *const question[QUESTION_WORDS] = {"HGET", key, agent};
    channel_key(key, client->cluster->name, ACCEPTANCE_WHAT, NULL);
    if (!ask(client, asks_length, REDIS_REPLY_INTEGER, &length, err))
        return false;
    if (length->integer == 0)
        return true;
    if (length->integer <= ACCEPTANCE_BYTES)
        return ask(client, question, REDIS_REPLY_STRING, ret_reply, err);
    error_set(err, ERROR_PROTOCOL, "acceptance of agent %s: %lld bytes; one has %d at most", agent,
              length->integer, ACCEPTANCE_BYTES);
    return false;
}

/* What one agent has there must not keep us from the others: true where the connection is good. */
static bool is_of_agent_alone(const struct client *client, struct agent_state *state,
                              const struct error *err)
{
    if (err->code != ERROR_PROTOCOL || !redis_is_connected(client->redis))
        return false;
    state->problem = *err;
    return true;
}

static bool read_acceptance(struct client *client, const char *agent, struct agent_state *state,
                            struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct acceptance acceptance;
    if (!get_acceptance(client, agent, &reply, err))
        return is_of_agent_alone(client, state, err);
    if (reply == NULL || !acceptance_read(&client->config, client->cluster, agent, reply->str,
                                          reply->len, &acceptance, &state->problem))
        return true;
    state->source = AGENT_ACCEPTED;
    state->key = acceptance.key;
    state->at_ms = acceptance.issued_ms;
    return TEXT_COPY(state->operator, acceptance.operator);
}

static bool read_enrolment(struct client *client, const char *agent, struct agent_state *state,
                           struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct enrolment enrolment;
    if (!get_enrolment(client, agent, &reply, err))
        return is_of_agent_alone(client, state, err);
    if (reply->len == 0 || !enrolment_read(reply->str, reply->len, client->cluster->name, agent,
                                           &enrolment, &state->problem))
        return true;
    if (state->source == AGENT_MISSING) {
        state->source = AGENT_WAITING;
        state->key = enrolment.key;
        state->at_ms = enrolment.made_ms;
    } else if (memcmp(&state->key, &enrolment.key, sizeof(state->key)) != 0) {
        state->has_other = true;
        state->other = enrolment.key;
    }
    return true;
}

bool agent_read(struct client *client, const struct config_agent *agent,
                struct agent_state *ret_state, struct error *err)
{
    struct agent_state state = {.source = AGENT_MISSING};
    bool is_good = true;
    if (client->config.is_embedded) {
        state.source = AGENT_EMBEDDED;
    } else if (agent->key != NULL) {
        state.source = AGENT_CONFIGURATION;
        state.key = *agent->key;
    } else {
        is_good = read_acceptance(client, agent->name, &state, err);
    }
    if (is_good && !client->config.is_embedded)
        is_good = read_enrolment(client, agent->name, &state, err);
    if (is_good)
        *ret_state = state;
    else
        error_wrap(err, "agent %s of cluster %s", agent->name, client->cluster->name);
    return is_good;
}

bool agent_read_enrolment(struct client *client, const char *agent, struct enrolment *ret_enrolment,
                          struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    if (!get_enrolment(client, agent, &reply, err))
        return false;
    if (reply->len > 0)
        return enrolment_read(reply->str, reply->len, client->cluster->name, agent, ret_enrolment,
                              err);
    error_set(err, ERROR_NOT_FOUND, "agent '%s' of cluster %s has not enrolled in the last day",
              agent, client->cluster->name);
    error_hint(err, "run `shunt-agent enroll` on its host, or give what it prints with --key");
    return false;
}
