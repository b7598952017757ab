/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is to know of an artifact without fetching it. A presigned URL is good for GET alone,
 * so that is asked, and given up as soon as enough has come.
 */
#include "fetch.h"

#include "gunzip.h"
#include "http.h"

#include <string.h>

/* Two requests, each of which may have to connect and then wait for its answer. */
#define CONNECT_MS 2000
#define STALL_MS   2000
_Static_assert(2 * (CONNECT_MS + STALL_MS) <= FETCH_LOOK_MS, "the bound that the header tells");

struct glance {
    unsigned char bytes[GUNZIP_TAIL];
    size_t size, wanted;
    int64_t total_bytes;
    bool is_part_wanted, is_refused;
};

static bool begin(void *context, bool is_resumed, int64_t total_bytes)
{
    struct glance *glance = context;
    glance->total_bytes = total_bytes;
    glance->is_refused = glance->is_part_wanted && !is_resumed;
    return !glance->is_refused;
}

static bool sink(void *context, const char *bytes, size_t size)
{
    struct glance *glance = context;
    size_t missing = glance->wanted - glance->size;
    size_t taken = size < missing ? size : missing;
    memcpy(glance->bytes + glance->size, bytes, taken);
    glance->size += taken;
    return glance->size < glance->wanted;
}

/* From `offset` on. True too where there is less than wanted. */
static bool glance_at(struct http_client *client, const char *url, int64_t offset,
                      struct glance *glance, struct error *err)
{
    struct error failure;
    glance->is_part_wanted = offset > 0;
    if (http_stream(client, url, offset, begin, sink, glance, &failure) ||
        failure.code == ERROR_CANCELLED)
        return true;
    *err = failure;
    return false;
}

bool fetch_look(const char *url, struct fetch_look *ret_look, struct error *err)
{
    const struct http_options options = {
        .keep_alive = true, .connect_timeout_ms = CONNECT_MS, .stall_timeout_ms = STALL_MS};
    struct glance head = {.wanted = GUNZIP_HEAD, .total_bytes = -1};
    struct glance tail = {.wanted = GUNZIP_TAIL, .total_bytes = -1};
    struct error ignored;
    struct http_client *client = http_client_new(&options);
    bool is_there = glance_at(client, url, 0, &head, err);
    bool has_tail = is_there && head.total_bytes > GUNZIP_TAIL &&
                    glance_at(client, url, head.total_bytes - GUNZIP_TAIL, &tail, &ignored) &&
                    !tail.is_refused && tail.size == GUNZIP_TAIL;
    http_client_free(client);
    if (!is_there)
        return false;
    ret_look->packed_bytes = head.total_bytes;
    ret_look->unpacked_bytes =
        has_tail ? gunzip_size(head.bytes, tail.bytes, head.total_bytes) : -1;
    return true;
}
