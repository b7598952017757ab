/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, times and sizes as people read them. */
#ifndef SHUNT_FIGURES_H
#define SHUNT_FIGURES_H

#include <stdint.h>

#define FIGURE_SIZE 32

/* Milliseconds of wall time that can be written down: up to the year 9999. */
#define FIGURE_TIME_MOST INT64_C(253402300799999)

/* "0.4s", "12.3s", "3m 02s", "5h 07m", "2d 03h"; a negative one, as clocks differ, is "0.0s". */
void figure_duration(char text[FIGURE_SIZE], int64_t ms);

/* "12s": as above, without the fraction, so that a line that is redrawn stays calm. */
void figure_duration_whole(char text[FIGURE_SIZE], int64_t ms);

/* "2026-11-20T21:45:03Z"; "" for 0, which means "not yet". */
void figure_time(char text[FIGURE_SIZE], int64_t wall_ms);

/* "812 B", "1.4 MB", "12 GB". */
void figure_bytes(char text[FIGURE_SIZE], int64_t bytes);

#endif
