/* SPDX-License-Identifier: Apache-2.0 */
#include "append_log.h"

#include "buffer.h"
#include "check.h"
#include "file.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read in one piece when opened. Far above what is written between two rewrites. */
#define LOG_BYTES (64 * 1024 * 1024)

#define SUM_DIGITS 8

struct append_log {
    char *path;
    int fd;
    uint64_t size_bytes;   /* of good records: where the next one goes */
    uint64_t synced_bytes; /* of those, what a power cut leaves for sure */
    bool is_broken;        /* the file may hold more than size_bytes tells: nothing may follow */
};

/* CRC32C (Castagnoli, reflected 0x82F63B78), four bits at a time. */
static uint32_t crc32c(const char *bytes, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    uint32_t sum = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++) {
        sum ^= (unsigned char)bytes[i];
        sum = table[sum & 15] ^ (sum >> 4);
        sum = table[sum & 15] ^ (sum >> 4);
    }
    return ~sum;
}

/* The text of a line of `size` bytes without its LF; NULL if the line is not as it was written. */
static const char *good_text(const char *line, size_t size)
{
    char sum[SUM_DIGITS + 2];
    if (size < SUM_DIGITS + 1 || memchr(line, '\0', size) != NULL)
        return NULL;
    const char *text = line + SUM_DIGITS + 1;
    size_t text_size = size - (SUM_DIGITS + 1);
    (void)snprintf(sum, sizeof(sum), "%08x ", crc32c(text, text_size));
    return memcmp(line, sum, SUM_DIGITS + 1) == 0 ? text : NULL;
}

/* True if a good record stands anywhere in the lines of rest: then a crash is no explanation of
 * what precedes it, for records are written in order. */
static bool has_good_record(const char *rest, size_t size)
{
    const char *end = rest + size;
    const char *newline;
    while ((newline = memchr(rest, '\n', (size_t)(end - rest))) != NULL) {
        if (good_text(rest, (size_t)(newline - rest)) != NULL)
            return true;
        rest = newline + 1;
    }
    return false;
}

struct reading {
    append_log_read_fn read;
    void *context;
    size_t good_bytes; /* up to the end of the last good record */
};

/* Gives all good records to the reader; LFs in `contents` are overwritten on the way. */
static bool read_records(struct reading *reading, struct buffer *contents, struct error *err)
{
    for (uint64_t number = 0;; number++) {
        char *line = contents->data + reading->good_bytes;
        size_t rest = contents->length - reading->good_bytes;
        char *newline = rest == 0 ? NULL : memchr(line, '\n', rest);
        if (newline == NULL)
            return true;
        const char *text = good_text(line, (size_t)(newline - line));
        if (text == NULL && has_good_record(line, rest)) {
            error_set(err, ERROR_INTEGRITY, "record %ju was changed after it was written",
                      (uintmax_t)number);
            return false;
        }
        if (text == NULL)
            return true;
        *newline = '\0';
        if (!reading->read(reading->context, number, text, err)) {
            error_wrap(err, "record %ju", (uintmax_t)number);
            return false;
        }
        reading->good_bytes += (size_t)(newline + 1 - line);
    }
}

/* Makes an empty file where there is none, with its directory entry durable. */
static bool make_if_missing(const char *path, struct error *err)
{
    struct stat status;
    if (stat(path, &status) == 0)
        return true;
    if (errno != ENOENT) {
        error_set_errno(err, errno, "stat '%s'", path);
        return false;
    }
    return file_replace(path, "", 0, 0600, err);
}

static bool cut(const struct append_log *log, struct error *err)
{
    if (ftruncate(log->fd, (off_t)log->size_bytes) == 0 && fdatasync(log->fd) == 0)
        return true;
    error_set_errno(err, errno, "cut '%s' to %ju bytes", log->path, (uintmax_t)log->size_bytes);
    return false;
}

static bool open_file(struct append_log *log, struct error *err)
{
    log->fd = open(log->path, O_RDWR | O_CLOEXEC);
    if (log->fd >= 0)
        return true;
    error_set_errno(err, errno, "open '%s'", log->path);
    return false;
}

static bool read_log(struct append_log *log, struct reading *reading, size_t *ret_torn,
                     struct error *err)
{
    BUFFER_CLEANUP struct buffer contents;
    buffer_init(&contents, LOG_BYTES);
    if (!make_if_missing(log->path, err) || !open_file(log, err) ||
        !file_read(log->path, &contents, err))
        return false;
    if (contents.length > 0 && !read_records(reading, &contents, err)) {
        error_wrap(err, "'%s'", log->path);
        return false;
    }
    log->size_bytes = log->synced_bytes = reading->good_bytes;
    size_t torn = contents.length - reading->good_bytes;
    /* What a killed process had written, and not synced, counts from now on. */
    if (contents.length > 0 && !cut(log, err))
        return false;
    *ret_torn = torn;
    return true;
}

bool append_log_open(const char *path, append_log_read_fn read, void *context,
                     struct append_log **ret_log, size_t *ret_torn, struct error *err)
{
    struct reading reading = {.read = read, .context = context};
    struct append_log *log = memory_zeroed(1, sizeof(*log));
    log->path = memory_text(path);
    log->fd = -1;
    if (!read_log(log, &reading, ret_torn, err)) {
        append_log_close(log);
        return false;
    }
    *ret_log = log;
    return true;
}

static bool write_lines(struct buffer *lines, const char *const *texts, size_t count,
                        struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(texts[i]);
        CHECK(memchr(texts[i], '\n', length) == NULL);
        if (length > APPEND_LOG_RECORD_BYTES) {
            error_set(err, ERROR_INVALID, "a record of %zu bytes; %d is the most", length,
                      APPEND_LOG_RECORD_BYTES);
            return false;
        }
        if (!buffer_format(lines, "%08x %s\n", crc32c(texts[i], length), texts[i])) {
            error_set(err, ERROR_FULL, "larger than %d bytes", LOG_BYTES);
            return false;
        }
    }
    return true;
}

/* False with errno set. */
static bool write_at_end(const struct append_log *log, const struct buffer *lines, bool is_synced)
{
    size_t done = 0;
    while (done < lines->length) {
        ssize_t written = pwrite(log->fd, lines->data + done, lines->length - done,
                                 (off_t)(log->size_bytes + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        done += (size_t)written;
    }
    return !is_synced || fdatasync(log->fd) == 0;
}

static bool add(struct append_log *log, const char *const *texts, size_t count, bool is_synced,
                struct error *err)
{
    BUFFER_CLEANUP struct buffer lines;
    struct error ignored;
    if (log->is_broken) {
        error_set(err, ERROR_SYSTEM, "'%s': an earlier write could not be taken back", log->path);
        return false;
    }
    buffer_init(&lines, LOG_BYTES - (size_t)log->size_bytes);
    if (!write_lines(&lines, texts, count, err)) {
        error_wrap(err, "'%s'", log->path);
        return false;
    }
    if (lines.length == 0)
        return true;
    if (!write_at_end(log, &lines, is_synced)) {
        error_set_errno(err, errno, "append to '%s'", log->path);
        log->is_broken = !cut(log, &ignored);
        return false;
    }
    log->size_bytes += lines.length;
    if (is_synced)
        log->synced_bytes = log->size_bytes;
    return true;
}

bool append_log_add(struct append_log *log, const char *const *texts, size_t count,
                    struct error *err)
{
    return add(log, texts, count, true, err);
}

bool append_log_add_unsynced(struct append_log *log, const char *text, struct error *err)
{
    return add(log, &text, 1, false, err);
}

bool append_log_sync(struct append_log *log, struct error *err)
{
    struct error ignored;
    if (log->synced_bytes == log->size_bytes)
        return true;
    if (fdatasync(log->fd) == 0) {
        log->synced_bytes = log->size_bytes;
        return true;
    }
    error_set_errno(err, errno, "sync '%s'", log->path);
    log->size_bytes = log->synced_bytes;
    log->is_broken = !cut(log, &ignored);
    return false;
}

/* After file_replace() the path is a new file, or still the old one where that failed early; both
 * are whole logs, and what is added next must go to the one that the path names. */
static bool follow_path(struct append_log *log, struct error *err)
{
    struct stat status;
    close(log->fd);
    log->is_broken = true;
    if (!open_file(log, err))
        return false;
    if (fstat(log->fd, &status) != 0) {
        error_set_errno(err, errno, "stat '%s'", log->path);
        return false;
    }
    log->size_bytes = log->synced_bytes = (uint64_t)status.st_size;
    log->is_broken = false;
    return true;
}

bool append_log_rewrite(struct append_log *log, const char *const *texts, size_t count,
                        struct error *err)
{
    BUFFER_CLEANUP struct buffer lines;
    struct error ignored;
    buffer_init(&lines, LOG_BYTES);
    if (!write_lines(&lines, texts, count, err)) {
        error_wrap(err, "'%s'", log->path);
        return false;
    }
    if (file_replace(log->path, buffer_text(&lines), lines.length, 0600, err))
        return follow_path(log, err);
    follow_path(log, &ignored);
    return false;
}

uint64_t append_log_size_bytes(const struct append_log *log)
{
    return log->size_bytes;
}

void append_log_close(struct append_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0)
        close(log->fd);
    free(log->path);
    free(log);
}
