/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --watch: following an upgrade live, through failovers of controllers and of Redis. On a terminal
 * it is redrawn in place, elsewhere it is a log of changes, with --json the status at each change.
 */
#ifndef SHUNT_WATCH_H
#define SHUNT_WATCH_H

#include "client.h"

struct watch_options {
    const char *upgrade_id; /* this one; NULL = the one that the status shows */
    bool ends_waiting;      /* also when it waits for a decision */
};

/* Until the upgrade has ended (or waits), then the table of the nodes. The exit status is that of
 * the outcome; an upgrade that cannot be seen for a minute is EXIT_CODE_NO_ANSWER. */
enum exit_code watch_cluster(struct cli *cli, struct client *client,
                             const struct watch_options *options, struct error *err);

#endif
