/* SPDX-License-Identifier: Apache-2.0 */
/* What `shunt history` shows: entries of a stream, ended upgrades and what operators had to force.
 */
#include "answer.h"
#include "channel.h"
#include "clock.h"
#include "log.h"
#include "memory.h"

#include <stdio.h>
#include <string.h>

#define REDIS_CALL_MS 2000
#define HISTORY_MOST  "1000"
#define LATEST        "20" /* events of operators may have come after it */

void history_add(struct shell *shell, struct cluster *cluster, const char *field,
                 const json_t *json)
{
    char key[CHANNEL_KEY_SIZE];
    struct error err;
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP char *text = json_write(json);
    channel_key(key, cluster->config->name, "history", NULL);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, &err, "XADD", key,
                       "MAXLEN", "~", HISTORY_MOST, "*", field, text, NULL))
        log_failure(LOG_LEVEL_WARNING, &err, "cluster %s: history", cluster->config->name);
}

/* Its end, which is told once: an upgrade that was aborted may end once more, rolled back. */
bool history_has(struct shell *shell, struct cluster *cluster)
{
    char key[CHANNEL_KEY_SIZE], id[LIMIT_ID + 8], ended[48];
    struct error ignored;
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, cluster->config->name, "history", NULL);
    snprintf(id, sizeof(id), "\"%s\"", cluster->upgrade->id);
    snprintf(ended, sizeof(ended), "%lld", (long long)cluster->upgrade->ended_ms);
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &reply, &ignored,
                       "XREVRANGE", key, "+", "-", "COUNT", LATEST, NULL) ||
        reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        const redisReply *entry = reply->element[i];
        if (entry->type == REDIS_REPLY_ARRAY && entry->elements == 2 &&
            entry->element[1]->type == REDIS_REPLY_ARRAY && entry->element[1]->elements == 2 &&
            entry->element[1]->element[1]->type == REDIS_REPLY_STRING &&
            strstr(entry->element[1]->element[1]->str, id) != NULL &&
            strstr(entry->element[1]->element[1]->str, ended) != NULL)
            return true;
    }
    return false;
}

void history_tell(struct shell *shell, struct cluster *cluster, const struct request *request,
                  const char *text)
{
    JSON_CLEANUP json_t *json = json_object();
    json_object_set_new(json, "event", json_string(request_verb_name(request->verb)));
    json_object_set_new(json, "at_ms", json_integer(clock_wall_ms()));
    json_object_set_new(json, "controller", json_string(shell->config->name));
    json_object_set_new(json, "epoch", json_integer((json_int_t)cluster->epoch));
    json_object_set_new(json, "operator", json_string(request->operator));
    json_object_set_new(json, "reason", json_text(request->reason));
    json_object_set_new(json, "text", json_text(text));
    history_add(shell, cluster, "event", json);
}
