/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be remembered of an httpd to judge its counters: a graceful restart makes them lie.
 *
 * Where changes do not outlive a restart, counters begin at 0 while processes of before it still
 * serve: what is in flight is not known then. Where they do outlive it (BalancerPersist On), a
 * counter takes along what was in flight, and never loses it again: a count that stands still at
 * what it was is taken for a leftover. Both are bounded by `settle_ms`; that the node itself has no
 * connection left is proved elsewhere.
 *
 * Pure: time is passed in. One past is one server.
 */
#ifndef SHUNT_HTTPD_PAST_H
#define SHUNT_HTTPD_PAST_H

#include "lb_driver.h"

#define HTTPD_MARK 64 /* of a text that is another one after a restart, incl. NUL */

struct httpd_past {
    struct httpd_member *members; /* owned */
    size_t count;
    size_t next; /* to be given up for a new one once the bound is reached */
};

void httpd_past_done(struct httpd_past *past); /* right on a zeroed one */

/* What is seen of one member now. */
struct httpd_sight {
    const char *mark;   /* differs after a restart */
    bool is_persistent; /* counters outlive a restart */
    int64_t busy;       /* -1 = not known */
    bool has_status;    /* the two below are known */
    uint64_t generation;
    uint64_t old_processes;
};

/* Sets state->sessions and state->settle_ms. */
void httpd_past_see(struct httpd_past *past, const char *member, const struct httpd_sight *sight,
                    int64_t now_ms, int64_t settle_ms, struct lb_member_state *state);

/* The member was given its traffic back at now_ms. */
void httpd_past_returned(struct httpd_past *past, const char *member, int64_t now_ms);

/* True while a health check that takes verdict_ms may not have seen it since its return. */
bool httpd_past_is_fresh(const struct httpd_past *past, const char *member, int64_t now_ms,
                         int64_t verdict_ms);

#endif
