/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "append_log.h"
#include "check.h"
#include "failpoint.h"
#include "json.h"
#include "memory.h"
#include "message_codec.h"
#include "record_line.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct record {
    struct append_log *log;
    uint64_t epoch;
    struct record_entry *entries;
    size_t count;
    size_t capacity;
    size_t unsent_count;      /* ended, but not sent */
    uint64_t compacted_bytes; /* size after the last compaction */
};

/* ---- the entries in memory; the caller has checked what these rely on ---- */

static struct record_entry *find(const struct record *record, const char *id)
{
    /* From the end: what is asked for is nearly always among the last. */
    for (size_t i = record->count; i > 0; i--) {
        if (text_equal(record->entries[i - 1].id, id))
            return &record->entries[i - 1];
    }
    return NULL;
}

static void add_entry(struct record *record, const struct command *command, int64_t at_ms)
{
    if (record->count == record->capacity) {
        record->capacity = record->capacity == 0 ? 64 : 2 * record->capacity;
        record->entries =
            memory_resize(record->entries, record->capacity, sizeof(record->entries[0]));
    }
    struct record_entry *entry = &record->entries[record->count++];
    *entry = (struct record_entry){.verb = command->verb, .accepted_ms = at_ms};
    TEXT_COPY(entry->id, command->id);
    entry->command = command_write(command);
}

static void end_entry(struct record *record, struct record_entry *entry,
                      const struct report *report)
{
    entry->report = report_write(report);
    record->unsent_count++;
}

static void mark_entry_sent(struct record *record, struct record_entry *entry)
{
    if (!entry->is_sent)
        record->unsent_count--;
    entry->is_sent = true;
}

static void free_entry(struct record_entry *entry)
{
    free(entry->command);
    free(entry->report);
}

/* ---- reading the file ---- */

static bool contradicts(struct error *err, const char *what, const char *id)
{
    error_set(err, ERROR_INTEGRITY, "%s '%s'", what, id);
    return false;
}

static bool apply_line(struct record *record, const struct record_line *line, struct error *err)
{
    struct record_entry *entry = find(record, line->id);
    switch (line->kind) {
    case RECORD_LINE_EPOCH:
        if (line->epoch < record->epoch)
            return contradicts(err, "the epoch goes down", "");
        record->epoch = line->epoch;
        return true;
    case RECORD_LINE_ACCEPTED:
        if (entry != NULL)
            return contradicts(err, "accepted twice: command", line->id);
        add_entry(record, &line->command, line->at_ms);
        return true;
    case RECORD_LINE_ENDED:
        if (entry == NULL || entry->report != NULL)
            return contradicts(err, "ended, but not running: command", line->id);
        end_entry(record, entry, &line->report);
        return true;
    case RECORD_LINE_COUNT:
        break;
    case RECORD_LINE_SENT:
        if (entry == NULL || entry->report == NULL)
            return contradicts(err, "sent, but not ended: report of command", line->id);
        mark_entry_sent(record, entry);
        return true;
    }
    CHECK(!"a kind of line");
    return false;
}

static bool read_line(void *context, uint64_t number, const char *text, struct error *err)
{
    struct record_line line;
    (void)number; /* the log names it, and the file */
    return record_line_read(text, &line, err) && apply_line(context, &line, err);
}

bool record_open(const char *path, struct record **ret_record, size_t *ret_torn, struct error *err)
{
    struct record *record = memory_zeroed(1, sizeof(*record));
    if (!append_log_open(path, read_line, record, &record->log, ret_torn, err)) {
        record_close(record);
        return false;
    }
    *ret_record = record;
    return true;
}

/* ---- changes ---- */

/* Takes the text. What need not be durable can be told or done again after a power cut. */
static bool append(struct record *record, char *text, bool is_durable, struct error *err)
{
    const char *texts[] = {text};
    bool is_added = is_durable ? append_log_add(record->log, texts, 1, err)
                               : append_log_add_unsynced(record->log, text, err);
    free(text);
    return is_added;
}

void record_close(struct record *record)
{
    if (record == NULL)
        return;
    if (record->log != NULL)
        append_log_close(record->log);
    for (size_t i = 0; i < record->count; i++)
        free_entry(&record->entries[i]);
    free(record->entries);
    free(record);
}

uint64_t record_epoch(const struct record *record)
{
    return record->epoch;
}

bool record_raise_epoch(struct record *record, uint64_t epoch, struct error *err)
{
    CHECK(epoch > record->epoch);
    if (!append(record, record_line_epoch(epoch), true, err))
        return false;
    record->epoch = epoch;
    return true;
}

bool record_accept(struct record *record, const struct command *command, int64_t now_ms,
                   struct error *err)
{
    CHECK(find(record, command->id) == NULL);
    FREE_CLEANUP char *text = command_write(command);
    failpoint("record-before-accept");
    if (!append(record, record_line_accepted(text, now_ms), verb_is_effect(command->verb), err))
        return false;
    failpoint("record-after-accept");
    add_entry(record, command, now_ms);
    return true;
}

bool record_end(struct record *record, const struct report *report, struct error *err)
{
    struct record_entry *entry = find(record, report->command_id);
    CHECK(entry != NULL && entry->report == NULL && report_kind_is_final(report->kind));
    FREE_CLEANUP char *text = report_write(report);
    failpoint("record-before-end");
    if (!append(record, record_line_ended(text), verb_is_effect(entry->verb), err))
        return false;
    failpoint("record-after-end");
    end_entry(record, entry, report);
    return true;
}

bool record_mark_sent(struct record *record, const char *id, struct error *err)
{
    struct record_entry *entry = find(record, id);
    CHECK(entry != NULL && entry->report != NULL);
    if (entry->is_sent)
        return true;
    mark_entry_sent(record, entry);
    return append(record, record_line_sent(id), false, err);
}

/* ---- looking ---- */

size_t record_count(const struct record *record)
{
    return record->count;
}

const struct record_entry *record_at(const struct record *record, size_t index)
{
    CHECK(index < record->count);
    return &record->entries[index];
}

const struct record_entry *record_find(const struct record *record, const char *id)
{
    return find(record, id);
}

bool record_has_unsent(const struct record *record)
{
    return record->unsent_count > 0;
}

/* Both texts have been through the codec before. */
void record_entry_command(const struct record_entry *entry, struct command *ret_command)
{
    struct error err;
    CHECK(command_read(entry->command, strlen(entry->command), ret_command, &err));
}

void record_entry_report(const struct record_entry *entry, struct report *ret_report)
{
    struct error err;
    CHECK(entry->report != NULL);
    CHECK(report_read(entry->report, strlen(entry->report), ret_report, &err));
}

/* ---- compaction ---- */

static bool is_finished(const struct record_entry *entry)
{
    return entry->report != NULL && entry->is_sent;
}

/* rank: how many finished entries are younger. A repeat of a verb without effect does no harm, so
 * that these are remembered for less long. */
static bool is_worth_keeping(const struct record_entry *entry, size_t rank, int64_t now_ms)
{
    if (!is_finished(entry) || rank < RECORD_KEEP_LEAST)
        return true;
    return verb_is_effect(entry->verb) && rank < RECORD_KEEP_MOST &&
           entry->accepted_ms > now_ms - RECORD_KEEP_MS;
}

/* Marks what stays, youngest first; gives the number. */
static size_t choose(const struct record *record, int64_t now_ms, bool *keep)
{
    size_t kept = 0, rank = 0;
    for (size_t i = record->count; i > 0; i--) {
        const struct record_entry *entry = &record->entries[i - 1];
        keep[i - 1] = is_worth_keeping(entry, rank, now_ms);
        if (keep[i - 1])
            kept++;
        if (keep[i - 1] && is_finished(entry))
            rank++;
    }
    return kept;
}

static size_t write_entry(const struct record_entry *entry, char **texts)
{
    size_t count = 0;
    texts[count++] = record_line_accepted(entry->command, entry->accepted_ms);
    if (entry->report != NULL)
        texts[count++] = record_line_ended(entry->report);
    if (entry->is_sent)
        texts[count++] = record_line_sent(entry->id);
    return count;
}

static bool rewrite(struct record *record, const bool *keep, size_t kept, struct error *err)
{
    FREE_CLEANUP char **texts = memory_zeroed(1 + 3 * kept, sizeof(*texts));
    size_t count = 0;
    texts[count++] = record_line_epoch(record->epoch);
    for (size_t i = 0; i < record->count; i++) {
        if (keep[i])
            count += write_entry(&record->entries[i], texts + count);
    }
    bool is_written = append_log_rewrite(record->log, (const char *const *)texts, count, err);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    return is_written;
}

static void forget(struct record *record, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < record->count; i++) {
        if (keep[i])
            record->entries[kept++] = record->entries[i];
        else
            free_entry(&record->entries[i]);
    }
    record->count = kept;
}

bool record_compact(struct record *record, int64_t now_ms, struct error *err)
{
    /* Twice its last size: entries that all must stay would be rewritten again and again. */
    uint64_t size_bytes = append_log_size_bytes(record->log);
    if (size_bytes <= RECORD_COMPACT_BYTES || size_bytes <= 2 * record->compacted_bytes)
        return true;
    FREE_CLEANUP bool *keep = memory_zeroed(record->count + 1, sizeof(*keep));
    size_t kept = choose(record, now_ms, keep);
    if (!rewrite(record, keep, kept, err))
        return false;
    forget(record, keep);
    record->compacted_bytes = append_log_size_bytes(record->log);
    return true;
}
