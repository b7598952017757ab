/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include "common/unit_test.h"

static void empty_buffer_is_the_empty_text(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_string_equal(buffer_text(&buffer), "");
    buffer_done(&buffer);
    buffer_done(&buffer);
    assert_null(buffer.data);
}

static void grows_to_its_limit_and_no_further(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 1000);
    for (int i = 0; i < 1000; i++)
        assert_true(buffer_add(&buffer, "x", 1));
    assert_false(buffer_add(&buffer, "x", 1));
    assert_int_equal(buffer.length, 1000);
    assert_int_equal(strlen(buffer_text(&buffer)), 1000);
    assert_true(buffer.length < buffer.capacity);
    assert_true(buffer.capacity <= 1001);
}

static void refused_addition_changes_nothing(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 5);
    assert_true(buffer_add_text(&buffer, "abc"));
    assert_false(buffer_add_text(&buffer, "def"));
    assert_false(buffer_format(&buffer, "%d", 123));
    assert_false(buffer_add(&buffer, "x", SIZE_MAX));
    assert_string_equal(buffer_text(&buffer), "abc");
    assert_true(buffer_format(&buffer, "%d", 12));
    assert_string_equal(buffer_text(&buffer), "abc12");
}

static void nul_bytes_are_kept(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_true(buffer_add(&buffer, "a\0b", 3));
    assert_int_equal(buffer.length, 3);
    assert_memory_equal(buffer.data, "a\0b", 4);
}

static void consumed_bytes_make_room(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 6);
    assert_true(buffer_add_text(&buffer, "abcdef"));
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer_text(&buffer), "ef");
    assert_true(buffer_add_text(&buffer, "ghij"));
    buffer_consume(&buffer, 6);
    assert_string_equal(buffer_text(&buffer), "");
}

static void cleared_buffer_is_empty_text(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 6);
    assert_true(buffer_add_text(&buffer, "abc"));
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
}

static void taken_memory_leaves_a_usable_empty_buffer(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer buffer;
    buffer_init(&buffer, 6);
    char *nothing = buffer_take(&buffer);
    assert_string_equal(nothing, "");
    free(nothing);
    assert_true(buffer_add_text(&buffer, "abc"));
    char *text = buffer_take(&buffer);
    assert_string_equal(text, "abc");
    free(text);
    assert_true(buffer_add_text(&buffer, "def"));
    assert_string_equal(buffer_text(&buffer), "def");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_is_the_empty_text),
        cmocka_unit_test(grows_to_its_limit_and_no_further),
        cmocka_unit_test(refused_addition_changes_nothing),
        cmocka_unit_test(nul_bytes_are_kept),
        cmocka_unit_test(consumed_bytes_make_room),
        cmocka_unit_test(cleared_buffer_is_empty_text),
        cmocka_unit_test(taken_memory_leaves_a_usable_empty_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
