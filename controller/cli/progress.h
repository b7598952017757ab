/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upgrade as it goes, drawn into a buffer: a header line and one line a node. The same drawing
 * is `shunt status` and each frame of --watch. Pure: the time is passed in.
 */
#ifndef SHUNT_PROGRESS_H
#define SHUNT_PROGRESS_H

#include "buffer.h"
#include "clean.h"
#include "status_read.h"

struct progress_view {
    int64_t now_ms; /* wall clock */
    bool is_coloured;
    const char *notice; /* above all else, e.g. that Redis is away; empty = none */
};

void progress_draw(const struct cluster_status *status, const struct progress_view *view,
                   struct buffer *out);

/* The table at the end: each node's place, version and time out of service, and the reason of a
 * rollback, a failure or a wait. */
void progress_draw_end(const struct upgrade_summary *upgrade, int64_t now_ms, bool is_coloured,
                       struct buffer *out);

/* "back: stop", "held at stop", "stage" or the place: where a node stands, in a word or two. */
void progress_step(const struct upgrade_summary *upgrade, const struct node_summary *node,
                   char *text, size_t size);
enum colour progress_colour(enum place place);

#endif
