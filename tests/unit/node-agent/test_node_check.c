/* SPDX-License-Identifier: Apache-2.0 */
#include "node_check.h"

#include "memory.h"
#include "merge.h"
#include "node-agent/node_fixture.h"
#include "release.h"
#include "service_candidates.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

static struct node_complaints complaints;

/* A node on which all is well, with an init script that goes through the link. */
static int good_node(void **state)
{
    if (node_make(state) != 0)
        return -1;
    make_release("7.9.0");
    link_release("7.9.0");
    config.bitbucket.service = SERVICE_SYSV;
    TEXT_COPY(config.bitbucket.init_script, scratch_path("etc/init.d/atlbitbucket"));
    assert_good(file_make_directory(scratch_path("etc/init.d"), 0755, &err));
    assert_good(file_make_directory(scratch_path("etc/systemd/system"), 0755, &err));
    assert_good(file_make_directory(scratch_path("run/systemd/system"), 0755, &err));
    FREE_CLEANUP char *script = memory_format(
        "#!/bin/sh\n. %s/bin/start-bitbucket.sh --no-search\n", config.bitbucket.install_link);
    write_text("etc/init.d/atlbitbucket", script, 0755);
    return 0;
}

static void assert_complaint(const char *message, const char *hint)
{
    node_check(&config, &complaints);
    if (complaints.count != 1)
        fail_msg("%zu complaints, the first: %s", complaints.count, complaints.items[0].message);
    if (strstr(complaints.items[0].message, message) == NULL ||
        strstr(complaints.items[0].hint, hint) == NULL)
        fail_msg("%s; hint: %s", complaints.items[0].message, complaints.items[0].hint);
}

static void assert_well(void)
{
    node_check(&config, &complaints);
    if (complaints.count != 0)
        fail_msg("%s", complaints.items[0].message);
}

static void a_good_node_has_no_complaints(void **state)
{
    (void)state;
    assert_well();
}

static void a_root_behind_a_link_is_told(void **state)
{
    (void)state;
    assert_int_equal(rename(scratch_path("releases"), scratch_path("real")), 0);
    assert_int_equal(symlink("real", scratch_path("releases")), 0);
    assert_complaint("leads through a symbolic link to '", "into the configuration");
}

static void a_root_that_is_not_there_is_told(void **state)
{
    (void)state;
    TEXT_COPY(config.bitbucket.releases, scratch_path("nowhere"));
    assert_complaint("must be a directory that can be written", "");
}

/* In a mount namespace of its own, which `change` changes; without the right to that, the test is
 * skipped. */
static void assert_complaint_where(bool (*change)(void), const char *message, const char *hint)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            !change())
            _exit(2);
        node_check(&config, &complaints);
        _exit(complaints.count == 1 && strstr(complaints.items[0].message, message) != NULL &&
                      strstr(complaints.items[0].hint, hint) != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool root_is_read_only(void)
{
    const char *root = config.bitbucket.releases;
    return mount(root, root, NULL, MS_BIND, NULL) == 0 &&
           mount("", root, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0;
}

static void a_root_that_is_mounted_read_only_is_told(void **state)
{
    (void)state;
    assert_complaint_where(root_is_read_only, "mounted read-only", "mount it for writing");
}

/* Something that cannot be run stands where it was. */
static bool git_is_missing(void)
{
    for (const char *git; (git = merge_find_git()) != NULL;) {
        if (mount("/dev/null", git, NULL, MS_BIND, NULL) != 0)
            return false;
    }
    return true;
}

static void a_missing_git_is_told(void **state)
{
    (void)state;
    assert_complaint_where(git_is_missing, "git: ", "install git");
}

static void a_home_inside_the_tree_is_told(void **state)
{
    (void)state;
    assert_good(file_make_directory(scratch_path("releases/7.9.0/home"), 0755, &err));
    TEXT_COPY(config.bitbucket.home, scratch_path("releases/7.9.0/home"));
    assert_complaint("must lie outside of releases and install tree", "move the home out");
}

static void a_home_that_the_service_cannot_write_is_told(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(scratch, 0755), 0);
    TEXT_COPY(config.bitbucket.user, "nobody");
    assert_complaint("user nobody cannot write in '", "chown");
    assert_int_equal(chmod(config.bitbucket.home, 0777), 0);
    assert_well();
}

static void a_user_that_is_not_there_is_told(void **state)
{
    (void)state;
    TEXT_COPY(config.bitbucket.user, "nobody-of-this-name");
    assert_complaint("there is no user 'nobody-of-this-name'", "user: ");
}

static void a_tree_that_names_another_home_is_told(void **state)
{
    struct release_record record = {.staged_at_ms = 1};
    (void)state;
    make_release("7.9.4");
    write_text("releases/7.9.4/bin/set-bitbucket-home.sh",
               "if [ -z \"$BITBUCKET_HOME\" ]; then\n  BITBUCKET_HOME='/srv/other'\nfi\n", 0644);
    assert_well(); /* an old tree of somebody's */
    assert_good(release_record_write(&config, "7.9.4", &record, &err));
    assert_complaint("release 7.9.4: bin/set-bitbucket-home.sh names the home /srv/other", "same");
}

static void a_service_that_is_not_there_is_told_with_what_there_is(void **state)
{
    (void)state;
    assert_int_equal(unlink(config.bitbucket.init_script), 0);
    assert_complaint("init.d/atlbitbucket", "service: {kind: ");
}

static void a_link_that_disagrees_with_the_definition_is_told(void **state)
{
    (void)state;
    make_release("7.9.4");
    FREE_CLEANUP char *script =
        memory_format(". %s/7.9.4/bin/start-bitbucket.sh\n", config.bitbucket.releases);
    write_text("etc/init.d/atlbitbucket", script, 0755);
    assert_complaint("names release 7.9.0, but init script", "have the link name");
    assert_int_equal(unlink(config.bitbucket.install_link), 0);
    assert_well();
}

static void says_how_a_switch_will_go(void **state)
{
    char text[2048];
    (void)state;
    node_check_describe(&config, text, sizeof(text));
    assert_non_null(strstr(text, "starts through the link"));
    FREE_CLEANUP char *script =
        memory_format(". %s/7.9.0/bin/start-bitbucket.sh\n", config.bitbucket.releases);
    write_text("etc/init.d/atlbitbucket", script, 0755);
    node_check_describe(&config, text, sizeof(text));
    assert_non_null(strstr(text, "names release 7.9.0 in '"));
    write_text("etc/init.d/atlbitbucket", "exec /usr/local/bin/it\n", 0755);
    node_check_describe(&config, text, sizeof(text));
    assert_non_null(strstr(text, "names neither"));
}

static void a_service_that_starts_another_tree_is_told(void **state)
{
    (void)state;
    assert_good(file_make_directory(scratch_path("bitbucket/bin"), 0755, &err));
    write_text("bitbucket/bin/start-bitbucket.sh", "#!/bin/sh\n", 0755);
    FREE_CLEANUP char *script = memory_format("INSTALL=%s\n\"$INSTALL/bin/start-bitbucket.sh\"\n",
                                              scratch_path("bitbucket"));
    write_text("etc/init.d/atlbitbucket", script, 0755);
    assert_complaint("bitbucket', which is neither the link '", "start through this link");
}

static void properties_that_say_something_else_are_told(void **state)
{
    (void)state;
    assert_good(file_make_directory(scratch_path("home/shared"), 0755, &err));
    write_text("home/shared/bitbucket.properties", "server.port=7990\n", 0600);
    assert_well();
    write_text("home/shared/bitbucket.properties", "server.port=8080\n", 0600);
    assert_complaint("http_port: it is 7990, but shared/bitbucket.properties says 8080",
                     "write what holds");
    config.bitbucket.open.http_port = true;
    assert_complaint("says 8080", "restart the agent");
    write_text("home/shared/bitbucket.properties", "plugin.ssh.enabled=false\n", 0600);
    config.bitbucket.ssh_port = 7999;
    assert_complaint("ssh_port: it is 7999, but shared/bitbucket.properties says 0", "");
}

/* ---- candidates ---- */

static void assert_candidates(size_t count)
{
    struct service_candidates found;
    service_candidates_find(&config.bitbucket, scratch, &found);
    if (found.count != count)
        fail_msg("%zu candidates, the first: %s", found.count, found.paths[0]);
}

static void write_unit(const char *name)
{
    FREE_CLEANUP char *text = memory_format("[Service]\nExecStart=%s/bin/start-bitbucket.sh\n",
                                            config.bitbucket.install_link);
    write_text(name, text, 0644);
}

static void finds_units_and_scripts_that_start_bitbucket(void **state)
{
    (void)state;
    assert_candidates(1);
    write_unit("etc/systemd/system/bitbucket.service");
    assert_candidates(2);
    write_unit("etc/systemd/system/bitbucket.service.bak");
    write_text("etc/systemd/system/other.service", "ExecStart=/bin/true\n", 0644);
    write_text("etc/init.d/other", "#!/bin/sh\necho start-bitbucket.sh\n", 0755);
    assert_candidates(2);
}

static void what_cannot_start_is_no_candidate(void **state)
{
    (void)state;
    assert_int_equal(chmod(scratch_path("etc/init.d/atlbitbucket"), 0644), 0);
    assert_candidates(0);
    assert_int_equal(chmod(scratch_path("etc/init.d/atlbitbucket"), 0755), 0);
    assert_int_equal(symlink("/dev/null", scratch_path("etc/systemd/system/atlbitbucket.service")),
                     0);
    assert_candidates(0);
}

static void without_systemd_no_unit_starts_anything(void **state)
{
    (void)state;
    write_unit("etc/systemd/system/bitbucket.service");
    assert_candidates(2);
    assert_int_equal(rmdir(scratch_path("run/systemd/system")), 0);
    assert_candidates(1);
}

static void a_unit_that_overrules_another_counts_once(void **state)
{
    (void)state;
    assert_int_equal(unlink(scratch_path("etc/init.d/atlbitbucket")), 0);
    assert_good(file_make_directory(scratch_path("usr/lib/systemd/system"), 0755, &err));
    assert_int_equal(symlink("usr/lib", scratch_path("lib")), 0);
    write_unit("usr/lib/systemd/system/bitbucket.service");
    assert_candidates(1);
    write_unit("etc/systemd/system/bitbucket.service");
    assert_int_equal(symlink("bitbucket.service", scratch_path("etc/systemd/system/bb.service")),
                     0);
    assert_candidates(1);
}

static void knows_which_candidate_is_configured(void **state)
{
    (void)state;
    const char *script = config.bitbucket.init_script;
    assert_true(service_candidate_is_configured(&config.bitbucket, script));
    assert_false(
        service_candidate_is_configured(&config.bitbucket, "/etc/systemd/system/b.service"));
    config.bitbucket.service = SERVICE_SYSTEMD;
    TEXT_COPY(config.bitbucket.unit, "atlbitbucket.service");
    assert_true(service_candidate_is_configured(&config.bitbucket, script));
    assert_false(
        service_candidate_is_configured(&config.bitbucket, "/etc/systemd/system/b.service"));
    TEXT_COPY(config.bitbucket.unit, "b.service");
    assert_true(
        service_candidate_is_configured(&config.bitbucket, "/etc/systemd/system/b.service"));
    assert_false(service_candidate_is_configured(&config.bitbucket, script));
}

static void a_unit_is_configured_by_any_of_its_names(void **state)
{
    (void)state;
    const char *real = "etc/systemd/system/bitbucket.service";
    const char *alias = "etc/systemd/system/bb.service";
    write_unit(real);
    assert_int_equal(symlink("bitbucket.service", scratch_path(alias)), 0);
    config.bitbucket.service = SERVICE_SYSTEMD;
    TEXT_COPY(config.bitbucket.unit, "bitbucket.service");
    assert_true(service_candidate_is_configured(&config.bitbucket, scratch_path(alias)));
    TEXT_COPY(config.bitbucket.unit, "bb.service");
    assert_true(service_candidate_is_configured(&config.bitbucket, scratch_path(real)));
    TEXT_COPY(config.bitbucket.unit, "other.service");
    assert_false(service_candidate_is_configured(&config.bitbucket, scratch_path(real)));
}

#define test_good(test) cmocka_unit_test_setup_teardown(test, good_node, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_good(a_good_node_has_no_complaints),
        test_good(a_root_behind_a_link_is_told),
        test_good(a_root_that_is_not_there_is_told),
        test_good(a_root_that_is_mounted_read_only_is_told),
        test_good(a_missing_git_is_told),
        test_good(a_home_inside_the_tree_is_told),
        test_good(a_home_that_the_service_cannot_write_is_told),
        test_good(a_user_that_is_not_there_is_told),
        test_good(a_tree_that_names_another_home_is_told),
        test_good(a_service_that_is_not_there_is_told_with_what_there_is),
        test_good(a_link_that_disagrees_with_the_definition_is_told),
        test_good(a_service_that_starts_another_tree_is_told),
        test_good(properties_that_say_something_else_are_told),
        test_good(says_how_a_switch_will_go),
        test_good(finds_units_and_scripts_that_start_bitbucket),
        test_good(what_cannot_start_is_no_candidate),
        test_good(without_systemd_no_unit_starts_anything),
        test_good(a_unit_that_overrules_another_counts_once),
        test_good(knows_which_candidate_is_configured),
        test_good(a_unit_is_configured_by_any_of_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
