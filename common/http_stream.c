/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "http_transfer.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>

#define STATUS_NOT_SATISFIABLE 416 /* RFC 9110, 15.5.17 */

struct download {
    int64_t offset;
    http_begin_fn begin;
    http_sink_fn sink;
    void *context;
    bool has_begun;
    const struct http_head *head;
};

static enum error_code code_of_status(int status)
{
    if (status == 404 || status == 410)
        return ERROR_NOT_FOUND;
    if (status == 401 || status == 403)
        return ERROR_DENIED;
    if (status == 429 || status >= 500)
        return ERROR_UNAVAILABLE;
    return status >= 300 ? ERROR_INVALID : ERROR_PROTOCOL;
}

static bool check_status(const struct download *download, struct error *err)
{
    const struct http_head *head = download->head;
    if (head->status == 200)
        return true;
    if (head->status == 206 && download->offset > 0) {
        if (head->range_begin == download->offset)
            return true;
        error_set(err, ERROR_PROTOCOL, "asked for bytes from %" PRId64 " on, got others",
                  download->offset);
        return false;
    }
    error_set(err, code_of_status(head->status), "answered status %d", head->status);
    if (head->location[0] != '\0')
        error_hint(err, "redirects are not followed: give the address it points to");
    return false;
}

/* Before the first byte of the body, or at the end of an empty one. */
static bool begin_download(struct download *download, struct error *err)
{
    if (download->has_begun)
        return true;
    if (!check_status(download, err))
        return false;
    download->has_begun = true;
    bool is_resumed = download->head->status == 206;
    int64_t total = is_resumed ? download->head->range_total : download->head->content_length;
    if (download->begin(download->context, is_resumed, total))
        return true;
    error_set(err, ERROR_CANCELLED, "ended by the receiver");
    return false;
}

static bool take_part(void *context, const char *bytes, size_t size, struct error *err)
{
    struct download *download = context;
    if (!begin_download(download, err))
        return false;
    if (download->sink(download->context, bytes, size))
        return true;
    error_set(err, ERROR_CANCELLED, "ended by the receiver");
    return false;
}

/* Sets *ret_status also on failure, because a 416 is tried again. */
static bool run_download(struct http_client *client, const char *url, struct download *download,
                         int *ret_status, struct error *err)
{
    char range[32];
    struct http_transfer transfer = {
        .method = "GET",
        .url = url,
        .deadline = deadline_never(),
        .is_stream = true,
        .take = take_part,
        .context = download,
    };
    snprintf(range, sizeof(range), "%" PRId64 "-", download->offset);
    if (download->offset > 0)
        transfer.range = range;
    download->head = &transfer.head;
    bool is_good = http_transfer_run(client, &transfer, err);
    *ret_status = transfer.head.status;
    if (!is_good || begin_download(download, err))
        return is_good;
    error_wrap(err, "GET %.*s", url_length_without_query(url), url);
    return false;
}

bool http_stream(struct http_client *client, const char *url, int64_t offset, http_begin_fn begin,
                 http_sink_fn sink, void *context, struct error *err)
{
    struct download download = {.offset = offset, .begin = begin, .sink = sink, .context = context};
    int status = 0;
    struct error reason;
    if (run_download(client, url, &download, &status, &reason))
        return true;
    if (status == STATUS_NOT_SATISFIABLE && offset > 0) {
        download.offset = 0;
        if (run_download(client, url, &download, &status, &reason))
            return true;
    }
    *err = reason;
    return false;
}
