/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what a HAProxy master tells of its workers, and what an old one tells of its sessions: the
 * answers of `show proc` and `show sess`.
 *
 * Pure: bytes in, figures out; the bytes may be hostile. Source: HAProxy management guide, sections
 * 9.3 and 9.4 (master CLI).
 */
#ifndef SHUNT_HAPROXY_WORKERS_H
#define SHUNT_HAPROXY_WORKERS_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define HAPROXY_OLD_WORKERS 32 /* each reload leaves one, as long as it has a session left */

struct haproxy_workers {
    uint64_t old[HAPROXY_OLD_WORKERS]; /* pids of those that are to end with their sessions */
    size_t count;
};

/* ERROR_PROTOCOL for what is no such list, ERROR_UNAVAILABLE where it has no worker that is not
 * old, or no end; ERROR_INVALID where there are several (nbproc); ERROR_FULL beyond the bound. */
bool haproxy_read_workers(const char *bytes, size_t size, struct haproxy_workers *ret_workers,
                          struct error *err);

#define HAPROXY_SESSIONS 1024 /* cut in one go */

struct haproxy_sessions {
    uint64_t ids[HAPROXY_SESSIONS];
    size_t count;
    bool has_more;
};

/* Those with the server; lines that are not understood are none of them. */
void haproxy_read_sessions(const char *bytes, size_t size, const char *backend, const char *server,
                           struct haproxy_sessions *ret_sessions);

#endif
