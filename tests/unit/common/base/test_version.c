/* SPDX-License-Identifier: Apache-2.0 */
#include "version.h"

#include "common/unit_test.h"

static void version_of_three_numbers_is_parsed(void **state)
{
    (void)state;
    struct version version = {0};
    assert_good(version_parse("10.2.99999", &version, &err));
    assert_int_equal(version.major, 10);
    assert_int_equal(version.minor, 2);
    assert_int_equal(version.bugfix, 99999);
}

static void anything_else_is_refused_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "7",         "7.9",      "7.9.",       "7.9.4.1",  "7.9.4 ",
        " 7.9.4",  "7.9.4-rc1", "7.9.4-m2", "v7.9.4",     "7..4",     ".7.9.4",
        "7.9.x",   "-7.9.4",    "+7.9.4",   "7.9.100000", "7,9,4",    "07.9.4",
        "7.09.4",  "7.9.04",    "7.9.4\n",  "7.9.4/..",   "../7.9.4", "7.9.18446744073709551620",
        "0x7.9.4", "7.9.4\xFF", "\xC3\xA4",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct version version = {1, 2, 3};
        assert_fails(version_parse(bad[i], &version, &err), ERROR_INVALID, "not a version");
        assert_int_equal(version.major, 1);
        assert_int_equal(version.bugfix, 3);
    }
}

static void versions_are_ordered_by_number_not_by_text(void **state)
{
    (void)state;
    assert_true(version_compare((struct version){7, 9, 10}, (struct version){7, 9, 9}) > 0);
    assert_true(version_compare((struct version){7, 10, 0}, (struct version){7, 9, 99}) > 0);
    assert_true(version_compare((struct version){8, 0, 0}, (struct version){10, 0, 0}) < 0);
    assert_int_equal(version_compare((struct version){8, 9, 4}, (struct version){8, 9, 4}), 0);
}

static void higher_bugfix_version_may_join(void **state)
{
    (void)state;
    assert_good(version_check_jump("7.9.0", "7.9.4", &err));
    assert_good(version_check_jump("8.19.9", "8.19.10", &err));
}

static void other_jumps_are_refused_with_the_name_of_the_rule(void **state)
{
    (void)state;
    static const char *const jumps[][2] = {
        {"7.9.4", "7.9.4"}, {"7.9.4", "7.9.3"}, {"7.9.4", "7.10.5"},
        {"7.9.4", "8.9.5"}, {"7.9.4", "6.9.5"}, {"7.9.4", "7.8.5"},
    };
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++)
        assert_fails(version_check_jump(jumps[i][0], jumps[i][1], &err), ERROR_INVALID,
                     "bug-fix rule");
}

static void jump_with_a_malformed_version_is_refused(void **state)
{
    (void)state;
    assert_fails(version_check_jump("7.9", "7.9.4", &err), ERROR_INVALID, "'7.9'");
    assert_fails(version_check_jump("7.9.4", "7.9.5-rc1", &err), ERROR_INVALID, "'7.9.5-rc1'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_of_three_numbers_is_parsed),
        cmocka_unit_test(anything_else_is_refused_and_leaves_the_result_alone),
        cmocka_unit_test(versions_are_ordered_by_number_not_by_text),
        cmocka_unit_test(higher_bugfix_version_may_join),
        cmocka_unit_test(other_jumps_are_refused_with_the_name_of_the_rule),
        cmocka_unit_test(jump_with_a_malformed_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
