/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include "node-agent/node_fixture.h"
#include "node-agent/stranger.h"

static struct process_list found;

static size_t find(void)
{
    process_list_done(&found);
    assert_good(process_find(&config.bitbucket, &found, &err));
    return found.count;
}

static struct stranger start_bitbucket(const char *directory)
{
    char argument[LIMIT_PATH + 32];
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    return stranger_start((struct stranger_looks){.argument = argument, .directory = directory});
}

static void write_pid_file(pid_t pid)
{
    char text[16];
    snprintf(text, sizeof(text), "%d\n", (int)pid);
    write_text("home/log/bitbucket.pid", text, 0644);
}

static void finds_a_process_by_its_command_line_without_a_pid_file(void **state)
{
    (void)state;
    assert_int_equal(find(), 0);
    struct stranger bitbucket = start_bitbucket(NULL);
    assert_int_equal(find(), 1);
    assert_int_equal(found.items[0].pid, bitbucket.pid);
    stranger_end(&bitbucket);
    assert_true(process_is_gone(&found.items[0]));
    assert_int_equal(find(), 0);
}

static void a_stale_pid_file_names_nobody(void **state)
{
    (void)state;
    struct stranger stranger = stranger_start((struct stranger_looks){.argument = "other"});
    write_pid_file(stranger.pid);
    assert_int_equal(find(), 0);
    stranger_end(&stranger);
    assert_int_equal(find(), 0);
    assert_int_equal(process_stale_pid(&config.bitbucket, &found), stranger.pid);
    write_text("home/log/bitbucket.pid", "garbage", 0644);
    assert_int_equal(find(), 0);
    assert_int_equal(process_stale_pid(&config.bitbucket, &found), 0);
}

static void a_stale_pid_file_does_not_hide_the_process(void **state)
{
    (void)state;
    struct stranger stranger = stranger_start((struct stranger_looks){.argument = "other"});
    struct stranger bitbucket = start_bitbucket(NULL);
    write_pid_file(stranger.pid);
    assert_int_equal(find(), 1);
    assert_int_equal(found.items[0].pid, bitbucket.pid);
    assert_int_equal(process_stale_pid(&config.bitbucket, &found), stranger.pid);
    write_pid_file(bitbucket.pid);
    assert_int_equal(process_stale_pid(&config.bitbucket, &found), 0);
    stranger_end(&bitbucket);
    stranger_end(&stranger);
}

static void the_process_of_the_pid_file_comes_first(void **state)
{
    (void)state;
    struct stranger first = start_bitbucket(NULL);
    struct stranger second = start_bitbucket(NULL);
    write_pid_file(second.pid);
    assert_int_equal(find(), 2);
    assert_int_equal(found.items[0].pid, second.pid);
    stranger_end(&first);
    stranger_end(&second);
}

static void another_home_is_another_node(void **state)
{
    char argument[LIMIT_PATH + 32];
    (void)state;
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s2", config.bitbucket.home);
    struct stranger other = stranger_start((struct stranger_looks){.argument = argument});
    assert_int_equal(find(), 0);
    stranger_end(&other);
}

static void a_home_counts_however_it_is_spelt(void **state)
{
    char argument[LIMIT_PATH + 64];
    (void)state;
    assert_int_equal(symlink(config.bitbucket.home, scratch_path("alias")), 0);
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s/", scratch_path("alias"));
    struct stranger bitbucket = stranger_start((struct stranger_looks){.argument = argument});
    assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
}

static void java_with_the_home_in_its_environment_counts_and_a_shell_does_not(void **state)
{
    char environment[LIMIT_PATH + 32];
    (void)state;
    snprintf(environment, sizeof(environment), "BITBUCKET_HOME=%s", config.bitbucket.home);
    struct stranger shell = stranger_start((struct stranger_looks){.environment = environment});
    assert_int_equal(find(), 0);
    struct stranger java = stranger_start(
        (struct stranger_looks){.program = stranger_java(), .environment = environment});
    assert_int_equal(find(), 1);
    assert_int_equal(found.items[0].pid, java.pid);
    stranger_end(&java);
    stranger_end(&shell);
}

static void a_start_script_counts_while_the_pid_file_names_it(void **state)
{
    (void)state;
    make_release("7.9.4");
    struct stranger script = stranger_start((struct stranger_looks){
        .argument = "/x/bin/start-bitbucket.sh", .directory = scratch_path("releases/7.9.4")});
    assert_int_equal(find(), 0);
    write_pid_file(script.pid);
    assert_int_equal(find(), 1);
    stranger_end(&script);
}

/* execve(2) shows an empty command line for a moment, which must not pass for absence. */
static void a_process_is_not_missed_while_it_executes_a_program(void **state)
{
    char script[LIMIT_PATH * 2], argument[LIMIT_PATH + 32];
    (void)state;
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    snprintf(script, sizeof(script), "#!/bin/sh\nexec %s %s\n", scratch_path("again"), argument);
    write_text("again", script, 0755);
    struct stranger bitbucket = stranger_start(
        (struct stranger_looks){.program = scratch_path("again"), .argument = argument});
    for (int i = 0; i < 300; i++)
        assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
}

static void tells_the_tree_from_the_working_directory_even_after_a_switch(void **state)
{
    char version[LIMIT_VERSION];
    (void)state;
    make_release("7.9.0");
    make_release("7.9.4");
    link_release("7.9.0");
    struct stranger bitbucket = start_bitbucket(config.bitbucket.install_link);
    assert_int_equal(find(), 1);
    link_release("7.9.4");
    process_release(&config.bitbucket, &found.items[0], version);
    assert_string_equal(version, "7.9.0");
    stranger_end(&bitbucket);
}

static void tells_no_tree_from_a_link_that_has_moved_since(void **state)
{
    char argument[LIMIT_PATH + 32], version[LIMIT_VERSION];
    (void)state;
    make_release("7.9.0");
    make_release("7.9.4");
    link_release("7.9.0");
    snprintf(argument, sizeof(argument), "-Dbitbucket.install=%s", config.bitbucket.install_link);
    struct stranger process = stranger_start((struct stranger_looks){.argument = argument});
    struct process seen = {.pid = process.pid, .pidfd = -1};
    link_release("7.9.4");
    assert_int_equal(find(), 0);
    process_release(&config.bitbucket, &seen, version);
    assert_string_equal(version, "");
    stranger_end(&process);
}

static void tells_no_tree_outside_the_releases(void **state)
{
    char version[LIMIT_VERSION];
    (void)state;
    struct stranger bitbucket = start_bitbucket(scratch);
    assert_int_equal(find(), 1);
    process_release(&config.bitbucket, &found.items[0], version);
    assert_string_equal(version, "");
    stranger_end(&bitbucket);
}

static void waits_for_the_end_and_no_longer(void **state)
{
    (void)state;
    struct stranger bitbucket = start_bitbucket(NULL);
    assert_int_equal(find(), 1);
    assert_false(process_wait_gone(&found.items[0], deadline_after_ms(1)));
    kill(bitbucket.pid, SIGTERM);
    assert_true(process_wait_gone(&found.items[0], deadline_after_ms(10000)));
    stranger_end(&bitbucket);
}

static int close_found(void **state)
{
    (void)state;
    process_list_done(&found);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_on_node(finds_a_process_by_its_command_line_without_a_pid_file),
        test_on_node(a_stale_pid_file_names_nobody),
        test_on_node(a_stale_pid_file_does_not_hide_the_process),
        test_on_node(the_process_of_the_pid_file_comes_first),
        test_on_node(another_home_is_another_node),
        test_on_node(a_home_counts_however_it_is_spelt),
        test_on_node(java_with_the_home_in_its_environment_counts_and_a_shell_does_not),
        test_on_node(a_start_script_counts_while_the_pid_file_names_it),
        test_on_node(a_process_is_not_missed_while_it_executes_a_program),
        test_on_node(tells_the_tree_from_the_working_directory_even_after_a_switch),
        test_on_node(tells_no_tree_from_a_link_that_has_moved_since),
        test_on_node(tells_no_tree_outside_the_releases),
        test_on_node(waits_for_the_end_and_no_longer),
    };
    return cmocka_run_group_tests(tests, NULL, close_found);
}
