/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maps `credentials` and `tls` of a configuration: of a cluster or of a load balancer.
 */
#ifndef SHUNT_CREDENTIALS_CONFIG_H
#define SHUNT_CREDENTIALS_CONFIG_H

#include "credentials.h"
#include "yaml.h"

void config_read_credentials(struct yaml_document *document, const struct yaml_node *outer,
                             bool required, struct credentials *credentials);
void config_read_tls(struct yaml_document *document, const struct yaml_node *outer,
                     char ca_file[LIMIT_PATH]);

#endif
