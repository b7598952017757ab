/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "common/unit_test.h"

static void deadline_of_no_time_is_over(void **state)
{
    (void)state;
    assert_true(deadline_is_over(deadline_after_ms(0)));
    assert_true(deadline_is_over(deadline_after_ms(-5)));
    assert_int_equal(deadline_poll_ms(deadline_after_ms(INT64_MIN)), 0);
    assert_int_equal(deadline_poll_ms((struct deadline){INT64_MIN}), 0);
}

static void deadline_never_waits_without_end(void **state)
{
    (void)state;
    assert_false(deadline_is_over(deadline_never()));
    assert_int_equal(deadline_poll_ms(deadline_never()), -1);
    assert_int_equal(deadline_poll_ms(deadline_after_ms(INT64_MAX)), -1);
}

static void far_deadline_fits_poll(void **state)
{
    (void)state;
    assert_int_equal(deadline_poll_ms(deadline_after_ms(INT64_MAX / 2)), INT32_MAX);
    assert_in_range(deadline_poll_ms(deadline_after_ms(60000)), 1, 60000);
}

static void share_of_a_deadline_leaves_the_rest_to_others(void **state)
{
    (void)state;
    assert_in_range(deadline_poll_ms(deadline_share(deadline_after_ms(60000), 3)), 1, 20000);
    assert_true(deadline_is_over(deadline_share(deadline_after_ms(0), 3)));
    assert_true(deadline_is_over(deadline_share(deadline_after_ms(-60000), 3)));
    assert_false(deadline_is_over(deadline_share(deadline_never(), 3)));
}

static void clocks_count_milliseconds(void **state)
{
    (void)state;
    int64_t first_ms = clock_monotonic_ms();
    assert_true(clock_monotonic_ms() >= first_ms);
    assert_true(clock_wall_ms() > INT64_C(1700000000000));
    assert_true(clock_wall_ms() < INT64_C(32503680000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadline_of_no_time_is_over),
        cmocka_unit_test(deadline_never_waits_without_end),
        cmocka_unit_test(far_deadline_fits_poll),
        cmocka_unit_test(share_of_a_deadline_leaves_the_rest_to_others),
        cmocka_unit_test(clocks_count_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
