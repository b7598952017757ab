/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "http.h"
#include "node-agent/minisign_signer.h"
#include "node-agent/node_fixture.h"
#include "node-agent/stranger.h"
#include "node-agent/tar_builder.h"
#include "release.h"
#include "scripted_server.h"

#include <linux/ioprio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define ARTIFACT "atlassian-bitbucket-7.9.4.tar.gz"

static struct buffer packed;

/* An artifact with this inner version on the node's disk, and a command to stage it. */
static void make_artifact(const char *inner_version)
{
    struct buffer tar;
    buffer_init(&tar, TAR_BYTES);
    tar_add_release(&tar, inner_version);
    tar_end(&tar);
    buffer_done(&packed);
    buffer_init(&packed, TAR_BYTES);
    tar_gzip(&tar, &packed);
    buffer_done(&tar);
    TEXT_COPY(command.artifact, scratch_path(ARTIFACT));
    hash_bytes(&packed, command.sha256);
    assert_good(file_replace(command.artifact, packed.data, packed.length, 0644, &err));
}

static int node_with_artifact(void **state)
{
    if (node_make(state) != 0)
        return -1;
    make_artifact("7.9.4");
    return 0;
}

static int node_remove(void **state)
{
    buffer_done(&packed);
    return scratch_remove(state);
}

static void expect_nothing_staged(void)
{
    assert_false(exists("releases/.staging-7.9.4"));
    assert_false(exists("releases/7.9.4"));
    assert_false(exists("state/releases/7.9.4.json"));
}

static void refuse(enum error_code code, const char *message)
{
    assert_fails(verb_stage(&job, &err), code, message);
    expect_nothing_staged();
}

static void expect_text(const char *name, const char *expected)
{
    struct buffer text;
    buffer_init(&text, 65536);
    assert_good(file_read(scratch_path(name), &text, &err));
    assert_string_equal(buffer_text(&text), expected);
    buffer_done(&text);
}

static void stages_a_local_file_and_records_it(void **state)
{
    struct release_record record;
    (void)state;
    assert_good(verb_stage(&job, &err));
    assert_true(exists("releases/7.9.4/bin/start-bitbucket.sh"));
    assert_false(exists("releases/.staging-7.9.4"));
    assert_good(release_record_read(&config, "7.9.4", &record, &err));
    assert_string_equal(record.sha256, command.sha256);
    assert_string_equal(record.artifact, command.artifact);
    assert_string_equal(job.report.sha256, command.sha256);
    assert_int_equal(job.report.bytes_done, packed.length);
    assert_int_equal(job.report.bytes_total, packed.length);
    assert_true(progress_count > 0);
}

static void sets_the_home_where_the_service_does_not(void **state)
{
    char expected[512];
    (void)state;
    snprintf(expected, sizeof(expected),
             "# home\nif [ -z \"${BITBUCKET_HOME}\" ]; then\n    BITBUCKET_HOME=%s\nfi\n"
             "export BITBUCKET_HOME\n",
             config.bitbucket.home);
    assert_good(verb_stage(&job, &err));
    expect_text("releases/7.9.4/bin/set-bitbucket-home.sh", expected);
}

static void leaves_the_home_script_alone_where_the_service_sets_the_home(void **state)
{
    (void)state;
    config.bitbucket.environment_count = 1;
    snprintf(config.bitbucket.environment[0], LIMIT_PATH, "BITBUCKET_HOME=%s",
             scratch_path("home"));
    assert_good(verb_stage(&job, &err));
    expect_text("releases/7.9.4/bin/set-bitbucket-home.sh", TAR_HOME_SCRIPT);
}

static void refuses_a_service_with_another_home(void **state)
{
    (void)state;
    config.bitbucket.environment_count = 1;
    TEXT_COPY(config.bitbucket.environment[0], "BITBUCKET_HOME=/elsewhere");
    refuse(ERROR_INVALID, "BITBUCKET_HOME=/elsewhere");
}

static void a_repeat_with_the_same_hash_is_done_at_once(void **state)
{
    (void)state;
    assert_good(verb_stage(&job, &err));
    link_release("7.9.4");
    assert_int_equal(unlink(command.artifact), 0);
    progress_count = 0;
    assert_good(verb_stage(&job, &err));
    assert_string_equal(job.report.sha256, command.sha256);
    assert_int_equal(progress_count, 0);
}

static void another_hash_stages_anew_in_place_of_an_idle_release(void **state)
{
    char first[LIMIT_SHA256_HEX];
    (void)state;
    assert_good(verb_stage(&job, &err));
    write_text("releases/7.9.4/old", "x", 0644);
    TEXT_COPY(first, command.sha256);
    make_artifact(NULL);
    assert_string_not_equal(first, command.sha256);
    assert_good(verb_stage(&job, &err));
    assert_false(exists("releases/7.9.4/old"));
    assert_false(exists("releases/.removed-7.9.4"));
    assert_string_equal(job.report.sha256, command.sha256);
}

static void never_touches_the_linked_release(void **state)
{
    (void)state;
    make_release("7.9.4");
    link_release("7.9.4");
    assert_fails(verb_stage(&job, &err), ERROR_CONFLICT, "install link");
    expect_text("releases/7.9.4/bin/start-bitbucket.sh", "#!/bin/sh\n");
}

static void never_touches_the_release_that_runs(void **state)
{
    char argument[LIMIT_PATH + 32];
    (void)state;
    make_release("7.9.4");
    snprintf(argument, sizeof(argument), "-Dbitbucket.home=%s", config.bitbucket.home);
    struct stranger bitbucket = stranger_start(
        (struct stranger_looks){.argument = argument, .directory = scratch_path("releases/7.9.4")});
    assert_fails(verb_stage(&job, &err), ERROR_CONFLICT, "runs from it");
    stranger_end(&bitbucket);
}

static void what_a_killed_run_left_is_in_nobodys_way(void **state)
{
    (void)state;
    assert_good(file_make_directory(scratch_path("releases/.staging-7.9.4/bin"), 0755, &err));
    assert_good(file_make_directory(scratch_path("releases/.removed-7.9.4/bin"), 0755, &err));
    assert_good(verb_stage(&job, &err));
    assert_false(exists("releases/.staging-7.9.4"));
    assert_false(exists("releases/.removed-7.9.4"));
}

static void one_job_at_a_time_changes_the_releases(void **state)
{
    int lock;
    (void)state;
    assert_good(release_lock(&config, &lock, &err));
    refuse(ERROR_CONFLICT, "locked");
    close(lock);
    assert_good(verb_stage(&job, &err));
}

static void refuses_another_hash(void **state)
{
    (void)state;
    command.sha256[0] = command.sha256[0] == '0' ? '1' : '0';
    refuse(ERROR_INTEGRITY, "hash is ");
    refuse(ERROR_INTEGRITY, command.sha256);
}

static void refuses_a_truncated_file_wherever_it_ends(void **state)
{
    (void)state;
    for (size_t size = 0; size < packed.length; size += packed.length / 7) {
        assert_int_equal(truncate(command.artifact, (off_t)size), 0);
        refuse(ERROR_INTEGRITY, "");
        assert_good(file_replace(command.artifact, packed.data, packed.length, 0644, &err));
    }
    assert_int_equal(truncate(command.artifact, (off_t)packed.length - 1), 0);
    refuse(ERROR_INTEGRITY, "");
}

static void tells_the_hash_of_a_file_that_came_without_one(void **state)
{
    char expected[LIMIT_SHA256_HEX];
    (void)state;
    TEXT_COPY(expected, command.sha256);
    command.sha256[0] = '\0';
    assert_good(verb_stage(&job, &err));
    assert_string_equal(job.report.sha256, expected);
}

static void refuses_another_version_inside(void **state)
{
    (void)state;
    make_artifact("7.9.3");
    refuse(ERROR_INTEGRITY, "the version inside is not 7.9.4");
}

static void takes_a_tree_without_a_version_inside(void **state)
{
    (void)state;
    make_artifact(NULL);
    assert_good(verb_stage(&job, &err));
}

/* An uncompressed artifact of these entries, with its hash. */
static void make_tar(const struct tar_entry *entries, size_t count)
{
    struct buffer tar;
    buffer_init(&tar, TAR_BYTES);
    for (size_t i = 0; i < count; i++)
        tar_add(&tar, entries[i]);
    tar_end(&tar);
    hash_bytes(&tar, command.sha256);
    assert_good(file_replace(command.artifact, tar.data, tar.length, 0644, &err));
    buffer_done(&tar);
}

static void refuses_a_tree_without_its_scripts(void **state)
{
    static const struct tar_entry entries[] = {
        {TAR_TOP "bin/start-bitbucket.sh", '0', "x", NULL, 0755},
        {TAR_TOP "bin/stop-bitbucket.sh", '0', "x", NULL, 0755},
        {TAR_TOP "bin/set-bitbucket-home.sh", '0', "echo\n", NULL, 0644},
    };
    static const struct tar_entry plain[] = {
        {TAR_TOP "bin/start-bitbucket.sh", '0', "x", NULL, 0644},
    };
    (void)state;
    make_tar(entries, 1);
    refuse(ERROR_INTEGRITY, "bin/stop-bitbucket.sh is missing");
    make_tar(entries, 2);
    refuse(ERROR_INTEGRITY, "bin/set-bitbucket-home.sh is missing");
    make_tar(entries, 3);
    refuse(ERROR_INTEGRITY, "bin/set-bitbucket-home.sh: no line");
    make_tar(plain, 1);
    refuse(ERROR_INTEGRITY, "not an executable file");
}

static void a_hostile_archive_leaves_nothing_behind(void **state)
{
    static const struct tar_entry entries[] = {
        {TAR_TOP "evil", '2', NULL, "../..", 0},
        {TAR_TOP "a", '0', "x", NULL, 0},
        {TAR_TOP "a", '0', "y", NULL, 0},
    };
    (void)state;
    make_tar(entries, 1);
    refuse(ERROR_INTEGRITY, "entry 'atlassian-bitbucket-7.9.4/evil': links out of the tree");
    make_tar(entries + 1, 2);
    refuse(ERROR_INTEGRITY, "twice");
}

static void refuses_an_artifact_that_is_not_there_or_no_file(void **state)
{
    (void)state;
    TEXT_COPY(command.artifact, scratch_path("missing"));
    refuse(ERROR_NOT_FOUND, "missing");
    TEXT_COPY(command.artifact, scratch_path("home"));
    refuse(ERROR_INVALID, "not a regular file");
}

static void the_deadline_ends_it_cleanly(void **state)
{
    (void)state;
    job.deadline = deadline_after_ms(0);
    refuse(ERROR_TIMEOUT, "deadline");
}

static void drop_customisations(void)
{
    TEXT_COPY(config.bitbucket.rules[config.bitbucket.rule_count].files, "*");
    config.bitbucket.rules[config.bitbucket.rule_count++].manner = CUSTOMISATION_KEEP_NEW;
}

static void takes_owner_and_mode_of_the_linked_release(void **state)
{
    struct stat status;
    (void)state;
    make_release("7.9.0");
    link_release("7.9.0");
    if (geteuid() == 0)
        assert_int_equal(chown(scratch_path("releases/7.9.0"), 4242, 4343), 0);
    assert_int_equal(chmod(scratch_path("releases/7.9.0"), 0750), 0);
    drop_customisations();
    assert_good(verb_stage(&job, &err));
    assert_int_equal(stat(scratch_path("releases/7.9.4"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0750);
    if (geteuid() == 0) {
        assert_int_equal(status.st_uid, 4242);
        assert_int_equal(stat(scratch_path("releases/7.9.4/bin/set-bitbucket-home.sh"), &status),
                         0);
        assert_int_equal(status.st_gid, 4343);
    }
}

/* What an administrator has set in the tree that runs. */
static void takes_owners_and_modes_of_what_the_linked_release_has_too(void **state)
{
    struct stat status;
    bool is_root = geteuid() == 0;
    (void)state;
    make_release("7.9.0");
    link_release("7.9.0");
    write_text("releases/7.9.0/bin/set-bitbucket-home.sh", "x", 0640);
    assert_int_equal(chmod(scratch_path("releases/7.9.0/bin"), 02771), 0);
    assert_int_equal(chmod(scratch_path("releases/7.9.0/bin/start-bitbucket.sh"), 0600), 0);
    if (is_root)
        assert_int_equal(chown(scratch_path("releases/7.9.0/bin"), 4242, 4343), 0);
    drop_customisations();
    assert_good(verb_stage(&job, &err));
    assert_int_equal(stat(scratch_path("releases/7.9.4/bin"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0771);
    assert_int_equal(status.st_uid, is_root ? 4242 : geteuid());
    assert_int_equal(stat(scratch_path("releases/7.9.4/bin/set-bitbucket-home.sh"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(status.st_uid, geteuid());
    assert_int_equal(stat(scratch_path("releases/7.9.4/bin/start-bitbucket.sh"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700); /* it must be run */
    assert_int_equal(stat(scratch_path("releases/7.9.4/bin/stop-bitbucket.sh"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
}

static void the_live_node_goes_first(void **state)
{
    (void)state;
    assert_good(verb_stage(&job, &err));
    assert_int_equal(getpriority(PRIO_PROCESS, 0), 10);
    assert_int_equal(IOPRIO_PRIO_CLASS(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0)),
                     IOPRIO_CLASS_IDLE);
}

/* ---- signatures ---- */

static struct signer signer;

static void want_signature(const struct buffer *bytes, char text[MINISIGN_FILE_BYTES])
{
    signer = signer_make(7);
    config.bitbucket.has_signature_key = true;
    config.bitbucket.signature_key = signer.key;
    signer_sign(&signer, bytes->data, bytes->length, text);
}

static void stages_what_is_signed_with_the_configured_key(void **state)
{
    struct release_record record;
    char text[MINISIGN_FILE_BYTES];
    (void)state;
    want_signature(&packed, text);
    write_text(ARTIFACT ".minisig", text, 0644);
    assert_good(verb_stage(&job, &err));
    assert_good(release_record_read(&config, "7.9.4", &record, &err));
    assert_string_equal(record.signed_by, "0000000000000007");
}

static void refuses_a_missing_a_foreign_and_a_wrong_signature(void **state)
{
    char text[MINISIGN_FILE_BYTES];
    (void)state;
    want_signature(&packed, text);
    refuse(ERROR_NOT_FOUND, ARTIFACT ".minisig");
    struct signer foreign = signer_make(8);
    signer_sign(&foreign, packed.data, packed.length, text);
    write_text(ARTIFACT ".minisig", text, 0644);
    refuse(ERROR_INTEGRITY, "of the key 0000000000000008, expected 0000000000000007");
    signer_sign(&signer, packed.data, packed.length - 1, text);
    write_text(ARTIFACT ".minisig", text, 0644);
    refuse(ERROR_INTEGRITY, "the signature is not of this artifact");
    write_text(ARTIFACT ".minisig", "", 0644);
    refuse(ERROR_INTEGRITY, "not one of minisign's");
}

static void stages_anew_what_was_staged_before_signatures_were_wanted(void **state)
{
    char text[MINISIGN_FILE_BYTES];
    (void)state;
    assert_good(verb_stage(&job, &err));
    want_signature(&packed, text);
    assert_fails(verb_stage(&job, &err), ERROR_NOT_FOUND, ".minisig");
    write_text(ARTIFACT ".minisig", text, 0644);
    assert_good(verb_stage(&job, &err));
    assert_int_equal(unlink(scratch_path(ARTIFACT ".minisig")), 0);
    assert_good(verb_stage(&job, &err));
}

/* ---- URLs ---- */

static struct scripted_server server;

static void stage_from(const struct scripted_row *rows, size_t count)
{
    scripted_server_start(&server, rows, count);
    snprintf(command.artifact, sizeof(command.artifact), "http://127.0.0.1:%d/bb.tar.gz?sig=secret",
             server.port);
}

/* "HTTP/1.1 200 OK" and so on, with `size` bytes of the artifact from `from` on. */
static struct scripted_row answer(const char *head, size_t from, size_t size)
{
    char *bytes = memory_zeroed(size + 512, 1);
    int length = snprintf(bytes, 512, "%s\r\n\r\n", head);
    memcpy(bytes + length, packed.data + from, size);
    return (struct scripted_row){.send = bytes, .send_size = (size_t)length + size};
}

static void free_rows(struct scripted_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *bytes;
        memcpy(&bytes, &rows[i].send, sizeof(bytes));
        free(bytes);
    }
}

static void stages_from_a_url_and_keeps_no_secret_of_it(void **state)
{
    struct release_record record;
    char head[128];
    (void)state;
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    struct scripted_row rows[] = {answer(head, 0, packed.length)};
    stage_from(rows, 1);
    assert_good(verb_stage(&job, &err));
    scripted_server_stop(&server);
    assert_good(release_record_read(&config, "7.9.4", &record, &err));
    assert_string_equal(record.sha256, command.sha256);
    assert_null(strstr(record.artifact, "secret"));
    assert_false(exists("state/staging/7.9.4.part"));
    assert_false(exists("state/staging/7.9.4.source"));
    free_rows(rows, 1);
}

static void goes_on_where_a_download_was_cut(void **state)
{
    char whole[128], rest[160];
    size_t half = packed.length / 2;
    (void)state;
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    snprintf(rest, sizeof(rest),
             "HTTP/1.1 206 Partial Content\r\nContent-Length: %zu\r\n"
             "Content-Range: bytes %zu-%zu/%zu",
             packed.length - half, half, packed.length - 1, packed.length);
    struct scripted_row rows[] = {answer(whole, 0, half), answer(rest, half, packed.length - half)};
    stage_from(rows, 2);
    assert_good(verb_stage(&job, &err));
    scripted_server_stop(&server);
    snprintf(rest, sizeof(rest), "Range: bytes=%zu-", half);
    assert_non_null(strstr(server.received, rest));
    free_rows(rows, 2);
}

static void goes_on_after_the_agents_end_too(void **state)
{
    char whole[128], rest[160];
    size_t half = packed.length / 2;
    (void)state;
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    snprintf(rest, sizeof(rest),
             "HTTP/1.1 206 Partial Content\r\nContent-Length: %zu\r\n"
             "Content-Range: bytes %zu-%zu/%zu",
             packed.length - half, half, packed.length - 1, packed.length);
    struct scripted_row rows[] = {answer(whole, 0, half),
                                  answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0", 0, 0),
                                  answer(rest, half, packed.length - half)};
    stage_from(rows, 3);
    refuse(ERROR_NOT_FOUND, "404");
    assert_true(exists("state/staging/7.9.4.part"));
    assert_good(verb_stage(&job, &err));
    scripted_server_stop(&server);
    assert_int_equal(server.connections, 3);
    free_rows(rows, 3);
}

static void fetches_anew_when_the_kept_part_was_of_another_file(void **state)
{
    char whole[128], source[LIMIT_URL + 80];
    (void)state;
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    struct scripted_row rows[] = {
        answer("HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n"
               "Content-Range: bytes 4-4/5",
               0, 1),
        answer(whole, 0, packed.length),
    };
    stage_from(rows, 2);
    assert_good(file_make_directory(scratch_path("state/staging"), 0700, &err));
    write_text("state/staging/7.9.4.part", "junk", 0600);
    snprintf(source, sizeof(source), "http://127.0.0.1:%d/bb.tar.gz\n%s\n", server.port,
             command.sha256);
    write_text("state/staging/7.9.4.source", source, 0600);
    assert_good(verb_stage(&job, &err));
    scripted_server_stop(&server);
    free_rows(rows, 2);
}

static void keeps_nothing_of_a_download_with_another_hash(void **state)
{
    char whole[128];
    (void)state;
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    struct scripted_row rows[] = {answer(whole, 0, packed.length)};
    stage_from(rows, 1);
    command.sha256[0] = command.sha256[0] == '0' ? '1' : '0';
    refuse(ERROR_INTEGRITY, "hash is ");
    scripted_server_stop(&server);
    assert_false(exists("state/staging/7.9.4.part"));
    free_rows(rows, 1);
}

static void fetches_the_signature_before_the_artifact(void **state)
{
    char text[MINISIGN_FILE_BYTES], whole[128], small[MINISIGN_FILE_BYTES + 128];
    (void)state;
    want_signature(&packed, text);
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    snprintf(small, sizeof(small), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
             text);
    struct scripted_row rows[] = {answer(whole, 0, packed.length)};
    struct scripted_row played[] = {
        {.send = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"}, {.send = small}, rows[0]};
    stage_from(played, 3);
    refuse(ERROR_NOT_FOUND, "signature of the artifact");
    assert_false(exists("state/staging/7.9.4.part"));
    assert_good(verb_stage(&job, &err));
    scripted_server_stop(&server);
    assert_non_null(strstr(server.received, "GET /bb.tar.gz.minisig?sig=secret "));
    free_rows(rows, 1);
}

static void keeps_nothing_of_a_download_that_is_signed_wrongly(void **state)
{
    char text[MINISIGN_FILE_BYTES], whole[128], small[MINISIGN_FILE_BYTES + 128];
    (void)state;
    want_signature(&packed, text);
    signer_sign(&signer, "other", 5, text);
    snprintf(whole, sizeof(whole), "HTTP/1.1 200 OK\r\nContent-Length: %zu", packed.length);
    snprintf(small, sizeof(small), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
             text);
    struct scripted_row rows[] = {answer(whole, 0, packed.length)};
    struct scripted_row played[] = {{.send = small}, rows[0]};
    stage_from(played, 2);
    refuse(ERROR_INTEGRITY, "not of this artifact");
    scripted_server_stop(&server);
    assert_false(exists("state/staging/7.9.4.part"));
    free_rows(rows, 1);
}

static void refuses_a_url_without_a_hash(void **state)
{
    (void)state;
    TEXT_COPY(command.artifact, "http://127.0.0.1:1/x");
    command.sha256[0] = '\0';
    refuse(ERROR_INVALID, "sha256");
}

static void refuses_a_download_that_would_not_fit(void **state)
{
    (void)state;
    struct scripted_row rows[] = {
        {.send = "HTTP/1.1 200 OK\r\nContent-Length: 4000000000000000\r\n\r\nx"}};
    stage_from(rows, 1);
    refuse(ERROR_FULL, "needed");
    scripted_server_stop(&server);
}

/* ---- a full disk ---- */

static void put_artifact(const struct buffer *bytes)
{
    hash_bytes(bytes, command.sha256);
    assert_good(file_replace(command.artifact, bytes->data, bytes->length, 0644, &err));
}

/* A file system of 8 MB that nobody else sees. */
static void mount_small_disk(const char *path, const char *options)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", path, "tmpfs", 0, options) != 0) {
        print_message("a full disk needs root and a mount namespace: skipped\n");
        skip();
    }
}

static void a_full_disk_is_told_and_cleaned(void **state)
{
    struct buffer tar;
    (void)state;
    mount_small_disk(config.bitbucket.releases, "size=8m,nr_inodes=50000");
    buffer_init(&tar, TAR_BYTES);
    tar_add_release(&tar, NULL);
    tar_add_zeros(&tar, TAR_TOP "large", (size_t)32 * 1024 * 1024);
    tar_end(&tar);
    buffer_clear(&packed);
    tar_gzip(&tar, &packed);
    put_artifact(&packed);
    refuse(ERROR_FULL, "MiB needed"); /* as gzip's trailer says */
    memset(packed.data + packed.length - 4, 0, 4);
    put_artifact(&packed);
    refuse(ERROR_FULL, "atlassian-bitbucket-7.9.4/large");
    put_artifact(&tar);
    refuse(ERROR_FULL, "MiB needed");
    buffer_done(&tar);
    assert_int_equal(umount(config.bitbucket.releases), 0);
}

static void too_few_inodes_are_told_before_anything_is_made(void **state)
{
    (void)state;
    mount_small_disk(config.bitbucket.releases, "size=8m,nr_inodes=20500");
    refuse(ERROR_FULL, "20000 inodes needed, 19");
    assert_int_equal(umount(config.bitbucket.releases), 0);
}

static int init_http(void **state)
{
    struct error err;
    (void)state;
    return http_init(&err) ? 0 : -1;
}

#define test_staging(test) cmocka_unit_test_setup_teardown(test, node_with_artifact, node_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_staging(stages_a_local_file_and_records_it),
        test_staging(sets_the_home_where_the_service_does_not),
        test_staging(leaves_the_home_script_alone_where_the_service_sets_the_home),
        test_staging(refuses_a_service_with_another_home),
        test_staging(a_repeat_with_the_same_hash_is_done_at_once),
        test_staging(another_hash_stages_anew_in_place_of_an_idle_release),
        test_staging(never_touches_the_linked_release),
        test_staging(never_touches_the_release_that_runs),
        test_staging(what_a_killed_run_left_is_in_nobodys_way),
        test_staging(one_job_at_a_time_changes_the_releases),
        test_staging(refuses_another_hash),
        test_staging(refuses_a_truncated_file_wherever_it_ends),
        test_staging(tells_the_hash_of_a_file_that_came_without_one),
        test_staging(refuses_another_version_inside),
        test_staging(takes_a_tree_without_a_version_inside),
        test_staging(refuses_a_tree_without_its_scripts),
        test_staging(a_hostile_archive_leaves_nothing_behind),
        test_staging(refuses_an_artifact_that_is_not_there_or_no_file),
        test_staging(the_deadline_ends_it_cleanly),
        test_staging(takes_owner_and_mode_of_the_linked_release),
        test_staging(takes_owners_and_modes_of_what_the_linked_release_has_too),
        test_staging(the_live_node_goes_first),
        test_staging(stages_what_is_signed_with_the_configured_key),
        test_staging(refuses_a_missing_a_foreign_and_a_wrong_signature),
        test_staging(stages_anew_what_was_staged_before_signatures_were_wanted),
        test_staging(stages_from_a_url_and_keeps_no_secret_of_it),
        test_staging(goes_on_where_a_download_was_cut),
        test_staging(goes_on_after_the_agents_end_too),
        test_staging(fetches_anew_when_the_kept_part_was_of_another_file),
        test_staging(keeps_nothing_of_a_download_with_another_hash),
        test_staging(fetches_the_signature_before_the_artifact),
        test_staging(keeps_nothing_of_a_download_that_is_signed_wrongly),
        test_staging(refuses_a_url_without_a_hash),
        test_staging(refuses_a_download_that_would_not_fit),
        test_staging(a_full_disk_is_told_and_cleaned),
        test_staging(too_few_inodes_are_told_before_anything_is_made),
    };
    return cmocka_run_group_tests(tests, init_http, NULL);
}
