/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "node-agent/node_fixture.h"
#include "node-agent/stranger.h"
#include "release.h"

static void record_release(const char *version)
{
    struct release_record record = {.staged_at_ms = 1};
    assert_good(release_record_write(&config, version, &record, &err));
}

/* 7.9.0 runs and was never staged by us; 7.9.4 is staged. */
static int two_releases(void **state)
{
    if (node_make(state) != 0)
        return -1;
    make_release("7.9.0");
    make_release("7.9.4");
    record_release("7.9.4");
    link_release("7.9.0");
    return 0;
}

static struct stranger start_bitbucket(void)
{
    char argument[LIMIT_PATH + 32];
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    return stranger_start(
        (struct stranger_looks){.argument = argument, .directory = config.bitbucket.install_link});
}

static void points_the_link_at_the_staged_release(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    assert_string_equal(link_text(), scratch_path("releases/7.9.4"));
}

static void a_repeat_is_done_at_once_even_while_it_runs(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    struct stranger bitbucket = start_bitbucket();
    assert_good(verb_switch(&job, &err));
    stranger_end(&bitbucket);
}

static void refuses_while_bitbucket_lives(void **state)
{
    (void)state;
    struct stranger bitbucket = start_bitbucket();
    assert_fails(verb_switch(&job, &err), ERROR_CONFLICT, "still runs");
    assert_string_equal(link_text(), scratch_path("releases/7.9.0"));
    stranger_end(&bitbucket);
}

static void refuses_a_release_that_was_not_staged_whole(void **state)
{
    (void)state;
    make_release("7.9.5");
    TEXT_COPY(command.version, "7.9.5");
    assert_fails(verb_switch(&job, &err), ERROR_NOT_FOUND, "not staged");
    assert_string_equal(link_text(), scratch_path("releases/7.9.0"));
}

static void refuses_a_record_without_a_tree(void **state)
{
    (void)state;
    record_release("7.9.5");
    TEXT_COPY(command.version, "7.9.5");
    assert_fails(verb_switch(&job, &err), ERROR_NOT_FOUND, "7.9.5");
}

static void goes_back_to_a_release_that_we_never_staged(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    TEXT_COPY(command.version, "7.9.0");
    assert_good(verb_switch_back(&job, &err));
    assert_string_equal(link_text(), scratch_path("releases/7.9.0"));
    TEXT_COPY(command.version, "7.9.4");
    assert_good(verb_switch(&job, &err));
}

static void the_way_back_is_a_known_release_for_a_switch_too(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    TEXT_COPY(command.version, "7.9.0");
    assert_good(verb_switch(&job, &err));
    assert_string_equal(link_text(), scratch_path("releases/7.9.0"));
}

static void does_not_go_back_to_a_tree_without_its_start_script(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    assert_int_equal(unlink(scratch_path("releases/7.9.0/bin/start-bitbucket.sh")), 0);
    TEXT_COPY(command.version, "7.9.0");
    assert_fails(verb_switch_back(&job, &err), ERROR_INTEGRITY, "start-bitbucket.sh");
    TEXT_COPY(command.version, "7.8.9");
    assert_fails(verb_switch_back(&job, &err), ERROR_NOT_FOUND, "7.8.9");
}

static void leaves_a_directory_in_the_links_place_alone(void **state)
{
    (void)state;
    assert_int_equal(unlink(config.bitbucket.install_link), 0);
    assert_int_equal(mkdir(config.bitbucket.install_link, 0755), 0);
    assert_fails(verb_switch(&job, &err), ERROR_INVALID, "not a symbolic link");
}

static void prune_keeps_what_is_linked_running_or_named(void **state)
{
    (void)state;
    make_release("7.8.1");
    make_release("7.8.2");
    make_release("7.8.3");
    record_release("7.8.3");
    make_release("7.9.0-m1");
    assert_int_equal(symlink("7.8.3", scratch_path("releases/7.8.4")), 0);
    char argument[LIMIT_PATH + 32];
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    struct stranger bitbucket = stranger_start(
        (struct stranger_looks){.argument = argument, .directory = scratch_path("releases/7.8.2")});
    TEXT_COPY(command.previous_version, "7.8.1");
    assert_good(verb_prune(&job, &err));
    stranger_end(&bitbucket);
    assert_true(exists("releases/7.9.0")); /* linked */
    assert_true(exists("releases/7.9.4")); /* version */
    assert_true(exists("releases/7.8.1")); /* previous_version */
    assert_true(exists("releases/7.8.2")); /* running */
    assert_false(exists("releases/7.8.3"));
    assert_false(exists("state/releases/7.8.3.json"));
    assert_true(exists("releases/7.8.4"));    /* a link, and no release */
    assert_true(exists("releases/7.9.0-m1")); /* no version */
}

static void prune_keeps_the_way_back_whoever_asks(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    make_release("7.8.1");
    TEXT_COPY(command.previous_version, "7.8.0");
    assert_good(verb_prune(&job, &err));
    assert_true(exists("releases/7.9.4"));
    assert_true(exists("releases/7.9.0"));
    assert_false(exists("releases/7.8.1"));
}

static void prune_keeps_a_release_with_the_home_in_it(void **state)
{
    (void)state;
    make_release("7.8.1");
    assert_good(file_make_directory(scratch_path("releases/7.8.1/home"), 0755, &err));
    TEXT_COPY(config.bitbucket.home, scratch_path("releases/7.8.1/home"));
    TEXT_COPY(command.previous_version, "7.9.0");
    assert_good(verb_prune(&job, &err));
    assert_true(exists("releases/7.8.1/home"));
}

static void unstage_removes_tree_record_and_download(void **state)
{
    (void)state;
    assert_good(file_make_directory(scratch_path("state/staging"), 0700, &err));
    write_text("state/staging/7.9.4.part", "x", 0600);
    assert_good(verb_unstage(&job, &err));
    assert_false(exists("releases/7.9.4"));
    assert_false(exists("state/releases/7.9.4.json"));
    assert_false(exists("state/staging/7.9.4.part"));
    assert_good(verb_unstage(&job, &err));
}

static void unstage_refuses_the_linked_release_and_the_way_back(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    assert_fails(verb_unstage(&job, &err), ERROR_CONFLICT, "install link");
    TEXT_COPY(command.version, "7.9.0");
    assert_fails(verb_unstage(&job, &err), ERROR_CONFLICT, "way back");
    assert_true(exists("releases/7.9.0"));
}

#define test_switching(test) cmocka_unit_test_setup_teardown(test, two_releases, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_switching(points_the_link_at_the_staged_release),
        test_switching(a_repeat_is_done_at_once_even_while_it_runs),
        test_switching(refuses_while_bitbucket_lives),
        test_switching(refuses_a_release_that_was_not_staged_whole),
        test_switching(refuses_a_record_without_a_tree),
        test_switching(goes_back_to_a_release_that_we_never_staged),
        test_switching(the_way_back_is_a_known_release_for_a_switch_too),
        test_switching(does_not_go_back_to_a_tree_without_its_start_script),
        test_switching(leaves_a_directory_in_the_links_place_alone),
        test_switching(prune_keeps_what_is_linked_running_or_named),
        test_switching(prune_keeps_the_way_back_whoever_asks),
        test_switching(prune_keeps_a_release_with_the_home_in_it),
        test_switching(unstage_removes_tree_record_and_download),
        test_switching(unstage_refuses_the_linked_release_and_the_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
