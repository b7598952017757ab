/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_keys.h"

#include "check.h"
#include "clock.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

void agent_keys_init(struct agent_keys *keys, const struct config *config,
                     const struct cluster_config *cluster)
{
    size_t count = config_agent_count(cluster);
    bool is_complete = true;
    for (size_t i = 0; i < count; i++)
        is_complete = is_complete && config_agent_at(cluster, i).key != NULL;
    *keys = (struct agent_keys){.config = config, .cluster = cluster};
    if (!is_complete)
        keys->accepted = memory_zeroed(count, sizeof(keys->accepted[0]));
    keys->refused_ms = memory_zeroed(count, sizeof(keys->refused_ms[0]));
    pthread_mutex_init(&keys->lock, NULL);
}

void agent_keys_done(struct agent_keys *keys)
{
    for (size_t i = 0; keys->accepted != NULL && i < config_agent_count(keys->cluster); i++)
        free(keys->accepted[i].text);
    free(keys->accepted);
    free(keys->refused_ms);
    pthread_mutex_destroy(&keys->lock);
}

/* Under the lock, or in the main thread, which alone changes what it guards. */
static const struct key_public *key_at(const struct agent_keys *keys, size_t index)
{
    const struct config_agent agent = config_agent_at(keys->cluster, index);
    if (agent.key != NULL)
        return agent.key;
    return keys->accepted[index].text != NULL ? &keys->accepted[index].acceptance.key : NULL;
}

bool agent_keys_find(struct agent_keys *keys, const char *agent, struct key_public *ret_key,
                     struct error *err)
{
    int index = config_agent_index(keys->cluster, agent);
    if (index < 0) {
        error_set(err, ERROR_DENIED, "'%s' is no agent of this cluster", agent);
        return false;
    }
    pthread_mutex_lock(&keys->lock);
    const struct key_public *key = key_at(keys, (size_t)index);
    if (key != NULL)
        *ret_key = *key;
    pthread_mutex_unlock(&keys->lock);
    if (key != NULL)
        return true;
    error_set(err, ERROR_NOT_FOUND, "the key of agent '%s' is not known", agent);
    error_hint(err, "run `shunt-agent enroll` there and `shunt agents accept %s %s` here",
               keys->cluster->name, agent);
    return false;
}

bool agent_keys_has(struct agent_keys *keys, const char *agent, struct error *err)
{
    struct key_public ignored;
    return agent_keys_find(keys, agent, &ignored, err);
}

bool agent_keys_verify(struct agent_keys *keys, const struct channel_entry *report,
                       struct error *err)
{
    struct key_public key;
    if (!agent_keys_find(keys, report->signer, &key, err))
        return false;
    if (key_verify(&key, KEY_DOMAIN_REPORT, report->body, report->body_size, report->signature,
                   err))
        return true;
    pthread_mutex_lock(&keys->lock);
    keys->refused_ms[config_agent_index(keys->cluster, report->signer)] = clock_monotonic_ms();
    pthread_mutex_unlock(&keys->lock);
    return false;
}

bool agent_keys_none_refused(struct agent_keys *keys, const char *agent, int64_t since_ms,
                             struct error *err)
{
    int index = config_agent_index(keys->cluster, agent);
    CHECK(index >= 0);
    pthread_mutex_lock(&keys->lock);
    int64_t refused_ms = keys->refused_ms[index];
    pthread_mutex_unlock(&keys->lock);
    if (refused_ms == 0 || refused_ms < since_ms)
        return true;
    bool is_written = config_agent_at(keys->cluster, (size_t)index).key != NULL;
    error_set(err, ERROR_DENIED, "agent '%s' answers with another key than the one that is %s",
              agent, is_written ? "in the configuration" : "accepted");
    if (is_written)
        error_hint(err, "put its old key file back, or write its new key: `shunt-agent enroll` "
                        "prints it there");
    else
        error_hint(err,
                   "a host that was set up anew? run `shunt-agent enroll` there, and "
                   "`shunt agents accept %s %s` here",
                   keys->cluster->name, agent);
    return false;
}

const struct accepted_key *agent_keys_accepted(const struct agent_keys *keys, const char *agent)
{
    int index = config_agent_index(keys->cluster, agent);
    if (index < 0 || keys->accepted == NULL || keys->accepted[index].text == NULL)
        return NULL;
    return &keys->accepted[index];
}

static bool is_for_us(const struct agent_keys *keys, size_t index, struct error *err)
{
    const struct config_agent agent = config_agent_at(keys->cluster, index);
    if (agent.key == NULL)
        return true;
    if (keys->config->is_embedded)
        error_set(err, ERROR_CONFLICT, "the embedded set-up has made the key of agent '%s'",
                  agent.name);
    else if (agent.node != NULL)
        error_set(err, ERROR_CONFLICT,
                  "the configuration has the key of agent '%s', and that one counts: `agent_key` "
                  "of node '%s'",
                  agent.name, agent.node);
    else
        error_set(err, ERROR_CONFLICT,
                  "the configuration has the key of agent '%s', and that one counts: `key` of its "
                  "entry in `agents`",
                  agent.name);
    if (!keys->config->is_embedded)
        error_hint(err, "change it there, or take it out and restart the controllers first");
    return false;
}

static bool is_of_no_other(const struct agent_keys *keys, size_t index,
                           const struct key_public *key, struct error *err)
{
    for (size_t i = 0; i < config_agent_count(keys->cluster); i++) {
        const struct key_public *other = key_at(keys, i);
        if (i == index || other == NULL || memcmp(other, key, sizeof(*key)) != 0)
            continue;
        error_set(err, ERROR_CONFLICT, "agent '%s' has this key, and each has one of its own",
                  config_agent_at(keys->cluster, i).name);
        error_hint(err, "a host that was copied? Remove the key file of one, and enroll it anew");
        return false;
    }
    return true;
}

bool agent_keys_judge(struct agent_keys *keys, const char *agent, const char *text,
                      struct acceptance *ret_acceptance, bool *ret_is_news, struct error *err)
{
    struct acceptance acceptance;
    int index = config_agent_index(keys->cluster, agent);
    if (index < 0) {
        error_set(err, ERROR_NOT_FOUND, "cluster %s has no agent '%s'", keys->cluster->name, agent);
        error_hint(err, "`shunt agents %s` lists them", keys->cluster->name);
        return false;
    }
    if (!is_for_us(keys, (size_t)index, err) ||
        !acceptance_read(keys->config, keys->cluster, agent, text, strlen(text), &acceptance, err))
        return false;
    const struct accepted_key *known = &keys->accepted[index];
    bool is_news = known->text == NULL || acceptance.issued_ms > known->acceptance.issued_ms;
    if (is_news && !is_of_no_other(keys, (size_t)index, &acceptance.key, err))
        return false;
    *ret_acceptance = acceptance;
    *ret_is_news = is_news;
    return true;
}

void agent_keys_take(struct agent_keys *keys, const char *agent, const char *text,
                     const struct acceptance *acceptance)
{
    int index = config_agent_index(keys->cluster, agent);
    CHECK(index >= 0 && keys->accepted != NULL);
    struct accepted_key *accepted = &keys->accepted[index];
    pthread_mutex_lock(&keys->lock);
    free(accepted->text);
    accepted->text = memory_text(text);
    accepted->acceptance = *acceptance;
    pthread_mutex_unlock(&keys->lock);
}
