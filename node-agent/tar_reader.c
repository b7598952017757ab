/* SPDX-License-Identifier: Apache-2.0 */
#include "tar_reader.h"

#include "quote.h"

#include <errno.h>
#include <string.h>

#define LOCALE "C.UTF-8"

static la_ssize_t give_bytes(struct archive *archive, void *context, const void **ret_bytes)
{
    struct tar_reader *reader = context;
    size_t size = 0;
    if (unpack_stream_read(&reader->stream, ret_bytes, &size, &reader->read_error))
        return (la_ssize_t)size;
    archive_set_error(archive, EIO, "read error");
    return ARCHIVE_FATAL;
}

bool tar_reader_failed(const struct tar_reader *reader, struct error *err)
{
    const char *message = archive_error_string(reader->archive);
    char quoted[200];
    if (reader->read_error.code != ERROR_NONE) {
        *err = reader->read_error;
        return false;
    }
    if (message == NULL)
        message = "unknown error";
    quote_text(quoted, sizeof(quoted), message, strlen(message));
    error_set(err, ERROR_INTEGRITY, "the archive is damaged or truncated: %s", quoted);
    return false;
}

/* libarchive turns the names of extended headers, which are UTF-8, into those of the locale. */
static bool set_locale(struct tar_reader *reader, struct error *err)
{
    reader->locale = newlocale(LC_CTYPE_MASK, LOCALE, (locale_t)0);
    if (reader->locale == (locale_t)0) {
        error_set_errno(err, errno, "locale %s", LOCALE);
        return false;
    }
    reader->before = uselocale(reader->locale);
    return true;
}

bool tar_reader_open(struct tar_reader *reader, unpack_read_fn read, void *context,
                     struct error *err)
{
    memset(reader, 0, sizeof(*reader));
    unpack_stream_init(&reader->stream, read, context);
    if (!set_locale(reader, err))
        return false;
    reader->archive = archive_read_new();
    return (reader->archive != NULL &&
            archive_read_support_format_tar(reader->archive) == ARCHIVE_OK &&
            archive_read_open(reader->archive, reader, NULL, give_bytes, NULL) == ARCHIVE_OK) ||
           tar_reader_failed(reader, err);
}

void tar_reader_close(struct tar_reader *reader)
{
    archive_read_free(reader->archive);
    if (reader->locale != (locale_t)0) {
        uselocale(reader->before);
        freelocale(reader->locale);
    }
    unpack_stream_done(&reader->stream);
}

/* Contents that nobody wanted are no part of the header that follows them. */
static bool begin_header(struct tar_reader *reader, struct error *err)
{
    if (!reader->has_entry)
        return true;
    if (archive_read_data_skip(reader->archive) != ARCHIVE_OK)
        return tar_reader_failed(reader, err);
    unpack_stream_begin_header(&reader->stream);
    return true;
}

static bool finish(struct tar_reader *reader, struct error *err)
{
    if (reader->has_entry)
        return unpack_stream_finish(&reader->stream, archive_read_header_position(reader->archive),
                                    err);
    error_set(err, ERROR_INTEGRITY, "the archive is empty");
    return false;
}

/* Of ARCHIVE_WARN, which is given for what other programs may read otherwise, nothing is taken. */
bool tar_reader_next(struct tar_reader *reader, struct archive_entry **ret_entry, struct error *err)
{
    if (!begin_header(reader, err))
        return false;
    int status = archive_read_next_header(reader->archive, ret_entry);
    if (status == ARCHIVE_EOF) {
        *ret_entry = NULL;
        return finish(reader, err);
    }
    if (status != ARCHIVE_OK)
        return tar_reader_failed(reader, err);
    unpack_stream_end_header(&reader->stream);
    reader->has_entry = true;
    return true;
}
