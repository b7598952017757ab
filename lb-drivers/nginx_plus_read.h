/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what the REST API of NGINX Plus answers. Pure: bytes in, figures out; the bytes may be
 * hostile. Source: nginx.org, ngx_http_api_module and its description of version 9.
 */
#ifndef SHUNT_NGINX_PLUS_READ_H
#define SHUNT_NGINX_PLUS_READ_H

#include "lb_driver.h"

#define NGINX_PLUS_OLDEST 3 /* version 2 brought `drain`; nobody still has it */
#define NGINX_PLUS_NEWEST 9

/* One server of a group, from the group's state. */
struct nginx_plus_peer {
    int64_t id; /* its number in the group until the next reload */
    enum lb_admin admin;
    enum lb_health health;
    bool is_checked;
    int64_t active; /* connections */
    int64_t weight;
    uint32_t peers_up; /* other servers in state up that are not mere backups */
};

/* It is the state of a group, whatever its servers are. */
bool nginx_plus_check_group(const char *bytes, size_t size, struct error *err);

/* ERROR_NOT_FOUND: no server of that address; ERROR_INVALID: more than one; ERROR_PROTOCOL. */
bool nginx_plus_read_group(const char *bytes, size_t size, const char *address,
                           struct nginx_plus_peer *ret_peer, struct error *err);

/* What one server is told by its configuration, from the server's own object: the state of one that
 * is unhealthy may hide that it drains. ERROR_UNAVAILABLE: the number is another server's by now.
 */
bool nginx_plus_read_server(const char *bytes, size_t size, const char *address,
                            enum lb_admin *ret_admin, struct error *err);

/* The newest version of the list that is known here; ERROR_INVALID where there is none. */
bool nginx_plus_read_versions(const char *bytes, size_t size, int *ret_version, struct error *err);

/* The words of a refusal; false for what is none. Text fit for a message. */
struct nginx_plus_refusal {
    char code[64];
    char text[160];
};
bool nginx_plus_read_refusal(const char *bytes, size_t size,
                             struct nginx_plus_refusal *ret_refusal);

#endif
