/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the person at the terminal, who can say no. */
#ifndef SHUNT_AGREE_H
#define SHUNT_AGREE_H

#include "commands.h"

/* False where there is nobody to be shown anything and asked. */
bool agree_is_possible(const struct cli *cli);

/* Writes the question and " [y/N] "; true where the answer is yes. Texts in it are clean. */
bool agree_ask(struct cli *cli, const char *question);

#endif
