/* SPDX-License-Identifier: Apache-2.0 */
#include "record_line.h"

#include "check.h"
#include "json.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* Commands and reports have bounded fields: 8 KB of text, were each character escaped. */
#define LINE_TEXT_SIZE (16 * 1024)

static char *get_message(const json_t *line, const char *key, struct error *err)
{
    FREE_CLEANUP char *text = memory_zeroed(1, LINE_TEXT_SIZE);
    if (!json_get_text(line, key, text, LINE_TEXT_SIZE, err))
        return NULL;
    return MEMORY_STEAL(text);
}

static bool get_id(const json_t *line, struct record_line *ret_line, struct error *err)
{
    if (!json_get_text(line, "id", ret_line->id, sizeof(ret_line->id), err))
        return false;
    if (message_is_id(ret_line->id))
        return true;
    error_set(err, ERROR_INTEGRITY, "id: not an id");
    return false;
}

static bool read_epoch(const json_t *line, struct record_line *ret_line, struct error *err)
{
    int64_t epoch;
    if (!json_get_integer(line, "epoch", 0, INT64_MAX, &epoch, err))
        return false;
    ret_line->epoch = (uint64_t)epoch;
    return true;
}

static bool read_accepted(const json_t *line, struct record_line *ret_line, struct error *err)
{
    FREE_CLEANUP char *text = get_message(line, "command", err);
    if (text == NULL || !json_get_integer(line, "at_ms", 0, INT64_MAX, &ret_line->at_ms, err) ||
        !command_read(text, strlen(text), &ret_line->command, err))
        return false;
    return TEXT_COPY(ret_line->id, ret_line->command.id);
}

static bool read_ended(const json_t *line, struct record_line *ret_line, struct error *err)
{
    FREE_CLEANUP char *text = get_message(line, "report", err);
    if (text == NULL || !report_read(text, strlen(text), &ret_line->report, err))
        return false;
    if (!report_kind_is_final(ret_line->report.kind)) {
        error_set(err, ERROR_INTEGRITY, "report: not a final one");
        return false;
    }
    return TEXT_COPY(ret_line->id, ret_line->report.command_id);
}

static const struct {
    const char *name;
    const char *keys[4];
    bool (*read)(const json_t *line, struct record_line *ret_line, struct error *err);
} kinds[] = {
    [RECORD_LINE_EPOCH] = {"epoch", {"record", "epoch"}, read_epoch},
    [RECORD_LINE_ACCEPTED] = {"accepted", {"record", "at_ms", "command"}, read_accepted},
    [RECORD_LINE_ENDED] = {"ended", {"record", "report"}, read_ended},
    [RECORD_LINE_SENT] = {"sent", {"record", "id"}, get_id},
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == RECORD_LINE_COUNT, "one row a kind");

static bool read_kind(const json_t *line, enum record_line_kind *ret_kind, struct error *err)
{
    char name[32];
    if (!json_get_text(line, "record", name, sizeof(name), err))
        return false;
    for (unsigned kind = 0; kind < RECORD_LINE_COUNT; kind++) {
        if (text_equal(kinds[kind].name, name)) {
            *ret_kind = (enum record_line_kind)kind;
            return true;
        }
    }
    error_set(err, ERROR_PROTOCOL, "a record of the unknown kind '%s'", name);
    return false;
}

static bool read_line(const json_t *json, struct record_line *ret_line, struct error *err)
{
    memset(ret_line, 0, sizeof(*ret_line));
    return read_kind(json, &ret_line->kind, err) &&
           json_only_keys(json, kinds[ret_line->kind].keys, err) &&
           kinds[ret_line->kind].read(json, ret_line, err);
}

bool record_line_read(const char *text, struct record_line *ret_line, struct error *err)
{
    json_t *json JSON_CLEANUP = NULL;
    if (!json_read_object(text, strlen(text), &json, err))
        return false;
    if (read_line(json, ret_line, err))
        return true;
    if (err->code == ERROR_PROTOCOL)
        error_hint(err, "was it written by a newer shunt-agent? Install that version again, "
                        "or move the file away while no upgrade runs");
    return false;
}

/* Takes the object. */
static char *write_line(json_t *line)
{
    CHECK(line != NULL);
    char *text = json_write(line);
    json_decref(line);
    return text;
}

char *record_line_epoch(uint64_t epoch)
{
    return write_line(json_pack("{s:s, s:I}", "record", "epoch", "epoch", (json_int_t)epoch));
}

char *record_line_accepted(const char *command, int64_t at_ms)
{
    return write_line(json_pack("{s:s, s:I, s:s}", "record", "accepted", "at_ms", (json_int_t)at_ms,
                                "command", command));
}

char *record_line_ended(const char *report)
{
    return write_line(json_pack("{s:s, s:s}", "record", "ended", "report", report));
}

char *record_line_sent(const char *id)
{
    return write_line(json_pack("{s:s, s:s}", "record", "sent", "id", id));
}
