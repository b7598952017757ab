/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old workers behind a master socket: a reload leaves each with the sessions it has, which the
 * worker that serves knows nothing of. They get no new clients, and take no orders about servers
 * ("Proxy is disabled."): what they have is counted, and cut one by one.
 *
 * At the address of a stats socket there are none.
 */
#ifndef SHUNT_HAPROXY_OLD_H
#define SHUNT_HAPROXY_OLD_H

#include "haproxy_process.h"

/* Adds what they serve of the member. Called after the worker that serves has been asked: one that
 * is replaced between the two is counted twice, and never not at all. */
bool haproxy_count_old(const struct haproxy_process *process, const struct haproxy_member *member,
                       int64_t *sessions, struct error *err);

/* ERROR_UNAVAILABLE where some are left for the next call. */
bool haproxy_cut_old(const struct haproxy_process *process, const struct haproxy_member *member,
                     struct error *err);

#endif
