/* SPDX-License-Identifier: Apache-2.0 */
#include "common/unit_test.h"

#include "memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text, mode_t mode)
{
    assert_good(file_replace(path, text, strlen(text), mode, &err));
}

static void assert_contents(const char *path, const char *expected)
{
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 4096);
    assert_good(file_read(path, &bytes, &err));
    assert_string_equal(buffer_text(&bytes), expected);
}

static size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static void reading_appends_the_whole_file(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 8);
    write_file(scratch_path("a"), "12345", 0600);
    assert_true(buffer_add_text(&bytes, "abc"));
    assert_good(file_read(scratch_path("a"), &bytes, &err));
    assert_string_equal(buffer_text(&bytes), "abc12345");
}

static void file_beyond_the_limit_leaves_the_buffer_alone(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer bytes;
    char text[40001];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buffer_init(&bytes, 40002);
    write_file(scratch_path("a"), text, 0600);
    assert_true(buffer_add_text(&bytes, "abc"));
    assert_fails(file_read(scratch_path("a"), &bytes, &err), ERROR_FULL, "larger than 40002");
    assert_string_equal(buffer_text(&bytes), "abc");
}

static void only_regular_files_are_read(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 8);
    assert_int_equal(mkfifo(scratch_path("fifo"), 0600), 0);
    assert_fails(file_read(scratch_path("fifo"), &bytes, &err), ERROR_INVALID, "/fifo'");
    assert_fails(file_read(scratch, &bytes, &err), ERROR_INVALID, scratch);
    assert_fails(file_read(scratch_path("none"), &bytes, &err), ERROR_NOT_FOUND, "/none'");
}

static void secret_loses_one_newline(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer secret;
    buffer_init(&secret, 4096);
    write_file(scratch_path("a"), "hush\n\n", 0600);
    assert_good(file_read_secret(scratch_path("a"), &secret, &err));
    assert_string_equal(buffer_text(&secret), "hush\n");
}

static void secret_that_others_can_read_is_refused_with_a_hint(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer secret;
    struct error refusal;
    buffer_init(&secret, 4096);
    write_file(scratch_path("group"), "hush", 0640);
    write_file(scratch_path("others"), "hush", 0604);
    assert_fails(file_read_secret(scratch_path("others"), &secret, &err), ERROR_DENIED, "secret");
    assert_false(file_read_secret(scratch_path("group"), &secret, &refusal));
    assert_int_equal(refusal.code, ERROR_DENIED);
    assert_non_null(strstr(refusal.hint, "chmod 600 "));
    assert_int_equal(secret.length, 0);
}

static void secret_has_4096_bytes_at_most(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer secret;
    char text[4098];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    buffer_init(&secret, sizeof(text));
    write_file(scratch_path("a"), text, 0600);
    assert_fails(file_read_secret(scratch_path("a"), &secret, &err), ERROR_FULL, "4096");
}

static void replaced_file_has_contents_and_mode_and_leaves_nothing_else(void **state)
{
    (void)state;
    struct stat status;
    write_file(scratch_path("a"), "one", 0600);
    mode_t mask = umask(077);
    write_file(scratch_path("a"), "two", 0644);
    umask(mask);
    assert_contents(scratch_path("a"), "two");
    assert_int_equal(stat(scratch_path("a"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_int_equal(count_entries(scratch), 1);
}

static void failed_replacement_keeps_the_old_file_and_removes_the_new(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path("a"), 0700), 0);
    write_file(scratch_path("a/b"), "one", 0600);
    assert_fails(file_replace(scratch_path("a"), "x", 1, 0600, &err), ERROR_SYSTEM, "rename");
    assert_contents(scratch_path("a/b"), "one");
    assert_int_equal(count_entries(scratch), 1);
    assert_fails(file_replace(scratch_path("none/a"), "x", 1, 0600, &err), ERROR_NOT_FOUND,
                 "none/");
}

static void file_is_replaced_with_the_owner_and_mode_of_another(void **state)
{
    struct stat like, status;
    (void)state;
    if (geteuid() != 0)
        skip();
    write_file(scratch_path("a"), "old", 0640);
    assert_int_equal(chown(scratch_path("a"), 1234, 4321), 0);
    assert_int_equal(stat(scratch_path("a"), &like), 0);
    assert_good(file_replace_like(scratch_path("a"), "new", 3, &like, &err));
    assert_contents(scratch_path("a"), "new");
    assert_int_equal(stat(scratch_path("a"), &status), 0);
    assert_int_not_equal(status.st_ino, like.st_ino);
    assert_int_equal(status.st_uid, 1234);
    assert_int_equal(status.st_gid, 4321);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void link_is_made_and_replaced(void **state)
{
    (void)state;
    char target[32] = "";
    assert_good(file_replace_link(scratch_path("current"), "7.9.0", &err));
    assert_good(file_replace_link(scratch_path("current"), "7.9.4", &err));
    assert_int_equal(readlink(scratch_path("current"), target, sizeof(target)), 5);
    assert_string_equal(target, "7.9.4");
    assert_int_equal(count_entries(scratch), 1);
}

static void link_does_not_replace_a_directory(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path("current"), 0700), 0);
    assert_fails(file_replace_link(scratch_path("current"), "7.9.4", &err), ERROR_SYSTEM, "rename");
    assert_int_equal(count_entries(scratch), 1);
}

static void renamed_file_replaces_what_had_the_name(void **state)
{
    BUFFER_CLEANUP struct buffer bytes;
    (void)state;
    buffer_init(&bytes, 64);
    assert_good(file_replace(scratch_path("a"), "new", 3, 0600, &err));
    assert_good(file_replace(scratch_path("b"), "old", 3, 0600, &err));
    assert_good(file_rename(scratch_path("a"), scratch_path("b"), &err));
    assert_good(file_read(scratch_path("b"), &bytes, &err));
    assert_string_equal(buffer_text(&bytes), "new");
    assert_fails(file_rename(scratch_path("a"), scratch_path("b"), &err), ERROR_NOT_FOUND,
                 "rename");
}

static void directory_is_made_with_its_parents(void **state)
{
    (void)state;
    struct stat status;
    mode_t mask = umask(077);
    assert_good(file_make_directory(scratch_path("a//b/c/"), 0710, &err));
    umask(mask);
    assert_int_equal(stat(scratch_path("a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_int_equal(stat(scratch_path("a/b/c"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0710);
}

static void existing_directory_keeps_its_mode(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(mkdir(scratch_path("a"), 0700), 0);
    assert_int_equal(symlink("a", scratch_path("link")), 0);
    assert_good(file_make_directory(scratch_path("a"), 0755, &err));
    assert_good(file_make_directory(scratch_path("link"), 0755, &err));
    assert_int_equal(stat(scratch_path("a"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_good(file_make_directory("/", 0755, &err));
}

static void file_in_the_place_of_a_directory_is_a_conflict(void **state)
{
    (void)state;
    write_file(scratch_path("a"), "", 0600);
    assert_fails(file_make_directory(scratch_path("a"), 0755, &err), ERROR_CONFLICT, "/a'");
    assert_fails(file_make_directory(scratch_path("a/b"), 0755, &err), ERROR_CONFLICT, "/a'");
}

static void copy_is_added_behind_what_is_there(void **state)
{
    (void)state;
    write_file(scratch_path("from"), "12345", 0600);
    write_file(scratch_path("to"), "abc", 0600);
    int from = open(scratch_path("from"), O_RDONLY | O_CLOEXEC);
    int to = open(scratch_path("to"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(lseek(from, 2, SEEK_SET), 2);
    assert_int_equal(lseek(to, 0, SEEK_END), 3);
    assert_good(file_copy(from, to, &err));
    assert_contents(scratch_path("to"), "abc345");
    assert_fails(file_copy(to, from, &err), ERROR_SYSTEM, "copy: ");
    close(from);
    close(to);
}

static void lock_is_held_until_it_is_closed_and_names_its_holder(void **state)
{
    (void)state;
    int fd = -1, second_fd = -1;
    char holder[32];
    (void)snprintf(holder, sizeof(holder), "by process %d", (int)getpid());
    assert_good(file_lock(scratch_path("lock"), &fd, &err));
    assert_fails(file_lock(scratch_path("lock"), &second_fd, &err), ERROR_CONFLICT, holder);
    assert_int_equal(second_fd, -1);
    close(fd);
    assert_good(file_lock(scratch_path("lock"), &second_fd, &err));
    close(second_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(reading_appends_the_whole_file),
        test_in_scratch(file_beyond_the_limit_leaves_the_buffer_alone),
        test_in_scratch(only_regular_files_are_read),
        test_in_scratch(secret_loses_one_newline),
        test_in_scratch(secret_that_others_can_read_is_refused_with_a_hint),
        test_in_scratch(secret_has_4096_bytes_at_most),
        test_in_scratch(renamed_file_replaces_what_had_the_name),
        test_in_scratch(replaced_file_has_contents_and_mode_and_leaves_nothing_else),
        test_in_scratch(failed_replacement_keeps_the_old_file_and_removes_the_new),
        test_in_scratch(file_is_replaced_with_the_owner_and_mode_of_another),
        test_in_scratch(link_is_made_and_replaced),
        test_in_scratch(link_does_not_replace_a_directory),
        test_in_scratch(directory_is_made_with_its_parents),
        test_in_scratch(existing_directory_keeps_its_mode),
        test_in_scratch(file_in_the_place_of_a_directory_is_a_conflict),
        test_in_scratch(copy_is_added_behind_what_is_there),
        test_in_scratch(lock_is_held_until_it_is_closed_and_names_its_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
