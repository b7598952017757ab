/* SPDX-License-Identifier: Apache-2.0 */
/* The whole program, but for the name `main`. */
#ifndef SHUNT_CLI_H
#define SHUNT_CLI_H

#include "exit_code.h"

/* Reads the command line, does the command, and tells what went wrong: the one place that does. */
enum exit_code cli_run(int argc, char *const *argv);

#endif
