/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP connections of this machine as the kernel lists them (sock_diag(7)): no privilege is needed,
 * and it takes a millisecond or two a family where the kernel's table is large.
 *
 * Addresses are 16 bytes, IPv4 in its v4-mapped form, so that both spellings compare equal.
 */
#ifndef SHUNT_SOCK_DIAG_H
#define SHUNT_SOCK_DIAG_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define SOCK_DIAG_ADDRESS 16

struct sock_diag {
    int fd;
    uint32_t sequence;
};

struct sock_diag_query {
    uint32_t states;      /* 1 << TCP_ESTABLISHED and so on */
    uint16_t remote_port; /* 0 = any; the kernel leaves out all others by itself */
    int family;           /* 0 = both */
};

struct sock_diag_connection {
    unsigned char local[SOCK_DIAG_ADDRESS];
    unsigned char remote[SOCK_DIAG_ADDRESS];
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t inode; /* as /proc/PID/fd shows it: socket:[INODE] */
};

bool sock_diag_open(struct sock_diag *diag, struct error *err);
void sock_diag_close(struct sock_diag *diag);
#define SOCK_DIAG_CLEANUP __attribute__((cleanup(sock_diag_close)))

/* Whether the connection counts. A list that changed while it was read is read again from the
 * beginning: the filter may be asked of one connection several times. */
typedef bool (*sock_diag_filter)(const struct sock_diag_connection *connection, void *context);

/* The connections that the filter admits. */
bool sock_diag_count(struct sock_diag *diag, const struct sock_diag_query *query,
                     sock_diag_filter filter, void *context, int64_t *ret_count, struct error *err);

/* The bytes of an address (4 of AF_INET, 16 of AF_INET6), or of its text; false for no address. */
void sock_diag_map_address(int family, const void *bytes,
                           unsigned char ret_address[SOCK_DIAG_ADDRESS]);
bool sock_diag_read_address(const char *text, unsigned char ret_address[SOCK_DIAG_ADDRESS]);

#endif
