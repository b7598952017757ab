/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node is: for VERB_FACTS and for the report an agent begins with.
 */
#ifndef SHUNT_FACTS_H
#define SHUNT_FACTS_H

#include "agent_config.h"
#include "message.h"

/* Never fails: what cannot be found out stays "not known". */
void facts_collect(const struct agent_config *config, struct node_facts *ret_facts);

#endif
