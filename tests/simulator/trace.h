/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The story of a run, for people: a line an event, with virtual time and whose it is. Nothing is
 * written unless it is asked for.
 */
#ifndef SHUNT_SIMULATOR_TRACE_H
#define SHUNT_SIMULATOR_TRACE_H

#include <stdbool.h>

void trace_enable(bool is_enabled);
bool trace_is_enabled(void);
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
