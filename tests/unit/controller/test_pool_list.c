/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_list.h"

#include "common/unit_test.h"

#include <stdlib.h>

static struct pool_job job_of(uint32_t node, enum work work, uint32_t sequence)
{
    return (struct pool_job){.cluster = 1, .node = node, .work = work, .sequence = sequence};
}

static void the_job_that_is_due_first_is_next(void **state)
{
    struct pool_list list = {0};
    struct pool_job early = job_of(0, WORK_LB_DRAIN, 1), late = job_of(1, WORK_LB_DRAIN, 1);
    (void)state;
    assert_null(pool_list_next(&list));
    assert_true(pool_list_add(&list, &late, 20));
    assert_true(pool_list_add(&list, &early, 10));
    assert_ptr_equal(pool_list_next(&list), &early);
    pool_list_begin(&list, &early);
    assert_ptr_equal(pool_list_next(&list), &late);
    pool_list_remove(&list, &late);
    assert_null(pool_list_next(&list));
    pool_list_done(&list);
}

static void the_same_work_is_on_the_list_once_and_due_at_once(void **state)
{
    struct pool_list list = {0};
    struct pool_job first = job_of(0, WORK_LB_UP, 7), repeat = first;
    (void)state;
    assert_true(pool_list_add(&list, &first, 10));
    pool_list_begin(&list, &first);
    pool_list_again(&list, &first, 500, 10);
    assert_int_equal(first.due_ms, 510);
    assert_false(pool_list_add(&list, &repeat, 20));
    assert_int_equal(first.due_ms, 20);
    pool_list_done(&list);
}

static void a_later_work_of_the_node_overtakes_the_earlier(void **state)
{
    struct pool_list list = {0};
    struct pool_job up = job_of(0, WORK_LB_UP, 7), other = job_of(1, WORK_LB_UP, 7);
    struct pool_job drain = job_of(0, WORK_LB_DRAIN, 8);
    (void)state;
    assert_true(pool_list_add(&list, &up, 10));
    assert_true(pool_list_add(&list, &other, 10));
    assert_true(pool_list_add(&list, &drain, 20));
    assert_true(up.is_cancelled);
    assert_false(other.is_cancelled);
    pool_list_done(&list);
}

static void one_job_is_kicked_and_no_other(void **state)
{
    struct pool_list list = {0};
    struct pool_job members = job_of(0, WORK_MEMBERS, 7), other = job_of(1, WORK_MEMBERS, 7);
    struct pool_job *const all[] = {&members, &other};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(pool_list_add(&list, all[i], 10));
        pool_list_begin(&list, all[i]);
        pool_list_again(&list, all[i], 500, 10);
    }
    pool_list_kick(&list, 1, &members, 20);
    assert_int_equal(members.due_ms, 20);
    assert_int_equal(other.due_ms, 510);
    pool_list_done(&list);
}

static void a_repeat_during_a_run_makes_it_look_again_at_once(void **state)
{
    struct pool_list list = {0};
    struct pool_job first = job_of(0, WORK_LB_EMPTY, 7), repeat = first;
    (void)state;
    assert_true(pool_list_add(&list, &first, 10));
    pool_list_begin(&list, &first);
    assert_false(pool_list_add(&list, &repeat, 20));
    pool_list_again(&list, &first, 500, 30);
    assert_int_equal(first.due_ms, 30);
    pool_list_done(&list);
}

static void a_cancelled_work_may_be_asked_for_again(void **state)
{
    struct pool_list list = {0};
    struct pool_job first = job_of(0, WORK_LB_UP, 7), again = first;
    (void)state;
    assert_true(pool_list_add(&list, &first, 10));
    pool_list_cancel(&list, 1, 0, WORK_LB_UP, 7, 20);
    assert_true(first.is_cancelled);
    assert_true(pool_list_add(&list, &again, 20));
    pool_list_done(&list);
}

/* Or a drain that was given up could come after the return that took its place. */
static void a_work_waits_until_a_cancelled_one_of_its_node_has_ended(void **state)
{
    struct pool_list list = {0};
    struct pool_job drain = job_of(0, WORK_LB_DRAIN, 1), up = job_of(0, WORK_LB_UP, 2);
    struct pool_job other = job_of(1, WORK_LB_DRAIN, 1);
    (void)state;
    assert_true(pool_list_add(&list, &drain, 10));
    pool_list_begin(&list, &drain);
    pool_list_cancel(&list, 1, 0, WORK_LB_DRAIN, 1, 20);
    assert_true(pool_list_add(&list, &up, 20));
    assert_null(pool_list_next(&list));
    assert_true(pool_list_add(&list, &other, 30));
    assert_ptr_equal(pool_list_next(&list), &other);
    pool_list_remove(&list, &drain);
    assert_ptr_equal(pool_list_next(&list), &up);
    pool_list_done(&list);
}

static void works_beside_each_other_hold_each_other_up_only_when_cancelled(void **state)
{
    struct pool_list list = {0};
    struct pool_job down = job_of(0, WORK_LB_DOWN, 1), members = job_of(0, WORK_MEMBERS, 1);
    (void)state;
    assert_true(pool_list_add(&list, &down, 10));
    pool_list_begin(&list, &down);
    assert_true(pool_list_add(&list, &members, 10));
    assert_ptr_equal(pool_list_next(&list), &members);
    pool_list_done(&list);
}

static void a_lost_cluster_takes_its_works_along_and_nothing_else(void **state)
{
    struct pool_list list = {0};
    struct pool_job ours = job_of(0, WORK_LB_UP, 1), by_hand = job_of(0, WORK_COUNT, 0);
    struct pool_job others = ours;
    (void)state;
    others.cluster = 2;
    assert_true(pool_list_add(&list, &ours, 10));
    assert_true(pool_list_add(&list, &by_hand, 10));
    assert_true(pool_list_add(&list, &others, 10));
    pool_list_cancel_works(&list, 1, 20);
    assert_true(ours.is_cancelled);
    assert_false(by_hand.is_cancelled);
    assert_false(others.is_cancelled);
    pool_list_done(&list);
}

/* The same in each run, so that a failure can be had again. */
static unsigned any_below(unsigned *seed, unsigned limit)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % limit;
}

/* As a plain search would find them, whatever is added, kicked, cancelled and removed between. */
static void jobs_of_a_large_fleet_come_in_the_order_of_their_time(void **state)
{
    enum { JOBS = 500, ROUNDS = 5000 };
    struct pool_list list = {0};
    static struct pool_job jobs[JOBS];
    bool is_there[JOBS] = {false};
    (void)state;
    unsigned seed = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned one = any_below(&seed, JOBS);
        struct pool_job *next = pool_list_next(&list), *first = NULL;
        if (!is_there[one]) {
            jobs[one] = (struct pool_job){.cluster = one, .work = WORK_LB_UP};
            assert_true(pool_list_add(&list, &jobs[one], any_below(&seed, 100000)));
            is_there[one] = true;
        } else if (round % 4 == 0) {
            pool_list_kick(&list, one, &jobs[one], any_below(&seed, 100000));
        } else if (round % 4 == 1) {
            pool_list_cancel(&list, one, 0, WORK_LB_UP, 0, any_below(&seed, 100000));
        } else if (next != NULL && round % 4 == 2) {
            pool_list_begin(&list, next);
            pool_list_again(&list, next, any_below(&seed, 1000), next->due_ms);
        } else {
            pool_list_remove(&list, &jobs[one]);
            is_there[one] = false;
        }
        next = pool_list_next(&list);
        for (unsigned i = 0; i < JOBS; i++)
            if (is_there[i] && (first == NULL || jobs[i].due_ms < first->due_ms))
                first = &jobs[i];
        assert_true(first == next || first->due_ms == next->due_ms);
    }
    pool_list_done(&list);
}

static void clusters_that_share_a_chain_do_not_touch_each_other(void **state)
{
    struct pool_list list = {0};
    struct pool_job ours = job_of(0, WORK_LB_UP, 1), others = ours,
                    later = job_of(0, WORK_LB_UP, 2);
    (void)state;
    others.cluster = ours.cluster + POOL_LIST_CHAINS;
    assert_true(pool_list_add(&list, &ours, 10));
    assert_true(pool_list_add(&list, &others, 10));
    assert_true(pool_list_add(&list, &later, 10));
    assert_true(ours.is_cancelled);
    assert_false(others.is_cancelled);
    pool_list_kick(&list, ours.cluster, &others, 5);
    assert_int_equal(others.due_ms, 10);
    pool_list_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_job_that_is_due_first_is_next),
        cmocka_unit_test(the_same_work_is_on_the_list_once_and_due_at_once),
        cmocka_unit_test(a_later_work_of_the_node_overtakes_the_earlier),
        cmocka_unit_test(one_job_is_kicked_and_no_other),
        cmocka_unit_test(a_repeat_during_a_run_makes_it_look_again_at_once),
        cmocka_unit_test(a_cancelled_work_may_be_asked_for_again),
        cmocka_unit_test(a_work_waits_until_a_cancelled_one_of_its_node_has_ended),
        cmocka_unit_test(works_beside_each_other_hold_each_other_up_only_when_cancelled),
        cmocka_unit_test(jobs_of_a_large_fleet_come_in_the_order_of_their_time),
        cmocka_unit_test(clusters_that_share_a_chain_do_not_touch_each_other),
        cmocka_unit_test(a_lost_cluster_takes_its_works_along_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
