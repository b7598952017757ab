/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#include "common/unit_test.h"

static void values_of_secrets_are_masked_and_all_else_stays(void **state)
{
    static const struct {
        const char *text, *masked;
    } rows[] = {
        {"", ""},
        {"umask 0027\n", "umask 0027\n"},
        {"-Djavax.net.ssl.keyStorePassword=s3cr:t/ -Xmx4g\n",
         "-Djavax.net.ssl.keyStorePassword=*** -Xmx4g\n"},
        {"+JMX_PASSWD=\"a b\" # x\n", "+JMX_PASSWD=*** # x\n"},
        {"DB_SECRET='a\nTOKEN: b\n", "DB_SECRET=***\nTOKEN: ***\n"},
        {"<password>abc</password>", "<password>***</password>"},
        {"access_token = abc;def", "access_token = ***;def"},
        {"PASSWORD=\n", "PASSWORD=\n"},
        {"the password is old\n", "the password is old\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer BUFFER_CLEANUP masked;
        buffer_init(&masked, 1024);
        mask_secrets(rows[i].text, &masked);
        assert_string_equal(buffer_text(&masked), rows[i].masked);
    }
}

static void text_that_does_not_fit_is_cut(void **state)
{
    struct buffer BUFFER_CLEANUP masked;
    (void)state;
    buffer_init(&masked, 4);
    mask_secrets("ab cdefgh", &masked);
    assert_string_equal(buffer_text(&masked), "ab ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_secrets_are_masked_and_all_else_stays),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
