/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to three real HAProxy processes in front of the nodes: the first with a unix stats socket, the
 * second with one on TCP, the third behind a master, which can be reloaded. The frontends have the
 * names of the backends, which HAProxy allows and many a configuration does: bb_http and bb_ssh
 * with the servers n1 to n3, and bb_held/n1, whose weight is 0; bb_static and bb_agent are for
 * cases_haproxy.c.
 *
 * All listening sockets are ours and handed down, so that no port can be lost to another program
 * and a process that is started again has the ports it had. What fails here ends the program.
 */
#ifndef SHUNT_CONTRACT_HAPROXY_SERVER_H
#define SHUNT_CONTRACT_HAPROXY_SERVER_H

#include "lb_driver.h"

#define HAPROXY_PROCESSES 3
#define HAPROXY_MASTER    2 /* a master and its workers */

/* Starts so many, once lb.driver is that of the fixture, and fills in their addresses. */
void haproxy_server_start(struct lb_options *options, size_t count);
void haproxy_server_stop(void);
void haproxy_server_stop_process(size_t process);
void haproxy_server_start_process(size_t process);

/* Asks the master for it; the new worker comes a moment later. */
void haproxy_server_reload(void);
/* What the master's workers load; there is none before a driver has written it. */
const char *haproxy_server_state_file(void);

int haproxy_server_http_port(size_t process);
int haproxy_server_ssh_port(size_t process);

/* The address of a stats socket on this port, and of one of level `user`. */
void haproxy_server_address(int port, char address[LIMIT_PATH]);
void haproxy_server_user_address(char address[LIMIT_PATH]);

#endif
