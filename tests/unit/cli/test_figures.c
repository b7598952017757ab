/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include "common/unit_test.h"

static void durations_have_two_units_at_the_most(void **state)
{
    static const struct {
        int64_t ms;
        const char *exact, *whole;
    } cases[] = {
        {-5, "0.0s", "0s"},
        {0, "0.0s", "0s"},
        {49, "0.0s", "0s"},
        {1999, "1.9s", "1s"},
        {59999, "59.9s", "59s"},
        {60000, "1m 00s", "1m 00s"},
        {3599999, "59m 59s", "59m 59s"},
        {3600000, "1h 00m", "1h 00m"},
        {86400000 + 7200000, "1d 02h", "1d 02h"},
        {INT64_MAX, "106751991167d 07h", "106751991167d 07h"},
    };
    char text[FIGURE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        figure_duration(text, cases[i].ms);
        assert_string_equal(text, cases[i].exact);
        figure_duration_whole(text, cases[i].ms);
        assert_string_equal(text, cases[i].whole);
    }
}

static void times_are_utc_and_empty_where_there_is_none(void **state)
{
    char text[FIGURE_SIZE];
    (void)state;
    figure_time(text, INT64_C(1790000000000));
    assert_string_equal(text, "2026-09-21T14:13:20Z");
    figure_time(text, FIGURE_TIME_MOST);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    figure_time(text, 0);
    assert_string_equal(text, "");
    figure_time(text, FIGURE_TIME_MOST + 1);
    assert_string_equal(text, "");
    figure_time(text, -1);
    assert_string_equal(text, "");
}

static void bytes_are_in_the_unit_that_fits(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {
        {-1, "0 B"},           {0, "0 B"}, {999, "999 B"}, {1400, "1.4 kB"}, {120000000, "120 MB"},
        {INT64_MAX, "9.2 EB"},
    };
    char text[FIGURE_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        figure_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_two_units_at_the_most),
        cmocka_unit_test(times_are_utc_and_empty_where_there_is_none),
        cmocka_unit_test(bytes_are_in_the_unit_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
