/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator's program is asked on its standard input and what it says on its standard
 * output, as README.md has it. Pure: no process, no clock. Strict: a key that has no place, a
 * member that was not asked for and one that is missing are ERROR_PROTOCOL, for a program that
 * misunderstood the question must not decide about traffic.
 */
#ifndef SHUNT_EXEC_ANSWER_H
#define SHUNT_EXEC_ANSWER_H

#include "buffer.h"
#include "lb_driver.h"

/* {"members":["a/b",…]}; the caller frees it. */
char *exec_write_question(const char *const *members, size_t count);

/* To `members`: ret_states in the order of the question. *ret_counts is false where an answer
 * leaves out `sessions`, which is then to be asked for by itself; null is "not known just now". */
bool exec_read_members(const char *bytes, size_t size, const char *const *members, size_t count,
                       struct lb_member_state *ret_states, bool *ret_counts, struct error *err);

/* To `sessions`: those of all members, into states that have been read before. */
bool exec_read_sessions(const char *bytes, size_t size, const char *const *members, size_t count,
                        struct lb_member_state *states, struct error *err);

/* To a change: {} and nothing else. */
bool exec_read_done(const char *bytes, size_t size, struct error *err);

/* The error that a program tells with an exit status other than 0. Always sets err, to
 * ERROR_PROTOCOL where it tells none that has a meaning here, with what its standard error begins
 * and ends with. */
void exec_read_error(const struct buffer *output, const struct buffer *errors, int exit_status,
                     struct error *err);

#endif
