/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_size.h"

#include "clock.h"
#include "memory.h"

#include <errno.h>
#include <fts.h>
#include <sys/stat.h>

#define ENTRIES_MOST 500000
#define BLOCK_BYTES  512 /* of st_blocks, whatever the file system: stat(2) */

static bool is_counted(const FTSENT *entry)
{
    return entry->fts_info == FTS_D || entry->fts_info == FTS_F || entry->fts_info == FTS_SL ||
           entry->fts_info == FTS_SLNONE || entry->fts_info == FTS_DEFAULT;
}

static bool check_entry(const FTSENT *entry, const struct disk_space *size,
                        struct deadline deadline, struct error *err)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        error_set_errno(err, entry->fts_errno, "measure %s", entry->fts_path);
    else if (size->inodes > ENTRIES_MOST)
        error_set(err, ERROR_FULL, "measure %s: more than %d entries", entry->fts_path,
                  ENTRIES_MOST);
    else if (deadline_is_over(deadline))
        error_set(err, ERROR_TIMEOUT, "measure %s: not done in %d ms", entry->fts_path,
                  TREE_SIZE_MS);
    else
        return true;
    return false;
}

static bool measure(FTS *walk, struct disk_space *size, struct error *err)
{
    struct deadline deadline = deadline_after_ms(TREE_SIZE_MS);
    const FTSENT *entry;
    while (errno = 0, (entry = fts_read(walk)) != NULL) {
        if (!check_entry(entry, size, deadline, err))
            return false;
        if (!is_counted(entry))
            continue;
        size->inodes++;
        size->bytes += (int64_t)entry->fts_statp->st_blocks * BLOCK_BYTES;
    }
    if (errno == 0)
        return true;
    error_set_errno(err, errno, "measure a tree");
    return false;
}

bool tree_size_measure(const char *path, struct disk_space *ret_size, struct error *err)
{
    FREE_CLEANUP char *top = memory_text(path);
    char *const tops[] = {top, NULL};
    struct disk_space size = {.bytes = 0, .inodes = 0};
    FTS *walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (walk == NULL) {
        error_set_errno(err, errno, "measure %s", path);
        return false;
    }
    bool is_measured = measure(walk, &size, err);
    fts_close(walk);
    if (is_measured)
        *ret_size = size;
    return is_measured;
}
