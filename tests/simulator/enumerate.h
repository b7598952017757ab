/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every crash there is, in the plain world of two nodes: of the controller and of an agent at each
 * of their boundaries, of the controller, an agent or Redis at each step, and of each pair of them
 * at each pair of steps.
 */
#ifndef SHUNT_SIMULATOR_ENUMERATE_H
#define SHUNT_SIMULATOR_ENUMERATE_H

#include "batch.h"

/* Counts what there is to be enumerated in a run without faults, and fills the batch. */
void enumerate_fill(struct batch *batch);

#endif
