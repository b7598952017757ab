/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes inside a gzip file (zlib), or those of a file that is none, as they are. Unlike
 * libarchive's own filter it holds the file to its check sum and length: a file that was cut in its
 * very last bytes, or damaged in a stored block, is told.
 */
#ifndef SHUNT_GUNZIP_H
#define SHUNT_GUNZIP_H

#include "unpack.h"

#include <zlib.h>

#define GUNZIP_BYTES            (64 * 1024)
#define GUNZIP_HEAD             2   /* bytes that tell a gzip file: RFC 1952 */
#define GUNZIP_TAIL             4   /* bytes of its end: the size modulo 2^32, low byte first */
#define GUNZIP_RATIO_MOST       100 /* of unpacked to packed bytes; a distribution has 1.5 */
#define GUNZIP_RATIO_FREE_BYTES (64LL * 1024 * 1024) /* below it the ratio is not looked at */

struct gunzip {
    unpack_read_fn read; /* of the packed bytes */
    void *context;
    bool is_begun, is_gzip, is_between; /* is_between: a member has ended, another may follow */
    int64_t packed;                     /* bytes read so far */
    z_stream stream;
    unsigned char out[GUNZIP_BYTES];
};

void gunzip_init(struct gunzip *gunzip, unpack_read_fn read, void *context);
void gunzip_done(struct gunzip *gunzip);

/* An unpack_read_fn whose context is the gunzip. ERROR_INTEGRITY: damaged or truncated. */
bool gunzip_read(void *gunzip, const void **ret_bytes, size_t *ret_size, struct error *err);

/* What the file says it unpacks to, as far as it can be known without unpacking it: a hint, for the
 * trailer counts to 4 GiB and is of the last member only. A file that is no gzip gives its size. */
bool gunzip_read_size(int fd, int64_t file_bytes, int64_t *ret_bytes, struct error *err);
/* The same from the first bytes of such a file, and its last. */
int64_t gunzip_size(const unsigned char head[GUNZIP_HEAD], const unsigned char tail[GUNZIP_TAIL],
                    int64_t file_bytes);

#endif
