/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of URLs that we rely on ourselves: SCHEME://HOST[:PORT][REST] (RFC 3986), read strictly.
 * User information is refused everywhere, because a password in a URL ends up in logs.
 */
#ifndef SHUNT_URL_H
#define SHUNT_URL_H

#include "error.h"

#include <stdbool.h>

struct url {
    char scheme[16];  /* lower case */
    char host[256];   /* without the brackets of IPv6 */
    int port;         /* 0 = not given */
    const char *rest; /* from the first '/', '?' or '#' on, borrowed from the text; may be empty */
};

/* ERROR_INVALID saying what is wrong; the message never holds user information. */
bool url_parse(const char *text, struct url *ret_url, struct error *err);

/* "localhost", 127.0.0.0/8 or ::1. */
bool url_is_loopback(const struct url *url);

/* The length of the text before its query and fragment: what may stand in messages. */
int url_length_without_query(const char *text);

#endif
