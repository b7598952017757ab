/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include "clean.h"

#include <string.h>

/* ECMA-48: erase to the end of the line; cursor to the first column; erase what is below. */
#define ERASE_LINE  "\x1B[K"
#define ERASE_BELOW "\x1B[J"

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        count++;
    return count;
}

void frame_draw(struct frame *frame, const char *text, size_t columns, size_t rows,
                struct buffer *out)
{
    size_t total = count_lines(text), most = rows > 1 ? rows - 1 : 1;
    size_t shown = total > most ? most - 1 : total;
    if (frame->lines > 0)
        (void)buffer_format(out, "\x1B[%zuA\r", frame->lines);
    for (size_t i = 0; i < shown; i++) {
        size_t length = strcspn(text, "\n");
        clean_cut(out, text, length, columns);
        (void)buffer_add_text(out, ERASE_LINE "\n");
        text += length + 1;
    }
    if (shown < total)
        (void)buffer_format(out, "(%zu more lines)" ERASE_LINE "\n", total - shown);
    (void)buffer_add_text(out, ERASE_BELOW);
    frame->lines = shown + (shown < total ? 1 : 0);
}
