/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to a load balancer that can be changed on its own host only: through the agent there.
 * The driver `agent` (agent.c) asks in the words of message.h; how a command gets to the agent and
 * its report back is its owner's business, who brings one of these.
 */
#ifndef SHUNT_LB_TRANSPORT_H
#define SHUNT_LB_TRANSPORT_H

#include "clock.h"
#include "message.h"

struct lb_transport {
    /* Has command->node, the name of an agent, carry the command out, and waits for its end. The
     * driver fills the verb and what it is about; all else (id, cluster, epoch, times) is filled
     * here. True: done, and the report says what was found. False: the agent's own error, or why
     * there is none from it; ERROR_TIMEOUT where it did not answer. Any thread. */
    bool (*call)(void *context, const struct command *command, struct deadline deadline,
                 struct report *ret_report, struct error *err);
    void *context;
};

#endif
