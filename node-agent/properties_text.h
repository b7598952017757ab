/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of a Java properties file, as java.util.Properties reads it: comments, continued lines
 * and escapes. A pure function of text.
 */
#ifndef SHUNT_PROPERTIES_TEXT_H
#define SHUNT_PROPERTIES_TEXT_H

#include "error.h"

#include <stddef.h>

/* The last value that the text gives the key, without blanks at its end; "" where it gives none.
 * ERROR_INTEGRITY for one that does not fit, or that the program puts together itself (${…}). */
bool properties_text_get(const char *text, const char *key, char *value, size_t size,
                         struct error *err);

#endif
