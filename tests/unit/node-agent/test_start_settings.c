/* SPDX-License-Identifier: Apache-2.0 */
#include "start_settings.h"

#include "common/unit_test.h"

static void the_last_assignment_of_plain_text_counts(void **state)
{
    static const struct {
        const char *script, *value; /* NULL: not understood */
    } rows[] = {
        {"X=4g\n", "4g"},
        {"X=4g", "4g"},
        {"  X=4g # comment\n", "4g"},
        {"\texport X=4g;\r\n", "4g"},
        {"X=\"a b\"\n", "a b"},
        {"X='a $b'\n", "a $b"},
        {"X=\n", ""},
        {"X=1\nX=2\n", "2"},
        {"if [ -z \"$X\" ]; then\n    X=1\nfi\n", "1"},
        {"# X=1\n", NULL},
        {"XY=1\nY=X=1\n", NULL},
        {"X=$Y\n", NULL},
        {"X=`date`\n", NULL},
        {"X=\"a\\b\"\n", NULL},
        {"X=\"a\n", NULL},
        {"X=\"a\"b\n", NULL},
        {"X=a b\n", NULL},
        {"X=1\nX=$Y\n", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char value[64] = "";
        bool is_known = start_setting_of(rows[i].script, "X", value, sizeof(value));
        if (is_known != (rows[i].value != NULL) || (is_known && strcmp(value, rows[i].value) != 0))
            fail_msg("%s: %d '%s'", rows[i].script, is_known, value);
    }
}

static void value_that_does_not_fit_is_not_understood(void **state)
{
    char value[4];
    (void)state;
    assert_true(start_setting_of("X=123\n", "X", value, sizeof(value)));
    assert_false(start_setting_of("X=1234\n", "X", value, sizeof(value)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_assignment_of_plain_text_counts),
        cmocka_unit_test(value_that_does_not_fit_is_not_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
