/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read from Redis of one cluster: its lease, status, history and news. All of it is outside
 * input; sizes are bounded here, the JSON is judged in status_read.h. An error of transport closes
 * the connection (redis.h): client_connect() again.
 */
#ifndef SHUNT_STORE_H
#define SHUNT_STORE_H

#include "channel.h"
#include "client.h"
#include "request.h"
#include "status_read.h"

#define HISTORY_MOST 200 /* entries of 60 KB, for the largest cluster, fit REDIS_REPLY_BYTES */

/* Whether a controller holds the lease of the client's cluster. */
bool store_is_led(struct client *client, bool *ret_is_led, struct error *err);

/* Who holds it, and the epoch; an empty holder where nobody does. */
bool store_read_lease(struct client *client, char ret_holder[LEASE_HOLDER_SIZE], int64_t *ret_epoch,
                      struct error *err);

/* The status as a JSON object and read; the caller owns the JSON. *ret_json stays NULL where no
 * controller has left one yet. ERROR_PROTOCOL where it is unreadable or of another cluster. */
bool store_read_status(struct client *client, json_t **ret_json, struct cluster_status *ret_status,
                       struct error *err);

/* Past upgrades and events (objects with the member "event"), the latest last, as a JSON list; the
 * caller owns it. Every one is well-formed. */
bool store_read_history(struct client *client, size_t most, json_t **ret_list, struct error *err);

/* The id of the last news, "0-0" if there was none. */
bool store_last_news(struct client *client, char ret_id[CHANNEL_ENTRY_ID_SIZE], struct error *err);

/* Waits for news after `id`, for block_ms at most, and moves id to the latest. */
bool store_await_news(struct client *client, int64_t block_ms, char id[CHANNEL_ENTRY_ID_SIZE],
                      struct error *err);

#endif
