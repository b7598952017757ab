/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real Apache httpd with its files in a directory of its own, started and ended by a test. It is
 * several processes, which are ended together.
 */
#ifndef SHUNT_CONTRACT_HTTPD_H
#define SHUNT_CONTRACT_HTTPD_H

#include "limit.h"

#include <stdio.h>
#include <sys/types.h>

#define HTTPD "/usr/sbin/apache2"

struct httpd {
    char directory[LIMIT_PATH - 64];
    int port;  /* on 127.0.0.1; kept for the next start */
    pid_t pid; /* 0 = not running */
    /* What stands in the configuration beside the modules of all and where it listens. */
    void (*write_config)(const struct httpd *httpd, FILE *file);
    const void *context; /* for write_config */
};

/* Makes a directory for the files. */
void httpd_init(struct httpd *httpd);
void httpd_done(struct httpd *httpd); /* ends it, and removes the files */

void httpd_start(struct httpd *httpd); /* until it works; nothing where it runs */
void httpd_kill(struct httpd *httpd);  /* as a crash does */
void httpd_end(struct httpd *httpd);   /* with its leave, so that it saves what it persists */
void httpd_restart_gracefully(struct httpd *httpd); /* until the new configuration is in force */

void httpd_write_module(FILE *file, const char *name); /* "proxy" */

#endif
