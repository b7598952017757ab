/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"
#include "http.h"
#include "memory.h"
#include "release.h"
#include "verbs.h"

#include "node-agent/node_fixture.h"
#include "scripted_server.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>

#define SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define GZIP   "\x1f\x8b"
#define MIB    (1 << 20)

static struct scripted_server server;

static const struct node_room *look(void)
{
    assert_good(verb_facts(&job, &err));
    assert_true(job.report.has_facts);
    return &job.report.facts.room;
}

static const struct node_room *look_at(const struct scripted_row *rows, size_t count)
{
    scripted_server_start(&server, rows, count);
    snprintf(command.artifact, sizeof(command.artifact), "http://127.0.0.1:%d/bb.tar.gz",
             server.port);
    TEXT_COPY(command.sha256, SHA256);
    const struct node_room *room = look();
    scripted_server_stop(&server);
    return room;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

/* 10 MiB that unpack to 15 (0xf00000). */
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n" GZIP
static const struct scripted_row end_of_archive = {
    .send = "HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n"
            "Content-Range: bytes 10485756-10485759/10485760\r\n\r\n\0\0\xf0\0",
    .send_size = sizeof("HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n"
                        "Content-Range: bytes 10485756-10485759/10485760\r\n\r\n\0\0\xf0\0") -
                 1,
};

static void the_end_of_an_archive_behind_a_url_says_what_it_unpacks_to(void **state)
{
    const struct scripted_row rows[] = {{.send = HEAD, .filler_bytes = 4096}, end_of_archive};
    (void)state;
    const struct node_room *room = look_at(rows, 2);
    assert_string_equal(room->failure, "");
    expect(room->detail, "17 MiB (as the archive's end says) and 20000 inodes");
    expect(server.received, "Range: bytes=10485756-");
}

static void a_server_without_parts_leaves_a_bound(void **state)
{
    const struct scripted_row rows[] = {{.send = HEAD, .filler_bytes = 4096},
                                        {.send = HEAD, .filler_bytes = 4096}};
    (void)state;
    const struct node_room *room = look_at(rows, 2);
    assert_string_equal(room->failure, "");
    expect(room->detail, "31 MiB (3 times the archive's size)");
}

static void write_file_of(const char *name, size_t size)
{
    FREE_CLEANUP char *bytes = memory_zeroed(size, 1);
    assert_good(file_replace(scratch_path(name), bytes, size, 0644, &err));
}

static void a_server_that_tells_no_size_is_bounded_by_the_release_in_use(void **state)
{
    const struct scripted_row rows[] = {{.send = "HTTP/1.1 200 OK\r\n\r\n" GZIP}};
    (void)state;
    make_release("7.9.0");
    link_release("7.9.0");
    write_file_of("releases/7.9.0/large", (size_t)8 * MIB);
    const struct node_room *room = look_at(rows, 1);
    assert_string_equal(room->failure, "");
    expect(room->detail, "11 MiB (a quarter more than 7.9.0 has)");
}

static void what_nothing_tells_is_said_not_to_be_known(void **state)
{
    const struct scripted_row rows[] = {{.send = "HTTP/1.1 200 OK\r\n\r\n" GZIP}};
    (void)state;
    const struct node_room *room = look_at(rows, 1);
    assert_string_equal(room->failure, "");
    expect(room->detail, "not known until it is staged: ");
}

static void a_url_that_leads_nowhere_fails_at_once(void **state)
{
    const struct scripted_row rows[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}};
    (void)state;
    expect(look_at(rows, 1)->failure, "status 404");
}

static void a_redirect_fails_with_what_to_do(void **state)
{
    const struct scripted_row rows[] = {{.send = "HTTP/1.1 302 Found\r\nLocation: http://h/b\r\n"
                                                 "Content-Length: 0\r\n\r\n"}};
    (void)state;
    const struct node_room *room = look_at(rows, 1);
    expect(room->failure, "status 302");
    expect(room->hint, "give the address it points to");
}

static void a_server_that_has_no_time_now_fails_nothing(void **state)
{
    const struct scripted_row rows[] = {{.send = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"}};
    (void)state;
    const struct node_room *room = look_at(rows, 1);
    assert_string_equal(room->failure, "");
    expect(room->detail, "not known until it is staged: ");
    expect(room->detail, "503");
}

static void an_archive_that_does_not_fit_fails_before_it_is_fetched(void **state)
{
    const struct scripted_row rows[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 4000000000000000\r\n\r\n" GZIP},
        {.send = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"}};
    (void)state;
    const struct node_room *room = look_at(rows, 2);
    expect(room->failure, "MiB needed");
    expect(room->hint, "make room");
}

static void bytes_that_were_kept_need_no_room_again(void **state)
{
    (void)state;
    TEXT_COPY(command.artifact, "http://h/bb.tar.gz?sig=new");
    TEXT_COPY(command.sha256, SHA256);
    assert_good(file_make_directory(scratch_path("state/staging"), 0700, &err));
    write_file_of("state/staging/7.9.4.part", (size_t)3 * MIB);
    assert_int_equal(fetch_kept_bytes(&job), 0);
    write_text("state/staging/7.9.4.source", "http://h/bb.tar.gz\n" SHA256 "\n", 0600);
    assert_int_equal(fetch_kept_bytes(&job), 3 * MIB);
}

/* ---- files ---- */

static void put_file(int64_t size)
{
    write_file_of("bb.tar.gz", (size_t)size);
    TEXT_COPY(command.artifact, scratch_path("bb.tar.gz"));
}

static void a_file_is_measured_too(void **state)
{
    (void)state;
    put_file(MIB);
    const struct node_room *room = look();
    assert_string_equal(room->failure, "");
    expect(room->detail, "2 MiB (as the archive's end says)");
}

static void too_few_inodes_fail(void **state)
{
    (void)state;
    put_file(100);
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", config.bitbucket.releases, "tmpfs", 0, "size=8m,nr_inodes=20500") != 0) {
        print_message("few inodes need root and a mount namespace: skipped\n");
        skip();
    }
    expect(look()->failure, "20000 inodes needed, 19");
    assert_int_equal(umount(config.bitbucket.releases), 0);
}

static void what_is_staged_already_needs_none(void **state)
{
    struct release_record record = {.staged_at_ms = 1};
    (void)state;
    put_file(100);
    make_release("7.9.4");
    TEXT_COPY(record.sha256, SHA256);
    TEXT_COPY(command.sha256, SHA256);
    assert_good(release_record_write(&config, "7.9.4", &record, &err));
    assert_string_equal(look()->detail, "staged already");
}

static void without_a_version_nothing_is_measured(void **state)
{
    (void)state;
    put_file(100);
    command.version[0] = '\0';
    assert_string_equal(look()->detail, "not looked at until it is staged");
}

static int init_http(void **state)
{
    struct error err;
    (void)state;
    return http_init(&err) ? 0 : -1;
}

static int make(void **state)
{
    struct error err;
    return node_make(state) == 0 && file_make_directory(config.state_dir, 0700, &err) ? 0 : -1;
}

#define test_room(test) cmocka_unit_test_setup_teardown(test, make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_room(the_end_of_an_archive_behind_a_url_says_what_it_unpacks_to),
        test_room(a_server_without_parts_leaves_a_bound),
        test_room(a_server_that_tells_no_size_is_bounded_by_the_release_in_use),
        test_room(what_nothing_tells_is_said_not_to_be_known),
        test_room(a_url_that_leads_nowhere_fails_at_once),
        test_room(a_redirect_fails_with_what_to_do),
        test_room(a_server_that_has_no_time_now_fails_nothing),
        test_room(an_archive_that_does_not_fit_fails_before_it_is_fetched),
        test_room(bytes_that_were_kept_need_no_room_again),
        test_room(a_file_is_measured_too),
        test_room(too_few_inodes_fail),
        test_room(what_is_staged_already_needs_none),
        test_room(without_a_version_nothing_is_measured),
    };
    return cmocka_run_group_tests(tests, init_http, NULL);
}
