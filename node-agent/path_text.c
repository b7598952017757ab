/* SPDX-License-Identifier: Apache-2.0 */
#include "path_text.h"

#include <string.h>

static bool is_component(const char *text, size_t size)
{
    bool is_dot = size == 1 && text[0] == '.';
    bool is_parent = size == 2 && text[0] == '.' && text[1] == '.';
    return size > 0 && !is_dot && !is_parent;
}

bool path_is_normal(const char *path)
{
    if (strcmp(path, "/") == 0)
        return true;
    if (path[0] != '/')
        return false;
    for (const char *at = path; *at == '/';) {
        size_t size = strcspn(at + 1, "/");
        if (!is_component(at + 1, size))
            return false;
        at += 1 + size;
    }
    return true;
}

const char *path_below(const char *path, const char *directory)
{
    size_t size = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    if (strncmp(path, directory, size) != 0 || path[size] != '/' || path[size + 1] == '\0')
        return NULL;
    return path + size + 1;
}

bool path_is_inside(const char *path, const char *directory)
{
    return strcmp(path, directory) == 0 || path_below(path, directory) != NULL;
}

void path_trim_slashes(char *path)
{
    for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
}
