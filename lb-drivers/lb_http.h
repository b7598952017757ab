/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drivers share that speak to their load balancer over HTTP: one client an LB, opened with the
 * credentials of the configuration at the first call, and which status is which error.
 */
#ifndef SHUNT_LB_HTTP_H
#define SHUNT_LB_HTTP_H

#include "buffer.h"
#include "http.h"
#include "lb_driver.h"

/* lb->state is this, or begins with it where a driver keeps more. */
struct lb_http {
    struct http_client *client; /* NULL: not opened yet */
};

/* For a driver's open() and close(). */
void lb_http_open(struct lb *lb);
void lb_http_close(struct lb *lb);

struct lb_http_request {
    const char *method;
    const char *url;
    const char *const *headers; /* "Name: value", NULL-ended; NULL = none */
    const char *body;           /* NULL = none */
};

/* Any complete answer, whatever its status; the caller ends it with http_answer_done(). */
bool lb_http_do(const struct lb *lb, const struct lb_http_request *request,
                struct deadline deadline, struct http_answer *ret_answer, struct error *err);

/* True for status 200 to 299. Else: 401 and 403 ERROR_DENIED, 404 ERROR_NOT_FOUND, 408, 429 and 5xx
 * ERROR_UNAVAILABLE, anything else, redirects too, ERROR_PROTOCOL. */
bool lb_http_check_status(const struct http_answer *answer, struct error *err);

/* Adds the text with all but letters, digits and "-._~" percent-encoded: a name from the
 * configuration as part of a query or a form. False where the buffer's limit would be passed. */
bool lb_http_add_encoded(struct buffer *buffer, const char *text);

/* The address must be an http or https URL without a query. */
bool lb_http_check_address(const char *address, struct error *err);
bool lb_http_check_addresses(const struct lb_options *options, struct error *err);

#endif
