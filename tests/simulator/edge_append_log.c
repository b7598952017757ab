/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/append_log.h on the disk of the process that calls. A record that was being written when
 * the power was cut is the torn tail that the real one drops.
 */
#include "append_log.h"

#include "edge.h"
#include "log_syncer.h"
#include "memory.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

struct append_log {
    struct disk *disk;
    struct disk_file *file;
};

bool append_log_open(const char *path, append_log_read_fn read, void *context,
                     struct append_log **ret_log, size_t *ret_torn, struct error *err)
{
    struct disk *disk = edge_disk();
    struct disk_file *file = disk_open(disk, path);
    file->synced = file->count;
    process_boundary("log opened");
    for (size_t i = 0; i < file->count; i++)
        if (!read(context, i, file->records[i], err))
            return false;
    struct append_log *log = memory_zeroed(1, sizeof(*log));
    log->disk = disk;
    log->file = file;
    *ret_log = log;
    *ret_torn = 0;
    return true;
}

static bool check_room(const struct append_log *log, struct error *err)
{
    if (!log->disk->is_full)
        return true;
    error_set(err, ERROR_FULL, "append to '%s': no space left on device", log->file->path);
    return false;
}

/* Whoever writes waits for the disk; the other threads of its process go on. */
static void wait_for_disk(void)
{
    bool is_slow = random_one_in(&world.random, 50);
    fiber_sleep_us(random_between(&world.random, 100, is_slow ? 500 * WORLD_MS : 10 * WORLD_MS));
}

static void tell_rules(const char *const *texts, size_t count)
{
    struct controller *controller = edge_controller();
    for (size_t i = 0; controller != NULL && i < count; i++)
        rules_at_journal(controller, texts[i]);
}

bool append_log_add(struct append_log *log, const char *const *texts, size_t count,
                    struct error *err)
{
    process_boundary("log: before a write");
    if (!check_room(log, err))
        return false;
    for (size_t i = 0; i < count; i++)
        disk_file_add(log->file, texts[i]);
    process_boundary("log: written, not synced");
    wait_for_disk();
    log->file->synced = log->file->count;
    tell_rules(texts, count);
    process_boundary("log: synced");
    return true;
}

bool append_log_add_unsynced(struct append_log *log, const char *text, struct error *err)
{
    if (!check_room(log, err))
        return false;
    disk_file_add(log->file, text);
    process_boundary("log: written");
    return true;
}

bool append_log_sync(struct append_log *log, struct error *err)
{
    size_t synced = log->file->synced;
    process_boundary("log: written, not synced");
    if (!check_room(log, err))
        return false;
    wait_for_disk();
    log->file->synced = log->file->count;
    tell_rules((const char *const *)log->file->records + synced, log->file->count - synced);
    process_boundary("log: synced");
    return true;
}

bool append_log_rewrite(struct append_log *log, const char *const *texts, size_t count,
                        struct error *err)
{
    process_boundary("log: before it is replaced");
    if (!check_room(log, err))
        return false;
    wait_for_disk();
    disk_file_clear(log->file);
    for (size_t i = 0; i < count; i++)
        disk_file_add(log->file, texts[i]);
    log->file->synced = log->file->count;
    tell_rules(texts, count);
    process_boundary("log: replaced");
    return true;
}

uint64_t append_log_size_bytes(const struct append_log *log)
{
    return log->file->count * 700; /* about; what compaction goes by */
}

void append_log_close(struct append_log *log)
{
    free(log);
}

/* ---- log_syncer.h: the disk is waited for once for each, which changes nothing ---- */

struct log_syncer *log_syncer_new(void)
{
    return NULL;
}

void log_syncer_free(struct log_syncer *syncer)
{
    (void)syncer;
}

void log_syncer_run(struct log_syncer *syncer, struct log_sync *list, size_t count)
{
    (void)syncer;
    for (size_t i = 0; i < count; i++)
        list[i].is_synced = list[i].whole != NULL
                                ? append_log_rewrite(list[i].log, &list[i].whole, 1, &list[i].err)
                                : append_log_sync(list[i].log, &list[i].err);
}
