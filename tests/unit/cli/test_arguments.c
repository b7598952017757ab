/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include "common/unit_test.h"

#define ARGV(...)                                                                                  \
    {                                                                                              \
        "shunt", __VA_ARGS__, NULL                                                                 \
    }

static bool read_words(const char *const *words, struct arguments *ret_arguments, struct error *err)
{
    char *argv[16];
    int count = 0;
    for (; words[count] != NULL; count++)
        argv[count] = (char *)(uintptr_t)words[count];
    return arguments_read(count, argv, ret_arguments, err);
}

static void options_and_words_come_in_any_order(void **state)
{
    static const char *const orders[][8] = {
        ARGV("--config", "c", "plan", "git", "--to", "7.9.4"),
        ARGV("plan", "--to=7.9.4", "git", "--config=c"),
        ARGV("plan", "git", "--to", "7.9.4", "--config", "c"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct arguments arguments;
        assert_good(read_words(orders[i], &arguments, &err));
        assert_int_equal(arguments.word_count, 2);
        assert_string_equal(arguments.words[0], "plan");
        assert_string_equal(arguments.words[1], "git");
        assert_string_equal(arguments.values[OPTION_CONFIG], "c");
        assert_string_equal(arguments.values[OPTION_TO], "7.9.4");
        assert_int_equal(arguments.given, OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_TO));
    }
}

static void what_follows_two_dashes_are_words(void **state)
{
    static const char *const words[] = ARGV("--json", "--", "--watch", "-");
    struct arguments arguments;
    (void)state;
    assert_good(read_words(words, &arguments, &err));
    assert_int_equal(arguments.word_count, 2);
    assert_string_equal(arguments.words[0], "--watch");
    assert_false(arguments_has(&arguments, OPTION_WATCH));
    assert_true(arguments_has(&arguments, OPTION_JSON));
}

static void a_value_may_be_empty_or_look_like_an_option(void **state)
{
    static const char *const words[] = ARGV("--to=", "--artifact", "--yes", "--dir=a=b");
    struct arguments arguments;
    (void)state;
    assert_good(read_words(words, &arguments, &err));
    assert_string_equal(arguments.values[OPTION_TO], "");
    assert_string_equal(arguments.values[OPTION_ARTIFACT], "--yes");
    assert_string_equal(arguments.values[OPTION_DIR], "a=b");
    assert_false(arguments_has(&arguments, OPTION_YES));
}

static void wrong_options_are_named(void **state)
{
    static const struct {
        const char *words[8], *complaint;
    } cases[] = {
        {ARGV("--nope"), "there is no option '--nope'"},
        {ARGV("-x"), "there is no option '-x'"},
        {ARGV("--t", "7.9.4"), "there is no option '--t'"},
        {ARGV("--too=7"), "there is no option '--too=7'"},
        {ARGV("--to"), "--to needs a value: VERSION"},
        {ARGV("--yes=1"), "--yes takes no value"},
        {ARGV("--json", "--json"), "--json is given twice"},
        {ARGV("--to=1", "--to", "2"), "--to is given twice"},
        {ARGV("a", "b", "c", "d", "e", "f"), "'f' is one word too many"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arguments arguments = {.word_count = 42};
        struct error err = {0};
        assert_false(read_words(cases[i].words, &arguments, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.message, cases[i].complaint);
        assert_int_equal(arguments.word_count, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_come_in_any_order),
        cmocka_unit_test(what_follows_two_dashes_are_words),
        cmocka_unit_test(a_value_may_be_empty_or_look_like_an_option),
        cmocka_unit_test(wrong_options_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
