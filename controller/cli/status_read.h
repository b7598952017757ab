/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the controllers tell of a cluster and of an upgrade, read from the JSON that they leave in
 * Redis (shunt:{C}:status, and one entry of shunt:{C}:history an upgrade). Redis may be written by
 * strangers: types, lengths and ranges are checked, and a text may still hold anything.
 *
 * Words that are decided by (outcome, place, pass) must be known; words that are only shown (phase,
 * step, states) may be those of a newer controller.
 */
#ifndef SHUNT_STATUS_READ_H
#define SHUNT_STATUS_READ_H

#include "error.h"
#include "limit.h"
#include "steps.h"
#include "upgrade.h"

#include <jansson.h>

#define STATUS_WORD 48 /* a phase, a step or a state, incl. NUL */

struct step_times {
    int64_t begun_ms; /* 0 = not begun */
    int64_t took_ms;  /* -1 = not done */
};

struct pass_times {
    int64_t begun_ms, ended_ms; /* 0 = not begun, not ended */
    struct step_times steps[STEP_COUNT];
};

struct node_summary {
    char name[LIMIT_NAME];
    enum place place;
    enum pass pass;
    char step[STATUS_WORD]; /* empty where the node is on no pass */
    int64_t step_begun_ms;
    char version[LIMIT_VERSION]; /* empty = unknown */
    char state[STATUS_WORD];
    int64_t load, sessions, connections; /* -1 = unknown */
    int64_t bytes_done, bytes_total;     /* the same */
    struct error error;                  /* the last failure */
    struct pass_times passes[PASS_COUNT];
};

struct upgrade_summary {
    char id[LIMIT_ID];
    char cluster[LIMIT_NAME], operator[LIMIT_NAME];
    char from[LIMIT_VERSION], to[LIMIT_VERSION];
    char phase[STATUS_WORD];
    enum outcome outcome;
    int64_t begun_ms, ended_ms;
    bool is_paused, is_waiting, is_aborting;
    struct error reason;
    char cluster_state[STATUS_WORD];
    bool is_upgrade_mode;
    size_t node_count;
    struct node_summary nodes[LIMIT_NODES];
};

/* What an operator has forced, or vouched for: a broken lease, a recovered journal, the key of an
 * agent. */
struct event_summary {
    char what[STATUS_WORD]; /* the request's verb */
    char controller[LIMIT_NAME], operator[LIMIT_NAME];
    char reason[ERROR_MESSAGE_SIZE], text[ERROR_MESSAGE_SIZE];
    int64_t at_ms, epoch;
};

struct cluster_status {
    char cluster[LIMIT_NAME], controller[LIMIT_NAME];
    int64_t epoch, at_ms, refused;
    struct error error; /* why the controller must not act on the cluster */
    bool has_upgrade;
    struct upgrade_summary upgrade; /* the current or the last one */
};

/* ERROR_PROTOCOL names the field, and the node where it is one of a node. */
bool cluster_status_read(const json_t *json, struct cluster_status *ret_status, struct error *err);
bool upgrade_summary_read(const json_t *json, struct upgrade_summary *ret_upgrade,
                          struct error *err);

bool event_summary_read(const json_t *json, struct event_summary *ret_event, struct error *err);

/* The member "error" or the like: {"code","message","hint"}; absent or null: ERROR_NONE. */
bool status_read_error(const json_t *object, const char *key, struct error *ret_error,
                       struct error *err);

/* How long load balancers sent the node nothing: from each drain to the return that ended it, or to
 * now_ms. *ret_is_out: it still is out. */
int64_t node_out_of_service_ms(const struct node_summary *node, int64_t now_ms, bool *ret_is_out);

#endif
