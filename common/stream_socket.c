/* SPDX-License-Identifier: Apache-2.0 */
#include "stream_socket.h"

#include "check.h"
#include "host_lookup.h"
#include "stream_tls.h"
#include "text.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void stream_socket_init(struct stream_socket *stream)
{
    *stream = (struct stream_socket){.fd = -1};
}

void stream_socket_close(struct stream_socket *stream)
{
    if (stream->tls)
        stream_tls_free(stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    stream_socket_init(stream);
}

static bool wait_for(int fd, short events, struct deadline deadline, struct error *err)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    for (;;) {
        if (deadline_is_over(deadline)) {
            error_set(err, ERROR_TIMEOUT, "no answer in time");
            return false;
        }
        int count = poll(&poll_fd, 1, deadline_poll_ms(deadline));
        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR) {
            error_set_errno(err, errno, "poll");
            return false;
        }
    }
}

/* EAGAIN: the backlog of a unix socket is full (unix(7)), and poll(2) tells no end of that. ENOENT:
 * the server has not made its socket yet. Both may pass. */
static void set_connect_error(int reason, struct error *err)
{
    if (reason == EAGAIN)
        error_set(err, ERROR_UNAVAILABLE, "connect: too many are waiting already");
    else if (reason == ENOENT)
        error_set(err, ERROR_UNAVAILABLE, "connect: no such socket");
    else
        error_set_errno(err, reason, "connect");
}

static bool finish_connect(int fd, struct deadline deadline, struct error *err)
{
    int result = 0;
    socklen_t size = sizeof(result);
    if (!wait_for(fd, POLLOUT, deadline, err))
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0)
        result = errno;
    if (result == 0)
        return true;
    set_connect_error(result, err);
    return false;
}

static bool connect_address(struct stream_socket *stream, const struct sockaddr *address,
                            socklen_t size, struct deadline deadline, struct error *err)
{
    CHECK(stream->fd < 0);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_set_errno(err, errno, "socket");
        return false;
    }
    bool is_connected = connect(fd, address, size) == 0;
    if (!is_connected && errno == EINPROGRESS)
        is_connected = finish_connect(fd, deadline, err);
    else if (!is_connected)
        set_connect_error(errno, err);
    if (is_connected)
        stream->fd = fd;
    else
        close(fd);
    return is_connected;
}

static bool connect_first(struct stream_socket *stream, const struct addrinfo *addresses,
                          struct deadline deadline, struct error *err)
{
    size_t left = 0;
    int on = 1;
    for (const struct addrinfo *address = addresses; address; address = address->ai_next)
        left++;
    for (const struct addrinfo *address = addresses; address; address = address->ai_next, left--)
        if (connect_address(stream, address->ai_addr, address->ai_addrlen,
                            deadline_share(deadline, left), err)) {
            setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            return true;
        }
    return false;
}

bool stream_socket_connect_tcp(struct stream_socket *stream, const char *host, int port,
                               struct deadline deadline, struct error *err)
{
    struct addrinfo *addresses;
    struct error reason;
    if (!host_look_up(host, port, deadline, &addresses, err))
        return false;
    bool is_connected = connect_first(stream, addresses, deadline, &reason);
    freeaddrinfo(addresses);
    if (!is_connected)
        *err = reason;
    return is_connected;
}

bool stream_socket_connect_unix(struct stream_socket *stream, const char *path,
                                struct deadline deadline, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!TEXT_COPY(address.sun_path, path)) {
        error_set(err, ERROR_INVALID, "the path of a socket has at most %zu bytes",
                  sizeof(address.sun_path) - 1);
        return false;
    }
    return connect_address(stream, (const struct sockaddr *)&address, sizeof(address), deadline,
                           err);
}

/* Waits for what a step asked for; false where the step, or the waiting, failed. */
static bool wait_for_progress(const struct stream_socket *stream, enum stream_progress progress,
                              struct deadline deadline, struct error *err)
{
    switch (progress) {
    case STREAM_WANTS_READ:
        return wait_for(stream->fd, POLLIN, deadline, err);
    case STREAM_WANTS_WRITE:
        return wait_for(stream->fd, POLLOUT, deadline, err);
    case STREAM_ENDED:
        error_set(err, ERROR_UNAVAILABLE, "the peer has closed the connection");
        return false;
    case STREAM_FAILED:
    case STREAM_DONE:
        break;
    }
    return false;
}

bool stream_socket_start_tls(struct stream_socket *stream, const char *host,
                             const struct stream_tls_files *files, struct deadline deadline,
                             struct error *err)
{
    CHECK(stream->fd >= 0 && !stream->tls);
    if (!stream_tls_new(stream->fd, host, files, &stream->tls, err))
        return false;
    for (;;) {
        enum stream_progress progress = stream_tls_handshake(stream->tls, err);
        if (progress == STREAM_DONE)
            return true;
        if (!wait_for_progress(stream, progress, deadline, err)) {
            error_wrap(err, "TLS handshake");
            return false;
        }
    }
}

static enum stream_progress progress_of_errno(short events, const char *call, struct error *err)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return events == POLLIN ? STREAM_WANTS_READ : STREAM_WANTS_WRITE;
    error_set_errno(err, errno, "%s", call);
    return STREAM_FAILED;
}

static enum stream_progress read_some(struct stream_socket *stream, void *bytes, size_t size,
                                      size_t *ret_size, struct error *err)
{
    if (stream->tls)
        return stream_tls_read(stream->tls, bytes, size, ret_size, err);
    ssize_t count = TEMP_FAILURE_RETRY(recv(stream->fd, bytes, size, 0));
    if (count < 0)
        return progress_of_errno(POLLIN, "read", err);
    *ret_size = (size_t)count;
    return count == 0 ? STREAM_ENDED : STREAM_DONE;
}

bool stream_socket_read(struct stream_socket *stream, void *bytes, size_t size,
                        struct deadline deadline, size_t *ret_size, struct error *err)
{
    CHECK(stream->fd >= 0 && size > 0);
    for (;;) {
        enum stream_progress progress = read_some(stream, bytes, size, ret_size, err);
        if (progress == STREAM_DONE)
            return true;
        if (progress == STREAM_ENDED) {
            *ret_size = 0;
            return true;
        }
        if (!wait_for_progress(stream, progress, deadline, err))
            return false;
    }
}

static enum stream_progress write_some(struct stream_socket *stream, const void *bytes, size_t size,
                                       size_t *ret_size, struct error *err)
{
    if (stream->tls)
        return stream_tls_write(stream->tls, bytes, size, ret_size, err);
    ssize_t count = TEMP_FAILURE_RETRY(send(stream->fd, bytes, size, MSG_NOSIGNAL));
    if (count < 0)
        return progress_of_errno(POLLOUT, "write", err);
    *ret_size = (size_t)count;
    return STREAM_DONE;
}

bool stream_socket_write(struct stream_socket *stream, const void *bytes, size_t size,
                         struct deadline deadline, struct error *err)
{
    const char *rest = bytes;
    CHECK(stream->fd >= 0);
    while (size > 0) {
        size_t count = 0;
        enum stream_progress progress = write_some(stream, rest, size, &count, err);
        if (progress == STREAM_DONE) {
            rest += count;
            size -= count;
        } else if (!wait_for_progress(stream, progress, deadline, err)) {
            return false;
        }
    }
    return true;
}
