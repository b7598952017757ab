/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc(3) of the simulator: one thread, and much that is never given back, because what a process
 * of the world held when it died is lost. What is allocated between the beginning and the end of a
 * run is dropped as a whole at its end, and the next run has the same pages, warm; that saves a
 * quarter of a run's time. What must outlive its run is asked for with arena_keep_resize().
 *
 * Under a sanitizer all of it is the sanitizer's, and runs leave behind what they left.
 */
#ifndef SHUNT_SIMULATOR_ARENA_H
#define SHUNT_SIMULATOR_ARENA_H

#include <stddef.h>

void arena_begin_run(void);
/* Nothing that was allocated since is touched any more. */
void arena_end_run(void);

/* realloc(3), and free(3) where size is 0, of what no run owns. */
void *arena_keep_resize(void *pointer, size_t size);

#endif
