/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads bring to the main thread. Bounded by what makes items: the pool's jobs and the
 * reader's batches wait for nobody else.
 */
#ifndef SHUNT_QUEUE_H
#define SHUNT_QUEUE_H

#include "message.h"
#include "signed_text.h"
#include "upgrade.h"

#include <stddef.h>

enum item_kind {
    ITEM_EVENT,       /* event, and view if it is EVENT_VIEW */
    ITEM_REPORT,      /* body: a report that is good, and so was its signature */
    ITEM_REQUEST,     /* request, body: its signature was good */
    ITEM_PLAN,        /* plan_run: the worker's part is done */
    ITEM_ANSWER,      /* a job that an operator asked for has ended: body or event.error answers */
    ITEM_LB_CALL,     /* request_id: a worker's call to an agent is to be sent */
    ITEM_LB_WITHDRAW, /* request_id: an entry that agent has not taken, and need not any more */
    ITEM_NUDGE,       /* look at the clock */
};

struct item {
    struct item *next;
    enum item_kind kind;
    uint32_t cluster; /* index */
    struct event event;
    struct cluster_view *view;  /* owned */
    char *body;                 /* owned */
    struct signed_text request; /* of ITEM_REQUEST; its body is the one above */
    char request_id[LIMIT_ID];  /* ITEM_ANSWER, ITEM_LB_CALL, ITEM_LB_WITHDRAW */
    char agent[LIMIT_NAME];     /* ITEM_LB_WITHDRAW */
    void *plan_run;             /* borrowed */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue *queue);

struct item *item_new(enum item_kind kind, uint32_t cluster);
void item_free(struct item *item);

/* Takes the item over. Any thread. */
void queue_put(struct queue *queue, struct item *item);
/* The oldest item, or NULL after timeout_ms without one. */
struct item *queue_take(struct queue *queue, int64_t timeout_ms);

#endif
