/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream connection that we open ourselves: TCP or unix, optionally TLS over it. The
 * descriptor never blocks; every wait has a deadline. No SIGPIPE is raised.
 *
 * fd is -1 while closed. After an error the stream is in an unknown state: close it.
 */
#ifndef SHUNT_STREAM_SOCKET_H
#define SHUNT_STREAM_SOCKET_H

#include "clock.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct stream_socket {
    int fd;
    struct ssl_st *tls; /* NULL = plain */
};

/* Files in PEM; NULL or empty = the system's authorities, no client certificate. */
struct stream_tls_files {
    const char *authorities;
    const char *certificate;
    const char *key;
};

void stream_socket_init(struct stream_socket *stream);

/* Connects with TCP_NODELAY, trying each address of the host within its share of the deadline. The
 * name look-up is bounded by the resolver's own time-outs (resolv.conf), not by the deadline. */
bool stream_socket_connect_tcp(struct stream_socket *stream, const char *host, int port,
                               struct deadline deadline, struct error *err);
/* ERROR_UNAVAILABLE also where the path does not exist: its server may not be up yet. */
bool stream_socket_connect_unix(struct stream_socket *stream, const char *path,
                                struct deadline deadline, struct error *err);

/* TLS 1.2 or later on a connected stream. The peer's chain and the host name (or address) are
 * always verified: ERROR_DENIED otherwise, or where the peer refuses our certificate. */
bool stream_socket_start_tls(struct stream_socket *stream, const char *host,
                             const struct stream_tls_files *files, struct deadline deadline,
                             struct error *err);

/* Some bytes, at least one; 0 = the peer has ended the stream. ERROR_TIMEOUT if nothing comes in
 * time: a deadline that is over takes what is there and never waits. */
bool stream_socket_read(struct stream_socket *stream, void *bytes, size_t size,
                        struct deadline deadline, size_t *ret_size, struct error *err);

/* All bytes, or an error. */
bool stream_socket_write(struct stream_socket *stream, const void *bytes, size_t size,
                         struct deadline deadline, struct error *err);

void stream_socket_close(struct stream_socket *stream); /* also right when closed already */

#endif
