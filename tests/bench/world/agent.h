/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated agent: two connections to Redis as the real one has, commands that are verified and
 * read, reports that are signed, a heartbeat. It has no record and no jobs; what a command does is
 * said by whoever made the agent.
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
    struct wire commands, reports;
    const char *cluster; /* both borrowed */
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

void agent_open(struct agent *agent, const struct agent_setup *setup, const char *cluster,
                const char *node);

/* A report with what all have; the caller fills in the rest and sends it. The same struct each
 * time. */
struct report *agent_report(const struct agent *agent, const char *command_id, enum verb verb,
                            enum report_kind kind);
void agent_send(struct agent *agent, const struct report *report);

void agent_beat(struct agent *agent);

#endif
