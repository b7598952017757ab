/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes the members of one gateway: read, change, write under its etag, and follow the operation
 * to its end, over as many calls as that takes.
 */
#ifndef SHUNT_AZURE_CHANGE_H
#define SHUNT_AZURE_CHANGE_H

#include "azure_view.h"

/* True when all members are as the job wants them, in force. ERROR_BUSY while that is under way;
 * each time something has to be written it is computed anew from what Azure holds just then. */
bool azure_change(const struct lb *lb, size_t address, const struct azure_job *job,
                  struct deadline deadline, struct error *err);

/* A change of ours has been accepted and not been seen to end. */
bool azure_change_is_under_way(const struct lb *lb, size_t address);

#endif
