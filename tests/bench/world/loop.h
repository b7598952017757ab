/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread of the simulated fleet: file descriptors that are ready, and timers.
 *
 * Watchers and timers belong to the caller and stay where they are while they are known here.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watcher {
    int fd;
    void (*ready)(struct watcher *watcher);
};

struct timer {
    int64_t at_ms; /* monotonic */
    void (*fire)(struct timer *timer);
};

void loop_open(void);
void loop_run(void); /* until the program is ended */

/* Edge-triggered, for reading and writing: `ready` does all that can be done. */
void loop_watch(struct watcher *watcher);
void loop_close(struct watcher *watcher); /* and its descriptor */

void loop_after(struct timer *timer, int64_t ms); /* fires once */

#endif
