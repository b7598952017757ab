/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports on their way to Redis. What is not final waits here, in memory, and only the newest of
 * each command: a progress that has been overtaken is nobody's loss. Final reports wait in the
 * record, which survives us, until Redis has taken them.
 */
#ifndef SHUNT_OUTBOX_H
#define SHUNT_OUTBOX_H

#include "agent_config.h"
#include "record.h"

/* Waiting while Redis is away: the newest of each job, hello, and refusals of which the oldest give
 * way. */
#define OUTBOX_MOST 64

struct outbox;

/* All three are borrowed and must outlive the outbox. */
struct outbox *outbox_new(const struct agent_config *config, const struct key_pair *key,
                          struct record *record);
void outbox_free(struct outbox *outbox);

/* Adds a report, which takes the place of an older one of the same command. */
void outbox_put(struct outbox *outbox, const struct report *report);

/* The command's end is in the record now: what was waiting about it is overtaken. */
void outbox_forget(struct outbox *outbox, const char *command_id);

/* Sends all, in order, the final ones of the record last, each with the highest epoch seen. On
 * failure what is left stays for the next call. */
bool outbox_flush(struct outbox *outbox, struct redis *redis, struct error *err);

#endif
