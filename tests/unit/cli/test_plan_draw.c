/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_draw.h"

#include "common/unit_test.h"
#include "json.h"

#define PLAN(checks, order)                                                                        \
    "{\"cluster\":\"git\",\"from\":\"7.9.0\",\"to\":\"7.9.4\",\"failed\":1,\"checks\":[" checks    \
    "],\"order\":[" order "]}"
#define PASSED "{\"check\":\"agent\",\"subject\":\"bb1\",\"ok\":true,\"detail\":\"0.1.0\"}"
#define FAILED                                                                                     \
    "{\"check\":\"clock\",\"subject\":\"bb2\",\"ok\":false,\"detail\":\"\",\"error\":"             \
    "{\"code\":\"conflict\",\"message\":\"off by\\u001b 9 s\",\"hint\":\"mend NTP\"}}"
#define ORDER "{\"node\":\"bb2\",\"load\":null},{\"node\":\"bb1\",\"load\":3}"

static char drawn[16 * 1024];

static bool draw(const char *text, bool only_failed, struct plan_result *ret_result,
                 struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(drawn) - 1);
    assert_true(json_read_object(text, strlen(text), &json, err));
    bool is_good = plan_draw(json, only_failed, false, &out, ret_result, err);
    strcpy(drawn, buffer_text(&out));
    return is_good;
}

static void a_plan_is_its_checks_and_the_order(void **state)
{
    struct plan_result result;
    (void)state;
    assert_good(draw(PLAN(PASSED "," FAILED, ORDER), false, &result, &err));
    assert_string_equal(drawn, "plan for git: 7.9.0 → 7.9.4\n\n"
                               "RESULT  CHECK  SUBJECT\n"
                               "passed  agent  bb1      0.1.0\n"
                               "FAILED  clock  bb2      off by\\x1B 9 s\n"
                               "    hint: mend NTP\n"
                               "\norder of the nodes, least busy first:\n"
                               "  1. bb2  load unknown\n"
                               "  2. bb1  load 3\n"
                               "\n2 checks, 1 failed\n");
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.checks, 2);
}

static void only_the_failed_checks_may_be_wanted(void **state)
{
    struct plan_result result;
    (void)state;
    assert_good(draw(PLAN(PASSED "," FAILED, ORDER), true, &result, &err));
    assert_null(strstr(drawn, "passed"));
    assert_null(strstr(drawn, "order"));
    assert_non_null(strstr(drawn, "FAILED  clock"));
}

static void conflicts_of_a_node_are_shown_with_their_lines(void **state)
{
    struct plan_result result;
    (void)state;
    static const char plan[] =
        "{\"cluster\":\"git\",\"from\":\"7.9.0\",\"to\":\"7.9.4\",\"failed\":1,\"checks\":[" FAILED
        "],\"order\":[],\"customisations\":[{\"node\":\"bb1\",\"conflicts\":0,\"hunks\":\"no\"},"
        "{\"node\":\"bb2\",\"conflicts\":1,\"hunks\":\"bin/x:\\nmine\\u001b\\nyours\\n\"}]}";
    assert_good(draw(plan, true, &result, &err));
    assert_non_null(strstr(drawn, "\nconflicts on bb2:\nbin/x:\nmine\\x1B\nyours\n"));
    assert_null(strstr(drawn, "conflicts on bb1"));
}

static void a_plan_of_another_shape_is_refused(void **state)
{
    static const char *const cases[] = {
        "{}",
        PLAN("7", ORDER),
        PLAN(PASSED, "7"),
        PLAN("{\"check\":\"a\",\"subject\":\"b\"}", ""),
        PLAN(PASSED, "{\"node\":\"bb1\",\"load\":-2}"),
        "{\"cluster\":\"git\",\"from\":\"\",\"to\":\"\",\"failed\":0,\"checks\":{},\"order\":[]}",
        "{\"cluster\":\"git\",\"from\":\"\",\"to\":\"\",\"failed\":-1,\"checks\":[],\"order\":[]}",
        "{\"cluster\":7,\"from\":\"\",\"to\":\"\",\"failed\":0,\"checks\":[],\"order\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plan_result result = {.failed = 42};
        struct error err = {0};
        assert_false(draw(cases[i], false, &result, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_int_equal(result.failed, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_its_checks_and_the_order),
        cmocka_unit_test(only_the_failed_checks_may_be_wanted),
        cmocka_unit_test(conflicts_of_a_node_are_shown_with_their_lines),
        cmocka_unit_test(a_plan_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
