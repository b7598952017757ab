/* SPDX-License-Identifier: Apache-2.0 */
#include "listening_ports.h"

#include "sock_diag.h"
#include "text.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MOST 8192 /* of the processes */
#define FILES_MOST   8192 /* descriptors of a process that are looked at */

/* The processes' sockets are listed first, and those of the host then passed by: however many
 * somebody else opens, ours are not crowded out. */
struct sockets {
    uint32_t inodes[SOCKETS_MOST];
    size_t count;
    struct listening_ports *ports;
};

static void add_port(struct listening_ports *ports, int port)
{
    size_t at = ports->count;
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->items[i] == port)
            return;
    }
    if (ports->count == LISTENING_PORTS)
        return;
    for (; at > 0 && ports->items[at - 1] > port; at--)
        ports->items[at] = ports->items[at - 1];
    ports->items[at] = port;
    ports->count++;
}

static int compare_inodes(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static bool take_listener(const struct sock_diag_connection *connection, void *context)
{
    const struct sockets *sockets = context;
    if (bsearch(&connection->inode, sockets->inodes, sockets->count, sizeof(sockets->inodes[0]),
                compare_inodes) != NULL)
        add_port(sockets->ports, connection->local_port);
    return true;
}

static void take_file(const char *path, struct sockets *sockets)
{
    char target[64];
    uint64_t inode;
    static const char prefix[] = "socket:[";
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    target[size > 0 ? size : 0] = '\0';
    target[strcspn(target, "]")] = '\0';
    if (sockets->count < SOCKETS_MOST && text_starts_with(target, prefix) &&
        text_parse_u64(target + strlen(prefix), UINT32_MAX, &inode))
        sockets->inodes[sockets->count++] = (uint32_t)inode;
}

static void take_files(pid_t pid, struct sockets *sockets)
{
    char path[300];
    const struct dirent *entry;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (int i = 0; i < FILES_MOST && (entry = readdir(directory)) != NULL; i++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
        take_file(path, sockets);
    }
    closedir(directory);
}

bool listening_ports_read(const struct process_list *processes, struct listening_ports *ret_ports,
                          struct error *err)
{
    static const struct sock_diag_query listening = {.states = 1U << TCP_LISTEN};
    struct sock_diag SOCK_DIAG_CLEANUP diag = {.fd = -1};
    struct sockets sockets = {.count = 0, .ports = ret_ports};
    int64_t count;
    ret_ports->count = 0;
    for (size_t i = 0; i < processes->count; i++)
        take_files(processes->items[i].pid, &sockets);
    qsort(sockets.inodes, sockets.count, sizeof(sockets.inodes[0]), compare_inodes);
    return sock_diag_open(&diag, err) &&
           sock_diag_count(&diag, &listening, take_listener, &sockets, &count, err);
}
