/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_paths.h"

#include "definition_text.h"
#include "memory.h"
#include "node-agent/node_fixture.h"

static struct tree_paths trees;

/* %s stands for the scratch directory, in the text as in the tree. */
static void assert_tree(const char *format, const char *name)
{
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, 4096);
    for (const char *at = format; *at != '\0'; at++)
        assert_true(*at == '%' ? buffer_add_text(&text, scratch) : buffer_add(&text, at, 1));
    tree_paths_find(buffer_text(&text), &trees);
    if (trees.count != 1 || strcmp(trees.items[0], scratch_path(name)) != 0)
        fail_msg("%s: %zu trees, the first: %s", format, trees.count, trees.items[0]);
}

static void a_tree_is_found_however_it_is_named(void **state)
{
    (void)state;
    make_release("7.9.0");
    assert_tree("ExecStart=-%/releases/7.9.0/bin/start-bitbucket.sh --no-search", "releases/7.9.0");
    assert_tree("INSTALLDIR=\"%/releases/7.9.0/\"", "releases/7.9.0");
    assert_tree("cd '%/releases/7.9.0/bin'; ./start-bitbucket.sh", "releases/7.9.0");
    assert_tree("su - bb -c \"%/releases/7.9.0/bin/_start-webapp.sh\"", "releases/7.9.0");
    assert_tree("# %/releases/7.9.1/bin/start-bitbucket.sh\nPATH=/bin:%/releases/7.9.0/bin",
                "releases/7.9.0");
}

static void a_link_counts_as_it_is_spelt(void **state)
{
    (void)state;
    make_release("7.9.0");
    link_release("7.9.0");
    assert_tree("ExecStart=%/current/bin/start-bitbucket.sh", "current");
}

static void a_start_script_that_is_not_there_names_its_tree(void **state)
{
    (void)state;
    assert_tree("ExecStart=%/gone/bin/start-bitbucket.sh\nExecStop=%/gone/bin/stop-bitbucket.sh",
                "gone");
}

static void other_paths_name_no_tree(void **state)
{
    (void)state;
    make_release("7.9.0");
    tree_paths_find("A=/usr/bin/env\nB=/\nC=relative/bin/start-bitbucket.sh\n"
                    "D=$HOME/bin/start-bitbucket.sh\nE=/a//bin/start-bitbucket.sh\n"
                    "F=/a/../bin/start-bitbucket.sh\n;/c/bin/start-bitbucket.sh\n",
                    &trees);
    assert_int_equal(trees.count, 0);
}

static void more_trees_than_fit_are_left_out(void **state)
{
    BUFFER_CLEANUP struct buffer text;
    (void)state;
    buffer_init(&text, 4096);
    for (unsigned i = 0; i < 2 * TREE_PATHS; i++)
        buffer_format(&text, "/t%u/bin/start-bitbucket.sh ", i / 2);
    buffer_add_text(&text, "/u/bin/start-bitbucket.sh");
    tree_paths_find(buffer_text(&text), &trees);
    assert_int_equal(trees.count, TREE_PATHS);
    assert_string_equal(trees.items[TREE_PATHS - 1], "/t3");
}

static void paths_that_do_not_fit_are_passed_over(void **state)
{
    char text[3 * LIMIT_PATH], path[LIMIT_PATH];
    const char *at = text;
    (void)state;
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    memcpy(text + sizeof(text) - 7, " /a/b/", 7);
    assert_true(definition_text_next_path(text, &at, path));
    assert_string_equal(path, "/a/b");
    assert_false(definition_text_next_path(text, &at, path));
}

static void only_commands_start_bitbucket(void **state)
{
    (void)state;
    assert_true(definition_text_has_start("a\n exec ./start-bitbucket.sh"));
    assert_true(definition_text_has_start("/opt/_start-webapp.sh\n"));
    assert_false(definition_text_has_start("# start-bitbucket.sh\n ; _start-webapp.sh\nstart"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_on_node(a_tree_is_found_however_it_is_named),
        test_on_node(a_link_counts_as_it_is_spelt),
        test_on_node(a_start_script_that_is_not_there_names_its_tree),
        test_on_node(other_paths_name_no_tree),
        test_on_node(more_trees_than_fit_are_left_out),
        cmocka_unit_test(paths_that_do_not_fit_are_passed_over),
        cmocka_unit_test(only_commands_start_bitbucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
