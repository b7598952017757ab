/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request (libcurl): deadline, size limit, TLS verified always, no redirects unless asked,
 * credentials never in argv or logs. Blocking; a client keeps one connection alive and belongs to
 * one thread at a time.
 */
#ifndef SHUNT_HTTP_H
#define SHUNT_HTTP_H

#include "buffer.h"
#include "clock.h"
#include "error.h"
#include "limit.h"

#include <stdint.h>

struct http_client;

/* Plain parameters; texts are copied. */
struct http_options {
    const char *ca_file; /* NULL = the system's */
    const char *user;    /* Basic, together with password */
    const char *password;
    const char *bearer_token;
    bool keep_alive;            /* false: "Connection: close", so that a drained node sees it end */
    bool no_proxy;              /* whatever the environment says */
    int64_t connect_timeout_ms; /* 0 = 5,000 */
    int64_t stall_timeout_ms;   /* http_stream(): in whole seconds; 0 = 30,000 */
    int64_t most_bytes_per_s;   /* http_stream(): on average; 0 = as fast as it comes */
};

bool http_init(struct error *err); /* once, before threads; SIGPIPE is ignored from then on */
struct http_client *http_client_new(const struct http_options *options);
void http_client_free(struct http_client *client);

#define HTTP_WANTED     4    /* headers of an answer that a request can ask to be kept */
#define HTTP_VALUE_SIZE 4097 /* of one of them, incl. NUL: cloud services send URLs of 4 KB */

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-ended; NULL = none; ERROR_INVALID with
                                   control characters */
    const char *body;           /* NULL = none (a POST sends Content-Length: 0) */
    size_t body_size;
    const char *const *wanted; /* names of headers whose values the answer is to have, NULL-ended;
                                  NULL = none */
    size_t most_bytes;         /* of the answer's body: beyond it ERROR_PROTOCOL */
    struct deadline deadline;
};

struct http_answer {
    int status;
    char content_type[128];
    char location[LIMIT_URL];  /* header Location, or empty; empty too where it is wanted */
    int64_t retry_after_s;     /* -1 = not given */
    char *values[HTTP_WANTED]; /* in the order of `wanted`; NULL = not given */
    struct buffer body;
};

/* True when a complete answer came, whatever its status; redirects are not followed. Proxies are
 * those of the environment (http_proxy …), but never for a loopback address. Refused, reset, half
 * an answer → ERROR_UNAVAILABLE; no answer in time → ERROR_TIMEOUT; certificate → ERROR_DENIED; the
 * URL is named in each, without its query. */
bool http_do(struct http_client *client, const struct http_request *request,
             struct http_answer *ret_answer, struct error *err);
void http_answer_done(struct http_answer *answer);

/* Streams a GET from byte `offset` on. `begin` is called once, before any of the body: is_resumed
 * tells whether the server honours the offset (206); if not, the body begins at 0. total_bytes:
 * full size or -1. `sink` gets the body as it comes. False from either ends it with
 * ERROR_CANCELLED. Where nothing follows the offset (416) the whole is asked for again. Fails on
 * any other status than 200 and 206: 404 and 410 ERROR_NOT_FOUND, 401 and 403 ERROR_DENIED, other
 * 4xx and redirects ERROR_INVALID, 429 and 5xx ERROR_UNAVAILABLE. A stall is ERROR_TIMEOUT. */
typedef bool (*http_sink_fn)(void *context, const char *bytes, size_t size);
typedef bool (*http_begin_fn)(void *context, bool is_resumed, int64_t total_bytes);
bool http_stream(struct http_client *client, const char *url, int64_t offset, http_begin_fn begin,
                 http_sink_fn sink, void *context, struct error *err);

#endif
