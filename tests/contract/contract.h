/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of lb_driver.h as tests that run unchanged against every driver and its real server.
 *
 * A fixture brings the server up in front of the three nodes of nodes.h: one group of members for
 * HTTP, one for SSH where the server can do that, health checks that ask GET /status and for the
 * SSH greeting where it has them, and at least two processes that are set alike. What a server
 * truly cannot do is a flag, and its cases are skipped. One program is one fixture, linked with all
 * the cases.
 */
#ifndef SHUNT_CONTRACT_H
#define SHUNT_CONTRACT_H

#include "lb_driver.h"
#include "nodes.h"

struct contract_fixture {
    const char *driver; /* its name in the registry */

    const char *http_members[NODE_COUNT]; /* of node 0 and so on */
    const char *ssh_members[NODE_COUNT];  /* all NULL: it knows HTTP only */
    const char *unknown_member;           /* its group exists */
    const char *unknown_group;            /* a member of a group that does not exist */
    const char *held_member; /* accepts to be up, and takes no traffic all the same; or NULL */
    const char *const *malformed_members;   /* NULL-ended */
    const char *const *malformed_addresses; /* NULL-ended */
    const char *plausible_answer; /* begins as a good answer does, and can go on for ever */
    const char *plausible_line;   /* the line it goes on with */
    const char *content_type;     /* it answers over HTTP, in this type; NULL = raw */

    int (*run_own)(void); /* cases of this server alone, after all others; NULL: it has none */

    /* Starts all processes and fills in lb; ends the program where that fails. */
    void (*start)(struct lb *ret_lb);
    void (*stop)(void);
    /* Ends one process as a crash does; it keeps its ports for the next start. */
    void (*stop_process)(size_t process);
    void (*start_process)(size_t process); /* nothing where it runs */

    int (*http_port)(size_t process); /* where clients come in; NULL: it moves no traffic here */
    int (*ssh_port)(size_t process);  /* NULL together with http_port */

    /* An address of the driver's form for a server on a loopback port; NULL: there is no wire. */
    void (*write_address)(int port, char address[LIMIT_PATH]);
    /* One that may look and not touch; NULL if the server knows no such thing. */
    void (*write_powerless_address)(char address[LIMIT_PATH]);

    bool has_drain;       /* tells drain from down; otherwise both read as down */
    bool ssh_lacks_drain; /* it does so for HTTP only */
    bool checks_health;   /* by itself, all the time */
    bool knows_weight;
    bool is_sticky;           /* clients get a cookie and come back to their node */
    bool drain_admits_sticky; /* a drained member still serves clients that belong to it */
    bool down_closes_idle;    /* down ends the connections it keeps open to the node for reuse */
};

extern const struct contract_fixture contract_fixture;

/* The server under test, started for the whole run. */
extern struct lb contract_lb;

/* The members of one node, of all groups. */
struct node_members {
    const char *names[2];
    size_t count;
};
struct node_members contract_members(size_t node);

/* Shorthand with a deadline of CALL_MS that fails the test with the error's text. */
#define CALL_MS 5000
struct lb_member_state contract_read(const struct lb *lb, const char *member);
void contract_set(const struct lb *lb, const char *const *members, size_t count,
                  enum lb_admin admin);
void contract_set_one(const struct lb *lb, const char *member, enum lb_admin admin);

/* The same LB, of which only this process is known: "somebody else's hand". */
struct lb contract_one_process(size_t process);
/* The LB as contract_one_process(0), but elsewhere; good until the next call. */
struct lb contract_elsewhere(const char *address);
bool contract_has_ssh(void);

/* Repeats until true, 10 s at most. */
bool contract_eventually(bool (*holds)(const void *context), const void *context);
bool contract_has_sessions(const char *member, int64_t sessions);
bool contract_has_health(const char *member, enum lb_health health);
bool contract_has_peers(const char *member, uint32_t peers);

/* Before each test: every node well, every member up and healthy, no session left. */
int contract_reset(void **state);

/* Each file of cases. */
int contract_run_states(void);
int contract_run_traffic(void);
int contract_run_faults(void);

#endif
