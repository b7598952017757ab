/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define PORT_MOST 65535

static bool copy_part(char *array, size_t array_size, const char *text, size_t length)
{
    if (length == 0 || length >= array_size)
        return false;
    memcpy(array, text, length);
    array[length] = '\0';
    return true;
}

/* Spaces, control characters, backslashes and non-ASCII bytes are read differently by different
 * programs (RFC 3986 has none of them). */
static bool has_foreign_character(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr("\\\"<>^`{|}", *c))
            return true;
    return false;
}

static bool parse_scheme(const char *text, struct url *url, const char **ret_after)
{
    const char *end = strstr(text, "://");
    if (!end || !copy_part(url->scheme, sizeof(url->scheme), text, (size_t)(end - text)))
        return false;
    for (char *c = url->scheme; *c; c++) {
        if (!isalnum((unsigned char)*c))
            return false;
        *c = (char)tolower((unsigned char)*c);
    }
    *ret_after = end + strlen("://");
    return true;
}

/* Sets the host and where its port, if any, begins. */
static bool parse_host(const char *authority, size_t length, struct url *url,
                       const char **ret_after)
{
    bool is_ipv6 = length > 0 && authority[0] == '[';
    const char *allowed = is_ipv6 ? "0123456789abcdefABCDEF:." : "._-";
    const char *host = is_ipv6 ? authority + 1 : authority;
    const char *end = memchr(authority, is_ipv6 ? ']' : ':', length);
    if (!end && is_ipv6)
        return false;
    if (!end)
        end = authority + length;
    if (!copy_part(url->host, sizeof(url->host), host, (size_t)(end - host)))
        return false;
    for (const char *c = url->host; *c; c++)
        if (!strchr(allowed, *c) && (is_ipv6 || !isalnum((unsigned char)*c)))
            return false;
    *ret_after = is_ipv6 ? end + 1 : end;
    return true;
}

static bool parse_port(const char *text, size_t length, int *ret_port)
{
    char digits[8];
    uint64_t port;
    if (length == 0) {
        *ret_port = 0;
        return true;
    }
    if (text[0] != ':' || !copy_part(digits, sizeof(digits), text + 1, length - 1) ||
        !text_parse_u64(digits, PORT_MOST, &port) || port == 0)
        return false;
    *ret_port = (int)port;
    return true;
}

static bool parse_authority(const char *authority, struct url *url, struct error *err)
{
    size_t length = strcspn(authority, "/?#");
    const char *port;
    if (memchr(authority, '@', length)) {
        error_set(err, ERROR_INVALID, "user name or password in a URL");
        error_hint(err, "credentials belong in a file of their own");
        return false;
    }
    if (!parse_host(authority, length, url, &port)) {
        error_set(err, ERROR_INVALID, "'%.*s' is no host name or address", (int)length, authority);
        return false;
    }
    if (!parse_port(port, length - (size_t)(port - authority), &url->port)) {
        error_set(err, ERROR_INVALID, "'%.*s' has no good port (1 to 65535)", (int)length,
                  authority);
        return false;
    }
    url->rest = authority + length;
    return true;
}

bool url_parse(const char *text, struct url *ret_url, struct error *err)
{
    struct url url = {.port = 0};
    const char *authority;
    if (has_foreign_character(text)) {
        error_set(err, ERROR_INVALID, "a character that URLs cannot have");
        return false;
    }
    if (!parse_scheme(text, &url, &authority)) {
        error_set(err, ERROR_INVALID, "not of the form SCHEME://HOST");
        return false;
    }
    if (!parse_authority(authority, &url, err))
        return false;
    *ret_url = url;
    return true;
}

bool url_is_loopback(const struct url *url)
{
    struct in_addr address;
    if (inet_pton(AF_INET, url->host, &address) == 1)
        return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
    return strcasecmp(url->host, "localhost") == 0 || text_equal(url->host, "::1");
}

int url_length_without_query(const char *text)
{
    return (int)strcspn(text, "?#");
}
