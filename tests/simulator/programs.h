/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the product, as processes of the world. */
#ifndef SHUNT_SIMULATOR_PROGRAMS_H
#define SHUNT_SIMULATOR_PROGRAMS_H

#include "world.h"

/* Fills the configurations; starts nothing. */
void controller_init(struct controller *controller, uint32_t index);
void agent_init(struct agent *agent, uint32_t index);

/* Starts it unless it lives. */
void controller_start(struct controller *controller);
void agent_start(struct agent *agent);

/* The controller that leads, as it believes, and has read the journal; of two the one with the
 * higher epoch; NULL = none. */
struct controller *controller_leading(void);

#endif
