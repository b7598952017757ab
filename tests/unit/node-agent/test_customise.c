/* SPDX-License-Identifier: Apache-2.0 */
/* Customisations of 7.9.0 are carried over into 7.9.4 while that is staged, by VERB_STAGE itself.
 */
#include "customise.h"

#include "node-agent/node_fixture.h"
#include "node-agent/stranger.h"
#include "node-agent/tar_builder.h"
#include "release.h"
#include "verbs.h"

#define START_OLD  "umask 0027\nJVM_MINIMUM_MEMORY=512m\nJVM_MAXIMUM_MEMORY=1g\n\n\n\nexec old\n"
#define START_MINE "umask 0027\nJVM_MINIMUM_MEMORY=512m\nJVM_MAXIMUM_MEMORY=4g\n\n\n\nexec old\n"
#define START_NEW  "umask 0027\nJVM_MINIMUM_MEMORY=512m\nJVM_MAXIMUM_MEMORY=1g\n\n\n\nexec new\n"
#define START_BOTH "umask 0027\nJVM_MINIMUM_MEMORY=512m\nJVM_MAXIMUM_MEMORY=4g\n\n\n\nexec new\n"

#define START  "bin/_start-webapp.sh"
#define ROBOTS "app/robots.txt"
#define JAR    "app/WEB-INF/lib/driver.jar"

struct shipped {
    const char *path, *contents;
};

static const struct shipped shipped_old[] = {
    {START, START_OLD},
    {ROBOTS, "Disallow: /\n"},
    {"app/help.txt", "help\n"},
};

static const struct shipped shipped_new[] = {
    {START, START_NEW},
    {ROBOTS, "Disallow: /\n"},
    {"app/help.txt", "more help\n"},
};

static void add_file(struct buffer *tar, const char *version, const char *path,
                     const char *contents)
{
    char name[256];
    snprintf(name, sizeof(name), "atlassian-bitbucket-%s/%s", version, path);
    tar_add(tar, (struct tar_entry){.name = name, .type = '0', .contents = contents, .mode = 0755});
}

/* NAME in the scratch directory; the tar is used up. */
static void write_distribution(struct buffer *tar, const char *name, char sha256[LIMIT_SHA256_HEX])
{
    struct buffer packed;
    buffer_init(&packed, TAR_BYTES);
    tar_end(tar);
    tar_gzip(tar, &packed);
    hash_bytes(&packed, sha256);
    assert_good(file_replace(scratch_path(name), packed.data, packed.length, 0644, &err));
    buffer_done(&packed);
    buffer_done(tar);
}

/* The three scripts that any release has come on top. */
static void make_distribution(const char *version, const char *name, const struct shipped *rows,
                              size_t count, char sha256[LIMIT_SHA256_HEX])
{
    struct buffer tar;
    buffer_init(&tar, TAR_BYTES);
    add_file(&tar, version, "bin/start-bitbucket.sh", "#!/bin/sh\n");
    add_file(&tar, version, "bin/stop-bitbucket.sh", "#!/bin/sh\n");
    add_file(&tar, version, "bin/set-bitbucket-home.sh", TAR_HOME_SCRIPT);
    for (size_t i = 0; i < count; i++)
        add_file(&tar, version, rows[i].path, rows[i].contents);
    write_distribution(&tar, name, sha256);
}

static void write_in(const char *version, const char *path, const char *contents)
{
    char name[256];
    snprintf(name, sizeof(name), "releases/%s/%s", version, path);
    char *directory = file_directory(scratch_path(name));
    assert_good(file_make_directory(directory, 0755, &err));
    free(directory);
    write_text(name, contents, 0755);
}

static void expect_in_new(const char *path, const char *expected)
{
    char name[256];
    struct buffer text;
    snprintf(name, sizeof(name), "releases/7.9.4/%s", path);
    buffer_init(&text, 65536);
    assert_good(file_read(scratch_path(name), &text, &err));
    assert_string_equal(buffer_text(&text), expected);
    buffer_done(&text);
}

static void set_rule(const char *files, enum customisation_manner manner)
{
    struct customisation_rule *rule = &config.bitbucket.rules[config.bitbucket.rule_count++];
    TEXT_COPY(rule->files, files);
    rule->manner = manner;
}

/* 7.9.0 as it was shipped is in use; its distribution and that of 7.9.4 are at hand. */
static int node_with_releases(void **state)
{
    char ignored[LIMIT_SHA256_HEX];
    if (node_make(state) != 0)
        return -1;
    TEXT_COPY(config.bitbucket.artifacts, scratch_path("artifacts"));
    assert_good(file_make_directory(config.bitbucket.artifacts, 0755, &err));
    make_distribution("7.9.0", "artifacts/atlassian-bitbucket-7.9.0.tar.gz", shipped_old,
                      sizeof(shipped_old) / sizeof(shipped_old[0]), ignored);
    make_distribution("7.9.4", "new.tar.gz", shipped_new,
                      sizeof(shipped_new) / sizeof(shipped_new[0]), command.sha256);
    TEXT_COPY(command.artifact, scratch_path("new.tar.gz"));
    make_release("7.9.0");
    write_in("7.9.0", "bin/start-bitbucket.sh", "#!/bin/sh\n");
    write_in("7.9.0", "bin/stop-bitbucket.sh", "#!/bin/sh\n");
    write_in("7.9.0", "bin/set-bitbucket-home.sh", TAR_HOME_SCRIPT);
    for (size_t i = 0; i < sizeof(shipped_old) / sizeof(shipped_old[0]); i++)
        write_in("7.9.0", shipped_old[i].path, shipped_old[i].contents);
    link_release("7.9.0");
    return 0;
}

static void stage(void)
{
    assert_good(verb_stage(&job, &err));
    assert_false(exists("state/customisations"));
}

static void refuse(const char *message)
{
    assert_fails(verb_stage(&job, &err), ERROR_INVALID, message);
    assert_false(exists("releases/.staging-7.9.4"));
    assert_false(exists("releases/7.9.4"));
    assert_false(exists("state/customisations"));
}

static const struct message_customisation *told(const char *path)
{
    for (size_t i = 0; i < job.report.customisation_count; i++)
        if (text_equal(job.report.customisations[i].path, path))
            return &job.report.customisations[i];
    fail_msg("%s is not told", path);
    return NULL;
}

/* ---- what is carried over ---- */

static void untouched_tree_gives_the_release_as_it_was_shipped(void **state)
{
    (void)state;
    stage();
    expect_in_new(START, START_NEW);
    expect_in_new("app/help.txt", "more help\n");
    assert_good(verb_customisations(&job, &err));
    assert_int_equal(job.report.customisations_total, 0);
}

static void changed_text_is_merged_with_what_the_vendor_has_changed(void **state)
{
    struct stat status;
    (void)state;
    write_in("7.9.0", START, START_MINE);
    assert_int_equal(chmod(scratch_path("releases/7.9.0/" START), 0750), 0);
    stage();
    expect_in_new(START, START_BOTH);
    assert_int_equal(stat(scratch_path("releases/7.9.4/" START), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0750);
    assert_int_equal(status.st_mtim.tv_sec, 1600000000);
}

static void change_that_keeps_the_size_is_found(void **state)
{
    (void)state;
    write_in("7.9.0", ROBOTS, "Disallow: *\n");
    stage();
    expect_in_new(ROBOTS, "Disallow: *\n");
}

static void added_file_is_copied_without_set_id_bits(void **state)
{
    struct stat status;
    (void)state;
    write_in("7.9.0", JAR, "jar");
    assert_int_equal(chmod(scratch_path("releases/7.9.0/" JAR), 04646), 0);
    stage();
    expect_in_new(JAR, "jar");
    assert_int_equal(stat(scratch_path("releases/7.9.4/" JAR), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

static void removed_file_stays_removed_and_its_directory_with_it(void **state)
{
    (void)state;
    assert_int_equal(unlink(scratch_path("releases/7.9.0/" ROBOTS)), 0);
    stage();
    assert_false(exists("releases/7.9.4/" ROBOTS));
    assert_true(exists("releases/7.9.4/app/help.txt"));
}

static void directory_that_was_replaced_by_a_link_becomes_that_link(void **state)
{
    char target[256];
    (void)state;
    write_in("7.9.0", "app/help.txt", "more help\n"); /* as in 7.9.4: nothing to decide */
    assert_good(file_remove_tree(scratch_path("releases/7.9.0/app"), &err));
    assert_int_equal(symlink("/usr/share/app", scratch_path("releases/7.9.0/app")), 0);
    set_rule("app/*", CUSTOMISATION_COPY);
    stage();
    ssize_t size = readlink(scratch_path("releases/7.9.4/app"), target, sizeof(target) - 1);
    assert_int_equal(size, strlen("/usr/share/app"));
}

/* The link of an attacker who may write to the old tree: what it names is not read. */
static void link_is_never_followed(void **state)
{
    struct stat status;
    (void)state;
    write_text("secret", "secret", 0600);
    assert_int_equal(symlink(scratch_path("secret"), scratch_path("releases/7.9.0/app/x")), 0);
    stage();
    assert_int_equal(lstat(scratch_path("releases/7.9.4/app/x"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

static void home_that_an_earlier_staging_has_set_is_no_conflict(void **state)
{
    char script[512];
    (void)state;
    snprintf(script, sizeof(script),
             "# home\nif [ -z \"${BITBUCKET_HOME}\" ]; then\n    BITBUCKET_HOME=%s\nfi\nexport "
             "BITBUCKET_HOME\n",
             config.bitbucket.home);
    write_in("7.9.0", "bin/set-bitbucket-home.sh", script);
    stage();
    expect_in_new("bin/set-bitbucket-home.sh", script);
}

static void second_upgrade_needs_no_distribution_of_the_operators(void **state)
{
    (void)state;
    stage();
    assert_int_equal(unlink(scratch_path("artifacts/atlassian-bitbucket-7.9.0.tar.gz")), 0);
    link_release("7.9.4");
    write_in("7.9.4", ROBOTS, "mine\n");
    make_distribution("7.9.5", "newer.tar.gz", shipped_new,
                      sizeof(shipped_new) / sizeof(shipped_new[0]), command.sha256);
    TEXT_COPY(command.artifact, scratch_path("newer.tar.gz"));
    TEXT_COPY(command.version, "7.9.5");
    assert_good(verb_stage(&job, &err));
    assert_true(exists("releases/7.9.5/" ROBOTS));
    TEXT_COPY(command.previous_version, "7.9.4");
    link_release("7.9.5");
    assert_good(verb_prune(&job, &err));
    assert_true(exists("state/artifacts/atlassian-bitbucket-7.9.4.tar.gz"));
    TEXT_COPY(command.previous_version, "7.9.5");
    assert_good(verb_prune(&job, &err));
    assert_true(exists("state/artifacts/atlassian-bitbucket-7.9.5.tar.gz"));
    assert_false(exists("state/artifacts/atlassian-bitbucket-7.9.4.tar.gz"));
}

/* Where the kernel cannot copy by itself. */
static void distribution_on_another_file_system_is_kept(void **state)
{
    char path[] = "/dev/shm/shunt-test-XXXXXX";
    struct buffer packed;
    struct stat status;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    buffer_init(&packed, TAR_BYTES);
    assert_good(file_read(command.artifact, &packed, &err));
    assert_int_equal(write(fd, packed.data, packed.length), packed.length);
    close(fd);
    TEXT_COPY(command.artifact, path);
    stage();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(
        stat(scratch_path("state/artifacts/atlassian-bitbucket-7.9.4.tar.gz"), &status), 0);
    assert_int_equal(status.st_size, packed.length);
    buffer_done(&packed);
}

static void change_after_the_staging_stages_anew(void **state)
{
    (void)state;
    stage();
    write_in("7.9.0", ROBOTS, "mine\n");
    stage();
    expect_in_new(ROBOTS, "mine\n");
    progress_count = 0;
    stage();
    assert_int_equal(progress_count, 0);
}

/* ---- what a person must decide ---- */

static void conflict_refuses_the_staging_and_shows_its_lines(void **state)
{
    (void)state;
    write_in("7.9.0", "app/help.txt", "my help\n");
    refuse("customisation app/help.txt: changed here and in 7.9.4, in the same lines");
    assert_good(verb_customisations(&job, &err));
    assert_int_equal(job.report.conflicts_total, 1);
    assert_string_equal(told("app/help.txt")->outcome, "conflict");
    assert_string_equal(job.report.hunks, "app/help.txt:\n<<<<<<< 7.9.0 on this node\nmy help\n"
                                          "||||||| 7.9.0 as shipped\nhelp\n=======\nmore help\n"
                                          ">>>>>>> 7.9.4 as shipped\n");
    assert_false(exists("state/customisations"));
}

static void rule_decides_a_conflict(void **state)
{
    (void)state;
    write_in("7.9.0", "app/help.txt", "my help\n");
    set_rule("app/help.txt", CUSTOMISATION_COPY);
    stage();
    expect_in_new("app/help.txt", "my help\n");
    config.bitbucket.rules[0].manner = CUSTOMISATION_KEEP_NEW;
    assert_good(file_remove_tree(scratch_path("releases/7.9.4"), &err));
    stage();
    expect_in_new("app/help.txt", "more help\n");
}

static void rule_that_asks_is_a_conflict_where_something_was_changed(void **state)
{
    (void)state;
    set_rule("*.jar", CUSTOMISATION_ASK);
    stage();
    write_in("7.9.0", JAR, "jar");
    assert_good(file_remove_tree(scratch_path("releases/7.9.4"), &err));
    refuse("customisation " JAR ": the configuration wants a person to decide");
}

static void removal_of_what_the_vendor_has_changed_is_a_conflict(void **state)
{
    (void)state;
    assert_int_equal(unlink(scratch_path("releases/7.9.0/app/help.txt")), 0);
    refuse("customisation app/help.txt: removed here, and changed in 7.9.4");
}

static void same_addition_in_the_new_release_is_none(void **state)
{
    (void)state;
    write_in("7.9.0", "app/help.txt", "more help\n");
    stage();
    assert_good(verb_customisations(&job, &err));
    assert_string_equal(told("app/help.txt")->outcome, "same");
}

static void binary_that_both_have_changed_is_a_conflict(void **state)
{
    char name[256];
    (void)state;
    snprintf(name, sizeof(name), "%s", scratch_path("releases/7.9.0/app/help.txt"));
    assert_good(file_replace(name, "a\0b", 3, 0644, &err));
    refuse("customisation app/help.txt: changed here and in 7.9.4, and it is no text");
}

static void file_that_names_the_old_directory_is_a_conflict(void **state)
{
    char text[512];
    (void)state;
    snprintf(text, sizeof(text), "JRE_HOME=%s/7.9.0/jre\n", config.bitbucket.releases);
    write_in("7.9.0", "bin/set-jre-home.sh", text);
    refuse("customisation bin/set-jre-home.sh: names the directory of 7.9.0");
    snprintf(text, sizeof(text), "JRE_HOME=%s/7.9.01/jre\n", config.bitbucket.releases);
    write_in("7.9.0", "bin/set-jre-home.sh", text);
    stage();
}

/* ---- what cannot be known ---- */

static void unknown_distribution_is_refused_and_says_where_to_put_it(void **state)
{
    struct error err;
    (void)state;
    assert_int_equal(unlink(scratch_path("artifacts/atlassian-bitbucket-7.9.0.tar.gz")), 0);
    assert_false(verb_stage(&job, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no distribution atlassian-bitbucket-7.9.0.tar.gz in"));
    assert_non_null(strstr(err.message, scratch_path("artifacts")));
    assert_non_null(strstr(err.hint, "bitbucket.customisations"));
    set_rule("*", CUSTOMISATION_KEEP_NEW);
    stage();
}

static void distribution_that_was_changed_since_is_refused(void **state)
{
    (void)state;
    struct release_record record = {.staged_at_ms = 1};
    memset(record.sha256, 'a', 64);
    assert_good(release_record_write(&config, "7.9.0", &record, &err));
    assert_fails(verb_stage(&job, &err), ERROR_INTEGRITY, "hash is");
}

static void distribution_of_another_version_is_refused(void **state)
{
    char ignored[LIMIT_SHA256_HEX];
    (void)state;
    make_distribution("7.9.1", "artifacts/atlassian-bitbucket-7.9.0.tar.gz", shipped_old, 1,
                      ignored);
    assert_fails(verb_stage(&job, &err), ERROR_INTEGRITY, "top folder of this version");
}

/* A million bytes of a comment before one name: what a plan reads has to be bounded as well. */
static void distribution_with_an_endless_header_is_refused(void **state)
{
    enum { COMMENT_BYTES = 1000000 };
    static const char begin[] = "1000000 comment=";
    char ignored[LIMIT_SHA256_HEX];
    struct buffer tar;
    (void)state;
    char *comment = memory_zeroed(COMMENT_BYTES + 1, 1);
    memset(comment, 'c', COMMENT_BYTES);
    memcpy(comment, begin, sizeof(begin) - 1);
    comment[COMMENT_BYTES - 1] = '\n';
    buffer_init(&tar, TAR_BYTES);
    tar_add(&tar, (struct tar_entry){.name = "comment", .type = 'x', .contents = comment});
    add_file(&tar, "7.9.0", START, START_OLD);
    write_distribution(&tar, "artifacts/atlassian-bitbucket-7.9.0.tar.gz", ignored);
    free(comment);
    assert_fails(verb_stage(&job, &err), ERROR_INTEGRITY,
                 "header of an entry has more than 256 KiB");
}

/* ---- what would start ---- */

static void script_that_differs_from_the_running_process_is_refused(void **state)
{
    char argument[LIMIT_PATH + 32];
    (void)state;
    write_in("7.9.0", START, "JVM_SUPPORT_RECOMMENDED_ARGS=\"-Dcluster.node.name=b\"\n" START_MINE);
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    struct stranger bitbucket = stranger_start(
        (struct stranger_looks){.argument = argument, .directory = scratch_path("releases/7.9.0")});
    refuse("JVM_SUPPORT_RECOMMENDED_ARGS is '-Dcluster.node.name=b', but Bitbucket runs with");
    stranger_end(&bitbucket);
}

/* ---- showing ---- */

/* The artifact is a URL's; what it has is kept here under its version, or something else is. */
static void new_release_that_is_kept_here_is_tried_for_a_url(void **state)
{
    (void)state;
    write_in("7.9.0", "app/help.txt", "my help\n");
    assert_good(file_rename(scratch_path("new.tar.gz"),
                            scratch_path("artifacts/atlassian-bitbucket-7.9.4.tar.gz"), &err));
    TEXT_COPY(command.artifact, "http://127.0.0.1:1/bb.tar.gz");
    assert_good(verb_customisations(&job, &err));
    assert_int_equal(job.report.conflicts_total, 1);
    assert_string_equal(told("app/help.txt")->outcome, "conflict");
    memset(&job.report, 0, sizeof(job.report));
    memset(command.sha256, '0', LIMIT_SHA256_HEX - 1);
    assert_good(verb_customisations(&job, &err));
    assert_string_equal(told("app/help.txt")->outcome, "");
    assert_non_null(strstr(job.report.hunks, "+my help"));
}

static void without_a_new_release_the_differences_are_shown(void **state)
{
    (void)state;
    write_in("7.9.0", START, START_MINE);
    write_in("7.9.0", JAR, "jar");
    command.version[0] = command.artifact[0] = command.sha256[0] = '\0';
    assert_good(verb_customisations(&job, &err));
    assert_int_equal(job.report.customisations_total, 2);
    assert_string_equal(told(START)->kind, "changed");
    assert_string_equal(told(JAR)->kind, "added");
    assert_string_equal(told(JAR)->outcome, "");
    assert_non_null(strstr(job.report.hunks, "\n-JVM_MAXIMUM_MEMORY=1g\n+JVM_MAXIMUM_MEMORY=4g\n"));
}

#define test_with_releases(test)                                                                   \
    cmocka_unit_test_setup_teardown(test, node_with_releases, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_releases(untouched_tree_gives_the_release_as_it_was_shipped),
        test_with_releases(changed_text_is_merged_with_what_the_vendor_has_changed),
        test_with_releases(change_that_keeps_the_size_is_found),
        test_with_releases(added_file_is_copied_without_set_id_bits),
        test_with_releases(removed_file_stays_removed_and_its_directory_with_it),
        test_with_releases(directory_that_was_replaced_by_a_link_becomes_that_link),
        test_with_releases(link_is_never_followed),
        test_with_releases(home_that_an_earlier_staging_has_set_is_no_conflict),
        test_with_releases(second_upgrade_needs_no_distribution_of_the_operators),
        test_with_releases(distribution_on_another_file_system_is_kept),
        test_with_releases(change_after_the_staging_stages_anew),
        test_with_releases(conflict_refuses_the_staging_and_shows_its_lines),
        test_with_releases(rule_decides_a_conflict),
        test_with_releases(rule_that_asks_is_a_conflict_where_something_was_changed),
        test_with_releases(removal_of_what_the_vendor_has_changed_is_a_conflict),
        test_with_releases(same_addition_in_the_new_release_is_none),
        test_with_releases(binary_that_both_have_changed_is_a_conflict),
        test_with_releases(file_that_names_the_old_directory_is_a_conflict),
        test_with_releases(unknown_distribution_is_refused_and_says_where_to_put_it),
        test_with_releases(distribution_that_was_changed_since_is_refused),
        test_with_releases(distribution_of_another_version_is_refused),
        test_with_releases(distribution_with_an_endless_header_is_refused),
        test_with_releases(script_that_differs_from_the_running_process_is_refused),
        test_with_releases(new_release_that_is_kept_here_is_tried_for_a_url),
        test_with_releases(without_a_new_release_the_differences_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
