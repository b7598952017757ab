/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that are bound to a pool from their own side: a network interface, or an instance of a
 * scale set, whose IP configuration names the pools it serves. Pure.
 */
#ifndef SHUNT_AZURE_INTERFACE_H
#define SHUNT_AZURE_INTERFACE_H

#include "azure_member.h"
#include "json.h"

/* The properties of the member's IP configuration, borrowed from the resource. ERROR_NOT_FOUND
 * where it has no such interface or configuration, ERROR_PROTOCOL where its form is not known. */
bool azure_interface_find(const json_t *resource, const struct azure_member *member,
                          json_t **ret_configuration, struct error *err);

bool azure_configuration_is_in(const json_t *configuration, const char *pool_id);
/* Puts it into the pool, or takes it out; false = nothing was to be changed. */
bool azure_configuration_set(json_t *configuration, const char *pool_id, bool is_in);
const char *azure_configuration_address(const json_t *configuration); /* empty = not told */

/* What is sent to change the resource, owned by the caller: an interface is sent as a whole; of an
 * instance only the place, hardware and network profile, since the rest is the scale set's. */
json_t *azure_interface_body(json_t *resource, const struct azure_member *member);

#endif
