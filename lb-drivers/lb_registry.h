/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drivers, declared for lb_registry.c alone: everybody else finds one by its name.
 */
#ifndef SHUNT_LB_REGISTRY_H
#define SHUNT_LB_REGISTRY_H

#include "lb_driver.h"

extern const struct lb_driver lb_haproxy_driver;
extern const struct lb_driver lb_exec_driver;
extern const struct lb_driver lb_nginx_plus_driver;
extern const struct lb_driver lb_apache_driver;
extern const struct lb_driver lb_mod_jk_driver;
extern const struct lb_driver lb_agent_driver;
extern const struct lb_driver lb_azure_driver;
extern const struct lb_driver lb_nginx_driver;

#endif
