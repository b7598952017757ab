/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the REST API of one NGINX Plus, and which refusal is which error.
 *
 * The version is found once for each `struct nginx_plus_api`: the newest that is known here, unless
 * the server says that it is unknown there.
 */
#ifndef SHUNT_NGINX_PLUS_API_H
#define SHUNT_NGINX_PLUS_API_H

#include "lb_http.h"
#include "nginx_plus_read.h"

struct nginx_plus_api {
    const struct lb *lb;
    const char *address; /* the base of all paths, borrowed */
    struct deadline deadline;
    int version;
};

void nginx_plus_api_init(struct nginx_plus_api *api, const struct lb *lb, size_t address,
                         struct deadline deadline);

/* The answer to GET BASE/VERSION/PATH or, with a body, to PATCH; the caller ends it with
 * http_answer_done(). ERROR_NOT_FOUND: no such group or server. */
bool nginx_plus_ask(struct nginx_plus_api *api, const char *path, const char *patch,
                    struct http_answer *ret_answer, struct error *err);

#endif
