/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

static const struct upgrade_node *first_node(const struct world *world)
{
    return &world->upgrade->nodes[WORLD_NODES - 1]; /* the least busy */
}

static bool has_agents_word(const struct world *world, enum work work)
{
    return (first_node(world)->works_done & WORK_BIT(work)) != 0;
}

/* While a node stops or starts, its agent tells when it has: no view lets it go on before. */
static void view_is_awaited_only_when_the_agent_has_told(void **state)
{
    static const struct {
        enum step step;
        enum work work;
    } rows[] = {{STEP_STOP, WORK_STOP}, {STEP_ACTIVE, WORK_PROBE}};
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_run_until_step(&world, WORLD_NODES - 1, rows[i].step);
        while (!has_agents_word(&world, rows[i].work)) {
            assert_int_equal(upgrade_view_need(world.upgrade), VIEW_SLOW);
            world_next(&world);
        }
        assert_int_equal(first_node(&world)->step, rows[i].step);
        assert_int_equal(upgrade_view_need(world.upgrade), VIEW_FAST);
    }
    world_done(&world);
}

static void view_is_not_needed_when_the_upgrade_has_ended(void **state)
{
    struct world world;
    (void)state;
    world_init(&world, ON_FAILURE_PAUSE);
    world_begin(&world);
    assert_int_equal(upgrade_view_need(world.upgrade), VIEW_NONE); /* it stages */
    world_run(&world);
    assert_int_equal(world.upgrade->outcome, OUTCOME_DONE);
    assert_int_equal(upgrade_view_need(world.upgrade), VIEW_NONE);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_is_awaited_only_when_the_agent_has_told),
        cmocka_unit_test(view_is_not_needed_when_the_upgrade_has_ended),
    };
    return cmocka_run_group_tests_name("controller/core/queries", tests, NULL, NULL);
}
