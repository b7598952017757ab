/* SPDX-License-Identifier: Apache-2.0 */
#include "unpack_name.h"

#include "message.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define COMPONENT_MOST 255 /* NAME_MAX of every file system we meet */

static bool has_control_character(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    }
    return false;
}

static bool is_text(const char *component, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(component, text, size) == 0;
}

static const char *check_component(const char *component, size_t size)
{
    if (size == 0)
        return "has an empty component";
    if (size > COMPONENT_MOST)
        return "has a component of more than 255 bytes";
    if (is_text(component, size, ".") || is_text(component, size, ".."))
        return "has a component '.' or '..'";
    return NULL;
}

static const char *check_path(const char *path)
{
    int depth = 0;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        const char *rule = check_component(path, size);
        if (rule != NULL)
            return rule;
        if (++depth > UNPACK_DEPTH_MOST)
            return "is nested too deeply";
        path += size;
        if (*path == '/' && *++path == '\0')
            return "has an empty component";
    }
    return NULL;
}

const char *unpack_name_strip(const char *name, const char *version, char path[UNPACK_NAME_SIZE])
{
    char top[64];
    size_t length = strlen(name);
    size_t top_length = (size_t)snprintf(top, sizeof(top), "atlassian-bitbucket-%.31s", version);
    if (length == 0)
        return "has no name";
    if (name[0] == '/')
        return "is an absolute path";
    if (has_control_character(name))
        return "has a control character";
    if (!message_is_printable(name))
        return "is not UTF-8";
    if (strncmp(name, top, top_length) != 0 ||
        (name[top_length] != '/' && name[top_length] != '\0'))
        return "is not inside the top folder of this version";
    const char *rest = name + top_length + (name[top_length] == '/');
    if (!text_copy(path, UNPACK_NAME_SIZE, rest))
        return "is too long";
    length = strlen(path);
    if (length > 1 && path[length - 1] == '/')
        path[length - 1] = '\0';
    return check_path(path);
}

static int depth_of(const char *path)
{
    int depth = 0;
    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

const char *unpack_name_check_target(const char *path, const char *target)
{
    int depth = depth_of(path);
    if (target[0] == '\0')
        return "links to nothing";
    if (target[0] == '/')
        return "links to an absolute path";
    if (strlen(target) >= UNPACK_NAME_SIZE || has_control_character(target))
        return "links to a name that is too long or has a control character";
    if (!message_is_printable(target))
        return "links to a name that is not UTF-8";
    while (text_starts_with(target, "../") || text_equal(target, "..")) {
        if (--depth < 0)
            return "links out of the tree";
        target += target[2] == '/' ? 3 : 2;
    }
    for (const char *at = target; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        if (is_text(at, strcspn(at, "/"), ".."))
            return "links through a '..' behind another name";
    }
    return NULL;
}
