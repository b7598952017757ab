/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "common/unit_test.h"
#include "help.h"

static struct arguments words(const char *first, const char *second, unsigned given)
{
    struct arguments arguments = {.given = given};
    if (first != NULL)
        arguments.words[arguments.word_count++] = first;
    if (second != NULL)
        arguments.words[arguments.word_count++] = second;
    return arguments;
}

static void a_command_is_found_by_its_whole_name(void **state)
{
    struct arguments arguments = words("keys", "new", 0);
    size_t count;
    (void)state;
    assert_string_equal(command_find(&arguments, &count)->name, "keys new");
    assert_int_equal(count, 2);
    arguments = words("plan", "new", 0);
    assert_string_equal(command_find(&arguments, &count)->name, "plan");
    assert_int_equal(count, 1);
    static const char *const unknown[] = {"pla", "plane", "keys", "", "Plan"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        arguments = words(unknown[i], NULL, 0);
        assert_null(command_find(&arguments, &count));
    }
    arguments = words(NULL, NULL, 0);
    assert_null(command_find(&arguments, &count));
}

static const struct command_row *row(const char *first)
{
    struct arguments arguments = words(first, NULL, 0);
    size_t count;
    return command_find(&arguments, &count);
}

static void a_command_has_the_words_and_options_of_its_row(void **state)
{
    struct arguments arguments = words("git", "bb1", OPTION_BIT(OPTION_JSON));
    struct error told;
    (void)state;
    assert_good(command_check(row("drain"), &arguments, &err));
    assert_false(command_check(row("pause"), &arguments, &told));
    assert_string_equal(told.message, "pause: 'bb1' is one word too many");
    arguments = words(NULL, NULL, 0);
    assert_good(command_check(row("pause"), &arguments, &err));
    assert_false(command_check(row("drain"), &arguments, &told));
    assert_string_equal(told.message, "drain: something is missing");
    arguments = words("git", NULL, OPTION_BIT(OPTION_YES));
    assert_false(command_check(row("abort"), &arguments, &told));
    assert_string_equal(told.message, "abort takes no --yes");
    arguments = words("git", NULL, OPTION_BIT(OPTION_TO));
    assert_good(command_check(row("plan"), &arguments, &err));
    assert_false(command_check(row("upgrade"), &arguments, &told));
    assert_string_equal(told.message, "upgrade needs --artifact FILE|URL");
}

static void what_a_row_requires_it_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command_row *command = &command_table[i];
        assert_int_equal(command->required & ~command->options, 0);
        for (unsigned option = 0; option < OPTION_COUNT; option++)
            if ((command->options & OPTION_BIT(option)) != 0)
                assert_non_null(strstr(command->usage, option_name((enum option)option)));
    }
}

static void every_command_has_its_help(void **state)
{
    BUFFER_CLEANUP struct buffer all;
    (void)state;
    buffer_init(&all, 64 * 1024);
    help_draw(&all);
    for (size_t i = 0; i < command_count; i++) {
        BUFFER_CLEANUP struct buffer one;
        buffer_init(&one, 64 * 1024);
        assert_true(help_draw_command(command_table[i].name, &one));
        assert_non_null(strstr(buffer_text(&one), command_table[i].usage));
        assert_non_null(strstr(buffer_text(&all), command_table[i].help));
    }
    assert_true(help_draw_command("keys", &all));
    assert_false(help_draw_command("key", &all));
    assert_false(help_draw_command("keys new x", &all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_found_by_its_whole_name),
        cmocka_unit_test(a_command_has_the_words_and_options_of_its_row),
        cmocka_unit_test(what_a_row_requires_it_knows),
        cmocka_unit_test(every_command_has_its_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
