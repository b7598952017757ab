/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a Java properties file and as a service definition: a value fits its array, and every
 * path that is found is absolute, without a slash at its end, and further on than the one before.
 */
#include "check.h"
#include "definition_text.h"
#include "properties_text.h"
#include "text_input.h"

#include <string.h>

static void check_value(const char *text)
{
    char value[16];
    struct error err = {0};
    memset(value, 'x', sizeof(value));
    bool is_good = properties_text_get(text, "server.port", value, sizeof(value), &err);
    CHECK(memchr(value, 0, sizeof(value)) != NULL);
    CHECK(is_good || err.code == ERROR_INTEGRITY);
}

static void check_paths(const char *text)
{
    char path[LIMIT_PATH];
    const char *at = text;
    for (const char *before = at; definition_text_next_path(text, &at, path); before = at) {
        CHECK(at > before && at <= text + strlen(text));
        CHECK(path[0] == '/' && path[1] != '\0' && path[strlen(path) - 1] != '/');
    }
    (void)definition_text_has_start(text);
}

static void check_text(const char *text)
{
    check_value(text);
    check_paths(text);
}
