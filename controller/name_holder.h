/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a controller's name, as it stands in Redis (shunt:controller:NAME): "INSTANCE HOST PID
 * LOCK". LOCK identifies the lock file of the state directory, on that boot of that machine: who
 * holds the same lock is the successor, and the one before is surely gone. Host names and process
 * ids prove less: cloned machines and containers share them.
 */
#ifndef SHUNT_NAME_HOLDER_H
#define SHUNT_NAME_HOLDER_H

#include "error.h"

struct name_holder {
    char instance[33]; /* random, one a process */
    char host[64];     /* for people, as is the pid */
    char pid[16];
    char lock[96]; /* "-": unknown, which equals no other */
};

#define NAME_HOLDER_SIZE 224 /* the four with spaces between them */

/* name_here.c: this process; lock_fd is the lock of its state directory. */
void name_holder_here(const char *instance, int lock_fd, struct name_holder *ret_holder);

void name_holder_write(const struct name_holder *holder, char text[NAME_HOLDER_SIZE]);
/* A text that somebody else wrote gives "?" for what it lacks. */
void name_holder_read(const char *text, struct name_holder *ret_holder);

/* That `later` holds the lock which `earlier` held. */
bool name_holder_succeeds(const struct name_holder *later, const struct name_holder *earlier);

#endif
