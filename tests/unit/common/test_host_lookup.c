/* SPDX-License-Identifier: Apache-2.0 */
#include "host_lookup.h"

#include "common/unit_test.h"

#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENT_SERVER "127.0.0.77" /* takes questions and never answers */
#define DEADLINE_MS   300
#define SLACK_MS      2000 /* of a busy machine; the name servers' own limit is 10 s here */

/* ---- name servers that do not answer, for this process and its threads alone ---- */

static int name_server = -1; /* where this user may not change what names mean */

static bool mount_text(const char *path, const char *text)
{
    char source[] = "/tmp/host-lookup-XXXXXX";
    int fd = mkstemp(source);
    bool is_mounted = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
                      mount(source, path, "none", MS_BIND, NULL) == 0;
    close(fd);
    unlink(source);
    return is_mounted;
}

/* Before the first lookup: the C library keeps what it has read there. */
static int silence_name_servers(void **state)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    (void)state;
    address.sin_addr.s_addr = htonl(0x7F00004D);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        !mount_text("/etc/resolv.conf",
                    "nameserver " SILENT_SERVER "\noptions timeout:5 attempts:2\n") ||
        !mount_text("/etc/nsswitch.conf", "hosts: files dns\n"))
        return 0;
    name_server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return setsockopt(name_server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
               ? bind(name_server, (const void *)&address, sizeof(address))
               : -1;
}

/* ---- what is looked up ---- */

static void literal_addresses_are_their_own(void **state)
{
    struct addrinfo *found;
    struct error err;
    (void)state;
    assert_true(host_look_up("127.0.0.9", 7999, deadline_after_ms(0), &found, &err));
    const struct sockaddr_in *v4 = (const void *)found->ai_addr;
    assert_int_equal(found->ai_family, AF_INET);
    assert_int_equal(ntohl(v4->sin_addr.s_addr), 0x7F000009);
    assert_int_equal(ntohs(v4->sin_port), 7999);
    freeaddrinfo(found);
    assert_true(host_look_up("::1", 80, deadline_after_ms(0), &found, &err));
    assert_int_equal(found->ai_family, AF_INET6);
    freeaddrinfo(found);
}

static void name_of_this_machine_is_found(void **state)
{
    struct addrinfo *found;
    struct error err;
    (void)state;
    assert_true(host_look_up("localhost", 80, deadline_after_ms(SLACK_MS), &found, &err));
    assert_non_null(found);
    freeaddrinfo(found);
}

/* As the agent forks a job right after it has looked its Redis up. */
static void child_forked_after_a_lookup_finds_names_too(void **state)
{
    struct addrinfo *found;
    struct error err;
    int status;
    (void)state;
    assert_true(host_look_up("localhost", 80, deadline_after_ms(SLACK_MS), &found, &err));
    freeaddrinfo(found);
    pid_t child = fork();
    if (child == 0)
        _exit(host_look_up("localhost", 80, deadline_after_ms(SLACK_MS), &found, &err) ? 0 : 1);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_is_no_name_is_said_with_it(void **state)
{
    struct addrinfo *found;
    struct error err;
    char longest[300];
    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(host_look_up("no..name", 80, deadline_after_ms(SLACK_MS), &found, &err));
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.message, "look up host 'no..name'"));
    assert_false(host_look_up(longest, 80, deadline_after_ms(SLACK_MS), &found, &err));
    assert_int_equal(err.code, ERROR_INVALID);
}

static void silent_name_servers_take_no_longer_than_the_deadline(void **state)
{
    enum { LOOKUPS = 17 };
    struct addrinfo *found;
    struct error err;
    char name[32];
    (void)state;
    if (name_server < 0)
        skip();
    for (int i = 0; i < LOOKUPS; i++) {
        int64_t begun_ms = clock_monotonic_ms();
        snprintf(name, sizeof(name), "n%d.example.com", i);
        assert_false(
            host_look_up(name, 80, deadline_after_ms(i == 0 ? DEADLINE_MS : 1), &found, &err));
        assert_in_range(clock_monotonic_ms() - begun_ms, 0, SLACK_MS);
        assert_int_equal(err.code, i < LOOKUPS - 1 ? ERROR_TIMEOUT : ERROR_UNAVAILABLE);
    }
    assert_non_null(strstr(err.message, "name servers do not answer: 16 lookups are under way"));
    assert_true(host_look_up("127.0.0.1", 80, deadline_after_ms(0), &found, &err));
    freeaddrinfo(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_addresses_are_their_own),
        cmocka_unit_test(name_of_this_machine_is_found),
        cmocka_unit_test(child_forked_after_a_lookup_finds_names_too),
        cmocka_unit_test(what_is_no_name_is_said_with_it),
        cmocka_unit_test(silent_name_servers_take_no_longer_than_the_deadline),
    };
    return cmocka_run_group_tests(tests, silence_name_servers, NULL);
}
