/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on a loopback port that plays a load balancer gone wrong. One at a time.
 */
#ifndef SHUNT_CONTRACT_FAKE_SERVER_H
#define SHUNT_CONTRACT_FAKE_SERVER_H

#include <stddef.h>

enum fake_manner {
    FAKE_REFUSES, /* has the port and does not listen */
    FAKE_SILENT,  /* accepts, and never says a word */
    FAKE_ANSWERS, /* reads the question, says head and `text` `repeats` times, and closes */
};

/* What it answers begins with `head`, once. Both are borrowed until fake_server_stop(). Returns the
 * port. */
int fake_server_start(enum fake_manner manner, const char *head, const char *text, size_t size,
                      size_t repeats);
/* Ends it; the number of bytes it could send in all. */
size_t fake_server_stop(void);

#endif
