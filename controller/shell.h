/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell around the core: what its files share. README.md has the picture.
 *
 * One thread (main.c, shell.c) owns every struct cluster and is the only one that calls the core.
 * Others bring it items through the queue: the workers of the pool (jobs_*.c) and the reader of
 * Redis (reader.c). What a worker may touch of a cluster is marked below.
 */
#ifndef SHUNT_SHELL_H
#define SHUNT_SHELL_H

#include "append_log.h"
#include "channel.h"
#include "config.h"
#include "keys.h"
#include "pool.h"
#include "queue.h"
#include "redis.h"
#include "upgrade.h"

#include <pthread.h>
#include <stdatomic.h>

struct plan_run; /* plan_run.h */

struct cluster {
    const struct cluster_config *config; /* workers and reader may read it */
    uint32_t index;
    pthread_mutex_t *lb_locks;   /* one an LB: workers take it around driver calls */
    atomic_llong lease_until_ms; /* monotonic; workers act only before it */
    atomic_uint orders;          /* changes whenever the core may want something else */

    /* The rest belongs to the main thread. */
    bool is_led;
    uint64_t epoch;
    struct upgrade *upgrade;    /* the current or last one; NULL if there was none */
    int64_t wake_ms;            /* wall; INT64_MAX = none */
    struct append_log *journal; /* our copy, opened when we begin to lead */
    uint64_t journal_sequence;  /* of the last record */
    uint32_t journal_records;   /* since the last one with all rows */
    struct error journal_error; /* why this cluster must not be acted on; or ERROR_NONE */
    struct plan_run *plans;     /* plans being made */
    struct pool_job *view_job;  /* the poller, while it runs */
    bool is_status_due;
    int64_t status_ms; /* monotonic: last published */
};

#define SEEN_REQUESTS 1024 /* ids of requests that have not expired yet */

struct seen_request {
    char id[LIMIT_ID];
    int64_t expires_ms;
};

struct request;

struct shell {
    const struct config *config;
    struct key_pair *key;
    char instance[33]; /* random; with the name it is the value of a lease */
    struct queue *queue;
    struct pool *pool;
    struct redis *redis; /* the main thread's connection */
    struct cluster *clusters;
    size_t cluster_count;
    int64_t renewed_ms; /* monotonic: leases were last renewed */
    atomic_bool is_stopping;
    pthread_mutex_t led_lock; /* reader: guards is_read below */
    bool *is_read;            /* a cluster's streams are read; by cluster index */
    struct seen_request seen[SEEN_REQUESTS];
    atomic_uint refused; /* forged or malformed entries, for the status */
};

/* shell.c */
bool shell_open(struct shell *shell, const struct config *config, struct error *err);
void shell_run(struct shell *shell); /* until is_stopping */
void shell_close(struct shell *shell);
void shell_stop(struct shell *shell); /* from a signal's thread */

/* cluster_step.c: one event through the core, with all that is owed to it. */
void cluster_step(struct shell *shell, struct cluster *cluster, const struct event *event);
/* Starts a new upgrade; takes it over. */
void cluster_begin(struct shell *shell, struct cluster *cluster, struct upgrade *upgrade);
void cluster_report(struct shell *shell, struct cluster *cluster, const struct report *report);

/* dispatch.c */
struct outgoing { /* a signed command, ready to be sent */
    char stream[CHANNEL_KEY_SIZE];
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    char *body; /* owned by whoever holds the array */
};
/* Signs the actions that agents carry out; at most actions->count. They are sent by
 * journal_write(), together with the record of the intent. */
size_t dispatch_commands(struct shell *shell, struct cluster *cluster,
                         const struct actions *actions, struct outgoing *outgoing);
/* Begins and cancels the works of the pool. */
void dispatch_jobs(struct shell *shell, struct cluster *cluster, const struct actions *actions);
void command_id(const struct upgrade *upgrade, uint32_t node, enum work work, uint32_t sequence,
                char id[LIMIT_ID]);
/* Fills addressee, epoch and times, validates, signs and sends; waits for Redis to be back. */
bool send_command(struct shell *shell, struct cluster *cluster, struct command *command,
                  struct error *err);

/* journal.c */
bool journal_open(struct shell *shell, struct cluster *cluster, struct error *err);
/* Writes the dirty rows and sends the commands: one script, obeyed only while the lease and the
 * epoch are ours. */
bool journal_write(struct shell *shell, struct cluster *cluster, const struct outgoing *commands,
                   size_t count);
uint64_t journal_epoch_floor(struct shell *shell, struct cluster *cluster);

/* lease.c: leadership, and the main thread's connection to Redis */
void lease_renew_all(struct shell *shell);
void lease_release_all(struct shell *shell);
/* The main thread's Redis, connected; retries while the shell runs. False only when it stops. */
bool shell_redis(struct shell *shell);

/* reader.c */
void reader_run(struct shell *shell); /* until is_stopping; a thread of its own */

/* status.c */
void status_publish(struct shell *shell, struct cluster *cluster);
void history_append(struct shell *shell, struct cluster *cluster);

/* requests.c */
void handle_request(struct shell *shell, struct cluster *cluster, const char *body, size_t size,
                    const char *operator);

/* by_hand.c */
void move_by_hand(struct shell *shell, struct cluster *cluster, const struct request *request);

/* jobs_view.c */
/* is_kicked: something has just ended that the view will show. */
void view_poll(struct shell *shell, struct cluster *cluster, bool is_kicked);

/* jobs_lb.c, jobs_rest.c */
struct pool_job *job_for_work(struct shell *shell, struct cluster *cluster,
                              const struct action *action);

#endif
