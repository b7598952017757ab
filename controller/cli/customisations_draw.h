/* SPDX-License-Identifier: Apache-2.0 */
/* What was changed in the install directory of a node, for people: {"node","items","hunks"}. */
#ifndef SHUNT_CUSTOMISATIONS_DRAW_H
#define SHUNT_CUSTOMISATIONS_DRAW_H

#include "buffer.h"
#include "error.h"

#include <jansson.h>
#include <stdbool.h>

/* A table of them, and how many there are besides those that are told. */
bool customisations_draw(const json_t *customisations, bool is_coloured, struct buffer *out,
                         struct error *err);

/* The lines of text that show them, as far as the agent has told. */
bool customisations_draw_hunks(const json_t *customisations, struct buffer *out, struct error *err);

#endif
