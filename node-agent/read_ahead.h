/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads, hashes and inflates in a thread of its own, some chunks ahead of whoever makes files of
 * the bytes: each is about half of the work, and tar has gzip beside it in the same way.
 *
 * The reader given is called in that thread alone, from the first read to read_ahead_free().
 */
#ifndef SHUNT_READ_AHEAD_H
#define SHUNT_READ_AHEAD_H

#include "unpack.h"

struct read_ahead;

struct read_ahead *read_ahead_new(unpack_read_fn read, void *context);
/* Ends the thread, which may be within a read; NULL is fine. */
void read_ahead_free(struct read_ahead *ahead);

/* The next bytes that the artifact unpacks to, borrowed until the next call; size 0 at the end. */
bool read_ahead_read(struct read_ahead *ahead, const void **ret_bytes, size_t *ret_size,
                     struct error *err);

/* Of the artifact, as many as it took to get the bytes read so far. */
int64_t read_ahead_packed(const struct read_ahead *ahead);
/* True once something has been read, if the artifact is a gzip. */
bool read_ahead_is_gzip(const struct read_ahead *ahead);

#endif
