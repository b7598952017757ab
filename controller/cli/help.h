/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of `shunt help`, drawn from the tables of commands, options and exit codes. */
#ifndef SHUNT_HELP_H
#define SHUNT_HELP_H

#include "buffer.h"
#include "commands.h"

void help_draw(struct buffer *out);

/* Of one command or family ("keys"); false if there is none of that name. */
bool help_draw_command(const char *name, struct buffer *out);

#endif
