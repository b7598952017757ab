/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan in an answer, for people: every check with its result, and the order of the nodes. It
 * comes from outside: read strictly, drawn clean.
 */
#ifndef SHUNT_PLAN_DRAW_H
#define SHUNT_PLAN_DRAW_H

#include "buffer.h"
#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What a command decides by. */
struct plan_result {
    int64_t failed, checks;
};

/* Draws all of it, or the failed checks only. ERROR_PROTOCOL names what is wrong with the JSON. */
bool plan_draw(const json_t *plan, bool only_failed, bool is_coloured, struct buffer *out,
               struct plan_result *ret_result, struct error *err);

#endif
