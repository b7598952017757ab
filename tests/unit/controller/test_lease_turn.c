/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_turn.h"

#include "common/unit_test.h"

#define CLUSTERS 150
#define EVERY_MS 2000

static struct config config = {.lease_ms = 3 * EVERY_MS};
static struct cluster clusters[CLUSTERS];
static struct shell shell;
static uint32_t list[LEASE_TURN_MOST];

/* All were renewed at that time. */
static void begin(size_t count, int64_t renewed_ms)
{
    shell = (struct shell){.config = &config, .clusters = clusters, .cluster_count = count};
    for (size_t i = 0; i < count; i++)
        clusters[i] = (struct cluster){.renewed_ms = renewed_ms};
}

static void nothing_is_listed_before_its_time(void **state)
{
    (void)state;
    begin(3, 10000);
    assert_int_equal(lease_turn_take(&shell, 10000 + EVERY_MS / 2, list), 0);
    assert_int_equal(lease_turn_wait_ms(&shell, 10000 + EVERY_MS / 2), EVERY_MS / 2);
    assert_int_equal(lease_turn_take(&shell, 10000 + EVERY_MS, list), 3);
}

static void who_is_listed_is_due_again_after_the_time_of_a_renewal(void **state)
{
    (void)state;
    begin(3, 10000);
    assert_int_equal(lease_turn_take(&shell, 10000 + EVERY_MS, list), 3);
    assert_int_equal(lease_turn_take(&shell, 10000 + EVERY_MS, list), 0);
    assert_int_equal(lease_turn_wait_ms(&shell, 10000 + EVERY_MS), EVERY_MS);
}

static void who_is_due_soon_comes_with_the_others(void **state)
{
    (void)state;
    begin(3, 10000);
    clusters[1].renewed_ms += EVERY_MS / 10;
    clusters[2].renewed_ms += EVERY_MS / 2;
    assert_int_equal(lease_turn_take(&shell, 10000 + EVERY_MS, list), 2);
    assert_int_equal(lease_turn_wait_ms(&shell, 10000 + EVERY_MS), EVERY_MS / 2);
}

static void a_large_fleet_has_its_turn_in_parts_and_all_of_it(void **state)
{
    unsigned times[CLUSTERS] = {0};
    (void)state;
    begin(CLUSTERS, 10000);
    for (int64_t now_ms = 10000 + EVERY_MS; now_ms < 10000 + EVERY_MS + 3; now_ms++) {
        size_t count = lease_turn_take(&shell, now_ms, list);
        assert_in_range(count, 1, LEASE_TURN_MOST);
        for (size_t i = 0; i < count; i++)
            times[list[i]]++;
    }
    for (size_t i = 0; i < CLUSTERS; i++)
        assert_int_equal(times[i], 1);
    assert_in_range(lease_turn_wait_ms(&shell, 10000 + EVERY_MS + 3), EVERY_MS - 3, EVERY_MS);
}

/* Where there is time for a part only, again and again, nobody is left out. */
static void those_at_the_end_have_their_turn_when_all_are_late(void **state)
{
    unsigned times[CLUSTERS] = {0};
    (void)state;
    begin(CLUSTERS, 10000);
    for (int64_t turn = 1; turn <= 6; turn++) {
        size_t count = lease_turn_take(&shell, 10000 + turn * 2 * EVERY_MS, list);
        assert_int_equal(count, LEASE_TURN_MOST);
        assert_true(lease_turn_wait_ms(&shell, 10000 + turn * 2 * EVERY_MS) < 0);
        for (size_t i = 0; i < count; i++)
            times[list[i]]++;
    }
    for (size_t i = 0; i < CLUSTERS; i++)
        assert_in_range(times[i], 2, 3);
}

static void who_is_hurried_comes_at_once_and_alone(void **state)
{
    (void)state;
    begin(CLUSTERS, 10000);
    assert_int_equal(lease_turn_take(&shell, 10001, list), 0);
    lease_turn_hurry(&shell, &clusters[140]);
    assert_true(lease_turn_wait_ms(&shell, 10001) <= 0);
    assert_int_equal(lease_turn_take(&shell, 10001, list), 1);
    assert_int_equal(list[0], 140);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_listed_before_its_time),
        cmocka_unit_test(who_is_listed_is_due_again_after_the_time_of_a_renewal),
        cmocka_unit_test(who_is_due_soon_comes_with_the_others),
        cmocka_unit_test(a_large_fleet_has_its_turn_in_parts_and_all_of_it),
        cmocka_unit_test(those_at_the_end_have_their_turn_when_all_are_late),
        cmocka_unit_test(who_is_hurried_comes_at_once_and_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
