/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redrawing a few lines of a terminal in place: back up over the last frame, every line rewritten
 * and its rest erased, all in one buffer, so that nothing flickers and what stood above stays.
 */
#ifndef SHUNT_FRAME_H
#define SHUNT_FRAME_H

#include "buffer.h"

#include <stddef.h>

struct frame {
    size_t lines; /* on the screen from last time; 0 = nothing is */
};

/* `text`: clean lines (clean.h). Lines are cut to the terminal's width, and those that do not fit
 * its height are left out, because there is no way back up to what has scrolled away. */
void frame_draw(struct frame *frame, const char *text, size_t columns, size_t rows,
                struct buffer *out);

#endif
