/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded text in arrays of fixed size, and the rule for names. Nothing here allocates.
 */
#ifndef SHUNT_TEXT_H
#define SHUNT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies text with its NUL into the array; false, and an empty array, if it does not fit. */
bool text_copy(char *array, size_t array_size, const char *text);

/* Adds text behind what the array holds; false, and no change, if it does not fit. */
bool text_append(char *array, size_t array_size, const char *text);

bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);

/* A name is 1 to 63 of [a-z A-Z 0-9 . _ -], beginning with a letter or digit: it is safe as a
 * part of a Redis key, a file name and an argument. */
bool text_is_name(const char *text);

/* Parses a decimal number, digits only, at most `most`. */
bool text_parse_u64(const char *text, uint64_t most, uint64_t *ret_value);

/* Bytes of the well-formed UTF-8 character that text begins with; 0 if it is ill-formed or text is
 * empty. */
size_t text_utf8_size(const char *text);

#define TEXT_COPY(array, text) text_copy((array), sizeof(array), (text))

#endif
