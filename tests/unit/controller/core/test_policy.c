/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "common/unit_test.h"

static void every_policy_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ON_FAILURE_COUNT; i++) {
        enum on_failure found = ON_FAILURE_COUNT;
        assert_true(on_failure_parse(on_failure_name((enum on_failure)i), &found));
        assert_int_equal(found, i);
    }
}

static void unknown_name_is_refused_and_changes_nothing(void **state)
{
    enum on_failure found = ON_FAILURE_QUARANTINE;
    (void)state;
    assert_false(on_failure_parse("rollback", &found));
    assert_false(on_failure_parse("", &found));
    assert_false(on_failure_parse("Pause", &found));
    assert_int_equal(found, ON_FAILURE_QUARANTINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_policy_is_found_by_its_name),
        cmocka_unit_test(unknown_name_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests_name("controller/core/policy", tests, NULL, NULL);
}
