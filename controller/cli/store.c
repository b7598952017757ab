/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include "json.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define STATUS_BYTES (1024 * 1024) /* the largest cluster's is 60 KB */
#define NEWS_COUNT   "64"          /* more than a controller keeps */

static struct deadline call_deadline(void)
{
    return deadline_after_ms(CLIENT_CALL_MS);
}

bool store_is_led(struct client *client, bool *ret_is_led, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, client->cluster->name, "lease", NULL);
    if (!redis_command(client->redis, call_deadline(), &reply, err, "EXISTS", key, (char *)NULL))
        return false;
    *ret_is_led = reply->type == REDIS_REPLY_INTEGER && reply->integer > 0;
    return true;
}

/* The text of a key; empty where there is none. */
static bool read_text(struct client *client, const char *what, char *text, size_t size,
                      struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, client->cluster->name, what, NULL);
    if (!redis_command(client->redis, call_deadline(), &reply, err, "GET", key, (char *)NULL))
        return false;
    text[0] = '\0';
    if (reply->type == REDIS_REPLY_NIL ||
        (reply->type == REDIS_REPLY_STRING && text_copy(text, size, reply->str)))
        return true;
    error_set(err, ERROR_PROTOCOL, "%s: no text of less than %zu bytes", key, size);
    return false;
}

bool store_read_lease(struct client *client, char ret_holder[LEASE_HOLDER_SIZE], int64_t *ret_epoch,
                      struct error *err)
{
    char epoch_text[24];
    uint64_t epoch = 0;
    if (!read_text(client, "lease", ret_holder, LEASE_HOLDER_SIZE, err) ||
        !read_text(client, "epoch", epoch_text, sizeof(epoch_text), err))
        return false;
    (void)text_parse_u64(epoch_text, INT64_MAX, &epoch);
    *ret_epoch = (int64_t)epoch;
    return true;
}

static bool parse_status(const struct client *client, const redisReply *reply, json_t **ret_json,
                         struct cluster_status *ret_status, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    if (reply->type != REDIS_REPLY_STRING || reply->len > STATUS_BYTES) {
        error_set(err, ERROR_PROTOCOL, "no text of at most %d bytes", STATUS_BYTES);
        return false;
    }
    if (!json_read_object(reply->str, reply->len, &json, err) ||
        !cluster_status_read(json, status, err))
        return false;
    if (!text_equal(status->cluster, client->cluster->name) ||
        (status->has_upgrade && !text_equal(status->upgrade.cluster, client->cluster->name))) {
        error_set(err, ERROR_PROTOCOL, "it is the status of another cluster, '%s'",
                  status->cluster);
        return false;
    }
    *ret_status = *status;
    *ret_json = MEMORY_STEAL(json);
    return true;
}

bool store_read_status(struct client *client, json_t **ret_json, struct cluster_status *ret_status,
                       struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, client->cluster->name, "status", NULL);
    if (!redis_command(client->redis, call_deadline(), &reply, err, "GET", key, (char *)NULL))
        return false;
    if (reply->type == REDIS_REPLY_NIL || parse_status(client, reply, ret_json, ret_status, err))
        return true;
    error_wrap(err, "cluster %s: unreadable status in Redis (%s)", client->cluster->name, key);
    error_hint(err, "the leading controller writes it anew at its next change; who else did?");
    return false;
}

/* XREVRANGE KEY + - COUNT count. */
static bool read_latest(struct client *client, const char *what, size_t count,
                        redisReply **ret_reply, struct error *err)
{
    char key[CHANNEL_KEY_SIZE], count_text[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, client->cluster->name, what, NULL);
    (void)snprintf(count_text, sizeof(count_text), "%zu", count);
    if (!redis_command(client->redis, call_deadline(), &reply, err, "XREVRANGE", key, "+", "-",
                       "COUNT", count_text, (char *)NULL))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements > count) {
        error_set(err, ERROR_PROTOCOL, "%s: no list of at most %zu entries", key, count);
        return false;
    }
    *ret_reply = MEMORY_STEAL(reply);
    return true;
}

/* [id, [field, value, …]]; the id, or NULL where the entry has another shape. */
static const char *entry_id(const redisReply *entry)
{
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[0]->len >= CHANNEL_ENTRY_ID_SIZE)
        return NULL;
    return entry->element[0]->str;
}

static const redisReply *entry_field(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1];
    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        const redisReply *key = fields->element[i], *value = fields->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            text_equal(key->str, name))
            return value;
    }
    return NULL;
}

static bool check_upgrade(const json_t *json, struct error *err)
{
    FREE_CLEANUP struct upgrade_summary *upgrade = memory_zeroed(1, sizeof(*upgrade));
    return upgrade_summary_read(json, upgrade, err);
}

static bool check_event(const json_t *json, struct error *err)
{
    struct event_summary event;
    return event_summary_read(json, &event, err);
}

static bool add_entry(const redisReply *entry, json_t *list, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    const char *id = entry_id(entry);
    const redisReply *upgrade = id != NULL ? entry_field(entry, "upgrade") : NULL;
    const redisReply *text = id != NULL && upgrade == NULL ? entry_field(entry, "event") : upgrade;
    if (text == NULL || text->len > STATUS_BYTES)
        error_set(err, ERROR_PROTOCOL, "no field 'upgrade' of at most %d bytes", STATUS_BYTES);
    else if (json_read_object(text->str, text->len, &json, err) &&
             (upgrade != NULL ? check_upgrade(json, err) : check_event(json, err)))
        return json_array_insert(list, 0, json) == 0;
    error_wrap(err, "entry %s", id != NULL ? id : "without an id");
    return false;
}

bool store_read_history(struct client *client, size_t most, json_t **ret_list, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    JSON_CLEANUP json_t *list = json_array();
    if (!read_latest(client, "history", most, &reply, err))
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        if (!add_entry(reply->element[i], list, err)) {
            error_wrap(err, "cluster %s: unreadable history in Redis", client->cluster->name);
            return false;
        }
    }
    *ret_list = MEMORY_STEAL(list);
    return true;
}

bool store_last_news(struct client *client, char ret_id[CHANNEL_ENTRY_ID_SIZE], struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    if (!read_latest(client, "news", 1, &reply, err))
        return false;
    const char *id = reply->elements > 0 ? entry_id(reply->element[0]) : "0-0";
    if (id != NULL)
        return text_copy(ret_id, CHANNEL_ENTRY_ID_SIZE, id);
    error_set(err, ERROR_PROTOCOL, "cluster %s: unreadable news in Redis", client->cluster->name);
    return false;
}

static void keep_id(void *context, const struct channel_entry *entry)
{
    if (strlen(entry->id) < CHANNEL_ENTRY_ID_SIZE)
        (void)text_copy(context, CHANNEL_ENTRY_ID_SIZE, entry->id);
}

bool store_await_news(struct client *client, int64_t block_ms, char id[CHANNEL_ENTRY_ID_SIZE],
                      struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char key[CHANNEL_KEY_SIZE], block_text[24];
    channel_key(key, client->cluster->name, "news", NULL);
    (void)snprintf(block_text, sizeof(block_text), "%lld", (long long)block_ms);
    return redis_command(client->redis, deadline_after_ms(block_ms + CLIENT_CALL_MS), &reply, err,
                         "XREAD", "COUNT", NEWS_COUNT, "BLOCK", block_text, "STREAMS", key, id,
                         (char *)NULL) &&
           channel_each(reply, keep_id, id, err);
}
