/* SPDX-License-Identifier: Apache-2.0 */
#include "http_transfer.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEAD_BYTES 65536 /* servers send 1 to 2 KB; the largest proxies allow 32 */

void http_head_done(struct http_head *head)
{
    for (size_t i = 0; i < HTTP_WANTED; i++)
        free(head->values[i]);
    memset(head->values, 0, sizeof(head->values));
}

void http_head_init(struct http_head *head)
{
    http_head_done(head);
    *head = (struct http_head){.retry_after_s = -1,
                               .content_length = -1,
                               .range_begin = -1,
                               .range_total = -1,
                               .wanted = head->wanted};
}

static int64_t parse_number(const char *text)
{
    uint64_t number;
    return text_parse_u64(text, INT64_MAX, &number) ? (int64_t)number : -1;
}

static bool read_content_type(struct http_head *head, const char *value)
{
    TEXT_COPY(head->content_type, value);
    return true;
}

static bool read_location(struct http_head *head, const char *value)
{
    return TEXT_COPY(head->location, value);
}

static bool read_content_length(struct http_head *head, const char *value)
{
    head->content_length = parse_number(value);
    return true;
}

/* Seconds or a date (RFC 9110, 10.2.3). */
static bool read_retry_after(struct http_head *head, const char *value)
{
    time_t date;
    head->retry_after_s = parse_number(value);
    if (head->retry_after_s < 0 && (date = curl_getdate(value, NULL)) >= 0) {
        time_t now = time(NULL);
        head->retry_after_s = date > now ? (int64_t)(date - now) : 0;
    }
    return true;
}

/* "bytes 100-199/1000", with "*" for an unknown total (RFC 9110, 14.4). */
static bool read_content_range(struct http_head *head, const char *value)
{
    char begin[32];
    const char *unit = "bytes ";
    const char *dash = strchr(value, '-'), *slash = strchr(value, '/');
    size_t unit_length = strlen(unit);
    if (strncasecmp(value, unit, unit_length) != 0 || !dash || !slash)
        return true;
    size_t length = (size_t)(dash - value) - unit_length;
    if (length >= sizeof(begin))
        return true;
    memcpy(begin, value + unit_length, length);
    begin[length] = '\0';
    head->range_begin = parse_number(begin);
    head->range_total = parse_number(slash + 1);
    return true;
}

static const struct {
    const char *name;
    bool (*read)(struct http_head *head, const char *value); /* false: too long for us */
} header_readers[] = {
    {"Content-Type", read_content_type},     {"Location", read_location},
    {"Content-Length", read_content_length}, {"Retry-After", read_retry_after},
    {"Content-Range", read_content_range},
};

/* The value without the blanks around it; false if it does not fit. */
static bool copy_value(char value[HTTP_VALUE_SIZE], const char *bytes, size_t size)
{
    while (size > 0 && strchr(" \t", bytes[0]))
        bytes++, size--;
    while (size > 0 && strchr(" \t\r\n", bytes[size - 1]))
        size--;
    if (size >= HTTP_VALUE_SIZE || memchr(bytes, '\0', size))
        return false;
    memcpy(value, bytes, size);
    value[size] = '\0';
    return true;
}

static bool is_named(const char *line, size_t name_length, const char *name)
{
    return strlen(name) == name_length && strncasecmp(name, line, name_length) == 0;
}

/* The last one counts where a header is repeated. */
static void keep_value(struct http_head *head, size_t index, const char *value)
{
    CHECK(index < HTTP_WANTED);
    free(head->values[index]);
    head->values[index] = memory_text(value);
}

static bool read_header(struct http_head *head, const char *line, size_t size)
{
    char value[HTTP_VALUE_SIZE];
    const char *colon = memchr(line, ':', size);
    if (!colon)
        return true;
    size_t name_length = (size_t)(colon - line);
    const char *after = colon + 1;
    size_t rest = size - name_length - 1;
    for (size_t i = 0; head->wanted && head->wanted[i]; i++) {
        if (!is_named(line, name_length, head->wanted[i]))
            continue;
        if (!copy_value(value, after, rest))
            return false;
        keep_value(head, i, value);
        return true;
    }
    for (size_t i = 0; i < sizeof(header_readers) / sizeof(header_readers[0]); i++)
        if (is_named(line, name_length, header_readers[i].name))
            return copy_value(value, after, rest) && header_readers[i].read(head, value);
    return true;
}

/* "HTTP/1.1 200 OK"; 0 where there is no number. */
static int parse_status(const char *line, size_t size)
{
    const char *blank = memchr(line, ' ', size);
    int status = 0;
    for (const char *c = blank ? blank + 1 : line + size; c < line + size; c++) {
        if (*c < '0' || *c > '9' || status > 999)
            break;
        status = 10 * status + (*c - '0');
    }
    return status;
}

bool http_head_add(struct http_head *head, const char *line, size_t size, struct error *err)
{
    size_t bytes = head->bytes + size;
    if (bytes > HEAD_BYTES) {
        error_set(err, ERROR_PROTOCOL, "the answer has more than %d bytes of headers", HEAD_BYTES);
        return false;
    }
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        http_head_init(head); /* "100 Continue" and the like come before the answer's own */
        head->status = parse_status(line, size);
    } else if (!read_header(head, line, size)) {
        error_set(err, ERROR_PROTOCOL, "a header of the answer is too long or malformed");
        return false;
    }
    head->bytes = bytes;
    return true;
}
