/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run: a world out of a seed, an upgrade in it, faults, and then the end that must come.
 */
#ifndef SHUNT_SIMULATOR_RUN_H
#define SHUNT_SIMULATOR_RUN_H

#include "incidents.h"

/* When a fault strikes. */
struct trigger {
    struct incident fault;
    int64_t at_us;                         /* or, where it is 0: */
    uint32_t at_transition;                /* the n-th change of a step or phase, from 1; or: */
    char at_node[LIMIT_NAME], at_step[16]; /* a node in a step, for the first time */
    char at_phase[16];
    bool is_spent;
};

#define RUN_TRIGGERS 16

struct run_options {
    uint64_t seed;
    bool has_faults; /* of chance, drawn from the seed */
    bool is_fixed;   /* the plain world: two nodes, one load balancer, no chance in its size */
    uint32_t node_count, controller_count; /* 0 = of chance, or of the plain world */
    uint32_t trigger_count;
    struct trigger triggers[RUN_TRIGGERS];
    uint64_t controller_dies_at, agent_dies_at; /* boundaries; 0 = not */
    char on_failure[24];                        /* empty = of chance, or the default */
    bool forces_drain;                          /* clients that stay are cut at its deadline */
    const char *expected;                       /* outcome; NULL = any that is legal */
    int64_t soak_ms;                            /* -1 = of chance */
};

struct run_result {
    bool is_good;
    char complaint[512];
    enum outcome outcome;
    int64_t virtual_us;
    uint32_t transitions;
    uint64_t controller_boundaries, agent_boundaries; /* of the first of each */
};

void run_once(const struct run_options *options, struct run_result *ret_result);

#endif
