/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one edit that a new tree needs: the home directory in bin/set-bitbucket-home.sh. A pure
 * function of text, so that it can be tested and fuzzed without a file.
 *
 * What the product ships, and the only form that is understood:
 *
 *     if [ -z "${BITBUCKET_HOME}" ]; then
 *         BITBUCKET_HOME=
 *     fi
 *
 * with comments and blank lines anywhere. A file with another assignment of BITBUCKET_HOME, or none
 * in such a block, is left to a person.
 */
#ifndef SHUNT_HOME_SCRIPT_H
#define SHUNT_HOME_SCRIPT_H

#include "buffer.h"
#include "limit.h"

/* The file is 1 KB as shipped. */
#define HOME_SCRIPT_BYTES ((size_t)64 * 1024)

/* With a home in it, each byte of which may need four to be quoted. */
#define HOME_SCRIPT_EDITED_BYTES (HOME_SCRIPT_BYTES + 4UL * LIMIT_PATH)

/* Adds the text with `home` as the value, all other bytes as they were, to ret_text, whose limit is
 * HOME_SCRIPT_EDITED_BYTES. ERROR_INTEGRITY for a text that is not understood, ERROR_INVALID for a
 * home that no line of a script can hold. */
bool home_script_edit(const char *text, size_t size, const char *home, struct buffer *ret_text,
                      struct error *err);

/* The home that the text names; "" where that is none, or cannot be told without running it. */
void home_script_read(const char *text, size_t size, char home[LIMIT_PATH]);

#endif
