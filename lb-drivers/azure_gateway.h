/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An application gateway as ARM's JSON: what is read from it, and how members of its pools come and
 * go. Pure. Everything else in the document stays as it came, known to us or not, because a change
 * is the whole document sent back.
 *
 * A pool is borrowed from its gateway, and found by its name, whatever its place.
 */
#ifndef SHUNT_AZURE_GATEWAY_H
#define SHUNT_AZURE_GATEWAY_H

#include "json.h"

#define AZURE_ETAG     256   /* incl. NUL */
#define AZURE_DRAIN_MS 30000 /* where connection draining is not enabled */

/* What ARM says of the last change of a resource. */
enum azure_provisioning {
    AZURE_SUCCEEDED,
    AZURE_UPDATING, /* or being created or deleted */
    AZURE_FAILED,   /* or canceled: what the document says need not be in force */
};

/* ERROR_PROTOCOL where it is no gateway, or one whose form is not known. */
bool azure_gateway_parse(const char *bytes, size_t size, json_t **ret_gateway, struct error *err);

/* Any resource with `properties.provisioningState`; a word that is not known is AZURE_UPDATING. */
enum azure_provisioning azure_provisioning(const json_t *resource);
const char *azure_etag(const json_t *resource); /* empty = it has none */
bool azure_gateway_is_running(const json_t *gateway);
const char *azure_gateway_operational_state(const json_t *gateway);

json_t *azure_gateway_pool(const json_t *gateway, const char *name); /* NULL = there is none */
const char *azure_pool_id(const json_t *pool);
/* Its addresses and IP configurations together. */
size_t azure_pool_count(const json_t *pool);
size_t azure_pool_configuration_count(const json_t *pool);
bool azure_pool_has_address(const json_t *pool, const char *address);
bool azure_pool_has_configuration(const json_t *pool, const char *id);
/* Puts the address in, or takes it out; false = nothing was to be changed. */
bool azure_pool_set_address(json_t *pool, const char *address, bool is_in);

/* How long old requests of members that were taken out may go on: the longest time of the backend
 * settings that rules and path maps use with the pool. */
int64_t azure_gateway_drain_ms(const json_t *gateway, const char *pool_id);

/* The member of an array of objects whose text `key` is this one; NULL = there is none, or it is no
 * array. */
json_t *azure_find(const json_t *array, const char *key, const char *text);
/* Is NULL, or an array of objects. */
bool azure_is_list(const json_t *value);

#endif
