/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and reports as JSON. A reader accepts exactly the known fields with the right types and
 * lengths; anything else is ERROR_PROTOCOL that names the field. Writers give the exact bytes that
 * are signed and sent.
 */
#ifndef SHUNT_MESSAGE_CODEC_H
#define SHUNT_MESSAGE_CODEC_H

#include "message.h"

#include <stddef.h>

/* The caller frees the text. */
char *command_write(const struct command *command);
char *report_write(const struct report *report);

/* command_read() also does command_validate(). */
bool command_read(const char *bytes, size_t size, struct command *ret_command, struct error *err);
bool report_read(const char *bytes, size_t size, struct report *ret_report, struct error *err);

#endif
