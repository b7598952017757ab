/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the operator's program: PROGRAM VERB ADDRESS, the question on standard input, an
 * environment of its own, no shell. Settings are by the table in exec.c.
 */
#ifndef SHUNT_EXEC_PROGRAM_H
#define SHUNT_EXEC_PROGRAM_H

#include "buffer.h"
#include "lb_driver.h"

enum exec_setting { EXEC_PROGRAM, EXEC_SESSIONS, EXEC_USER, EXEC_SETTING_COUNT };

/* What it says on standard output when it ends with status 0. Anything else is an error, told by
 * the program or ERROR_PROTOCOL; ERROR_TIMEOUT where it does not end in time. It is killed before
 * the deadline, so that it can change nothing after it; where that is over it is not started. */
bool exec_call(const struct lb *lb, const char *address, const char *verb,
               const char *const *members, size_t count, struct deadline deadline,
               struct buffer *ret_answer, struct error *err);

#endif
