/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include "memory.h"
#include "progress.h"
#include "verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT_INTERVAL_MS 3           /* a local call of 0.1 ms */
#define DIAG_BYTES        (32 * 1024) /* the kernel fills at most this much a datagram */
#define DIAG_ATTEMPTS     5           /* of a dump that a changing table interrupted */
#define ANSWER_MS         2000

bool connection_counter_open(struct connection_counter *counter,
                             const struct bitbucket_config *config, struct error *err)
{
    struct timeval patience = {.tv_sec = ANSWER_MS / 1000};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        error_set_errno(err, errno, "open a sock_diag socket");
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    *counter = (struct connection_counter){.fd = fd, .config = config};
    return true;
}

void connection_counter_close(struct connection_counter *counter)
{
    memory_close_fd(&counter->fd);
    counter->fd = -1;
}

static bool send_query(struct connection_counter *counter, int family, struct error *err)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } query = {
        .header = {.nlmsg_len = sizeof(query),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                   .nlmsg_seq = ++counter->sequence},
        .request = {.sdiag_family = (uint8_t)family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1U << TCP_ESTABLISHED},
    };
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (sendto(counter->fd, &query, sizeof(query), 0, (struct sockaddr *)&kernel, sizeof(kernel)) >=
        0)
        return true;
    error_set_errno(err, errno, "ask the kernel for its connections");
    return false;
}

/* The address as 16 bytes, IPv4 in its v4-mapped form, so that both spellings compare equal. */
static void map_address(int family, const void *bytes, unsigned char ret_address[16])
{
    static const unsigned char prefix[12] = {[10] = 0xFF, [11] = 0xFF};
    if (family == AF_INET6) {
        memcpy(ret_address, bytes, 16);
        return;
    }
    memcpy(ret_address, prefix, sizeof(prefix));
    memcpy(ret_address + sizeof(prefix), bytes, 4);
}

static bool address_matches(const struct inet_diag_msg *message, const char *wanted_text)
{
    unsigned char local[16];
    unsigned char wanted[16];
    unsigned char bytes[16];
    if (wanted_text[0] == '\0')
        return true;
    int family = strchr(wanted_text, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, wanted_text, bytes) != 1)
        return false;
    map_address(family, bytes, wanted);
    map_address(message->idiag_family, message->id.idiag_src, local);
    return memcmp(local, wanted, sizeof(local)) == 0;
}

static bool is_ours(const struct inet_diag_msg *message, const struct bitbucket_config *config)
{
    int port = ntohs(message->id.idiag_sport);
    if (port == 0 || (port != config->http_port && port != config->ssh_port))
        return false;
    return message->idiag_state == TCP_ESTABLISHED && address_matches(message, config->address);
}

/* What one dump has given so far. */
struct dump {
    int64_t count;
    bool is_complete;
    bool is_interrupted;
};

static bool take_message(const struct connection_counter *counter, struct nlmsghdr *header,
                         struct dump *dump, struct error *err)
{
    if (header->nlmsg_seq != counter->sequence)
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
        dump->count += is_ours(NLMSG_DATA(header), counter->config);
    }
    return true;
}

/* Not NLMSG_NEXT(), whose arithmetic is signed and its macros' other half is not. */
static bool take_datagram(const struct connection_counter *counter, char *bytes, size_t size,
                          struct dump *dump, struct error *err)
{
    size_t at = 0;
    while (at + sizeof(struct nlmsghdr) <= size) {
        struct nlmsghdr *header = (struct nlmsghdr *)(void *)(bytes + at);
        if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > size - at)
            break;
        if (!take_message(counter, header, dump, err))
            return false;
        at += NLMSG_ALIGN(header->nlmsg_len);
    }
    return true;
}

static bool receive_dump(struct connection_counter *counter, struct dump *dump, struct error *err)
{
    _Alignas(struct nlmsghdr) char bytes[DIAG_BYTES];
    while (!dump->is_complete) {
        ssize_t size = recv(counter->fd, bytes, sizeof(bytes), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            error_set_errno(err, size == 0 || errno == EAGAIN ? ETIMEDOUT : errno,
                            "receive the kernel's list of connections");
            return false;
        }
        if (!take_datagram(counter, bytes, (size_t)size, dump, err))
            return false;
    }
    return true;
}

static bool count_family(struct connection_counter *counter, int family, int64_t *ret_count,
                         struct error *err)
{
    for (int attempt = 0; attempt < DIAG_ATTEMPTS; attempt++) {
        struct dump dump = {.count = 0};
        if (!send_query(counter, family, err) || !receive_dump(counter, &dump, err))
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

bool connections_count(struct connection_counter *counter, int64_t *ret_count, struct error *err)
{
    int64_t v4;
    int64_t v6;
    /* v4-mapped connections, as a dual-stack listener has them, are listed with IPv6. */
    if (!count_family(counter, AF_INET, &v4, err) || !count_family(counter, AF_INET6, &v6, err))
        return false;
    *ret_count = v4 + v6;
    return true;
}

bool connections_wait(struct job *job, struct deadline deadline, struct error *err)
{
    struct connection_counter CONNECTION_COUNTER_CLEANUP counter = {.fd = -1};
    struct progress progress = {0};
    int64_t told = -1;
    int64_t count;
    if (!connection_counter_open(&counter, &job->config->bitbucket, err))
        return false;
    for (;;) {
        if (!connections_count(&counter, &count, err))
            return false;
        job->report.connections = count;
        if (count == 0)
            return true;
        if (deadline_is_over(deadline))
            break;
        if (count != told && progress_send(&progress, job))
            told = count;
        poll(NULL, 0, COUNT_INTERVAL_MS);
    }
    error_set(err, ERROR_TIMEOUT, "%lld connections are still established", (long long)count);
    return false;
}

bool verb_connections(struct job *job, struct error *err)
{
    job->report.connections = -1;
    return connections_wait(job, job->deadline, err);
}
