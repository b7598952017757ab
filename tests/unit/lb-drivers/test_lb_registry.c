/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_driver.h"

#include "common/unit_test.h"

static void a_driver_is_found_by_its_name_only(void **unused)
{
    (void)unused;
    assert_string_equal(lb_driver_find("haproxy")->name, "haproxy");
    assert_null(lb_driver_find("HAProxy"));
    assert_null(lb_driver_find("haprox"));
    assert_null(lb_driver_find(""));
}

static void every_name_that_is_told_finds_a_complete_driver(void **unused)
{
    char names[256];
    char *rest = names;
    size_t count = 0;

    (void)unused;
    assert_true(strlen(lb_driver_names()) < sizeof(names));
    strcpy(names, lb_driver_names());
    for (char *name; (name = strsep(&rest, ",")) != NULL; count++) {
        const struct lb_driver *driver = lb_driver_find(name + strspn(name, " "));
        assert_non_null(driver);
        assert_non_null(driver->check_options);
        assert_non_null(driver->check_member);
        assert_non_null(driver->read_members);
        assert_non_null(driver->set_members);
    }
    assert_true(count >= 1);
    assert_string_equal(lb_driver_names(), lb_driver_names());
}

static bool is_told_to_be_blind(const struct lb_options *options)
{
    return lb_setting_is(options, 0, "unknown");
}

static void an_lb_is_blind_by_its_driver_or_by_its_settings(void **unused)
{
    static const struct lb_driver rows[] = {
        {.name = "seeing"},
        {.name = "blind", .is_blind = true},
        {.name = "either", .is_blind_with = is_told_to_be_blind},
    };
    char word[] = "unknown";

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lb lb = {.driver = &rows[i]};
        assert_int_equal(lb_is_blind(&lb), i == 1);
        lb.options.values[0] = word;
        assert_int_equal(lb_is_blind(&lb), i != 0);
    }
}

static void states_have_names(void **unused)
{
    (void)unused;
    assert_string_equal(lb_admin_name(LB_ADMIN_UP), "up");
    assert_string_equal(lb_admin_name(LB_ADMIN_DRAIN), "drain");
    assert_string_equal(lb_admin_name(LB_ADMIN_DOWN), "down");
    assert_string_equal(lb_health_name(LB_HEALTH_UP), "up");
    assert_string_equal(lb_health_name(LB_HEALTH_CHANGING), "changing");
    assert_string_equal(lb_health_name(LB_HEALTH_DOWN), "down");
    assert_string_equal(lb_health_name(LB_HEALTH_UNKNOWN), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_driver_is_found_by_its_name_only),
        cmocka_unit_test(every_name_that_is_told_finds_a_complete_driver),
        cmocka_unit_test(an_lb_is_blind_by_its_driver_or_by_its_settings),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
