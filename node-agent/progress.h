/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of progress, at most five a second: more would only fill the report stream.
 */
#ifndef SHUNT_PROGRESS_H
#define SHUNT_PROGRESS_H

#include "job.h"

struct progress {
    int64_t sent_ms; /* monotonic; 0 = none sent yet */
};

/* Sends job->report unless one was sent less than 200 ms ago; true if it was sent. */
bool progress_send(struct progress *progress, struct job *job);

#endif
