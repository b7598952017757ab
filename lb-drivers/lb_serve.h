/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's side of the driver `agent`: a command about members of a load balancer, carried out
 * by that load balancer's own driver.
 */
#ifndef SHUNT_LB_SERVE_H
#define SHUNT_LB_SERVE_H

#include "lb_driver.h"
#include "message.h"

/* lb: opened; command: one of LB_READ, LB_SET, LB_CUT, as the codec read it. True: done; of LB_READ
 * the report holds the states. */
bool lb_serve(const struct lb *lb, const struct command *command, struct deadline deadline,
              struct report *report, struct error *err);

#endif
