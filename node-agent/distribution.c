/* SPDX-License-Identifier: Apache-2.0 */
#include "distribution.h"

#include "digest.h"
#include "gunzip.h"
#include "memory.h"
#include "quote.h"
#include "unpack_name.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES  ((size_t)64 * 1024)
#define ENTRIES_MOST 500000 /* a distribution has 10,000 */

struct reading {
    int fd;
    struct deadline deadline;
    struct digest digest;
    struct gunzip gunzip;
    struct archive *archive;
    struct error read_error; /* libarchive does not carry ours */
    char chunk[CHUNK_BYTES];
};

static bool read_chunk(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    struct reading *reading = context;
    ssize_t size;
    if (deadline_is_over(reading->deadline)) {
        error_set(err, ERROR_TIMEOUT, "the deadline is over");
        return false;
    }
    do {
        size = read(reading->fd, reading->chunk, sizeof(reading->chunk));
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        error_set_errno(err, errno, "read");
        return false;
    }
    digest_add(&reading->digest, reading->chunk, (size_t)size);
    *ret_bytes = reading->chunk;
    *ret_size = (size_t)size;
    return true;
}

static la_ssize_t give_bytes(struct archive *archive, void *context, const void **ret_bytes)
{
    struct reading *reading = context;
    size_t size = 0;
    if (gunzip_read(&reading->gunzip, ret_bytes, &size, &reading->read_error))
        return (la_ssize_t)size;
    archive_set_error(archive, EIO, "read error");
    return ARCHIVE_FATAL;
}

static bool archive_failed(struct archive *archive, struct error *err)
{
    char quoted[200];
    const char *message = archive_error_string(archive);
    if (message == NULL)
        message = "unknown error";
    quote_text(quoted, sizeof(quoted), message, strlen(message));
    error_set(err, ERROR_INTEGRITY, "damaged or truncated: %s", quoted);
    return false;
}

/* ---- one entry ---- */

static const char *first_text(const char *text, const char *utf8)
{
    return text != NULL ? text : utf8;
}

static bool describe(struct archive *archive, struct archive_entry *raw, const char *path,
                     struct distribution_entry *ret_entry)
{
    ret_entry->path = path;
    ret_entry->size = archive_entry_size(raw);
    ret_entry->changed = archive_entry_mtime(raw);
    ret_entry->target = first_text(archive_entry_symlink(raw), archive_entry_symlink_utf8(raw));
    ret_entry->archive = archive;
    if (archive_entry_hardlink(raw) != NULL)
        ret_entry->kind = DISTRIBUTION_HARD_LINK;
    else if (archive_entry_filetype(raw) == AE_IFREG)
        ret_entry->kind = DISTRIBUTION_FILE;
    else if (archive_entry_filetype(raw) == AE_IFDIR)
        ret_entry->kind = DISTRIBUTION_DIRECTORY;
    else if (archive_entry_filetype(raw) == AE_IFLNK && ret_entry->target != NULL)
        ret_entry->kind = DISTRIBUTION_LINK;
    else
        return false;
    return true;
}

static bool take_entry(struct archive *archive, struct archive_entry *raw, const char *version,
                       distribution_fn take, void *context, struct error *err)
{
    char path[UNPACK_NAME_SIZE];
    char quoted[160];
    struct distribution_entry entry;
    const char *name = first_text(archive_entry_pathname(raw), archive_entry_pathname_utf8(raw));
    const char *rule =
        name == NULL ? "has a name that cannot be read" : unpack_name_strip(name, version, path);
    if (rule == NULL && path[0] == '\0')
        return true;
    if (rule == NULL && describe(archive, raw, path, &entry))
        return take(context, &entry, err);
    quote_text(quoted, sizeof(quoted), name != NULL ? name : "?", name != NULL ? strlen(name) : 1);
    error_set(err, ERROR_INTEGRITY, "entry '%s' %s", quoted,
              rule != NULL ? rule : "is neither a file nor a directory nor a link");
    return false;
}

bool distribution_copy(const struct distribution_entry *entry, int fd, struct error *err)
{
    if (archive_read_data_into_fd(entry->archive, fd) == ARCHIVE_OK)
        return true;
    int code = archive_errno(entry->archive);
    if (code == ENOSPC || code == EDQUOT) {
        error_set_errno(err, code, "copy '%s'", entry->path);
        return false;
    }
    return archive_failed(entry->archive, err);
}

/* ---- the whole ---- */

static bool read_entries(struct reading *reading, const char *version, distribution_fn take,
                         void *context, struct error *err)
{
    struct archive_entry *entry;
    int status, count = 0;
    bool is_open =
        reading->archive != NULL &&
        archive_read_support_format_tar(reading->archive) == ARCHIVE_OK &&
        archive_read_open(reading->archive, reading, NULL, give_bytes, NULL) == ARCHIVE_OK;
    if (!is_open)
        return archive_failed(reading->archive, err);
    while ((status = archive_read_next_header(reading->archive, &entry)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN) {
        if (++count > ENTRIES_MOST) {
            error_set(err, ERROR_INTEGRITY, "more than %d entries", ENTRIES_MOST);
            return false;
        }
        if (!take_entry(reading->archive, entry, version, take, context, err))
            return false;
    }
    return status == ARCHIVE_EOF || archive_failed(reading->archive, err);
}

/* gzip's own check, and the hash, come at the very end. */
static bool read_rest(struct reading *reading, const char *sha256, struct error *err)
{
    const void *bytes;
    size_t size = 1;
    while (size > 0)
        if (!gunzip_read(&reading->gunzip, &bytes, &size, err))
            return false;
    size = 1;
    while (size > 0)
        if (!read_chunk(reading, &bytes, &size, err))
            return false;
    return sha256[0] == '\0' || digest_check(&reading->digest, sha256, err);
}

bool distribution_each(const char *path, const char *version, const char *sha256,
                       struct deadline deadline, distribution_fn take, void *context,
                       struct error *err)
{
    FREE_CLEANUP struct reading *reading = memory_zeroed(1, sizeof(*reading));
    reading->deadline = deadline;
    reading->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (reading->fd < 0) {
        error_set_errno(err, errno, "distribution '%s'", path);
        return false;
    }
    digest_init(&reading->digest);
    gunzip_init(&reading->gunzip, read_chunk, reading);
    reading->archive = archive_read_new();
    bool is_read =
        read_entries(reading, version, take, context, err) && read_rest(reading, sha256, err);
    if (!is_read && reading->read_error.code != ERROR_NONE)
        *err = reading->read_error;
    if (!is_read)
        error_wrap(err, "distribution '%s'", path);
    archive_read_free(reading->archive);
    gunzip_done(&reading->gunzip);
    close(reading->fd);
    return is_read;
}
