/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many runs: in processes of the operating system, some hundred runs each, so that a run that
 * crashes or hangs is a failure like any other and takes nothing with it.
 */
#ifndef SHUNT_SIMULATOR_BATCH_H
#define SHUNT_SIMULATOR_BATCH_H

#include "run.h"

#include <stddef.h>

struct batch {
    uint64_t first, last; /* numbers of the runs, both included */
    unsigned jobs;        /* processes at a time */
    bool stops_at_failure;
    /* What run `number` is. */
    void (*describe)(uint64_t number, struct run_options *ret_options);
    /* "seed 17", and the arguments that show its trace. */
    void (*name)(uint64_t number, char *text, size_t size);
    void (*command)(uint64_t number, char *text, size_t size);
};

struct batch_total {
    uint64_t passed, failed;
    int64_t virtual_us;
    double cpu_s;
};

/* Prints failures and progress. */
void batch_run(const struct batch *batch, struct batch_total *ret_total);

#endif
