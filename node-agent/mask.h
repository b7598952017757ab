/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in lines of text that are shown to people: start scripts hold passwords of key stores and
 * the like. What stands behind a name such as keyStorePassword= is masked.
 */
#ifndef SHUNT_MASK_H
#define SHUNT_MASK_H

#include "buffer.h"

/* Adds the text with each value of a name that has password, passwd, passphrase, secret or token in
 * it as "***", as far as it fits. */
void mask_secrets(const char *text, struct buffer *ret_text);

#endif
