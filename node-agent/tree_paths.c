/* SPDX-License-Identifier: Apache-2.0 */
#include "tree_paths.h"

#include "definition_text.h"
#include "path_text.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATHS_MOST 1024 /* looked at; an installer's init script has some thirty */

static void add(struct tree_paths *trees, const char *path)
{
    for (size_t i = 0; i < trees->count; i++) {
        if (text_equal(trees->items[i], path))
            return;
    }
    if (trees->count < TREE_PATHS)
        TEXT_COPY(trees->items[trees->count++], path);
}

static bool is_tree(const char *path)
{
    char script[LIMIT_PATH + 32];
    (void)snprintf(script, sizeof(script), "%s/bin/start-bitbucket.sh", path);
    return access(script, F_OK) == 0;
}

/* Cuts the path down to the tree that it is, or is in. */
static bool cut_to_tree(char path[LIMIT_PATH])
{
    while (path[0] != '\0' && !is_tree(path))
        *strrchr(path, '/') = '\0';
    return path[0] != '\0';
}

static bool cut_start_script(char path[LIMIT_PATH])
{
    static const char *const scripts[] = {"/bin/start-bitbucket.sh", "/bin/_start-webapp.sh"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        size_t size = strlen(scripts[i]);
        if (length > size && text_equal(path + length - size, scripts[i])) {
            path[length - size] = '\0';
            return true;
        }
    }
    return false;
}

void tree_paths_find(const char *text, struct tree_paths *ret_trees)
{
    char path[LIMIT_PATH], tree[LIMIT_PATH];
    const char *at = text;
    ret_trees->count = 0;
    for (int i = 0; i < PATHS_MOST && definition_text_next_path(text, &at, path); i++) {
        if (!path_is_normal(path))
            continue;
        TEXT_COPY(tree, path);
        if (cut_to_tree(tree))
            add(ret_trees, tree);
        else if (cut_start_script(path))
            add(ret_trees, path);
    }
}
