/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `shunt-agent enroll`: makes the node's key pair where there is none, leaves an enrolment in Redis
 * (enrolment.h), and prints what the operator compares and types. It does not disturb an agent that
 * runs, and needs none.
 */
#ifndef SHUNT_ENROLL_H
#define SHUNT_ENROLL_H

#include "agent_config.h"

/* The configuration need hold no more than what agent_config_read_identity() reads. An enrolment
 * that Redis does not take is no failure: there is a way without it, which is printed then. */
bool enroll(const struct agent_config *config, struct error *err);

/* Says what to do, where the error is that there is no key file, or no key in it. */
void enroll_hint(struct error *err);

#endif
