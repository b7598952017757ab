/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in configuration and replies about sentinels; no I/O. */
#include "redis_sentinel.h"

#include "text.h"
#include "url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PORT_DEFAULT 26379
#define PORT_MOST    65535

bool redis_sentinel_parse(const char *text, struct redis_host *ret_host, struct error *err)
{
    char address[LIMIT_URL];
    struct url url;
    int length = snprintf(address, sizeof(address), "redis://%s", text);
    if (length >= (int)sizeof(address)) {
        error_set(err, ERROR_INVALID, "longer than a host name can be");
        return false;
    }
    if (!url_parse(address, &url, err))
        return false;
    if (url.rest[0] != '\0') {
        error_set(err, ERROR_INVALID, "'%s' is not HOST:PORT", text);
        return false;
    }
    ret_host->port = url.port != 0 ? url.port : PORT_DEFAULT;
    return TEXT_COPY(ret_host->host, url.host);
}

/* A name or address without brackets; it goes into look-ups and messages. */
static bool is_host(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len == 0 || strlen(reply->str) != reply->len)
        return false;
    for (const char *c = reply->str; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_:%", *c))
            return false;
    return true;
}

static bool read_port(const redisReply *reply, int *ret_port)
{
    uint64_t port = 0;
    if (reply->type != REDIS_REPLY_STRING || strlen(reply->str) != reply->len ||
        !text_parse_u64(reply->str, PORT_MOST, &port) || port == 0)
        return false;
    *ret_port = (int)port;
    return true;
}

bool redis_sentinel_read_master(const redisReply *reply, const char *name,
                                struct redis_host *ret_master, struct error *err)
{
    struct redis_host master;
    if (reply->type == REDIS_REPLY_NIL) {
        error_set(err, ERROR_NOT_FOUND, "knows no master named '%s'", name);
        error_hint(err, "`master` must be the name in the sentinels' own configuration "
                        "(sentinel monitor NAME …)");
        return false;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_host(reply->element[0]) ||
        !read_port(reply->element[1], &master.port) ||
        !TEXT_COPY(master.host, reply->element[0]->str)) {
        error_set(err, ERROR_PROTOCOL, "the answer is no host with a port");
        return false;
    }
    *ret_master = master;
    return true;
}

bool redis_sentinel_check_role(const redisReply *reply, struct error *err)
{
    const redisReply *role =
        reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->element[0] : NULL;
    if (!role || role->type != REDIS_REPLY_STRING) {
        error_set(err, ERROR_PROTOCOL, "ROLE: the answer names no role");
        return false;
    }
    if (text_equal(role->str, "master"))
        return true;
    error_set(err, ERROR_UNAVAILABLE, "is a %.16s and not the master", role->str);
    return false;
}
