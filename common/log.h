/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines on standard error, one event a line, for the journal (with "<N>" priorities where
 * JOURNAL_STREAM names our stderr) or a terminal (with the time). Newlines and control characters
 * of outside text are escaped. Thread-safe. Only boundaries log (main loops, workers' ends):
 * libraries return errors.
 */
#ifndef SHUNT_LOG_H
#define SHUNT_LOG_H

#include "error.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* name: of the program, static. Lines above `most` are dropped. */
void log_open(const char *name, enum log_level most);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "context: message (code)", and the hint on a line of its own. */
void log_failure(enum log_level level, const struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
