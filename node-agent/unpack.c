/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#include "memory.h"
#include "quote.h"
#include "tar_reader.h"
#include "unpack_name.h"
#include "unpack_tree.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MOST 500000 /* a distribution has 10,000 */
#define BLOCK_BYTES  4096   /* of a file system, as a rule */

struct unpacking {
    const struct unpack_request *request;
    struct tar_reader reader;
    struct unpack_tree tree;
    int64_t entries;
    int64_t disk_bytes; /* that the entries take, about */
};

static bool refuse(struct error *err, const char *rule)
{
    error_set(err, ERROR_INTEGRITY, "%s", rule);
    return false;
}

static bool check_packing(const struct unpacking *unpacking, struct error *err)
{
    if (read_ahead_is_gzip(unpacking->reader.stream.ahead) || unpacking->request->allows_plain_tar)
        return true;
    return refuse(err, "a tar that is not compressed needs a hash: nothing else would tell that "
                       "its end is missing");
}

/* ---- bounds ---- */

/* What every entry takes: its contents in whole blocks, or one of a directory. */
static bool add_entry(struct unpacking *unpacking, int64_t size, struct error *err)
{
    const struct unpack_request *request = unpacking->request;
    int64_t room = request->most_bytes - unpacking->disk_bytes - BLOCK_BYTES;
    if (++unpacking->entries > ENTRIES_MOST)
        return refuse(err, "is one of more than 500,000 entries");
    if (unpacking->entries > request->most_entries) {
        error_set(err, ERROR_FULL, "is one more than the %lld files that may be made",
                  (long long)request->most_entries);
        return false;
    }
    if (size < 0 || size > room) {
        error_set(err, ERROR_FULL, "unpacks to more than the %lld bytes that may be used",
                  (long long)request->most_bytes);
        return false;
    }
    unpacking->disk_bytes += (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    unpacking->reader.stream.files += size;
    return true;
}

/* ---- one entry ---- */

static bool write_block(int fd, const void *bytes, size_t size, int64_t offset, struct error *err)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = pwrite(fd, at, size, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            error_set_errno(err, errno, "write");
            return false;
        }
        at += written;
        offset += written;
        size -= (size_t)written;
    }
    return true;
}

static bool write_contents(struct unpacking *unpacking, int fd, int64_t most, struct error *err)
{
    const void *bytes;
    size_t size;
    la_int64_t offset;
    int64_t written = 0;
    int status;
    while ((status = archive_read_data_block(unpacking->reader.archive, &bytes, &size, &offset)) ==
           ARCHIVE_OK) {
        if (offset < 0 || offset > most || (int64_t)size > most - offset)
            return refuse(err, "has more bytes than its header says");
        if (!write_block(fd, bytes, size, offset, err))
            return false;
        written = offset + (int64_t)size;
    }
    if (status != ARCHIVE_EOF)
        return tar_reader_failed(&unpacking->reader, err);
    if (written == most || ftruncate(fd, most) == 0) /* the hole at the end of a sparse file */
        return true;
    error_set_errno(err, errno, "truncate");
    return false;
}

static bool unpack_file(struct unpacking *unpacking, struct archive_entry *entry, const char *path,
                        struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    int64_t size = archive_entry_size(entry);
    return add_entry(unpacking, size, err) &&
           unpack_tree_make_file(&unpacking->tree, path, &fd, err) &&
           write_contents(unpacking, fd, size, err) &&
           unpack_tree_finish_file(&unpacking->tree, fd, path, archive_entry_perm(entry),
                                   archive_entry_mtime(entry), err);
}

static bool unpack_symlink(struct unpacking *unpacking, struct archive_entry *entry,
                           const char *path, struct error *err)
{
    const char *target = archive_entry_symlink(entry);
    const char *rule = unpack_name_check_target(path, target != NULL ? target : "");
    if (rule != NULL)
        return refuse(err, rule);
    return add_entry(unpacking, 0, err) &&
           unpack_tree_make_symlink(&unpacking->tree, path, target, err);
}

static bool unpack_hardlink(struct unpacking *unpacking, struct archive_entry *entry,
                            const char *target, const char *path, struct error *err)
{
    char existing[UNPACK_NAME_SIZE];
    if (archive_entry_size_is_set(entry) && archive_entry_size(entry) > 0)
        return refuse(err, "is a hard link with contents of its own");
    if (unpack_name_strip(target, unpacking->request->version, existing) != NULL ||
        existing[0] == '\0')
        return refuse(err, "is a hard link to something outside the tree");
    return add_entry(unpacking, 0, err) &&
           unpack_tree_make_hardlink(&unpacking->tree, path, existing, err);
}

/* The root is the caller's, who opens it to others when all is there. */
static bool unpack_directory(struct unpacking *unpacking, struct archive_entry *entry,
                             const char *path, struct error *err)
{
    if (archive_entry_size(entry) > 0)
        return refuse(err, "is a directory that has contents");
    return path[0] == '\0' ||
           (add_entry(unpacking, BLOCK_BYTES, err) &&
            unpack_tree_make_directory(&unpacking->tree, path, archive_entry_perm(entry), err));
}

static bool unpack_by_type(struct unpacking *unpacking, struct archive_entry *entry,
                           const char *path, struct error *err)
{
    const char *hardlink = archive_entry_hardlink(entry);
    if (path[0] == '\0' && (hardlink != NULL || archive_entry_filetype(entry) != AE_IFDIR))
        return refuse(err, "is the top folder, and no directory");
    if (hardlink != NULL)
        return unpack_hardlink(unpacking, entry, hardlink, path, err);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return unpack_file(unpacking, entry, path, err);
    case AE_IFDIR:
        return unpack_directory(unpacking, entry, path, err);
    case AE_IFLNK:
        return unpack_symlink(unpacking, entry, path, err);
    default:
        return refuse(err, "is neither a file nor a directory nor a link");
    }
}

static bool unpack_entry(struct unpacking *unpacking, struct archive_entry *entry,
                         struct error *err)
{
    char path[UNPACK_NAME_SIZE];
    char quoted[160];
    const char *name = archive_entry_pathname(entry);
    if (name == NULL)
        return refuse(err, "an entry has a name that cannot be read");
    const char *rule = unpack_name_strip(name, unpacking->request->version, path);
    if (rule == NULL && unpack_by_type(unpacking, entry, path, err))
        return true;
    if (rule != NULL)
        refuse(err, rule);
    quote_text(quoted, sizeof(quoted), name, strlen(name));
    error_wrap(err, "entry '%s'", quoted);
    return false;
}

static bool unpack_entries(struct unpacking *unpacking, struct error *err)
{
    struct archive_entry *entry;
    bool is_first = true;
    while (tar_reader_next(&unpacking->reader, &entry, err)) {
        if (entry == NULL)
            return true;
        if ((is_first && !check_packing(unpacking, err)) || !unpack_entry(unpacking, entry, err))
            return false;
        is_first = false;
    }
    return false;
}

bool unpack_run(const struct unpack_request *request, struct error *err)
{
    FREE_CLEANUP struct unpacking *unpacking = memory_zeroed(1, sizeof(*unpacking));
    unpacking->request = request;
    unpack_tree_init(&unpacking->tree, request->root_fd);
    unpacking->tree.model_fd = request->model_fd;
    unpacking->tree.is_owner_set = request->is_owner_set;
    unpacking->tree.uid = request->uid;
    unpacking->tree.gid = request->gid;
    bool is_whole = tar_reader_open(&unpacking->reader, request->read, request->context, err) &&
                    unpack_entries(unpacking, err);
    tar_reader_close(&unpacking->reader);
    unpack_tree_done(&unpacking->tree);
    return is_whole;
}
