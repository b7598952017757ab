/* SPDX-License-Identifier: Apache-2.0 */
#include "enroll.h"

#include "channel.h"
#include "enrolment.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDIS_MS 5000 /* to connect, and for each answer */

/* The controller's embedded set-up (deploy/README.md) has made all files of that directory, and
 * knows the key. */
static bool is_of_embedded(const struct agent_config *config)
{
    char path[LIMIT_PATH + 16];
    const char *name = strrchr(config->key_file, '/');
    int size = name != NULL ? (int)(name - config->key_file) : 0;
    (void)snprintf(path, sizeof(path), "%.*s/redis.url", size, config->key_file);
    return access(path, F_OK) == 0;
}

/* One that is there is kept: the agent may be known by it already. */
static bool have_key(const char *path, struct key_pair **ret_pair, bool *ret_is_new,
                     struct error *err)
{
    if (key_pair_load(path, ret_pair, err))
        return true;
    if (err->code != ERROR_NOT_FOUND) {
        enroll_hint(err);
        return false;
    }
    struct key_pair *pair = key_pair_new();
    if (!key_pair_save(pair, path, err)) {
        key_pair_free(pair);
        return false;
    }
    *ret_pair = pair;
    *ret_is_new = true;
    return true;
}

static bool put(struct redis *redis, const struct enrolment *enrolment, const char *text,
                struct error *err)
{
    char key[CHANNEL_KEY_SIZE], life[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, enrolment->cluster, ENROLMENT_WHAT, enrolment->node);
    (void)snprintf(life, sizeof(life), "%d", ENROLMENT_LIFE_MS);
    return redis_connect(redis, deadline_after_ms(REDIS_MS), err) &&
           redis_command(redis, deadline_after_ms(REDIS_MS), &reply, err, "SET", key, text, "PX",
                         life, (char *)NULL);
}

static bool publish(const struct agent_config *config, const struct key_pair *pair,
                    const struct key_public *key, struct error *err)
{
    struct enrolment enrolment = {.key = *key, .made_ms = clock_wall_ms()};
    struct redis *redis = redis_new(&config->redis);
    TEXT_COPY(enrolment.cluster, config->cluster);
    TEXT_COPY(enrolment.node, config->node);
    FREE_CLEANUP char *text = enrolment_write(&enrolment, pair);
    bool is_there = put(redis, &enrolment, text, err);
    redis_free(redis);
    return is_there;
}

static void tell(const struct agent_config *config, const char *key, bool is_new)
{
    printf("agent       %s of cluster %s\n"
           "public key  %s\n"
           "key file    %s (%s)\n\n",
           config->node, config->cluster, key, config->key_file,
           is_new ? "made just now; an agent that runs has it after a restart"
                  : "was there already");
}

static void tell_way(const struct agent_config *config, const char *key,
                     const struct error *why_not_published)
{
    if (why_not_published == NULL) {
        printf(
            "An approver types, within a day, and compares the key that is shown with this one:\n"
            "  shunt agents accept %s %s\n",
            config->cluster, config->node);
        return;
    }
    printf("Redis did not take it: %s%s%s\n"
           "An approver types, with the key as it is printed here:\n"
           "  shunt agents accept %s %s --key %s\n",
           why_not_published->message, why_not_published->hint[0] != '\0' ? "; hint: " : "",
           why_not_published->hint, config->cluster, config->node, key);
}

static bool tell_embedded(const struct agent_config *config, struct error *err)
{
    struct key_pair *pair = NULL;
    struct key_public key;
    char text[KEY_PUBLIC_TEXT_SIZE];
    if (!key_pair_load(config->key_file, &pair, err)) {
        error_hint(err, "the controller's embedded set-up makes it at its start: restart it");
        return false;
    }
    key_pair_public(pair, &key);
    key_pair_free(pair);
    key_public_write(&key, text);
    tell(config, text, false);
    puts("The controller's embedded set-up has made this key: there is nothing to accept.");
    return true;
}

bool enroll(const struct agent_config *config, struct error *err)
{
    struct key_pair *pair = NULL;
    struct key_public key;
    struct error why;
    char text[KEY_PUBLIC_TEXT_SIZE];
    bool is_new = false;
    if (is_of_embedded(config))
        return tell_embedded(config, err);
    if (!have_key(config->key_file, &pair, &is_new, err))
        return false;
    key_pair_public(pair, &key);
    key_public_write(&key, text);
    bool is_published = publish(config, pair, &key, &why);
    key_pair_free(pair);
    tell(config, text, is_new);
    tell_way(config, text, is_published ? NULL : &why);
    return true;
}

void enroll_hint(struct error *err)
{
    if (err->code == ERROR_NOT_FOUND)
        error_hint(err, "`shunt-agent enroll` makes it");
    else if (err->code == ERROR_INVALID)
        error_hint(err, "remove it, as where the power failed when it was made: `shunt-agent "
                        "enroll` makes another, which is to be accepted");
}
