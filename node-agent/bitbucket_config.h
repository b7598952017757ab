/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section "bitbucket" of the agent's configuration, with the rules that keep its paths apart.
 */
#ifndef SHUNT_BITBUCKET_CONFIG_H
#define SHUNT_BITBUCKET_CONFIG_H

#include "agent_config.h"

/* An absolute and normal path; complains of others. */
void config_get_path(struct yaml_document *document, const struct yaml_node *map, const char *key,
                     bool required, char path[LIMIT_PATH]);

/* Complains at the key's value, or at the map where the value is a default. */
void config_complain(struct yaml_document *document, const struct yaml_node *map, const char *key,
                     const char *text);

/* The rule that releases, link and home break, and the key to blame; NULL where they break none.
 * Those that are not known yet ("") break none. */
const char *bitbucket_config_broken_rule(const struct bitbucket_config *config,
                                         const char **ret_key);

bool bitbucket_config_is_address(const char *text);      /* a literal IPv4 or IPv6 address */
bool bitbucket_config_is_context_path(const char *text); /* "" or "/bitbucket" */

/* section: NULL where there is none, and all is open. */
void bitbucket_config_read(struct yaml_document *document, const struct yaml_node *section,
                           struct bitbucket_config *config);

#endif
