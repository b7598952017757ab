/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include "listening_ports.h"
#include "memory.h"
#include "node-agent/node_fixture.h"

#include <arpa/inet.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SCRIPT "etc/init.d/atlbitbucket"

static struct buffer found, complaints;

/* All is open; nothing is installed but a release with a home in its own script. */
static int open_node(void **state)
{
    if (node_make(state) != 0)
        return -1;
    struct bitbucket_config *bitbucket = &config.bitbucket;
    memset(bitbucket, 0, sizeof(*bitbucket));
    bitbucket->open = (struct bitbucket_open){true, true, true, true, true, true, true, true};
    bitbucket->ssh_port = BITBUCKET_SSH_PORT_OPEN;
    buffer_init(&found, 8192);
    buffer_init(&complaints, 8192);
    make_release("7.9.0");
    assert_good(file_make_directory(scratch_path("etc/init.d"), 0755, &err));
    assert_good(file_make_directory(scratch_path("etc/systemd/system"), 0755, &err));
    assert_good(file_make_directory(scratch_path("run/systemd/system"), 0755, &err));
    assert_good(file_make_directory(scratch_path("home/shared"), 0755, &err));
    return 0;
}

static int close_node(void **state)
{
    buffer_done(&found);
    buffer_done(&complaints);
    return scratch_remove(state);
}

#define test_open(test) cmocka_unit_test_setup_teardown(test, open_node, close_node)

/* The scratch directory in the place of each '%'; until the next call. */
static const char *in_scratch(const char *text)
{
    static struct buffer expanded;
    buffer_done(&expanded);
    buffer_init(&expanded, 8192);
    for (const char *at = text; *at != '\0'; at++)
        assert_true(*at == '%' ? buffer_add_text(&expanded, scratch)
                               : buffer_add(&expanded, at, 1));
    return buffer_text(&expanded);
}

static void write_lines(const char *name, const char *lines, mode_t mode)
{
    write_text(name, in_scratch(lines), mode);
}

static void write_home_script(const char *home)
{
    FREE_CLEANUP char *text =
        memory_format("if [ -z \"$BITBUCKET_HOME\" ]; then\n  BITBUCKET_HOME=%s\nfi\n", home);
    write_lines("releases/7.9.0/bin/set-bitbucket-home.sh", text, 0644);
}

/* As the product's installer makes it. */
static void install(void)
{
    write_lines(SCRIPT,
                "#!/bin/sh\nRUNUSER=\"bb\"\nDIR=%/releases/7.9.0\n"
                "su - $RUNUSER -c \"$DIR/bin/start-bitbucket.sh --no-search\"\n",
                0755);
    write_home_script("%/home");
}

static size_t look(void)
{
    buffer_clear(&found);
    buffer_clear(&complaints);
    return look_fill(&config, scratch, &found, &complaints);
}

static void assert_found(void)
{
    size_t count = look();
    if (count != 0)
        fail_msg("%zu complaints: %s", count, buffer_text(&complaints));
}

/* That one alone. */
static void assert_complaint(const char *part, const char *hint)
{
    size_t count = look();
    const char *said = strstr(buffer_text(&complaints), in_scratch(part));
    if (count != 1 || said == NULL || strstr(said, hint) == NULL)
        fail_msg("%zu complaints: %s\nexpected: %s … %s", count, buffer_text(&complaints),
                 in_scratch(part), hint);
}

static void assert_line(const char *line)
{
    if (strstr(buffer_text(&found), in_scratch(line)) == NULL)
        fail_msg("'%s' is not in\n%s", in_scratch(line), buffer_text(&found));
}

/* ---- the whole ---- */

static void all_is_found_where_the_script_names_a_release(void **state)
{
    (void)state;
    install();
    assert_found();
    const struct bitbucket_config *bitbucket = &config.bitbucket;
    assert_int_equal(bitbucket->service, SERVICE_SYSV);
    assert_string_equal(bitbucket->init_script, scratch_path(SCRIPT));
    assert_string_equal(bitbucket->user, "bb");
    assert_string_equal(bitbucket->releases, scratch_path("releases"));
    assert_string_equal(bitbucket->install_link, scratch_path("releases/current"));
    assert_string_equal(bitbucket->home, scratch_path("home"));
    assert_int_equal(bitbucket->http_port, 7990);
    assert_int_equal(bitbucket->ssh_port, 7999);
    assert_string_equal(bitbucket->address, "");
    assert_string_equal(bitbucket->context_path, "");
    assert_line("releases: %/releases (%/" SCRIPT ")\n");
    assert_line("install_link: none (%/" SCRIPT " names the release itself)\n");
    assert_line("home: %/home (%/releases/7.9.0/bin/set-bitbucket-home.sh)\n");
    assert_line("user: bb (%/" SCRIPT ")\n");
    assert_line("http_port: 7990 (the product's default)\n");
}

static void all_is_found_through_a_link(void **state)
{
    (void)state;
    install();
    assert_int_equal(symlink("releases/7.9.0", scratch_path("bb")), 0);
    write_lines(SCRIPT, "exec %/bb/bin/start-bitbucket.sh\n", 0755);
    write_lines("releases/7.9.0/bin/set-bitbucket-user.sh", "BITBUCKET_USER=git\n", 0644);
    assert_found();
    assert_string_equal(config.bitbucket.releases, scratch_path("releases"));
    assert_string_equal(config.bitbucket.install_link, scratch_path("bb"));
    assert_string_equal(config.bitbucket.user, "git");
    assert_line("install_link: %/bb (%/" SCRIPT ")\n");
    assert_line("home: %/home (%/releases/7.9.0/bin/set-bitbucket-home.sh)\n");
}

static void what_is_written_wins(void **state)
{
    (void)state;
    install();
    write_text("home/shared/bitbucket.properties",
               "server.port=1\nserver.address=a.b\nplugin.ssh.port=2\n", 0600);
    struct bitbucket_config *bitbucket = &config.bitbucket;
    bitbucket->open = (struct bitbucket_open){.service = true, .ssh_port = true};
    TEXT_COPY(bitbucket->releases, "/srv/releases");
    TEXT_COPY(bitbucket->install_link, "/srv/current");
    TEXT_COPY(bitbucket->home, scratch_path("home"));
    TEXT_COPY(bitbucket->address, "10.0.0.1");
    bitbucket->http_port = 8080;
    assert_found();
    assert_string_equal(bitbucket->releases, "/srv/releases");
    assert_string_equal(bitbucket->install_link, "/srv/current");
    assert_string_equal(bitbucket->address, "10.0.0.1");
    assert_int_equal(bitbucket->http_port, 8080);
    assert_int_equal(bitbucket->ssh_port, 2);
    assert_line("home: %/home (as configured)\n");
    assert_line("ssh_port: 2 (shared/bitbucket.properties)\n");
}

static void nothing_is_looked_for_on_a_host_of_load_balancers(void **state)
{
    (void)state;
    config.has_bitbucket = false;
    assert_found();
    assert_string_equal(buffer_text(&found), "");
}

/* ---- the service ---- */

static void no_service_is_told_with_what_to_write(void **state)
{
    (void)state;
    assert_complaint("bitbucket.service: no unit and no init script starts",
                     "{kind: systemd, unit");
}

static void two_services_are_both_named(void **state)
{
    (void)state;
    install();
    write_lines("etc/systemd/system/bb.service",
                "ExecStart=%/releases/7.9.0/bin/start-bitbucket.sh", 0644);
    assert_complaint(
        "%/etc/systemd/system/bb.service and %/etc/init.d/atlbitbucket start Bitbucket",
        "remove or mask");
}

static void a_unit_is_taken_by_its_name(void **state)
{
    (void)state;
    write_lines("etc/systemd/system/bb.service",
                "ExecStart=%/releases/7.9.0/bin/start-bitbucket.sh", 0644);
    (void)look(); /* whether systemd runs here, and has this unit, is another matter */
    assert_int_equal(config.bitbucket.service, SERVICE_SYSTEMD);
    assert_string_equal(config.bitbucket.unit, "bb.service");
}

static void a_service_that_is_written_and_not_there_is_told_with_what_there_is(void **state)
{
    (void)state;
    install();
    config.bitbucket.open.service = false;
    config.bitbucket.service = SERVICE_SYSV;
    TEXT_COPY(config.bitbucket.init_script, scratch_path("etc/init.d/bb"));
    assert_complaint("etc/init.d/bb", "service: {kind: sysv, script: /");
}

/* ---- releases and link ---- */

static void a_tree_without_a_version_is_told(void **state)
{
    (void)state;
    install();
    assert_int_equal(rename(scratch_path("releases/7.9.0"), scratch_path("bitbucket")), 0);
    write_lines(SCRIPT, "exec %/bitbucket/bin/start-bitbucket.sh\n", 0755);
    assert_complaint("starts the tree '%/bitbucket', which has not a version's name", "move it to");
    assert_int_equal(symlink("bitbucket", scratch_path("current")), 0);
    write_lines(SCRIPT, "exec %/current/bin/start-bitbucket.sh\n", 0755);
    assert_complaint("starts the tree '%/bitbucket'", "through a link");
}

static void a_link_that_leads_nowhere_is_told(void **state)
{
    (void)state;
    install();
    assert_int_equal(symlink("releases/7.9.1", scratch_path("current")), 0);
    write_lines(SCRIPT, "exec %/current/bin/start-bitbucket.sh\n", 0755);
    assert_complaint("the link '%/current', which leads nowhere", "release in use");
    assert_int_equal(unlink(scratch_path("current")), 0);
    assert_complaint("starts '%/current/bin/start-bitbucket.sh', which is not there", "mounted");
}

static void a_link_with_a_versions_name_is_told(void **state)
{
    (void)state;
    install();
    assert_int_equal(symlink("releases/7.9.0", scratch_path("7.9.0")), 0);
    write_lines(SCRIPT, "exec %/7.9.0/bin/start-bitbucket.sh\n", 0755);
    assert_complaint("'%/7.9.0', a symbolic link with a version's name", "directory itself");
}

static void trees_in_two_places_are_both_named(void **state)
{
    (void)state;
    install();
    assert_int_equal(symlink("releases/7.9.0", scratch_path("a")), 0);
    assert_int_equal(symlink("releases/7.9.0", scratch_path("b")), 0);
    write_lines(SCRIPT, "%/a/bin/start-bitbucket.sh\n%/b/bin/stop-bitbucket.sh\n", 0755);
    assert_complaint("two places, '%/a' and '%/b'", "name one");
}

/* The check of the node tells of it then. */
static void a_root_behind_a_link_is_found_as_it_is_spelt(void **state)
{
    (void)state;
    install();
    assert_int_equal(rename(scratch_path("releases"), scratch_path("real")), 0);
    assert_int_equal(symlink("real", scratch_path("releases")), 0);
    assert_int_equal(symlink("releases/7.9.0", scratch_path("current")), 0);
    write_lines(SCRIPT, "exec %/current/bin/start-bitbucket.sh\n", 0755);
    assert_found();
    assert_string_equal(config.bitbucket.releases, scratch_path("releases"));
}

static void a_script_of_the_agents_own_has_the_products_places(void **state)
{
    (void)state;
    config.bitbucket.open.service = false;
    config.bitbucket.service = SERVICE_SCRIPT;
    TEXT_COPY(config.bitbucket.environment[0], "BITBUCKET_HOME=/srv/home");
    config.bitbucket.environment_count = 1;
    assert_complaint("bitbucket.http_port: '/srv/home/shared' is not there", "mount it");
    assert_string_equal(config.bitbucket.releases, "/opt/atlassian/bitbucket");
    assert_string_equal(config.bitbucket.install_link, "/opt/atlassian/bitbucket/current");
    assert_string_equal(config.bitbucket.home, "/srv/home");
}

/* ---- the home ---- */

static void a_home_that_nothing_says_is_told(void **state)
{
    (void)state;
    install();
    write_home_script("");
    assert_complaint("bitbucket.home: neither the service, nor", "write it: bitbucket: {home:");
}

static void a_home_of_the_init_script_is_found(void **state)
{
    (void)state;
    install();
    write_home_script("");
    write_lines(SCRIPT, "export BITBUCKET_HOME=%/home/\n%/releases/7.9.0/bin/start-bitbucket.sh\n",
                0755);
    assert_found();
    assert_string_equal(config.bitbucket.home, scratch_path("home"));
    assert_line("home: %/home (%/" SCRIPT ")\n");
    assert_string_equal(config.bitbucket.user, "atlbitbucket");
}

static void two_homes_are_both_named(void **state)
{
    (void)state;
    install();
    write_home_script("/srv/other");
    write_lines(SCRIPT, "export BITBUCKET_HOME=%/home\n%/releases/7.9.0/bin/start-bitbucket.sh\n",
                0755);
    assert_complaint("atlbitbucket says %/home, but "
                     "%/releases/7.9.0/bin/set-bitbucket-home.sh says /srv/other",
                     "have both say the same");
}

static void a_home_that_is_no_plain_path_is_told(void **state)
{
    (void)state;
    install();
    write_home_script("../home");
    assert_complaint("says ../home, which is no plain path", "write the path");
}

/* Stands for Bitbucket: a process of the release's directory with a JVM's argument. */
static pid_t begin_process(const char *home, int *ret_input)
{
    int input[2];
    FREE_CLEANUP char *argument = memory_format("-Dbitbucket.home=%s", home);
    assert_int_equal(pipe(input), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(input[0], STDIN_FILENO);
        close(input[0]);
        close(input[1]);
        if (chdir(scratch_path("releases/7.9.0")) == 0)
            execl("/bin/sh", "sh", "-c", "read -r line; :", "sh", argument, NULL);
        _exit(1);
    }
    close(input[0]);
    *ret_input = input[1];
    return pid;
}

static void end_process(pid_t pid, int input)
{
    int status;
    close(input);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* It is a copy of us until execve(2). */
static void wait_for_command_line(pid_t pid)
{
    char path[64], name[64] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    for (int i = 0; i < 5000 && strcmp(name, "sh\n") != 0; i++) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(name, sizeof(name), file));
        fclose(file);
        usleep(1000);
    }
    assert_string_equal(name, "sh\n");
}

static void a_home_that_the_process_alone_says_is_found(void **state)
{
    int input;
    (void)state;
    install();
    write_home_script("");
    pid_t pid = begin_process(scratch_path("home"), &input);
    wait_for_command_line(pid);
    assert_found();
    FREE_CLEANUP char *line =
        memory_format("home: %s (process %d)\n", scratch_path("home"), (int)pid);
    assert_line(line);
    assert_good(look_remember(&config, &err));
    write_home_script("/srv/other");
    assert_complaint("set-bitbucket-home.sh says /srv/other, but process", "");
    end_process(pid, input);
    write_home_script("");
    assert_found(); /* an agent that starts again in the middle of an upgrade */
    assert_line("home: %/home (%/state/found-home)\n");
    write_home_script("%/home");
    assert_found();
    assert_line("home: %/home (%/releases/7.9.0/bin/set-bitbucket-home.sh)\n");
}

static void another_instance_is_told_only_where_it_matters(void **state)
{
    int input, other_input;
    (void)state;
    install();
    pid_t other = begin_process("/srv/other", &other_input);
    wait_for_command_line(other);
    assert_complaint("set-bitbucket-home.sh says %/home, but process", "have both");
    pid_t pid = begin_process(scratch_path("home"), &input);
    wait_for_command_line(pid);
    assert_found();
    write_home_script("");
    assert_complaint("bitbucket.home: process ", "write the right one");
    end_process(pid, input);
    end_process(other, other_input);
}

static void a_home_in_a_release_is_left_to_the_check_of_the_node(void **state)
{
    (void)state;
    install();
    assert_good(file_make_directory(scratch_path("releases/7.9.0/home/shared"), 0755, &err));
    write_home_script("%/releases/7.9.0/home");
    assert_found();
    assert_string_equal(config.bitbucket.home, scratch_path("releases/7.9.0/home"));
}

static void what_we_write_must_not_lie_in_the_home(void **state)
{
    (void)state;
    install();
    assert_good(file_make_directory(scratch_path("shared"), 0755, &err));
    write_home_script("%");
    assert_int_equal(look(), 2);
    assert_non_null(
        strstr(buffer_text(&complaints), "releases must lie outside of BITBUCKET_HOME"));
    assert_non_null(strstr(buffer_text(&complaints), "holds the state_dir"));
}

/* ---- where it listens ---- */

static void ports_are_those_of_the_properties(void **state)
{
    (void)state;
    install();
    write_text("home/shared/bitbucket.properties",
               "server.port=8080\nserver.address=127.0.0.1\nserver.context-path=/bitbucket/\n"
               "plugin.ssh.port=7998\n",
               0600);
    assert_found();
    assert_int_equal(config.bitbucket.http_port, 8080);
    assert_int_equal(config.bitbucket.ssh_port, 7998);
    assert_string_equal(config.bitbucket.address, "127.0.0.1");
    assert_string_equal(config.bitbucket.context_path, "/bitbucket");
    write_text("home/shared/bitbucket.properties",
               "server.address=0.0.0.0\nserver.context-path=/\nplugin.ssh.enabled=false\n", 0600);
    assert_found();
    assert_int_equal(config.bitbucket.ssh_port, 0);
    assert_string_equal(config.bitbucket.address, "");
    assert_string_equal(config.bitbucket.context_path, "");
    assert_line("ssh_port: off (shared/bitbucket.properties)\n");
    write_text("home/shared/bitbucket.properties", "plugin.ssh.enabled=False\n", 0600);
    assert_found();
    assert_int_equal(config.bitbucket.ssh_port, 0);
    write_text("home/shared/bitbucket.properties", "plugin.ssh.enabled=TRUE\n", 0600);
    assert_found();
    assert_int_equal(config.bitbucket.ssh_port, 7999);
}

static void properties_that_cannot_be_used_are_told(void **state)
{
    static const char *const rows[][2] = {
        {"server.port=${PORT}", "the value of server.port cannot be told"},
        {"server.port=-1", "server.port=-1 is not a port"},
        {"plugin.ssh.port=65536", "plugin.ssh.port=65536 is not a port"},
        {"plugin.ssh.enabled=off", "plugin.ssh.enabled=off is neither true nor false"},
        {"server.address=bb1", "server.address=bb1 is a name"},
        {"server.context-path=a", "server.context-path=a is not a path"},
        {"server.port=7999", "HTTP and SSH have the same port, 7999"},
    };
    (void)state;
    install();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_text("home/shared/bitbucket.properties", rows[i][0], 0600);
        assert_complaint(rows[i][1], "write");
    }
}

static void a_home_that_is_not_mounted_tells_no_port(void **state)
{
    (void)state;
    install();
    assert_int_equal(rmdir(scratch_path("home/shared")), 0);
    assert_complaint("'%/home/shared' is not there", "mount it");
}

/* As on a file server that takes root for nobody: whether root may read what is another's. */
static void let_root_read_all(bool may)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    const uint32_t bits = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
    assert_int_equal(syscall(SYS_capget, &head, data), 0);
    data[0].effective = may ? data[0].permitted : data[0].effective & ~bits;
    assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

static void give_properties_to_user(const char *text)
{
    write_lines(SCRIPT, "RUNUSER=nobody\n%/releases/7.9.0/bin/start-bitbucket.sh\n", 0755);
    write_text("home/shared/bitbucket.properties", text, 0600);
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(chmod(scratch_path("home/shared"), 0700), 0);
    assert_int_equal(chown(scratch_path("home/shared"), 65534, 65534), 0);
    assert_int_equal(chown(scratch_path("home/shared/bitbucket.properties"), 65534, 65534), 0);
}

static int let_root_read_all_again(void **state)
{
    if (geteuid() == 0)
        let_root_read_all(true);
    return close_node(state);
}

static void properties_are_read_as_the_services_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    give_properties_to_user("server.port=8080\n");
    let_root_read_all(false);
    assert_found();
    assert_int_equal(config.bitbucket.http_port, 8080);
}

static void properties_that_the_services_user_reads_are_whole(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    FREE_CLEANUP char *text = memory_format("#%065536d\nserver.port=8080\n", 0);
    give_properties_to_user(text);
    let_root_read_all(false);
    assert_complaint("has 65536 bytes or more", "");
}

static void a_home_that_root_may_not_enter_is_told_as_such(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    install();
    assert_int_equal(chmod(scratch_path("home"), 0700), 0);
    assert_int_equal(chown(scratch_path("home"), 65534, 65534), 0);
    let_root_read_all(false);
    assert_complaint("the port cannot be told: Permission denied", "write bitbucket.http_port");
}

/* ---- compared with the process ---- */

static struct node_complaints told;

static int listen_on_any(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void assert_told(const char *part)
{
    told.count = 0;
    look_compare(&config.bitbucket, &told);
    if (told.count != (part != NULL) || (part != NULL && !strstr(told.items[0].message, part)))
        fail_msg("%zu complaints, the first: %s", told.count, told.items[0].message);
}

static void ports_of_the_process_are_compared(void **state)
{
    int input, http_port, other_port;
    (void)state;
    install();
    assert_found();
    assert_told(NULL);
    int http = listen_on_any(&http_port);
    pid_t pid = begin_process(scratch_path("home"), &input);
    wait_for_command_line(pid);
    FREE_CLEANUP char *ports =
        memory_format("process %d listens on %d, and not on 7990", (int)pid, http_port);
    assert_told(ports);
    config.bitbucket.http_port = http_port;
    assert_told(NULL); /* SSH is off, as far as can be seen */
    end_process(pid, input);

    int other = listen_on_any(&other_port);
    pid = begin_process(scratch_path("home"), &input);
    wait_for_command_line(pid);
    assert_told("bitbucket.ssh_port: process ");
    config.bitbucket.ssh_port = other_port;
    assert_told(NULL);
    config.bitbucket.ssh_port = 7999;
    config.bitbucket.open.ssh_port = false; /* somebody knows better */
    assert_told(NULL);
    end_process(pid, input);
    close(http);
    close(other);
}

static void another_home_of_the_process_is_told(void **state)
{
    int input;
    (void)state;
    install();
    assert_found();
    pid_t pid = begin_process("/srv/other", &input);
    wait_for_command_line(pid);
    assert_told("runs with /srv/other");
    end_process(pid, input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_open(all_is_found_where_the_script_names_a_release),
        test_open(all_is_found_through_a_link),
        test_open(what_is_written_wins),
        test_open(nothing_is_looked_for_on_a_host_of_load_balancers),
        test_open(no_service_is_told_with_what_to_write),
        test_open(two_services_are_both_named),
        test_open(a_unit_is_taken_by_its_name),
        test_open(a_service_that_is_written_and_not_there_is_told_with_what_there_is),
        test_open(a_tree_without_a_version_is_told),
        test_open(a_link_that_leads_nowhere_is_told),
        test_open(a_link_with_a_versions_name_is_told),
        test_open(trees_in_two_places_are_both_named),
        test_open(a_root_behind_a_link_is_found_as_it_is_spelt),
        test_open(a_script_of_the_agents_own_has_the_products_places),
        test_open(a_home_that_nothing_says_is_told),
        test_open(a_home_of_the_init_script_is_found),
        test_open(two_homes_are_both_named),
        test_open(a_home_that_is_no_plain_path_is_told),
        test_open(a_home_that_the_process_alone_says_is_found),
        test_open(another_instance_is_told_only_where_it_matters),
        test_open(a_home_in_a_release_is_left_to_the_check_of_the_node),
        test_open(what_we_write_must_not_lie_in_the_home),
        test_open(ports_are_those_of_the_properties),
        test_open(properties_that_cannot_be_used_are_told),
        test_open(a_home_that_is_not_mounted_tells_no_port),
        cmocka_unit_test_setup_teardown(properties_are_read_as_the_services_user, open_node,
                                        let_root_read_all_again),
        cmocka_unit_test_setup_teardown(a_home_that_root_may_not_enter_is_told_as_such, open_node,
                                        let_root_read_all_again),
        cmocka_unit_test_setup_teardown(properties_that_the_services_user_reads_are_whole,
                                        open_node, let_root_read_all_again),
        test_open(ports_of_the_process_are_compared),
        test_open(another_home_of_the_process_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
