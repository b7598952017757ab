/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the journal: the upgrade's own row and one row a node, as JSON objects. A record holds
 * the rows that one call of the core has changed; the last row of each kind is the state.
 *
 * {"v":1,"seq":17,"epoch":3,"cluster":"git","at_ms":…,"upgrade":{…},"nodes":[{"index":0,…}]}
 */
#ifndef SHUNT_JOURNAL_ROW_H
#define SHUNT_JOURNAL_ROW_H

#include "upgrade.h"

#include <stddef.h>

#define JOURNAL_FORMAT 1

/* A record that there is no upgrade, whatever stood before it:
 * {"v":1,"seq":18,"epoch":4,"cluster":"git","at_ms":…,"cleared":{"operator":"anna","reason":"…"}}
 */

struct journal_head {
    uint64_t sequence;
    uint64_t epoch;
    int64_t at_ms;
};

/* The record of all dirty rows; the caller frees it. */
char *journal_record_write(const struct upgrade *upgrade, const struct journal_head *head);

/* The record that there is none; the caller frees it. */
char *journal_cleared_write(const char *cluster, const struct journal_head *head,
                            const char *operator, const char * reason);

/*
 * Applies a record. *upgrade may be NULL: a record with an upgrade row of another id begins a new
 * state (freed with free()); NULL after a cleared one. ERROR_INTEGRITY: a record that cannot be
 * understood, or of another cluster. ERROR_CONFLICT: of a newer format.
 */
bool journal_record_apply(const char *text, size_t size, const char *cluster,
                          struct upgrade **upgrade, struct journal_head *ret_head,
                          struct error *err);

/* Room for node_count nodes, zeroed and initialised; free with free(). */
struct upgrade *upgrade_new(uint32_t node_count);

#endif
