/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a tar, plain or gzip, that nobody has vouched for: libarchive over a stream that
 * bounds what it may be given (unpack_stream.h), with its own errors carried through. Whoever reads
 * an artifact reads it with this, so that the bounds hold for all.
 */
#ifndef SHUNT_TAR_READER_H
#define SHUNT_TAR_READER_H

#include "unpack_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

struct tar_reader {
    struct unpack_stream stream;
    struct archive *archive;
    bool has_entry;          /* one has been given */
    locale_t locale, before; /* names of extended headers come in that of the thread */
    struct error read_error; /* of the stream, which libarchive does not carry */
};

/* The caller calls tar_reader_close() in any case, in the same thread. */
bool tar_reader_open(struct tar_reader *reader, unpack_read_fn read, void *context,
                     struct error *err);
void tar_reader_close(struct tar_reader *reader);

/* The next entry, borrowed until the next call, whose contents need not have been read; NULL at the
 * end, when all that a tar must end with is there. ERROR_INTEGRITY for an empty or damaged one. */
bool tar_reader_next(struct tar_reader *reader, struct archive_entry **ret_entry,
                     struct error *err);

/* Always false: why libarchive has stopped. Either the reading failed, or the archive is not whole.
 */
bool tar_reader_failed(const struct tar_reader *reader, struct error *err);

#endif
