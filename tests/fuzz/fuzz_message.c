/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command and as a report: what is read must come out of its own writing again. */
#include "check.h"
#include "message_codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_command(const char *bytes, size_t size)
{
    struct command command, again;
    struct error err = {0};
    if (!command_read(bytes, size, &command, &err)) {
        CHECK(err.code != ERROR_NONE && err.message[0] != '\0');
        return;
    }
    char *text = command_write(&command);
    CHECK(command_read(text, strlen(text), &again, &err));
    char *second = command_write(&again);
    CHECK(strcmp(text, second) == 0);
    free(text);
    free(second);
}

static void read_report(const char *bytes, size_t size)
{
    struct report report, again;
    struct error err = {0};
    if (!report_read(bytes, size, &report, &err)) {
        CHECK(err.code != ERROR_NONE && err.message[0] != '\0');
        return;
    }
    char *text = report_write(&report);
    CHECK(report_read(text, strlen(text), &again, &err));
    char *second = report_write(&again);
    CHECK(strcmp(text, second) == 0);
    free(text);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_command((const char *)data, size);
    read_report((const char *)data, size);
    return 0;
}
