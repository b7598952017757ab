/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that an NGINX's workers, old ones included, have to the servers of a group: whoever
 * else on this host talks to the same node is not counted.
 */
#ifndef SHUNT_NGINX_SESSIONS_H
#define SHUNT_NGINX_SESSIONS_H

#include "nginx_master.h"
#include "nginx_member.h"

/* ret_sessions[i] of members[i]; -1 where it cannot be known: a name that does not resolve in time,
 * or workers whose descriptors or network are not ours to see. */
bool nginx_sessions_count(const struct nginx_member *members, size_t count,
                          const struct nginx_workers *workers, struct deadline deadline,
                          int64_t *ret_sessions, struct error *err);

/* Connections to a unix socket of that path in /proc/net/unix. Pure. */
int64_t nginx_sessions_unix(const char *table, const char *path);

/* HOST:PORT, [IPv6]:PORT or HOST, which means port 80, taken apart; false for anything else. */
bool nginx_sessions_place(const char *address, char host[LB_MEMBER], char port[8]);

#endif
