/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a load balancer driver must do. A driver is one file with one `struct lb_driver`, named in
 * one row of lb_registry.c; README.md says how to add one.
 *
 * A driver takes plain parameters and knows nothing of nodes, steps or upgrades. Every call is
 * sequential, blocking and bounded by a deadline, after which nothing is sent any more, and does
 * one thing once: waiting is the caller's (it calls again). "Accepted" is no evidence: each change
 * is read back before true is returned, and is idempotent. Calls on one LB are never made
 * concurrently.
 *
 * Error codes carry the retry class: ERROR_UNAVAILABLE and ERROR_TIMEOUT may pass; ERROR_NOT_FOUND
 * (no such backend or member), ERROR_DENIED (level, credentials) and ERROR_INVALID do not;
 * ERROR_PROTOCOL is an answer that is not understood; ERROR_CONFLICT: accepted, but read back
 * differently (somebody else's hand, an agent-check, a reload).
 */
#ifndef SHUNT_LB_DRIVER_H
#define SHUNT_LB_DRIVER_H

#include "clock.h"
#include "error.h"
#include "limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_ADDRESSES 8   /* processes or hosts that make up one LB and are set alike */
#define LB_MEMBER    128 /* "backend/server" incl. NUL */
#define LB_MEMBERS   8   /* members of one node in one LB: HTTP, SSH, and so on */

/* What the LB is told to do with new traffic for a member. */
enum lb_admin {
    LB_ADMIN_UP,    /* new traffic may come */
    LB_ADMIN_DRAIN, /* no new clients; sticky ones may still be admitted */
    LB_ADMIN_DOWN,  /* nothing new at all */
};

/* What the LB itself thinks of the member's health. */
enum lb_health {
    LB_HEALTH_UP,       /* fully up, or not checked and taken for up */
    LB_HEALTH_CHANGING, /* on its way up or down ("UP 1/2", "DOWN 1/2") */
    LB_HEALTH_DOWN,
    LB_HEALTH_UNKNOWN, /* not checked just now (maint), or a word that is not known */
};

struct lb_member_state {
    char member[LB_MEMBER];
    enum lb_admin admin;
    enum lb_health health;
    bool is_checked;   /* the LB checks its health by itself */
    int64_t sessions;  /* in flight or queued, summed over processes; -1 = not known */
    int64_t weight;    /* the least over processes; -1 = not known */
    uint32_t peers_up; /* other members of the same group that take traffic (admin and health),
                          the least over processes */
};

/* Where the LB is; the meaning of an address is the driver's. */
struct lb_options {
    char addresses[LB_ADDRESSES][LIMIT_PATH]; /* haproxy: unix:/PATH or tcp:HOST:PORT */
    size_t address_count;
};

struct lb_driver;
struct lb {
    const struct lb_driver *driver;
    char name[LIMIT_NAME];
    struct lb_options options;
};

struct lb_driver {
    const char *name; /* as written in the configuration */

    /* Checks options without any I/O, e.g. the form of addresses and member names. */
    bool (*check_options)(const struct lb_options *options, struct error *err);
    bool (*check_member)(const char *member, struct error *err);

    /* The state of `count` members, as all processes see them: the worst health, the least
     * restrictive admin state (a member counts as down only if it is down everywhere). */
    bool (*read_members)(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err);

    /* Puts all members into the state, in every process, and reads it back. LB_ADMIN_DRAIN and
     * LB_ADMIN_DOWN change nothing anywhere unless every process answers and knows all members;
     * LB_ADMIN_UP is set wherever that can be done, also if a process fails. A member that somebody
     * holds down harder than was asked is no error: it takes no new traffic. */
    bool (*set_members)(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err);

    /* Optional (NULL): ends the sessions that are left, where policy says force. */
    bool (*cut_sessions)(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct error *err);
};

/* The driver of that name; NULL if there is none. */
const struct lb_driver *lb_driver_find(const char *name);
/* All names, for messages: "haproxy, nginx". */
const char *lb_driver_names(void);

const char *lb_admin_name(enum lb_admin admin);
const char *lb_health_name(enum lb_health health);

#endif
