/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets on 127.0.0.1 for the contract tests; a failure to get one ends the program.
 */
#ifndef SHUNT_CONTRACT_LOOPBACK_H
#define SHUNT_CONTRACT_LOOPBACK_H

int loopback_bind(void);   /* a port that is taken and refuses connections */
int loopback_listen(void); /* non-blocking, on a port of the system's choice */
int loopback_port(int fd);
int loopback_connect(int port); /* blocking; receives time out after 5 s */

#endif
