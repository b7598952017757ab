/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit file or an init script says about where Bitbucket starts from, and the one edit that
 * a switch makes in it. Pure functions of text.
 *
 * A release is named by its directory: RELEASES/7.9.0, followed by a slash or the end of the word.
 * Comments (lines that begin with '#' or ';') name nothing, but are edited with the rest.
 */
#ifndef SHUNT_DEFINITION_TEXT_H
#define SHUNT_DEFINITION_TEXT_H

#include "buffer.h"
#include "limit.h"

#include <stdbool.h>

#define DEFINITION_TEXT_BYTES ((size_t)256 * 1024) /* an installer's init script has 5 KB */

/* The releases' directory and the install link, each also as they are spelt without links. */
struct definition_places {
    const char *releases[2];
    const char *links[2];
};

struct definition_names {
    bool has_link;
    size_t count; /* of the places that name `version` */
    char version[LIMIT_VERSION];
    char other[LIMIT_VERSION]; /* a second version that is named, too; "" = none */
};

void definition_text_read(const char *text, const struct definition_places *places,
                          struct definition_names *ret_names);

/* True where a line that is no comment names a script that starts Bitbucket. */
bool definition_text_has_start(const char *text);

/* The next absolute path in a line that is no comment, without slashes at its end: behind *at,
 * which is `text` before the first one and goes on behind the path. False where there is none left.
 * One that does not fit is passed over. */
bool definition_text_next_path(const char *text, const char **at, char path[LIMIT_PATH]);

/* Adds the text to ret_text, with RELEASES/`to` wherever it has RELEASES/`from`, and with
 * --no-search behind the start script where that is a command without it: nodes of a Data Center
 * search elsewhere. All other bytes stay. False where the buffer's limit is passed. */
bool definition_text_edit(const char *text, const struct definition_places *places,
                          const char *from, const char *to, struct buffer *ret_text);

#endif
