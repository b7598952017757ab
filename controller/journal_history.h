/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a journal: what the records of one source, our own copy or the stream in Redis, lead to.
 */
#ifndef SHUNT_JOURNAL_HISTORY_H
#define SHUNT_JOURNAL_HISTORY_H

#include "journal_row.h"
#include "shell.h"

struct history {
    const char *cluster;
    struct upgrade *upgrade;
    struct journal_head head;
    uint64_t count;
    char last_id[CHANNEL_ENTRY_ID_SIZE]; /* of the stream; empty if nothing was read */
    char *cleared; /* the last record, where it says that there is no upgrade */
};

void history_done(struct history *history);

/* Opens the copy for writing as well (cluster->journal). */
bool history_read_copy(struct shell *shell, struct cluster *cluster, struct history *history,
                       struct error *err);
/* Goes on from where `history` stands, with the entries from the id `from` on ("-" = all, "(ID" =
 * those after it). */
bool history_read_stream(struct shell *shell, struct cluster *cluster, const char *from,
                         struct history *history, struct error *err);

bool history_is_further(const struct journal_head *a, const struct journal_head *b);

#endif
