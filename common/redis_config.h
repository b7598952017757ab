/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Redis is, as the configuration of every program says it: a `url`, or `sentinels` with the
 * name of a `master`. As whom to go there is read by each program in its own way.
 */
#ifndef SHUNT_REDIS_CONFIG_H
#define SHUNT_REDIS_CONFIG_H

#include "redis.h"
#include "yaml.h"

/* Reads url, or sentinels, master and database, and whether there is `tls` with sentinels (a URL
 * says it itself), from the map `redis`. Sets the whole address, so it comes before all else. */
void redis_config_read_place(struct yaml_document *document, const struct yaml_node *map,
                             struct redis_address *ret_address);

#endif
