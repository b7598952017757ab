/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running NGINX: its master, proved by /proc, and the workers that are the master's children.
 *
 * `nginx -t` and `nginx -s reload` return 0 also where the master then keeps its old workers (a
 * listen address that is taken, a file that was broken in between). Only its children tell what is
 * in force: new ones, and the old ones titled "nginx: worker process is shutting down".
 */
#ifndef SHUNT_NGINX_MASTER_H
#define SHUNT_NGINX_MASTER_H

#include "clock.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NGINX_WORKERS 1024 /* NGINX's own limit of children */

struct nginx_master {
    pid_t pid;
    int pid_fd; /* stands for this one process */
};

/* The number alone may be another process's by tomorrow. */
struct nginx_worker {
    pid_t pid;
    uint64_t start_ticks; /* since the boot */
};

struct nginx_workers {
    struct nginx_worker items[NGINX_WORKERS]; /* those that take new traffic come first */
    size_t live_count;
    size_t count;     /* with those that only end what they have begun */
    bool is_starting; /* a child has not said yet what it is */
};

/* The master of that pid file. ERROR_UNAVAILABLE where none runs, or a new binary is taking over;
 * ERROR_CONFLICT where it runs another configuration. */
bool nginx_master_open(const char *pid_file, const char *config_path,
                       struct nginx_master *ret_master, struct error *err);
void nginx_master_close(struct nginx_master *master);
#define NGINX_MASTER_CLEANUP __attribute__((cleanup(nginx_master_close)))

bool nginx_master_workers(const struct nginx_master *master, struct nginx_workers *ret_workers,
                          struct error *err);

/* HUP. What becomes of it is seen in the workers. */
bool nginx_master_reload(const struct nginx_master *master, struct error *err);

/* `nginx -t` on that configuration; prefix may be NULL. ERROR_INVALID with what it says, or
 * ERROR_UNAVAILABLE where a name does not resolve; ERROR_TIMEOUT. */
bool nginx_master_test(const char *binary, const char *prefix, const char *config_path,
                       struct deadline deadline, struct error *err);

/* The same workers take new traffic. */
bool nginx_workers_are_same(const struct nginx_workers *a, const struct nginx_workers *b);
/* None of those that took traffic before does so now, and others do. */
bool nginx_workers_are_new(const struct nginx_workers *now, const struct nginx_workers *before);

/* The wall time of the start of the first (or last) of those that take traffic, rounded down to
 * NGINX_TICK_MS. */
int64_t nginx_workers_first_ms(const struct nginx_workers *workers);
int64_t nginx_workers_last_ms(const struct nginx_workers *workers);
#define NGINX_TICK_MS 10

#endif
