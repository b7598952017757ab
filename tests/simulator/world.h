/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that the simulated controllers and agents live in: one cluster of Bitbucket nodes, each
 * on a host of its own, behind load balancers; one Redis; an operator. Plain data; the files that
 * own a part of it change it.
 *
 * There is one world at a time, because the production code at whose edges it stands asks for the
 * time or for Redis without saying whose.
 */
#ifndef SHUNT_SIMULATOR_WORLD_H
#define SHUNT_SIMULATOR_WORLD_H

#include "agent_config.h"
#include "cluster_view.h"
#include "config.h"
#include "disk.h"
#include "job_runner.h"
#include "redis_server.h"
#include "schedule.h"
#include "shell.h"

#define WORLD_NODES       5
#define WORLD_LBS         2
#define WORLD_CONTROLLERS 3
#define WORLD_EPOCH_MS    1700000000000 /* the wall clock at virtual time 0 */
#define WORLD_MS          1000          /* in microseconds, as is all virtual time: */
#define WORLD_S           (1000 * WORLD_MS)

#define WORLD_FROM "7.9.0"
#define WORLD_TO   "7.9.4"
#define WORLD_SHA  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- load balancers (lb_process.c) ---- */

struct lb_server {
    unsigned admin;           /* bits as HAProxy has them: 1 maint, 8 drain */
    bool is_up;               /* by its own health check */
    int64_t check_changes_us; /* then is_up follows the node; 0 = it does already */
    int64_t busy_until_us;    /* sessions that were begun before traffic was taken away */
    int wrong_s;              /* rules.c: seconds for which it has had what nobody wants */
};

struct lb_process {
    char address[32];
    struct lb_server servers[WORLD_NODES];
    int64_t away_until_us;    /* answers nobody */
    int64_t garbage_until_us; /* answers nonsense */
    uint32_t lost_orders;     /* as many orders are accepted and forgotten */
    uint32_t lost_answers;    /* as many orders are obeyed and not answered */
    int64_t disturbed_us;     /* somebody else changed what it does last then */
};

/* ---- Bitbucket (bitbucket_node.c) ---- */

enum bitbucket_process {
    BITBUCKET_GONE,
    BITBUCKET_STARTING,
    BITBUCKET_ACTIVE,
    BITBUCKET_ERROR,
    BITBUCKET_STOPPING
};

struct bitbucket_node {
    char name[LIMIT_NAME];
    enum bitbucket_process process;
    char version[LIMIT_VERSION]; /* of the process */
    char link[LIMIT_VERSION];    /* what the install link names */
    char previous[LIMIT_VERSION];
    bool is_staged;      /* the target is whole on its disk */
    uint32_t generation; /* of the process: what was planned for an earlier one is off */
    uint32_t starts, stops, switches;
    int64_t start_us, stop_us; /* what they take here */
    bool is_error_at_start;    /* the target's release does not start here */
    int64_t error_after_us;    /* the target's release fails so long after its start; 0 = not */
    bool hangs_at_stop;
    bool starts_at_boot;          /* its service is enabled */
    int64_t unreachable_until_us; /* from the controllers: a partition */
    int64_t split_since_us;
    int64_t split_until_us;   /* it sees no other member */
    int64_t return_us;        /* the intent to give it its traffic was written then, */
    uint32_t return_sequence; /* with that number */
    int64_t active_us;        /* it has ceased to be ACTIVE then */
    bool is_held_by_hand;     /* a colleague has taken it out of traffic, and not given back */
    int64_t handled_us;       /* a colleague has set it by hand at a load balancer then */
    bool is_broken_by_fault;  /* it went down without Shunt's doing */
};

struct agent {
    struct process process; /* first: its death finds the agent */
    struct agent_config config;
    struct disk disk;
    struct signal news; /* a command may have come, a job has ended */
    bool has_news;      /* the same, for a loop that does not wait just now */
    uint32_t node;
    struct job_runner *runner;            /* of its present life */
    struct process jobs[INBOX_JOBS_MOST]; /* one a slot of the runner */
    uint64_t epoch_obeyed;                /* rules.c: the highest it ever acted upon */
    int64_t woken_us;                     /* it was stopped until then; 0 = never */
    bool is_wanted;                       /* started again after a crash */
};

struct controller {
    struct process process;
    struct config config;
    struct cluster_config cluster;
    struct disk disk;
    struct shell *shell;                     /* of its present life */
    struct upgrade *durable;                 /* rules.c: what its own copy of the journal says */
    struct upgrade_node before[WORLD_NODES]; /* the same of its nodes, one record earlier */
    int64_t recorded_us;                     /* the last record */
    bool is_wanted;
};

struct redis_state {
    struct redis_server *server;
    int64_t down_until_us;
    uint64_t generation;   /* connections of an earlier one are broken */
    int64_t lost_us;       /* writes were lost then; 0 = never */
    uint32_t lost_answers; /* as many calls are obeyed and their connection cut */
    uint64_t additions;
    struct signal news; /* an entry was added, or connections were cut */
};

struct world {
    struct random random;       /* what happens by chance in the world */
    struct random fault_random; /* which faults, so that a fault more or less changes no other */
    uint64_t seed;
    struct redis_state redis;
    uint32_t node_count, lb_count, controller_count;
    struct bitbucket_node nodes[WORLD_NODES];
    struct lb_process lbs[WORLD_LBS];
    struct agent agents[WORLD_NODES];
    struct controller controllers[WORLD_CONTROLLERS];
    bool is_mode_on, is_running_tasks, is_approved;
    char original[LIMIT_VERSION]; /* of the cluster's data */
    int64_t tasks_end_us;
    int64_t resumed_us; /* the operator asked for it last then */
    struct policy policy;

    uint64_t epoch;          /* rules.c: the highest that a leader has written */
    uint64_t term_epoch;     /* rules.c: the highest of a leader that was ready to act, */
    int64_t term_us;         /* which was first seen then */
    const char *broken_rule; /* the first that was broken; NULL = none */
    char broken_detail[256];
};

extern struct world world;

/* ---- what the parts ask of each other ---- */

/* bitbucket_node.c */
void bitbucket_node_start(struct bitbucket_node *node); /* the version that the link names */
void bitbucket_node_stop(struct bitbucket_node *node);
void bitbucket_node_kill(struct bitbucket_node *node);
void bitbucket_node_fail(struct bitbucket_node *node); /* state ERROR */
bool bitbucket_node_serves(const struct bitbucket_node *node);

/* bitbucket_cluster.c */
enum cluster_state bitbucket_cluster_state(void);
void bitbucket_cluster_view(uint32_t source, struct cluster_view *ret_view);
bool bitbucket_may_join(const struct bitbucket_node *node);

/* lb_process.c */
struct lb_process *lb_process_find(const char *address);
void lb_process_reload(struct lb_process *lb);  /* forgets what it was told; sessions go on */
void lb_process_restart(struct lb_process *lb); /* and cuts the sessions */
bool lb_sends_new(const struct lb_process *lb, uint32_t node); /* new clients */
int64_t lb_sessions(const struct lb_process *lb, uint32_t node);
int64_t world_connections(uint32_t node);

/* agent_program.c */
void agent_nudge(struct agent *agent);

/* rules.c: the rules of the design, looked at from outside */
void rule_broken(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
void rules_at_journal(struct controller *controller, const char *record);
void rules_at_return(const struct lb_process *lb, uint32_t node);
void rules_at_stop(uint32_t node, const struct command *command);
void rules_at_switch(uint32_t node, const char *version);
void rules_at_job(struct agent *agent, const struct command *command);
void rules_at_approve(void);
void rules_at_script(const struct controller *controller); /* with records or commands, obeyed */
void rules_at_second(void);                                /* once a second of virtual time */
/* A load balancer or the cluster is about to be told something by the process that runs. */
void rules_at_order(const char *order);
/* What only the core knows: its own rules, and which phase and place. NULL = no upgrade is led. */
const struct upgrade *world_upgrade(void);

#endif
