/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside (names in archives, log lines, answers) made fit for a message: one line of
 * valid UTF-8 without control characters, or else the report that carries it could not be written.
 */
#ifndef SHUNT_QUOTE_H
#define SHUNT_QUOTE_H

#include <stddef.h>

/* Copies at most `length` bytes up to a NUL: a newline becomes " | ", any other byte that is not
 * printable becomes "?". Cut where the array ends. */
void quote_text(char *array, size_t array_size, const char *bytes, size_t length);

#endif
