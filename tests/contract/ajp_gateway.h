/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets the nodes of nodes.h be reached by AJP 1.3, the protocol between mod_jk and Tomcat: a port a
 * node, where CPing is answered and GET requests are passed on to the node's HTTP port. A client
 * without a cookie gets the session JSESSIONID=s.NODE, which mod_jk takes for its way back.
 */
#ifndef SHUNT_CONTRACT_AJP_GATEWAY_H
#define SHUNT_CONTRACT_AJP_GATEWAY_H

#include <stddef.h>

void ajp_gateway_start(void);
void ajp_gateway_stop(void);
int ajp_gateway_port(size_t node);

#endif
