/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NGINX's processes say of themselves in their titles. Pure.
 */
#ifndef SHUNT_NGINX_TITLE_H
#define SHUNT_NGINX_TITLE_H

#include "error.h"

enum nginx_title {
    NGINX_TITLE_NONE, /* another program, a cache process, or gone */
    NGINX_TITLE_MASTER,
    NGINX_TITLE_WORKER,
    NGINX_TITLE_LEAVING, /* a worker that takes nothing new */
};

enum nginx_title nginx_title_read(const char *title);

/* A master's title ends with its command line. False if that names another absolute path behind
 * -c; where it names none, the built-in path cannot be told from here. */
bool nginx_title_may_run(const char *title, const char *config_path);

/* What `nginx -t` printed: its first complaint as an error. */
void nginx_test_failed(const char *output, struct error *err);

#endif
