/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was begun once and is taken up again: nodes that were held, steps of a leader that is gone,
 * works that an agent was too busy for; and how old a view may be that proves something.
 */
#include "internal.h"
#include "world.h"

#include <limits.h>

/* Node 2, the first that is upgraded, has failed while it served the target. */
static void begin_and_fail_in_soak(struct world *world, enum on_failure on_failure)
{
    world_init(world, on_failure);
    world_fail(world, 2, WORK_WATCH, ERROR_RELEASE, 1);
    world_begin(world);
    world_run(world);
    assert_true(world->upgrade->is_waiting);
    assert_int_equal(world->upgrade->nodes[2].step, STEP_SOAK);
}

/* ---- nodes that were held ---- */

static void quarantined_node_gets_its_traffic_back_before_another_is_drained(void **state)
{
    struct world world;
    (void)state;
    begin_and_fail_in_soak(&world, ON_FAILURE_QUARANTINE);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_QUARANTINED);
    assert_int_equal(upgrade_wanted_admin(world.upgrade, 2), WANTED_DOWN);
    world.nodes[2].lb = WORLD_DOWN; /* as the shell puts it right */
    world_decide(&world, DECISION_RESUME);
    assert_true(world_is_in_step(&world, 2, STEP_ACTIVE));
    while (world.upgrade->nodes[2].place == PLACE_WORKING) {
        assert_int_equal(world.upgrade->nodes[0].place, PLACE_OLD);
        assert_int_equal(world.upgrade->nodes[1].place, PLACE_OLD);
        world_next(&world);
    }
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    assert_int_equal(world.nodes[2].lb, WORLD_UP);
    assert_int_equal(world.nodes[2].stops, 1);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void lose_node_2(struct world *world, enum node_state state)
{
    world->nodes[2].state = state;
    world->nodes[2].is_running = state != NODE_OFFLINE;
    world_see(world, world->now_ms);
}

static void held_node_that_serves_nobody_goes_through_all_steps_again(void **state)
{
    static const enum node_state states[] = {NODE_ERROR, NODE_OFFLINE};
    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct world world;
        begin_and_fail_in_soak(&world, ON_FAILURE_PAUSE);
        lose_node_2(&world, states[i]);
        world_decide(&world, DECISION_RESUME);
        for (enum step step = STEP_DRAIN; step < STEP_COUNT; step++)
            world_run_until_step(&world, 2, step);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
        assert_int_equal(world.nodes[2].starts, 2);
        world_assert_all(&world, "7.9.4");
        world_done(&world);
    }
}

static void node_at_the_target_that_fails_again_goes_the_whole_way_back(void **state)
{
    static const enum work works[] = {WORK_LB_DRAIN, WORK_LB_EMPTY, WORK_LB_DOWN, WORK_CONNECTIONS,
                                      WORK_STOP};
    static const enum node_state states[] = {NODE_ERROR, NODE_OFFLINE};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(works) / sizeof(works[0]); i++) {
        struct world world;
        begin_and_fail_in_soak(&world, ON_FAILURE_QUARANTINE);
        lose_node_2(&world, states[i % 2]);
        world_fail(&world, 2, works[i / 2], ERROR_DENIED, 1);
        world_decide(&world, DECISION_RESUME);
        world_run(&world);
        assert_true(world.upgrade->is_waiting);
        assert_int_equal(world.upgrade->nodes[2].place, PLACE_RESTORED);
        world_assert_all(&world, "7.9.0");
        world_done(&world);
    }
}

static void abort_puts_a_node_back_that_goes_through_its_steps_again(void **state)
{
    static const enum step steps[] = {STEP_DRAIN, STEP_EMPTY, STEP_DETACH, STEP_STOP};
    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct world world;
        begin_and_fail_in_soak(&world, ON_FAILURE_PAUSE);
        lose_node_2(&world, NODE_ERROR);
        world_decide(&world, DECISION_RESUME);
        world_run_until_step(&world, 2, steps[i]);
        world_decide(&world, DECISION_ABORT);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_ABORTED);
        world_assert_all(&world, "7.9.0");
        world_done(&world);
    }
}

static void begin_and_lose_1_while_2_soaks(struct world *world)
{
    world_init(world, ON_FAILURE_PAUSE);
    world->upgrade->policy.min_available = 1;
    world_begin(world);
    world_run_until_step(world, 2, STEP_SOAK);
    world->nodes[1].state = NODE_OFFLINE;
    world_see(world, world->now_ms);
    world_decide(world, DECISION_ABORT);
    assert_true(world_is_in_step(world, 2, STEP_SOAK));
    assert_int_equal(world->nodes[2].lb, WORLD_UP);
}

static void abort_takes_no_node_out_beyond_the_budget(void **state)
{
    struct world world;
    (void)state;
    begin_and_lose_1_while_2_soaks(&world);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ABORTED);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    assert_int_equal(world.nodes[2].lb, WORLD_UP);
    assert_int_equal(world.nodes[2].stops, 1);
    world_done(&world);
}

static void abort_goes_on_when_the_other_node_is_back(void **state)
{
    struct world world;
    (void)state;
    begin_and_lose_1_while_2_soaks(&world);
    world.nodes[1].state = NODE_ACTIVE;
    world_see(&world, world.now_ms);
    assert_true(world_is_in_step(&world, 2, STEP_DRAIN));
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ABORTED);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

/* Node 2 serves the target, its agent says nothing, and node 1 is down. */
static void begin_and_hold_2_while_1_is_down(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world->upgrade->policy.min_available = 1;
    world_fail(world, 2, WORK_WATCH, ERROR_DENIED, 1);
    world_begin(world);
    world_run_until_step(world, 2, STEP_SOAK);
    world->nodes[1].state = NODE_OFFLINE;
    world_see(world, world->now_ms);
    world_run(world);
    assert_true(world->upgrade->is_waiting);
    assert_int_equal(world->upgrade->nodes[2].place, PLACE_HELD);
    assert_int_equal(world->nodes[2].lb, WORLD_UP);
}

static void abort_leaves_a_held_node_that_serves_while_another_is_down(void **state)
{
    struct world world;
    (void)state;
    begin_and_hold_2_while_1_is_down(&world);
    world_decide(&world, DECISION_ABORT);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ABORTED);
    assert_int_equal(world.nodes[2].lb, WORLD_UP);
    assert_int_equal(world.nodes[2].stops, 1);
    world_done(&world);
}

static void users_of_a_node_that_serves_are_not_cut_off_for_a_silent_agent(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_fail(&world, 2, WORK_WATCH, ERROR_DENIED, 1);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_SOAK);
    while (world.upgrade->nodes[2].pass == PASS_UP)
        world_next(&world);
    world_run_until_step(&world, 2, STEP_EMPTY);
    assert_int_equal(world.upgrade->nodes[2].deadline_ms - world.upgrade->nodes[2].begun_ms,
                     world.upgrade->policy.sticky_ms);
    assert_false(world.upgrade->nodes[2].is_forced);
    world_done(&world);
}

static void silent_agent_takes_no_node_out_beyond_the_budget(void **state)
{
    struct world world;
    (void)state;
    begin_and_hold_2_while_1_is_down(&world);
    world.nodes[1].state = NODE_ACTIVE;
    world_see(&world, world.now_ms);
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.nodes[2].stops, 1);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

/* On their way back: the load balancer does not take them out, so they go on serving. */
static bool refuse_to_drain_1_and_2(struct world *world, const struct action *action,
                                    struct error *err)
{
    (void)world;
    if (action->work != WORK_LB_DRAIN || action->node == 0)
        return false;
    error_set(err, ERROR_DENIED, "read-only");
    return true;
}

static uint32_t count_place(const struct world *world, enum place place)
{
    uint32_t count = 0;
    for (int i = 0; i < WORLD_NODES; i++)
        count += world->upgrade->nodes[i].place == place;
    return count;
}

static void begin_and_hold_1_and_2_on_the_way_back(struct world *world)
{
    world_begin_and_await_approval(world);
    world->upgrade->policy.min_available = 1;
    world->fault = refuse_to_drain_1_and_2;
    world_decide(world, DECISION_ROLLBACK);
    world_run(world);
    assert_true(world->upgrade->is_waiting);
    assert_int_equal(count_place(world, PLACE_HELD), 2);
    assert_int_equal(world->nodes[1].lb, WORLD_UP);
    assert_int_equal(world->nodes[2].lb, WORLD_UP);
    world->fault = NULL;
}

static void held_nodes_that_may_serve_are_resumed_one_at_a_time(void **state)
{
    struct world world;
    (void)state;
    begin_and_hold_1_and_2_on_the_way_back(&world);
    for (uint32_t left = 2; left-- > 0;) {
        world_decide(&world, DECISION_RESUME);
        assert_int_equal(count_place(&world, PLACE_WORKING), 1);
        assert_int_equal(count_place(&world, PLACE_HELD), left);
        while (!world_has_ended(&world)) {
            world_next(&world);
            assert_true(count_place(&world, PLACE_WORKING) <= 1);
        }
    }
    assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

static void held_node_that_may_serve_is_not_drained_below_min_available(void **state)
{
    struct world world;
    (void)state;
    begin_and_hold_1_and_2_on_the_way_back(&world);
    world.nodes[0].state = NODE_OFFLINE; /* the one that is not held */
    world_see(&world, world.now_ms);
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(count_place(&world, PLACE_HELD), 2);
    assert_int_equal(world.nodes[1].lb, WORLD_UP);
    assert_int_equal(world.nodes[2].lb, WORLD_UP);
    world_done(&world);
}

/* ---- a new leader ---- */

static uint32_t sequence_of(const struct world *world, enum work work)
{
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].action.work == work)
            return world->pending[i].action.sequence;
    fail_msg("%s is not asked", work_name(work));
    return 0;
}

static void new_leader_proves_members_down_again_before_it_asks_for_a_stop(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_STOP);
    uint32_t sequence = sequence_of(&world, WORK_STOP);
    world_crash(&world);
    world.nodes[2].lb = WORLD_UP; /* it was reloaded meanwhile */
    assert_true(world_is_in_step(&world, 2, STEP_STOP));
    assert_false(world_is_asked(&world, WORK_STOP));
    while (world_is_asked(&world, WORK_LB_DOWN))
        world_next(&world);
    assert_int_equal(world.nodes[2].lb, WORLD_DOWN);
    assert_int_equal(sequence_of(&world, WORK_STOP), sequence); /* it may be under way */
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.nodes[2].stops, 1);
    world_done(&world);
}

/* The stop was carried out, and nobody was left to hear of it. The world itself asserts that no
 * node gets traffic which is not ACTIVE. */
static void lose_node_2_in_stop(struct world *world)
{
    world_run_until_step(world, 2, STEP_STOP);
    world->nodes[2].is_running = false;
    world->nodes[2].state = NODE_OFFLINE;
}

static void assert_goes_back_over_start(struct world *world)
{
    world_run_until_step(world, 2, STEP_START);
    assert_int_equal(world->upgrade->nodes[2].pass, PASS_BACK);
    assert_false(world_is_asked(world, WORK_STOP));
    world_run(world);
    assert_true(world->upgrade->is_waiting);
    assert_int_equal(world->upgrade->nodes[2].place, PLACE_OLD);
    assert_int_equal(world->nodes[2].starts, 1);
    world_assert_all(world, "7.9.0");
}

static void node_whose_members_new_leader_finds_up_goes_back_over_start(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    lose_node_2_in_stop(&world);
    world_crash(&world);
    world_fail(&world, 2, WORK_LB_DOWN, ERROR_DENIED, 1);
    assert_goes_back_over_start(&world);
    world_done(&world);
}

static void node_held_in_stop_goes_back_over_start_when_detach_fails(void **state)
{
    static const enum work works[] = {WORK_LB_DOWN, WORK_CONNECTIONS};
    (void)state;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct world world;
        world_init(&world, ON_FAILURE_PAUSE);
        world_begin(&world);
        lose_node_2_in_stop(&world);
        world_fail(&world, 2, WORK_STOP, ERROR_DENIED, 1);
        world_run(&world);
        assert_int_equal(world.upgrade->nodes[2].place, PLACE_HELD);
        world_fail(&world, 2, works[i], ERROR_DENIED, 1);
        world_decide(&world, DECISION_RESUME);
        assert_true(world_is_in_step(&world, 2, STEP_DETACH));
        assert_goes_back_over_start(&world);
        world_done(&world);
    }
}

/* There was no leader until after the deadline of what is under way. */
static void crash_beyond(struct world *world, int64_t deadline_ms)
{
    assert_true(deadline_ms > 0);
    world->now_ms = deadline_ms + 10 * WORK_GRACE_MS;
    world_crash(world);
}

static void new_leader_gives_works_of_a_node_more_time(void **state)
{
    (void)state;
    for (enum step step = STEP_EMPTY; step < STEP_COUNT; step++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world_begin(&world);
        world_run_until_step(&world, 2, step);
        crash_beyond(&world, world.upgrade->nodes[2].deadline_ms);
        assert_true(world_is_in_step(&world, 2, step));
        assert_int_equal(world.upgrade->nodes[2].deadline_ms, world.now_ms + TAKE_OVER_MS);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
        world_assert_all(&world, "7.9.4");
        world_done(&world);
    }
}

static void new_leader_asks_for_a_drain_again_when_it_has_seen_the_others(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_DRAIN);
    world_crash(&world);
    assert_true(world_is_in_step(&world, 2, STEP_DRAIN));
    assert_true(world.upgrade->nodes[2].retry_ms > world.now_ms);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.nodes[2].stops, 1);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

/* It went down while nobody led. */
static void new_leader_gives_a_node_back_where_the_budget_is_used_up(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_DRAIN);
    world.nodes[0].state = NODE_STARTING;
    world_crash(&world);
    world_run_until_step(&world, 2, STEP_RETURN);
    assert_int_equal(world.upgrade->nodes[2].pass, PASS_BACK);
    world.nodes[0].state = NODE_ACTIVE;
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

/* Its state at the end of a time without a leader, which was to give it its traffic back. */
static void lose_leader_at_return(struct world *world, enum node_state state)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(world);
    world_run_until_step(world, 2, STEP_RETURN);
    world->nodes[2].state = state;
    world_crash(world);
    assert_true(world_is_in_step(world, 2, STEP_RETURN));
    assert_int_equal(world->upgrade->nodes[2].retry_ms, world->now_ms + RETURN_BLIND_MS);
    world_see(world, world->now_ms);
}

static void new_leader_returns_a_node_that_it_sees_active(void **state)
{
    struct world world;
    (void)state;
    lose_leader_at_return(&world, NODE_ACTIVE);
    assert_true(world_is_in_step(&world, 2, STEP_RETURN));
    assert_int_equal(world.upgrade->nodes[2].retry_ms, 0);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void new_leader_lets_a_node_prove_itself_again_that_it_does_not_see_active(void **state)
{
    struct world world;
    (void)state;
    lose_leader_at_return(&world, NODE_STARTING);
    assert_true(world_is_in_step(&world, 2, STEP_ACTIVE));
    assert_int_not_equal(world.nodes[2].lb, WORLD_UP);
    world.nodes[2].state = NODE_ACTIVE;
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void new_leader_gives_a_phase_more_time(void **state)
{
    static const enum phase phases[] = {PHASE_STAGE,   PHASE_MODE_ON, PHASE_VERIFY,
                                        PHASE_APPROVE, PHASE_STABLE,  PHASE_PRUNE};
    (void)state;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world_begin(&world);
        world_run_until_phase(&world, phases[i]);
        crash_beyond(&world, world.upgrade->deadline_ms);
        assert_int_equal(world.upgrade->phase, phases[i]);
        assert_int_equal(world.upgrade->deadline_ms, world.now_ms + TAKE_OVER_MS);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
        world_done(&world);
    }
}

static void new_leader_takes_no_time_away(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_ACTIVE);
    int64_t deadline_ms = world.upgrade->nodes[2].deadline_ms;
    assert_true(deadline_ms > world.now_ms + TAKE_OVER_MS);
    world_crash(&world);
    assert_int_equal(world.upgrade->nodes[2].deadline_ms, deadline_ms);
    world_done(&world);
}

/* ---- an agent that is busy ---- */

static void busy_agent_is_asked_again_and_no_attempt_is_counted(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_fail(&world, 2, WORK_SWITCH, ERROR_BUSY, 10 * step_table[STEP_SWITCH].retries);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_SWITCH);
    while (world_is_in_step(&world, 2, STEP_SWITCH)) {
        assert_int_equal(world.upgrade->nodes[2].attempt, 0);
        world_next(&world);
    }
    assert_int_equal(world.faults_left, 0);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void agent_that_stays_busy_fails_the_step_at_its_deadline(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_fail(&world, 2, WORK_SWITCH, ERROR_BUSY, UINT_MAX);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_SWITCH);
    int64_t begun_ms = world.now_ms;
    while (world_is_in_step(&world, 2, STEP_SWITCH) && world.upgrade->nodes[2].pass == PASS_UP)
        world_next(&world);
    assert_in_range(world.now_ms - begun_ms, BOUND_SWITCH_MS, BOUND_SWITCH_MS + WORK_GRACE_MS);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->reason.code, ERROR_BUSY);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

static void agent_that_is_busy_before_the_stage_is_waited_for(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_fail(&world, 1, WORK_STAGE, ERROR_BUSY, 10 * phase_table[PHASE_STAGE].retries);
    world_begin(&world);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* ---- views ---- */

/* All works of the step are done, and nothing has been seen since it began. */
static void begin_and_lack_the_proof_of_active(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(world);
    world_run_until_step(world, 2, STEP_ACTIVE);
    while (world->pending_count > 0)
        world_finish_work(world, 0);
    assert_true(world_is_in_step(world, 2, STEP_ACTIVE));
    world->now_ms += 500;
}

static void view_asked_before_a_step_began_proves_nothing_for_it(void **state)
{
    struct world world;
    (void)state;
    begin_and_lack_the_proof_of_active(&world);
    int64_t begun_ms = world.upgrade->nodes[2].begun_ms;
    world_see(&world, begun_ms - 1);
    assert_true(world_is_in_step(&world, 2, STEP_ACTIVE));
    world_see(&world, begun_ms);
    assert_true(world_is_in_step(&world, 2, STEP_RETURN));
    world_done(&world);
}

static void view_asked_before_a_step_began_fails_nobody(void **state)
{
    struct world world;
    (void)state;
    begin_and_lack_the_proof_of_active(&world);
    int64_t begun_ms = world.upgrade->nodes[2].begun_ms;
    world.nodes[2].state = NODE_ERROR;
    world_see(&world, begun_ms - 1);
    assert_int_equal(world.upgrade->nodes[2].pass, PASS_UP);
    world_see(&world, begun_ms);
    assert_int_equal(world.upgrade->nodes[2].pass, PASS_BACK);
    world_done(&world);
}

static void view_asked_before_a_phase_began_proves_nothing_for_it(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_phase(&world, PHASE_MODE_ON);
    while (world.pending_count > 0)
        world_finish_work(&world, 0);
    int64_t begun_ms = world.upgrade->phase_begun_ms;
    world.now_ms += 500;
    world_see(&world, begun_ms - 1);
    assert_int_equal(world.upgrade->phase, PHASE_MODE_ON);
    world_see(&world, begun_ms);
    assert_int_equal(world.upgrade->phase, PHASE_NODES);
    world_done(&world);
}

/* ---- load balancers ---- */

static void members_should_be_down_from_detach_on(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_EMPTY);
    assert_int_equal(upgrade_wanted_admin(world.upgrade, 2), WANTED_DRAIN);
    for (enum step step = STEP_DETACH; step < STEP_RETURN; step++) {
        world_run_until_step(&world, 2, step);
        assert_int_equal(upgrade_wanted_admin(world.upgrade, 2), WANTED_DOWN);
    }
    world_run_until_step(&world, 2, STEP_RETURN);
    assert_int_equal(upgrade_wanted_admin(world.upgrade, 2), WANTED_ANY);
    world_run_until_step(&world, 2, STEP_SOAK);
    assert_int_equal(upgrade_wanted_admin(world.upgrade, 2), WANTED_UP);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quarantined_node_gets_its_traffic_back_before_another_is_drained),
        cmocka_unit_test(held_node_that_serves_nobody_goes_through_all_steps_again),
        cmocka_unit_test(node_at_the_target_that_fails_again_goes_the_whole_way_back),
        cmocka_unit_test(abort_puts_a_node_back_that_goes_through_its_steps_again),
        cmocka_unit_test(abort_takes_no_node_out_beyond_the_budget),
        cmocka_unit_test(abort_goes_on_when_the_other_node_is_back),
        cmocka_unit_test(abort_leaves_a_held_node_that_serves_while_another_is_down),
        cmocka_unit_test(users_of_a_node_that_serves_are_not_cut_off_for_a_silent_agent),
        cmocka_unit_test(silent_agent_takes_no_node_out_beyond_the_budget),
        cmocka_unit_test(held_nodes_that_may_serve_are_resumed_one_at_a_time),
        cmocka_unit_test(held_node_that_may_serve_is_not_drained_below_min_available),
        cmocka_unit_test(new_leader_proves_members_down_again_before_it_asks_for_a_stop),
        cmocka_unit_test(node_whose_members_new_leader_finds_up_goes_back_over_start),
        cmocka_unit_test(node_held_in_stop_goes_back_over_start_when_detach_fails),
        cmocka_unit_test(new_leader_gives_works_of_a_node_more_time),
        cmocka_unit_test(new_leader_asks_for_a_drain_again_when_it_has_seen_the_others),
        cmocka_unit_test(new_leader_gives_a_node_back_where_the_budget_is_used_up),
        cmocka_unit_test(new_leader_returns_a_node_that_it_sees_active),
        cmocka_unit_test(new_leader_lets_a_node_prove_itself_again_that_it_does_not_see_active),
        cmocka_unit_test(new_leader_gives_a_phase_more_time),
        cmocka_unit_test(new_leader_takes_no_time_away),
        cmocka_unit_test(busy_agent_is_asked_again_and_no_attempt_is_counted),
        cmocka_unit_test(agent_that_stays_busy_fails_the_step_at_its_deadline),
        cmocka_unit_test(agent_that_is_busy_before_the_stage_is_waited_for),
        cmocka_unit_test(view_asked_before_a_step_began_proves_nothing_for_it),
        cmocka_unit_test(view_asked_before_a_step_began_fails_nobody),
        cmocka_unit_test(view_asked_before_a_phase_began_proves_nothing_for_it),
        cmocka_unit_test(members_should_be_down_from_detach_on),
    };
    return cmocka_run_group_tests_name("controller/core/recovery", tests, NULL, NULL);
}
