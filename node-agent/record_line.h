/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of the agent's record (record.h) as JSON. Reading is as strict as for messages: the file
 * decides what is done to a node after a restart, so what is not understood is not guessed.
 */
#ifndef SHUNT_RECORD_LINE_H
#define SHUNT_RECORD_LINE_H

#include "message.h"

enum record_line_kind {
    RECORD_LINE_EPOCH,
    RECORD_LINE_ACCEPTED,
    RECORD_LINE_ENDED,
    RECORD_LINE_SENT,
    RECORD_LINE_COUNT
};

struct record_line {
    enum record_line_kind kind;
    char id[LIMIT_ID]; /* of the command; empty for an epoch */
    uint64_t epoch;    /* RECORD_LINE_EPOCH */
    int64_t at_ms;     /* RECORD_LINE_ACCEPTED, as the next: */
    struct command command;
    struct report report; /* RECORD_LINE_ENDED: a final one */
};

/* ERROR_PROTOCOL for a kind or field of a newer version, with a hint. */
bool record_line_read(const char *text, struct record_line *ret_line, struct error *err);

/* Each gives a line that the caller frees; `command` and `report` are texts of message_codec.h. */
char *record_line_epoch(uint64_t epoch);
char *record_line_accepted(const char *command, int64_t at_ms);
char *record_line_ended(const char *report);
char *record_line_sent(const char *id);

#endif
