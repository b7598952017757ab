/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "common/unit_test.h"

static void text_that_fits_is_copied(void **state)
{
    (void)state;
    char array[4];
    assert_true(TEXT_COPY(array, "abc"));
    assert_string_equal(array, "abc");
}

static void text_that_does_not_fit_leaves_an_empty_array(void **state)
{
    (void)state;
    char array[4] = "xyz";
    assert_false(TEXT_COPY(array, "abcd"));
    assert_string_equal(array, "");
}

static void names_are_safe_as_key_file_and_argument(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "bb-1", "Node_2.example", "0"};
    static const char *const bad[] = {"",    ".",   "..",     "-rf",  "_a",       "a/b",
                                      "a b", "a:b", "a{b}",   "a\n",  "\xC3\xA4", "a\xC3\xA4",
                                      "a*",  "a$b", "a\x01b", "a;ls", "a\x7F",    "a,b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(text_is_name(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(text_is_name(bad[i]));
}

static void name_has_63_characters_at_most(void **state)
{
    (void)state;
    char name[66];
    memset(name, 'a', sizeof(name));
    name[63] = '\0';
    assert_true(text_is_name(name));
    name[63] = 'a';
    name[64] = '\0';
    assert_false(text_is_name(name));
}

static void number_is_digits_only_and_bounded(void **state)
{
    (void)state;
    static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "1e3", "11"};
    uint64_t value = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(text_parse_u64(bad[i], 10, &value));
    assert_int_equal(value, 7);
    assert_true(text_parse_u64("10", 10, &value));
    assert_int_equal(value, 10);
}

static void number_at_the_end_of_the_range_does_not_wrap(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_true(text_parse_u64("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_false(text_parse_u64("18446744073709551616", UINT64_MAX, &value));
    assert_false(text_parse_u64("99999999999999999999999999", UINT64_MAX, &value));
    assert_false(text_parse_u64("5", 4, &value));
    assert_true(text_parse_u64("0", 0, &value));
    assert_int_equal(value, 0);
}

static void well_formed_utf8_is_measured(void **state)
{
    (void)state;
    assert_int_equal(text_utf8_size("a"), 1);
    assert_int_equal(text_utf8_size("\xC3\xA4"), 2);
    assert_int_equal(text_utf8_size("\xE2\x82\xAC"), 3);
    assert_int_equal(text_utf8_size("\xF0\x9F\x9A\x82"), 4);
}

static void ill_formed_utf8_has_no_size(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",             /* nothing */
        "\x80",         /* continuation alone */
        "\xC3",         /* cut */
        "\xC0\x80",     /* overlong NUL */
        "\xE0\x80\xAF", /* overlong slash */
        "\xED\xA0\x80", /* surrogate */
        "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", /* beyond U+10FFFF */
        "\xE2\x82",
        "\xF0\x9F\x9A",
        "\xFF",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(text_utf8_size(bad[i]), 0);
}

static void text_is_appended_if_it_fits_and_not_at_all_otherwise(void **state)
{
    char array[6] = "ab";
    (void)state;
    assert_true(text_append(array, sizeof(array), "cde"));
    assert_string_equal(array, "abcde");
    assert_false(text_append(array, sizeof(array), "f"));
    assert_string_equal(array, "abcde");
    assert_true(text_append(array, sizeof(array), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_appended_if_it_fits_and_not_at_all_otherwise),
        cmocka_unit_test(text_that_fits_is_copied),
        cmocka_unit_test(text_that_does_not_fit_leaves_an_empty_array),
        cmocka_unit_test(names_are_safe_as_key_file_and_argument),
        cmocka_unit_test(name_has_63_characters_at_most),
        cmocka_unit_test(number_is_digits_only_and_bounded),
        cmocka_unit_test(number_at_the_end_of_the_range_does_not_wrap),
        cmocka_unit_test(well_formed_utf8_is_measured),
        cmocka_unit_test(ill_formed_utf8_has_no_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
