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
 * differently (somebody else's hand, an agent-check, a reload). ERROR_BUSY: the change is under way
 * and not in force yet, and is asked for again until it is; it is not begun a second time.
 */
#ifndef SHUNT_LB_DRIVER_H
#define SHUNT_LB_DRIVER_H

#include "clock.h"
#include "credentials.h"
#include "error.h"
#include "limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LB_ADDRESSES 8                /* processes or hosts that make up one LB and are set alike */
#define LB_MEMBER    LIMIT_LB_MEMBER  /* "backend/server" */
#define LB_MEMBERS   LIMIT_LB_MEMBERS /* of one node in one LB */
#define LB_SETTINGS  12               /* settings of one driver */

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
    bool is_blind;     /* sessions are never known (as of the driver): see there */
    int64_t settle_ms; /* where sessions are not known: how long the LB may still let old ones go
                          on, counted from now; 0 = that time is over, or it has none */
    int64_t weight;    /* the least over processes; -1 = not known */
    uint32_t peers_up; /* other members of the same group that take traffic (admin and health),
                          the least over processes */
    bool is_last;      /* a process sends it traffic and to nobody else of its group; as
                          lb_state_collect() finds it */
};

/* One key of the configuration that a driver knows beside `addresses`, `members`, `credentials` and
 * `tls`, which all have. */
enum lb_setting_kind {
    LB_SETTING_TEXT,
    LB_SETTING_PATH, /* absolute */
    LB_SETTING_URL,
    LB_SETTING_WORD, /* one of `words` */
    LB_SETTING_FLAG, /* "true" or "false" */
    LB_SETTING_DURATION,
};

struct lb_setting {
    const char *key; /* "return.ramp" is the key `ramp` in the map `return` */
    enum lb_setting_kind kind;
    const char *fallback;     /* a duration's in ms; NULL = none */
    const char *const *words; /* LB_SETTING_WORD: NULL-ended */
};

/* Where the LB is, and how it is to be treated; the meaning of an address is the driver's. */
struct lb_options {
    char addresses[LB_ADDRESSES][LIMIT_PATH]; /* haproxy: unix:/PATH or tcp:HOST:PORT */
    size_t address_count;
    char *values[LB_SETTINGS]; /* by the driver's table; a duration in ms; NULL = not given */
    struct credentials credentials;
    char ca_file[LIMIT_PATH]; /* empty = the system's */
};

struct lb_driver;
struct lb_transport;
struct lb {
    const struct lb_driver *driver;
    char name[LIMIT_NAME];
    struct lb_options options;
    const struct lb_transport
        *transport;     /* of a remote driver: set by the owner before lb_open() */
    const char *memory; /* a path that the owner has set, with names behind it, for what a driver
                           wants to know after lb_close(); NULL: it stays open while it is used */
    void *state;        /* the driver's own, between open() and close() */
};

/* A duration's value; 0 where it was not given. */
int64_t lb_setting_ms(const struct lb_options *options, size_t setting);
bool lb_setting_is(const struct lb_options *options, size_t setting, const char *word);
/* How long a member takes to get all of its weight back: the setting "return.ramp"; 0 = at once. */
int64_t lb_ramp_ms(const struct lb *lb);

/* Of a remote driver: what its agents call the load balancer. */
const char *lb_remote_name(const struct lb *lb);

struct lb_driver {
    const char *name; /* as written in the configuration */
    const struct lb_setting *settings;
    size_t setting_count;
    bool takes_credentials; /* and tls */
    bool needs_memory;  /* of earlier calls; an agent, where each is a process, can not drive it */
    bool is_remote;     /* its addresses are agents; see lb_transport.h */
    bool is_blind;      /* never knows sessions: the node's own connections must prove it empty */
    int64_t change_ms;  /* the longest that a change takes to be in force */
    int64_t compare_ms; /* how often it may be asked for its state while nothing happens */
    int64_t look_ms;    /* the least time between two questions while something is awaited */

    /* Checks options without any I/O, e.g. the form of addresses and member names. */
    bool (*check_options)(const struct lb_options *options, struct error *err);
    bool (*check_member)(const char *member, struct error *err);

    /* Optional, for a driver that is not blind itself: whether it is with these settings. */
    bool (*is_blind_with)(const struct lb_options *options);

    /* Optional, both or none: what it keeps between calls, such as connections and tokens. No I/O:
     * what is missing is told by the first call. */
    void (*open)(struct lb *lb);
    void (*close)(struct lb *lb);

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

    /* Optional, with a setting "return.ramp": gives members, up or about to be, this share of their
     * usual weight, 1 to 100, so that a node that comes back cold gets its traffic slowly. 100 is
     * the weight of the configuration. */
    bool (*set_share)(const struct lb *lb, const char *const *members, size_t count,
                      unsigned percent, struct deadline deadline, struct error *err);
};

/* Before the first and after the last call. */
void lb_open(struct lb *lb);
void lb_close(struct lb *lb);

/* It never knows sessions, by its driver or by its settings. */
bool lb_is_blind(const struct lb *lb);

/* The driver of that name; NULL if there is none. */
const struct lb_driver *lb_driver_find(const char *name);
/* All names, for messages: "haproxy, nginx". */
const char *lb_driver_names(void);

const char *lb_admin_name(enum lb_admin admin);
const char *lb_health_name(enum lb_health health);

#endif
