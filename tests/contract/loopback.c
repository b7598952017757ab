/* SPDX-License-Identifier: Apache-2.0 */
#include "loopback.h"

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#define RECEIVE_SECONDS 5 /* a test that hangs longer has failed */

static struct sockaddr_in loopback_address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int loopback_bind(void)
{
    struct sockaddr_in address = loopback_address(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    CHECK(fd >= 0);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

int loopback_listen(void)
{
    int fd = loopback_bind();
    CHECK(listen(fd, SOMAXCONN) == 0);
    return fd;
}

int loopback_port(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.sin_port);
}

int loopback_connect(int port)
{
    struct sockaddr_in address = loopback_address(port);
    struct timeval timeout = {.tv_sec = RECEIVE_SECONDS};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
    CHECK(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}
