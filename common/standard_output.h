/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a program that has printed something: stdio keeps words back, and what becomes of them
 * is known only when they are written out.
 */
#ifndef SHUNT_STANDARD_OUTPUT_H
#define SHUNT_STANDARD_OUTPUT_H

#include "error.h"

/* Writes out what is kept back. False where anything that was printed is lost, as on a full disk.
 */
bool standard_output_flush(struct error *err);

#endif
