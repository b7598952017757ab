/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An append-only file of text records that survives a crash at any point: each record is one line
 * "CRC32C-in-hex SP text LF", synced before append returns. On open a torn tail (no LF, or a wrong
 * sum at the very end) is cut off and told; a wrong sum before good records is ERROR_INTEGRITY
 * with the record's number, because then something else than a crash has happened.
 *
 * Used by the agent (commands and results) and by the controller (its copy of the journal).
 */
#ifndef SHUNT_APPEND_LOG_H
#define SHUNT_APPEND_LOG_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define APPEND_LOG_RECORD_BYTES (64 * 1024)

struct append_log;

/* Called for each record in order; text is borrowed and has no newline. False ends the reading with
 * *err set. */
typedef bool (*append_log_read_fn)(void *context, uint64_t number, const char *text,
                                   struct error *err);

/* Opens or makes the file (0600), reads it through `read`, leaves it ready to append.
 * ret_torn: bytes of a torn tail that were dropped, 0 if none. */
bool append_log_open(const char *path, append_log_read_fn read, void *context,
                     struct append_log **ret_log, size_t *ret_torn, struct error *err);

/* text must have no newline. All of `count` records become durable with one sync; on failure none
 * is in the file. ERROR_FULL beyond 64 MiB: rewrite before. */
bool append_log_add(struct append_log *log, const char *const *texts, size_t count,
                    struct error *err);

/* A record that a power cut may take with it: durable with the next one that is synced. It outlives
 * the process all the same. */
bool append_log_add_unsynced(struct append_log *log, const char *text, struct error *err);

/* Makes what was added unsynced durable; on failure none of it is in the file. */
bool append_log_sync(struct append_log *log, struct error *err);

/* Replaces the whole contents durably, e.g. to drop records of finished work. */
bool append_log_rewrite(struct append_log *log, const char *const *texts, size_t count,
                        struct error *err);

uint64_t append_log_size_bytes(const struct append_log *log);
void append_log_close(struct append_log *log);

#endif
