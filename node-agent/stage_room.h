/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks, for a plan, whether this node could stage an artifact: the same rules as verb_stage() has,
 * before anything is fetched. What is not known before it is staged is said to be so.
 */
#ifndef SHUNT_STAGE_ROOM_H
#define SHUNT_STAGE_ROOM_H

#include "job.h"

/* Of job->command->artifact and version, both given. A URL's server is asked: see fetch_look(). */
void stage_room_look(const struct job *job, struct node_room *ret_room);

#endif
