/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static void upgrade_brings_every_node_to_the_target(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_true(world.is_approved);
    world_assert_all(&world, "7.9.4");
    for (int i = 0; i < WORLD_NODES; i++) {
        assert_int_equal(world.nodes[i].stops, 1);
        assert_int_equal(world.nodes[i].starts, 1);
        assert_int_equal(world.nodes[i].switches, 1);
    }
    world_done(&world);
}

static void least_busy_node_is_first(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    while (world.upgrade->nodes[0].place == PLACE_OLD &&
           world.upgrade->nodes[1].place == PLACE_OLD && world.upgrade->nodes[2].place == PLACE_OLD)
        world_next(&world);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_WORKING);
    world_done(&world);
}

/* Each node in turn reports ERROR at the new version. */
static void error_at_the_new_version_puts_the_cluster_back(void **state)
{
    (void)state;
    for (uint32_t node = 0; node < WORLD_NODES; node++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world.error_version = "7.9.4";
        world.error_node = node;
        world_begin(&world);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
        assert_int_equal(world.upgrade->reason.code, ERROR_RELEASE);
        assert_false(world.is_mode_on);
        assert_false(world.is_approved);
        world_assert_all(&world, "7.9.0");
        world_done(&world);
    }
}

static void error_with_rollback_node_puts_that_node_back_and_waits(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_NODE);
    world.error_version = "7.9.4";
    world.error_node = 1;
    world_begin(&world);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->nodes[1].place, PLACE_RESTORED);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    assert_string_equal(world.nodes[1].version, "7.9.0");
    world.error_node = NODE_NONE; /* mended */
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void error_with_pause_holds_the_node_until_resume(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world.error_version = "7.9.4";
    world.error_node = 2;
    world_begin(&world);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_HELD);
    assert_int_equal(world.nodes[2].lb, WORLD_DOWN);
    world.error_node = NODE_NONE;
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.upgrade->reason.code, ERROR_NONE); /* it went well in the end */
    world_done(&world);
}

static void held_node_is_out_of_service_since_its_drain(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world.error_version = "7.9.4";
    world.error_node = 2;
    world_begin(&world);
    world_run(&world);
    const struct upgrade_node *node = &world.upgrade->nodes[2];
    int64_t drained_ms = node->step_begun_ms[PASS_UP][STEP_DRAIN];
    int64_t stopped_ms = node->step_begun_ms[PASS_UP][STEP_STOP];
    assert_true(drained_ms > 0);
    world.now_ms += 60000; /* somebody mends it */
    world.error_node = NODE_NONE;
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(node->pass_begun_ms[PASS_UP], drained_ms);
    assert_int_equal(node->step_begun_ms[PASS_UP][STEP_DRAIN], drained_ms);
    assert_true(node->step_begun_ms[PASS_UP][STEP_STOP] >= stopped_ms + 60000);
    world_done(&world);
}

static void quarantined_node_stays_out_and_is_never_approved_away(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_QUARANTINE);
    world.upgrade->policy.max_unavailable = 2;
    world.upgrade->policy.min_available = 1;
    world.error_version = "7.9.4";
    world.error_node = 2;
    world_begin(&world);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_false(world.is_approved);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_QUARANTINED);
    assert_int_equal(world.upgrade->nodes[0].place, PLACE_NEW);
    assert_int_equal(world.upgrade->nodes[1].place, PLACE_NEW);
    assert_int_equal(world.nodes[2].lb, WORLD_DOWN);
    world_decide(&world, DECISION_ROLLBACK);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_ROLLED_BACK);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

/* A fault of the environment at each work of a node: the node serves again and a person is asked,
 * the cluster is not rolled back, and resume finishes the upgrade. */
static void environment_fault_never_rolls_the_cluster_back(void **state)
{
    static const enum work works[] = {WORK_LB_DRAIN, WORK_LB_EMPTY, WORK_LB_DOWN, WORK_STOP,
                                      WORK_SWITCH,   WORK_START,    WORK_MEMBERS};
    (void)state;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world.fault_node = 1;
        world.fault_work = works[i];
        world.fault_code = ERROR_DENIED;
        world.faults_left = 1;
        world_begin(&world);
        world_run(&world);
        assert_true(world.upgrade->is_waiting);
        assert_false(world.upgrade->is_rollback_wanted);
        assert_int_equal(world.nodes[1].lb, WORLD_UP);
        assert_string_equal(world.nodes[1].version, "7.9.0");
        world_decide(&world, DECISION_RESUME);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
        world_assert_all(&world, "7.9.4");
        world_done(&world);
    }
}

static void transient_fault_is_tried_again_without_asking(void **state)
{
    static const enum work works[] = {WORK_LB_DRAIN, WORK_STOP, WORK_SWITCH, WORK_LB_UP};
    (void)state;
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world.fault_node = 0;
        world.fault_work = works[i];
        world.fault_code = ERROR_UNAVAILABLE;
        world.faults_left = 1;
        world_begin(&world);
        world_run(&world);
        assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
        world_assert_all(&world, "7.9.4");
        world_done(&world);
    }
}

static void stage_failure_ends_it_before_anything_is_touched(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world.fault_node = 2;
    world.fault_work = WORK_STAGE;
    world.fault_code = ERROR_INTEGRITY;
    world.faults_left = 1;
    world_begin(&world);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_FAILED);
    assert_false(world.is_mode_on);
    assert_int_equal(world.nodes[2].stops, 0);
    world_assert_all(&world, "7.9.0");
    world_done(&world);
}

/* The first node says what it has staged before the others do, who say "aa". */
static void begin_with_staged(struct world *world, const char *sha256)
{
    struct event event = world_plain(EVENT_DONE);
    world_init(world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(world);
    event.node = 0;
    event.work = WORK_STAGE;
    event.sequence = world->upgrade->nodes[0].sequence;
    TEXT_COPY(event.sha256, sha256);
    world_event(world, event);
}

static void nodes_that_staged_different_bytes_are_refused(void **state)
{
    struct world world;
    (void)state;
    begin_with_staged(&world, "bb");
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_FAILED);
    assert_int_equal(world.upgrade->reason.code, ERROR_INTEGRITY);
    world_done(&world);
}

/* A command that is repeated must be the same one, or the agent refuses its id. */
static void what_the_first_node_has_staged_does_not_change_what_is_asked(void **state)
{
    struct world world;
    (void)state;
    begin_with_staged(&world, "aa");
    assert_string_equal(world.upgrade->nodes[0].sha256, "aa");
    assert_string_equal(world.upgrade->sha256, "");
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void approve_by_hand_waits_for_the_approver(void **state)
{
    struct world world;
    struct error err;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world.upgrade->policy.approve_by_hand = true;
    world_begin(&world);
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->phase, PHASE_VERIFY);
    assert_false(world.is_approved);
    assert_true(upgrade_may_decide(world.upgrade, DECISION_APPROVE, &err));
    world_decide(&world, DECISION_APPROVE);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(world.upgrade->reason.code, ERROR_NONE);
    world_done(&world);
}

static void approval_that_was_awaited_is_no_reason_of_a_rollback(void **state)
{
    static const enum decision decisions[] = {DECISION_ABORT, DECISION_ROLLBACK};
    (void)state;
    for (size_t d = 0; d < sizeof(decisions) / sizeof(decisions[0]); d++) {
        struct world world;
        world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
        world.upgrade->policy.approve_by_hand = true;
        world_begin(&world);
        world_run(&world);
        assert_int_equal(world.upgrade->reason.code, ERROR_CONFLICT);
        world_decide(&world, decisions[d]);
        world_run(&world);
        assert_int_equal(world.upgrade->phase, PHASE_ENDED);
        assert_int_equal(world.upgrade->reason.code, ERROR_NONE);
        world_done(&world);
    }
}

/* A node of the inventory that is OFFLINE does not count for Bitbucket; it does for us. */
static void offline_node_of_the_inventory_blocks_approve(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    while (world.upgrade->phase != PHASE_VERIFY)
        world_next(&world);
    world.nodes[2].state = NODE_OFFLINE;
    world.upgrade->policy.min_available = 0; /* the world's own check of serving nodes */
    world_run(&world);
    assert_true(world.upgrade->is_waiting);
    assert_false(world.is_approved);
    world_done(&world);
}

static void see_traffic(struct world *world, uint32_t node, bool is_taken)
{
    struct event event = world_plain(EVENT_TRAFFIC);
    event.node = node;
    event.is_taken = is_taken;
    world_event(world, event);
}

/* While bb3, the first to be upgraded, is watched, somebody takes this node out. */
static void run_with_one_taken(struct world *world, uint32_t node)
{
    world_init(world, ON_FAILURE_PAUSE);
    world->upgrade->policy.min_available = 1;
    world_begin(world);
    world_run_until_step(world, 2, STEP_SOAK);
    see_traffic(world, node, true);
    assert_int_equal(world->upgrade->dirty_nodes, 1u << node);
    see_traffic(world, node, true);
    assert_int_equal(world->upgrade->dirty_nodes, 0);
    world_run(world);
    assert_true(world->upgrade->is_waiting);
}

static void node_that_somebody_took_out_counts_as_out_and_stays_out(void **state)
{
    struct world world;
    (void)state;
    run_with_one_taken(&world, 0);
    assert_int_equal(world.upgrade->reason.code, ERROR_CONFLICT);
    assert_non_null(strstr(world.upgrade->reason.message, "bb1"));
    assert_int_equal(world.upgrade->nodes[0].place, PLACE_OLD);
    assert_int_equal(world.upgrade->nodes[1].place, PLACE_OLD);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    see_traffic(&world, 0, false);
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_assert_all(&world, "7.9.4");
    world_done(&world);
}

static void node_that_somebody_takes_out_in_its_soak_counts_as_out_after_it(void **state)
{
    struct world world;
    (void)state;
    run_with_one_taken(&world, 2);
    assert_non_null(strstr(world.upgrade->reason.message, "bb3"));
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    assert_int_equal(world.upgrade->nodes[0].place, PLACE_OLD);
    assert_int_equal(world.upgrade->nodes[1].place, PLACE_OLD);
    world_done(&world);
}

static void our_own_drain_is_not_taken_for_somebody_elses(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_EMPTY);
    see_traffic(&world, 2, true);
    assert_false(world.upgrade->nodes[2].is_taken);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void begin_behind_a_blind_lb(struct world *world, int64_t busy_ms)
{
    world_init(world, ON_FAILURE_PAUSE);
    world->is_blind = true;
    world->busy_ms = busy_ms;
    world_begin(world);
    world_run_until_step(world, 2, STEP_EMPTY);
}

static void behind_a_blind_lb_the_nodes_own_connections_show_that_it_is_empty(void **state)
{
    struct world world;
    (void)state;
    begin_behind_a_blind_lb(&world, 5000);
    world_run_until_step(&world, 2, STEP_DETACH);
    assert_in_range(world.upgrade->nodes[2].step_took_ms[PASS_UP][STEP_EMPTY], 5000, 5100);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void behind_a_blind_lb_sticky_clients_are_waited_for_and_no_longer(void **state)
{
    struct world world;
    (void)state;
    begin_behind_a_blind_lb(&world, 40000);
    world.upgrade->policy.drain_deadline_ms = 100000;
    world_run_until_step(&world, 2, STEP_DETACH);
    assert_int_equal(world.upgrade->nodes[2].step_took_ms[PASS_UP][STEP_EMPTY], 30000);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void agent_that_gives_up_counting_does_not_end_the_wait_for_sticky_clients(void **state)
{
    struct world world;
    (void)state;
    begin_behind_a_blind_lb(&world, 5000);
    world_fail(&world, 2, WORK_CONNECTIONS, ERROR_TIMEOUT, 1);
    world_run_until_step(&world, 2, STEP_DETACH);
    assert_int_equal(world.upgrade->nodes[2].step_took_ms[PASS_UP][STEP_EMPTY], 30000);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void wait_behind_a_blind_lb_survives_its_leader(void **state)
{
    struct world world;
    (void)state;
    begin_behind_a_blind_lb(&world, 5000);
    world_run_for(&world, 1000);
    assert_true(world_is_asked(&world, WORK_CONNECTIONS));
    world_crash(&world);
    assert_true(world_is_asked(&world, WORK_CONNECTIONS));
    assert_true(world_is_in_step(&world, 2, STEP_EMPTY));
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

static void without_a_time_for_sticky_clients_nobody_waits_for_them(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world.upgrade->policy.sticky_ms = 0;
    world.is_blind = true;
    world.busy_ms = 5000;
    world_begin(&world);
    world_run_until_step(&world, 2, STEP_DETACH);
    assert_in_range(world.upgrade->nodes[2].step_took_ms[PASS_UP][STEP_EMPTY], 0, 20);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* Every number of events before an abort or a rollback is asked for. */
/* A node that was never touched is in ERROR: the cluster stays MIXED. */
static void decision_while_the_way_out_waits_tries_it_again_with_a_deadline(void **state)
{
    static const enum decision decisions[] = {DECISION_ROLLBACK, DECISION_ABORT,
                                              DECISION_ABORT_ROLLBACK};
    (void)state;
    for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
        struct world world;
        world_init(&world, ON_FAILURE_PAUSE);
        world_begin(&world);
        world_run_until_step(&world, 2, STEP_DRAIN);
        world.nodes[0].state = NODE_ERROR;
        world_decide(&world, DECISION_ABORT_ROLLBACK);
        world_run(&world);
        assert_int_equal(world.upgrade->phase, PHASE_READY);
        assert_true(world.upgrade->is_waiting);
        world_decide(&world, decisions[i]);
        assert_false(world.upgrade->is_waiting);
        assert_true(world.upgrade->deadline_ms > world.now_ms);
        world.nodes[0].state = NODE_ACTIVE;
        world_run(&world);
        assert_int_equal(world.upgrade->phase, PHASE_ENDED);
        world_done(&world);
    }
}

static void abort_is_legal_in_every_state(void **state)
{
    static const enum decision decisions[] = {DECISION_ABORT, DECISION_ABORT_ROLLBACK,
                                              DECISION_ROLLBACK};
    (void)state;
    for (size_t d = 0; d < sizeof(decisions) / sizeof(decisions[0]); d++) {
        bool has_more = true;
        for (unsigned at = 1; has_more; at++) {
            struct world world;
            struct error err;
            world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
            world_begin(&world);
            while (world.events < at && !world_has_ended(&world))
                world_next(&world);
            has_more = !world_has_ended(&world);
            bool is_past = phase_table[world.upgrade->phase].is_past_return || !has_more;
            bool is_legal = upgrade_may_decide(world.upgrade, decisions[d], &err);
            assert_true(is_legal || (is_past && decisions[d] != DECISION_ABORT));
            world_decide(&world, decisions[d]);
            world_run(&world);
            assert_int_equal(world.upgrade->phase, PHASE_ENDED);
            if (is_past)
                world_assert_all(&world, "7.9.4");
            else if (decisions[d] != DECISION_ABORT)
                world_assert_all(&world, "7.9.0");
            else
                assert_true(world.upgrade->outcome == OUTCOME_ABORTED);
            for (int i = 0; i < WORLD_NODES; i++)
                assert_int_equal(world.nodes[i].lb, WORLD_UP); /* nobody is left behind */
            world_done(&world);
        }
    }
}

/* The controller dies after every event, and what the journal says is enough. */
static void crash_after_any_event_changes_nothing(void **state)
{
    (void)state;
    for (int with_error = 0; with_error < 2; with_error++) {
        bool has_more = true;
        for (unsigned at = 1; has_more; at++) {
            struct world world;
            world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
            world.error_version = with_error ? "7.9.4" : NULL;
            world.error_node = 1;
            world_begin(&world);
            while (world.events < at && !world_has_ended(&world))
                world_next(&world);
            has_more = !world_has_ended(&world);
            world_crash(&world);
            world_run(&world);
            assert_int_equal(world.upgrade->outcome,
                             with_error ? OUTCOME_ROLLED_BACK : OUTCOME_DONE);
            world_assert_all(&world, with_error ? "7.9.0" : "7.9.4");
            for (int i = 0; i < WORLD_NODES; i++)
                assert_true(world.nodes[i].starts <= 1 + with_error);
            world_done(&world);
        }
    }
}

static void pause_lets_the_node_finish_and_begins_no_other(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    while (world.upgrade->nodes[2].place != PLACE_WORKING)
        world_next(&world);
    world_decide(&world, DECISION_PAUSE);
    for (int i = 0; i < 2000; i++)
        world_next(&world);
    assert_int_equal(world.upgrade->nodes[2].place, PLACE_NEW);
    assert_int_equal(world.upgrade->nodes[1].place, PLACE_OLD);
    world_decide(&world, DECISION_RESUME);
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

/* Requests that never end: after the deadline the node goes back to serving and a person decides.
 */
static void drain_deadline_with_abort_keeps_the_node_serving(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world_begin(&world);
    while (!world_has_ended(&world)) {
        for (size_t i = 0; i < world.pending_count; i++) {
            enum work work = world.pending[i].action.work;
            if (work == WORK_LB_EMPTY || work == WORK_LB_DOWN) {
                world.nodes[world.pending[i].action.node].lb =
                    work == WORK_LB_DOWN ? WORLD_DOWN : WORLD_DRAIN;
                world.pending[i].due_ms = INT64_MAX - 1;
            }
        }
        world_next(&world);
    }
    assert_true(world.upgrade->is_waiting);
    assert_int_equal(world.upgrade->reason.code, ERROR_TIMEOUT);
    assert_false(world_is_asked(&world, WORK_LB_DOWN));
    assert_int_equal(world.nodes[2].stops, 0);
    assert_int_equal(world.nodes[2].lb, WORLD_UP);
    world_done(&world);
}

static void drain_deadline_with_force_cuts_and_goes_on(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_ROLLBACK_CLUSTER);
    world.upgrade->policy.force_at_drain_deadline = true;
    world_begin(&world);
    bool has_cut = false;
    while (!world_has_ended(&world)) {
        for (size_t i = 0; i < world.pending_count; i++) {
            enum work work = world.pending[i].action.work;
            has_cut = has_cut || work == WORK_LB_CUT;
            if (work == WORK_LB_EMPTY || work == WORK_LB_DOWN) {
                world.nodes[world.pending[i].action.node].lb =
                    work == WORK_LB_DOWN ? WORLD_DOWN : WORLD_DRAIN;
                world.pending[i].due_ms = INT64_MAX - 1;
            }
        }
        world_next(&world);
    }
    assert_true(has_cut);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_brings_every_node_to_the_target),
        cmocka_unit_test(least_busy_node_is_first),
        cmocka_unit_test(error_at_the_new_version_puts_the_cluster_back),
        cmocka_unit_test(error_with_rollback_node_puts_that_node_back_and_waits),
        cmocka_unit_test(error_with_pause_holds_the_node_until_resume),
        cmocka_unit_test(held_node_is_out_of_service_since_its_drain),
        cmocka_unit_test(quarantined_node_stays_out_and_is_never_approved_away),
        cmocka_unit_test(environment_fault_never_rolls_the_cluster_back),
        cmocka_unit_test(transient_fault_is_tried_again_without_asking),
        cmocka_unit_test(stage_failure_ends_it_before_anything_is_touched),
        cmocka_unit_test(nodes_that_staged_different_bytes_are_refused),
        cmocka_unit_test(what_the_first_node_has_staged_does_not_change_what_is_asked),
        cmocka_unit_test(approve_by_hand_waits_for_the_approver),
        cmocka_unit_test(approval_that_was_awaited_is_no_reason_of_a_rollback),
        cmocka_unit_test(offline_node_of_the_inventory_blocks_approve),
        cmocka_unit_test(node_that_somebody_took_out_counts_as_out_and_stays_out),
        cmocka_unit_test(node_that_somebody_takes_out_in_its_soak_counts_as_out_after_it),
        cmocka_unit_test(our_own_drain_is_not_taken_for_somebody_elses),
        cmocka_unit_test(behind_a_blind_lb_the_nodes_own_connections_show_that_it_is_empty),
        cmocka_unit_test(behind_a_blind_lb_sticky_clients_are_waited_for_and_no_longer),
        cmocka_unit_test(agent_that_gives_up_counting_does_not_end_the_wait_for_sticky_clients),
        cmocka_unit_test(wait_behind_a_blind_lb_survives_its_leader),
        cmocka_unit_test(without_a_time_for_sticky_clients_nobody_waits_for_them),
        cmocka_unit_test(decision_while_the_way_out_waits_tries_it_again_with_a_deadline),
        cmocka_unit_test(abort_is_legal_in_every_state),
        cmocka_unit_test(crash_after_any_event_changes_nothing),
        cmocka_unit_test(pause_lets_the_node_finish_and_begins_no_other),
        cmocka_unit_test(drain_deadline_with_abort_keeps_the_node_serving),
        cmocka_unit_test(drain_deadline_with_force_cuts_and_goes_on),
    };
    return cmocka_run_group_tests_name("controller/core/upgrade", tests, NULL, NULL);
}
