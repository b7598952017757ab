/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drivers share whose load balancer is several processes or hosts that are set alike; and how
 * several states become one, also of the several members of a node.
 */
#ifndef SHUNT_LB_ADDRESSES_H
#define SHUNT_LB_ADDRESSES_H

#include "lb_driver.h"

typedef bool (*lb_address_fn)(const struct lb *lb, size_t address, void *job,
                              struct deadline deadline, struct error *err);

/* Does the work at every address, each within an equal share of the time that is left, so that a
 * silent one leaves time for the others. The first error is told, with driver and address before
 * it; it ends the work at once, or, with `goes_on`, does not keep it from the addresses behind. */
bool lb_at_each_address(const struct lb *lb, void *job, struct deadline deadline,
                        lb_address_fn work, bool goes_on, struct error *err);

/* What one address shows of a member, into what all show of it so far: the least restrictive word,
 * the worst health, all sessions that are not of blind ones. Every driver calls it, also for one
 * address: it finds is_last. */
void lb_state_collect(struct lb_member_state *sum, const struct lb_member_state *state,
                      bool is_first);
/* The result of a read_members(). */
void lb_states_give(const struct lb_member_state *states, const char *const *members, size_t count,
                    struct lb_member_state *ret_states);

/* "GROUP/MEMBER" taken apart at its first slash; both are empty where it has none or is too long.
 */
void lb_split_member(const char *text, char group[LB_MEMBER], char member[LB_MEMBER]);

/* 1 to `most` addresses, none of them twice. Their form is the driver's. */
bool lb_check_addresses(const struct lb_options *options, size_t most, struct error *err);

/* Was asked for, and is read back so: nothing new comes to a member that is held down harder. */
bool lb_is_obeyed(enum lb_admin asked, enum lb_admin found);

#endif
