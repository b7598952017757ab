/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The servers of the simulated fleet, of which each connection has one question and one answer:
 * one HTTP port for the REST interfaces of all clusters, one runtime socket of HAProxy a cluster.
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include "cluster.h"

/* On 127.0.0.1; URLs are /CLUSTER/NODE/rest/… and /CLUSTER/lb/rest/… for the load balancer's. */
void rest_open(int port);

/* FOLDER/CLUSTER.sock for each cluster; members are bb/NODE. */
void balancers_open(const char *folder);

#endif
