/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around the point of no return: an approve that was refused, one by hand of a cluster that has
 * lost a node meanwhile, and one that somebody else has sent.
 */
#include "world.h"

/* ---- approve ---- */

static void begin_and_be_refused_approve(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_fail(world, NODE_NONE, WORK_APPROVE, ERROR_CONFLICT,
               1 + phase_table[PHASE_APPROVE].retries);
    world_begin(world);
    world_run(world);
    assert_int_equal(world->faults_left, 0);
    assert_int_equal(world->upgrade->phase, PHASE_VERIFY);
    assert_true(world->upgrade->is_waiting);
    assert_int_equal(world->upgrade->reason.code, ERROR_CONFLICT);
    assert_true(strncmp(world->upgrade->reason.message, "approve: ", 9) == 0);
}

static void refused_approve_waits_for_a_decision(void **state)
{
    struct world world;
    (void)state;
    begin_and_be_refused_approve(&world);
    world_run_for(&world, 600000);
    assert_int_equal(world.upgrade->phase, PHASE_VERIFY);
    assert_true(world.upgrade->is_waiting);
    assert_false(world.is_approved);
    world_done(&world);
}

static void refused_approve_can_be_rolled_back(void **state)
{
    struct world world;
    struct error err;
    (void)state;
    begin_and_be_refused_approve(&world);
    assert_true(upgrade_may_decide(world.upgrade, DECISION_ROLLBACK, &err));
    world_decide(&world, DECISION_ROLLBACK);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

static void resume_tries_approve_again_when_the_inventory_is_proved(void **state)
{
    struct world world;
    (void)state;
    begin_and_be_refused_approve(&world);
    world_decide(&world, DECISION_RESUME);
    assert_int_equal(world.upgrade->phase, PHASE_VERIFY); /* seen before it, proves nothing */
    world_run(&world);
    assert_true(world.is_approved);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void approval_of_a_cluster_that_has_lost_a_node_waits_with_a_reason(void **state)
{
    struct world world;
    (void)state;
    world_begin_and_await_approval(&world);
    world.nodes[2].state = NODE_OFFLINE;
    world_see(&world, world.now_ms);
    world_decide(&world, DECISION_APPROVE);
    assert_false(world.upgrade->is_waiting);
    assert_true(world.upgrade->deadline_ms > world.now_ms);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->phase, PHASE_VERIFY);
    assert_int_equal(world.upgrade->reason.code, ERROR_TIMEOUT);
    assert_false(world.is_approved);
    world.nodes[2].state = NODE_ACTIVE;
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* The intent is written when a node is lost; what becomes of the approval is told to nobody. */
static void begin_to_approve_and_lose_a_node(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(world);
    world_run_until_phase(world, PHASE_APPROVE);
    assert_int_equal(world->pending_count, 1);
    world->nodes[2].state = NODE_OFFLINE;
}

static void assert_waits_for_the_lost_node(struct world *world)
{
    world_run_for(world, 5000);
    assert_int_equal(world->upgrade->phase, PHASE_VERIFY);
    assert_false(world->is_approved);
    world->nodes[2].state = NODE_ACTIVE;
    world_run(world);
    assert_int_equal(world->upgrade->outcome, OUTCOME_DONE);
    assert_true(world->is_approved);
    world_done(world);
}

static void next_leader_proves_the_inventory_again_before_it_approves(void **state)
{
    struct world world;
    (void)state;
    begin_to_approve_and_lose_a_node(&world);
    world_crash(&world);
    assert_int_equal(world.pending_count, 0); /* it has seen nothing yet */
    assert_waits_for_the_lost_node(&world);
}

static void approval_that_is_tried_again_is_proved_again(void **state)
{
    struct world world;
    (void)state;
    begin_to_approve_and_lose_a_node(&world);
    world_fail(&world, NODE_NONE, WORK_APPROVE, ERROR_UNAVAILABLE, 1);
    world_see(&world, world.now_ms);
    assert_waits_for_the_lost_node(&world);
}

static void next_leader_sees_that_it_is_approved(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_phase(&world, PHASE_APPROVE);
    world.is_mode_on = false;
    world.is_approved = true;
    TEXT_COPY(world.original, "7.9.4");
    world_crash(&world);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* ---- somebody else has approved ---- */

/* While node 2 serves the target and the others the old version. */
static void begin_and_be_approved_by_others(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(world);
    world_run_until_step(world, 2, STEP_SOAK);
    world->is_mode_on = false;
    world_see(world, world->now_ms);
}

static void assert_only_2_was_touched(const struct world *world)
{
    assert_string_equal(world->nodes[2].version, "7.9.4");
    assert_int_equal(world->nodes[2].switches, 1);
    assert_int_equal(world->nodes[0].stops + world->nodes[1].stops, 0);
    for (int i = 0; i < WORLD_NODES; i++)
        assert_int_equal(world->nodes[i].lb, WORLD_UP);
}

static void approval_by_others_lets_no_further_node_begin(void **state)
{
    struct world world;
    (void)state;
    begin_and_be_approved_by_others(&world);
    world_run_for(&world, 600000);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->reason.code, ERROR_CONFLICT);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    world_decide(&world, DECISION_RESUME);
    world_run_for(&world, 600000);
    assert_true(world.upgrade->is_waiting);
    assert_only_2_was_touched(&world);
    world_done(&world);
}

static void node_that_fails_after_approval_by_others_is_not_put_back(void **state)
{
    struct world world;
    (void)state;
    begin_and_be_approved_by_others(&world);
    world_fail(&world, 2, WORK_WATCH, ERROR_RELEASE, 1);
    world_run_for(&world, 600000);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_HELD);
    assert_false(world.upgrade->is_rollback_wanted);
    assert_only_2_was_touched(&world);
    world_done(&world);
}

static void rollback_after_approval_by_others_is_refused(void **state)
{
    static const enum decision decisions[] = {DECISION_ROLLBACK, DECISION_ABORT_ROLLBACK};
    (void)state;
    for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
        struct world world;
        begin_and_be_approved_by_others(&world);
        world_run(&world);
        assert_fails(upgrade_may_decide(world.upgrade, decisions[i], &err), ERROR_CONFLICT,
                     "no way back");
        world_decide(&world, decisions[i]);
        world_run_for(&world, 600000);
        assert_only_2_was_touched(&world);
        world_done(&world);
    }
}

static void abort_ends_what_others_have_approved(void **state)
{
    struct world world;
    (void)state;
    begin_and_be_approved_by_others(&world);
    world_decide(&world, DECISION_ABORT);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ABORTED);
    assert_only_2_was_touched(&world);
    world_done(&world);
}

static void approval_by_others_of_all_nodes_at_the_target_is_as_good_as_ours(void **state)
{
    struct world world;
    (void)state;
    world_begin_and_await_approval(&world);
    world.is_mode_on = false;
    world_run_until_phase(&world, PHASE_STABLE);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.upgrade->reason.code, ERROR_NONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void last_node_under_way_makes_the_approval_by_others_good(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, 0, STEP_SOAK);
    world.is_mode_on = false;
    world_run_until_phase(&world, PHASE_STABLE);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_approve_waits_for_a_decision),
        cmocka_unit_test(refused_approve_can_be_rolled_back),
        cmocka_unit_test(resume_tries_approve_again_when_the_inventory_is_proved),
        cmocka_unit_test(approval_of_a_cluster_that_has_lost_a_node_waits_with_a_reason),
        cmocka_unit_test(next_leader_proves_the_inventory_again_before_it_approves),
        cmocka_unit_test(approval_that_is_tried_again_is_proved_again),
        cmocka_unit_test(next_leader_sees_that_it_is_approved),
        cmocka_unit_test(approval_by_others_lets_no_further_node_begin),
        cmocka_unit_test(node_that_fails_after_approval_by_others_is_not_put_back),
        cmocka_unit_test(rollback_after_approval_by_others_is_refused),
        cmocka_unit_test(abort_ends_what_others_have_approved),
        cmocka_unit_test(approval_by_others_of_all_nodes_at_the_target_is_as_good_as_ours),
        cmocka_unit_test(last_node_under_way_makes_the_approval_by_others_good),
    };
    return cmocka_run_group_tests_name("controller/core/approval", tests, NULL, NULL);
}
