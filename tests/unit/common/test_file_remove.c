/* SPDX-License-Identifier: Apache-2.0 */
#include "common/unit_test.h"

#include "memory.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void make_directory(const char *name)
{
    assert_good(file_make_directory(scratch_path(name), 0755, &err));
}

static void make_file(const char *name)
{
    assert_good(file_replace(scratch_path(name), "x", 1, 0400, &err));
}

static bool is_there(const char *name)
{
    struct stat status;
    return lstat(scratch_path(name), &status) == 0;
}

static void tree_is_removed_with_everything_in_it(void **state)
{
    (void)state;
    make_directory("tree/a/b/c");
    make_directory("tree/d");
    make_file("tree/a/b/file");
    make_file("tree/.hidden");
    assert_int_equal(mkfifo(scratch_path("tree/fifo"), 0600), 0);
    for (int i = 0; i < 500; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "tree/d/%d", i);
        int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_good(file_remove_tree(scratch_path("tree/"), &err));
    assert_false(is_there("tree"));
}

static void links_are_removed_and_not_followed(void **state)
{
    (void)state;
    make_directory("kept");
    make_file("kept/file");
    make_directory("tree");
    assert_int_equal(symlink("../kept", scratch_path("tree/relative")), 0);
    assert_int_equal(symlink(scratch_path("kept"), scratch_path("tree/absolute")), 0);
    assert_int_equal(symlink("nowhere", scratch_path("tree/dangling")), 0);
    assert_good(file_remove_tree(scratch_path("tree"), &err));
    assert_false(is_there("tree"));
    assert_true(is_there("kept/file"));
}

static void link_in_the_place_of_the_tree_is_removed_itself(void **state)
{
    (void)state;
    make_directory("kept");
    make_file("kept/file");
    assert_int_equal(symlink("kept", scratch_path("tree")), 0);
    assert_good(file_remove_tree(scratch_path("tree"), &err));
    assert_false(is_there("tree"));
    assert_true(is_there("kept/file"));
}

static void missing_tree_is_fine(void **state)
{
    (void)state;
    assert_good(file_remove_tree(scratch_path("none"), &err));
    assert_good(file_remove_tree(scratch_path("none/below"), &err));
}

static void what_is_no_name_of_a_tree_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/", "//", ".", "..", "/tmp/..", "/tmp/.", "/tmp/../"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_fails(file_remove_tree(bad[i], &err), ERROR_INVALID, "not the name");
}

/* "deep" and below it directories "d" down to this number of levels in all. */
static char *deep_path(size_t levels)
{
    char path[256] = "deep";
    for (size_t i = 1; i < levels; i++)
        strcat(path, "/d");
    return memory_format("%s/%s", scratch, path);
}

static void too_deep_tree_is_refused_without_descriptors_left_open(void **state)
{
    (void)state;
    int fd_before = dup(STDIN_FILENO);
    close(fd_before);
    FREE_CLEANUP char *deepest = deep_path(65);
    FREE_CLEANUP char *middle = deep_path(30);
    assert_good(file_make_directory(deepest, 0755, &err));
    assert_fails(file_remove_tree(scratch_path("deep"), &err), ERROR_INVALID, "64 levels");
    int fd_after = dup(STDIN_FILENO);
    close(fd_after);
    assert_int_equal(fd_after, fd_before);
    assert_int_equal(access(deepest, F_OK), 0);
    /* In two parts the fixture can remove it. */
    assert_int_equal(rename(middle, scratch_path("lower")), 0);
}

/* In a mount namespace of its own, so that nothing is left mounted. Exit status 77: not allowed
 * here. */
static int remove_with_mount_inside(bool is_bind)
{
    struct error err = {0};
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return 77;
    int failure = is_bind ? mount(scratch_path("kept"), scratch_path("tree/m"), NULL, MS_BIND, NULL)
                          : mount("tmpfs", scratch_path("tree/m"), "tmpfs", 0, NULL);
    if (failure != 0)
        return 77;
    if (file_remove_tree(scratch_path("tree"), &err) || err.code != ERROR_CONFLICT)
        return 1;
    return is_there("kept/file") ? 0 : 2;
}

static void check_mount_inside(bool is_bind)
{
    int status;
    make_directory("kept");
    make_file("kept/file");
    make_directory("tree/m");
    pid_t pid = fork();
    if (pid == 0)
        _exit(remove_with_mount_inside(is_bind));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(is_there("kept/file"));
}

static void other_file_system_inside_is_not_entered(void **state)
{
    (void)state;
    check_mount_inside(false);
}

static void bind_mount_of_the_same_file_system_is_not_entered(void **state)
{
    (void)state;
    check_mount_inside(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(tree_is_removed_with_everything_in_it),
        test_in_scratch(links_are_removed_and_not_followed),
        test_in_scratch(link_in_the_place_of_the_tree_is_removed_itself),
        test_in_scratch(missing_tree_is_fine),
        test_in_scratch(what_is_no_name_of_a_tree_is_refused),
        test_in_scratch(too_deep_tree_is_refused_without_descriptors_left_open),
        test_in_scratch(other_file_system_inside_is_not_entered),
        test_in_scratch(bind_mount_of_the_same_file_system_is_not_entered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
