/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes several logs durable side by side. A disk takes many syncs at one time for little more than
 * the cost of one; one after the other, each waits for the one before.
 */
#ifndef SHUNT_LOG_SYNCER_H
#define SHUNT_LOG_SYNCER_H

#include "append_log.h"

struct log_sync {
    struct append_log *log; /* borrowed; each stands in a list once */
    const char *whole;      /* a record that replaces all; NULL: what was added is synced */
    bool is_synced;
    struct error err; /* where it is not */
};

struct log_syncer;

/* Its threads are started when they are needed first. */
struct log_syncer *log_syncer_new(void);
void log_syncer_free(struct log_syncer *syncer);

/* append_log_sync() of each, or append_log_rewrite(); returns when all are done. One thread at a
 * time. */
void log_syncer_run(struct log_syncer *syncer, struct log_sync *list, size_t count);

#endif
