/* SPDX-License-Identifier: Apache-2.0 */
#include "sock_diag.h"

#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define DIAG_BYTES    (32 * 1024) /* the kernel fills at most this much a datagram */
#define DIAG_ATTEMPTS 5           /* of a dump that a changing table interrupted */
#define ANSWER_MS     2000

bool sock_diag_open(struct sock_diag *diag, struct error *err)
{
    struct timeval patience = {.tv_sec = ANSWER_MS / 1000};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        error_set_errno(err, errno, "open a sock_diag socket");
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    *diag = (struct sock_diag){.fd = fd};
    return true;
}

void sock_diag_close(struct sock_diag *diag)
{
    memory_close_fd(&diag->fd);
    diag->fd = -1;
}

void sock_diag_map_address(int family, const void *bytes,
                           unsigned char ret_address[SOCK_DIAG_ADDRESS])
{
    static const unsigned char prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    if (family == AF_INET6) {
        memcpy(ret_address, bytes, SOCK_DIAG_ADDRESS);
        return;
    }
    memcpy(ret_address, prefix, sizeof(prefix));
    memcpy(ret_address + sizeof(prefix), bytes, 4);
}

bool sock_diag_read_address(const char *text, unsigned char ret_address[SOCK_DIAG_ADDRESS])
{
    unsigned char bytes[SOCK_DIAG_ADDRESS];
    int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bytes) != 1)
        return false;
    sock_diag_map_address(family, bytes, ret_address);
    return true;
}

/* One dump, and what it has given so far. */
struct dump {
    struct sock_diag *diag;
    const struct sock_diag_query *query;
    sock_diag_filter filter;
    void *context;
    int64_t count;
    bool is_complete;
    bool is_interrupted;
};

static bool send_query(const struct dump *dump, int family, struct error *err)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } query = {
        .header = {.nlmsg_len = sizeof(query),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = ++dump->diag->sequence},
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = dump->query->states,
                    .id.idiag_dport = htons(dump->query->remote_port)},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(dump->diag->fd, &query, sizeof(query), 0, (struct sockaddr *)&kernel,
               sizeof(kernel)) >= 0)
        return true;
    error_set_errno(err, errno, "ask the kernel for its connections");
    return false;
}

static bool is_wanted(const struct dump *dump, const struct inet_diag_msg *message)
{
    struct sock_diag_connection connection = {
        .local_port = ntohs(message->id.idiag_sport),
        .remote_port = ntohs(message->id.idiag_dport),
        .inode = message->idiag_inode,
    };
    if (message->idiag_state >= 32 || (dump->query->states & (1U << message->idiag_state)) == 0)
        return false;
    sock_diag_map_address(message->idiag_family, message->id.idiag_src, connection.local);
    sock_diag_map_address(message->idiag_family, message->id.idiag_dst, connection.remote);
    return dump->filter(&connection, dump->context);
}

static bool take_message(struct dump *dump, struct nlmsghdr *header, struct error *err)
{
    if (header->nlmsg_seq != dump->diag->sequence)
        return true; /* of an earlier dump that was given up */
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
        dump->is_interrupted = true;
    if (header->nlmsg_type == NLMSG_DONE) {
        dump->is_complete = true;
    } else if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *failure = NLMSG_DATA(header);
        error_set_errno(err, -failure->error, "the kernel's list of connections");
        return false;
    } else if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
               header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
        dump->count += is_wanted(dump, NLMSG_DATA(header));
    }
    return true;
}

/* Not NLMSG_NEXT(), whose arithmetic is signed and its macros' other half is not. */
static bool take_datagram(struct dump *dump, char *bytes, size_t size, struct error *err)
{
    size_t at = 0;
    while (at + sizeof(struct nlmsghdr) <= size) {
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)(bytes + at);
        if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > size - at)
            break;
        if (!take_message(dump, header, err))
            return false;
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    return true;
}

static bool receive_dump(struct dump *dump, struct error *err)
{
    _Alignas(struct nlmsghdr) char bytes[DIAG_BYTES];
    while (!dump->is_complete) {
        ssize_t size = recv(dump->diag->fd, bytes, sizeof(bytes), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            error_set_errno(err, size == 0 || errno == EAGAIN ? ETIMEDOUT : errno,
                            "receive the kernel's list of connections");
            return false;
        }
        if (!take_datagram(dump, bytes, (size_t)size, err))
            return false;
    }
    return true;
}

static bool count_family(const struct dump *wanted, int family, int64_t *ret_count,
                         struct error *err)
{
    for (int attempt = 0; attempt < DIAG_ATTEMPTS; attempt++) {
        struct dump dump = *wanted;
        if (!send_query(&dump, family, err) || !receive_dump(&dump, err))
            return false;
        if (!dump.is_interrupted) {
            *ret_count = dump.count;
            return true;
        }
    }
    error_set(err, ERROR_UNAVAILABLE, "the kernel's list of connections changed %d times",
              DIAG_ATTEMPTS);
    return false;
}

bool sock_diag_count(struct sock_diag *diag, const struct sock_diag_query *query,
                     sock_diag_filter filter, void *context, int64_t *ret_count, struct error *err)
{
    struct dump dump = {.diag = diag, .query = query, .filter = filter, .context = context};
    int64_t v4 = 0;
    int64_t v6 = 0;
    /* v4-mapped connections, as a dual-stack listener has them, are listed with IPv6. */
    if ((query->family != AF_INET6 && !count_family(&dump, AF_INET, &v4, err)) ||
        (query->family != AF_INET && !count_family(&dump, AF_INET6, &v6, err)))
        return false;
    *ret_count = v4 + v6;
    return true;
}
