/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of `load_balancers`, as controller and agent have it in their configurations: name,
 * driver, addresses, the driver's settings, and credentials and tls where it takes them.
 */
#ifndef SHUNT_LB_CONFIG_H
#define SHUNT_LB_CONFIG_H

#include "config_values.h"
#include "lb_driver.h"

/* Takes what it can; every complaint goes to the document. names: of the same list. The caller
 * reads what else the entry has, and then calls yaml_complain_unknown(). ret_lb must be zeroed. */
void lb_config_read(struct yaml_document *document, const struct yaml_node *map,
                    struct config_unique *names, struct lb *ret_lb);
void lb_config_done(struct lb *lb);

#endif
