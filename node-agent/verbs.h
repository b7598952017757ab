/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions behind the verbs, one file each; verbs.c is the table. What each one proves before
 * it says "done" stands in message.h.
 */
#ifndef SHUNT_VERBS_H
#define SHUNT_VERBS_H

#include "job.h"

bool verb_facts(struct job *job, struct error *err);
bool verb_stage(struct job *job, struct error *err);
bool verb_unstage(struct job *job, struct error *err);
bool verb_connections(struct job *job, struct error *err);
bool verb_stop(struct job *job, struct error *err);
bool verb_switch(struct job *job, struct error *err);
bool verb_switch_back(struct job *job, struct error *err);
bool verb_start(struct job *job, struct error *err);
bool verb_probe(struct job *job, struct error *err);
bool verb_watch(struct job *job, struct error *err);
bool verb_customisations(struct job *job, struct error *err);
bool verb_prune(struct job *job, struct error *err);
bool verb_load_balancer(struct job *job, struct error *err); /* LB_READ, LB_SET, LB_CUT */

#endif
