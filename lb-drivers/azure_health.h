/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an application gateway says of the health of its pools' servers (the answer to
 * backendhealth). Pure.
 *
 * The same server may stand there once for each of the backend settings it is used with: it is as
 * well as in the worst of them.
 */
#ifndef SHUNT_AZURE_HEALTH_H
#define SHUNT_AZURE_HEALTH_H

#include "json.h"
#include "lb_driver.h"

/* ERROR_PROTOCOL where it is no such report. */
bool azure_health_parse(const char *bytes, size_t size, json_t **ret_report, struct error *err);

/* Who is meant: a server is told by its address, or by the id of its IP configuration. */
struct azure_server {
    const char *address; /* empty = not known */
    const char *id;      /* empty = it is an address in the pool */
};

/* LB_HEALTH_UNKNOWN where the report has no such server. */
enum lb_health azure_health_of(const json_t *report, const char *pool_id,
                               const struct azure_server *server);

/* Servers of the pool that are up and still belong to it, but for this one. `pool` is the gateway's
 * pool as it is now: the report may be older. */
uint32_t azure_health_peers(const json_t *report, const json_t *pool,
                            const struct azure_server *server);

#endif
