/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts from outside on a terminal. Whatever was read from Redis, an answer or an error passes
 * through clean_add() on its way to the screen, so that it can neither move the cursor, nor set a
 * title, nor turn the reading direction round. The escape sequences in a drawn text are then ours
 * alone, and only colours: clean_columns() and clean_cut() rely on it.
 */
#ifndef SHUNT_CLEAN_H
#define SHUNT_CLEAN_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* Adds the text; control characters and bytes that are not UTF-8 become "\x1B", characters that
 * change the direction of text become "\u202E". Cut silently at the buffer's limit. */
void clean_add(struct buffer *out, const char *text);

enum colour { COLOUR_NONE, COLOUR_GOOD, COLOUR_BAD, COLOUR_BUSY, COLOUR_FAINT, COLOUR_BOLD };

/* Adds clean text in a colour, or plain where is_coloured is false. */
void clean_add_coloured(struct buffer *out, bool is_coloured, enum colour colour, const char *text);

/* Columns that a clean, perhaps coloured, text takes on a terminal. */
size_t clean_columns(const char *text);

/* Adds the first `length` bytes of clean text (one line), cut to `columns`; colours are ended. */
void clean_cut(struct buffer *out, const char *text, size_t length, size_t columns);

#endif
