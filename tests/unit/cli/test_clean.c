/* SPDX-License-Identifier: Apache-2.0 */
#include "clean.h"

#include "common/unit_test.h"

static void assert_cleaned(const char *text, const char *expected)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, 4096);
    clean_add(&out, text);
    assert_string_equal(buffer_text(&out), expected);
}

static void good_text_stays_as_it_is(void **state)
{
    (void)state;
    assert_cleaned("", "");
    assert_cleaned("node bb2: switch: 'a' → \"b\"", "node bb2: switch: 'a' → \"b\"");
    assert_cleaned("Zürich 東京 🚂", "Zürich 東京 🚂");
}

static void what_steers_a_terminal_is_made_visible(void **state)
{
    (void)state;
    assert_cleaned("\x1B[2J", "\\x1B[2J");
    assert_cleaned("a\r\nb\tc\x07\x7F", "a\\x0D\\x0Ab\\x09c\\x07\\x7F");
    assert_cleaned("\xC2\x9B"
                   "31m",
                   "\\u009B31m");
    assert_cleaned("\xC2\xA0", "\xC2\xA0");
}

/* Byte by byte: checkers of source text refuse such characters in string literals, for good
 * reason. */
static void what_hides_or_reverses_text_is_made_visible(void **state)
{
    static const unsigned char override[] = {0xE2, 0x80, 0xAE, 'c', 'b', 'a', 0};
    static const unsigned char isolate[] = {0xE2, 0x81, 0xA6, 0xE2, 0x80,
                                            0x8B, 0xEF, 0xBB, 0xBF, 0};
    static const unsigned char tag[] = {0xF3, 0xA0, 0x80, 0xA0, 0};
    (void)state;
    assert_cleaned((const char *) override, "\\u202Ecba");
    assert_cleaned((const char *)isolate, "\\u2066\\u200B\\uFEFF");
    assert_cleaned((const char *)tag, "\\uE0020");
}

static void what_is_not_utf8_is_made_visible(void **state)
{
    (void)state;
    assert_cleaned("\x9B"
                   "31m",
                   "\\x9B31m");
    assert_cleaned("\xC3", "\\xC3");
    assert_cleaned("\xE0\x80\x9B", "\\xE0\\x80\\x9B");
    assert_cleaned("\xED\xA0\x80", "\\xED\\xA0\\x80");
}

static void a_full_buffer_takes_no_half_escape(void **state)
{
    BUFFER_CLEANUP struct buffer out;
    (void)state;
    buffer_init(&out, 6);
    clean_add(&out, "ab\x1B\x1B");
    assert_string_equal(buffer_text(&out), "ab\\x1B");
}

static void columns_are_those_of_the_terminal(void **state)
{
    (void)state;
    assert_int_equal(clean_columns(""), 0);
    assert_int_equal(clean_columns("Zürich →"), 8);
    assert_int_equal(clean_columns("東京"), 4);
    assert_int_equal(clean_columns("\x1B[32mnew\x1B[0m"), 3);
}

static void assert_cut(const char *text, size_t columns, const char *expected)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, 4096);
    clean_cut(&out, text, strlen(text), columns);
    assert_string_equal(buffer_text(&out), expected);
}

static void a_line_is_cut_between_characters(void **state)
{
    (void)state;
    assert_cut("abc", 3, "abc");
    assert_cut("abcd", 3, "abc");
    assert_cut("a東京", 4, "a東");
    assert_cut("äöü", 2, "äö");
    assert_cut("abc", 0, "");
}

static void a_cut_line_ends_its_colour(void **state)
{
    (void)state;
    assert_cut("\x1B[31mFAILED\x1B[0m x", 4, "\x1B[31mFAIL\x1B[0m");
}

static void colours_are_left_out_where_they_are_not_wanted(void **state)
{
    BUFFER_CLEANUP struct buffer out;
    (void)state;
    buffer_init(&out, 4096);
    clean_add_coloured(&out, false, COLOUR_BAD, "a");
    clean_add_coloured(&out, true, COLOUR_NONE, "b");
    assert_string_equal(buffer_text(&out), "ab");
    clean_add_coloured(&out, true, COLOUR_BAD, "\x1B");
    assert_string_equal(buffer_text(&out), "ab\x1B[31m\\x1B\x1B[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_stays_as_it_is),
        cmocka_unit_test(what_steers_a_terminal_is_made_visible),
        cmocka_unit_test(what_hides_or_reverses_text_is_made_visible),
        cmocka_unit_test(what_is_not_utf8_is_made_visible),
        cmocka_unit_test(a_full_buffer_takes_no_half_escape),
        cmocka_unit_test(columns_are_those_of_the_terminal),
        cmocka_unit_test(a_line_is_cut_between_characters),
        cmocka_unit_test(a_cut_line_ends_its_colour),
        cmocka_unit_test(colours_are_left_out_where_they_are_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
