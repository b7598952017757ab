/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upgrade as a log: one line for each change since the last look, in the order they happened.
 * Steps come from the times that the controller keeps of them, so that also those are told that
 * came and went between two looks.
 */
#ifndef SHUNT_CHANGES_H
#define SHUNT_CHANGES_H

#include "buffer.h"
#include "status_read.h"

struct changes {
    bool has_last;
    struct upgrade_summary last; /* as told */
    char notice[ERROR_MESSAGE_SIZE];
};

/* "2026-11-20T21:45:03Z  bb2  drain". now_ms dates what has no time of its own. The first look
 * tells all that has happened so far. */
void changes_tell(struct changes *changes, const struct upgrade_summary *upgrade, int64_t now_ms,
                  struct buffer *out);

/* The same for what is no change of the upgrade: told once, and "going on" when it has ended
 * (empty notice). */
void changes_tell_notice(struct changes *changes, const char *cluster, const char *notice,
                         int64_t now_ms, struct buffer *out);

#endif
