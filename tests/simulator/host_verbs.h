/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs do on a simulated host, with the boundaries at which a real one can be cut off. */
#ifndef SHUNT_SIMULATOR_HOST_VERBS_H
#define SHUNT_SIMULATOR_HOST_VERBS_H

#include "world.h"

bool host_do(struct agent *agent, const struct command *command, struct report *report,
             struct error *err);

#endif
