/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where processes listen, as the kernel shows it.
 */
#ifndef SHUNT_LISTENING_PORTS_H
#define SHUNT_LISTENING_PORTS_H

#include "process.h"

#define LISTENING_PORTS 32 /* Bitbucket has four or five */

struct listening_ports {
    int items[LISTENING_PORTS]; /* lowest first */
    size_t count;               /* further ones are left out */
};

/* TCP ports on which one of the processes listens; none where their files cannot be seen. */
bool listening_ports_read(const struct process_list *processes, struct listening_ports *ret_ports,
                          struct error *err);

#endif
