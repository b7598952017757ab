/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of a host, looked up within a deadline. getaddrinfo(3) knows none: where no name
 * server answers it takes half a minute, in which a leader would lose its lease.
 */
#ifndef SHUNT_HOST_LOOKUP_H
#define SHUNT_HOST_LOOKUP_H

#include "clock.h"
#include "error.h"

#include <netdb.h>

/* Of TCP services, in the order in which they are to be tried; the caller frees them with
 * freeaddrinfo(3). A literal address takes no time. ERROR_UNAVAILABLE, or ERROR_TIMEOUT: the lookup
 * then goes on by itself and is forgotten; so many of them can be under way, and no more. Any
 * thread, and after a fork() its child. */
bool host_look_up(const char *host, int port, struct deadline deadline,
                  struct addrinfo **ret_addresses, struct error *err);

#endif
