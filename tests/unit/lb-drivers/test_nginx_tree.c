/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_tree.h"

#include "common/unit_test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(scratch_path(name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *name, const char *text)
{
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    assert_good(file_read(scratch_path(name), &bytes, &err));
    assert_string_equal(buffer_text(&bytes), text);
    buffer_done(&bytes);
}

static void make_directory(const char *name)
{
    assert_int_equal(mkdir(scratch_path(name), 0755), 0);
}

/* Links and hidden ones too: no temporary file is left. */
static size_t count_files(void)
{
    DIR *directory = opendir(scratch);
    struct dirent *entry;
    size_t count = 0;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return count;
}

static struct nginx_plan plan_for(const struct nginx_tree *tree, const char *const *names,
                                  size_t count, enum nginx_hold hold)
{
    struct nginx_plan plan = {0};
    struct nginx_member member;
    for (size_t i = 0; i < count; i++) {
        assert_good(nginx_member_parse(names[i], &member, &err));
        assert_good(nginx_plan_add(&plan, &tree->config, &member, hold, &err));
    }
    nginx_plan_sort(&plan);
    return plan;
}

static void includes_are_followed_as_nginx_does(void **state)
{
    struct nginx_tree tree;

    (void)state;
    make_directory("sites");
    make_directory("sites/deeper");
    write_file("nginx.conf", "http { include sites/*.conf; include none/*.conf; }");
    write_file("sites/a.conf", "upstream a { include servers; }");
    write_file("sites/.hidden.conf", "nonsense");
    write_file("sites/b.conf.bak", "nonsense");
    /* Relative to the main file's directory, and not to its own. */
    write_file("servers", "server x:1;");
    assert_int_equal(symlink("../servers-b", scratch_path("sites/b.conf")), 0);
    write_file("servers-b", "upstream b { server y:1; }");
    assert_good(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err));
    assert_int_equal(tree.file_count, 4);
    assert_int_equal(tree.config.group_count, 2);
    assert_int_equal(tree.config.entry_count, 2);
    nginx_tree_done(&tree);
}

static void a_fault_is_told_with_its_file_and_line(void **state)
{
    struct nginx_tree tree;

    (void)state;
    write_file("nginx.conf", "http {\n include a.conf;\n}");
    assert_fails(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err), ERROR_NOT_FOUND,
                 "include 'a.conf': open");
    write_file("a.conf", "\n}");
    assert_fails(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err), ERROR_INVALID,
                 "a.conf: line 2: '}' without a block");
    assert_fails(nginx_tree_load(scratch_path("none.conf"), &tree, &err), ERROR_NOT_FOUND,
                 "none.conf");
}

static void a_file_that_includes_itself_comes_to_an_end(void **state)
{
    struct nginx_tree tree;

    (void)state;
    write_file("nginx.conf", "include nginx.conf;");
    assert_fails(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err), ERROR_FULL, "includes");
}

static void files_of_a_plan_are_all_replaced_and_keep_owner_mode_and_link(void **state)
{
    static const char *const names[] = {"b/y:1", "a/x:1"};
    struct nginx_tree tree;
    struct nginx_edit edit;
    struct stat status;

    (void)state;
    write_file("nginx.conf", "http { include a.conf; upstream a { server x:1; server z:1; } }");
    write_file("real.conf", "upstream b { server y:1; server z:1; }");
    assert_int_equal(symlink("real.conf", scratch_path("a.conf")), 0);
    assert_int_equal(chmod(scratch_path("real.conf"), 0640), 0);
    if (getuid() == 0)
        assert_int_equal(chown(scratch_path("real.conf"), 65534, 65533), 0);
    assert_good(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err));
    struct nginx_plan plan = plan_for(&tree, names, 2, NGINX_HELD_DOWN);
    assert_good(nginx_edit_write(&edit, &tree, &plan, &err));
    assert_file("nginx.conf", "http { include a.conf; upstream a { server x:1 down # taken out by "
                              "shunt\n; server z:1; } }");
    assert_file("real.conf", "upstream b { server y:1 down # taken out by shunt\n; server z:1; }");
    assert_int_equal(lstat(scratch_path("a.conf"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(scratch_path("real.conf"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    if (getuid() == 0) {
        assert_int_equal(status.st_uid, 65534);
        assert_int_equal(status.st_gid, 65533);
    }
    assert_good(nginx_edit_restore(&edit, &err));
    assert_file("nginx.conf", "http { include a.conf; upstream a { server x:1; server z:1; } }");
    assert_file("real.conf", "upstream b { server y:1; server z:1; }");
    assert_int_equal(stat(scratch_path("real.conf"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(count_files(), 3);
    nginx_edit_done(&edit);
    nginx_plan_done(&plan);
    nginx_tree_done(&tree);
}

static void somebody_elses_change_is_not_overwritten(void **state)
{
    static const char *const names[] = {"a/x:1", "b/x:1"};
    static const char first[] = "upstream a { server x:1; server z:1; }";
    struct nginx_tree tree;
    struct nginx_edit edit;

    (void)state;
    write_file("nginx.conf", "http { include a.conf; include b.conf; }");
    write_file("a.conf", first);
    write_file("b.conf", "upstream b { server x:1; server z:1; }");
    assert_good(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err));
    struct nginx_plan plan = plan_for(&tree, names, 2, NGINX_HELD_OUT);
    write_file("b.conf", "upstream b { server x:2; server z:1; }");
    assert_fails(nginx_edit_write(&edit, &tree, &plan, &err), ERROR_CONFLICT,
                 "was changed by somebody else");
    /* All or none: the first file is as it was. */
    assert_file("a.conf", first);
    assert_file("b.conf", "upstream b { server x:2; server z:1; }");
    assert_int_equal(count_files(), 3);
    nginx_edit_done(&edit);
    nginx_plan_done(&plan);
    nginx_tree_done(&tree);
}

static void somebody_elses_change_is_not_restored_over(void **state)
{
    static const char *const names[] = {"a/x:1"};
    struct nginx_tree tree;
    struct nginx_edit edit;

    (void)state;
    write_file("nginx.conf", "http { upstream a { server x:1; server z:1; } }");
    assert_good(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err));
    struct nginx_plan plan = plan_for(&tree, names, 1, NGINX_HELD_DOWN);
    assert_good(nginx_edit_write(&edit, &tree, &plan, &err));
    write_file("nginx.conf", "# mine\n");
    assert_fails(nginx_edit_restore(&edit, &err), ERROR_CONFLICT, "was changed by somebody else");
    assert_file("nginx.conf", "# mine\n");
    nginx_edit_done(&edit);
    nginx_plan_done(&plan);
    nginx_tree_done(&tree);
}

static void only_files_of_the_group_tell_when_it_was_changed(void **state)
{
    struct nginx_tree tree;

    (void)state;
    write_file("nginx.conf", "http { include a.conf; include b.conf; }");
    write_file("a.conf", "upstream a { server x:1; }");
    write_file("b.conf", "upstream b { include c.conf; }");
    write_file("c.conf", "server x:1;");
    assert_good(nginx_tree_load(scratch_path("nginx.conf"), &tree, &err));
    for (size_t i = 0; i < tree.file_count; i++)
        tree.files[i].status.st_ctim.tv_sec = (time_t)(100 * (i + 1));
    for (size_t i = 0; i < tree.file_count; i++)
        tree.files[i].status.st_ctim.tv_nsec = 7000000;
    assert_int_equal(nginx_tree_group_changed_ms(&tree, 0), 200007); /* a.conf is the second file */
    assert_int_equal(nginx_tree_group_changed_ms(&tree, 1), 400007);
    tree.files[0].status.st_ctim.tv_sec = 500;
    assert_int_equal(nginx_tree_changed_ms(&tree), 500007);
    nginx_tree_done(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(includes_are_followed_as_nginx_does),
        test_in_scratch(a_fault_is_told_with_its_file_and_line),
        test_in_scratch(a_file_that_includes_itself_comes_to_an_end),
        test_in_scratch(files_of_a_plan_are_all_replaced_and_keep_owner_mode_and_link),
        test_in_scratch(somebody_elses_change_is_not_overwritten),
        test_in_scratch(somebody_elses_change_is_not_restored_over),
        test_in_scratch(only_files_of_the_group_tell_when_it_was_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
