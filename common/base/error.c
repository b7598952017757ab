/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include "check.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool is_transient;
} codes[] = {
    [ERROR_NONE] = {"none", false},
    [ERROR_INVALID] = {"invalid", false},
    [ERROR_NOT_FOUND] = {"not-found", false},
    [ERROR_DENIED] = {"denied", false},
    [ERROR_CONFLICT] = {"conflict", false},
    [ERROR_UNAVAILABLE] = {"unavailable", true},
    [ERROR_TIMEOUT] = {"timeout", true},
    [ERROR_FULL] = {"full", false},
    [ERROR_INTEGRITY] = {"integrity", false},
    [ERROR_PROTOCOL] = {"protocol", false},
    [ERROR_RELEASE] = {"release", false},
    [ERROR_STALE] = {"stale", false},
    [ERROR_BUSY] = {"busy", true},
    [ERROR_CANCELLED] = {"cancelled", false},
    [ERROR_SYSTEM] = {"system", false},
};
_Static_assert(sizeof(codes) / sizeof(codes[0]) == ERROR_CODE_COUNT, "one row a code");

static const struct {
    int errno_value;
    enum error_code code;
    const char *hint; /* NULL: whoever knows what was tried says what to do */
} errno_codes[] = {
    {ENOSPC, ERROR_FULL, "make room on that disk (see df, and df -i), then try again"},
    {EDQUOT, ERROR_FULL, "make room there, or raise the quota, then try again"},
    {ENOENT, ERROR_NOT_FOUND, NULL},
    {EACCES, ERROR_DENIED, NULL},
    {EPERM, ERROR_DENIED, NULL},
    {ECONNREFUSED, ERROR_UNAVAILABLE, NULL},
    {ECONNRESET, ERROR_UNAVAILABLE, NULL},
    {ECONNABORTED, ERROR_UNAVAILABLE, NULL},
    {EPIPE, ERROR_UNAVAILABLE, NULL},
    {ENOTCONN, ERROR_UNAVAILABLE, NULL},
    {EHOSTUNREACH, ERROR_UNAVAILABLE, NULL},
    {EHOSTDOWN, ERROR_UNAVAILABLE, NULL},
    {ENETUNREACH, ERROR_UNAVAILABLE, NULL},
    {ENETDOWN, ERROR_UNAVAILABLE, NULL},
    {ENETRESET, ERROR_UNAVAILABLE, NULL},
    {ETIMEDOUT, ERROR_TIMEOUT, NULL},
};

/* A text that was cut inside a character ends before that character. */
static void drop_partial_character(char *text)
{
    size_t end = strlen(text);
    size_t lead = end;
    while (lead > 0 && end - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead > 0 && (unsigned char)text[lead - 1] >= 0xC0 && text_utf8_size(text + lead - 1) == 0)
        text[lead - 1] = '\0';
}

static void append_formatted(char *array, size_t array_size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static void append_formatted(char *array, size_t array_size, const char *format, va_list arguments)
{
    size_t used = strlen(array);
    int length = vsnprintf(array + used, array_size - used, format, arguments);
    if (length >= 0 && (size_t)length >= array_size - used)
        drop_partial_character(array);
}

static void append(char *array, size_t array_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char *array, size_t array_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    append_formatted(array, array_size, format, arguments);
    va_end(arguments);
}

/* The new message is made aside because the arguments may point into the old one. */
void error_set(struct error *err, enum error_code code, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE] = "";
    va_list arguments;
    CHECK(code > ERROR_NONE && code < ERROR_CODE_COUNT);
    va_start(arguments, format);
    append_formatted(message, sizeof(message), format, arguments);
    va_end(arguments);
    err->code = code;
    memcpy(err->message, message, sizeof(message));
    err->hint[0] = '\0';
}

static void classify_errno(struct error *err, int errno_value)
{
    err->code = ERROR_SYSTEM;
    err->hint[0] = '\0';
    for (size_t i = 0; i < sizeof(errno_codes) / sizeof(errno_codes[0]); i++) {
        if (errno_codes[i].errno_value != errno_value)
            continue;
        err->code = errno_codes[i].code;
        if (errno_codes[i].hint != NULL)
            error_hint(err, "%s", errno_codes[i].hint);
    }
}

void error_set_errno(struct error *err, int errno_value, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE] = "";
    char unknown[64];
    va_list arguments;
    va_start(arguments, format);
    append_formatted(message, sizeof(message), format, arguments);
    va_end(arguments);
    append(message, sizeof(message), ": %s", strerror_r(errno_value, unknown, sizeof(unknown)));
    memcpy(err->message, message, sizeof(message));
    classify_errno(err, errno_value);
}

void error_wrap(struct error *err, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE] = "";
    va_list arguments;
    va_start(arguments, format);
    append_formatted(message, sizeof(message), format, arguments);
    va_end(arguments);
    append(message, sizeof(message), ": %s", err->message);
    memcpy(err->message, message, sizeof(message));
}

void error_hint(struct error *err, const char *format, ...)
{
    char hint[ERROR_HINT_SIZE] = "";
    va_list arguments;
    if (err->hint[0] != '\0')
        return;
    va_start(arguments, format);
    append_formatted(hint, sizeof(hint), format, arguments);
    va_end(arguments);
    memcpy(err->hint, hint, sizeof(hint));
}

void error_clear(struct error *err)
{
    err->code = ERROR_NONE;
    err->message[0] = '\0';
    err->hint[0] = '\0';
}

const char *error_code_name(enum error_code code)
{
    CHECK((unsigned)code < ERROR_CODE_COUNT);
    return codes[code].name;
}

enum error_code error_code_parse(const char *name)
{
    for (unsigned code = 0; code < ERROR_CODE_COUNT; code++) {
        if (text_equal(codes[code].name, name))
            return (enum error_code)code;
    }
    return ERROR_PROTOCOL;
}

bool error_code_is_transient(enum error_code code)
{
    CHECK((unsigned)code < ERROR_CODE_COUNT);
    return codes[code].is_transient;
}
