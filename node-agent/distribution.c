/* SPDX-License-Identifier: Apache-2.0 */
#include "distribution.h"

#include "digest.h"
#include "memory.h"
#include "quote.h"
#include "tar_reader.h"
#include "unpack_name.h"

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
    struct tar_reader reader;
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

/* ---- one entry ---- */

static bool describe(struct tar_reader *reader, struct archive_entry *raw, const char *path,
                     struct distribution_entry *ret_entry)
{
    ret_entry->path = path;
    ret_entry->size = archive_entry_size(raw);
    ret_entry->changed = archive_entry_mtime(raw);
    ret_entry->target = archive_entry_symlink(raw);
    ret_entry->reader = reader;
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

static bool take_entry(struct tar_reader *reader, struct archive_entry *raw, const char *version,
                       distribution_fn take, void *context, struct error *err)
{
    char path[UNPACK_NAME_SIZE];
    char quoted[160];
    struct distribution_entry entry;
    const char *name = archive_entry_pathname(raw);
    const char *rule =
        name == NULL ? "has a name that cannot be read" : unpack_name_strip(name, version, path);
    if (rule == NULL && path[0] == '\0')
        return true;
    if (rule == NULL && describe(reader, raw, path, &entry))
        return take(context, &entry, err);
    quote_text(quoted, sizeof(quoted), name != NULL ? name : "?", name != NULL ? strlen(name) : 1);
    error_set(err, ERROR_INTEGRITY, "entry '%s' %s", quoted,
              rule != NULL ? rule : "is neither a file nor a directory nor a link");
    return false;
}

bool distribution_copy(const struct distribution_entry *entry, int fd, struct error *err)
{
    struct archive *archive = entry->reader->archive;
    if (archive_read_data_into_fd(archive, fd) == ARCHIVE_OK)
        return true;
    int code = archive_errno(archive);
    if (code == ENOSPC || code == EDQUOT) {
        error_set_errno(err, code, "copy '%s'", entry->path);
        return false;
    }
    return tar_reader_failed(entry->reader, err);
}

/* ---- the whole ---- */

static bool read_entries(struct reading *reading, const char *version, distribution_fn take,
                         void *context, struct error *err)
{
    struct archive_entry *entry;
    int count = 0;
    while (tar_reader_next(&reading->reader, &entry, err)) {
        if (entry == NULL)
            return true;
        if (++count > ENTRIES_MOST) {
            error_set(err, ERROR_INTEGRITY, "more than %d entries", ENTRIES_MOST);
            return false;
        }
        if (!take_entry(&reading->reader, entry, version, take, context, err))
            return false;
    }
    return false;
}

/* An archive may end before its file does: the hash is of the file. */
static bool check_hash(struct reading *reading, const char *sha256, struct error *err)
{
    const void *bytes;
    size_t size = 1;
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
    bool is_read = tar_reader_open(&reading->reader, read_chunk, reading, err) &&
                   read_entries(reading, version, take, context, err);
    tar_reader_close(&reading->reader); /* from here on nobody else reads */
    is_read = is_read && check_hash(reading, sha256, err);
    if (!is_read)
        error_wrap(err, "distribution '%s'", path);
    close(reading->fd);
    return is_read;
}
