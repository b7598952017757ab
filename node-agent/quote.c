/* SPDX-License-Identifier: Apache-2.0 */
#include "quote.h"

#include "text.h"

#include <string.h>

/* How `*at` is to be written: 1 to 4 bytes at *ret_piece. `size` is what it takes of the text. */
static size_t piece_at(const char *at, size_t left, const char **ret_piece, size_t *ret_size)
{
    char sequence[5] = {0};
    *ret_size = 1;
    if (*at == '\n') {
        *ret_piece = " | ";
        return 3;
    }
    *ret_piece = at;
    if (*at == '\t')
        *ret_piece = " ";
    else if ((unsigned char)*at < ' ' || *at == 0x7F)
        *ret_piece = "?";
    if ((unsigned char)*at < 0x80)
        return 1;
    /* A copy, because a sequence may be cut off where the bytes end. */
    memcpy(sequence, at, left < 4 ? left : 4);
    size_t size = text_utf8_size(sequence);
    if (size == 0) {
        *ret_piece = "?";
        return 1;
    }
    *ret_size = size;
    return size;
}

void quote_text(char *array, size_t array_size, const char *bytes, size_t length)
{
    size_t used = 0;
    for (size_t at = 0; at < length && bytes[at] != '\0';) {
        const char *piece;
        size_t size;
        size_t piece_size = piece_at(bytes + at, length - at, &piece, &size);
        if (used + piece_size >= array_size)
            break;
        memcpy(array + used, piece, piece_size);
        used += piece_size;
        at += size;
    }
    array[used] = '\0';
}
