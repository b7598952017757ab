/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_token.h"

#include "common/unit_test.h"

#include "credentials.h"

static bool parse(const char *text, struct buffer *token, int64_t *lifetime_ms, struct error *err)
{
    azure_token_init(token);
    return azure_token_parse(text, strlen(text), token, lifetime_ms, err);
}

static void a_token_comes_with_its_lifetime_as_number_or_text(void **unused)
{
    static const struct {
        const char *expires_in;
        int64_t lifetime_ms;
    } rows[] = {{"3599", 3599000}, {"\"86399\"", 86399000}, {"0", 0}, {"999999999", 86400000}};
    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        struct buffer token SECRET_CLEANUP;
        int64_t lifetime_ms;
        (void)snprintf(text, sizeof(text), "{\"expires_in\":%s,\"access_token\":\"ey.J-_\"}",
                       rows[i].expires_in);
        assert_good(parse(text, &token, &lifetime_ms, &err));
        assert_string_equal(buffer_text(&token), "ey.J-_");
        assert_int_equal(lifetime_ms, rows[i].lifetime_ms);
    }
}

static void what_is_no_token_is_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "<html>",
        "{\"access_token\":\"x\"}",
        "{\"access_token\":\"x\",\"expires_in\":-1}",
        "{\"access_token\":\"x\",\"expires_in\":\"soon\"}",
        "{\"access_token\":\"x\",\"expires_in\":1.5}",
        "{\"access_token\":\"\",\"expires_in\":1}",
        "{\"access_token\":7,\"expires_in\":1}",
        "{\"access_token\":\"x\\r\\nIf-Match: *\",\"expires_in\":1}",
        "{\"access_token\":\"x y\",\"expires_in\":1}",
        "{\"access_token\":\"\xc3\xa9\",\"expires_in\":1}",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buffer token SECRET_CLEANUP;
        int64_t lifetime_ms = 7;
        assert_fails(parse(bad[i], &token, &lifetime_ms, &err), ERROR_PROTOCOL, "no token");
        assert_int_equal(lifetime_ms, 7);
    }
}

static void a_token_beyond_the_limit_is_refused(void **unused)
{
    static char text[AZURE_TOKEN_BYTES + 128];
    struct buffer token SECRET_CLEANUP;
    int64_t lifetime_ms;
    (void)unused;
    size_t length = (size_t)snprintf(text, sizeof(text), "{\"expires_in\":1,\"access_token\":\"");
    memset(text + length, 'x', AZURE_TOKEN_BYTES + 1);
    strcpy(text + length + AZURE_TOKEN_BYTES + 1, "\"}");
    assert_fails(parse(text, &token, &lifetime_ms, &err), ERROR_PROTOCOL, "longer than");
}

static void a_token_is_renewed_five_minutes_before_its_end(void **unused)
{
    (void)unused;
    assert_int_equal(azure_token_renew_ms(3600000), 3300000);
    assert_int_equal(azure_token_renew_ms(600000), 300000);
    assert_int_equal(azure_token_renew_ms(1000), 500);
    assert_int_equal(azure_token_renew_ms(0), 0);
}

static struct error refusal(int status, const char *body)
{
    struct error err = {0};
    azure_token_refusal(status, body, strlen(body), &err);
    return err;
}

static void a_refusal_is_told_by_its_codes_alone(void **unused)
{
    struct error err = refusal(401, "{\"error\":\"invalid_client\",\"error_description\":"
                                    "\"AADSTS7000215: Invalid client secret 's3cret' provided.\"}");
    (void)unused;
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_equal(err.message, "no token: status 401 invalid_client AADSTS7000215");
    assert_string_not_equal(err.hint, "");
    err = refusal(400, "{\"error\":\"s3cret quoted\",\"error_description\":\"s3cret\"}");
    assert_string_equal(err.message, "no token: status 400 s3cret");
    assert_int_equal(refusal(503, "<html>").code, ERROR_UNAVAILABLE);
    assert_int_equal(refusal(429, "").code, ERROR_UNAVAILABLE);
    assert_int_equal(refusal(410, "").code, ERROR_UNAVAILABLE); /* IMDS at its own update */
    assert_int_equal(refusal(302, "").code, ERROR_PROTOCOL);
}

static void forms_are_escaped(void **unused)
{
    struct buffer form BUFFER_CLEANUP;
    (void)unused;
    buffer_init(&form, 64);
    assert_true(azure_form_add(&form, "a", "x&y=z+%~ /"));
    assert_true(azure_form_add(&form, "b", "\xc3\xbc"));
    assert_string_equal(buffer_text(&form), "a=x%26y%3Dz%2B%25~%20%2F&b=%C3%BC");
    assert_false(azure_form_add(&form, "c", "0123456789012345678901234567890123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_with_its_lifetime_as_number_or_text),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_token_beyond_the_limit_is_refused),
        cmocka_unit_test(a_token_is_renewed_five_minutes_before_its_end),
        cmocka_unit_test(a_refusal_is_told_by_its_codes_alone),
        cmocka_unit_test(forms_are_escaped),
    };
    return cmocka_run_group_tests_name("azure_token", tests, NULL, NULL);
}
