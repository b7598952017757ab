/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HAProxy process, and what it shows of members. Behind a master socket there are several: the
 * worker that serves, and old ones that a reload has left, each until its last session has ended.
 *
 * What the process showed of a backend is kept while the members are of the same one, and forgotten
 * with the next order.
 */
#ifndef SHUNT_HAPROXY_PROCESS_H
#define SHUNT_HAPROXY_PROCESS_H

#include "buffer.h"
#include "haproxy_csv.h"
#include "haproxy_socket.h"

/* A member taken apart at its slash. */
struct haproxy_member {
    char backend[LB_MEMBER];
    char server[LB_MEMBER];
};

struct haproxy_process {
    const char *address; /* borrowed */
    struct deadline deadline;
    char prefix[24]; /* of each command: which worker the master hands it to */
    char backend[LB_MEMBER];
    struct buffer states;
    struct buffer stats;
};

#define HAPROXY_CLEANUP __attribute__((cleanup(haproxy_process_done)))

/* "master:/PATH" */
bool haproxy_is_master(const char *address);

/* The one that serves. */
void haproxy_process_init(struct haproxy_process *process, const char *address,
                          struct deadline deadline);
/* An old worker behind a master socket. */
void haproxy_process_init_old(struct haproxy_process *process, const char *address,
                              struct deadline deadline, uint64_t pid);
void haproxy_process_done(struct haproxy_process *process);

/* "WORDS NAME" to this process: a question, or an order. */
bool haproxy_process_ask(const struct haproxy_process *process, const char *words, const char *name,
                         struct buffer *ret_answer, struct error *err);
bool haproxy_process_tell(struct haproxy_process *process, const char *words, const char *name,
                          struct error *err);

bool haproxy_process_state(struct haproxy_process *process, const struct haproxy_member *member,
                           struct haproxy_state *ret_state, struct error *err);
bool haproxy_process_stat(struct haproxy_process *process, const struct haproxy_member *member,
                          const struct haproxy_state *state, struct haproxy_stat *ret_stat,
                          struct error *err);
/* "VERB BACKEND/SERVER REST" */
bool haproxy_process_order(struct haproxy_process *process, const struct haproxy_member *member,
                           const char *verb, const char *rest, struct error *err);

/* Puts what all servers were told into a file that load-server-state-from-file reads. */
bool haproxy_process_save(struct haproxy_process *process, const char *path, struct error *err);

#endif
