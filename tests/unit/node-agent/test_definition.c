/* SPDX-License-Identifier: Apache-2.0 */
#include "definition.h"

#include "memory.h"
#include "node-agent/node_fixture.h"
#include "release.h"
#include "verbs.h"

#define SCRIPT_MODE 0750

static void write_script(const char *version)
{
    FREE_CLEANUP char *text =
        memory_format("#!/bin/sh\n# %s/%s\nI=%s/%s\n. $I/bin/start-bitbucket.sh\n",
                      config.bitbucket.releases, version, config.bitbucket.releases, version);
    write_text("atlbitbucket", text, SCRIPT_MODE);
}

/* 7.9.0 runs, without a link: only the init script names it. 7.9.4 is staged. */
static int named_by_a_script(void **state)
{
    struct release_record record = {.staged_at_ms = 1};
    if (node_make(state) != 0)
        return -1;
    config.bitbucket.service = SERVICE_SYSV;
    TEXT_COPY(config.bitbucket.init_script, scratch_path("atlbitbucket"));
    make_release("7.9.0");
    make_release("7.9.4");
    assert_good(release_record_write(&config, "7.9.4", &record, &err));
    write_script("7.9.0");
    return 0;
}

static const char *script_text(void)
{
    static char text[4096];
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, sizeof(text));
    assert_good(file_read(config.bitbucket.init_script, &bytes, &err));
    TEXT_COPY(text, buffer_text(&bytes));
    return text;
}

static void assert_starts(const char *version)
{
    struct definition definition;
    assert_good(definition_look(&config, &definition, &err));
    assert_int_equal(definition.kind, DEFINITION_RELEASE);
    assert_string_equal(definition.version, version);
}

static void switch_back_to(const char *version)
{
    TEXT_COPY(command.version, version);
    assert_good(verb_switch_back(&job, &err));
}

static void tells_link_release_and_neither(void **state)
{
    struct definition definition;
    (void)state;
    assert_starts("7.9.0");
    FREE_CLEANUP char *linked =
        memory_format(". %s/bin/start-bitbucket.sh --no-search\n", config.bitbucket.install_link);
    write_text("atlbitbucket", linked, SCRIPT_MODE);
    assert_good(definition_look(&config, &definition, &err));
    assert_int_equal(definition.kind, DEFINITION_LINK);
    assert_string_equal(definition.version, "");
    write_text("atlbitbucket", "exec /usr/local/bin/start-it\n", SCRIPT_MODE);
    assert_good(definition_look(&config, &definition, &err));
    assert_int_equal(definition.kind, DEFINITION_NEITHER);
    config.bitbucket.service = SERVICE_SCRIPT;
    assert_good(definition_look(&config, &definition, &err));
    assert_int_equal(definition.kind, DEFINITION_LINK);
    assert_string_equal(definition.name, "");
}

static void a_service_that_is_not_there_is_named(void **state)
{
    struct definition definition;
    (void)state;
    assert_int_equal(unlink(config.bitbucket.init_script), 0);
    assert_fails(definition_look(&config, &definition, &err), ERROR_NOT_FOUND, "atlbitbucket");
}

static void two_releases_in_one_definition_are_a_conflict(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = memory_format("%s/7.9.0/bin/a\n%s/7.9.4/bin/b\n",
                                            config.bitbucket.releases, config.bitbucket.releases);
    write_text("atlbitbucket", text, SCRIPT_MODE);
    assert_fails(verb_switch(&job, &err), ERROR_CONFLICT, "names two releases, 7.9.0 and 7.9.4");
}

static void switches_the_script_where_there_is_no_link(void **state)
{
    char version[LIMIT_VERSION];
    (void)state;
    release_linked(&config.bitbucket, version);
    assert_string_equal(version, "7.9.0");
    assert_good(verb_switch(&job, &err));
    assert_starts("7.9.4");
    assert_null(strstr(script_text(), "7.9.0"));
    assert_non_null(strstr(script_text(), "start-bitbucket.sh --no-search"));
    assert_false(exists("current"));
    release_linked(&config.bitbucket, version);
    assert_string_equal(version, "7.9.4");
    release_previous_read(&config, version);
    assert_string_equal(version, "7.9.0");
}

static void keeps_owner_and_mode(void **state)
{
    struct stat status;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(config.bitbucket.init_script, 1234, 4321), 0);
    assert_good(verb_switch(&job, &err));
    assert_int_equal(stat(config.bitbucket.init_script, &status), 0);
    assert_int_equal(status.st_uid, 1234);
    assert_int_equal(status.st_gid, 4321);
    assert_int_equal(status.st_mode & 07777, SCRIPT_MODE);
}

static void switches_link_and_script_where_both_name_it(void **state)
{
    (void)state;
    link_release("7.9.0");
    assert_good(verb_switch(&job, &err));
    assert_starts("7.9.4");
    assert_string_equal(link_text(), scratch_path("releases/7.9.4"));
}

static void puts_the_original_back_byte_for_byte(void **state)
{
    (void)state;
    FREE_CLEANUP char *before = memory_text(script_text());
    assert_good(verb_switch(&job, &err));
    assert_string_not_equal(script_text(), before);
    switch_back_to("7.9.0");
    assert_string_equal(script_text(), before);
}

static void what_somebody_changed_since_stays_on_the_way_back(void **state)
{
    (void)state;
    assert_good(verb_switch(&job, &err));
    FREE_CLEANUP char *changed = memory_format("%sulimit -n 8192\n", script_text());
    write_text("atlbitbucket", changed, SCRIPT_MODE);
    switch_back_to("7.9.0");
    assert_starts("7.9.0");
    assert_non_null(strstr(script_text(), "ulimit -n 8192\n"));
    assert_null(strstr(script_text(), "7.9.4"));
}

static void goes_on_where_a_switch_was_cut_off(void **state)
{
    (void)state;
    link_release("7.9.0");
    FREE_CLEANUP char *before = memory_text(script_text());
    assert_good(verb_switch(&job, &err));
    write_text("atlbitbucket", before, SCRIPT_MODE); /* the link was moved, the script was not */
    assert_good(verb_switch(&job, &err));
    assert_starts("7.9.4");
    switch_back_to("7.9.0");
    assert_string_equal(script_text(), before);
    assert_string_equal(link_text(), scratch_path("releases/7.9.0"));
}

static void a_link_to_the_script_stays_a_link(void **state)
{
    (void)state;
    assert_int_equal(rename(scratch_path("atlbitbucket"), scratch_path("real")), 0);
    assert_int_equal(symlink("real", scratch_path("atlbitbucket")), 0);
    assert_good(verb_switch(&job, &err));
    struct stat status;
    assert_int_equal(lstat(scratch_path("atlbitbucket"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_starts("7.9.4");
}

static void a_script_that_is_no_text_is_left_alone(void **state)
{
    (void)state;
    char bytes[600];
    int size = snprintf(bytes, sizeof(bytes), "I=%s/7.9.0\n", config.bitbucket.releases);
    assert_good(file_replace(config.bitbucket.init_script, bytes, (size_t)size + 1, SCRIPT_MODE,
                             &err)); /* with its NUL */
    assert_fails(verb_switch(&job, &err), ERROR_INTEGRITY, "NUL");
}

static void a_release_that_the_script_names_is_kept(void **state)
{
    (void)state;
    assert_fails(release_check_idle(&config, "7.9.0", &err), ERROR_CONFLICT, "definition names it");
    make_release("7.8.1");
    assert_good(verb_switch(&job, &err));
    assert_true(exists("state/definitions/7.9.0"));
    assert_good(release_previous_write(&config, "7.8.1", &err)); /* 7.9.0 is no way back */
    TEXT_COPY(command.version, "7.9.4");
    TEXT_COPY(command.previous_version, "7.8.1");
    assert_good(verb_prune(&job, &err));
    assert_false(exists("releases/7.9.0"));
    assert_false(exists("state/definitions/7.9.0"));
}

static void a_tree_with_another_home_is_not_switched_to(void **state)
{
    (void)state;
    write_text("releases/7.9.4/bin/set-bitbucket-home.sh",
               "if [ -z \"$BITBUCKET_HOME\" ]; then\n  BITBUCKET_HOME=\"/srv/other\"\nfi\n", 0644);
    assert_fails(verb_switch(&job, &err), ERROR_INVALID, "names the home /srv/other, not ");
    assert_starts("7.9.0");
    FREE_CLEANUP char *right = memory_format(
        "if [ -z \"$BITBUCKET_HOME\" ]; then\nBITBUCKET_HOME=%s\nfi\n", config.bitbucket.home);
    write_text("releases/7.9.4/bin/set-bitbucket-home.sh", right, 0644);
    assert_good(verb_switch(&job, &err));
}

static void a_start_refuses_a_definition_of_another_release(void **state)
{
    (void)state;
    link_release("7.9.4");
    assert_fails(verb_start(&job, &err), ERROR_CONFLICT, "starts release 7.9.0, not 7.9.4");
}

#define test_named(test) cmocka_unit_test_setup_teardown(test, named_by_a_script, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_named(tells_link_release_and_neither),
        test_named(a_service_that_is_not_there_is_named),
        test_named(two_releases_in_one_definition_are_a_conflict),
        test_named(switches_the_script_where_there_is_no_link),
        test_named(keeps_owner_and_mode),
        test_named(switches_link_and_script_where_both_name_it),
        test_named(puts_the_original_back_byte_for_byte),
        test_named(what_somebody_changed_since_stays_on_the_way_back),
        test_named(goes_on_where_a_switch_was_cut_off),
        test_named(a_link_to_the_script_stays_a_link),
        test_named(a_script_that_is_no_text_is_left_alone),
        test_named(a_release_that_the_script_names_is_kept),
        test_named(a_tree_with_another_home_is_not_switched_to),
        test_named(a_start_refuses_a_definition_of_another_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
