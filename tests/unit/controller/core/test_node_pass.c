/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#define FIRST (WORLD_NODES - 1) /* the least busy */

static size_t count_pending(const struct world *world, enum work work)
{
    size_t count = 0;
    for (size_t i = 0; i < world->pending_count; i++)
        count += world->pending[i].action.work == work;
    return count;
}

/* The probe's answer is put off until then. */
static void put_off_probe(struct world *world, int64_t due_ms)
{
    for (size_t i = 0; i < world->pending_count; i++)
        if (world->pending[i].action.work == WORK_PROBE)
            world->pending[i].due_ms = due_ms;
}

static void member_list_is_asked_for_once_when_the_node_runs(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    world_run_until_step(&world, FIRST, STEP_ACTIVE);
    while ((world.upgrade->nodes[FIRST].works_done & WORK_BIT(WORK_PROBE)) == 0) {
        assert_int_equal(count_pending(&world, WORK_MEMBERS), 0);
        world_next(&world);
    }
    assert_int_equal(count_pending(&world, WORK_MEMBERS), 1);
    assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_ACTIVE);
    world_done(&world);
}

/* Nobody else can tell it, and what was told long before the other proofs is worth nothing. */
static void member_list_of_long_before_the_view_is_asked_for_again(void **state)
{
    struct world world;
    (void)state;
    for (int64_t late_ms = 100; late_ms <= 10000; late_ms += 9900) {
        world_init(&world, ON_FAILURE_PAUSE);
        world_begin(&world);
        world_run_until_step(&world, FIRST, STEP_ACTIVE);
        while (world.pending_count > 0) /* with no view */
            world_finish_work(&world, 0);
        assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_ACTIVE);
        world.now_ms += late_ms;
        world_see(&world, world.now_ms);
        if (late_ms < 1000) {
            assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_RETURN);
        } else {
            assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_ACTIVE);
            assert_int_equal(count_pending(&world, WORK_MEMBERS), 1);
            world_finish_work(&world, 0);
            assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_RETURN);
        }
        world_done(&world);
    }
}

/* The next leader sees a node that runs, and the same proofs are asked for in the same order. */
static void member_list_is_asked_for_by_the_next_leader_too(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    world_run_until_step(&world, FIRST, STEP_ACTIVE);
    world_crash(&world);
    assert_int_equal(count_pending(&world, WORK_PROBE), 1);
    assert_int_equal(count_pending(&world, WORK_MEMBERS), 0);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* That the node lists no members is not its fault: nobody has told that it runs. */
static void agent_that_is_silent_while_a_node_starts_is_named(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    while (!world.upgrade->is_waiting) {
        put_off_probe(&world, INT64_MAX - 1);
        world_next(&world);
    }
    assert_int_equal(world.upgrade->reason.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(world.upgrade->reason.message, "no answer to probe"));
    assert_false(world.upgrade->is_rollback_wanted);
    world_done(&world);
}

/* Its connections are still counted when its host goes down; the drain is given up at the deadline,
 * before the node is up again. */
static void node_that_reboots_while_it_is_drained_proves_itself_before_its_traffic(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    world_run_until_step(&world, FIRST, STEP_DETACH);
    world_fail(&world, FIRST, WORK_CONNECTIONS, ERROR_DENIED, 1);
    world.nodes[FIRST].is_running = false;
    world.nodes[FIRST].state = NODE_OFFLINE;
    world_see(&world, world.now_ms);
    while (world.upgrade->nodes[FIRST].pass == PASS_UP)
        world_next(&world);
    for (int64_t end_ms = world.now_ms + 5000; world.now_ms < end_ms; world_next(&world)) {
        put_off_probe(&world, INT64_MAX - 1);
        assert_int_equal(world.upgrade->nodes[FIRST].step, STEP_ACTIVE);
        assert_int_not_equal(world.nodes[FIRST].lb, WORLD_UP);
    }
    world.nodes[FIRST].is_running = true;
    world.nodes[FIRST].state = NODE_ACTIVE;
    put_off_probe(&world, world.now_ms);
    world_run(&world);
    assert_int_equal(world.nodes[FIRST].lb, WORLD_UP);
    assert_int_equal(world.upgrade->nodes[FIRST].place, PLACE_OLD);
    world_done(&world);
}

/* A worker tries to drain it, at a load balancer that is away. */
static void node_keeps_its_traffic_when_another_goes_down_before_it_is_drained(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    world_run_until_step(&world, FIRST, STEP_DRAIN);
    world.nodes[0].state = NODE_STARTING;
    world_see(&world, world.now_ms + 1);
    assert_true(world_is_in_step(&world, FIRST, STEP_RETURN));
    assert_int_equal(count_pending(&world, WORK_LB_DRAIN), 0);
    world.nodes[0].state = NODE_ACTIVE;
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.nodes[FIRST].stops, 1);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(member_list_is_asked_for_once_when_the_node_runs),
        cmocka_unit_test(member_list_of_long_before_the_view_is_asked_for_again),
        cmocka_unit_test(member_list_is_asked_for_by_the_next_leader_too),
        cmocka_unit_test(agent_that_is_silent_while_a_node_starts_is_named),
        cmocka_unit_test(node_that_reboots_while_it_is_drained_proves_itself_before_its_traffic),
        cmocka_unit_test(node_keeps_its_traffic_when_another_goes_down_before_it_is_drained),
    };
    return cmocka_run_group_tests_name("controller/core/node_pass", tests, NULL, NULL);
}
