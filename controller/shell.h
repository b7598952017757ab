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

#include "agent_keys.h"
#include "append_log.h"
#include "channel.h"
#include "config.h"
#include "journal_row.h"
#include "keys.h"
#include "lb_remote.h"
#include "name_holder.h"
#include "pool.h"
#include "queue.h"
#include "redis.h"
#include "request.h"
#include "signed_text.h"
#include "upgrade.h"

#include <pthread.h>
#include <stdatomic.h>

struct plan_run; /* plan_run.h */

struct cluster_lb {
    struct lb lb;         /* opened */
    pthread_mutex_t lock; /* workers take it around driver calls */
    struct lb_remote_port port;
    struct lb_transport transport; /* of a remote driver */
};

/* A node that an operator moves outside an upgrade; one at a time in a cluster, and no upgrade
 * begins meanwhile. */
struct hand_move {
    atomic_bool is_under_way; /* ended by its worker; the rest is the main thread's */
    uint32_t config_node;
    enum request_verb verb;
    char operator[LIMIT_NAME];
};

struct cluster {
    const struct cluster_config *config; /* workers and reader may read it */
    uint32_t index;
    struct cluster_lb *lbs;       /* in the order of the configuration */
    atomic_llong lease_until_ms;  /* monotonic; workers act only before it */
    atomic_uint orders;           /* changes whenever the core may want something else */
    atomic_bool is_view_queued;   /* a view waits for the main thread; the next one waits for it */
    struct agent_keys agent_keys; /* the reader looks keys up; it has a lock of its own */

    /* The rest belongs to the main thread. */
    bool is_led;
    bool is_stepped;        /* by cluster_step_soon(), and not settled yet */
    bool has_items_waiting; /* shell.c: until it is settled */
    int64_t renewed_ms;     /* monotonic: its lease was last asked for; 0 = it is due at once */
    uint64_t epoch;
    char holder[LEASE_HOLDER_SIZE]; /* of the lease, when we last looked; empty = nobody */
    int64_t holder_since_ms;        /* monotonic: at least since then it has not renewed it; */
    int64_t holder_ttl_ms;          /* the time to live that the lease had then */
    int64_t stand_off_until_ms;     /* monotonic: given up, others come first */
    struct upgrade *upgrade;        /* the current or last one; NULL if there was none */
    int64_t wake_ms;                /* wall; INT64_MAX = none */
    bool has_term;                  /* we lead, or have led and know of no other since */
    int64_t found_at_ms; /* monotonic: from then on we take what nobody seems to have ever had */
    char followed[CHANNEL_ENTRY_ID_SIZE]; /* last entry of the journal in our copy; not leading */
    struct append_log *journal;           /* our copy, open while we lead or follow */
    struct journal_head copy_head;        /* how far our copy goes */
    uint64_t journal_sequence;            /* of the last record */
    uint32_t journal_records;             /* since the last one with all rows */
    struct error journal_error;           /* why this cluster must not be acted on; or ERROR_NONE */
    struct plan_run *plans;               /* plans being made */
    struct hand_move hand_move;           /* by_hand.c */
    struct pool_job *view_job;            /* the poller, while it runs */
    int64_t agents_due_ms;                /* monotonic: accepted keys are looked at again */
    bool is_status_due;
    int64_t status_ms; /* monotonic: last published */
};

#define CLUSTER_STEPS_MOST 64 /* that wait for the disk and for Redis together */

#define JOURNAL_PATH_SIZE (LIMIT_PATH + LIMIT_NAME + 32)

/* Ids of requests that have not expired yet: a whole fleet may be asked for at once. */
#define SEEN_REQUESTS (LIMIT_CLUSTERS + 1024)

struct seen_request {
    char id[LIMIT_ID];
    int64_t expires_ms;
};

struct shell {
    const struct config *config;
    struct key_pair *key;
    char instance[33];               /* random; with the name it is the value of a lease */
    char identity[NAME_HOLDER_SIZE]; /* who we are where names are claimed; empty: not claimed */
    bool is_nameless;                /* another has our name: nothing is led */
    struct queue *queue;
    struct pool *pool;
    struct lb_remote *remote;
    struct redis *redis; /* the main thread's connection */
    struct log_syncer *syncer;
    struct stepped
        *steps; /* cluster_step.c: clusters that have been stepped, and are owed the rest */
    size_t step_count;
    struct cluster *clusters;
    size_t cluster_count;
    int64_t name_kept_ms; /* monotonic: the claim of our name was last renewed */
    int64_t lease_due_ms; /* monotonic: lease_turn.c has nothing to do before */
    size_t lease_turn;    /* the cluster whose lease is looked at first */
    unsigned seen_links;  /* connections to Redis after which all was asked again */
    atomic_bool is_stopping;
    void (*tell_alive)(void); /* the main thread is at work; NULL = nobody asks */
    pthread_mutex_t led_lock; /* reader: guards is_read below */
    bool *is_read;            /* a cluster's streams are read; by cluster index */
    struct seen_request seen[SEEN_REQUESTS];
    atomic_uint lookers[VIEW_NEED_COUNT]; /* clusters whose view is looked at, by their need */
    atomic_uint refused;                  /* forged or malformed entries, for the status */
};

/* shell.c */
bool shell_open(struct shell *shell, const struct config *config, struct error *err);
void shell_run(struct shell *shell); /* until is_stopping */
void shell_close(struct shell *shell);
void shell_stop(struct shell *shell); /* from a signal's thread */
/* The main thread's Redis, connected; retries while the shell runs. False only when it stops. */
bool shell_redis(struct shell *shell);

/* cluster_step.c: one event through the core, with all that is owed to it. */
void cluster_step(struct shell *shell, struct cluster *cluster, const struct event *event);
/* The same, but what is owed may be done by cluster_settle(): until then nothing else may be done
 * with the cluster. */
void cluster_step_soon(struct shell *shell, struct cluster *cluster, const struct event *event);
/* Does what is owed to all that have been stepped. */
void cluster_settle(struct shell *shell);
/* Starts a new upgrade; takes it over. */
void cluster_begin(struct shell *shell, struct cluster *cluster, struct upgrade *upgrade);
void cluster_report(struct shell *shell, struct cluster *cluster, const struct report *report);

/* dispatch.c */
struct outgoing { /* a signed command, ready to be sent */
    char stream[CHANNEL_KEY_SIZE];
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    char *body; /* owned by whoever holds the array */
    bool is_cancel;
};
/* Signs the actions that agents carry out; at most actions->count. They are sent by
 * journal_write_all(), together with the record of the intent. */
size_t dispatch_commands(struct shell *shell, struct cluster *cluster,
                         const struct actions *actions, struct outgoing *outgoing);
/* What the pool does for the upgrade ends, and nothing more is seen, until it is asked again. */
void dispatch_stop(struct shell *shell, struct cluster *cluster);
/* The same, and the upgrade in memory is forgotten. */
void dispatch_forget(struct shell *shell, struct cluster *cluster);
/* Takes away what agents have not read yet: it is of an earlier term, and what still counts is
 * asked again. Obeyed only while the lease and the epoch are ours. */
bool dispatch_clear(struct shell *shell, struct cluster *cluster, struct error *err);
/* Begins and cancels the works of the pool. */
void dispatch_jobs(struct shell *shell, struct cluster *cluster, const struct actions *actions);
void command_id(const struct upgrade *upgrade, uint32_t node, enum work work, uint32_t sequence,
                char id[LIMIT_ID]);
/* Fills addressee, epoch and times, validates, signs and sends; waits for Redis to be back. */
bool send_command(struct shell *shell, struct cluster *cluster, struct command *command,
                  struct error *err);

/* journal.c */
bool journal_open(struct shell *shell, struct cluster *cluster, struct error *err);
/* What one cluster has to write. */
struct journal_entry {
    struct cluster *cluster;
    const struct outgoing *commands; /* borrowed */
    size_t count;
    const char *status; /* borrowed: to be told as soon as it is durable; NULL: nothing is */
    bool is_written;    /* told; where not, nothing may be acted on */
    char *record;       /* journal_write.c's */
    bool is_whole;
};
/* Writes the dirty rows and sends the commands: one script a cluster, obeyed only while its lease
 * and epoch are ours, and only when our own copy is durable. Each cluster stands there once. */
void journal_write_all(struct shell *shell, struct journal_entry *entries, size_t count);
/* The same for the dirty rows of one. */
bool journal_write(struct shell *shell, struct cluster *cluster);
/* Where somebody else leads: brings our copy up to date. */
bool journal_follow(struct shell *shell, struct cluster *cluster, struct error *err);
uint64_t journal_epoch_floor(struct shell *shell, struct cluster *cluster);
/* The path of our own copy; its directory is made. */
bool journal_copy_path(const struct shell *shell, const struct cluster *cluster,
                       char path[JOURNAL_PATH_SIZE], struct error *err);
/* Makes both journals hold this record alone, which says that there is no upgrade. */
bool journal_put_cleared(struct shell *shell, struct cluster *cluster, const char *record,
                         struct error *err);
/* False, with the reason for an operator, where the journal forbids to act on the cluster. */
bool cluster_is_acted_on(const struct cluster *cluster, struct error *err);

/* lease.c: leadership */
int64_t lease_renew_ms(const struct config *config); /* from one renewal to the next */
void lease_renew_all(struct shell *shell);
/* Some of those that are due, or all that are late. */
void lease_renew_due(struct shell *shell);
void lease_renew_one(struct shell *shell, struct cluster *cluster);
void lease_release_all(struct shell *shell);
void lease_value(const struct shell *shell, char value[LEASE_HOLDER_SIZE]);
/* Asked by workers, immediately before each effect: the lease is surely ours. */
bool lease_may_act(struct cluster *cluster, struct error *err);
/* Gives the lease up and lets others come first. */
void lease_give_up(struct shell *shell, struct cluster *cluster);
/* The same, because of something of this machine: a full disk. */
void lease_give_up_because(struct shell *shell, struct cluster *cluster, const struct error *why);
/* Takes the lease that `broken` names, if that is what it is still, and if its holder has been
 * silent for so long that it surely acts no more. *ret_taken tells. */
bool lease_take_over(struct shell *shell, struct cluster *cluster, const struct request *broken,
                     bool *ret_taken, struct error *err);

/* lease_turn.c */
/* Milliseconds until lease_renew_due() has something to do; 0 or less if it has. */
int64_t lease_wait_ms(const struct shell *shell);
/* It has been due for so long that nothing else may be done before. */
bool lease_is_late(const struct shell *shell);

/* lease_break.c: requests to break the cluster's lease */
void lease_break_look(struct shell *shell, struct cluster *cluster);

/* name_claim.c: the name among the controllers of one Redis */
bool name_claim(struct shell *shell, struct error *err);
/* Renews the claim. False: another controller has the name. */
bool name_keep(struct shell *shell);
void name_release(struct shell *shell);

/* reader.c */
void reader_run(struct shell *shell); /* until is_stopping; a thread of its own */

/* status.c */
#define STATUS_NEWS_MOST "16" /* entries that watchers may not have seen yet */
void status_publish(struct shell *shell, struct cluster *cluster);
/* Does it show something that the one before the event did not, and that no journal has? Most views
 * show what the last one did, and a status is long. */
bool status_is_news(const struct upgrade *upgrade, const struct upgrade *before);
/* What it would publish, for journal_write_all(); the caller frees it. */
char *status_text(const struct shell *shell, const struct cluster *cluster);
/* It was published. */
void status_told(struct cluster *cluster);
void history_append(struct shell *shell, struct cluster *cluster);

/* history.c */
/* What an operator has forced, or vouched for: in the history, with who and why. `text` says what
 * came of it. */
void history_tell(struct shell *shell, struct cluster *cluster, const struct request *request,
                  const char *text);

/* requests.c: its signature is the signer's, who is an operator. */
void handle_request(struct shell *shell, struct cluster *cluster,
                    const struct signed_text *signed_request);

/* accept_agent.c */
void accept_agent(struct shell *shell, struct cluster *cluster, const struct request *request,
                  const struct signed_text *signed_request);

/* by_hand.c */
void move_by_hand(struct shell *shell, struct cluster *cluster, const struct request *request);
/* False, with which upgrade, where one runs or is about to begin. */
bool nobody_upgrades(const struct cluster *cluster, struct error *err);
/* False, with who moves a node and which, where somebody does. */
bool nobody_moves_by_hand(const struct cluster *cluster, struct error *err);
/* The move, if there is one, does nothing more: the cluster may be led by somebody else. */
void forget_move_by_hand(struct shell *shell, struct cluster *cluster);

/* recover.c */
void recover_cluster(struct shell *shell, struct cluster *cluster, const struct request *request);

/* jobs_view.c */
/* is_kicked: something has just ended that the view will show. */
void view_poll(struct shell *shell, struct cluster *cluster, bool is_kicked);
/* Nothing is to be seen or compared until the next view_poll(). */
void view_rest(struct cluster *cluster);

/* jobs_lb.c, jobs_rest.c */
struct pool_job *job_for_work(struct shell *shell, struct cluster *cluster,
                              const struct action *action);

#endif
