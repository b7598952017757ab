/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's budget is 6 MB at rest, beside a JVM that wants all the memory there is.
 */
#ifndef SHUNT_RESIDENT_MEMORY_H
#define SHUNT_RESIDENT_MEMORY_H

#define RESIDENT_MEMORY_BYTES (5 * 1024 * 1024) /* leaves 1 MB for what comes between two looks */

/* Where more than that is resident, gives back what nothing has needed since the start, or will
 * seldom need: the heap's free pages, and the unchanged pages of the program and its libraries,
 * most of which (libcurl's, libarchive's) only jobs use. What is needed after all comes back from
 * the page cache, within some 0.1 ms. */
void resident_memory_release(void);

#endif
