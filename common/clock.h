/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two clocks. Deadlines are monotonic; only what people or other machines read is wall time.
 */
#ifndef SHUNT_CLOCK_H
#define SHUNT_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_ms(void);      /* Unix epoch */
int64_t clock_monotonic_ms(void); /* since an arbitrary point; never goes back */

/* A deadline on the monotonic clock. */
struct deadline {
    int64_t at_ms; /* INT64_MAX = never */
};

struct deadline deadline_after_ms(int64_t ms);
struct deadline deadline_never(void);

/* Milliseconds left for poll(2): 0 when over, -1 when never, otherwise at most INT32_MAX. */
int deadline_poll_ms(struct deadline deadline);
bool deadline_is_over(struct deadline deadline);
/* The end of the first of so many equal parts of what is left; of never: never. */
struct deadline deadline_share(struct deadline deadline, size_t parts);

void clock_sleep_ms(int64_t ms);

#endif
