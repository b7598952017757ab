/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct disk_file *disk_open(struct disk *disk, const char *path)
{
    for (size_t i = 0; i < disk->file_count; i++)
        if (text_equal(disk->files[i].path, path))
            return &disk->files[i];
    CHECK(disk->file_count < DISK_FILES);
    struct disk_file *file = &disk->files[disk->file_count++];
    TEXT_COPY(file->path, path);
    return file;
}

void disk_file_add(struct disk_file *file, const char *record)
{
    if (file->count == file->capacity) {
        file->capacity = file->capacity == 0 ? 64 : 2 * file->capacity;
        file->records = memory_resize(file->records, file->capacity, sizeof(file->records[0]));
    }
    file->records[file->count++] = memory_text(record);
}

static void cut(struct disk_file *file, size_t count)
{
    while (file->count > count)
        free(file->records[--file->count]);
    if (file->synced > count)
        file->synced = count;
}

void disk_file_clear(struct disk_file *file)
{
    cut(file, 0);
}

void disk_cut_power(struct disk *disk, struct random *random)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        struct disk_file *file = &disk->files[i];
        int64_t left = random_between(random, (int64_t)file->synced, (int64_t)file->count);
        cut(file, (size_t)left);
        file->synced = file->count;
    }
}

void disk_wipe(struct disk *disk)
{
    for (size_t i = 0; i < disk->file_count; i++)
        disk_file_clear(&disk->files[i]);
}

void disk_done(struct disk *disk)
{
    disk_wipe(disk);
    for (size_t i = 0; i < disk->file_count; i++)
        free(disk->files[i].records);
    memset(disk, 0, sizeof(*disk));
}
