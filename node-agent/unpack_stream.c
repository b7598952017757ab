/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack_stream.h"

#include "gunzip.h"

#include <string.h>

#define HEADER_BYTES (256LL * 1024) /* of one entry, with long names */
#define END_BYTES    1024           /* two blocks, says POSIX */

void unpack_stream_init(struct unpack_stream *stream, unpack_read_fn read, void *context)
{
    memset(stream, 0, sizeof(*stream));
    stream->ahead = read_ahead_new(read, context);
}

void unpack_stream_done(struct unpack_stream *stream)
{
    read_ahead_free(stream->ahead);
}

static bool refuse(struct error *err, const char *rule)
{
    error_set(err, ERROR_INTEGRITY, "%s", rule);
    return false;
}

static bool check_ratio(const struct unpack_stream *stream, struct error *err)
{
    int64_t unpacked = stream->unpacked;
    if (unpacked < stream->files) /* a sparse file is larger than what stands for it */
        unpacked = stream->files;
    if (unpacked < GUNZIP_RATIO_FREE_BYTES ||
        unpacked / GUNZIP_RATIO_MOST < read_ahead_packed(stream->ahead))
        return true;
    return refuse(err, "the archive unpacks to more than 100 times its size");
}

/* Bytes come in pieces, of which the last one may belong to contents already. */
static bool check_header(const struct unpack_stream *stream, struct error *err)
{
    int64_t given = stream->unpacked - stream->header_begins;
    if (stream->header_begins < 0 || given <= HEADER_BYTES + GUNZIP_BYTES)
        return true;
    return refuse(err, "the header of an entry has more than 256 KiB");
}

static void note_content(struct unpack_stream *stream, const unsigned char *bytes, size_t size)
{
    int64_t begins = stream->unpacked - (int64_t)size;
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    if (size > 0)
        stream->content_ends = begins + (int64_t)size;
}

bool unpack_stream_read(struct unpack_stream *stream, const void **ret_bytes, size_t *ret_size,
                        struct error *err)
{
    if (!check_header(stream, err) || !read_ahead_read(stream->ahead, ret_bytes, ret_size, err))
        return false;
    stream->unpacked += (int64_t)*ret_size;
    note_content(stream, *ret_bytes, *ret_size);
    return check_ratio(stream, err);
}

void unpack_stream_begin_header(struct unpack_stream *stream)
{
    stream->header_begins = stream->unpacked;
}

void unpack_stream_end_header(struct unpack_stream *stream)
{
    stream->header_begins = -1;
}

/* Without its end some of an archive may be missing; what follows the end some programs would
 * unpack and others not. */
static bool check_end(const struct unpack_stream *stream, int64_t end, struct error *err)
{
    if (stream->content_ends > end)
        return refuse(err, "the archive has something behind the end");
    if (stream->unpacked >= end + END_BYTES)
        return true;
    return refuse(err, "the archive is damaged or truncated: its end is missing");
}

bool unpack_stream_finish(struct unpack_stream *stream, int64_t end, struct error *err)
{
    const void *bytes;
    size_t size = 1;
    unpack_stream_end_header(stream);
    while (size > 0)
        if (!unpack_stream_read(stream, &bytes, &size, err))
            return false;
    return check_end(stream, end, err);
}
