/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for what administrators have changed in the install directory: the keys `artifacts` and
 * `customisations` of the section `bitbucket`.
 */
#ifndef SHUNT_CUSTOMISATION_CONFIG_H
#define SHUNT_CUSTOMISATION_CONFIG_H

#include "agent_config.h"

void customisation_config_read(struct yaml_document *document, const struct yaml_node *section,
                               struct bitbucket_config *config);

/* The manner for a path below the tree: of the first rule that fits, else CUSTOMISATION_MERGE. */
enum customisation_manner customisation_manner_of(const struct bitbucket_config *config,
                                                  const char *path);

/* True where the first rule drops everything: nothing is looked for then. */
bool customisation_is_off(const struct bitbucket_config *config);

#endif
