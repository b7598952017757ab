/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the journal of a cluster: records in a Redis stream, written only by the holder of the
 * epoch (journal_write.c), and an fsynced copy of the leader's own. Whichever of the two went
 * further is believed; what Redis has lost is put back.
 */
#include "channel.h"
#include "check.h"
#include "clock.h"
#include "failpoint.h"
#include "journal_history.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What stands in Redis may be damaged by a stranger or a failover: our copy is whole then. It is
 * also the latest, if we were the last to lead: every leader writes with an epoch of its own.
 */
static bool read_either(struct shell *shell, struct cluster *cluster, const struct history *copy,
                        struct history *stream, struct error *err)
{
    if (history_read_stream(shell, cluster, "-", stream, err))
        return true;
    if (err->code != ERROR_INTEGRITY || copy->count == 0 || copy->head.epoch + 1 < cluster->epoch)
        return false;
    log_failure(LOG_LEVEL_WARNING, err, "cluster %s: our own copy of the journal is used",
                cluster->config->name);
    history_done(stream);
    return true;
}

/*
 * The highest epoch that we know to have been used: a Redis that lost everything must not hand out
 * one that agents have seen already.
 */
uint64_t journal_epoch_floor(struct shell *shell, struct cluster *cluster)
{
    struct history copy = {.cluster = cluster->config->name};
    struct error err;
    if (cluster->epoch == 0 && !cluster->is_led && history_read_copy(shell, cluster, &copy, &err))
        cluster->epoch = copy.head.epoch;
    history_done(&copy);
    return cluster->epoch;
}

/* Takes the upgrade that the further journal leads to. The one that is in memory already (a Redis
 * that came back empty) is as far as can be. */
static void take_best(struct cluster *cluster, struct history *copy, struct history *stream)
{
    struct history *best = history_is_further(&stream->head, &copy->head) ? stream : copy;
    if (cluster->upgrade == NULL || best == stream) {
        free(cluster->upgrade);
        cluster->upgrade = MEMORY_STEAL(best->upgrade);
    }
    if (best->head.sequence > cluster->journal_sequence)
        cluster->journal_sequence = best->head.sequence;
}

/* Makes both journals say the same. */
static bool put_back(struct shell *shell, struct cluster *cluster, const char *cleared,
                     struct error *err)
{
    if (cluster->upgrade == NULL) {
        if (cleared == NULL || journal_put_cleared(shell, cluster, cleared, err))
            return true;
        if (err->code == ERROR_STALE)
            err->code = ERROR_UNAVAILABLE; /* whose it is will be found out */
        return false;
    }
    upgrade_mark_all(cluster->upgrade);
    if (journal_write(shell, cluster))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "the journal could not be written");
    return false;
}

bool journal_open(struct shell *shell, struct cluster *cluster, struct error *err)
{
    struct history copy = {.cluster = cluster->config->name};
    struct history stream = {.cluster = cluster->config->name};
    bool is_good = history_read_copy(shell, cluster, &copy, err) &&
                   read_either(shell, cluster, &copy, &stream, err);
    if (is_good) {
        const struct history *best = history_is_further(&stream.head, &copy.head) ? &stream : &copy;
        bool is_all_that_is_left = cluster->upgrade == NULL && stream.count == 0;
        take_best(cluster, &copy, &stream);
        if (is_all_that_is_left && cluster->upgrade != NULL)
            upgrade_skip_ids(cluster->upgrade); /* before it stands in Redis */
        is_good = put_back(shell, cluster, best->cleared, err);
    }
    history_done(&copy);
    history_done(&stream);
    return is_good;
}
