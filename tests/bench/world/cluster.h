/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated Bitbucket cluster: its nodes, each with its agent, as its REST interface and its
 * load balancer show it. A stop and a start take their time and nothing else.
 */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include "agent.h"
#include "loop.h"

#define CLUSTER_NODES_MOST 32 /* LIMIT_NODES */

enum node_state { NODE_RUNS, NODE_IS_DOWN, NODE_STARTS };

/* As `show servers state` says it. */
enum server_state { SERVER_READY = 0, SERVER_MAINT = 1, SERVER_DRAIN = 8 };

struct bitbucket_node {
    struct agent agent;
    struct bitbucket_cluster *cluster;
    char linked[LIMIT_VERSION];  /* what a start will run */
    char running[LIMIT_VERSION]; /* what it runs, or ran last */
    enum node_state state;
    enum server_state server;
    char probe_id[LIMIT_ID]; /* who waits for it to run; empty = nobody */
    struct timer started;
};

struct bitbucket_cluster {
    char name[16];
    char original[LIMIT_VERSION]; /* while upgrade mode is on */
    bool is_mode_on;
    size_t node_count;
    struct bitbucket_node *nodes;
};

struct world {
    int64_t stop_ms, start_ms;
    size_t cluster_count;
    struct bitbucket_cluster *clusters;
};
extern struct world world;

/* What a command does to its node. */
void node_obey(struct agent *agent, const struct command *command);

/* "STABLE", "MIXED" and so on. */
const char *cluster_state_word(const struct bitbucket_cluster *cluster);
/* "start", "cancel", "approve"; false where the state does not allow it, or there is no such. */
bool cluster_change(struct bitbucket_cluster *cluster, const char *word);

#endif
