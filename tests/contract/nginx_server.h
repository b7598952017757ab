/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real NGINX processes for tests: an ordinary process with a directory and ports of its own, whose
 * configuration is written once and then belongs to whoever edits it.
 */
#ifndef SHUNT_CONTRACT_NGINX_SERVER_H
#define SHUNT_CONTRACT_NGINX_SERVER_H

#include "limit.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NGINX_BINARY "/usr/sbin/nginx"

struct nginx_server {
    char directory[LIMIT_PATH]; /* with an empty folder `servers`; gone with the server */
    char config[LIMIT_PATH];    /* DIRECTORY/nginx.conf */
    int http_fd;                /* listen; NGINX inherits them */
    int ssh_fd;
    pid_t pid; /* 0 = it does not run */
};

/* Writes the configuration: `http` and `stream` are what stands in these blocks beside one
 * server{} each that proxies to the upstreams bb_http and bb_ssh. */
void nginx_server_make(struct nginx_server *server, const char *http, const char *stream);
void nginx_server_remove(struct nginx_server *server);

/* Until a process that is started now is younger than a file that was written before, by the
 * coarse clocks of both. */
void nginx_server_let_time_pass(void);

void nginx_server_start(struct nginx_server *server);
int nginx_server_http_port(const struct nginx_server *server);
int nginx_server_ssh_port(const struct nginx_server *server);
/* SIGKILL to the master and all of its workers; nothing where it does not run. */
void nginx_server_kill(struct nginx_server *server);

#endif
