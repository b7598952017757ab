/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated agent: commands that are verified and read, reports that are signed, a heartbeat.
 * It has no record and no jobs; what a command does is said by whoever made the agent.
 *
 * It waits for commands on a connection of its own. What it writes goes over one that the agents of
 * its cluster share: the real one has one more, and 20,000 are beyond what many machines allow.
 *
 * Its key is made of its name, so that nobody has to be told: seed = SHA-256 of "CLUSTER.NODE".
 */
#ifndef BENCH_AGENT_H
#define BENCH_AGENT_H

#include "channel.h"
#include "message.h"
#include "wire.h"

#include <sodium.h>

struct agent {
    struct wire commands;
    struct wire *reports; /* borrowed, as is the cluster's name */
    const char *cluster;
    char node[16];
    uint64_t epoch;  /* the highest seen */
    bool is_waiting; /* has its consumer group and has asked for commands */
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
};

/* Of all agents. */
struct agent_setup {
    const char *redis_path;
    const char *controller; /* whose commands are obeyed */
    struct key_public key;
    /* Called for each good command, after its ACCEPTED was sent; NULL = nothing follows. */
    void (*on_command)(struct agent *agent, const struct command *command);
};

/* A connection that agents write to. */
struct wire *agent_open_reports(const char *redis_path);

void agent_open(struct agent *agent, const struct agent_setup *setup, struct wire *reports,
                const char *cluster, const char *node);

/* A report with what all have; the caller fills in the rest and sends it. The same struct each
 * time. */
struct report *agent_report(const struct agent *agent, const char *command_id, enum verb verb,
                            enum report_kind kind);
void agent_send(struct agent *agent, const struct report *report);

void agent_beat(struct agent *agent);

#endif
