/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket's version numbers and the one rule of rolling upgrades: only a higher bug-fix version
 * of the same major.minor may join (documentation of 7.9 to 9.3; see README, "Which jumps").
 */
#ifndef SHUNT_VERSION_H
#define SHUNT_VERSION_H

#include "error.h"
#include "limit.h"

#include <stdint.h>

struct version {
    uint32_t major, minor, bugfix;
};

/* Parses "7.9.4": three decimal numbers up to 99999 and nothing else. ERROR_INVALID otherwise:
 * milestones and release candidates do not take part in rolling upgrades. */
bool version_parse(const char *text, struct version *ret_version, struct error *err);

/* Negative, zero or positive, as strcmp(). */
int version_compare(struct version a, struct version b);

/* ERROR_INVALID with the rule's name if a cluster of `from` may not be upgraded to `to`
 * while it serves. */
bool version_check_jump(const char *from, const char *to, struct error *err);

#endif
