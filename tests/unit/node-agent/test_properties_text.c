/* SPDX-License-Identifier: Apache-2.0 */
#include "properties_text.h"

#include "common/unit_test.h"

static void assert_value(const char *text, const char *expected)
{
    char value[32] = "untouched";
    assert_good(properties_text_get(text, "server.port", value, sizeof(value), &err));
    assert_string_equal(value, expected);
}

static void a_value_is_parted_from_its_key_in_three_ways(void **state)
{
    (void)state;
    assert_value("server.port=8080\n", "8080");
    assert_value("  server.port : 8080  \r\nx=1", "8080");
    assert_value("server.port\t8080", "8080");
    assert_value("server.port = = 1\n", "= 1");
    assert_value("server.port", "");
    assert_value("", "");
}

static void other_keys_and_comments_are_passed_over(void **state)
{
    (void)state;
    assert_value("# server.port=1\n! server.port=2\nserver.ports=3\nserver.por=4\n\n"
                 "x=server.port=5\nserver.port=6\n",
                 "6");
}

static void the_last_value_holds(void **state)
{
    (void)state;
    assert_value("server.port=1\nserver.port=2\n", "2");
    assert_value("server.port=1\nserver.port=\n", "");
}

static void lines_that_go_on_are_one(void **state)
{
    (void)state;
    assert_value("jdbc.url=a\\\n  server.port=1\nserver.port=80\\\r\n   80\n", "8080");
    assert_value("server\\\n  .port=7\n", "7");
    assert_value("server.port=7\\", "7");
    assert_value("server.port\\\n  = 7\n", "7");
    assert_value("server.port \\\n  \\\n  :\\\n 7\n", "7");
    assert_value("server.port \\\n\nx=1\n", "");
    assert_value("#no comment goes on\\\nserver.port=8\n", "8");
}

static void escapes_are_taken_off(void **state)
{
    (void)state;
    assert_value("server\\.port=a\\:b\\\\c\\=\\ \n", "a:b\\c= ");
    assert_value("server.port=a\\tb\n", "a\tb");
}

static void what_cannot_be_told_is_an_error(void **state)
{
    char value[4];
    (void)state;
    assert_fails(properties_text_get("a=1234\n", "a", value, sizeof(value), &err), ERROR_INTEGRITY,
                 "the value of a");
    assert_good(properties_text_get("a=1234\na=123\n", "a", value, sizeof(value), &err));
    assert_string_equal(value, "123");
    assert_fails(properties_text_get("a=${\n", "a", value, sizeof(value), &err), ERROR_INTEGRITY,
                 "cannot be told");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_parted_from_its_key_in_three_ways),
        cmocka_unit_test(other_keys_and_comments_are_passed_over),
        cmocka_unit_test(the_last_value_holds),
        cmocka_unit_test(lines_that_go_on_are_one),
        cmocka_unit_test(escapes_are_taken_off),
        cmocka_unit_test(what_cannot_be_told_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
