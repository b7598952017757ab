/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BITBUCKET_HOME, read-only for this process and whatever it starts: that nothing in it is ever
 * written by us is then the kernel's word. Others see no difference, also not Bitbucket, where
 * systemd starts it.
 */
#ifndef SHUNT_HOME_GUARD_H
#define SHUNT_HOME_GUARD_H

#include "agent_config.h"

/* False for services that are started by the agent itself: Bitbucket would find its home read-only.
 */
bool home_guard_is_possible(const struct bitbucket_config *config);

/* In a mount namespace of its own, with the file systems that are mounted in the home, as the
 * shared one is. Needs root and Linux 5.12. */
bool home_guard_begin(const struct bitbucket_config *config, struct error *err);

/* True in a process that has begun it: whether others can write there cannot be told from here. */
bool home_guard_holds(void);

#endif
