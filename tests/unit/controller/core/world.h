/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests of the core: nodes, a load balancer and a cluster in virtual time, which
 * do what the actions ask and answer with events. The rules of upgrade_check_rules() and those that
 * only the world can see (who sends traffic to whom) are checked after every event.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "journal_row.h"
#include "text.h"
#include "upgrade.h"

#include "common/unit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_NODES   3
#define WORLD_PENDING 256
#define WORLD_DONE    4096
#define WORLD_MOST_MS (12LL * 3600 * 1000)

enum world_lb { WORLD_UP, WORLD_DRAIN, WORLD_DOWN };

struct world_node {
    bool is_running;
    char link[LIMIT_VERSION];    /* what the install link names */
    char version[LIMIT_VERSION]; /* what runs */
    enum node_state state;
    enum world_lb lb;
    int stops, starts, switches;
};

struct world;
/* True: the work fails with *err. */
typedef bool (*world_fault_fn)(struct world *world, const struct action *action, struct error *err);

struct world {
    struct upgrade *upgrade;
    struct upgrade *journal; /* what the records so far lead to */
    uint64_t records;
    int64_t now_ms, wake_ms;
    bool is_mode_on, is_approved;
    char original[LIMIT_VERSION];
    struct world_node nodes[WORLD_NODES];
    struct world_pending {
        struct action action;
        int64_t due_ms;
    } pending[WORLD_PENDING];
    size_t pending_count;
    struct action done[WORLD_DONE]; /* the agents' records */
    size_t done_count;
    unsigned events;
    world_fault_fn fault;
    const char *error_version; /* a node that starts at it goes to ERROR */
    uint32_t error_node;
    int fault_node;
    enum work fault_work;
    enum error_code fault_code;
    unsigned faults_left;
    bool is_blind;   /* a load balancer never knows sessions */
    int64_t busy_ms; /* how long a node's own connections stay, once they are asked for */
};

static inline struct policy world_policy(enum on_failure on_failure)
{
    return (struct policy){.max_unavailable = 1,
                           .min_available = 2,
                           .drain_deadline_ms = 60000,
                           .sticky_ms = 30000,
                           .stop_deadline_ms = 60000,
                           .start_deadline_ms = 60000,
                           .active_deadline_ms = 120000,
                           .return_deadline_ms = 60000,
                           .stage_deadline_ms = 600000,
                           .soak_ms = 5000,
                           .on_failure = on_failure};
}

static inline void world_init(struct world *world, enum on_failure on_failure)
{
    memset(world, 0, sizeof(*world));
    world->now_ms = 1000000;
    world->wake_ms = INT64_MAX;
    world->fault_node = -1;
    world->error_node = NODE_NONE;
    TEXT_COPY(world->original, "7.9.0");
    world->upgrade = upgrade_new(WORLD_NODES);
    struct upgrade *upgrade = world->upgrade;
    TEXT_COPY(upgrade->id, "u1");
    TEXT_COPY(upgrade->cluster, "git");
    TEXT_COPY(upgrade->operator, "ana");
    TEXT_COPY(upgrade->from, "7.9.0");
    TEXT_COPY(upgrade->to, "7.9.4");
    TEXT_COPY(upgrade->artifact, "/a.tar.gz");
    upgrade->policy = world_policy(on_failure);
    for (int i = 0; i < WORLD_NODES; i++) {
        struct world_node *node = &world->nodes[i];
        snprintf(upgrade->nodes[i].name, LIMIT_NAME, "bb%d", i + 1);
        node->is_running = true;
        node->state = NODE_ACTIVE;
        TEXT_COPY(node->link, "7.9.0");
        TEXT_COPY(node->version, "7.9.0");
    }
}

static inline void world_done(struct world *world)
{
    free(world->upgrade);
    free(world->journal);
}

/* ---- what the world does ---- */

static inline bool world_is_mixed(const struct world *world)
{
    for (int i = 0; i < WORLD_NODES; i++) {
        if (world->nodes[i].state == NODE_ERROR)
            return true;
        if (world->nodes[i].state == NODE_ACTIVE && world->nodes[0].state == NODE_ACTIVE &&
            !text_equal(world->nodes[i].version, world->nodes[0].version))
            return true;
    }
    return false;
}

static inline enum cluster_state world_state(const struct world *world)
{
    const char *version = NULL;
    if (!world->is_mode_on)
        return CLUSTER_STABLE;
    if (world_is_mixed(world))
        return CLUSTER_MIXED;
    for (int i = 0; i < WORLD_NODES; i++) {
        if (world->nodes[i].state != NODE_ACTIVE)
            continue;
        if (version != NULL && !text_equal(version, world->nodes[i].version))
            return CLUSTER_MIXED;
        version = world->nodes[i].version;
    }
    return version != NULL && text_equal(version, world->original)
               ? CLUSTER_READY_TO_UPGRADE
               : CLUSTER_READY_TO_RUN_UPGRADE_TASKS;
}

static inline void world_view(const struct world *world, struct cluster_view *view)
{
    memset(view, 0, sizeof(*view));
    view->state = world_state(world);
    view->is_upgrade_mode = world->is_mode_on;
    view->node_count = WORLD_NODES;
    for (int i = 0; i < WORLD_NODES; i++) {
        struct node_view *node = &view->nodes[i];
        TEXT_COPY(node->name, world->upgrade->nodes[i].name);
        TEXT_COPY(node->version, world->nodes[i].version);
        node->state = world->nodes[i].state;
        node->tasks = WORLD_NODES - i; /* the last is the least busy */
        node->users = 0;
    }
}

static inline void world_start(struct world *world, uint32_t index)
{
    struct world_node *node = &world->nodes[index];
    if (node->is_running)
        return;
    node->starts++;
    node->is_running = true;
    TEXT_COPY(node->version, node->link);
    node->state = NODE_ACTIVE;
    if (world->error_version != NULL && index == world->error_node &&
        text_equal(node->version, world->error_version))
        node->state = NODE_ERROR;
}

/* What is done to one node. False with *err where it cannot be done. */
static inline bool world_do_node(struct world *world, const struct action *action,
                                 struct world_node *node, struct error *err)
{
    switch (action->work) {
    case WORK_LB_DRAIN:
        node->lb = WORLD_DRAIN;
        return true;
    case WORK_LB_DOWN:
        node->lb = WORLD_DOWN;
        return true;
    case WORK_LB_UP:
        assert_int_equal(node->state, NODE_ACTIVE); /* never traffic to a node that is not there */
        node->lb = WORLD_UP;
        return true;
    case WORK_STOP:
        assert_int_equal(node->lb, WORLD_DOWN); /* rule 2 */
        node->stops += node->is_running;
        node->is_running = false;
        node->state = NODE_OFFLINE;
        return true;
    case WORK_SWITCH:
    case WORK_SWITCH_BACK:
        assert_false(node->is_running);
        node->switches++;
        TEXT_COPY(node->link, action->work == WORK_SWITCH ? "7.9.4" : "7.9.0");
        return true;
    case WORK_START:
        world_start(world, action->node);
        return true;
    case WORK_PROBE:
    case WORK_WATCH:
        if (node->state == NODE_ACTIVE)
            return true;
        error_set(err, ERROR_RELEASE, "status is ERROR");
        return false;
    default: /* waits that are over at once */
        return true;
    }
}

static inline bool world_do_cluster(struct world *world, enum work work, struct error *err)
{
    if (work == WORK_MODE_ON) {
        world->is_mode_on = true;
    } else if (work == WORK_MODE_OFF) {
        if (world->is_mode_on && world_state(world) != CLUSTER_READY_TO_UPGRADE) {
            error_set(err, ERROR_CONFLICT, "409");
            return false;
        }
        world->is_mode_on = false;
    } else {
        assert_int_equal(work, WORK_APPROVE);
        for (int i = 0; i < WORLD_NODES; i++) { /* rule 8 */
            assert_int_equal(world->nodes[i].state, NODE_ACTIVE);
            assert_string_equal(world->nodes[i].version, "7.9.4");
        }
        world->is_mode_on = false;
        world->is_approved = true;
        TEXT_COPY(world->original, "7.9.4");
    }
    return true;
}

static inline bool world_do(struct world *world, const struct action *action, struct error *err)
{
    if (action->node == NODE_NONE)
        return world_do_cluster(world, action->work, err);
    return world_do_node(world, action, &world->nodes[action->node], err);
}

/* ---- driving the core ---- */

static inline void world_journal(struct world *world)
{
    struct journal_head head = {++world->records, 1, world->now_ms}, read;
    struct error err;
    if (!world->upgrade->is_dirty && world->upgrade->dirty_nodes == 0)
        return;
    char *record = journal_record_write(world->upgrade, &head);
    assert_true(journal_record_apply(record, strlen(record), "git", &world->journal, &read, &err));
    free(record);
}

static inline void world_cancel(struct world *world, const struct action *action)
{
    for (size_t i = 0; i < world->pending_count; i++) {
        struct action *other = &world->pending[i].action;
        if (other->node == action->node && other->work == action->work &&
            other->sequence == action->sequence) {
            world->pending[i] = world->pending[--world->pending_count];
            return;
        }
    }
}

static inline void world_budget(const struct world *world)
{
    int serving = 0;
    for (int i = 0; i < WORLD_NODES; i++)
        if (world->nodes[i].lb == WORLD_UP && world->nodes[i].state == NODE_ACTIVE)
            serving++;
    assert_true(serving >= (int)world->upgrade->policy.min_available);
}

static inline int64_t world_takes_ms(const struct world *world, enum work work)
{
    if (work == WORK_WATCH)
        return world->upgrade->policy.soak_ms;
    return work == WORK_CONNECTIONS && world->busy_ms > 0 ? world->busy_ms : 20;
}

static inline void world_event(struct world *world, struct event event)
{
    struct actions actions;
    struct error err;
    event.now_ms = world->now_ms;
    world->events++;
    upgrade_step(world->upgrade, &event, &actions);
    if (!upgrade_check_rules(world->upgrade, &err))
        fail_msg("%s", err.message);
    world_journal(world);
    world->wake_ms = actions.wake_ms;
    for (uint32_t i = 0; i < actions.count; i++) {
        if (actions.list[i].kind == ACTION_CANCEL) {
            world_cancel(world, &actions.list[i]);
            continue;
        }
        assert_true(world->pending_count < WORLD_PENDING);
        int64_t takes_ms = world_takes_ms(world, actions.list[i].work);
        world->pending[world->pending_count++] =
            (struct world_pending){actions.list[i], world->now_ms + takes_ms};
    }
    world_budget(world);
}

static inline struct event world_plain(enum event_kind kind)
{
    return (struct event){.kind = kind,
                          .node = NODE_NONE,
                          .view_source = NODE_NONE,
                          .sessions = -1,
                          .connections = -1};
}

static inline void world_decide(struct world *world, enum decision decision)
{
    struct event event = world_plain(EVENT_DECISION);
    event.decision = decision;
    world_event(world, event);
}

static inline bool world_is_fault(struct world *world, const struct action *action,
                                  struct error *err)
{
    if (world->fault != NULL && world->fault(world, action, err))
        return true;
    if (world->faults_left == 0 || world->fault_node != (int)action->node ||
        world->fault_work != action->work)
        return false;
    world->faults_left--;
    error_set(err, world->fault_code, "made to fail");
    return true;
}

static inline bool world_was_done(const struct world *world, const struct action *action)
{
    for (size_t i = 0; i < world->done_count; i++)
        if (world->done[i].node == action->node && world->done[i].work == action->work &&
            world->done[i].sequence == action->sequence)
            return true;
    return false;
}

static inline void world_finish_work(struct world *world, size_t place)
{
    struct action action = world->pending[place].action;
    struct event event = world_plain(EVENT_DONE);
    event.node = action.node;
    event.work = action.work;
    event.sequence = action.sequence;
    event.is_blind = world->is_blind && action.work == WORK_LB_EMPTY;
    TEXT_COPY(event.sha256, "aa");
    world->pending[place] = world->pending[--world->pending_count];
    if (!world_was_done(world, &action)) {
        if (world_is_fault(world, &action, &event.error) || !world_do(world, &action, &event.error))
            event.kind = EVENT_FAILED;
        else if (action.node != NODE_NONE && world->done_count < WORLD_DONE)
            world->done[world->done_count++] = action;
    }
    world_event(world, event);
}

/* A view comes that was asked for at that time. */
static inline void world_see(struct world *world, int64_t asked_ms)
{
    struct cluster_view view;
    struct event event = world_plain(EVENT_VIEW);
    world_view(world, &view);
    event.view = &view;
    event.asked_ms = asked_ms;
    world_event(world, event);
}

/* One thing happens: the next work ends, a view comes, or time for a tick. */
static inline void world_next(struct world *world)
{
    size_t first = WORLD_PENDING;
    for (size_t i = 0; i < world->pending_count; i++)
        if (first == WORLD_PENDING || world->pending[i].due_ms < world->pending[first].due_ms)
            first = i;
    int64_t due_ms = first == WORLD_PENDING ? INT64_MAX : world->pending[first].due_ms;
    enum view_need need = upgrade_view_need(world->upgrade);
    int64_t view_ms =
        need == VIEW_NONE ? INT64_MAX : world->now_ms + (need == VIEW_FAST ? 15 : 1000);
    if (due_ms <= view_ms && due_ms <= world->wake_ms) {
        world->now_ms = due_ms > world->now_ms ? due_ms : world->now_ms;
        world_finish_work(world, first);
    } else if (world->wake_ms <= view_ms) {
        world->now_ms = world->wake_ms > world->now_ms ? world->wake_ms : world->now_ms;
        world_event(world, world_plain(EVENT_TICK));
    } else {
        world->now_ms = view_ms;
        world_see(world, view_ms);
    }
}

static inline bool world_has_ended(const struct world *world)
{
    if (world->upgrade->phase == PHASE_ENDED)
        return true;
    for (int i = 0; i < WORLD_NODES; i++)
        if (world->upgrade->nodes[i].place == PLACE_WORKING)
            return false;
    return world->upgrade->is_waiting && world->pending_count == 0;
}

/* Until it has ended or waits for a decision with nothing under way: rule 7 bounds the time. */
static inline void world_run(struct world *world)
{
    int64_t most_ms = world->now_ms + WORLD_MOST_MS;
    while (!world_has_ended(world)) {
        world_next(world);
        assert_true(world->now_ms < most_ms);
    }
}

static inline void world_begin(struct world *world)
{
    world_event(world, world_plain(EVENT_BEGIN));
}

/* The controller dies and another takes over with what the journal says. */
static inline void world_crash(struct world *world)
{
    free(world->upgrade);
    world->upgrade = world->journal;
    world->journal = NULL;
    world->pending_count = 0;
    world->upgrade->is_dirty = true;
    world->upgrade->dirty_nodes = (1u << WORLD_NODES) - 1;
    world_journal(world);
    world_event(world, world_plain(EVENT_RESUME));
}

/* ---- getting somewhere ---- */

static inline bool world_is_in_step(const struct world *world, uint32_t node, enum step step)
{
    const struct upgrade_node *of = &world->upgrade->nodes[node];
    return of->place == PLACE_WORKING && of->step == step;
}

static inline void world_run_until_step(struct world *world, uint32_t node, enum step step)
{
    while (!world_is_in_step(world, node, step)) {
        assert_false(world_has_ended(world));
        world_next(world);
    }
}

static inline void world_run_until_phase(struct world *world, enum phase phase)
{
    int64_t most_ms = world->now_ms + WORLD_MOST_MS;
    while (world->upgrade->phase != phase) {
        world_next(world);
        assert_true(world->now_ms < most_ms);
    }
}

static inline void world_run_for(struct world *world, int64_t ms)
{
    int64_t end_ms = world->now_ms + ms;
    while (world->now_ms < end_ms && world->upgrade->phase != PHASE_ENDED)
        world_next(world);
}

static inline void world_fail(struct world *world, uint32_t node, enum work work,
                              enum error_code code, unsigned times)
{
    world->fault_node = (int)node; /* NODE_NONE is -1: the cluster */
    world->fault_work = work;
    world->fault_code = code;
    world->faults_left = times;
}

static inline bool world_is_asked(const struct world *world, enum work work)
{
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].action.work == work)
            return true;
    return false;
}

/* Every node serves the target, and approve has not been sent. */
static inline void world_begin_and_await_approval(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world->upgrade->policy.approve_by_hand = true;
    world_begin(world);
    world_run(world);
    assert_int_equal(world->upgrade->phase, PHASE_VERIFY);
}

static inline void world_assert_all(const struct world *world, const char *version)
{
    for (int i = 0; i < WORLD_NODES; i++) {
        assert_string_equal(world->nodes[i].version, version);
        assert_string_equal(world->nodes[i].link, version);
        assert_int_equal(world->nodes[i].state, NODE_ACTIVE);
        assert_int_equal(world->nodes[i].lb, WORLD_UP);
    }
}

#endif
