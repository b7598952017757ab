/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Established connections on the node's own HTTP and SSH ports, as the kernel counts them
 * (sock_diag(7)): the proof that nobody is cut off by a stop.
 */
#ifndef SHUNT_CONNECTIONS_H
#define SHUNT_CONNECTIONS_H

#include "job.h"
#include "sock_diag.h"

struct connection_counter {
    struct sock_diag diag;
    const struct bitbucket_config *config; /* borrowed */
};

bool connection_counter_open(struct connection_counter *counter,
                             const struct bitbucket_config *config, struct error *err);
void connection_counter_close(struct connection_counter *counter);
#define CONNECTION_COUNTER_CLEANUP __attribute__((cleanup(connection_counter_close)))

bool connections_count(struct connection_counter *counter, int64_t *ret_count, struct error *err);

/* Counts every 10 ms until none is left or the deadline is over; job->report.connections holds the
 * last count either way, and progress is sent when it changes. */
bool connections_wait(struct job *job, struct deadline deadline, struct error *err);

#endif
