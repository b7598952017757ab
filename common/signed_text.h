/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed message that is kept as one text, in a key of Redis or in a file: "SIGNER SIGNATURE LF
 * BODY". The exact bytes that were signed stay as they are. Nothing is verified here.
 */
#ifndef SHUNT_SIGNED_TEXT_H
#define SHUNT_SIGNED_TEXT_H

#include "keys.h"
#include "limit.h"

struct signed_text {
    char signer[LIMIT_NAME];
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    const char *body; /* borrowed, without a NUL in it */
    size_t body_size;
};

/* body_size bytes of the body; the caller frees the text. */
char *signed_text_write(const struct signed_text *text);

/* ERROR_PROTOCOL where it has another shape, or its body is longer than LIMIT_MESSAGE_BYTES. The
 * body is borrowed from `bytes`. */
bool signed_text_read(const char *bytes, size_t size, struct signed_text *ret_text,
                      struct error *err);

#endif
