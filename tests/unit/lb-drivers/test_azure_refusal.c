/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_refusal.h"

#include "common/unit_test.h"

static struct error refusal(int status, const char *body)
{
    struct error err = {0};
    azure_refusal(status, body, strlen(body), &err);
    return err;
}

#define CODE(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"why\"}}"

static void status_and_code_tell_what_to_do(void **unused)
{
    static const struct {
        int status;
        const char *body;
        enum error_code code;
    } rows[] = {
        {429, CODE("RetryableErrorDueToAnotherOperation"), ERROR_BUSY},
        {429, CODE("SubscriptionRequestsThrottled"), ERROR_UNAVAILABLE},
        {429, "", ERROR_UNAVAILABLE},
        {400, CODE("AnotherOperationInProgress"), ERROR_BUSY},
        {409, CODE("AnotherOperationInProgress"), ERROR_BUSY},
        {409, CODE("canceledandsupersededduetoanotheroperation"), ERROR_BUSY},
        {409, CODE("Conflict"), ERROR_CONFLICT},
        {412, "", ERROR_BUSY},
        {400, CODE("InvalidResourceReference"), ERROR_INVALID},
        {401, CODE("ExpiredAuthenticationToken"), ERROR_DENIED},
        {403, CODE("AuthorizationFailed"), ERROR_DENIED},
        {404, CODE("ResourceNotFound"), ERROR_NOT_FOUND},
        {408, "", ERROR_UNAVAILABLE},
        {418, "", ERROR_INVALID},
        {500, CODE("InternalServerError"), ERROR_UNAVAILABLE},
        {503, "<html>", ERROR_UNAVAILABLE},
        {302, "", ERROR_PROTOCOL},
        {100, "", ERROR_PROTOCOL},
        {0, "", ERROR_PROTOCOL},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err = refusal(rows[i].status, rows[i].body);
        if (err.code != rows[i].code)
            fail_msg("%d %s: %s", rows[i].status, rows[i].body, error_code_name(err.code));
    }
}

static void code_and_message_are_told_in_one_line(void **unused)
{
    (void)unused;
    assert_string_equal(
        refusal(400, "{\"error\":{\"code\":\"X\",\"message\":\"a\\r\\nb\\u007f\xc3\xbc\"}}")
            .message,
        "status 400: X: a  b \xc3\xbc");
    assert_string_equal(refusal(400, "{\"error\":\"X\"}").message, "status 400");
    assert_string_not_equal(refusal(403, "").hint, "");
}

static bool is_end(const char *text, struct error *err)
{
    json_t *operation = NULL;
    assert_true(azure_operation_parse(text, strlen(text), &operation, err));
    assert_false(azure_goes_on(operation));
    bool is_good = azure_check_end(operation, err);
    json_decref(operation);
    return is_good;
}

#define END(status, code)                                                                          \
    "{\"status\":\"" status "\",\"error\":{\"code\":\"" code "\",\"message\":\"why\"}}"

static void an_operation_ends_well_or_says_why(void **unused)
{
    (void)unused;
    assert_good(is_end("{\"status\":\"Succeeded\"}", &err));
    assert_fails(is_end(END("Failed", "X"), &err), ERROR_CONFLICT, "Failed: X: why");
    assert_fails(is_end("{\"status\":\"Canceled\"}", &err), ERROR_CONFLICT, "Canceled: no code");
    assert_fails(is_end(END("Canceled", "CanceledAndSupersededDueToAnotherOperation"), &err),
                 ERROR_BUSY, "Superseded");
    assert_fails(is_end(END("Failed", "InternalServerError"), &err), ERROR_UNAVAILABLE, "why");
}

static void any_other_status_goes_on(void **unused)
{
    static const char *const words[] = {"InProgress", "Accepted", "Novel", ""};
    (void)unused;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        json_t *operation = json_pack("{s:s}", "status", words[i]);
        assert_true(azure_goes_on(operation));
        json_decref(operation);
    }
}

static void what_is_no_operation_is_refused(void **unused)
{
    static const char *const bad[] = {"", "[]", "{}", "{\"status\":1}", "<html>"};
    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *operation = NULL;
        assert_fails(azure_operation_parse(bad[i], strlen(bad[i]), &operation, &err),
                     ERROR_PROTOCOL, "operation");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_code_tell_what_to_do),
        cmocka_unit_test(code_and_message_are_told_in_one_line),
        cmocka_unit_test(an_operation_ends_well_or_says_why),
        cmocka_unit_test(any_other_status_goes_on),
        cmocka_unit_test(what_is_no_operation_is_refused),
    };
    return cmocka_run_group_tests_name("azure_refusal", tests, NULL, NULL);
}
