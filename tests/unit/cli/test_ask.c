/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "common/unit_test.h"

static bool read_text(const char *text, struct answer *ret_answer, struct error *err)
{
    return answer_read(text, strlen(text), "r1", ret_answer, err);
}

static void a_good_answer_is_ok_and_has_its_message(void **state)
{
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct error told = {0};
    (void)state;
    assert_good(read_text("{\"id\":\"r1\",\"ok\":true,\"message\":\"pause\"}", &answer, &err));
    assert_string_equal(answer.message, "pause");
    assert_int_equal(answer_exit_code(&answer, &told), EXIT_CODE_OK);
    assert_int_equal(told.code, ERROR_NONE);
}

static void a_refusal_gives_its_error(void **state)
{
    static const char text[] = "{\"id\":\"r1\",\"ok\":false,\"error\":{\"code\":\"denied\","
                               "\"message\":\"no\",\"hint\":\"ask\"}}";
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct error told = {0};
    (void)state;
    assert_good(read_text(text, &answer, &err));
    assert_int_equal(answer_exit_code(&answer, &told), EXIT_CODE_REFUSED);
    assert_int_equal(told.code, ERROR_DENIED);
    assert_string_equal(told.hint, "ask");
}

static void what_is_no_answer_to_the_request_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "null",
        "{}",
        "{\"id\":\"r2\",\"ok\":true}",
        "{\"id\":\"r1\",\"ok\":1}",
        "{\"id\":\"r1\",\"ok\":false}",
        "{\"id\":\"r1\",\"ok\":true,\"error\":{\"code\":\"denied\",\"message\":\"no\"}}",
        "{\"id\":\"r1\",\"ok\":false,\"error\":{\"code\":\"denied\"}}",
        "{\"id\":\"r1\",\"ok\":false,\"error\":{\"code\":\"none\",\"message\":\"\"}}",
        "{\"id\":\"r1\",\"ok\":true,\"message\":[]}",
        "{\"id\":\"r1\",\"ok\":true}{}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answer answer = {.json = NULL};
        struct error err = {0};
        assert_false(read_text(cases[i], &answer, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_null(answer.json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_is_ok_and_has_its_message),
        cmocka_unit_test(a_refusal_gives_its_error),
        cmocka_unit_test(what_is_no_answer_to_the_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
