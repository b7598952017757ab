/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include "common/unit_test.h"
#include "text.h"

#include <errno.h>

static void contexts_stand_outermost_first(void **state)
{
    (void)state;
    struct error err;
    error_set_errno(&err, ENOSPC, "rename '%s'", "/opt/x");
    error_wrap(&err, "switch");
    error_wrap(&err, "node %s", "bb2");
    assert_string_equal(err.message, "node bb2: switch: rename '/opt/x': No space left on device");
    assert_int_equal(err.code, ERROR_FULL);
    assert_string_equal(err.hint, "make room on that disk (see df, and df -i), then try again");
    error_set_errno(&err, ENOENT, "rename '%s'", "/opt/x");
    assert_string_equal(err.hint, "");
}

static void errno_decides_the_code(void **state)
{
    (void)state;
    static const struct {
        int errno_value;
        enum error_code code;
    } rows[] = {
        {EDQUOT, ERROR_FULL},       {ENOENT, ERROR_NOT_FOUND},
        {EACCES, ERROR_DENIED},     {EPERM, ERROR_DENIED},
        {ETIMEDOUT, ERROR_TIMEOUT}, {ECONNREFUSED, ERROR_UNAVAILABLE},
        {EPIPE, ERROR_UNAVAILABLE}, {EHOSTUNREACH, ERROR_UNAVAILABLE},
        {EIO, ERROR_SYSTEM},        {123456, ERROR_SYSTEM},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error err;
        error_set_errno(&err, rows[i].errno_value, "x");
        assert_int_equal(err.code, rows[i].code);
    }
}

static void long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[ERROR_MESSAGE_SIZE + 8];
    for (size_t shift = 0; shift < 4; shift++) {
        struct error err;
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xF0\x9F\x9A\x82", 5);
        error_set(&err, ERROR_INVALID, "%s", text);
        size_t length = strlen(err.message);
        assert_in_range(length, ERROR_MESSAGE_SIZE - 4, ERROR_MESSAGE_SIZE - 1);
        for (size_t at = 0; at < length; at += text_utf8_size(err.message + at))
            assert_int_not_equal(text_utf8_size(err.message + at), 0);
    }
}

static void wrapping_a_full_message_keeps_it_bounded(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "%0600d", 1);
    for (int i = 0; i < 100; i++)
        error_wrap(&err, "context %d", i);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
    assert_true(text_starts_with(err.message, "context 99: context 98: "));
    assert_int_equal(err.code, ERROR_TIMEOUT);
}

static void new_message_may_quote_the_old_one(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_TIMEOUT, "inner");
    error_set(&err, ERROR_CONFLICT, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
}

static void innermost_hint_stays(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_DENIED, "x");
    error_hint(&err, "chmod %d", 600);
    error_hint(&err, "another");
    error_wrap(&err, "outer");
    assert_string_equal(err.hint, "chmod 600");
    error_set(&err, ERROR_DENIED, "y");
    assert_string_equal(err.hint, "");
}

static void cleared_error_says_nothing(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERROR_DENIED, "x");
    error_hint(&err, "y");
    error_clear(&err);
    assert_int_equal(err.code, ERROR_NONE);
    assert_string_equal(err.message, "");
    assert_string_equal(err.hint, "");
}

static void every_code_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned code = 0; code < ERROR_CODE_COUNT; code++) {
        const char *name = error_code_name((enum error_code)code);
        assert_int_equal(error_code_parse(name), code);
    }
    assert_int_equal(error_code_parse("of-a-newer-version"), ERROR_PROTOCOL);
}

static void only_what_may_pass_is_transient(void **state)
{
    (void)state;
    for (unsigned code = 0; code < ERROR_CODE_COUNT; code++) {
        bool may_pass = code == ERROR_BUSY || code == ERROR_UNAVAILABLE || code == ERROR_TIMEOUT;
        assert_int_equal(error_code_is_transient((enum error_code)code), may_pass);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contexts_stand_outermost_first),
        cmocka_unit_test(errno_decides_the_code),
        cmocka_unit_test(long_message_is_cut_at_a_character),
        cmocka_unit_test(wrapping_a_full_message_keeps_it_bounded),
        cmocka_unit_test(new_message_may_quote_the_old_one),
        cmocka_unit_test(innermost_hint_stays),
        cmocka_unit_test(cleared_error_says_nothing),
        cmocka_unit_test(every_code_is_found_by_its_name),
        cmocka_unit_test(only_what_may_pass_is_transient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
