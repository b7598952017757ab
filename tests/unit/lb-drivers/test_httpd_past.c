/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd_past.h"

#include "common/unit_test.h"

#define SETTLE_MS 60000

static struct httpd_past past;
static int64_t now_ms;

static int begin(void **unused)
{
    (void)unused;
    past = (struct httpd_past){0};
    now_ms = 1000;
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    httpd_past_done(&past);
    return 0;
}

static struct httpd_sight forgetful(int64_t busy)
{
    return (struct httpd_sight){.mark = "first", .busy = busy};
}

static struct httpd_sight persistent(int64_t busy)
{
    return (struct httpd_sight){.mark = "ever", .is_persistent = true, .busy = busy};
}

static void assert_seen(struct httpd_sight sight, int64_t sessions, int64_t settle_ms)
{
    struct lb_member_state state = {0};
    httpd_past_see(&past, "bb/n1", &sight, now_ms, SETTLE_MS, &state);
    assert_int_equal(state.sessions, sessions);
    assert_int_equal(state.settle_ms, settle_ms);
}

static void counts_are_told_as_long_as_nothing_restarts(void **unused)
{
    (void)unused;
    assert_seen(forgetful(3), 3, 0);
    assert_seen(forgetful(0), 0, 0);
    now_ms += 10LL * SETTLE_MS;
    assert_seen(forgetful(1), 1, 0);
}

static void a_new_mark_makes_counts_unknown_until_they_have_settled(void **unused)
{
    struct httpd_sight after = {.mark = "second", .busy = 0};

    (void)unused;
    assert_seen(forgetful(1), 1, 0);
    assert_seen(after, -1, SETTLE_MS);
    now_ms += SETTLE_MS - 1;
    assert_seen(after, -1, 1);
    now_ms++;
    assert_seen(after, 0, 0);
}

static void each_restart_begins_the_wait_anew(void **unused)
{
    struct httpd_sight second = {.mark = "second"}, third = {.mark = "third"};

    (void)unused;
    assert_seen(forgetful(0), 0, 0);
    assert_seen(second, -1, SETTLE_MS);
    now_ms += SETTLE_MS / 2;
    assert_seen(third, -1, SETTLE_MS);
}

static void no_old_process_ends_the_wait(void **unused)
{
    struct httpd_sight after = {.mark = "second", .has_status = true, .generation = 1};

    (void)unused;
    assert_seen(forgetful(1), 1, 0);
    after.old_processes = 1;
    assert_seen(after, -1, SETTLE_MS);
    after.old_processes = 0;
    assert_seen(after, 0, 0);
    after.old_processes = 1; /* a spare one that is let go */
    assert_seen(after, 0, 0);
}

/* ProxySet nonce=… gives a mark that never changes. */
static void another_generation_is_a_restart_although_the_mark_stays(void **unused)
{
    struct httpd_sight sight = {.mark = "fixed", .has_status = true, .generation = 4};

    (void)unused;
    assert_seen(sight, 0, 0);
    sight.generation = 5;
    sight.old_processes = 1;
    assert_seen(sight, -1, SETTLE_MS);
}

static void a_restart_before_the_first_look_is_known_by_old_processes(void **unused)
{
    struct httpd_sight sight = {
        .mark = "m", .has_status = true, .generation = 1, .old_processes = 2};

    (void)unused;
    assert_seen(sight, -1, SETTLE_MS);
    now_ms += SETTLE_MS;
    assert_seen(sight, 0, 0);
}

static void a_process_that_ends_without_any_restart_hides_nothing(void **unused)
{
    struct httpd_sight sight = {
        .mark = "m", .busy = 2, .has_status = true, .generation = 0, .old_processes = 1};

    (void)unused;
    assert_seen(sight, 2, 0);
}

static void a_kept_count_that_stands_still_after_a_restart_is_given_up(void **unused)
{
    struct httpd_sight sight = persistent(0);

    (void)unused;
    sight.has_status = true;
    assert_seen(sight, 0, 0);
    sight.busy = 2;
    assert_seen(sight, 2, 0);
    sight.generation = 1;
    assert_seen(sight, -1, SETTLE_MS);
    now_ms += SETTLE_MS - 1;
    assert_seen(sight, -1, 1);
    now_ms++;
    assert_seen(sight, 0, 0);
    sight.busy = 3; /* one at work and two that are none */
    assert_seen(sight, 3, 0);
    sight.busy = 2;
    assert_seen(sight, -1, SETTLE_MS);
    now_ms += SETTLE_MS;
    assert_seen(sight, 0, 0);
}

static void a_kept_count_that_falls_was_work(void **unused)
{
    (void)unused;
    assert_seen(persistent(2), -1, SETTLE_MS);
    now_ms += SETTLE_MS / 2;
    assert_seen(persistent(1), -1, SETTLE_MS);
    assert_seen(persistent(0), 0, 0);
    assert_seen(persistent(1), 1, 0);
    now_ms += 10LL * SETTLE_MS;
    assert_seen(persistent(1), 1, 0);
}

static void a_count_that_is_not_known_stays_unknown(void **unused)
{
    (void)unused;
    assert_seen(forgetful(-1), -1, 0);
    assert_seen(persistent(-1), -1, 0);
}

static void members_are_told_apart(void **unused)
{
    struct httpd_sight first = forgetful(0), second = {.mark = "second"};
    struct lb_member_state state = {0};

    (void)unused;
    assert_seen(first, 0, 0);
    httpd_past_see(&past, "bb/n2", &second, now_ms, SETTLE_MS, &state);
    assert_int_equal(state.sessions, 0);
    assert_seen(second, -1, SETTLE_MS);
}

static void any_number_of_members_is_bounded(void **unused)
{
    struct httpd_sight sight = forgetful(5);

    (void)unused;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        struct lb_member_state state = {0};
        snprintf(name, sizeof(name), "bb/n%d", i);
        httpd_past_see(&past, name, &sight, now_ms, SETTLE_MS, &state);
        assert_int_equal(state.sessions, 5);
    }
    assert_in_range(past.count, 1, LIMIT_NODES * LB_MEMBERS);
}

static void a_returned_member_is_fresh_until_a_check_can_have_seen_it(void **unused)
{
    (void)unused;
    assert_false(httpd_past_is_fresh(&past, "bb/n1", now_ms, 3000));
    httpd_past_returned(&past, "bb/n1", now_ms);
    assert_true(httpd_past_is_fresh(&past, "bb/n1", now_ms + 2999, 3000));
    assert_false(httpd_past_is_fresh(&past, "bb/n1", now_ms + 3000, 3000));
    assert_false(httpd_past_is_fresh(&past, "bb/n2", now_ms, 3000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_are_told_as_long_as_nothing_restarts),
        TEST(a_new_mark_makes_counts_unknown_until_they_have_settled),
        TEST(each_restart_begins_the_wait_anew),
        TEST(no_old_process_ends_the_wait),
        TEST(another_generation_is_a_restart_although_the_mark_stays),
        TEST(a_restart_before_the_first_look_is_known_by_old_processes),
        TEST(a_process_that_ends_without_any_restart_hides_nothing),
        TEST(a_kept_count_that_stands_still_after_a_restart_is_given_up),
        TEST(a_kept_count_that_falls_was_work),
        TEST(a_count_that_is_not_known_stays_unknown),
        TEST(members_are_told_apart),
        TEST(any_number_of_members_is_bounded),
        TEST(a_returned_member_is_fresh_until_a_check_can_have_seen_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
