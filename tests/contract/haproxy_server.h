/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two real HAProxy processes in front of the nodes, the first with a unix stats socket and the
 * second with one on TCP. The frontends have the names of the backends, which HAProxy allows and
 * many a configuration does: bb_http and bb_ssh with the servers n1 to n3, and bb_held/n1, whose
 * weight is 0.
 *
 * All listening sockets are ours and handed down, so that no port can be lost to another program
 * and a process that is started again has the ports it had. What fails here ends the program.
 */
#ifndef SHUNT_CONTRACT_HAPROXY_SERVER_H
#define SHUNT_CONTRACT_HAPROXY_SERVER_H

#include "lb_driver.h"

/* Starts both, once lb.driver is that of the fixture, and fills in their addresses. */
void haproxy_server_start(struct lb_options *options);
void haproxy_server_stop(void);
void haproxy_server_stop_process(size_t process);
void haproxy_server_start_process(size_t process);

int haproxy_server_http_port(size_t process);
int haproxy_server_ssh_port(size_t process);

/* The address of a stats socket on this port, and of one of level `user`. */
void haproxy_server_address(int port, char address[LIMIT_PATH]);
void haproxy_server_user_address(char address[LIMIT_PATH]);

#endif
