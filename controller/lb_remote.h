/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to agents on the hosts of load balancers: what carries the driver `agent` (lb_transport.h).
 *
 * A worker puts its call into a table, brings the main thread an item, and waits. The main thread
 * signs the command with the cluster's epoch and has Redis take it while lease and epoch are ours;
 * it gives the report, when it comes, to the worker, and withdraws a command that nobody waits for
 * any more. The table, under a lock of its own, is all that the two share. A call ends at its
 * deadline at the latest, and at once when the lease is lost or the controller stops.
 */
#ifndef SHUNT_LB_REMOTE_H
#define SHUNT_LB_REMOTE_H

#include "lb_transport.h"

#include <stddef.h>

struct cluster;
struct item;
struct lb_remote;
struct shell;

struct lb_remote *lb_remote_new(void);
void lb_remote_free(struct lb_remote *remote); /* no call is left; NULL is fine */

/* The `context` of one load balancer's transport, and its `call`: a worker's. */
struct lb_remote_port {
    struct shell *shell;
    struct cluster *cluster;
};
bool lb_remote_call(void *port, const struct command *command, struct deadline deadline,
                    struct report *ret_report, struct error *err);

/* The rest is the main thread's. */

/* ITEM_LB_CALL and ITEM_LB_WITHDRAW. */
void lb_remote_send(struct shell *shell, struct cluster *cluster, const struct item *item);
void lb_remote_withdraw(struct shell *shell, struct cluster *cluster, const struct item *item);

/* True if the report is about such a call, whether or not somebody still waits for it. */
bool lb_remote_report(struct shell *shell, const struct report *report);

/* The cluster's calls end: what they wait for will not come, or was asked under an old epoch. */
void lb_remote_end(struct shell *shell, const struct cluster *cluster);
/* All calls end, and no other begins. */
void lb_remote_close(struct shell *shell);

#endif
