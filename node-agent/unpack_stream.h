/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar inside an artifact as a stream of bytes with bounds: how much it may grow, how long a
 * header may be, and how it has to end. What libarchive keeps in memory comes from headers alone.
 */
#ifndef SHUNT_UNPACK_STREAM_H
#define SHUNT_UNPACK_STREAM_H

#include "read_ahead.h"

struct unpack_stream {
    struct read_ahead *ahead;
    int64_t unpacked;      /* so far */
    int64_t header_begins; /* -1 = contents are being read */
    int64_t content_ends;  /* there are only zeros from here on, so far */
    int64_t files;         /* bytes of all files so far, as their headers say */
};

/* The first header begins. */
void unpack_stream_init(struct unpack_stream *stream, unpack_read_fn read, void *context);
void unpack_stream_done(struct unpack_stream *stream);

/* Borrowed until the next call; size 0 at the end. ERROR_INTEGRITY beyond a bound. */
bool unpack_stream_read(struct unpack_stream *stream, const void **ret_bytes, size_t *ret_size,
                        struct error *err);

void unpack_stream_begin_header(struct unpack_stream *stream);
void unpack_stream_end_header(struct unpack_stream *stream);

/* Reads what is left, to gzip's own check. `end` is where the last entry has ended: there must be
 * the two blocks of zeros that end a tar, and nothing else but zeros. */
bool unpack_stream_finish(struct unpack_stream *stream, int64_t end, struct error *err);

#endif
