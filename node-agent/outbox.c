/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "channel.h"
#include "check.h"
#include "failpoint.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define SEND_MS            2000  /* Redis answers within 1 ms, or is ill */
#define REPORT_STREAM_MOST 10000 /* reports of a cluster: a minute of 32 nodes' progress */

struct outbox {
    const struct agent_config *config;
    const struct key_pair *key;
    struct record *record;
    char stream[CHANNEL_KEY_SIZE];
    struct report *waiting[OUTBOX_MOST]; /* oldest first, owned */
    size_t count;
};

struct outbox *outbox_new(const struct agent_config *config, const struct key_pair *key,
                          struct record *record)
{
    struct outbox *outbox = memory_zeroed(1, sizeof(*outbox));
    outbox->config = config;
    outbox->key = key;
    outbox->record = record;
    channel_key(outbox->stream, config->cluster, "report", NULL);
    return outbox;
}

static void remove_at(struct outbox *outbox, size_t index)
{
    free(outbox->waiting[index]);
    outbox->count--;
    memmove(&outbox->waiting[index], &outbox->waiting[index + 1],
            (outbox->count - index) * sizeof(outbox->waiting[0]));
}

void outbox_free(struct outbox *outbox)
{
    if (outbox == NULL)
        return;
    while (outbox->count > 0)
        remove_at(outbox, 0);
    free(outbox);
}

/* A refusal tells of one attempt and not of the command, which may be running meanwhile. */
void outbox_forget(struct outbox *outbox, const char *command_id)
{
    for (size_t i = outbox->count; i > 0; i--) {
        const struct report *report = outbox->waiting[i - 1];
        if (report->kind != REPORT_REFUSED && text_equal(report->command_id, command_id))
            remove_at(outbox, i - 1);
    }
}

/* The oldest refusal, else the oldest of all: refusals are the only kind that can pile up. */
static void make_room(struct outbox *outbox)
{
    size_t index = 0;
    while (index < outbox->count && outbox->waiting[index]->kind != REPORT_REFUSED)
        index++;
    remove_at(outbox, index < outbox->count ? index : 0);
}

void outbox_put(struct outbox *outbox, const struct report *report)
{
    if (report->kind != REPORT_REFUSED)
        outbox_forget(outbox, report->command_id);
    if (outbox->count == OUTBOX_MOST)
        make_room(outbox);
    struct report *copy = memory_zeroed(1, sizeof(*copy));
    *copy = *report;
    outbox->waiting[outbox->count++] = copy;
}

static bool send_report(struct outbox *outbox, struct redis *redis, const struct report *report,
                        struct error *err)
{
    struct report stamped = *report;
    stamped.epoch = record_epoch(outbox->record);
    FREE_CLEANUP char *body = report_write(&stamped);
    failpoint("report-before-send");
    if (!channel_add(redis, deadline_after_ms(SEND_MS), outbox->stream, REPORT_STREAM_MOST,
                     outbox->key, outbox->config->node, KEY_DOMAIN_REPORT, body, err))
        return false;
    failpoint("report-after-send");
    return true;
}

/* A record that cannot be written costs nothing here but one more sending after a restart. */
static void mark_sent(struct outbox *outbox, const char *id)
{
    struct error err;
    if (!record_mark_sent(outbox->record, id, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "report of %s is sent, but cannot be marked so", id);
}

static bool send_final(struct outbox *outbox, struct redis *redis, const struct record_entry *entry,
                       struct error *err)
{
    struct report report;
    record_entry_report(entry, &report);
    if (!send_report(outbox, redis, &report, err))
        return false;
    mark_sent(outbox, entry->id);
    return true;
}

static bool flush_record(struct outbox *outbox, struct redis *redis, struct error *err)
{
    for (size_t i = 0; record_has_unsent(outbox->record); i++) {
        const struct record_entry *entry = record_at(outbox->record, i);
        if (entry->report != NULL && !entry->is_sent && !send_final(outbox, redis, entry, err))
            return false;
    }
    return true;
}

bool outbox_flush(struct outbox *outbox, struct redis *redis, struct error *err)
{
    while (outbox->count > 0) {
        if (!send_report(outbox, redis, outbox->waiting[0], err))
            return false;
        remove_at(outbox, 0);
    }
    return flush_record(outbox, redis, err);
}
