/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `shunt agents accept`: an operator has compared an agent's key with what its host says, and
 * vouches for it. What is kept is his signed request itself (acceptance.h).
 */
#include "agent_store.h"
#include "answer.h"
#include "clock.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* The key that the agent has so far. */
struct earlier_key {
    bool is_there;
    struct key_public key;
    char operator[LIMIT_NAME];
};

static void look_back(struct cluster *cluster, const char *agent, struct earlier_key *earlier)
{
    const struct accepted_key *accepted = agent_keys_accepted(&cluster->agent_keys, agent);
    memset(earlier, 0, sizeof(*earlier));
    if (accepted == NULL)
        return;
    earlier->is_there = true;
    earlier->key = accepted->acceptance.key;
    TEXT_COPY(earlier->operator, accepted->acceptance.operator);
}

static bool is_same(const struct earlier_key *earlier, const struct key_public *key)
{
    return earlier->is_there && memcmp(&earlier->key, key, sizeof(*key)) == 0;
}

/* Reports of the agent as it was are still to come while an upgrade runs. */
static bool may_accept(const struct cluster *cluster, const struct earlier_key *earlier,
                       const struct key_public *key, struct error *err)
{
    if (!earlier->is_there || is_same(earlier, key))
        return true;
    return cluster_is_acted_on(cluster, err) && nobody_upgrades(cluster, err);
}

static void tell(struct shell *shell, struct cluster *cluster, const struct request *request,
                 const struct earlier_key *earlier, const struct key_public *key)
{
    char text[2 * KEY_PUBLIC_TEXT_SIZE + 3 * LIMIT_NAME], old[KEY_PUBLIC_TEXT_SIZE];
    int length =
        snprintf(text, sizeof(text), "agent %s: %s is accepted", request->node, request->key);
    key_public_write(&earlier->key, old);
    if (is_same(earlier, key))
        snprintf(text + length, sizeof(text) - (size_t)length, " anew; before, %s had accepted it",
                 earlier->operator);
    else if (earlier->is_there)
        snprintf(text + length, sizeof(text) - (size_t)length, " in the place of %s, by %s", old,
                 earlier->operator);
    history_tell(shell, cluster, request, text);
    answer_text(shell, cluster, request->id, text, NULL);
}

void accept_agent(struct shell *shell, struct cluster *cluster, const struct request *request,
                  const struct signed_text *signed_request)
{
    struct earlier_key earlier;
    struct key_public key;
    struct error err;
    FREE_CLEANUP char *text = signed_text_write(signed_request);
    look_back(cluster, request->node, &earlier);
    if (key_public_parse(request->key, &key, &err) && may_accept(cluster, &earlier, &key, &err) &&
        agent_store_take(shell, cluster, request->node, text, &err))
        tell(shell, cluster, request, &earlier, &key);
    else
        answer_text(shell, cluster, request->id, NULL, &err);
}
