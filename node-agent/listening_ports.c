/* SPDX-License-Identifier: Apache-2.0 */
#include "listening_ports.h"

#include "sock_diag.h"
#include "text.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MOST 512  /* that listen, of the whole host */
#define FILES_MOST   8192 /* descriptors of a process that are looked at */

struct listeners {
    struct {
        uint32_t inode;
        int port;
    } items[SOCKETS_MOST];
    size_t count;
};

static bool take_listener(const struct sock_diag_connection *connection, void *context)
{
    struct listeners *listeners = context;
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].inode == connection->inode)
            return true;
    }
    if (listeners->count < SOCKETS_MOST) {
        listeners->items[listeners->count].inode = connection->inode;
        listeners->items[listeners->count++].port = connection->local_port;
    }
    return true;
}

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

static void take_file(const struct listeners *listeners, const char *path,
                      struct listening_ports *ports)
{
    char target[64];
    uint64_t inode;
    static const char prefix[] = "socket:[";
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    target[size > 0 ? size : 0] = '\0';
    target[strcspn(target, "]")] = '\0';
    if (!text_starts_with(target, prefix) ||
        !text_parse_u64(target + strlen(prefix), UINT32_MAX, &inode))
        return;
    for (size_t i = 0; i < listeners->count; i++) {
        if (listeners->items[i].inode == inode)
            add_port(ports, listeners->items[i].port);
    }
}

static void take_files(const struct listeners *listeners, pid_t pid, struct listening_ports *ports)
{
    char path[300];
    const struct dirent *entry;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (int i = 0; i < FILES_MOST && (entry = readdir(directory)) != NULL; i++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
        take_file(listeners, path, ports);
    }
    closedir(directory);
}

bool listening_ports_read(const struct process_list *processes, struct listening_ports *ret_ports,
                          struct error *err)
{
    static const struct sock_diag_query listening = {.states = 1U << TCP_LISTEN};
    struct sock_diag SOCK_DIAG_CLEANUP diag = {.fd = -1};
    struct listeners listeners = {.count = 0};
    int64_t count;
    if (!sock_diag_open(&diag, err) ||
        !sock_diag_count(&diag, &listening, take_listener, &listeners, &count, err))
        return false;
    ret_ports->count = 0;
    for (size_t i = 0; i < processes->count; i++)
        take_files(&listeners, processes->items[i].pid, ret_ports);
    return true;
}
