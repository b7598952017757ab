/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what HAProxy tells of its servers: the tables of `show servers state` and `show stat`.
 *
 * Pure: bytes in, figures out. The bytes may be hostile; each function is linear in their number,
 * needs no NUL at their end and allocates nothing. Columns are found by the names in the table's
 * head, since every release of HAProxy adds some. Source: HAProxy management guide, sections 9.1
 * (statistics) and 9.3 (commands).
 */
#ifndef SHUNT_HAPROXY_CSV_H
#define SHUNT_HAPROXY_CSV_H

#include "lb_driver.h"

/* One server in `show servers state`: what it was told, and what it is checked by. */
struct haproxy_state {
    uint64_t backend_id; /* as `show stat` takes it: a frontend may have the backend's name */
    uint64_t admin_mask; /* bits of srv_admin_state */
    int64_t weight;      /* as set at run time */
    int64_t full_weight; /* of the configuration */
    uint64_t changed_s;  /* so long ago was its last change of state */
    bool is_checked;     /* by a health check or an agent check of its own */
    bool has_agent;      /* an agent check that works: it may set admin state and weight as well */
};

/* One server in `show stat`: how it fares. */
struct haproxy_stat {
    enum lb_health health;
    int64_t sessions;  /* at work and queued */
    uint32_t peers_up; /* other servers of the backend that are not mere backups and take traffic */
    bool is_tracking;  /* it takes over the health of another server that is checked */
};

/* Both: ERROR_NOT_FOUND where the table is whole and the server is not in it; ERROR_PROTOCOL for
 * bytes that are no such table; ERROR_UNAVAILABLE for a table that ends before its last line, as
 * one of a process that was stopped does. */
bool haproxy_read_state(const char *bytes, size_t size, const char *backend, const char *server,
                        struct haproxy_state *ret_state, struct error *err);
bool haproxy_read_stat(const char *bytes, size_t size, const char *backend, const char *server,
                       struct haproxy_stat *ret_stat, struct error *err);

/* The whole answer is a table of servers: fit to be read by another HAProxy. */
bool haproxy_check_states(const char *bytes, size_t size, struct error *err);

/* What the admin bits and the weight come to for new traffic. */
enum lb_admin haproxy_admin(const struct haproxy_state *state);

/* The weight that makes this share of the full one, in percent. At least 1: with 0 it would be
 * drained. */
int64_t haproxy_share(const struct haproxy_state *state, unsigned percent);

/* Who may have undone what the server was told: a text for a hint. */
const char *haproxy_conflict_reason(const struct haproxy_state *state);

#endif
