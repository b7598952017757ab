/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what mod_jk's status worker answers with `mime=prop`: lines `worker.NAME.KEY=VALUE`, in the
 * order load balancer, its members, the next load balancer, and the result at the end.
 *
 * Pure: bytes in, figures out. The bytes may be hostile; each function is linear in their number,
 * needs no NUL at their end and allocates nothing. Names and values are those of the Tomcat
 * connectors' reference (status worker, 1.2).
 */
#ifndef SHUNT_JK_STATUS_H
#define SHUNT_JK_STATUS_H

#include "lb_driver.h"

#define JK_MARK 32 /* of a time in seconds, incl. NUL */

struct jk_worker {
    enum lb_admin admin; /* activation: ACT, DIS, STP */
    enum lb_health health;
    bool is_in_error; /* and waits for its recover_time, or to be told to recover */
    int64_t busy;
    int64_t weight;     /* lbfactor; -1 = not told */
    uint32_t peers_up;  /* other members that are active and not in error */
    char mark[JK_MARK]; /* when the counters of the load balancer began */
};

/* The result of what was asked: ERROR_NOT_FOUND (no such worker), ERROR_DENIED (read-only),
 * ERROR_CONFLICT (any other refusal), ERROR_PROTOCOL for what is no such answer, ERROR_UNAVAILABLE
 * where it has no end. */
bool jk_read_result(const char *bytes, size_t size, struct error *err);

/* A member in the answer to `cmd=list`, of which jk_read_result() was true. ERROR_NOT_FOUND where
 * it is not in it. */
bool jk_read_member(const char *bytes, size_t size, const char *lb, const char *member,
                    struct jk_worker *ret_worker, struct error *err);

#endif
