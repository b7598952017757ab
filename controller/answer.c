/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "channel.h"
#include "log.h"
#include "memory.h"

#include <stdio.h>

#define ANSWER_LIFE_S "60"
#define REDIS_CALL_MS 5000

json_t *error_to_json(const struct error *err)
{
    if (err->code == ERROR_NONE)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "code", json_string(error_code_name(err->code)));
    json_object_set_new(json, "message", json_text(err->message));
    json_object_set_new(json, "hint", json_text(err->hint));
    return json;
}

void answer(struct shell *shell, struct cluster *cluster, const char *id, const char *message,
            const struct error *err, const char *extra_key, json_t *extra)
{
    char key[CHANNEL_KEY_SIZE + LIMIT_ID];
    struct error failure;
    bool is_ok = err == NULL || err->code == ERROR_NONE;
    JSON_CLEANUP json_t *json = json_object();
    json_object_set_new(json, "id", json_string(id));
    json_object_set_new(json, "ok", json_boolean(is_ok));
    if (!is_ok)
        json_object_set_new(json, "error", error_to_json(err));
    if (message != NULL)
        json_object_set_new(json, "message", json_text(message));
    if (extra != NULL)
        json_object_set(json, extra_key, extra);
    FREE_CLEANUP char *text = json_write(json);
    snprintf(key, sizeof(key), "shunt:{%s}:answer:%s", cluster->config->name, id);
    REPLY_CLEANUP redisReply *pushed = NULL, *expiry = NULL;
    if (!redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &pushed, &failure, "RPUSH",
                       key, text, NULL) ||
        !redis_command(shell->redis, deadline_after_ms(REDIS_CALL_MS), &expiry, &failure, "EXPIRE",
                       key, ANSWER_LIFE_S, NULL))
        log_failure(LOG_LEVEL_WARNING, &failure, "cluster %s: answer to request %s",
                    cluster->config->name, id);
}

void answer_text(struct shell *shell, struct cluster *cluster, const char *id, const char *message,
                 const struct error *err)
{
    answer(shell, cluster, id, message, err, NULL, NULL);
}
