/* SPDX-License-Identifier: Apache-2.0 */
#include "signed_text.h"

#include "memory.h"
#include "text.h"

#include <string.h>

char *signed_text_write(const struct signed_text *text)
{
    return memory_format("%s %s\n%.*s", text->signer, text->signature, (int)text->body_size,
                         text->body);
}

/* Moves the bytes up to `end`, which is left out, into the array. */
static bool take_word(const char **at, size_t *size, char end, char *array, size_t array_size)
{
    const char *stop = memchr(*at, end, *size);
    size_t length = stop != NULL ? (size_t)(stop - *at) : array_size;
    if (length == 0 || length >= array_size)
        return false;
    memcpy(array, *at, length);
    array[length] = '\0';
    *at += length + 1;
    *size -= length + 1;
    return true;
}

bool signed_text_read(const char *bytes, size_t size, struct signed_text *ret_text,
                      struct error *err)
{
    struct signed_text text;
    if (size > 0 && memchr(bytes, '\0', size) == NULL &&
        take_word(&bytes, &size, ' ', text.signer, sizeof(text.signer)) &&
        take_word(&bytes, &size, '\n', text.signature, sizeof(text.signature)) &&
        text_is_name(text.signer) && size > 0 && size <= LIMIT_MESSAGE_BYTES) {
        text.body = bytes;
        text.body_size = size;
        *ret_text = text;
        return true;
    }
    error_set(err, ERROR_PROTOCOL, "no signed text: \"SIGNER SIGNATURE\" and a line with the body");
    return false;
}
