/* SPDX-License-Identifier: Apache-2.0 */
/* Without SHUNT_FAILPOINTS, as in every build without tests. */
#undef SHUNT_FAILPOINTS
#include "failpoint.h"

#include "common/unit_test.h"

#include <signal.h>
#include <stdlib.h>

#define TEXT_OF(words)       TEXT_OF_WORDS(words)
#define TEXT_OF_WORDS(words) #words

static void failpoint_is_nothing(void **state)
{
    (void)state;
    assert_string_equal(TEXT_OF(failpoint("lb-before-change")), "((void)0)");
}

static void environment_is_not_even_read(void **state)
{
    struct error err = {0};
    (void)state;
    (void)err;
    setenv("SHUNT_FAILPOINT", "lb-before-change=kill,nonsense", 1);
    assert_true(failpoint_open(&err));
    failpoint("lb-before-change");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failpoint_is_nothing),
        cmocka_unit_test(environment_is_not_even_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
