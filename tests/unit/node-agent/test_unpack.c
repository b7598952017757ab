/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack.h"

#include "common/unit_test.h"
#include "node-agent/tar_builder.h"
#include "unpack_name.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct buffer tar;
static struct unpack_request request;
static size_t bytes_given;
static size_t cut_at; /* the archive ends here; SIZE_MAX = whole */

static bool give(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    const struct buffer *bytes = context;
    size_t end = cut_at < bytes->length ? cut_at : bytes->length;
    size_t left = end - bytes_given;
    (void)err;
    *ret_bytes = buffer_text(bytes) + bytes_given;
    *ret_size = left < 4096 ? left : 4096;
    bytes_given += *ret_size;
    return true;
}

/* scratch/root is unpacked into; scratch/outside.txt and scratch/outside/ must stay as they are. */
static int make_root(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || mkdir(scratch_path("root"), 0700) != 0 ||
        mkdir(scratch_path("outside"), 0755) != 0 ||
        !file_replace(scratch_path("outside.txt"), "safe", 4, 0644, &err))
        return -1;
    buffer_init(&tar, TAR_BYTES);
    cut_at = SIZE_MAX;
    request = (struct unpack_request){
        .root_fd = open(scratch_path("root"), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        .version = "7.9.4",
        .most_bytes = 256LL * 1024 * 1024,
        .most_entries = 1000,
        .model_fd = -1,
        .allows_plain_tar = true,
        .read = give,
        .context = &tar,
    };
    return 0;
}

static size_t count_names(const char *name)
{
    size_t count = 0;
    DIR *directory = opendir(scratch_path(name));
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static int check_outside(void **state)
{
    struct buffer text;
    struct error err;
    buffer_init(&text, 64);
    assert_int_equal(count_names("."), 3);
    assert_int_equal(count_names("outside"), 0);
    assert_true(file_read(scratch_path("outside.txt"), &text, &err));
    assert_string_equal(buffer_text(&text), "safe");
    buffer_done(&text);
    buffer_done(&tar);
    close(request.root_fd);
    return scratch_remove(state);
}

static bool run(struct error *err)
{
    bytes_given = 0;
    return unpack_run(&request, err);
}

static void add(const char *name, char type, const char *contents, const char *target)
{
    tar_add(&tar, (struct tar_entry){name, type, contents, target, 0});
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(lstat(scratch_path(name), &status), 0);
    return status.st_mode & 07777;
}

static void refuse(const char *message)
{
    tar_end(&tar);
    assert_fails(run(&err), ERROR_INTEGRITY, message);
    buffer_clear(&tar);
}

static void unpacks_files_directories_and_links_without_the_top_folder(void **state)
{
    char target[64] = "";
    struct stat status;
    (void)state;
    tar_add_release(&tar, "7.9.4");
    add(TAR_TOP "lib/a.so.1", '0', "library", NULL);
    add(TAR_TOP "lib/a.so", '2', NULL, "a.so.1");
    add(TAR_TOP "jre/legal/x/LICENSE", '2', NULL, "../base/LICENSE");
    add(TAR_TOP "lib/hard", '1', NULL, TAR_TOP "lib/a.so.1");
    add(TAR_TOP "empty/", '5', NULL, NULL);
    add(TAR_TOP "empty/", '5', NULL, NULL);
    tar_end(&tar);
    assert_good(run(&err));
    assert_int_equal(stat(scratch_path("root/bin/start-bitbucket.sh"), &status), 0);
    assert_int_equal(status.st_mtime, 1600000000);
    assert_int_equal(readlink(scratch_path("root/lib/a.so"), target, sizeof(target)), 6);
    assert_int_equal(stat(scratch_path("root/lib/hard"), &status), 0);
    assert_int_equal(status.st_nlink, 2);
    assert_int_equal(mode_of("root/empty"), 0755);
}

static void unpacks_gzip(void **state)
{
    struct buffer packed;
    (void)state;
    tar_add_release(&tar, NULL);
    tar_end(&tar);
    buffer_init(&packed, TAR_BYTES);
    tar_gzip(&tar, &packed);
    request.context = &packed;
    request.allows_plain_tar = false;
    assert_good(run(&err));
    buffer_done(&packed);
}

static void takes_dangerous_bits_off(void **state)
{
    (void)state;
    tar_add(&tar, (struct tar_entry){TAR_TOP "suid", '0', "x", NULL, 06777});
    tar_add(&tar, (struct tar_entry){TAR_TOP "sticky/", '5', NULL, NULL, 01777});
    tar_add(&tar, (struct tar_entry){TAR_TOP "closed/", '5', NULL, NULL, 01000});
    add(TAR_TOP "closed/file", '0', "x", NULL);
    tar_end(&tar);
    assert_good(run(&err));
    assert_int_equal(mode_of("root/suid"), 0775);
    assert_int_equal(mode_of("root/sticky"), 0775);
    assert_int_equal(mode_of("root/closed"), 0700);
}

static void gives_files_to_the_owner_asked_for(void **state)
{
    struct stat status;
    (void)state;
    if (geteuid() != 0)
        skip();
    request.is_owner_set = true;
    request.uid = 4242;
    request.gid = 4343;
    add(TAR_TOP "made/on/the/way", '0', "x", NULL);
    add(TAR_TOP "link", '2', NULL, "made");
    tar_end(&tar);
    assert_good(run(&err));
    static const char *const names[] = {"root/made", "root/made/on/the/way", "root/link"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(lstat(scratch_path(names[i]), &status), 0);
        assert_int_equal(status.st_uid, 4242);
        assert_int_equal(status.st_gid, 4343);
    }
}

static void refuses_names_that_lead_elsewhere(void **state)
{
    (void)state;
    add("/etc/cron.d/x", '0', "x", NULL);
    refuse("entry '/etc/cron.d/x': is an absolute path");
    add(TAR_TOP "../outside.txt", '0', "x", NULL);
    refuse("'.' or '..'");
    add(TAR_TOP "a/../../outside.txt", '0', "x", NULL);
    refuse("'.' or '..'");
    add(TAR_TOP "./x", '0', "x", NULL);
    refuse("'.' or '..'");
    add(TAR_TOP "a//b", '0', "x", NULL);
    refuse("empty component");
    add(TAR_TOP "a\nb", '0', "x", NULL);
    refuse("control character");
    add("../outside.txt", '0', "x", NULL);
    refuse("top folder");
}

static void refuses_another_top_folder(void **state)
{
    (void)state;
    add("atlassian-bitbucket-7.9.5/x", '0', "x", NULL);
    refuse("top folder");
    add("atlassian-bitbucket-7.9.40/x", '0', "x", NULL);
    refuse("top folder");
    add("x", '0', "x", NULL);
    refuse("top folder");
    add("atlassian-bitbucket-7.9.4", '0', "x", NULL);
    refuse("no directory");
    add("atlassian-bitbucket-7.9.4", '2', NULL, "outside");
    refuse("no directory");
}

static void refuses_links_that_leave_the_tree(void **state)
{
    (void)state;
    add(TAR_TOP "a", '2', NULL, "/etc/passwd");
    refuse("absolute path");
    add(TAR_TOP "a", '2', NULL, "..");
    refuse("out of the tree");
    add(TAR_TOP "d/a", '2', NULL, "../../outside");
    refuse("out of the tree");
    add(TAR_TOP "d/a", '2', NULL, "x/../../../outside");
    refuse("behind another name");
    add(TAR_TOP "a", '2', NULL, "");
    refuse("links to nothing");
    add(TAR_TOP "a", '1', NULL, "/etc/passwd");
    refuse("outside the tree");
    add(TAR_TOP "a", '1', NULL, TAR_TOP "../../outside.txt");
    refuse("outside the tree");
}

static void never_writes_through_a_link(void **state)
{
    (void)state;
    /* Even one that stays in the tree, and one that somebody else has put there. */
    add(TAR_TOP "real/", '5', NULL, NULL);
    add(TAR_TOP "link", '2', NULL, "real");
    add(TAR_TOP "link/file", '0', "x", NULL);
    refuse("through a link");
    assert_int_equal(symlink(scratch_path("outside"), scratch_path("root/planted")), 0);
    add(TAR_TOP "planted/file", '0', "x", NULL);
    refuse("through a link");
    add(TAR_TOP "planted/", '5', NULL, NULL);
    refuse("through a link");
    add(TAR_TOP "hard", '1', NULL, TAR_TOP "planted/file");
    refuse("through a link");
    assert_int_equal(symlink(scratch_path("outside.txt"), scratch_path("root/planted.txt")), 0);
    add(TAR_TOP "planted.txt", '0', "evil", NULL);
    refuse("twice");
    add(TAR_TOP "hard", '1', NULL, TAR_TOP "planted.txt");
    refuse("something else than a file");
}

static void refuses_devices_fifos_and_unknown_types(void **state)
{
    (void)state;
    add(TAR_TOP "c", '3', NULL, NULL);
    refuse("neither a file");
    add(TAR_TOP "b", '4', NULL, NULL);
    refuse("neither a file");
    add(TAR_TOP "p", '6', NULL, NULL);
    refuse("neither a file");
}

static void refuses_a_name_twice(void **state)
{
    (void)state;
    add(TAR_TOP "a", '0', "one", NULL);
    add(TAR_TOP "a", '0', "two", NULL);
    refuse("entry 'atlassian-bitbucket-7.9.4/a': is in the archive twice");
    add(TAR_TOP "b", '0', "one", NULL);
    add(TAR_TOP "b/", '5', NULL, NULL);
    refuse("through a link or a file");
    add(TAR_TOP "d/", '5', NULL, NULL);
    add(TAR_TOP "d", '0', "two", NULL);
    refuse("twice");
    add(TAR_TOP "e", '0', "one", NULL);
    add(TAR_TOP "e", '2', NULL, "a");
    refuse("twice");
}

static void refuses_a_hard_link_with_contents_or_without_a_file(void **state)
{
    (void)state;
    add(TAR_TOP "h", '1', NULL, TAR_TOP "missing");
    refuse("does not have before");
    add(TAR_TOP "h", '1', NULL, TAR_TOP "no/where");
    refuse("does not have before");
    add(TAR_TOP "dir/", '5', NULL, NULL);
    add(TAR_TOP "h", '1', NULL, TAR_TOP "dir");
    refuse("something else than a file");
}

static void refuses_every_truncation_of_a_gzip(void **state)
{
    struct buffer packed;
    char noise[8192];
    (void)state;
    tar_add_release(&tar, "7.9.4");
    for (size_t i = 0; i < sizeof(noise) - 1; i++)
        noise[i] = (char)('a' + i * i % 25 + i % 2);
    noise[sizeof(noise) - 1] = '\0';
    add(TAR_TOP "lib/last", '0', noise, NULL);
    tar_end(&tar);
    buffer_init(&packed, TAR_BYTES);
    tar_gzip(&tar, &packed);
    request.context = &packed;
    request.allows_plain_tar = false;
    for (size_t cut = 0; cut<packed.length; cut += packed.length - cut> 64 ? 37 : 1) {
        struct error err;
        cut_at = cut;
        assert_false(run(&err));
        assert_int_equal(err.code, ERROR_INTEGRITY);
        assert_true(file_remove_tree(scratch_path("root/bin"), &err));
        assert_true(file_remove_tree(scratch_path("root/app"), &err));
        assert_true(file_remove_tree(scratch_path("root/lib"), &err));
    }
    buffer_done(&packed);
}

static void refuses_a_tar_cut_within_a_file(void **state)
{
    (void)state;
    add(TAR_TOP "a", '0', "0123456789", NULL);
    cut_at = 520;
    assert_fails(run(&err), ERROR_INTEGRITY, "truncated");
}

static void refuses_a_plain_tar_that_no_hash_vouches_for(void **state)
{
    (void)state;
    tar_add_release(&tar, NULL);
    request.allows_plain_tar = false;
    refuse("needs a hash");
}

static void refuses_what_is_no_archive_or_empty(void **state)
{
    (void)state;
    assert_fails(run(&err), ERROR_INTEGRITY, "");
    assert_true(buffer_add_text(&tar, "PK\003\004 this is no tar at all, however long it may be"));
    assert_fails(run(&err), ERROR_INTEGRITY, "");
    buffer_clear(&tar);
    refuse("empty");
}

static void refuses_more_than_one_compression(void **state)
{
    struct buffer once, twice;
    (void)state;
    tar_add_release(&tar, NULL);
    tar_end(&tar);
    buffer_init(&once, TAR_BYTES);
    buffer_init(&twice, TAR_BYTES);
    tar_gzip(&tar, &once);
    tar_gzip(&once, &twice);
    request.context = &twice;
    assert_fails(run(&err), ERROR_INTEGRITY, "damaged");
    buffer_done(&once);
    buffer_done(&twice);
}

static void refuses_a_bomb(void **state)
{
    struct buffer packed;
    (void)state;
    tar_add_zeros(&tar, TAR_TOP "zeros", (size_t)96 * 1024 * 1024);
    tar_end(&tar);
    buffer_init(&packed, TAR_BYTES);
    tar_gzip(&tar, &packed);
    request.context = &packed;
    assert_fails(run(&err), ERROR_INTEGRITY, "100 times");
    buffer_done(&packed);
}

static void refuses_more_bytes_than_may_be_used(void **state)
{
    (void)state;
    request.most_bytes = 2 * 4096 + 1;
    add(TAR_TOP "a", '0', "1234", NULL);
    add(TAR_TOP "b", '0', "12", NULL);
    tar_end(&tar);
    assert_fails(run(&err), ERROR_FULL, "entry 'atlassian-bitbucket-7.9.4/b'");
}

static void refuses_more_entries_than_may_be_made(void **state)
{
    (void)state;
    request.most_entries = 2;
    add(TAR_TOP "a", '0', "", NULL);
    add(TAR_TOP "b/", '5', NULL, NULL);
    add(TAR_TOP "c", '2', NULL, "a");
    tar_end(&tar);
    assert_fails(run(&err), ERROR_FULL, "entry 'atlassian-bitbucket-7.9.4/c': is one more than");
}

static void refuses_an_archive_without_its_end_or_with_more_behind_it(void **state)
{
    (void)state;
    add(TAR_TOP "a", '0', "1234", NULL);
    assert_fails(run(&err), ERROR_INTEGRITY, "its end is missing");
    tar_end(&tar);
    assert_int_equal(unlink(scratch_path("root/a")), 0);
    assert_good(run(&err));
    assert_int_equal(unlink(scratch_path("root/a")), 0);
    assert_true(buffer_add(&tar, "x", 1));
    assert_fails(run(&err), ERROR_INTEGRITY, "behind the end");
}

static bool fail_to_read(void *context, const void **ret_bytes, size_t *ret_size, struct error *err)
{
    (void)context;
    (void)ret_bytes;
    (void)ret_size;
    error_set(err, ERROR_TIMEOUT, "too slow");
    return false;
}

static void tells_the_readers_own_error(void **state)
{
    (void)state;
    request.read = fail_to_read;
    assert_fails(run(&err), ERROR_TIMEOUT, "too slow");
}

/* The top folder and then `count` times the piece. */
static const char *long_name(const char *piece, size_t count)
{
    static char name[2048];
    size_t length = strlen(TAR_TOP);
    memcpy(name, TAR_TOP, length + 1);
    for (size_t i = 0; i < count; i++, length += strlen(piece))
        memcpy(name + length, piece, strlen(piece) + 1);
    return name;
}

static void names_have_bounds(void **state)
{
    char path[UNPACK_NAME_SIZE];
    (void)state;
    assert_null(unpack_name_strip(long_name("x", 255), "7.9.4", path));
    assert_string_equal(unpack_name_strip(long_name("x", 256), "7.9.4", path),
                        "has a component of more than 255 bytes");
    assert_null(unpack_name_strip(long_name("d/", UNPACK_DEPTH_MOST), "7.9.4", path));
    assert_string_equal(unpack_name_strip(long_name("d/", UNPACK_DEPTH_MOST + 1), "7.9.4", path),
                        "is nested too deeply");
    assert_string_equal(unpack_name_strip(long_name("d/", 600), "7.9.4", path), "is too long");
}

static void a_name_loses_its_top_folder_and_last_slash(void **state)
{
    char path[UNPACK_NAME_SIZE];
    (void)state;
    assert_null(unpack_name_strip(TAR_TOP "d/e/", "7.9.4", path));
    assert_string_equal(path, "d/e");
    assert_null(unpack_name_strip(TAR_TOP, "7.9.4", path));
    assert_string_equal(path, "");
}

static void a_target_may_climb_within_the_tree(void **state)
{
    (void)state;
    assert_null(unpack_name_check_target("d/e", "../f"));
    assert_null(unpack_name_check_target("d/e", ".."));
    assert_null(unpack_name_check_target("e", "f..g/..h"));
    assert_non_null(unpack_name_check_target("d/e", "../.."));
    assert_non_null(unpack_name_check_target("d/e", "f/.."));
}

#define test_unpacking(test) cmocka_unit_test_setup_teardown(test, make_root, check_outside)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_unpacking(unpacks_files_directories_and_links_without_the_top_folder),
        test_unpacking(unpacks_gzip),
        test_unpacking(takes_dangerous_bits_off),
        test_unpacking(gives_files_to_the_owner_asked_for),
        test_unpacking(refuses_names_that_lead_elsewhere),
        test_unpacking(refuses_another_top_folder),
        test_unpacking(refuses_links_that_leave_the_tree),
        test_unpacking(never_writes_through_a_link),
        test_unpacking(refuses_devices_fifos_and_unknown_types),
        test_unpacking(refuses_a_name_twice),
        test_unpacking(refuses_a_hard_link_with_contents_or_without_a_file),
        test_unpacking(refuses_every_truncation_of_a_gzip),
        test_unpacking(refuses_a_tar_cut_within_a_file),
        test_unpacking(refuses_a_plain_tar_that_no_hash_vouches_for),
        test_unpacking(refuses_what_is_no_archive_or_empty),
        test_unpacking(refuses_more_than_one_compression),
        test_unpacking(refuses_a_bomb),
        test_unpacking(refuses_more_bytes_than_may_be_used),
        test_unpacking(refuses_more_entries_than_may_be_made),
        test_unpacking(refuses_an_archive_without_its_end_or_with_more_behind_it),
        test_unpacking(tells_the_readers_own_error),
        cmocka_unit_test(names_have_bounds),
        cmocka_unit_test(a_name_loses_its_top_folder_and_last_slash),
        cmocka_unit_test(a_target_may_climb_within_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
