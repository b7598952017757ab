/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_sessions.h"

#include "buffer.h"
#include "check.h"
#include "file.h"
#include "host_lookup.h"
#include "memory.h"
#include "sock_diag.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES     16    /* addresses of one name */
#define INODES     65536 /* connections to one node */
#define PROC_NAME  64
#define TABLE_SIZE ((size_t)4 * 1024 * 1024) /* /proc/net/unix */

/* A connection goes on, or is being made: an old worker may be at it still. */
#define STATES (1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT)

/* Where one member's connections go, and those that the kernel has. */
struct target {
    unsigned char addresses[PLACES][SOCK_DIAG_ADDRESS];
    size_t address_count;
    uint16_t port;
    int family; /* 0 = they are of both */
    uint32_t *inodes;
    size_t inode_count;
};

bool nginx_sessions_place(const char *address, char host[LB_MEMBER], char port[8])
{
    const char *end = address[0] == '[' ? strchr(address, ']') : NULL;
    const char *begin = end != NULL ? address + 1 : address;
    uint64_t number;

    if (address[0] == '[' && end == NULL)
        return false;
    if (end == NULL)
        end = address + strcspn(address, ":");
    size_t length = (size_t)(end - begin);
    end += *end == ']';
    if (length == 0 || length >= LB_MEMBER || (*end != '\0' && *end != ':'))
        return false;
    if (!text_copy(port, 8, *end == ':' ? end + 1 : "80") ||
        !text_parse_u64(port, UINT16_MAX, &number) || number == 0)
        return false;
    memcpy(host, begin, length);
    host[length] = '\0';
    return true;
}

/* A name is looked up now; NGINX has done it when it was reloaded last. */
static bool find_addresses(const char *address, struct deadline deadline, struct target *target)
{
    struct addrinfo *found;
    struct error ignored;
    char host[LB_MEMBER], port[8];

    target->address_count = 0;
    if (!nginx_sessions_place(address, host, port))
        return false;
    target->port = (uint16_t)strtoul(port, NULL, 10);
    if (!host_look_up(host, target->port, deadline, &found, &ignored))
        return false;
    target->family = found->ai_family;
    for (const struct addrinfo *at = found; at != NULL && target->address_count < PLACES;
         at = at->ai_next) {
        if (at->ai_family != target->family)
            target->family = 0;
        const void *bytes =
            at->ai_family == AF_INET6
                ? (const void *)&((const struct sockaddr_in6 *)(const void *)at->ai_addr)->sin6_addr
                : (const void *)&((const struct sockaddr_in *)(const void *)at->ai_addr)->sin_addr;
        sock_diag_map_address(at->ai_family, bytes, target->addresses[target->address_count++]);
    }
    freeaddrinfo(found);
    return true;
}

/* Notes whose it is; which process has it is found out afterwards. */
static bool note_connection(const struct sock_diag_connection *connection, void *context)
{
    struct target *target = context;

    for (size_t i = 0; i < target->address_count; i++) {
        if (memcmp(connection->remote, target->addresses[i], SOCK_DIAG_ADDRESS) != 0)
            continue;
        if (connection->inode == 0 || target->inode_count == INODES)
            return false;
        target->inodes = memory_resize(target->inodes, target->inode_count + 1, sizeof(uint32_t));
        target->inodes[target->inode_count++] = connection->inode;
        return true;
    }
    return false;
}

static int compare_inodes(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* The connections of this machine to the member, in the order of their inodes. */
static bool list_connections(struct sock_diag *diag, struct target *target, struct error *err)
{
    struct sock_diag_query query = {
        .states = STATES, .remote_port = target->port, .family = target->family};
    int64_t count;

    if (!sock_diag_count(diag, &query, note_connection, target, &count, err))
        return false;
    if (target->inode_count > 1)
        qsort(target->inodes, target->inode_count, sizeof(uint32_t), compare_inodes);
    return true;
}

static bool has_inode(const struct target *target, uint32_t inode)
{
    return target->inode_count > 0 && bsearch(&inode, target->inodes, target->inode_count,
                                              sizeof(uint32_t), compare_inodes) != NULL;
}

/* "socket:[INODE]". */
static bool read_inode(int directory_fd, const char *name, uint32_t *ret_inode)
{
    char text[64];
    uint64_t inode;
    ssize_t size = readlinkat(directory_fd, name, text, sizeof(text) - 1);

    if (size < 9)
        return false;
    text[size - 1] = '\0';
    if (strncmp(text, "socket:[", 8) != 0 || !text_parse_u64(text + 8, UINT32_MAX, &inode))
        return false;
    *ret_inode = (uint32_t)inode;
    return true;
}

/* Adds what one worker has of each member's connections. One that is gone has none. */
static bool count_in_worker(pid_t pid, const struct target *targets, size_t count,
                            int64_t *sessions)
{
    char path[PROC_NAME];
    struct dirent *entry;
    uint32_t inode;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return errno == ENOENT || errno == ESRCH;
    while ((entry = readdir(directory)) != NULL) {
        if (!read_inode(dirfd(directory), entry->d_name, &inode))
            continue;
        for (size_t i = 0; i < count; i++)
            sessions[i] += has_inode(&targets[i], inode);
    }
    closedir(directory);
    return true;
}

/* The kernel lists the connections of our network namespace only. */
static bool is_in_our_network(pid_t pid)
{
    char path[PROC_NAME], ours[64], theirs[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    ssize_t our_size = readlink("/proc/self/ns/net", ours, sizeof(ours));
    ssize_t size = readlink(path, theirs, sizeof(theirs));
    return size > 0 && size == our_size && memcmp(ours, theirs, (size_t)size) == 0;
}

static bool count_in_workers(const struct nginx_workers *workers, const struct target *targets,
                             size_t count, int64_t *sessions)
{
    bool is_any = false;

    for (size_t i = 0; i < count; i++)
        is_any = is_any || targets[i].inode_count > 0;
    if (workers->count > 0 && !is_in_our_network(workers->items[0].pid))
        return false;
    for (size_t i = 0; i < workers->count && is_any; i++) {
        if (!count_in_worker(workers->items[i].pid, targets, count, sessions))
            return false;
    }
    return true;
}

/* Lines are "Num: RefCount Protocol Flags Type St Inode Path": St 03 is connected, and the end
 * that was accepted has the path. */
int64_t nginx_sessions_unix(const char *table, const char *path)
{
    int64_t count = 0;

    for (const char *line = table; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        char state[8] = "", name[LB_MEMBER] = "";
        if (sscanf(line, "%*s %*s %*s %*s %*s %7s %*s %255s", state, name) == 2 &&
            text_equal(state, "03") && text_equal(name, path))
            count++;
        line = end != NULL ? end + 1 : NULL;
    }
    return count;
}

static int64_t count_unix(const char *path)
{
    struct buffer table BUFFER_CLEANUP = {0};
    struct error ignored;

    buffer_init(&table, TABLE_SIZE);
    if (!file_read("/proc/net/unix", &table, &ignored))
        return -1;
    return nginx_sessions_unix(buffer_text(&table), path);
}

static bool list_all(const struct nginx_member *members, size_t count, struct deadline deadline,
                     struct target *targets, int64_t *sessions, struct error *err)
{
    struct sock_diag SOCK_DIAG_CLEANUP diag = {.fd = -1};

    if (!sock_diag_open(&diag, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *address = members[i].address;
        sessions[i] = 0;
        if (text_starts_with(address, "unix:"))
            sessions[i] = count_unix(address + strlen("unix:"));
        else if (!find_addresses(address, deadline, &targets[i]))
            sessions[i] = -1;
        else if (!list_connections(&diag, &targets[i], err))
            return false;
    }
    return true;
}

bool nginx_sessions_count(const struct nginx_member *members, size_t count,
                          const struct nginx_workers *workers, struct deadline deadline,
                          int64_t *ret_sessions, struct error *err)
{
    struct target *targets = memory_zeroed(count, sizeof(*targets));
    int64_t sessions[LB_MEMBERS * LB_ADDRESSES];

    CHECK(count <= sizeof(sessions) / sizeof(sessions[0]));
    bool is_good = list_all(members, count, deadline, targets, sessions, err);
    if (is_good) {
        bool is_seen = count_in_workers(workers, targets, count, sessions);
        for (size_t i = 0; i < count; i++)
            ret_sessions[i] = is_seen ? sessions[i] : -1;
    }
    for (size_t i = 0; i < count; i++)
        free(targets[i].inodes);
    free(targets);
    return is_good;
}
