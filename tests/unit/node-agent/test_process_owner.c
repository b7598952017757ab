/* SPDX-License-Identifier: Apache-2.0 */
#include "process_owner.h"

#include "listening_ports.h"
#include "look_home.h"
#include "node-agent/node_fixture.h"
#include "node-agent/stranger.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define NOBODY    65534
#define LISTENERS 900 /* more than were once looked at */
#define OURS      8

/* Somebody else's process takes root to make. */
static int node_of_root(void **state)
{
    if (geteuid() != 0)
        skip();
    return node_make(state);
}
#define test_as_root(test) cmocka_unit_test_setup_teardown(test, node_of_root, scratch_remove)

static struct stranger start_as(uid_t user)
{
    char argument[LIMIT_PATH + 32];
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    make_release("7.9.0");
    return stranger_start((struct stranger_looks){
        .argument = argument, .directory = scratch_path("releases/7.9.0"), .user = user});
}

static size_t find(void)
{
    struct process_list PROCESS_LIST_CLEANUP found = {.count = 0};
    assert_good(process_find(&config.bitbucket, &found, &err));
    return found.count;
}

static void a_strangers_process_is_not_bitbucket(void **state)
{
    (void)state;
    struct stranger stranger = start_as(NOBODY);
    assert_int_equal(find(), 0);
    struct stranger bitbucket = start_as(0);
    assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
    stranger_end(&stranger);
}

static void however_many_a_stranger_starts_ours_is_found(void **state)
{
    struct stranger strangers[PROCESS_MOST + 1];
    (void)state;
    for (size_t i = 0; i <= PROCESS_MOST; i++)
        strangers[i] = start_as(NOBODY);
    struct stranger bitbucket = start_as(0);
    assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
    for (size_t i = 0; i <= PROCESS_MOST; i++)
        stranger_end(&strangers[i]);
}

static void the_owner_of_the_home_is_believed(void **state)
{
    (void)state;
    struct stranger bitbucket = start_as(NOBODY);
    assert_int_equal(chown(config.bitbucket.home, NOBODY, (gid_t)-1), 0);
    assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
}

static void the_services_user_is_believed_by_name_and_by_number(void **state)
{
    (void)state;
    struct stranger bitbucket = start_as(NOBODY);
    TEXT_COPY(config.bitbucket.user, "nobody");
    assert_int_equal(find(), 1);
    TEXT_COPY(config.bitbucket.user, "65534");
    assert_int_equal(find(), 1);
    TEXT_COPY(config.bitbucket.user, "no-such-user");
    assert_int_equal(find(), 0);
    stranger_end(&bitbucket);
}

static void the_user_that_the_tree_names_is_believed(void **state)
{
    (void)state;
    struct stranger bitbucket = start_as(NOBODY);
    link_release("7.9.0");
    assert_int_equal(find(), 0);
    write_text("releases/7.9.0/bin/set-bitbucket-user.sh", "BITBUCKET_USER=\"nobody\"\n", 0644);
    assert_int_equal(find(), 1);
    stranger_end(&bitbucket);
}

/* It runs as root, and its command line is whoever's called it. */
static void a_set_uid_program_is_not_believed(void **state)
{
    char environment[LIMIT_PATH + 32];
    (void)state;
    snprintf(environment, sizeof(environment), "BITBUCKET_HOME=%s", config.bitbucket.home);
    struct stranger java = stranger_start(
        (struct stranger_looks){.program = stranger_java(), .environment = environment});
    assert_int_equal(find(), 1);
    assert_int_equal(chmod(scratch_path("java"), 04755), 0);
    assert_int_equal(find(), 0);
    stranger_end(&java);
}

/* Where the unit's user cannot be told, nobody may conclude that nothing runs. */
static void who_is_believed_must_be_known(void **state)
{
    struct process_list found;
    struct error err = {0};
    (void)state;
    struct stranger stranger = start_as(NOBODY);
    config.bitbucket.service = SERVICE_SYSTEMD;
    TEXT_COPY(config.bitbucket.unit, "no name of a unit");
    assert_false(process_find(&config.bitbucket, &found, &err));
    assert_non_null(strstr(err.message, "is Bitbucket's: unit no name of a unit"));
    config.bitbucket.service = SERVICE_SCRIPT;
    assert_int_equal(find(), 0);
    stranger_end(&stranger);
}

static void a_strangers_process_says_nothing_of_the_home(void **state)
{
    struct process_homes homes;
    (void)state;
    struct stranger stranger = start_as(NOBODY);
    look_for_homes_of_processes(&config.bitbucket, "", &homes);
    assert_int_equal(homes.count, 0);
    struct stranger bitbucket = start_as(0);
    look_for_homes_of_processes(&config.bitbucket, "", &homes);
    assert_int_equal(homes.count, 1);
    assert_string_equal(homes.items[0].path, config.bitbucket.home);
    stranger_end(&bitbucket);
    stranger_end(&stranger);
}

static int listen_on_any(int flags)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void sockets_of_others_do_not_crowd_out_ours(void **state)
{
    int others[LISTENERS], ours[OURS];
    struct process_list PROCESS_LIST_CLEANUP found = {.count = 0};
    struct listening_ports ports;
    (void)state;
    for (size_t i = 0; i < LISTENERS; i++)
        others[i] = listen_on_any(SOCK_CLOEXEC);
    for (size_t i = 0; i < OURS; i++)
        ours[i] = listen_on_any(0);
    struct stranger bitbucket = start_as(0);
    assert_good(process_find(&config.bitbucket, &found, &err));
    assert_good(listening_ports_read(&found, &ports, &err));
    assert_int_equal(ports.count, OURS);
    stranger_end(&bitbucket);
    for (size_t i = 0; i < LISTENERS; i++)
        close(others[i]);
    for (size_t i = 0; i < OURS; i++)
        close(ours[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_as_root(a_strangers_process_is_not_bitbucket),
        test_as_root(however_many_a_stranger_starts_ours_is_found),
        test_as_root(the_owner_of_the_home_is_believed),
        test_as_root(the_services_user_is_believed_by_name_and_by_number),
        test_as_root(the_user_that_the_tree_names_is_believed),
        test_as_root(a_set_uid_program_is_not_believed),
        test_as_root(who_is_believed_must_be_known),
        test_as_root(a_strangers_process_says_nothing_of_the_home),
        test_on_node(sockets_of_others_do_not_crowd_out_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
