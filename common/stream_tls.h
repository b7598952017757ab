/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS under stream_socket.c (OpenSSL): steps that never wait and say what they wait for. Private to
 * stream_socket.c.
 */
#ifndef SHUNT_STREAM_TLS_H
#define SHUNT_STREAM_TLS_H

#include "stream_socket.h"

enum stream_progress {
    STREAM_DONE,
    STREAM_WANTS_READ,
    STREAM_WANTS_WRITE,
    STREAM_ENDED,  /* by the peer */
    STREAM_FAILED, /* *err is set */
};

/* The descriptor stays the caller's. */
bool stream_tls_new(int fd, const char *host, const struct stream_tls_files *files,
                    struct ssl_st **ret_tls, struct error *err);
void stream_tls_free(struct ssl_st *tls); /* says goodbye if that needs no waiting */

enum stream_progress stream_tls_handshake(struct ssl_st *tls, struct error *err);
enum stream_progress stream_tls_read(struct ssl_st *tls, void *bytes, size_t size, size_t *ret_size,
                                     struct error *err);
enum stream_progress stream_tls_write(struct ssl_st *tls, const void *bytes, size_t size,
                                      size_t *ret_size, struct error *err);

#endif
