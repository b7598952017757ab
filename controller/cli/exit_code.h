/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the exit status of `shunt` says. Scripts rely on the numbers: they never change their
 * meaning. One table in exit_code.c is also the text of `shunt help`.
 */
#ifndef SHUNT_EXIT_CODE_H
#define SHUNT_EXIT_CODE_H

#include "error.h"
#include "upgrade.h"

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_INTERNAL = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_CONFIGURATION = 3,
    EXIT_CODE_ROLLED_BACK = 4,
    EXIT_CODE_REFUSED = 5,
    EXIT_CODE_WAITING = 6,
    EXIT_CODE_NO_ANSWER = 7,
    EXIT_CODE_FAILED = 8,
    EXIT_CODE_COUNT
};

/* One line for people. */
const char *exit_code_meaning(enum exit_code code);

/* For an error that was met on this side: Redis, its credentials, what was read from it. */
enum exit_code exit_code_of_error(const struct error *err);

/* For the error in a controller's answer: refused, or tried and failed. */
enum exit_code exit_code_of_answer(const struct error *err);

/* For an upgrade that has ended. */
enum exit_code exit_code_of_outcome(enum outcome outcome);

#endif
