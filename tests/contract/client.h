/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A browser or a git client in front of the load balancer under test, as small as can be.
 */
#ifndef SHUNT_CONTRACT_CLIENT_H
#define SHUNT_CONTRACT_CLIENT_H

#include <stdbool.h>

struct client_answer {
    int status;       /* 0 = the connection ended without an answer */
    char node[32];    /* body: the node's name */
    char cookie[128]; /* "NAME=value" of Set-Cookie, or empty */
};

/* Sends GET path (with the cookie, if not NULL) and leaves the answer for client_finish(). */
int client_begin(int port, const char *path, const char *cookie);
/* Reads the answer and closes. */
struct client_answer client_finish(int fd);

struct client_answer client_get(int port, const char *path, const char *cookie);

/* Opens an SSH session and reads the greeting; the node's name, empty if there was none. */
int client_open_ssh(int port, char node[32]);
/* Waits until the other side has ended the session. */
bool client_sees_end(int fd);

#endif
