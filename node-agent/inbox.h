/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a command: accepted, answered from the record, or refused. Pure: everything that
 * a decision depends on is passed in, so that unit tests and the simulator ask the same judge as
 * the daemon does.
 *
 * The rules, in the order in which they are applied (design: only the highest epoch acts):
 * whoever cannot be attributed is only counted; a command for somebody else, or from an epoch that
 * has been overtaken, is refused even if its id is known; a known id is answered, whatever its
 * expiry; only then do the times, and the work that runs already, matter.
 */
#ifndef SHUNT_INBOX_H
#define SHUNT_INBOX_H

#include "agent_config.h"
#include "channel.h"
#include "message.h"

#define INBOX_CLOCK_SKEW_MS (5 * 60 * 1000) /* what NTP, even if it is ill, keeps to */
#define INBOX_JOBS_MOST     8               /* children at a time; an upgrade has 2 on a node */

enum refusal {
    REFUSAL_NONE,
    REFUSAL_MALFORMED,      /* the entry lacks a field or is too long */
    REFUSAL_UNKNOWN_SIGNER, /* signed by nobody the configuration names */
    REFUSAL_FORGED,         /* the signature does not fit */
    REFUSAL_GARBLED,        /* well signed, but not a command this version understands */
    REFUSAL_MISADDRESSED,   /* for another cluster or node */
    REFUSAL_STALE_EPOCH,    /* from a leader that has been overtaken */
    REFUSAL_REUSED_ID,      /* the id is known and asked for something else */
    REFUSAL_NOT_HERE,       /* about Bitbucket or a load balancer, and this host has none */
    REFUSAL_EXPIRED,
    REFUSAL_CLOCK_SKEW, /* issued in the future */
    REFUSAL_BUSY,       /* another job that changes the same runs */
    REFUSAL_TOO_MANY_JOBS,
    REFUSAL_NOT_RECORDED, /* the record could not be written, so nothing may be done */
    REFUSAL_COUNT
};

/* The stable name, as it stands in heartbeats and logs. */
const char *refusal_name(enum refusal refusal);

/* True where the command's signature was good, so that its sender is owed a report. */
bool refusal_is_attributed(enum refusal refusal);

/* Opens an entry: signer, signature over the exact bytes, form. On failure *ret_refusal says why;
 * for REFUSAL_GARBLED ret_command holds the id, if one can be read, for the report. */
bool inbox_open(const struct agent_config *config, const struct channel_entry *entry,
                struct command *ret_command, enum refusal *ret_refusal, struct error *err);

/* All that a decision depends on beside the command; texts are borrowed. */
struct inbox_state {
    const char *cluster;
    const char *node;
    uint64_t epoch;     /* the highest seen */
    int64_t now_ms;     /* wall clock */
    bool has_bitbucket; /* what there is on this host */
    bool has_load_balancers;
    const struct command *known; /* the recorded command of the same id; NULL = none */
    bool is_cut_off;             /* it has not ended, and no job works on it any more */
    const struct command *busy;  /* the running job that changes the same; NULL = none */
    size_t job_count;
};

enum inbox_decision {
    INBOX_ACCEPT, /* new and good: record it, then begin */
    INBOX_ANSWER, /* known: repeat its last report */
    INBOX_RESUME, /* known, and cut off by a restart of ours: begin it again */
    INBOX_REFUSE,
};

struct inbox_verdict {
    enum inbox_decision decision;
    bool raises_epoch;    /* record command->epoch first, whatever the decision */
    enum refusal refusal; /* INBOX_REFUSE: why, and in words for the report: */
    struct error error;
};

void inbox_decide(const struct inbox_state *state, const struct command *command,
                  struct inbox_verdict *ret_verdict);

#endif
