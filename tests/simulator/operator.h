/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator: starts the upgrade, changes her mind now and then, and is called in the end when
 * something waits for a decision. She sends signed requests through Redis, as `shunt` does.
 */
#ifndef SHUNT_SIMULATOR_OPERATOR_H
#define SHUNT_SIMULATOR_OPERATOR_H

#include <stdbool.h>

void operator_begin(bool has_whims);
/* From now on she mends what is broken and decides until the upgrade has ended. */
void operator_is_called(void);

#endif
