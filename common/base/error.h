/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error, as it travels from the place that met it to the boundary that logs it.
 *
 * A function that can fail returns bool and takes `struct error *err` last; err is set if and only
 * if false is returned. The code decides policy (retry? whose fault?); the message is for people
 * and nobody parses it. No allocation: an error can be made when memory is short.
 */
#ifndef SHUNT_ERROR_H
#define SHUNT_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum error_code {
    ERROR_NONE = 0,
    ERROR_INVALID,     /* what was asked or configured breaks a rule: never tried again */
    ERROR_NOT_FOUND,   /* the named thing does not exist where it was looked for */
    ERROR_DENIED,      /* credentials, signature or role do not suffice */
    ERROR_CONFLICT,    /* somebody else's change or run stands in the way */
    ERROR_BUSY,        /* an earlier job is still at work, and ends within its own deadline */
    ERROR_UNAVAILABLE, /* refused, reset or 5xx: may pass, try again within bounds */
    ERROR_TIMEOUT,     /* no answer, or no proof, before the deadline */
    ERROR_FULL,        /* no space, inodes or quota left */
    ERROR_INTEGRITY,   /* hash, signature or layout is not what was promised */
    ERROR_PROTOCOL,    /* an answer came that cannot be understood */
    ERROR_RELEASE,     /* the release itself failed: ERROR state, crash, refused to start */
    ERROR_STALE,       /* an epoch, lease or command that has been overtaken */
    ERROR_CANCELLED,   /* given up because the caller asked for it */
    ERROR_SYSTEM,      /* the operating system refused; the message names the call */
    ERROR_CODE_COUNT
};

#define ERROR_MESSAGE_SIZE 512
#define ERROR_HINT_SIZE    256

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_SIZE]; /* outermost context first: "node bb2: switch: rename …" */
    char hint[ERROR_HINT_SIZE];       /* what the operator can do, or empty */
};

/* Sets *err; a text that does not fit is cut at a UTF-8 boundary. */
void error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like error_set(), with ": " and the text of errno_value appended; ENOSPC, EDQUOT give ERROR_FULL
 * and a hint, ENOENT gives ERROR_NOT_FOUND, EACCES and EPERM give ERROR_DENIED, ECONNREFUSED and
 * its like give ERROR_UNAVAILABLE, ETIMEDOUT gives ERROR_TIMEOUT, all others ERROR_SYSTEM. */
void error_set_errno(struct error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message; keeps code and hint. */
void error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what the operator can do; the innermost hint stays if there is one already. */
void error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

/* The code's stable lower-case name ("not-found"), as it stands in reports, JSON and logs. */
const char *error_code_name(enum error_code code);

/* The code of a name; ERROR_PROTOCOL for a name of a newer version. */
enum error_code error_code_parse(const char *name);

/* True where the same attempt may succeed a moment later. */
bool error_code_is_transient(enum error_code code);

#endif
