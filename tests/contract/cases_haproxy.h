/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What HAProxy alone can do: reloads under a master, a file of states, weights, agent-checks.
 */
#ifndef SHUNT_CASES_HAPROXY_H
#define SHUNT_CASES_HAPROXY_H

#include "contract.h"
#include "haproxy_server.h"

int haproxy_run_cases(void);

#endif
