/* SPDX-License-Identifier: Apache-2.0 */
#include "gunzip.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define WITH_GZIP_HEADER (15 + 16) /* of inflateInit2(): the largest window, gzip alone */
#define TRAILER_BYTES    8         /* check sum, and size: RFC 1952 */
#define TRAILER_COUNTS   (1LL << 32)

static const unsigned char magic[GUNZIP_HEAD] = {0x1f, 0x8b};

void gunzip_init(struct gunzip *gunzip, unpack_read_fn read, void *context)
{
    memset(gunzip, 0, sizeof(*gunzip));
    gunzip->read = read;
    gunzip->context = context;
}

void gunzip_done(struct gunzip *gunzip)
{
    if (gunzip->is_gzip)
        inflateEnd(&gunzip->stream);
    gunzip->is_gzip = false;
}

static bool damaged(struct error *err, const char *what)
{
    error_set(err, ERROR_INTEGRITY, "the archive is damaged or truncated: %s", what);
    return false;
}

/* zlib does not write to its input; its declaration is older than const. */
static bool refill(struct gunzip *gunzip, struct error *err)
{
    const void *bytes = NULL;
    size_t size = 0;
    if (!gunzip->read(gunzip->context, &bytes, &size, err))
        return false;
    memcpy(&gunzip->stream.next_in, &bytes, sizeof(bytes));
    gunzip->stream.avail_in = (uInt)size;
    gunzip->packed += (int64_t)size;
    return true;
}

static bool begin(struct gunzip *gunzip, struct error *err)
{
    gunzip->is_begun = true;
    if (!refill(gunzip, err))
        return false;
    if (gunzip->stream.avail_in < sizeof(magic) ||
        memcmp(gunzip->stream.next_in, magic, sizeof(magic)) != 0)
        return true;
    gunzip->is_gzip = inflateInit2(&gunzip->stream, WITH_GZIP_HEADER) == Z_OK;
    return gunzip->is_gzip || damaged(err, "zlib does not begin");
}

/* One call of inflate(); what it gave stands in `out`. */
static bool advance(struct gunzip *gunzip, struct error *err)
{
    if (gunzip->is_between) {
        if (inflateReset(&gunzip->stream) != Z_OK)
            return damaged(err, "zlib does not begin again");
        gunzip->is_between = false;
    }
    int status = inflate(&gunzip->stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
        gunzip->is_between = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
        return damaged(err, gunzip->stream.msg != NULL ? gunzip->stream.msg : "bad gzip data");
    return true;
}

static bool inflate_some(struct gunzip *gunzip, size_t *ret_size, struct error *err)
{
    gunzip->stream.next_out = gunzip->out;
    gunzip->stream.avail_out = sizeof(gunzip->out);
    while (gunzip->stream.avail_out == sizeof(gunzip->out)) {
        if (gunzip->stream.avail_in == 0 && !refill(gunzip, err))
            return false;
        if (gunzip->stream.avail_in == 0) { /* the end */
            if (!gunzip->is_between)
                return damaged(err, "truncated gzip input");
            break;
        }
        if (!advance(gunzip, err))
            return false;
    }
    *ret_size = sizeof(gunzip->out) - gunzip->stream.avail_out;
    return true;
}

bool gunzip_read(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    struct gunzip *gunzip = context;
    if (!gunzip->is_begun && !begin(gunzip, err))
        return false;
    if (gunzip->is_gzip) {
        if (!inflate_some(gunzip, ret_size, err))
            return false;
        *ret_bytes = gunzip->out;
    } else {
        if (gunzip->stream.avail_in == 0 && !refill(gunzip, err))
            return false;
        *ret_bytes = gunzip->stream.next_in;
        *ret_size = gunzip->stream.avail_in < GUNZIP_BYTES ? gunzip->stream.avail_in : GUNZIP_BYTES;
        gunzip->stream.next_in += *ret_size;
        gunzip->stream.avail_in -= (uInt)*ret_size;
    }
    return true;
}

int64_t gunzip_size(const unsigned char head[GUNZIP_HEAD], const unsigned char tail[GUNZIP_TAIL],
                    int64_t file_bytes)
{
    int64_t unpacked = file_bytes;
    if (memcmp(head, magic, sizeof(magic)) == 0) {
        unpacked = tail[0] | tail[1] << 8 | tail[2] << 16 | (int64_t)tail[3] << 24;
        if (unpacked < file_bytes) /* more than it can count, or the members before */
            unpacked += (file_bytes - unpacked) / TRAILER_COUNTS * TRAILER_COUNTS;
    }
    /* The end of a file that was cut says anything. */
    bool is_likely =
        unpacked < GUNZIP_RATIO_FREE_BYTES || unpacked / GUNZIP_RATIO_MOST < file_bytes;
    return is_likely && unpacked > file_bytes ? unpacked : file_bytes;
}

bool gunzip_read_size(int fd, int64_t file_bytes, int64_t *ret_bytes, struct error *err)
{
    unsigned char head[GUNZIP_HEAD] = {0};
    unsigned char tail[GUNZIP_TAIL] = {0};
    if (file_bytes > TRAILER_BYTES &&
        (pread(fd, head, sizeof(head), 0) < 0 ||
         pread(fd, tail, sizeof(tail), file_bytes - GUNZIP_TAIL) < 0)) {
        error_set_errno(err, errno, "read the artifact");
        return false;
    }
    *ret_bytes = gunzip_size(head, tail, file_bytes);
    return true;
}
