/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_store.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "memory.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_CALL_MS 2000
#define LOOK_EVERY_MS 30000 /* a controller that stands by knows of a key after this long */

/* KEYS lease epoch agents, ARGV value epoch (agent acceptance)… → 1, or -1: not ours */
static struct redis_script put_script = {
    .text =
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
        "  return -1\n"
        "end\n"
        "for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end\n"
        "return 1\n"};

/* ---- files ---- */

static char *directory_of(const struct shell *shell, const struct cluster *cluster)
{
    return memory_format("%s/accepted/%s", shell->config->state_dir, cluster->config->name);
}

static bool write_file(const struct shell *shell, const struct cluster *cluster, const char *agent,
                       const char *text, struct error *err)
{
    FREE_CLEANUP char *directory = directory_of(shell, cluster);
    FREE_CLEANUP char *path = memory_format("%s/%s", directory, agent);
    return file_make_directory(directory, 0700, err) &&
           file_replace(path, text, strlen(text), 0600, err);
}

/* Where it is news: in our file, then in memory. */
static bool take(const struct shell *shell, struct cluster *cluster, const char *agent,
                 const char *text, bool *ret_is_news, struct error *err)
{
    struct acceptance acceptance;
    char key[KEY_PUBLIC_TEXT_SIZE];
    if (!agent_keys_judge(&cluster->agent_keys, agent, text, &acceptance, ret_is_news, err))
        return false;
    if (!*ret_is_news)
        return true;
    if (!write_file(shell, cluster, agent, text, err))
        return false;
    agent_keys_take(&cluster->agent_keys, agent, text, &acceptance);
    key_public_write(&acceptance.key, key);
    log_notice("cluster %s: the key of agent %s is %s, accepted by %s", cluster->config->name,
               agent, key, acceptance.operator);
    return true;
}

static void load_one(struct shell *shell, struct cluster *cluster, const char *agent)
{
    BUFFER_CLEANUP struct buffer text;
    struct acceptance acceptance;
    struct error err;
    bool is_news = false;
    FREE_CLEANUP char *directory = directory_of(shell, cluster);
    FREE_CLEANUP char *path = memory_format("%s/%s", directory, agent);
    buffer_init(&text, ACCEPTANCE_BYTES);
    bool is_read = file_read(path, &text, &err);
    if (!is_read && err.code == ERROR_NOT_FOUND)
        return;
    if (is_read && agent_keys_judge(&cluster->agent_keys, agent, buffer_text(&text), &acceptance,
                                    &is_news, &err))
        agent_keys_take(&cluster->agent_keys, agent, buffer_text(&text), &acceptance);
    else
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: '%s' is not used", cluster->config->name,
                    path);
}

void agent_store_load(struct shell *shell, struct cluster *cluster)
{
    for (size_t i = 0; cluster->agent_keys.accepted != NULL; i++) {
        if (i == config_agent_count(cluster->config))
            return;
        const struct config_agent agent = config_agent_at(cluster->config, i);
        if (agent.key == NULL)
            load_one(shell, cluster, agent.name);
    }
}

/* ---- Redis ---- */

/* The names of agents without a key in the configuration; the caller frees the array. */
static const char **list_names(const struct cluster *cluster, size_t *ret_count)
{
    size_t all = config_agent_count(cluster->config), count = 0;
    const char **names = memory_zeroed(all, sizeof(*names));
    for (size_t i = 0; i < all; i++) {
        const struct config_agent agent = config_agent_at(cluster->config, i);
        if (agent.key == NULL)
            names[count++] = agent.name;
    }
    *ret_count = count;
    return names;
}

/* A list of `count` texts or nils. */
static bool read_hash(struct shell *shell, const struct cluster *cluster, const char *const *names,
                      size_t count, redisReply **ret_reply, struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP const char **argv = memory_zeroed(count + 2, sizeof(*argv));
    channel_key(key, cluster->config->name, ACCEPTANCE_WHAT, NULL);
    argv[0] = "HMGET";
    argv[1] = key;
    memcpy(argv + 2, names, count * sizeof(*argv));
    if (!redis_call(shell->redis, deadline_after_ms(REDIS_CALL_MS), count + 2, argv, NULL, &reply,
                    err))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count) {
        error_set(err, ERROR_PROTOCOL, "redis: HMGET gave no list of %zu", count);
        return false;
    }
    *ret_reply = MEMORY_STEAL(reply);
    return true;
}

/* Puts the acceptances of these agents there. */
static bool write_hash(struct shell *shell, const struct cluster *cluster, const char *const *names,
                       size_t count, struct error *err)
{
    char lease[CHANNEL_KEY_SIZE], epoch_key[CHANNEL_KEY_SIZE], agents[CHANNEL_KEY_SIZE];
    char value[LEASE_HOLDER_SIZE], epoch[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP const char **arguments = memory_zeroed(5 + 2 * count, sizeof(*arguments));
    size_t place = 5;
    channel_key(lease, cluster->config->name, "lease", NULL);
    channel_key(epoch_key, cluster->config->name, "epoch", NULL);
    channel_key(agents, cluster->config->name, ACCEPTANCE_WHAT, NULL);
    lease_value(shell, value);
    snprintf(epoch, sizeof(epoch), "%" PRIu64, cluster->epoch);
    const char *fixed[] = {lease, epoch_key, agents, value, epoch};
    memcpy(arguments, fixed, sizeof(fixed));
    for (size_t i = 0; i < count; i++) {
        arguments[place++] = names[i];
        arguments[place++] = agent_keys_accepted(&cluster->agent_keys, names[i])->text;
    }
    if (!redis_eval(shell->redis, deadline_after_ms(REDIS_CALL_MS), &put_script, 3, arguments,
                    place, &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1)
        return true;
    error_set(err, ERROR_STALE, "the lease is not ours any more");
    return false;
}

/* True where our acceptance of that agent is to be put back. */
static bool compare(struct shell *shell, struct cluster *cluster, const char *agent,
                    const redisReply *value)
{
    struct error err;
    bool is_news = false;
    const struct accepted_key *known = agent_keys_accepted(&cluster->agent_keys, agent);
    bool is_text = value->type == REDIS_REPLY_STRING && strlen(value->str) == value->len;
    if (is_text && known != NULL && text_equal(known->text, value->str))
        return false;
    if (is_text && !take(shell, cluster, agent, value->str, &is_news, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: refused, from Redis",
                    cluster->config->name);
    return known != NULL && !is_news;
}

static bool look(struct shell *shell, struct cluster *cluster, struct error *err)
{
    size_t count, lost = 0;
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP const char **names = list_names(cluster, &count);
    if (!read_hash(shell, cluster, names, count, &reply, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (compare(shell, cluster, names[i], reply->element[i]))
            names[lost++] = names[i];
    return lost == 0 || !cluster->is_led || write_hash(shell, cluster, names, lost, err);
}

void agent_store_look(struct shell *shell, struct cluster *cluster)
{
    struct error err;
    if (cluster->agent_keys.accepted == NULL)
        return;
    cluster->agents_due_ms = clock_monotonic_ms() + LOOK_EVERY_MS;
    if (look(shell, cluster, &err))
        return;
    log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: accepted keys of agents",
                cluster->config->name);
    if (error_code_is_transient(err.code) || err.code == ERROR_STALE)
        cluster->agents_due_ms = 0;
}

void agent_store_look_if_due(struct shell *shell, struct cluster *cluster)
{
    if (cluster->agent_keys.accepted != NULL && clock_monotonic_ms() >= cluster->agents_due_ms)
        agent_store_look(shell, cluster);
}

bool agent_store_take(struct shell *shell, struct cluster *cluster, const char *agent,
                      const char *text, struct error *err)
{
    struct error put_error;
    bool is_news = false;
    if (!take(shell, cluster, agent, text, &is_news, err))
        return false;
    if (!is_news) {
        error_set(err, ERROR_STALE, "a later acceptance of agent '%s' is known", agent);
        error_hint(err, "are the clocks of the machines where `shunt` is run right?");
        return false;
    }
    if (write_hash(shell, cluster, &agent, 1, &put_error))
        return true;
    log_failure(LOG_LEVEL_WARNING, &put_error, "cluster %s: acceptance of agent %s; tried again",
                cluster->config->name, agent);
    cluster->agents_due_ms = 0;
    return true;
}
