/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's own memory, on disk: the highest epoch seen, each command that was accepted, its
 * final report, and whether Redis has that report. It makes a repeat an answer instead of a second
 * run, or lets what a restart has cut off go on; Redis may lose everything meanwhile.
 *
 * Invariants: the entry of a verb with an effect is accepted before its job begins and ended before
 * its report is sent, each durably; the epoch never goes down; an unfinished or unsent entry is
 * never forgotten. What does no harm when it is done or told again (verbs without an effect, that
 * a report was sent) outlives the agent, but not always a power cut: it is synced with the next
 * line that must be.
 * One line of JSON a record (append_log.h), so that an operator can read it:
 *
 *   {"record": "epoch", "epoch": 7}
 *   {"record": "accepted", "at_ms": …, "command": "TEXT of message_codec.h"}
 *   {"record": "ended", "report": "TEXT of message_codec.h"}
 *   {"record": "sent", "id": "…"}
 */
#ifndef SHUNT_RECORD_H
#define SHUNT_RECORD_H

#include "message.h"

#include <stddef.h>

/* What a compaction keeps of finished commands. All stay in memory too, at about 1 KB each: the
 * bounds keep the agent within its 6 MB. */
#define RECORD_COMPACT_BYTES (1024 * 1024)
#define RECORD_KEEP_LEAST    200 /* the last ones, of any age and verb */
#define RECORD_KEEP_MOST     500 /* and those that changed the node, for: */
#define RECORD_KEEP_MS       (24 * 60 * 60 * 1000LL)

struct record;

struct record_entry {
    char id[LIMIT_ID];
    enum verb verb;
    int64_t accepted_ms; /* wall clock */
    char *command;       /* as command_write() gave it */
    char *report;        /* the final one, as report_write() gave it; NULL = unfinished */
    bool is_sent;        /* Redis has taken the report */
};

/* Opens or makes the file. ERROR_INTEGRITY where it contradicts itself, ERROR_PROTOCOL where a
 * newer agent wrote it. ret_torn: bytes that a crash had left half written and that were dropped.
 */
bool record_open(const char *path, struct record **ret_record, size_t *ret_torn, struct error *err);
void record_close(struct record *record); /* NULL is fine */

uint64_t record_epoch(const struct record *record);
bool record_raise_epoch(struct record *record, uint64_t epoch, struct error *err);

/* The id must be new. */
bool record_accept(struct record *record, const struct command *command, int64_t now_ms,
                   struct error *err);
/* The entry of report->command_id must be unfinished; report must be final. */
bool record_end(struct record *record, const struct report *report, struct error *err);
/* The entry must have ended. Where it cannot be written the report still counts as sent, until a
 * restart sends it once more. */
bool record_mark_sent(struct record *record, const char *id, struct error *err);

/* Entries in the order of acceptance; pointers hold until the next change. */
size_t record_count(const struct record *record);
const struct record_entry *record_at(const struct record *record, size_t index);
const struct record_entry *record_find(const struct record *record, const char *id); /* or NULL */
bool record_has_unsent(const struct record *record);

/* What was written, as data again. */
void record_entry_command(const struct record_entry *entry, struct command *ret_command);
void record_entry_report(const struct record_entry *entry, struct report *ret_report);

/* Forgets what is old, once the file has outgrown RECORD_COMPACT_BYTES; otherwise does nothing. */
bool record_compact(struct record *record, int64_t now_ms, struct error *err);

#endif
