/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the core share: one run of upgrade_step().
 */
#ifndef SHUNT_CORE_INTERNAL_H
#define SHUNT_CORE_INTERNAL_H

#include "upgrade.h"

#define BOUND_LEAST_MS   1000  /* an LB needs a moment to obey, whatever the deadline */
#define BROKEN_DRAIN_MS  3000  /* a node in ERROR answers nobody: what hangs on it is idle */
#define BOUND_LB_MS      30000 /* a runtime API answers in milliseconds; some take longer */
#define BOUND_SWITCH_MS  60000 /* a rename and some fsyncs, on a disk that is busy */
#define BOUND_REST_MS    60000
#define BOUND_TASKS_MS   1800000 /* upgrade tasks of a bug-fix version; half an hour is generous */
#define WORK_GRACE_MS    5000    /* an agent's own deadline comes first, its report then travels */
#define RETRY_FIRST_MS   500     /* then doubled */
#define RETRY_MOST_MS    15000
#define TAKE_OVER_MS     30000  /* a new leader hears what was done while there was none */
#define JUDGE_MS         2000   /* a new leader has the view of the cluster by then */
#define RETURN_BLIND_MS  10000  /* a node that was proved is kept out for no longer, view or not */
#define MEMBERS_FRESH_MS 2000   /* a view comes within a quarter of a second */
#define VIEW_FRESH_MS    15000  /* an older sight of a node counts as unknown */
#define STARVED_MOST_MS  600000 /* no budget for so long: an operator must decide */

struct run {
    struct upgrade *upgrade;
    struct actions *actions;
    int64_t now_ms;
};

/* actions.c */
void run_work(struct run *run, uint32_t node, enum work work, uint32_t sequence,
              int64_t deadline_ms);
void run_cancel(struct run *run, uint32_t node, enum work work, uint32_t sequence);
void run_touch(struct run *run, uint32_t node);
int64_t bound_ms(const struct upgrade *upgrade, enum bound bound);
int64_t retry_delay_ms(uint32_t attempt);
bool proof_holds(const struct upgrade *upgrade, enum proof proof, uint32_t node);

/* budget.c */
bool budget_allows(const struct upgrade *upgrade, uint32_t node, int64_t now_ms);
/* May the node, which is out in our books and may serve all the same, be taken out as the only one?
 */
bool budget_allows_alone(const struct upgrade *upgrade, uint32_t node, int64_t now_ms);
uint32_t budget_next(const struct upgrade *upgrade, enum place place, int64_t now_ms);
bool node_is_out(const struct upgrade_node *node);
/* In service for us: it is not out, or is watched after its return. */
bool node_has_its_traffic(const struct upgrade_node *node);
/* Seen a moment ago, and not at work: to take it out costs nobody anything. */
bool node_serves_nobody(const struct upgrade_node *node, int64_t now_ms);
/* Seen a moment ago, ACTIVE at that version. */
bool node_is_known_at(const struct upgrade_node *node, const char *version, int64_t now_ms);

/* node_pass.c: one node on its way through the steps. */
void node_begin(struct run *run, uint32_t index, enum pass pass, enum step step);
/* Goes on in the pass that it was held in: out of service since that pass began, not since now. */
void node_resume(struct run *run, uint32_t index, enum step step);
/* A node that has its traffic again costs the budget when it is taken out; one that is out does
 * not. */
bool node_may_go_back(const struct run *run, uint32_t index);
void node_turn(struct run *run, uint32_t index);
/* For a node that is turning: does it where step and budget allow it. False = not yet; a node that
 * comes to the end of its soak first is upgraded, and stays so. */
bool node_turn_if_it_may(struct run *run, uint32_t index);
/* For a node that is about to lose its traffic: does it where the budget has no room any more. */
bool node_turn_if_too_many(struct run *run, uint32_t index);
void node_retry(struct run *run, uint32_t index);
void node_repeat(struct run *run, uint32_t index);
void node_take_over(struct run *run, uint32_t index);
void node_first_seen(struct run *run, uint32_t index);
void node_tick(struct run *run, uint32_t index);
void node_work_done(struct run *run, uint32_t index, enum work work, bool is_blind);
void node_work_failed(struct run *run, uint32_t index, enum work work, const struct error *err);
void node_seen(struct run *run, uint32_t index);
void node_ask(struct run *run, uint32_t index);
void node_cancel(struct run *run, uint32_t index);

/* failure.c: what follows when a step has failed for good. */
void node_failed(struct run *run, uint32_t index, const struct error *err);
enum fault fault_of(enum step step, const struct error *err);

/* queries.c: a rollback looks first, for somebody may have approved a moment ago. Until then, or 0
 * where there is nothing to wait for; a cluster that nobody can see is put back all the same. */
int64_t upgrade_view_due_ms(const struct upgrade *upgrade);

/* queries.c: upgrade mode is off and nodes serve the target: somebody else has approved. */
bool was_approved_by_others(const struct upgrade *upgrade);

/* phase.c: the cluster on its way through the phases. */
void phase_enter(struct run *run, enum phase phase);
/* Enters PHASE_BACK, at whose end the cluster is rolled back. */
void phase_roll_back(struct run *run);
void phase_go_on(struct run *run);
void phase_tick(struct run *run);
void phase_work_done(struct run *run, uint32_t node, enum work work, const char *sha256);
void phase_work_failed(struct run *run, uint32_t node, enum work work, const struct error *err);
void phase_take_over(struct run *run);
/* The first view since then has come. */
void phase_first_seen(struct run *run);
void upgrade_wait(struct run *run, const struct error *reason);
void upgrade_end(struct run *run, enum outcome outcome);

/* phase_nodes.c: which nodes set out. */
void phase_go_on_nodes(struct run *run);
void phase_go_on_back(struct run *run);
/* Nodes that are at the old version by our journal, and are seen at the target, are from now on
 * taken for upgraded: it may be an old copy, all that was left. True if there were any. */
bool take_seen_as_new(struct run *run);
/* How many nodes are in one of them: PLACES(), PLACES2(). */
uint32_t count_places(const struct upgrade *upgrade, unsigned places);
#define PLACES(a)     (1u << (a))
#define PLACES2(a, b) (PLACES(a) | PLACES(b))

/* decide.c */
void decide(struct run *run, enum decision decision);

#endif
