/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work beside a Bitbucket that serves takes what Bitbucket leaves over.
 */
#ifndef SHUNT_LOW_PRIORITY_H
#define SHUNT_LOW_PRIORITY_H

/* Nice, and the idle class of I/O, for this process to its end. What the kernel refuses is left. */
void low_priority_begin(void);

#endif
