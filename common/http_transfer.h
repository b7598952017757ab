/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transfer over libcurl, under http_do() and http_stream(): settings, the head of the answer,
 * and what libcurl's failures mean. Private to http.c and http_stream.c.
 */
#ifndef SHUNT_HTTP_TRANSFER_H
#define SHUNT_HTTP_TRANSFER_H

#include "http.h"

#include <stddef.h>

struct http_head {
    int status;
    char content_type[128];
    char location[LIMIT_URL];
    int64_t retry_after_s;     /* -1 = not given */
    int64_t content_length;    /* -1 = not given */
    int64_t range_begin;       /* header Content-Range; -1 = not given */
    int64_t range_total;       /* the same; -1 = not given or not known */
    size_t bytes;              /* of all header lines so far */
    const char *const *wanted; /* given by the caller: see struct http_request */
    char *values[HTTP_WANTED]; /* owned */
};

struct http_transfer {
    const char *method;
    const char *url;
    const char *const *headers;
    const char *body;
    size_t body_size;
    struct deadline deadline;
    bool is_stream;    /* a stall ends it, instead of the deadline */
    const char *range; /* "N-" or NULL */

    /* Gets the body as it comes; false, with *err set, ends the transfer. */
    bool (*take)(void *context, const char *bytes, size_t size, struct error *err);
    void *context;

    struct http_head head; /* complete before `take` is called */
    struct error failure;  /* why we ended the transfer ourselves; ERROR_NONE otherwise */
};

/* True when a complete answer came. Errors name the method and the URL without its query. */
bool http_transfer_run(struct http_client *client, struct http_transfer *transfer,
                       struct error *err);

/* Reads one header line (without its end) into the head; a status line begins a new head. False
 * where the head is unreasonably large. */
bool http_head_add(struct http_head *head, const char *line, size_t size, struct error *err);
/* Keeps `wanted`, and frees what came before. */
void http_head_init(struct http_head *head);
void http_head_done(struct http_head *head);

#endif
