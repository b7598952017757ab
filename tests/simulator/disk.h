/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of one simulated host that must survive: logs of records (append_log.h). What was
 * written outlives the process that wrote it; what was synced outlives a power cut as well.
 */
#ifndef SHUNT_SIMULATOR_DISK_H
#define SHUNT_SIMULATOR_DISK_H

#include "random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_FILES 4

struct disk_file {
    char path[128];
    char **records;
    size_t count, capacity;
    size_t synced;
};

struct disk {
    struct disk_file files[DISK_FILES];
    size_t file_count;
    bool is_full;
};

/* The file of that path, made if there is none. */
struct disk_file *disk_open(struct disk *disk, const char *path);
/* Loses a part of what was not synced. */
void disk_cut_power(struct disk *disk, struct random *random);
void disk_wipe(struct disk *disk);
void disk_done(struct disk *disk);

void disk_file_add(struct disk_file *file, const char *record);
void disk_file_clear(struct disk_file *file);

#endif
