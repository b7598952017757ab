/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis has lost everything, the leader is gone, and the copy of the journal that is left is of
 * some time ago: what the leader did since then is there to be seen, and nowhere written down.
 */
#include "world.h"

#define FIRST  (WORLD_NODES - 1) /* the least busy; the others follow downwards */
#define SECOND (FIRST - 1)

static struct upgrade *copy_of(const struct upgrade *upgrade)
{
    struct upgrade *copy = upgrade_new(WORLD_NODES);
    memcpy(copy, upgrade, sizeof(*copy) + WORLD_NODES * sizeof(copy->nodes[0]));
    return copy;
}

/* Another begins with the copy; whatever it asks for. */
static void begin_with(struct world *world, struct upgrade *copy)
{
    free(world->upgrade);
    free(world->journal);
    world->journal = NULL;
    world->upgrade = copy;
    world->pending_count = 0;
    upgrade_skip_ids(copy);
    upgrade_mark_all(copy);
    world_journal(world);
    world_event(world, world_plain(EVENT_RESUME));
}

/* All serve the target; the copy is of when they began to. */
static void lose_what_followed(struct world *world)
{
    struct upgrade *copy = copy_of(world->upgrade);
    world_run(world);
    assert_int_equal(world->upgrade->phase, PHASE_VERIFY);
    begin_with(world, copy);
}

static void begin_and_lose_what_followed_the_first_stop(struct world *world)
{
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world->upgrade->policy.approve_by_hand = true;
    world_begin(world);
    world_run_until_step(world, FIRST, STEP_STOP);
    lose_what_followed(world);
}

static void nothing_is_asked_for_under_an_id_of_the_lost_leader(void **state)
{
    struct world world;
    (void)state;
    begin_and_lose_what_followed_the_first_stop(&world);
    while (!world_has_ended(&world)) {
        for (size_t i = 0; i < world.pending_count; i++)
            assert_false(world_was_done(&world, &world.pending[i].action));
        world_next(&world);
    }
    assert_int_equal(world.upgrade->phase, PHASE_VERIFY);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

/* Of that node the journal says that it was stopped and not switched: so it is only started again,
 * which fails, and a person lets it go the whole way. */
static void node_that_was_switched_unknown_to_the_journal_goes_back_when_resumed(void **state)
{
    struct world world;
    (void)state;
    begin_and_lose_what_followed_the_first_stop(&world);
    world_decide(&world, DECISION_ROLLBACK);
    world_run(&world);
    assert_int_equal(world.upgrade->nodes[FIRST].place, PLACE_HELD);
    assert_non_null(strstr(world.upgrade->reason.message, "last seen ACTIVE 7.9.4"));
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
    assert_false(world.is_mode_on);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

/* The journal says that no node was touched. */
static void rollback_puts_back_what_is_seen_at_the_target(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world.upgrade->policy.approve_by_hand = true;
    world_begin(&world);
    world_run_until_phase(&world, PHASE_MODE_ON);
    lose_what_followed(&world);
    world_decide(&world, DECISION_ROLLBACK);
    assert_int_equal(world.upgrade->phase, PHASE_READY);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
    assert_false(world.is_mode_on);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

static void approval_that_a_rollback_meets_is_no_rollback(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_phase(&world, PHASE_MODE_ON);
    struct upgrade *copy = copy_of(world.upgrade);
    world_run(&world);
    copy->phase = PHASE_BACK;
    copy->works = copy->works_done = 0;
    copy->is_rollback_wanted = true;
    copy->ending = OUTCOME_ROLLED_BACK;
    begin_with(&world, copy);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void approval_that_all_nodes_follow_is_an_end(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run_until_step(&world, SECOND, STEP_DRAIN);
    struct upgrade *copy = copy_of(world.upgrade);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    begin_with(&world, copy);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_false(world.upgrade->is_waiting);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_for_under_an_id_of_the_lost_leader),
        cmocka_unit_test(rollback_puts_back_what_is_seen_at_the_target),
        cmocka_unit_test(node_that_was_switched_unknown_to_the_journal_goes_back_when_resumed),
        cmocka_unit_test(approval_that_a_rollback_meets_is_no_rollback),
        cmocka_unit_test(approval_that_all_nodes_follow_is_an_end),
    };
    return cmocka_run_group_tests_name("controller/core/old_copy", tests, NULL, NULL);
}
