/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator allows in one cluster: plain data, read from the configuration, carried in the
 * upgrade's state so that a change of the file does not change an upgrade that runs.
 */
#ifndef SHUNT_POLICY_H
#define SHUNT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum on_failure {
    ON_FAILURE_PAUSE,            /* leave the node as it is and wait for a decision */
    ON_FAILURE_ROLLBACK_NODE,    /* put the node back, then wait for a decision */
    ON_FAILURE_ROLLBACK_CLUSTER, /* put every upgraded node back, leave upgrade mode */
    ON_FAILURE_QUARANTINE,       /* leave the node out of traffic and go on with the others */
    ON_FAILURE_COUNT
};

struct policy {
    uint32_t max_unavailable;     /* nodes out of service at one time, for any reason */
    uint32_t min_available;       /* nodes in service at any time */
    int64_t drain_deadline_ms;    /* for all that is in flight to end */
    int64_t sticky_ms;            /* sticky clients keep a drained member busy: after this long it
                                     is put down, which admits nobody; at most drain_deadline_ms */
    bool force_at_drain_deadline; /* cut what is left; otherwise the node goes back to serving */
    int64_t lb_deadline_ms;       /* for the slowest load balancer to obey */
    int64_t stop_deadline_ms;
    bool kill_at_stop_deadline; /* SIGKILL; otherwise the stop has failed */
    int64_t start_deadline_ms;
    int64_t active_deadline_ms;
    int64_t return_deadline_ms; /* until the load balancer's own checks say up */
    int64_t stage_deadline_ms;
    int64_t soak_ms;
    enum on_failure on_failure; /* at a fault of the release; a fault of the environment never
                                   rolls the cluster back, it waits for a decision */
    bool approve_by_hand;       /* wait for `shunt approve` before the point of no return */
};

const char *on_failure_name(enum on_failure on_failure);
bool on_failure_parse(const char *name, enum on_failure *ret_on_failure);

#endif
