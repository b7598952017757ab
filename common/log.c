/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "clock.h"
#include "text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 2048 /* one event before escaping: an error, its hint and their context fit */
#define LINE_BYTES 4096 /* PIPE_BUF: what one write(2) puts into a pipe in one piece */

static const struct {
    const char *name;
    int priority; /* syslog(3), which the journal takes over */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},   [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_NOTICE] = {"notice", 5}, [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};
_Static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_LEVEL_DEBUG + 1, "one row a level");

/* Set once by log_open(), before there are threads. */
static const char *program_name = "shunt";
static enum log_level most_level = LOG_LEVEL_INFO;
static bool is_journal;

static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream it connected to stderr; it is
 * inherited by programs whose stderr has been redirected since. */
static bool stderr_is_journal(void)
{
    char here[64];
    struct stat status;
    const char *stream = getenv("JOURNAL_STREAM");
    if (stream == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    return text_equal(stream, here);
}

void log_open(const char *name, enum log_level most)
{
    program_name = name;
    most_level = most;
    is_journal = stderr_is_journal();
}

/* C1 controls (U+0080 to U+009F) steer terminals just as C0 does. */
static bool is_control(const char *character, size_t size)
{
    unsigned char first = (unsigned char)character[0];
    unsigned char second = (unsigned char)character[1];
    return first < ' ' || first == 0x7F || (size == 2 && first == 0xC2 && second < 0xA0);
}

/* Copies text to the end of line, escaped, as far as it fits with the LF to come. */
static void add_escaped(char line[LINE_BYTES], const char *text)
{
    size_t used = strlen(line);
    while (*text != '\0' && used + sizeof("\\x00\\x00\n") < LINE_BYTES) {
        size_t size = text_utf8_size(text);
        if (size > 0 && !is_control(text, size)) {
            memcpy(line + used, text, size);
            used += size;
        } else {
            size = 1;
            used += (size_t)snprintf(line + used, LINE_BYTES - used, "\\x%02X",
                                     (unsigned)(unsigned char)*text);
        }
        text += size;
    }
    line[used] = '\0';
}

static void add_prefix(char line[LINE_BYTES], enum log_level level)
{
    if (is_journal) {
        (void)snprintf(line, LINE_BYTES, "<%d>", levels[level].priority);
        return;
    }
    char second[32] = "";
    struct tm parts;
    int64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    if (gmtime_r(&now, &parts) != NULL)
        (void)strftime(second, sizeof(second), "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(line, LINE_BYTES, "%s.%03dZ %.64s: %s: ", second, (int)(now_ms % 1000),
                   program_name, levels[level].name);
}

/* A log that cannot be written has nobody to be told: the result of write(2) only ends the loop. */
static void write_line(enum log_level level, const char *text)
{
    char line[LINE_BYTES] = "";
    add_prefix(line, level);
    add_escaped(line, text);
    size_t length = strlen(line);
    line[length++] = '\n';
    pthread_mutex_lock(&write_lock);
    for (size_t done = 0; done < length;) {
        ssize_t written = write(STDERR_FILENO, line + done, length - done);
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    pthread_mutex_unlock(&write_lock);
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    if (level > most_level)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_line(level, text);
}

void log_failure(enum log_level level, const struct error *err, const char *format, ...)
{
    char context[TEXT_BYTES];
    va_list arguments;
    if (level > most_level)
        return;
    va_start(arguments, format);
    (void)vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);
    log_line(level, "%.1024s: %s (%s)", context, err->message, error_code_name(err->code));
    if (err->hint[0] != '\0')
        log_line(level, "hint: %s", err->hint);
}
