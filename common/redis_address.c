/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "text.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

#define UNIX_PREFIX  "unix://"
#define PORT_DEFAULT 6379

static bool parse_socket_path(const char *path, struct redis_address *address, struct error *err)
{
    if (path[0] != '/') {
        error_set(err, ERROR_INVALID, "'%s' is no absolute path (unix:///PATH)", path);
        return false;
    }
    if (TEXT_COPY(address->socket_path, path))
        return true;
    error_set(err, ERROR_INVALID, "the path of a socket has at most %zu bytes",
              sizeof(address->socket_path) - 1);
    return false;
}

/* "", "/" or "/NUMBER". */
static bool parse_database(const char *rest, int *ret_database, struct error *err)
{
    uint64_t database = 0;
    const char *number = rest[0] == '/' ? rest + 1 : rest;
    if (*number && (number == rest || !text_parse_u64(number, REDIS_DATABASE_MOST, &database))) {
        error_set(err, ERROR_INVALID, "'%s' is no database number (/0 to /%d)", rest,
                  REDIS_DATABASE_MOST);
        return false;
    }
    *ret_database = (int)database;
    return true;
}

static bool parse_tcp(const char *text, struct redis_address *address, struct error *err)
{
    struct url url;
    if (!url_parse(text, &url, err))
        return false;
    address->is_tls = text_equal(url.scheme, "rediss");
    if (!address->is_tls && !text_equal(url.scheme, "redis")) {
        error_set(err, ERROR_INVALID, "'%s' is not redis, rediss or unix", url.scheme);
        return false;
    }
    address->port = url.port != 0 ? url.port : PORT_DEFAULT;
    return TEXT_COPY(address->host, url.host) && parse_database(url.rest, &address->database, err);
}

bool redis_address_parse(const char *url, struct redis_address *ret_address, struct error *err)
{
    struct redis_address address = {.port = 0};
    bool is_good = text_starts_with(url, UNIX_PREFIX)
                       ? parse_socket_path(url + strlen(UNIX_PREFIX), &address, err)
                       : parse_tcp(url, &address, err);
    if (is_good)
        *ret_address = address;
    else
        error_wrap(err, "Redis address");
    return is_good;
}

void redis_host_write(const struct redis_host *host, char *text, size_t size)
{
    snprintf(text, size, strchr(host->host, ':') ? "[%s]:%d" : "%s:%d", host->host, host->port);
}

bool redis_host_is_same(const struct redis_host *a, const struct redis_host *b)
{
    return a->port == b->port && text_equal(a->host, b->host);
}

void redis_address_write(const struct redis_address *address, char *text, size_t size)
{
    struct redis_host host = {.port = address->port};
    TEXT_COPY(host.host, address->host);
    if (address->sentinels.count > 0)
        snprintf(text, size, "sentinel %s", address->sentinels.master);
    else if (address->host[0] == '\0')
        snprintf(text, size, "unix:%s", address->socket_path);
    else
        redis_host_write(&host, text, size);
}
