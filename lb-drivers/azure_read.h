/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of members as one gateway has it, and what it says of their health.
 */
#ifndef SHUNT_AZURE_READ_H
#define SHUNT_AZURE_READ_H

#include "azure_view.h"

/* The states of all members of the job. */
bool azure_read(const struct lb *lb, size_t address, const struct azure_job *job,
                struct deadline deadline, struct lb_member_state *ret_states, struct error *err);

#endif
