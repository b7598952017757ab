/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_read.h"

#include "channel.h"
#include "check.h"
#include "text.h"

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

/* A text or nil, of any length that Redis may send. */
static bool is_text_or_nil(const redisReply *reply, struct error *err)
{
    if (reply->type == REDIS_REPLY_NIL || reply->type == REDIS_REPLY_STRING)
        return true;
    error_set(err, ERROR_PROTOCOL, "redis gave no text");
    return false;
}

static bool get_enrolment(struct client *client, const char *agent, redisReply **ret_reply,
                          struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, client->cluster->name, ENROLMENT_WHAT, agent);
    return redis_command(client->redis, deadline_after_ms(CLIENT_CALL_MS), ret_reply, err, "GET",
                         key, (char *)NULL) &&
           is_text_or_nil(*ret_reply, err);
}

static bool get_acceptance(struct client *client, const char *agent, redisReply **ret_reply,
                           struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, client->cluster->name, ACCEPTANCE_WHAT, NULL);
    return redis_command(client->redis, deadline_after_ms(CLIENT_CALL_MS), ret_reply, err, "HGET",
                         key, agent, (char *)NULL) &&
           is_text_or_nil(*ret_reply, err);
}

static bool read_acceptance(struct client *client, const char *agent, struct agent_state *state,
                            struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct acceptance acceptance;
    if (!get_acceptance(client, agent, &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_NIL ||
        !acceptance_read(&client->config, client->cluster, agent, reply->str, reply->len,
                         &acceptance, &state->problem))
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
        return false;
    if (reply->type == REDIS_REPLY_NIL ||
        !enrolment_read(reply->str, reply->len, client->cluster->name, agent, &enrolment,
                        &state->problem))
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
    if (reply->type == REDIS_REPLY_STRING)
        return enrolment_read(reply->str, reply->len, client->cluster->name, agent, ret_enrolment,
                              err);
    error_set(err, ERROR_NOT_FOUND, "agent '%s' of cluster %s has not enrolled in the last day",
              agent, client->cluster->name);
    error_hint(err, "run `shunt-agent enroll` on its host, or give what it prints with --key");
    return false;
}
